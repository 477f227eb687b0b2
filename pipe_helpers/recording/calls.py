"""One system call that a process made: the record that every view of the lesson shares."""
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
    """One call of mkfifo, open, read, write, close or unlink.

    pid, role: the process that made it, and what that is in the lesson ("writer").
    name, args: the call, as in os.open("my_pipe", os.O_RDONLY): "open", ("my_pipe", 0).
    entered, left: when, in nanoseconds of CLOCK_MONOTONIC, which all processes share
        [clock_gettime(2)]; left is None until the call has returned.
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
            return "has not returned"
        if self.name == "open":
            return "fd" if self.role == "notebook" else f"fd {self.result}"
        if self.name == "read":
            return _data_text(self.result) if self.result else "b'' end of file"
        if self.name == "write":
            size = _size(self.args[1])
            return "all bytes" if self.result == size else f"{self.result} of {size} bytes"
        return "done"

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


def shortened(processes, most):
    """The calls of each process, some put together in a `Run`, if there are more than most.

    processes is a list of lists of `Call`; so is the result. Four and more returned calls of one
    name in a row become the first, a run and the last. If that is not enough, each process keeps
    its share of most, from the beginning and the end.
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
    if _size(data) == len(data) and len(shown) <= _LONGEST:
        return shown
    return f"{_size(data)} bytes: {bytes(data[:8])!r}…"


def _size(data):
    return getattr(data, "size", None) or len(data)
