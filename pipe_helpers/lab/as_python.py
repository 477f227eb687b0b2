"""What was pressed in the lab as plain programs, one for each process, to run in terminals."""
import os
import re
import shlex
import sys

from pipe_helpers.recording.calls import Call, count_text, duration, flags_text, size_of

_SHOWN = 64  # bytes: what is longer is not printed, but counted
_DONE = {"open": "has opened", "write": "has written", "read": "has read",
         "close": "has closed", "end": "has ended"}


def as_python(names, calls, ended=None):
    """Return the calls as text: how to begin, and for each process that made any its program.

    names: of the processes, in the order of their programs. calls: a list of `Call`, of which
    the roles are these names. ended: {name: when}, in nanoseconds of CLOCK_MONOTONIC, of the
    processes that something else than the lab has ended.

    Run in terminals, the programs make the same calls. Where a call came after something that
    another process had done meanwhile, its program waits for Enter; so the order is the same, too.
    """
    names = [name for name in names if any(call.role == name for call in calls)]
    ends = [Call(0, name, "end", (), when, when) for name, when in (ended or {}).items()
            if name in names]
    steps = sorted([*calls, *ends], key=lambda call: call.entered)
    if not names:
        return "No process has made a call yet: press a button, and its program will stand here."
    paths = dict.fromkeys(call.args[0] for call in calls if call.name == "open")
    one = len(names) == 1
    return "\n".join([
        "The program that makes the calls of this lab:" if one else
        "The programs that make the calls of this lab, with the same results:",
        "",
        f"1. Save {'it' if one else 'each'} in a new folder, as "
        + " and ".join(map(file_of, names)) + ".",
        "2. Open a terminal in that folder, and make the pipe" + "s" * (len(paths) > 1) + ":",
        "",
        *_block("", [f"mkfifo {shlex.join(paths)}"]),
        "",
        "3. Start it:" if one else "3. Start each in a terminal of its own, in any order:",
        "",
        *(line for name in names for line in _block("", [f"python {file_of(name)}"])),
        "",
        *["Each call has a number, in the order of the lab. A program that asks for Enter is to "
          "wait until\nanother process has come as far as it says."] * (not one),
        *(line for name in names
          for line in ["", file_of(name), "", *_block("python", _Program(name, steps).lines())]),
    ])


def file_of(name):
    """The file name of a process's program: "writer_2.py"."""
    return name.replace(" ", "_") + ".py"


def _block(language, lines):
    return [f"```{language}", *lines, "```"]


