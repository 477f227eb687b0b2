"""One system call that a process made: its record, and the words that every view has for it."""
import errno
import itertools
import os
from dataclasses import dataclass

_LONGEST = 48  # characters of data shown whole; "Hello from pid [4194304]" fits
_ACCESS = {os.O_RDONLY: "O_RDONLY", os.O_WRONLY: "O_WRONLY", os.O_RDWR: "O_RDWR"}
_SYNONYMS = {"O_ACCMODE", "O_FSYNC", "O_NDELAY", "O_RSYNC", *_ACCESS.values()}
_FLAGS = sorted(
    ((getattr(os, name), name) for name in dir(os) if name[:2] == "O_" and name not in _SYNONYMS),
    key=lambda flag: (-flag[0].bit_count(), flag),  # O_SYNC before O_DSYNC, a part of it
)


class Data(bytes):
    """The first bytes of what was written or read. size: how many there were in all."""

    def __new__(cls, head, size=None):
        data = super().__new__(cls, head)
        data.size = len(head) if size is None else size
        return data


@dataclass(frozen=True)
class Call:
    """One call of mkfifo, open, read, write, close or unlink, or what a `Relay` did with bytes.

    That is "pass": entered when they came, left when they were sent on, or lost ("error").

    pid, role: the process that made it, and what that is in the lesson ("writer").
    name, args: the call, as in os.open("my_pipe", os.O_RDONLY): "open", ("my_pipe", 0).
    entered, left: when, in nanoseconds of CLOCK_MONOTONIC, which all processes share
        [clock_gettime(2)]; left is None until the call has returned, or if the record of that
        is lost.
    result: what it returned, bytes as `Data`; None, too, while it has not.
    error: None, or how it failed, in words: "BrokenPipeError (EPIPE 32)".
    """

    pid: int
    role: str
    name: str
    args: tuple
    entered: int
    left: "int | None" = None
    result: "int | bytes | None" = None
    error: "str | None" = None

    @property
    def waited(self):
        """Milliseconds from entering to leaving the call; None while it has not returned."""
        return None if self.left is None else (self.left - self.entered) / 1e6

    @property
    def waited_text(self):
        """The same as text, always with a decimal point: "12.3 ms", "0.023 ms", or ""."""
        return "" if self.left is None else milliseconds(self.waited)

    @property
    def call_text(self):
        """The call as a person writes it: "open(my_pipe, O_RDONLY)"."""
        values = [_arg_text(self.name, *item) for item in enumerate(self.args)]
        if self.role == "notebook" and self.name in ("read", "write", "close"):
            # Its numbers depend on what the kernel has open, so it is called as in the cells.
            values[:1] = ["fd"]
        return f"{self.name}({', '.join(values)})"

    @property
    def result_text(self):
        """What came of it: "fd 3", "all bytes", "b'' end of file", "FileExistsError (…)".

        A write tells its count only if that is less than it was given, and a read shows short
        data instead of their number, so that nothing depends on how many digits a PID has.
        """
        if self.error:
            return self.error
        if self.left is None:
            return "is held" if self.name == "pass" else "has not returned"
        if self.name == "open":
            return "fd" if self.role == "notebook" else f"fd {self.result}"
        if self.name == "read":
            return _data_text(self.result) if self.result else "b'' end of file"
        if self.name == "write":
            size = size_of(self.args[1])
            return "all bytes" if self.result == size else f"{self.result} of {size} bytes"
        return "done"

    @property
    def outcome(self):
        """The same, but of a write always the count: "5 bytes", "65,536 of 70,000 bytes"."""
        if self.name == "write" and self.left is not None and not self.error:
            return count_text(self.result, size_of(self.args[1]))
        return self.result_text

    @property
    def label(self):
        """The same for a small box: "fd 3", "5 bytes", "end of file", "FileExistsError", ""."""
        if self.error or self.left is None:
            return self.result_text.split(" (")[0]
        if self.name == "read":
            return count_text(size_of(self.result)) if self.result else "end of file"
        if self.name == "open":
            return "" if self.role == "notebook" else self.result_text
        if self.name == "pass":
            return count_text(size_of(self.args[1]))
        return self.outcome if self.name == "write" else ""

    def __str__(self):
        return f"{self.role}, pid {self.pid}: {line_of(self)}"


@dataclass(frozen=True)
class Run:
    """Successive calls of one process, shown as one: "… 38 reads …"."""

    calls: tuple

    error = None
    result_text = ""
    waited_text = Call.waited_text
    waited = Call.waited

    @property
    def entered(self):
        return self.calls[0].entered

    @property
    def left(self):
        return self.calls[-1].left

    @property
    def name(self):
        names = {call.name for call in self.calls}
        return names.pop() if len(names) == 1 else "call"

    @property
    def call_text(self):
        return f"… {len(self.calls)} {self.name}s …"


def line_of(call):
    """A `Call` or `Run` as one line: "open(my_pipe, O_RDONLY) → fd 3, 12.3 ms"."""
    result = f" → {call.result_text}" if call.result_text else ""
    waited = f", {call.waited_text}" if call.waited_text else ""
    return call.call_text + result + waited


