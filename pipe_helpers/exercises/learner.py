"""Run a function of the notebook in a forked process, and hear from outside how it fares."""
import ast
import contextlib
import glob
import itertools
import os
import select
import signal
import socket
import threading
import time
import warnings

from pipe_helpers.exercises.child import be_learner
from pipe_helpers.exercises.run import Log
from pipe_helpers.keeping.keeper import forget, keep
from pipe_helpers.keeping.lifeline import Lifeline
from pipe_helpers.keeping.one_go import in_one_go, to_its_end
from pipe_helpers.processes import asleep

_PATIENCE = 0.4  # seconds asleep without any change: nothing will wake it
_NAPPING = 1  # seconds of short naps without any event
_NAPS = 4  # samples that differ, at least, for that to be said
_LONGEST = 20  # seconds for one event, on a machine that is very busy

_numbers = itertools.count(1)


class Learner:
    """A forked process that runs act(report, fn, *args); what it reports are its events.

    folder: an existing private folder, for a socket. `start` forks. The process has a session of
    its own and dies with this one, or when `end` is called, with all the processes of that session.

    act runs in the process. It calls report(kind, *values) for each event, and its return value
    is the event ("returned", value); an exception is ("raised", type name, text, errno).
    log: a `Log` of the calls that fn makes. args: those of act.
    """

    def __init__(self, folder, act, fn, *args):
        self._address = os.path.join(folder, f"learner_{next(_numbers)}")
        self._work, self.args = (act, fn, args), args
        self.log = Log()
        self._server = self._held = self.pid = self.status = None
        self._ending = threading.Lock()
        self.printed = ""

    def start(self, given_up=lambda: None):
        """Fork the process. Raises OSError if the system has none left, or no descriptor.

        given_up: is called after the process has ended, if an interrupt comes meanwhile; perhaps
        in another thread, and when the interrupted caller has long gone on.
        """
        in_one_go("the check", self._start, undo=lambda _: (self.end(), given_up()))

    def _start(self):
        self._server = socket.socket(socket.AF_UNIX)
        go = None
        try:
            self._server.bind(self._address)
            self._server.listen(64)
            go = Lifeline()
            # An interrupt for the whole process group must not reach the child while it has the
            # notebook's handlers. It has no cell to go on with: this is a thread of in_one_go.
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            try:
                with warnings.catch_warnings():
                    # A fork beside other threads is refused nowhere, and warned of since 3.12: the
                    # child must not wait for a lock of theirs. It runs the learner's code alone.
                    warnings.simplefilter("ignore", DeprecationWarning)
                    pid = os.fork()
                if pid == 0:
                    be_learner(go.reader, self._address, mask, self.log, *self._work)
                self.pid = pid
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            keep(pid)
            go.write(b"\n")
        except BaseException:
            self.end()
            raise
        finally:
            if go is not None:
                go.cut()
                os.close(go.reader)

    def next(self, patience=_PATIENCE, napping=_NAPPING, hold=False):
        """Wait for the next event and return it, a tuple; its kind comes first.

        Beside what `act` reports: ("exit", status) when the process has ended by itself,
        ("asleep",) when it has slept for patience seconds, ("napping",) when it has slept and
        woken for napping seconds and reported nothing. With hold the process waits after its
        report until `go`. Raises TimeoutError after 20 s in none of these states.
        """
        self.go()
        began = time.monotonic()
        watch = asleep.Watch(self._sample)
        while True:
            if event := self._event(asleep.PAUSE, hold):
                return event
            slept, ended = watch.look(), self._has_ended()
            # It reports before it sleeps, or ends: so look once more, after the sample.
            if event := self._event(0, hold):
                return event
            if ended:
                return ("exit", self.status)
            if slept >= patience:
                return ("asleep",)
            if watch.naps >= _NAPS and time.monotonic() - began > napping:
                return ("napping",)
            if time.monotonic() - began > _LONGEST:
                raise TimeoutError(f"no verdict after {_LONGEST} s: is the machine overloaded?")

    def idle(self):
        """Whether it sleeps at this moment, or has ended: it does not wait for a processor."""
        return self._has_ended() or self._sample() is not None

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

    def signal(self, number=signal.SIGUSR2):
        """Interrupt the call that the process is in. The handler of SIGUSR2 does nothing."""
        os.kill(self.pid, number)

    @contextlib.contextmanager
    def stopped(self):
        """A block in which the process stands still. One that waits in `open` begins it anew."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            if hasattr(os, "waitid"):  # macOS has it since Python 3.13
                os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def wakes(self):
        """How often its threads have slept and woken [proc_pid_status(5)]. 0 but on Linux."""
        return sum(
            int(line.split()[1])
            for path in glob.glob(f"/proc/{self.pid}/task/*/status")
            for line in open(path)
            if line.startswith("voluntary")
        )

    def end(self):
        """Kill the process with its session, and wait until it is gone. A second call does nothing.
        """
        self.go()
        if self._server is not None:
            self._server.close()
        to_its_end(self._end)

    def _end(self):
        with self._ending:
            if self.pid is None:  # another thread was quicker
                return
            # By this process, not by the keeper, which the learner's function may have killed. The
            # group is not there before the child has come so far.
            for kill in os.killpg, os.kill:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    kill(self.pid, signal.SIGKILL)
            forget(self.pid)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
            self.pid = None

    def _sample(self):
        """As `asleep.sample`, but None, too, while another thread of it runs or is ready to."""
        mark = asleep.sample(self.pid)
        paths = [] if mark is None else glob.glob(f"/proc/{self.pid}/task/*")
        others = {os.path.basename(path) for path in paths} - {str(self.pid)}
        return None if any(asleep.sample(self.pid, tid) is None for tid in others) else mark

    def _has_ended(self):
        """Whether it has ended by itself, with which status."""
        if self.status is not None:
            return True
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                self._end()
        # It stays a zombie: so its PID, and its group's, are nobody else's before `end`.
        elif info := os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            exited = info.si_code == os.CLD_EXITED
            self.status = info.si_status if exited else -info.si_status
        return self.status is not None

    def _event(self, timeout, hold):
        waiting = select.poll()
        waiting.register(self._server, select.POLLIN)
        if not waiting.poll(timeout * 1000):
            return None
        # An interrupt within socket.accept, in this thread, would lose the descriptor it has got.
        accept = self._server.accept
        connection, _ = in_one_go("the check", accept, undo=lambda made: made[0].close())
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
