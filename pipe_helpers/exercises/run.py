"""What the function and the other side did in the run that failed: the calls of its picture."""
import contextlib
import json
import mmap
import os
import signal
import time
from dataclasses import dataclass, replace

from pipe_helpers.exercises.plain import shown
from pipe_helpers.recording.calls import Call
from pipe_helpers.recording.recorder import Recorder
from pipe_helpers.recording.trace import calls_of

ROLE = "your function"
# Bytes: some 200 calls in one run. Noting a call costs some 80 microseconds, which a run of very
# many has no time for.
_ROOM = 1 << 16

_TELLS = {"returned": "returned", "item": "yields", "message": "calls handle with"}

_log = None  # that of this process, if it is a learner's


class Log:
    """The calls that a learner's function makes, noted in memory that two processes share.

    So it takes no descriptor, and it can be read when the process sleeps or has been killed.
    """

    def __init__(self):
        self._memory = mmap.mmap(-1, _ROOM)

    def record(self, fn):
        """From now on this process notes the calls that fn's module makes."""
        global _log
        _log, self._pid = self, os.getpid()
        with contextlib.suppress(Exception):  # an attribute may be code, too
            self._recorder = Recorder(self._put, [fn.__globals__])

    def begins(self):
        """Note that the function is called: what was noted before belongs to another run."""
        if os.getpid() != self._pid:  # a process that the function has forked
            return
        with contextlib.suppress(Exception):
            self._recorder.stop()
            self._memory[:] = bytes(_ROOM)
            self._memory.seek(0)
            self._put({"pid": self._pid, "began": time.monotonic_ns()})
            self._recorder.start()

    def ends(self):
        """Note that the function has come to its end."""
        self._put({"pid": os.getpid(), "ended": time.monotonic_ns()})

    def last_run(self):
        """When the last run began, its calls, and when it ended or None.

        The first is 0 if there were more calls than there is room for.
        """
        text = self._memory[:]
        try:
            began, *events = map(json.loads, text.strip(b"\0").split(b"\n")[:-1])
        except ValueError:  # there is none, or the next begins at this moment
            return 0, [], None
        if text[-1]:
            return 0, [], None
        ended = [event["ended"] for event in events if "ended" in event]
        calls = calls_of(ROLE, [event for event in events if "n" in event])
        return began["began"], calls, ended[0] if ended else None

    def _put(self, event):
        if event["pid"] != self._pid:
            return
        # The function must not notice, unless it is what a handler of its own signals raises.
        with contextlib.suppress(ValueError, TypeError, RecursionError):
            line = json.dumps(event).encode() + b"\n"
            if self._memory.tell() + len(line) < _ROOM:
                self._memory.write(line)
            else:
                self._memory[-1:] = b"!"
                self._recorder.stop()


def observed(fn, *args):
    """Call fn(*args), noted as one run if this is a learner's process."""
    if _log is None:
        return fn(*args)
    _log.begins()
    try:
        return fn(*args)
    finally:
        _log.ends()


@dataclass(frozen=True)
class Slept(Call):
    """A call in which the function slept when the check had nothing more to do."""

    result_text = "here your function slept"


@dataclass(frozen=True)
class Outcome(Call):
    """What came of the function, as a box behind its calls: "returned b'Hello'"."""

    waited_text = ""
    call_text = property(lambda self: self.name)
    result_text = label = property(lambda self: self.error or "")


@dataclass(frozen=True)
class SleptElsewhere(Slept):
    """The same in what is none of the recorded calls."""

    call_text = Outcome.call_text


def failing_run(learner, event, others, short):
    """The calls of the run in which a learner's function failed, a list of `Call`.

    event: the last one of the `Learner`. others: for each process of the other side its calls.
    short: a function that makes of a path what is shown. Empty if nothing of the function's is
    known.
    """
    began, calls, ended = learner.log.last_run()
    if not began:
        return []
    pid = calls[0].pid if calls else learner.pid or 0
    now = ended or max([began, *(call.left or call.entered for call in calls)])
    paths = set(_texts(learner.args))
    if event[0] in _TELLS and calls and calls[-1].left is None:  # it has gone on since
        calls.pop()
    calls += _outcome(calls, event, pid, now, ended)
    for each in others:
        calls += _about(each, paths, began)
    return [replace(call, args=tuple(short(arg) if isinstance(arg, str) else arg
                                     for arg in call.args)) for call in calls]


def _outcome(calls, event, pid, now, ended):
    """The box at the end of the function's lane. The call that sleeps, in calls, is marked."""
    kind, *values = event
    if kind == "did":  # as `observe` reports it
        kind, values = ("raised", values[1]) if values[1] else ("returned", values)
    about = {"pid": pid, "role": ROLE, "args": (), "entered": now}
    if kind == "asleep" and calls and calls[-1].left is None:
        calls[-1] = Slept(**vars(calls[-1]))
        return []
    if kind == "asleep":
        return [SleptElsewhere(name="waits", **about)]
    if kind == "napping":
        return [Outcome(name="wakes again and again", **about)]
    if kind == "exit" and values[0] == -signal.SIGPROF:
        return [Outcome(name="runs in a loop", **about)]
    about["left"] = now + 1  # it has its place behind the calls
    if kind == "raised":
        return [Outcome(name="raised", error=values[0], **about)]
    if kind in _TELLS:
        return [Outcome(name=f"{_TELLS[kind]} {shown(values[0])}", **about)]
    if kind == "exit" or ended:
        return [Outcome(name="its process ended" if kind == "exit" else "returned", **about)]
    return []


def _about(calls, paths, since):
    """Those of a process's calls that are about the paths and matter after that time.

    An open from before does, too, if what it opened was still open.
    """
    opened, kept, openings = {}, [], []
    for call in calls:
        opening = opened.get(call.args[0])
        if call.name == "open" and call.left and not call.error:
            opened[call.result] = call
        if call.name == "close":
            opened.pop(call.args[0], None)
        if (opening or call).args[0] not in paths or "EAGAIN" in (call.error or ""):
            continue  # the check has looked whether more is there, and that changes nothing
        kept.append(call)
        if call.left is None or call.left > since:
            openings.append(opening)
    openings += opened.values()
    return [call for call in kept if call.left is None or call.left > since or call in openings]


def _texts(args):
    for arg in args:
        if isinstance(arg, str):
            yield arg
        elif isinstance(arg, (list, tuple)):
            yield from _texts(arg)
