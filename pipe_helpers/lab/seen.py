"""What is to be seen of the lab at one moment, in words."""
import mmap
import time
from dataclasses import dataclass

from pipe_helpers.lab import stream
from pipe_helpers.lab.wakers import wakers
from pipe_helpers.processes import asleep
from pipe_helpers.recording.calls import count_text, purpose, sentence, size_of

_LOG = 40  # lines
_PICTURE = 12  # calls


@dataclass(frozen=True)
class SeenProcess:
    """A process as it is to be seen, all of it text.

    kind: "writer" or "reader". name: "writer", "writer 2". state: "blocked in open for 2.1 s".
    call: the name of the one it is in, or "". seconds: for how long. held: its descriptors.
    result: of its last call. received: what its last read with any bytes has returned,
    decoded; None if it reads no pipe. reasons: {(action, pipe): why it can't be done now, or ""}.
    calls: {(action, pipe): the call that the action makes}. wakes: {(action, pipe): the names of
    those whom it can wake}. woken_by: if it sleeps, the presses of others that can wake it,
    "reader: open".
    """

    kind: str
    name: str
    pid: int
    state: str
    blocked: bool
    call: str
    seconds: float
    held: str
    result: str
    received: "str | None"
    reasons: dict
    calls: dict
    wakes: dict
    woken_by: tuple


@dataclass(frozen=True)
class SeenPipe:
    """A pipe as it is to be seen. waiting, size: bytes, or None if nobody can tell.

    pieces: what waits, a tuple of `stream.Piece`, or None if nobody can tell. lost: what was
    lost when it was last closed, in the same way. text: what waits, in words.
    write_end, read_end: in whose hands they are, "writer (fd 3)", or who waits to have them,
    "writer (in open)", or "closed".
    """

    name: str
    waiting: "int | None"
    size: "int | None"
    pieces: "tuple | None"
    lost: tuple
    text: str
    write_end: str
    read_end: str
    write_open: bool
    read_open: bool

    @property
    def count_lost(self):
        """How many bytes were lost, in words."""
        return count_text(sum(piece.end - piece.begin for piece in self.lost))

    @property
    def words(self):
        """The text, and what was lost."""
        return f"{self.text}; {self.count_lost} lost" if self.lost else self.text


@dataclass(frozen=True)
class Seen:
    """The lab at one moment.

    log: lines of text, of which the first has the number first. news: the positions of
    those that tell of the last press: the call itself, and what has returned since.
    calls: the last ones of all processes, a `Call` each, in the order in which they were
    entered. met: the positions of the challenges that are done. waits: True if more may come
    without a press: somebody is in a call, or others use the pipe, too.
    """

    processes: tuple
    pipes: tuple
    log: tuple
    first: int
    news: tuple
    calls: tuple
    met: frozenset
    waits: bool
    ended: bool


def see(lab, history, met):
    """Return what is to be seen of a `LabModel`, as its `look`. history: the calls so far."""
    presses = [press for each in lab.processes if (press := each.puppet.under_way)]
    sleeping = asleep.which_sleep([press.look for press in presses])
    blocked = {press for press, sleeps in zip(presses, sleeping) if sleeps}
    calls = history.calls
    last = calls[-1].entered if calls else 0
    shown = calls[-_LOG:]
    news = [at for at, call in enumerate(shown)
            if call.entered == last or call.left and call.left > last]
    return Seen(
        _processes(lab, blocked), tuple(_pipe(lab, pipe, history) for pipe in lab.pipes),
        tuple(map(sentence, shown)), max(1, len(calls) - _LOG + 1), tuple(reversed(news)),
        tuple(calls[-_PICTURE:]), met,
        not lab.ended and any(each.puppet.under_way for each in lab.processes), lab.ended,
    )


