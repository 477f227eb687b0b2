"""The lab without its looks: processes, named pipes, what may be pressed, what is to be seen."""
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pipe_helpers.recording.calls import purpose, sentence
from pipe_helpers.lab.challenges import CHALLENGES, History
from pipe_helpers.keeping.folder import KeptFolder
from pipe_helpers.processes.puppet import Puppet

PIPES = ("my_pipe", "answers")
MOST_BYTES = 1 << 20
_MOST_OF_A_KIND = 2


class Refused(ValueError):
    """What was asked for can't be done now; the message tells why, and what to do."""


@dataclass(frozen=True)
class SeenProcess:
    """A process as it is to be seen, all of it text.

    kind: "writer" or "reader". name: "writer", "writer 2". state: "blocked in open for 2.1 s".
    held: its descriptors. result: of its last call. reasons: {(action, pipe): why it can't be
    done now, or ""}. calls: {(action, pipe): the call that the action makes}.
    """

    kind: str
    name: str
    pid: int
    state: str
    blocked: bool
    held: str
    result: str
    reasons: dict
    calls: dict


@dataclass(frozen=True)
class SeenPipe:
    """A pipe as it is to be seen. waiting, size: bytes, or None if nobody can tell.

    text: that in words. write_end, read_end: in whose hands they are, "writer (fd 3)", or who
    waits to have them, "writer (in open)", or "closed".
    """

    name: str
    waiting: "int | None"
    size: "int | None"
    text: str
    write_end: str
    read_end: str
    write_open: bool
    read_open: bool


@dataclass(frozen=True)
class Seen:
    """The lab at one moment.

    log: lines of text, of which the first has the number first. calls: the last ones of all
    processes, a `Call` each, in the order in which they were entered. met: the positions of the
    challenges that are done. waits: True if somebody is in a call.
    """

    processes: tuple
    pipes: tuple
    log: tuple
    first: int
    calls: tuple
    met: frozenset
    waits: bool
    ended: bool


class _Process:
    def __init__(self, kind, name, puppet):
        self.kind = kind
        self.name = name
        self.puppet = puppet

    def end_of(self, pipe):
        """Which end it uses: on the second pipe the answers go the other way."""
        return "write" if (self.kind == "writer") == (pipe == PIPES[0]) else "read"

    def fd(self, pipe):
        for fd, (path, _) in self.puppet.descriptors.items():
            if path == pipe:
                return fd
        return None


