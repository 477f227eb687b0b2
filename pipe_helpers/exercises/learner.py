"""Run a function of the notebook in a forked process, and hear from outside how it fares.

The fork has all that the notebook has: imports, helpers of other cells, closures. What it does
wrong, it does to itself: nothing it closes, raises or prints reaches the notebook.
"""
import ast
import asyncio
import builtins
import faulthandler
import gc
import itertools
import linecache
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings

from pipe_helpers.exercises.plain import errno_of, error_name, plain, printable, text_of
from pipe_helpers.processes import asleep
from pipe_helpers.keeping.lifeline import Lifeline
from pipe_helpers.keeping.one_go import at_a_limit

_PROCESSOR = 0.5  # seconds of processor time that a learner's function may use
_PATIENCE = 0.4  # seconds asleep without any change: nothing will wake it
_NAPPING = 1  # seconds of short naps without any event
_NAPS = 4  # samples that differ, at least, for that to be said
_LONGEST = 20  # seconds for one event, on a machine that is very busy
_PRINTED = 1_000  # characters kept of what is printed

_numbers = itertools.count(1)


class Learner:
    """A forked process that runs act(report, fn, *args); what it reports are its events.

    folder: an existing private folder, for a socket. The process has a session of its own and
    dies with this one, or when `end` is called, with all the processes of that session.

    act runs in the process. It calls report(kind, *values) for each event, and its return value
    is the event ("returned", value); an exception is ("raised", type name, text, errno).
    """

    def __init__(self, folder, act, fn, *args):
        address = os.path.join(folder, f"learner_{next(_numbers)}")
        self._server = socket.socket(socket.AF_UNIX)
        self._held = None
        self._ended = threading.Event()
        self.status = None
        self.printed = ""
        lifeline = Lifeline()
        pid = None
        try:
            self._server.bind(address)
            self._server.listen(64)
            with warnings.catch_warnings():
                # A fork beside other threads is refused nowhere, and warned of since 3.12: the
                # child must not wait for a lock of theirs. It runs the learner's code alone.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid == 0:
                _be_learner(address, act, fn, args)
            self.pid = pid
            threading.Thread(target=self._watch, args=[address], daemon=True).start()
            # It kills the session however this process ends, SIGKILL included.
            self._keeper = subprocess.Popen(
                ["sh", "-c", 'read -r _; kill -9 "-$1" || kill -9 "$1"', "sh", str(pid)],
                stdin=lifeline.reader,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
            self._lifeline = lifeline
        except BaseException as error:
            if pid:
                os.kill(pid, signal.SIGKILL)
            lifeline.cut()
            self._server.close()
            raise at_a_limit(error, "the check") from None
        finally:
            os.close(lifeline.reader)

    def next(self, patience=_PATIENCE, napping=_NAPPING, hold=False):
        """Wait for the next event and return it, a tuple; its kind comes first.

        Beside what `act` reports: ("exit", status) when the process has ended by itself,
        ("asleep",) when it has slept for patience seconds, ("napping",) when it has slept and
        woken for napping seconds and reported nothing. With hold the process waits after its
        report until `go`. Raises TimeoutError after 20 s in none of these states.
        """
        self.go()
        began = time.monotonic()
        before = since = None
        naps = 0
        while True:
            if event := self._event(asleep.PAUSE, hold):
                return event
            now = asleep.sample(self.pid)
            # It reports before it sleeps: so look once more, after the sample.
            if event := self._event(0, hold):
                return event
            if now is None or now != before:
                naps += now is not None
                before, since = now, time.monotonic()
            elif time.monotonic() - since >= patience:
                return ("asleep",)
            if naps >= _NAPS and time.monotonic() - began > napping:
                return ("napping",)
            if time.monotonic() - began > _LONGEST:
                raise TimeoutError(f"no verdict after {_LONGEST} s: is the machine overloaded?")

    def go(self):
        """Let the process go on after a report that was held."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def place(self):
        """Where in the learner's code the process is, as the text of the line. It ends there."""
        try:
            os.kill(self.pid, signal.SIGUSR1)
            while (event := self.next(patience=1))[0] not in ("at", "exit", "asleep", "napping"):
                pass
        except (ProcessLookupError, TimeoutError):
            return ""
        return event[1] if event[0] == "at" else ""

    def signal(self):
        """Interrupt the call that the process is in by a signal whose handler does nothing."""
        os.kill(self.pid, signal.SIGUSR2)

    def end(self):
        """Kill the process with its session, and wait until it is gone."""
        self.go()
        self._server.close()
        self._lifeline.cut()
        self._keeper.wait()
        self._ended.wait()

    def _watch(self, address):
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.status = status
        self._ended.set()
        try:  # behind the last report, in the same queue
            _send(address, repr(("exit", status)))
        except OSError:  # end() was quicker
            pass

    def _event(self, timeout, hold):
        self._server.settimeout(timeout)
        try:
            connection, _ = self._server.accept()
        except (TimeoutError, BlockingIOError):
            return None
        connection.settimeout(_LONGEST)
        try:
            data = b"".join(iter(lambda: connection.recv(1 << 16), b""))
            event = ast.literal_eval(data.decode())
        except (OSError, SyntaxError, ValueError):  # it died while it reported
            connection.close()
            return None
        if event[0] == "printed":
            connection.close()
            self.printed += event[1]
            return None
        if hold:
            self._held = connection
        else:
            connection.close()
        return event


def _send(address, text):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        connection.sendall(text.encode(errors="backslashreplace"))
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(_LONGEST)
        connection.recv(1)  # until the other side closes


def _be_learner(address, act, fn, args):
    """What the forked child does. Never returns, whatever fn does."""
    status = 70
    try:
        gc.freeze()  # nothing of the notebook is to be finalized here
        os.setsid()
        _forget_the_notebook()
        signal.signal(signal.SIGUSR1, lambda _, frame: _tell_place(address, frame, fn))
        signal.signal(signal.SIGUSR2, lambda *_: None)

        def report(kind, *values):
            _send(address, repr((kind, *map(plain, values))))

        sys.stdout = sys.stderr = _Printed(report)
        # A function that never sleeps is ended by this timer, on a busy machine no sooner: it
        # counts the process's own processor time only.
        signal.setitimer(signal.ITIMER_PROF, _PROCESSOR)
        try:
            event = ("returned", act(report, fn, *args))
        except BaseException as error:  # SystemExit and KeyboardInterrupt, too
            signal.setitimer(signal.ITIMER_PROF, 0)
            event = ("raised", error_name(error), text_of(error), errno_of(error))
        signal.setitimer(signal.ITIMER_PROF, 0)
        report(*event)
        status = 0
    finally:
        os._exit(status)


def _forget_the_notebook():
    """Put back what a kernel has changed in its process."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in 0, 1, 2:
        os.dup2(null, fd)
    if null > 2:
        os.close(null)
    faulthandler.disable()  # a crash is told by the exit status
    signal.set_wakeup_fd(-1)
    asyncio.events._set_running_loop(None)  # else asyncio.run refuses, below a kernel's own
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGPROF, signal.SIGALRM:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdin = open(os.devnull)
    builtins.input = _no_input  # the kernel's own would ask the browser
    sys.breakpointhook = lambda *args, **options: None
    warnings.simplefilter("ignore")


def _no_input(prompt=""):
    raise EOFError("there is nobody to answer input() in an exercise")


class _Printed:
    """Stands in for sys.stdout: passes the first thousand characters on and drops the rest."""

    encoding, errors = "utf-8", "replace"

    def __init__(self, report):
        self._report = report
        self._line, self._left = "", _PRINTED

    def write(self, text):
        if self._left > 0:
            self._line += printable(text)[: self._left]
            if "\n" in self._line:
                self.flush()
        return len(text)

    def flush(self):
        line, self._line = self._line, ""
        self._left -= len(line)
        if line:
            self._report("printed", line)

    def isatty(self):
        return False

    def writable(self):
        return True


def _tell_place(address, frame, fn):
    place = ""
    while frame is not None and not place:
        if frame.f_globals is getattr(fn, "__globals__", None):
            place = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        frame = frame.f_back
    try:
        _send(address, repr(("at", place)))
    finally:
        os._exit(0)
