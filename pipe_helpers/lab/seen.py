"""What is to be seen of the lab at one moment, in words."""
import time
from dataclasses import dataclass

from pipe_helpers.processes import asleep
from pipe_helpers.recording.calls import purpose, sentence

_LOG = 40  # lines
_PICTURE = 12  # calls


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


def see(lab, calls, met):
    """Return what is to be seen of a `LabModel`, as its `look`. calls: all so far, in order."""
    presses = [press for each in lab.processes if (press := each.puppet.under_way)]
    sleeping = asleep.which_sleep([press.look for press in presses])
    blocked = {press for press, sleeps in zip(presses, sleeping) if sleeps}
    pipes = tuple(_pipe(lab, pipe) for pipe in lab.pipes)
    processes = tuple(_process(lab, process, blocked) for process in lab.processes)
    return Seen(
        processes, pipes, tuple(map(sentence, calls[-_LOG:])), max(1, len(calls) - _LOG + 1),
        tuple(calls[-_PICTURE:]), met,
        not lab.ended and any(each.puppet.under_way for each in lab.processes), lab.ended,
    )


def _process(lab, process, blocked):
    puppet = process.puppet
    busy = puppet.under_way
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
    reasons, actions = {}, {}
    for pipe in lab.pipes:
        for action in ("open", process.end_of(pipe), "close"):
            reasons[action, pipe] = lab.why_not(process, action, pipe)
            actions[action, pipe] = _call_text(process, action, pipe)
    reasons["cancel", None] = lab.why_not(process, "cancel", None)
    actions["cancel", None] = f"free the {process.name} from its call"
    return SeenProcess(
        process.kind, process.name, puppet.pid, state, busy in blocked,
        "; ".join(held) or "none open", done[-1].outcome if done else "no call yet",
        reasons, actions,
    )


def _call_text(process, action, pipe):
    fd = process.fd(pipe)
    if action == "open":
        flags = "os.O_WRONLY" if process.end_of(pipe) == "write" else "os.O_RDONLY"
        return f"os.open('{pipe}', {flags})"
    more = {"write": ", data", "read": ", n", "close": ""}[action]
    return f"os.{action}({'fd' if fd is None else fd}{more})"


def _pipe(lab, pipe):
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
            text += ": no room for what is being written"
    elif any(ends.values()):
        text = "one end waits for the other to be opened"
    else:
        text = "nobody has it open: it holds nothing"
    write_end, read_end = (", ".join(sorted(ends[end])) or "closed"
                           for end in ("write", "read"))
    return SeenPipe(pipe, waiting, size, text, write_end, read_end,
                    "write" in open_ends, "read" in open_ends)