def _processes(lab, blocked):
    """All processes: what each may do, and which press can wake whom."""
    can, reasons, asleep, ends, holds = [], {}, {}, {}, set()
    for process in lab.processes:
        name, busy = process.name, process.puppet.under_way
        reasons[name] = {}
        for pipe in lab.pipes:
            ends[name, pipe] = process.end_of(pipe)
            if process.fd(pipe) is not None:
                holds.add((name, pipe))
            if busy in blocked and pipe == _pipe_of(process, busy):
                asleep[name] = busy.name, pipe
            for action in ("open", process.end_of(pipe), "close"):
                why = reasons[name][action, pipe] = lab.why_not(process, action, pipe)
                if not why:
                    can.append((name, action, pipe))
        reasons[name]["cancel", None] = lab.why_not(process, "cancel", None)
    wake = wakers(asleep, ends, holds, can)
    return tuple(_process(lab, process, blocked, reasons[process.name], wake)
                 for process in lab.processes)


def _pipe_of(process, press):
    """The pipe that a call is about."""
    if press.name == "open":
        return press.args[0]
    return process.puppet.descriptors.get(press.args[0], (None,))[0]


def _process(lab, process, blocked, reasons, wake):
    puppet, name = process.puppet, process.name
    busy, seconds = puppet.under_way, 0
    if not puppet.running:
        state = "ended"
    elif busy is None:
        state = "ready"
    else:
        since = time.monotonic_ns() - busy.call.entered if busy.call else 0  # not yet entered
        seconds = since / 1e9
        state = f"{'blocked in' if busy in blocked else 'in'} {busy.name} for {seconds:.1f} s"
    done = [call for call in puppet.calls if call.left is not None]
    held = [f"fd {fd}: {path}, for {purpose(flags)}"
            for fd, (path, flags) in sorted(puppet.descriptors.items())]
    if not puppet.running:
        held = []
    actions = {(action, pipe): _call_text(process, action, pipe) for action, pipe in reasons}
    wakes = {(action, pipe): tuple(sleeper for sleeper, presses in wake.items()
                                   if (name, action, pipe) in presses)
             for action, pipe in reasons}
    several = len(lab.pipes) > 1
    woken_by = tuple(f"{who}: {action}" + f" {pipe}" * (several and action in ("open", "close"))
                     for who, action, pipe in wake.get(name, ()))
    return SeenProcess(
        process.kind, name, puppet.pid, state, busy in blocked, busy.name if busy else "",
        seconds, "; ".join(held) or "none open", done[-1].outcome if done else "no call yet",
        _received(process, lab.pipes, done), reasons, actions, wakes, woken_by,
    )


def _received(process, pipes, done):
    if all(process.end_of(pipe) != "read" for pipe in pipes):
        return None
    read = [call.result for call in done if call.name == "read" and call.result]
    return stream.decoded(read[-1], size_of(read[-1])) if read else ""


def _call_text(process, action, pipe):
    if action == "cancel":
        return f"free the {process.name} from its call"
    fd = process.fd(pipe)
    if action == "open":
        flags = "os.O_WRONLY" if process.end_of(pipe) == "write" else "os.O_RDONLY"
        return f"os.open('{pipe}', {flags})"
    more = {"write": ", data", "read": ", n", "close": ""}[action]
    return f"os.{action}({'fd' if fd is None else fd}{more})"


def _pipe(lab, pipe, history):
    ends, open_ends = {"write": [], "read": []}, set()
    answer, full = None, False
    # A read end first: elsewhere than on Linux only that tells the bytes.
    for process in sorted(lab.processes, key=lambda each: each.end_of(pipe) != "read"):
        if not process.puppet.running:
            continue
        end, fd, busy = process.end_of(pipe), process.fd(pipe), process.puppet.under_way
        if fd is not None:
            open_ends.add(end)
            ends[end].append(f"{process.name} (fd {fd})")
            full = full or busy and busy.name == "write" and busy.args[0] == fd
            try:
                answer = answer or process.puppet.level(fd)
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
            text += f": no room for the write, it comes in pages of {mmap.PAGESIZE:,}"
    elif any(ends.values()):
        text = "one end waits for the other to be opened"
    else:
        text = "nobody has it open: it holds nothing"
    pieces, lost = stream.contents(history, pipe, waiting), stream.lost(history, pipe)
    if pieces and pieces[0].begin:
        text += f"; {count_text(pieces[0].begin)} of the next message have been read"
    write_end, read_end = (", ".join(sorted(ends[end])) or "closed"
                           for end in ("write", "read"))
    return SeenPipe(pipe, waiting, size, pieces, lost, text, write_end, read_end,
                    "write" in open_ends, "read" in open_ends)
