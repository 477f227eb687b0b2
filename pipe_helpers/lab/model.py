"""The lab without its looks: processes, named pipes, and what may be done with them."""
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pipe_helpers import remembering
from pipe_helpers.keeping.folder import KeptFolder
from pipe_helpers.keeping.one_go import in_one_go
from pipe_helpers.lab import seen
from pipe_helpers.lab.as_python import as_python
from pipe_helpers.lab.challenges import CHALLENGES, History
from pipe_helpers.processes.puppet import Puppet
from pipe_helpers.remembering import notes

PIPES = ("my_pipe", "answers")
MOST_BYTES = 1 << 20
_MOST_OF_A_KIND = 2
ENDED = "this lab has ended: run its cell again"


class Refused(ValueError):
    """What was asked for can't be done now; the message tells why, and what to do."""


def end_for(kind, pipe):
    """Which end of a pipe a kind of process uses: on the second, answers go the other way."""
    return "write" if (kind == "writer") == (pipe != PIPES[1]) else "read"


@dataclass(frozen=True)
class Process:
    """A process of the lab. kind: "writer" or "reader". name: "writer", or "writer 2"."""

    kind: str
    name: str
    puppet: Puppet

    def end_of(self, pipe):
        """Which end it uses, "write" or "read"."""
        return end_for(self.kind, pipe)

    def fd(self, pipe):
        """The descriptor by which it has that pipe open, or None."""
        return next((fd for fd, (path, _) in self.puppet.descriptors.items() if path == pipe), None)