class LabModel:
    """Two unrelated processes, a writer and a reader, and a FIFO in a folder of its own.

    Every action returns at once, and raises Refused, with the reason, if it can't be done.
    `look` tells what is to be seen. on_change is called, from any thread, when that may have
    changed; it must be quick. All ends with end(), and at the latest with this process.

    Starting takes about 0.2 s. OSError or RuntimeError if the system refuses a process.
    """

    def __init__(self, on_change=lambda: None):
        self._on_change = on_change
        self._lock = threading.RLock()
        self._folder = KeptFolder("named_pipes_lab_")
        self._met = set()
        self._judged = None
        self.ended = False
        self._processes, self._pipes = [], []
        try:
            self._set_up()
        except BaseException:
            self.end()
            raise

    def _set_up(self):
        self._gone = {}  # {pid: when it was seen to have ended}
        self._pipes = []
        self.add_pipe()
        names = [("writer", "writer"), ("reader", "reader")]
        with ThreadPoolExecutor(2) as pool:
            starting = [pool.submit(self._start, *name) for name in names]
        self._processes = [start.result() for start in starting if not start.exception()]
        for start in starting:
            start.result()  # raises, once both are known to self and can be ended

    def _start(self, kind, name):
        puppet = Puppet(name, cwd=self._folder.path, on_change=self._on_change, listed=False)
        return _Process(kind, name, puppet)

    # -- what may be done

    def add_process(self, kind):
        """Add a second writer or reader. Blocks for 0.1 s."""
        with self._lock:
            self._refuse(self.why_no_more(kind))
            self._processes.append(self._start(kind, f"{kind} 2"))
            self._processes.sort(key=lambda process: process.kind != "writer")
        self._on_change()

    def add_pipe(self):
        """Add the second pipe, "answers": what the reader writes there, the writer reads."""
        with self._lock:
            self._refuse(self.why_no_more("pipe"))
            name = PIPES[len(self._pipes)]
            os.mkfifo(os.path.join(self._folder.path, name))
            self._pipes.append(name)
        self._on_change()

    def why_no_more(self, kind):
        """Why no further "writer", "reader" or "pipe" can be added, or ""."""
        if self.ended:
            return ENDED
        if kind == "pipe":
            return "there are two pipes already" if len(self._pipes) == len(PIPES) else ""
        there = sum(process.kind == kind for process in self._processes)
        return f"there are two {kind}s already" if there == _MOST_OF_A_KIND else ""

    def start_over(self):
        """Begin anew with one writer, one reader and one empty pipe. Blocks for 0.3 s.

        The challenges that were done remain done.
        """
        with self._lock:
            self._refuse(ENDED if self.ended else "")
            self._end_processes()
            for pipe in self._pipes:
                os.unlink(os.path.join(self._folder.path, pipe))
            self._set_up()
        self._on_change()

    def open(self, name, pipe=PIPES[0], wait=True):
        """Let a process open a pipe for what it does there; not wait: with O_NONBLOCK."""
        with self._lock:
            process = self._process(name)
            self._refuse(self._why_not(process, "open", pipe))
            flags = os.O_WRONLY if process.end_of(pipe) == "write" else os.O_RDONLY
            self._press(process, "open", pipe, flags if wait else flags | os.O_NONBLOCK)

    def write(self, name, data):
        """Let a process write data: bytes, or a number of bytes to make up."""
        self._transfer(name, "write", data)

    def read(self, name, n):
        """Let a process read at most n bytes."""
        self._transfer(name, "read", n)

    def close(self, name, pipe=PIPES[0]):
        """Let a process close the end of that pipe which it has open."""
        with self._lock:
            process = self._process(name)
            self._refuse(self._why_not(process, "close", pipe))
            self._press(process, "close", process.fd(pipe))

    def cancel(self, name):
        """Free a process from the call it is in. What that has done by then is kept."""
        with self._lock:
            process = self._process(name)
            self._refuse(self._why_not(process, "cancel", None))
            try:
                process.puppet.cancel(0)
            except (TimeoutError, RuntimeError):
                pass  # its report will come, or it has just ended

    def end(self):
        """End the processes, remove the pipes, and wait for that. Again does no harm."""
        with self._lock:
            self.ended = True
            self._end_processes()
            self._folder.remove()
        self._on_change()

    def _end_processes(self):
        for process in self._processes:
            process.puppet.end()

    def _transfer(self, name, action, value):
        with self._lock:
            process = self._process(name)
            pipe = self._pipe_for(process, action)
            self._refuse(self._why_not(process, action, pipe))
            size = value if isinstance(value, int) else len(value)
            if not 0 <= size <= MOST_BYTES:
                raise Refused(f"{size:,} bytes: choose a number from 0 to {MOST_BYTES:,}")
            self._press(process, action, process.fd(pipe), value)

    def _press(self, process, *call):
        try:
            process.puppet.press(*call)
        except (RuntimeError, ValueError) as error:
            raise Refused(str(error)) from None

    def _process(self, name):
        for process in self._processes:
            if process.name == name:
                return process
        raise Refused(f"there is no {name}")

    def _pipe_for(self, process, action):
        """The pipe that a process writes to, or reads from; None if it does not do that."""
        for pipe in self._pipes:
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

    def _why_not(self, process, action, pipe):
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
        if pipe not in self._pipes:
            return f"there is no pipe that the {process.name} could {action}"
        fd = process.fd(pipe)
        if action == "open" and fd is not None:
            return f"the {process.name} has {pipe} open already, as fd {fd}: close that first"
        if action != "open" and fd is None:
            return f"the {process.name} has not opened {pipe}: open it first"
        return ""

    # -- what is to be seen

    def look(self):
        """Return what is to be seen now, as `Seen`. Blocks for 5 ms if somebody is in a call."""
        with self._lock:
            self._note_ended()
            pipes = tuple(self._seen_pipe(pipe) for pipe in self._pipes)
            processes = tuple(self._seen_process(process) for process in self._processes)
            calls = sorted((call for process in self._processes for call in process.puppet.calls),
                           key=lambda call: call.entered)
            self._judge(calls)
            return Seen(
                processes, pipes, tuple(map(sentence, calls[-_LOG:])),
                max(1, len(calls) - _LOG + 1), tuple(calls[-_PICTURE:]),
                frozenset(self._met),
                not self.ended and any(p.puppet.under_way for p in self._processes), self.ended,
            )

    def _note_ended(self):
        for process in self._processes:
            if not process.puppet.running:
                self._gone.setdefault(process.puppet.pid, time.monotonic_ns())

    def _judge(self, calls):
        if self.ended or self._judged == (calls, self._gone):
            return
        self._judged = calls, dict(self._gone)
        pids = [process.puppet.pid for process in self._processes]
        history = History(calls, pids, self._gone)
        for number, challenge in enumerate(CHALLENGES):
            if number not in self._met and challenge.done(history):
                self._met.add(number)

    def _seen_process(self, process):
        puppet = process.puppet
        blocked = puppet.blocked
        busy = puppet.under_way
        calls = puppet.calls
        if not puppet.running:
            state = "ended"
        elif busy is None:
            state = "ready"
        else:
            since = time.monotonic_ns() - busy.call.entered if busy.call else 0  # not yet entered
            seconds = since / 1e9
            state = f"{'blocked in' if blocked else 'in'} {busy.name} for {seconds:.1f} s"
        done = [call for call in calls if call.left is not None]
        held = [f"fd {fd}: {path}, for {purpose(flags)}"
                for fd, (path, flags) in sorted(puppet.descriptors.items())]
        if not puppet.running:
            held = []
        reasons, actions = {}, {}
        for pipe in self._pipes:
            for action in ("open", process.end_of(pipe), "close"):
                reasons[action, pipe] = self._why_not(process, action, pipe)
                actions[action, pipe] = _call_text(process, action, pipe)
        reasons["cancel", None] = self._why_not(process, "cancel", None)
        actions["cancel", None] = f"free the {process.name} from its call"
        return SeenProcess(
            process.kind, process.name, puppet.pid, state, bool(blocked),
            "; ".join(held) or "none open", done[-1].outcome if done else "no call yet",
            reasons, actions,
        )

    def _seen_pipe(self, pipe):
        ends, open_ends = {"write": [], "read": []}, set()
        answer, full = None, False
        # A read end first: elsewhere than on Linux only that tells the bytes.
        for process in sorted(self._processes, key=lambda each: each.end_of(pipe) != "read"):
            if not process.puppet.running:
                continue
            end, fd, busy = process.end_of(pipe), process.fd(pipe), process.puppet.under_way
            if fd is not None:
                open_ends.add(end)
                ends[end].append(f"{process.name} (fd {fd})")
                full = full or busy and busy.name == "write" and busy.args[0] == fd
                try:
                    answer = answer or process.puppet.fill(fd)
                except ValueError:  # closed meanwhile
                    pass
            elif busy and busy.name == "open" and busy.args[0] == pipe:
                ends[end].append(f"{process.name} (in open)")
        waiting, size = answer or (None, None)
        if waiting is not None:
            of = f" of {size:,}" if size else ""
            text = f"{waiting:,}{of} bytes wait" if waiting != 1 else f"1{of} byte waits"
            if waiting == 0:
                text = f"empty, can hold {size:,} bytes" if size else "empty"
            elif full:  # which is a matter of pages: some bytes may be free [pipe(7)]
                text += ": no room for what is being written"
        elif any(ends.values()):
            text = "one end waits for the other to be opened"
        else:
            text = "nobody has it open: it holds nothing"
        write_end, read_end = (", ".join(sorted(ends[end])) or "closed"
                               for end in ("write", "read"))
        return SeenPipe(pipe, waiting, size, text, write_end, read_end,
                        "write" in open_ends, "read" in open_ends)


_LOG = 40  # lines
_PICTURE = 12  # calls
ENDED = "this lab has ended: run its cell again"


def _call_text(process, action, pipe):
    fd = process.fd(pipe)
    if action == "open":
        flags = "os.O_WRONLY" if process.end_of(pipe) == "write" else "os.O_RDONLY"
        return f"os.open('{pipe}', {flags})"
    more = {"write": ", data", "read": ", n", "close": ""}[action]
    return f"os.{action}({'fd' if fd is None else fd}{more})"
