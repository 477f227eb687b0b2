"""See what processes did with a pipe: record their calls and merge the records."""
import contextlib
import html
import itertools
import json
import os
import sys
import weakref

from pipe_helpers.recording.calls import Call, Data, error_text, line_of, shortened
from pipe_helpers.keeping.folder import KeptFolder, remove_folder
from pipe_helpers.recording.recorder import Recorder, without_our_frames

_RECORDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorder.py")
_ROLES = {"write_to_named_pipe": "writer", "read_from_named_pipe": "reader"}
_MOST_ROWS = 40
_GAPS = "The record has gaps (a full disk?): calls may be missing or seem not to have returned."


class trace:
    """Record the calls of os.mkfifo, open, read, write, close and unlink.

    `with trace() as t:` records those that the notebook's own code makes in the block; in a
    plain program, those of the module that calls trace(). `launch("program.py", trace=t)` runs
    a Python program unchanged and records those that its own file makes; that works before,
    in and after the block, and without one. `calls` tells them at any time, and `remark` if some
    of a program's are missing.

    Calls by other code do not appear: IPython's, that of a module which the program imports, or
    of asyncio.to_thread(os.open, ...), where a function of one's own around it helps. Neither
    does the built-in open, nor a name bound before the block, by `from os import open`.

    Recording a call takes 5 to 25 microseconds. The logs of programs are in a folder under the
    temporary one, gone when the trace is, and at the latest with this process.
    """

    def __init__(self):
        own = [sys._getframe(1).f_globals, sys.modules["__main__"].__dict__]
        self._events = []
        self._recorder = Recorder(self._events.append, own)
        self._folder = None
        self._programs = []  # (role, path of the log), in the order of their start

    def __enter__(self):
        try:
            self._recorder.start()
        except BaseException:  # an interrupt: with has no block to leave yet
            self._recorder.stop()
            raise
        return self

    def __exit__(self, kind, error, frames):
        try:
            self._recorder.stop()
        except BaseException:  # an interrupt must not leave the wrappers in os
            self._recorder.stop()
            raise
        if error is not None:
            without_our_frames(error)

    def command(self, command):
        """The command that runs a Python program and records it here, for `launch`.

        command: the words that start it, the path of the program as the second. Its role is
        the name of its file, or "writer" and "reader" for the programs of the lesson; a second
        program of that role is "writer 2". Raises ValueError if it is no Python program, OSError
        if no folder for its log can be made.
        """
        if command[0] != sys.executable or not command[1:] or not command[1].endswith(".py"):
            raise ValueError(
                f"{os.path.basename(command[0])} can't be traced: only Python programs can, by "
                'the path of a file that ends in ".py". Launch it without trace='
            )
        if self._folder is None:
            self._folder = KeptFolder("named_pipes_trace_")
            # Not by another thread: this one may hold the keeper's lock when it collects garbage.
            weakref.finalize(self, remove_folder, self._folder.path)
        name = os.path.splitext(os.path.basename(command[1]))[0]
        name = _ROLES.get(name, name)
        taken = {role for role, _ in self._programs}
        roles = itertools.chain([name], (f"{name} {number}" for number in itertools.count(2)))
        role = next(role for role in roles if role not in taken)
        log = os.path.join(self._folder.path, str(len(self._programs)))
        self._programs.append((role, log))
        return [command[0], _RECORDER, log, *command[1:]]

    @property
    def calls(self):
        """All calls so far, a list of `Call`, in the order in which they were entered."""
        calls = itertools.chain.from_iterable(self.processes().values())
        return sorted(calls, key=lambda call: call.entered)

    def processes(self):
        """The same calls as a dictionary: for each PID a list of its calls.

        The order is the same in every run: this process, then programs as they were launched,
        each followed by the processes that it forked.
        """
        sources = [("notebook", list(self._events))]
        sources += [(role, _events_in(log)[0]) for role, log in self._programs]
        processes = {}
        for role, events in sources:
            for call in calls_of(role, events):
                processes.setdefault(call.pid, []).append(call)
        return processes

    @property
    def remark(self):
        """A sentence that tells that events of a program are missing, or "" if all are there."""
        return _GAPS if any(_events_in(log)[1] for _, log in self._programs) else ""

    def __repr__(self):
        lines = []
        for (role, pid), calls in self._table():
            lines += [f"{role}, pid {pid}", *(f"    {line_of(call)}" for call in calls)]
        lines = lines or ["no calls recorded"]
        return "\n".join([*lines, self.remark] if self.remark else lines)

    def _repr_html_(self):
        rows = []
        for (role, pid), calls in self._table():
            who = f'<td rowspan="{len(calls)}">{html.escape(role)}<br>pid {pid}</td>'
            for call in calls:
                texts = call.call_text, call.result_text, call.waited_text
                cells = "".join(f"<td>{html.escape(text)}</td>" for text in texts)
                rows.append(f"<tr>{who}{cells}</tr>")
                who = ""
        heads = "".join(f"<th>{head}</th>" for head in ("who", "call", "result", "waited"))
        table = ["<table>", f"<tr>{heads}</tr>", *rows, "</table>"]
        remark = [f"<p>{self.remark}</p>"] if self.remark else []
        return "\n".join([*(table if rows else ["<p>no calls recorded</p>"]), *remark])

    def _table(self):
        processes = list(self.processes().values())
        who = [(calls[0].role, calls[0].pid) for calls in processes]
        return list(zip(who, shortened(processes, _MOST_ROWS)))


def _events_in(log):
    """What can be read of a log, and whether it has gaps."""
    try:
        with open(log, "rb") as file:
            lines = file.read().split(b"\n")
    except FileNotFoundError:  # not started yet
        return [], False
    if not lines[-1]:
        lines.pop()
    events = []
    for line in lines:
        with contextlib.suppress(ValueError):
            events.append(json.loads(line))
    return events, len(events) < len(lines)


def calls_of(role, events):
    """The `Call` for each two events of a `Recorder`, or for the first alone, as a list."""
    merged = {}
    for event in events:
        merged.setdefault((event["pid"], event["n"]), {}).update(event)
    known = [call for call in merged.values() if "name" in call]  # else the first is in a gap
    return [_call(role if call["pid"] == known[0]["pid"] else f"{role}'s child", call)
            for call in known]


def _call(role, event):
    kind, number = event.get("error", (None, None))
    return Call(
        pid=event["pid"],
        role=role,
        name=event["name"],
        args=tuple(map(_value, event["args"])),
        entered=event["entered"],
        left=event.get("left"),
        result=_value(event.get("result")),
        error=kind and error_text(kind, number),
    )


def _value(plain):
    if isinstance(plain, dict):
        return Data(plain["head"].encode("latin-1"), plain["size"])
    return plain
