"""The process behind a puppet or relay, and the connection: it takes commands, and reports."""
import itertools
import os
import socket
import threading
import time
from multiprocessing.connection import Connection

from pipe_helpers.keeping.folder import KeptFolder
from pipe_helpers.keeping.socket_folder import short_parent
from pipe_helpers.processes.console import launch

_HERE = os.path.dirname(os.path.abspath(__file__))
_START_LIMIT = 30  # seconds for a Python to start, on a machine that is very busy

_links = set()


class Link:
    """A process that runs a program of this folder, and the connection to it.

    Is to be made in a thread that no interrupt can reach (see `in_one_go`), and needs another
    one for `watch`. RuntimeError if the process does not start.

    program: "puppet_program.py" or "relay_program.py". hear: called with each report, and at the
    end with None; in some thread, which holds the lock. lock: guards the connection and whatever
    hear changes. changed: a Condition of that lock, notified after each report. lost: True once
    the process has ended.
    """

    def __init__(self, program, role, cwd, listed, hear):
        self._hear = hear
        self._questions = itertools.count()
        self._answers = {}  # {number of a question: (), or its answer}
        # `with changed` would run Python code to take the lock, and an interrupt in there would
        # leave it taken; `with lock` is one step.
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.lost = False
        self._program, self._control = _start(program, role, cwd)
        _links.add(self)
        self._program.listed = listed
        self.pid = self._program.pid
        self.cwd = self._program.cwd

    def watch(self):
        """Take the reports as they come, until the process has ended."""
        try:
            while not self.lost:
                self._control.poll(None)
                with self.lock:
                    self._take_reports()
        finally:
            with self.lock:
                self.lost = True
                _links.discard(self)
                self.changed.notify_all()
                self.close()

    def tell(self, command):
        """Send a command. Returns False if the process has ended."""
        with self.lock:
            try:
                self._control.send(command)
            except OSError:
                return False
            return True

    def settle(self):
        """Wait until what has been reported by now is taken; the caller holds the lock.

        Never takes long: that is the work of `watch`, which no interrupt can reach. One between
        two steps of the work would lose a report, or a part of it.
        """
        while not self.lost and self._control.poll(0):
            self.changed.wait()

    def _take_reports(self):
        while not self.lost and self._control.poll(0):
            try:
                report = self._control.recv()
            except (EOFError, OSError):
                self.lost, report = True, None
            if isinstance(report, tuple) and report[0] == "answer":
                _, number, answer = report
                if number in self._answers:
                    self._answers[number] = answer
            else:
                self._hear(report)
            self.changed.notify_all()

    def wait_for(self, condition, timeout):
        """Wait until condition() is true, or the process has ended; False after timeout seconds.

        None is for ever. condition is looked at with the lock held, after each report.
        """
        def over():
            self.settle()
            return condition() or self.lost

        with self.lock:
            return self.changed.wait_for(over, timeout)

    def ask(self, name, value, timeout):
        """Send a command and return the answer; None if none comes within timeout seconds."""
        with self.lock:
            number = next(self._questions)
            self._answers[number] = ()
            if self.tell((name, (number, value))):
                self.wait_for(lambda: self._answers[number] != (), timeout)
            return self._answers.pop(number) or None

    def end(self):
        """End the process, whatever it does, and wait until it is gone. Returns its status."""
        self.tell("end")
        try:
            return self._program.wait(2)
        except TimeoutError:  # a stopped process
            return self._program.kill()

    def close(self):
        """Close this side of the connection."""
        self._control.close()


def _start(script, role, cwd):
    """Start the program and return it with the connection to it."""
    prefix, name = "named_pipes_puppet_", "control"
    parent = short_parent(f"{prefix}12345678/{name}")
    folder = KeptFolder(prefix, parent)  # 0700: nobody else can connect
    program = None
    try:
        with socket.socket(socket.AF_UNIX) as server:
            address = os.path.join(folder.path, name)
            server.bind(address)
            server.listen(1)
            program = launch(os.path.join(_HERE, script), address, role, cwd=cwd)
            return program, _connection(server, program, role)
    except BaseException:
        if program is not None:
            program.kill()
        raise
    finally:
        folder.remove()


def _connection(server, program, role):
    """Wait until the program has connected and is ready."""
    server.settimeout(0.1)  # between two looks at whether the program still runs
    deadline = time.monotonic() + _START_LIMIT
    control = None
    while program.running and time.monotonic() < deadline:
        try:
            if control is None:
                accepted, _ = server.accept()
                accepted.setblocking(True)
                control = Connection(accepted.detach())
            if control.poll(0.1) and control.recv() == "ready":
                return control
        except TimeoutError:
            pass
        except (EOFError, OSError):
            program.wait()  # it is about to end, and its last words tell why
    if control is not None:
        control.close()
    raise RuntimeError(
        f"{role} did not start within {_START_LIMIT} s: is the machine overloaded?"
        if program.running
        else f"{role} ended before it had started: {program.errors.strip() or program}"
    )


def _close_in_child():
    # A forked child would keep the connections open after our end.
    for link in _links:
        link.close()


os.register_at_fork(after_in_child=_close_in_child)