def sentence(call):
    """A call of open, write, read or close in words: "writer opened my_pipe for writing: fd 3"."""
    about = _about(call)
    if call.left is None:
        return f"{call.role} is in {call.name}: {about}"
    after = f", after {duration(call.waited)}" if call.waited >= 1 else ""
    if call.error:
        why = "".join(f": {words}" for code, words in _WHY.items() if code in call.error)
        return f"{call.role} did not {call.name} {about}{after}: {call.error}{why}"
    if call.name == "write":
        part = call.result != size_of(call.args[1])
        return f"{call.role} wrote {about}{after}" + f": {call.result:,} of them" * part
    if call.name == "read":
        asked = f"fd {call.args[0]}, at most {count_text(call.args[1])}"
        return f"{call.role} read from {asked}{after}: {call.result_text}"
    if call.name == "open":
        return f"{call.role} opened {about}{after}: {call.result_text}"
    return f"{call.role} closed {about}{after}"


_WHY = {
    "ENOENT": "nothing has this path",
    "EACCES": "this user may not do that: see its mode, ls -l",
    "ENXIO": "nobody has it open for reading",
    "EPIPE": "nobody has the pipe open for reading any more",
    "EAGAIN": "it would have to wait, and O_NONBLOCK forbids that",
}
_FOR = {os.O_RDONLY: "reading", os.O_WRONLY: "writing", os.O_RDWR: "reading and writing"}


def _about(call):
    if call.name == "open":
        wait = ", without waiting" if call.args[1] & os.O_NONBLOCK else ""
        return f"{call.args[0]} for {purpose(call.args[1])}{wait}"
    fd = f"fd {call.args[0]}"
    if call.name == "write":
        size, data = size_of(call.args[1]), bytes(call.args[1])
        shown = f" {data!r}" if size == len(data) and 0 < size <= 24 else ""
        return f"{count_text(size)}{shown} to {fd}"
    return f"at most {count_text(call.args[1])} from {fd}" if call.name == "read" else fd


def shortened(processes, most):
    """The calls of each process, some put together in a `Run`, if there are more than most.

    processes is a list of lists of `Call`; so is the result. Four and more calls in a row of one
    name, that failed alike or not at all, become the first, a run and the last. If that is not
    enough, each process keeps its share of most, but at least five: from the beginning and the end.
    """
    if sum(map(len, processes)) <= most:
        return processes
    processes = [_without_repetition(calls) for calls in processes]
    if sum(map(len, processes)) <= most:
        return processes
    share = max(5, most // len(processes))
    return [_without_middle(calls, share) for calls in processes]


def _without_repetition(calls):
    def kind(call):
        return call.name, call.error, call.left is None

    short = []
    for _, run in itertools.groupby(calls, kind):
        run = list(run)
        short += run if len(run) < 4 else [run[0], Run(tuple(run[1:-1])), run[-1]]
    return short


def _without_middle(calls, share):
    if len(calls) <= share + 1:
        return calls
    head, tail = share // 2, (share - 1) // 2
    middle = calls[head : len(calls) - tail]
    parts = [call for item in middle for call in getattr(item, "calls", [item])]
    return [*calls[:head], Run(tuple(parts)), *calls[len(calls) - tail :]]


def milliseconds(value):
    """A time in milliseconds as text with a decimal point, which nbval's sanitizing knows."""
    return f"{value:.1f} ms" if value >= 1 else f"{value:.3f} ms"


def duration(value):
    """A time in milliseconds for a person: "2.1 s", "120 ms", "1.1 ms", "0.023 ms"."""
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 10 else milliseconds(value)


def count_text(count, of=None):
    """A number of bytes: "1 byte", "65,536 bytes"; if it is not all of them, of how many."""
    part = f" of {of:,}" if of not in (None, count) else ""
    return f"{count:,}{part} byte{'s' * ((count if of is None else of) != 1)}"


def size_of(data):
    """How many bytes there were: `Data` keeps the first few only."""
    return getattr(data, "size", None) or len(data)


def purpose(flags):
    """What open(2) opens a file for with these flags: "reading", "writing" or both."""
    return _FOR.get(flags & os.O_ACCMODE, "nothing")


def error_text(kind, number=None):
    """An error in words from the name of its class and its errno, if it has one."""
    if number is None:
        return kind
    return f"{kind} ({errno.errorcode.get(number, 'errno')} {number})"


def flags_text(flags):
    """The flags of open(2) by name: "O_WRONLY|O_NONBLOCK"."""
    names = [_ACCESS.get(flags & 3, "3")]
    rest = flags & ~3
    for value, name in _FLAGS:
        if value and rest & value == value:
            names.append(name)
            rest &= ~value
    return "|".join(names + [hex(rest)] * bool(rest))


def _arg_text(name, position, value):
    if isinstance(value, bytes):
        return _data_text(value)
    if name in ("read", "write") and isinstance(value, str):
        return repr(value)  # a mistake, and the quotes tell which
    if isinstance(value, int):
        if (name, position) == ("open", 1):
            return flags_text(value)
        if (name, position) in (("open", 2), ("mkfifo", 1)):
            return f"0o{value:03o}"
    return str(value)


def _data_text(data):
    shown = repr(bytes(data))
    if size_of(data) == len(data) and len(shown) <= _LONGEST:
        return shown
    return f"{size_of(data)} bytes: {bytes(data[:8])!r}…"