class _Program:
    """The program of the process called name. steps: all calls of all processes, in order."""

    def __init__(self, name, steps):
        self._name = name
        self._numbered = list(enumerate(steps, 1))
        own = [call for call in steps if call.role == name]
        self._others = len(own) < len(steps)
        paths = {call.args[0] for call in own if call.name == "open"}
        self._variables = {  # {path: name of the variable}
            path: "fd" if len(paths) == 1 else re.sub(r"\W", "_", os.path.basename(path)) + "_fd"
            for path in paths}
        self._open = {}  # {fd: (path, flags)}

    def lines(self):
        yield "import os"
        former = None
        for number, call in self._numbered:
            if call.role == self._name:
                yield ""
                if call.name == "end" and former.left is None:
                    yield "# in the lab, something ended this process in that call: Ctrl-C does"
                    return
                yield from self._wait(former, call)
                yield from self._step(number, call)
                former = call
        if self._open and former.name != "end":
            yield ""
            others = ", when the others have done their steps" * self._others
            yield f'input("Enter to end{others}: that closes what is open ")'

    def _wait(self, former, call):
        """What waits for Enter, if another process did something since our former call began.

        What it did in that very moment counts, too: the call that we freed must have returned
        before our next one, which could change what it returns.
        """
        before = self._before(former, former.entered if former else 0, call.entered)
        if before:
            events = ", and ".join(
                f"{other.role}: {other.name} (step {number})" for _, number, other in before)
            yield f"# before this, {events}"
            yield f"input({_quoted(f'Enter when {_words(before)} ')})"

    def _before(self, former, since, until):
        """The last event of each other process in that time: [(it has left, number, call)]."""
        last = {}
        for number, other in self._numbered:
            if other.role == self._name or former and _met(former, other):
                continue
            for when, has_left in (other.entered, False), (other.left, True):
                if when is not None and since < when < until:
                    last[other.role] = max(
                        last.get(other.role, (0, 0)), (when, has_left, number, other),
                        key=lambda event: event[:2])
        return [event[1:] for event in sorted(last.values(), key=lambda event: event[2])]

    def _step(self, number, call):
        if call.name == "end":
            yield "# in the lab, something ended this process here"
            return
        code, shown = self._code(call)
        told = f'print("{number} {call.name}' + (f':", {shown})' if shown else '")')
        caught = None
        if call.left is None:
            yield "# in the lab, this had not returned yet"
        elif self._was_cancelled(call):
            caught, failed = "KeyboardInterrupt", f'print("{number} {call.name}: cancelled")'
            yield from self._cancelled(call)
        elif call.error:
            caught = f"{call.error.split()[0]} as error"
            failed = f'print("{number} {call.name}:", error)'
        elif call.waited >= 1:
            yield f"# in the lab, this waited for {duration(call.waited)}"
        self._note(call)
        yield from ["try:", f"    {code}", f"    {told}"] if caught else [code, told]
        if caught:
            yield from [f"except {caught}:", f"    {failed}"]

    def _cancelled(self, call):
        yield f"# in the lab, this was cancelled after {duration(call.waited)}"
        if not call.error:
            part = count_text(call.result, size_of(call.args[1]))
            yield f"# by then it had written {part}"
        before = self._before(None, call.entered, call.left)
        when = f", when {_words(before)}" if before else ""
        yield f"print({_quoted(f'Press Ctrl-C to cancel the next call{when}')})"

    def _was_cancelled(self, call):
        """A write without O_NONBLOCK returns early only if a signal has come [write(2)]."""
        part = (call.name == "write" and not call.error and call.result < size_of(call.args[1])
                and not self._open[call.args[0]][1] & os.O_NONBLOCK)
        return call.error == "cancelled" or part

    def _code(self, call):
        """The call as a line of code, and what shows its result, "" if it has none."""
        if call.name == "open":
            path, flags = call.args
            flags = " | ".join(f"os.{flag}" for flag in flags_text(flags).split("|"))
            variable = self._variables[path]
            return f"{variable} = os.open({_quoted(path)}, {flags})", variable
        fd = self._variables[self._open[call.args[0]][0]]
        if call.name == "write":
            return f"count = os.write({fd}, {_data(call.args[1])})", "count"
        if call.name == "read":
            many = call.result is not None and size_of(call.result) > _SHOWN
            return (f"data = os.read({fd}, {call.args[1]})",
                    'len(data), "bytes"' if many else "data")
        return f"os.{call.name}({fd})", ""

    def _note(self, call):
        if call.name == "open" and call.left is not None and not call.error:
            self._open[call.result] = call.args
        elif call.name == "close" and call.error != "cancelled":
            self._open.pop(call.args[0], None)


def _met(one, other):
    """Whether these two opens let each other go on: neither returns before the other begins."""
    return (one.name == other.name == "open" and one.args[0] == other.args[0]
            and not one.error and not other.error
            and one.args[1] & os.O_ACCMODE != other.args[1] & os.O_ACCMODE
            and one.entered < (other.left or sys.maxsize)
            and other.entered < (one.left or sys.maxsize))


def _words(before):
    return " and ".join(
        f"the {call.role} " + (f"waits in {call.name}" if not has_left else
                               f"has failed in {call.name}" if call.error else _DONE[call.name])
        + f" (step {number})" for has_left, number, call in before)


def _data(data):
    """Bytes as a person writes them: b"Hello", b"." * 70000."""
    size, head = size_of(data), bytes(data)
    if size > 16 and len(set(head)) == 1:
        return f"{_quoted(head[:1])} * {size}"
    if size > len(head):  # the record has only the first ones
        return f'{_quoted(head)} + b"?" * {size - len(head)}'
    return _quoted(head)


def _quoted(value):
    """A literal with double quotes, as in the chapters, where that is as short."""
    text = repr(value)
    return text if '"' in text else text.replace("'", '"')