class LabModel:
    """Two unrelated processes, a writer and a reader, and a FIFO in a folder of its own.

    What a process is told to do returns at once. What can't be done raises Refused, with the
    reason. `look` tells what is to be seen. on_change is called, from any thread, when that may
    have changed; it must be quick. All ends with end(), and at the latest with this process.

    Starting takes about 0.1 s, and an interrupt meanwhile leaves nothing. OSError or RuntimeError
    if the system refuses a process.

    processes: a list of `Process`. pipes: the names of its pipes. ended: whether it has.
    kinds, names: of the processes and the pipes that it may have. begun: what to say before
    anything has happened.
    met: the positions of the challenges that were done in it. before: of those that the learner
    has done elsewhere, at another time. not_noted: in a line why that could not be noted, or "".
    """

    kinds, names = ("writer", "reader"), PIPES
    begun = "ready: let a process open the pipe"

    def __init__(self, on_change=lambda: None):
        self._on_change = on_change
        self._lock = threading.RLock()
        self.met = frozenset()
        self.before = self._done_before()
        self.not_noted = ""
        self._judged = None
        self.ended = False
        self.processes, self.pipes = [], []
        in_one_go("the lab", self._begin, undo=LabModel.end)

    def _done_before(self):
        done = notes.noted("done")
        return frozenset(
            number for number, challenge in enumerate(CHALLENGES) if challenge.name in done)

    def _begin(self):
        self._take_place()
        try:
            self._set_up()
        except BaseException:
            self.end()
            raise
        return self

    def _take_place(self):
        self._folder = KeptFolder("named_pipes_lab_")

    def _leave_place(self):
        self._folder.remove()

    def _clear_place(self):
        for pipe in self.pipes:
            os.unlink(os.path.join(self.folder, pipe))

    def _set_up(self):
        self._gone = {}  # {pid: when it was seen to have ended}
        self.pipes = []
        self.add_pipe()
        with ThreadPoolExecutor(2) as pool:
            starting = [pool.submit(self._start, kind, kind) for kind in self.kinds]
        self.processes = [start.result() for start in starting if not start.exception()]
        for start in starting:
            start.result()  # raises, once both are known to self and can be ended

    def _start(self, kind, name):
        puppet = Puppet(name, cwd=self.folder, on_change=self._on_change, listed=False)
        return Process(kind, name, puppet)

    def add_process(self, kind):
        """Add a second writer or reader. Blocks for 0.1 s. An interrupt leaves none."""
        in_one_go(f"a second {kind}", lambda: self._add(kind), undo=self._remove)

    def _add(self, kind):
        with self._lock:
            self._refuse(self.why_no_more(kind))
            process = self._start(kind, f"{kind} 2")
            self.processes.append(process)
            self.processes.sort(key=lambda each: each.kind != "writer")
        self._on_change()
        return process

    def _remove(self, process):
        with self._lock:
            self.processes = [each for each in self.processes if each is not process]
            process.puppet.end()
        self._on_change()

    def add_pipe(self):
        """Add the second pipe, "answers": what the reader writes there, the writer reads."""
        with self._lock:
            self._refuse(self.why_no_more("pipe"))
            name = self.names[len(self.pipes)]
            self._make_pipe(os.path.join(self.folder, name))
            self.pipes.append(name)
        self._on_change()

    @staticmethod
    def _make_pipe(path):
        os.mkfifo(path)

    def why_no_more(self, kind):
        """Why no further "writer", "reader" or "pipe" can be added, or ""."""
        if self.ended:
            return ENDED
        if kind == "pipe":
            return "there are two pipes already" if len(self.pipes) == len(self.names) else ""
        there = sum(process.kind == kind for process in self.processes)
        return f"there are two {kind}s already" if there == _MOST_OF_A_KIND else ""

    def start_over(self):
        """Begin anew with one writer, one reader and one empty pipe. Blocks for 0.1 s.

        The challenges that were done remain done. An interrupt ends the wait, not the beginning.
        """
        in_one_go("the lab", self._begin_anew, undo=lambda _: None)

    def _begin_anew(self):
        with self._lock:
            self._refuse(ENDED if self.ended else "")
            self._end_processes()
            self._clear_place()
            self._set_up()
        self._on_change()

    def open(self, name, pipe=None, wait=True):
        """Let a process open a pipe, by default the first, for what it does there.

        not wait: with O_NONBLOCK.
        """
        with self._lock:
            pipe = pipe or self.pipes[0]
            process = self._process(name)
            self._refuse(self.why_not(process, "open", pipe))
            flags = os.O_WRONLY if process.end_of(pipe) == "write" else os.O_RDONLY
            self._press(process, "open", pipe, flags if wait else flags | os.O_NONBLOCK)

    def write(self, name, data):
        """Let a process write data: bytes, or a number of bytes to make up."""
        self._transfer(name, "write", data)

    def read(self, name, n):
        """Let a process read at most n bytes."""
        self._transfer(name, "read", n)

    def close(self, name, pipe=None):
        """Let a process close the end of a pipe, by default the first, which it has open."""
        with self._lock:
            pipe = pipe or self.pipes[0]
            process = self._process(name)
            self._refuse(self.why_not(process, "close", pipe))
            self._press(process, "close", process.fd(pipe))

    def cancel(self, name):
        """Free a process from the call it is in. What that has done by then is kept."""
        with self._lock:
            process = self._process(name)
            self._refuse(self.why_not(process, "cancel", None))
            try:
                process.puppet.cancel(0)
            except (TimeoutError, RuntimeError):
                pass  # its report will come, or it has just ended

    def end(self):
        """End the processes, remove the pipes, and wait for that. Again does no harm."""
        with self._lock:
            self.ended = True
            self._end_processes()
            self._leave_place()
        self._on_change()

    def _end_processes(self):
        for process in self.processes:
            process.puppet.end()

    def _transfer(self, name, action, value):
        with self._lock:
            process = self._process(name)
            pipe = self._pipe_for(process, action)
            self._refuse(self.why_not(process, action, pipe))
            size = value if isinstance(value, int) else len(value)
            if not 0 <= size <= MOST_BYTES:
                raise Refused(f"{size:,} bytes: choose a number from 0 to {MOST_BYTES:,}")
            self._press(process, action, process.fd(pipe), value)

    def _press(self, process, *call):
        try:
            return process.puppet.press(*call)
        except (RuntimeError, ValueError) as error:
            raise Refused(str(error)) from None

    def _process(self, name):
        for process in self.processes:
            if process.name == name:
                return process
        raise Refused(f"there is no {name}")

    def _pipe_for(self, process, action):
        """The pipe that a process writes to, or reads from; None if it does not do that."""
        for pipe in self.pipes:
            if process.end_of(pipe) == action:
                return pipe
        return None

    @property
    def folder(self):
        """The folder in which the pipes are."""
        return self._folder.path

    @staticmethod
    def _refuse(reason):
        if reason:
            raise Refused(reason)

    def why_not(self, process, action, pipe):
        """Why a process can't do that with a pipe now, or ""; pipe is None for "cancel"."""
        if self.ended:
            return ENDED
        if not process.puppet.running:
            return f"the {process.name} has ended: press start over"
        busy = process.puppet.under_way
        if action == "cancel":
            return "" if busy else f"the {process.name} is in no call"
        if busy:
            return (f"the {process.name} is still in {busy.name}: cancel it, or let another "
                    "process do what it waits for")
        if pipe not in self.pipes:
            return f"there is no pipe that the {process.name} could {action}"
        fd = process.fd(pipe)
        if action == "open" and fd is not None:
            return f"the {process.name} has {pipe} open already, as fd {fd}: close that first"
        if action != "open" and fd is None:
            return f"the {process.name} has not opened {pipe}: open it first"
        return ""

    def look(self):
        """Return what is to be seen now, as `Seen`.

        Blocks for some 6 ms if anybody is in a call; for up to a second more for each process
        that is stopped (SIGSTOP) and has a pipe open, since it can't tell what is in there.
        """
        with self._lock:
            self._note_ended()
            calls = self._calls()
            self._judge(calls)
            return seen.see(self, self._history, self.before | self.met)

    @property
    def python(self):
        """What was pressed as programs, with the way to run them: a text."""
        with self._lock:
            self._note_ended()
            ended = {process.name: self._gone[process.puppet.pid] for process in self.processes
                     if process.puppet.pid in self._gone}
            return as_python([each.name for each in self.processes], self._calls(), ended)

    def _calls(self):
        return sorted((call for process in self.processes for call in process.puppet.calls),
                      key=lambda call: call.entered)

    def _note_ended(self):
        for process in self.processes:
            if not self.ended and not process.puppet.running:
                self._gone.setdefault(process.puppet.pid, time.monotonic_ns())

    def _judge(self, calls):
        if self._judged == (calls, self._gone):
            return
        self._judged = calls, dict(self._gone)
        pids = [process.puppet.pid for process in self.processes]
        self._history = History(calls, pids, dict(self._gone))
        if not self.ended:
            self._note_challenges(self._history)

    def _note_challenges(self, history):
        for number, challenge in enumerate(CHALLENGES):
            if number not in self.met and challenge.done(history):
                self.met |= {number}
                if number not in self.before:
                    self.not_noted = remembering.note("done", challenge.name) or ""
