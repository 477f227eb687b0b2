"""What the checks share: a folder, puppets for the other side, and what a failure looks like."""
import contextlib
import os
import signal
import stat
import sys
import threading
import time

from pipe_helpers.exercises.child import MARK
from pipe_helpers.exercises.learner import Learner
from pipe_helpers.exercises.plain import shown
from pipe_helpers.exercises.run import failing_run
from pipe_helpers.keeping.folder import make_folder, remove_folder
from pipe_helpers.keeping.one_go import in_one_go, to_its_end
from pipe_helpers.keeping.socket_folder import short_parent
from pipe_helpers.processes.puppet import Puppet
from pipe_helpers.recording.calls import Call, Data


# Seconds, as of `Learner.next`: enough to tell that it rests, not that nothing will wake it.
RESTS = {"patience": 0.02, "napping": 0.06}


class Fails(Exception):
    """A point that the learner's function does not meet. hint: why, in a sentence or two.

    waits: it cost a wait to find out, so the points after it are not tried.
    """

    def __init__(self, hint, waits=False):
        super().__init__(hint)
        self.hint = hint
        self.waits = waits


class NotWritten(Exception):
    """The function is still the stub."""


class NotTried(Exception):
    """A point that another one prepares, which has failed."""


class Trial:
    """One check of a learner's function fn. A context manager: at its end nothing is left.

    `begin` it in the block: an interrupt may come before the block, and then there is nothing yet.
    """

    def __init__(self, fn):
        self.fn = fn
        self.folder = None
        self._puppets = {}
        self._pipes = 0
        self.learner = self._pending = self._last = None
        self._aside = []
        self.waiting = []  # see `patience`
        self._descriptors, self._own_calls = [], []
        self._leaving = threading.Lock()
        self.printed = ""

    def begin(self):
        """Make the folder. Raises OSError if that is not possible."""
        in_one_go("the check", self._begin, undo=lambda _: self._leave())

    def _begin(self):
        parent = short_parent("named_pipes_check_12345678/learner_12345")
        self.folder = make_folder("named_pipes_check_", parent)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        to_its_end(self._leave)

    def _leave(self):
        with self._leaving:
            self._end_learner()
            for learner in self._aside:
                learner.end()
            for puppet in list(self._puppets.values()):
                puppet.end()
            while self._descriptors:
                os.close(self._descriptors.pop())
            if self.folder is not None:
                _end_daemons(os.path.join(self.folder, MARK))
                remove_folder(self.folder)

    # ---------------------------------------------------------------- the other side

    def puppet(self, role="writer"):
        """The puppet of that role: a process of its own, started when it is first asked for."""
        if role not in self._puppets:
            def make():  # an interrupt must not come between the making and the noting
                self._puppets[role] = Puppet(role, cwd=self.folder, listed=False)
                return self._puppets[role]

            in_one_go(f"the {role}", make, undo=Puppet.end)
        return self._puppets[role]

    def path(self, name="my_pipe"):
        """A path at which there is nothing yet."""
        self._pipes += 1
        os.mkdir(os.path.join(self.folder, str(self._pipes)))
        return os.path.join(self.folder, str(self._pipes), name)

    def pipe(self, name="my_pipe"):
        """The path of a new named pipe."""
        path = self.path(name)
        os.mkfifo(path)
        return path

    def reset(self):
        """End the learner's process and let go of all that the puppets hold."""
        self._end_learner()
        for role, puppet in list(self._puppets.items()):
            try:
                puppet.cancel()
                for fd in puppet.descriptors:
                    puppet.close(fd).wait()
            except RuntimeError:  # the function has killed it: the next point gets a new one
                puppet.end()
                del self._puppets[role]

    def open(self, path, flags):
        """A descriptor of the check itself, which never waits: until `close`, or the end."""
        def make():  # an interrupt must not come between the opening and the noting
            self._descriptors.append(self._call("open", path, flags | os.O_NONBLOCK))
            return self._descriptors[-1]

        return in_one_go("the check", make, undo=lambda fd: None)

    def close(self, fd):
        """Close a descriptor that `open` has returned."""
        self._descriptors.remove(fd)
        self._call("close", fd)

    def write(self, fd, data):
        """Write to a descriptor that `open` has returned, and return the count."""
        return self._call("write", fd, data)

    def _call(self, name, *args):
        entered = time.monotonic_ns()
        result = getattr(os, name)(*args)
        if name == "write":
            args = args[0], Data(args[1][:64], len(args[1]))
        self._own_calls.append(Call(os.getpid(), "notebook", name, args, entered,
                                    time.monotonic_ns(), result))
        return result

    # ---------------------------------------------------------------- the learner's side

    def start(self, *args, act):
        """Run act(report, fn, *args) in a new process of the learner's."""
        self._end_learner()
        self.learner = Learner(self.folder, act, self.fn, *args)
        # Its socket may come into the folder while that is removed: then once more, afterwards.
        self.learner.start(given_up=self._leave)

    def event(self, *wanted, patience=None, napping=None, hold=False, **hints):
        """Wait for an event of a wanted kind. Another one fails the point, with a hint.

        hints: what to say of an event instead, by its kind: returned, raised, asleep, spins
        (a text, or a function of the event's values that returns one, or None).
        """
        event = self.next(patience=patience, napping=napping, hold=hold)
        if event[0] not in wanted:
            self._fail(event, hints)
        return event

    def rests(self, *wanted, **hints):
        """Wait until it sleeps, or wakes only to look now and then, or an event of wanted."""
        return self.event("asleep", "napping", *wanted, **RESTS, **hints)

    def meet(self, press, *wanted, **hints):
        """Wait until a call of a puppet has returned that waits for the learner's function.

        Returns None, or an event of wanted if that comes first. Fails if it sleeps instead.
        """
        for times in RESTS, {}:  # the second time as long as is usual
            try:
                press.wait(0.01)
                return None
            except TimeoutError:
                event = self.next(hold=True, **times)  # what comes after it is not to be met
            if event[0] not in ("asleep", "napping"):
                self._pending = event
                if self.settled(press):  # the call has returned, and `event` tells the rest
                    return None
                return self.event(*wanted, **hints)
        if not self.done(press):
            self._fail(event, hints)
        return None

    def set_aside(self):
        """Let the learner's process go on beside the others until the end, and return it."""
        learner, self.learner = self.learner, None
        self._aside.append(learner)
        return learner

    def take_back(self, learner):
        """Go on with a learner's process that was set aside."""
        self._end_learner()
        self._aside.remove(learner)
        self.learner = learner

    def again(self, event):
        """Let `event` return this event once more."""
        self._pending = event

    @staticmethod
    def done(press):
        """Whether the call of a puppet has returned, as of now."""
        press._puppet.under_way  # noqa: B018 (takes the puppet's reports)
        return press.done

    def settled(self, press):
        """Whether the call of a puppet has returned. If not, it is blocked."""
        try:
            press._puppet.wait_blocked()
        except RuntimeError:  # not blocked: it has returned
            pass
        return self.done(press)

    def next(self, hold=False, **options):
        """The next event of the learner's process: see `Learner.next`."""
        if self._pending:
            event, self._pending = self._pending, None
            return event
        options = {name: value for name, value in options.items() if value is not None}
        self._last = self.learner.next(hold=hold, **options)
        return self._last

    def run(self):
        """What has been done since the function was last called, as a list of `Call`."""
        if self.learner is None or self._last is None:
            return []
        others = [self._own_calls, *(puppet.calls for puppet in self._puppets.values())]
        return failing_run(self.learner, self._last, others, self.short)

    def _fail(self, event, hints):
        kind, *values = event
        if kind == "raised" and values[0] == "NotImplementedError":
            raise NotWritten
        if kind == "did":  # as `observe` reports it
            value, error, *_ = values
            kind, *values = ("raised", *error[:3]) if error else ("returned", value)
        if kind == "exit" and values[0] == -signal.SIGPROF or kind == "napping":
            kind = "spins"
        hint = hints.get(kind)
        hint = hint(*values) if callable(hint) else hint
        raise Fails(hint or self._usual_hint(kind, values), kind in ("asleep", "spins"))

    def _usual_hint(self, kind, values):
        if kind == "raised":
            name, text, _ = values
            text = self.short(text)
            return f"It raised {name}{': ' if text else ''}{text}."
        if kind == "asleep":
            place = self.learner.place()
            where = f" in the line `{place}`" if place else ""
            return f"It waits{where}, and the check does nothing more that could end that wait."
        if kind == "spins":
            return "It never comes to an end: it runs in a loop, at the cost of a processor."
        if kind == "returned":
            return f"It returned too early ({shown(values[0])})."
        if kind == "exit":
            status, = values
            if status < 0:
                named = {number.value: number.name for number in signal.Signals}
                return f"Its process was ended by {named.get(-status, f'signal {-status}')}."
            return (f"It ended its whole process (exit status {status}): a function returns, "
                    "and leaves os._exit to programs.")
        return f"It reported {kind} at a time when nothing was to come."

    def short(self, text):
        """text without the check's own folders."""
        for number in range(self._pipes, 0, -1):
            text = text.replace(f"{self.folder}/{number}/", "")
        return text.replace(self.folder, "the folder of the check")

    def _end_learner(self):
        # The thread of an interrupted start may be here at the same time; and who is interrupted
        # in `end` must still find the process at the very end.
        if (learner := self.learner) is not None:
            learner.end()
            self.printed += learner.printed
        self.learner = self._pending = self._last = None


def _end_daemons(mark):
    """Kill what has left the learner's session but has the mark: see `be_learner`. Linux only.

    A process has it open, or in the environment that it was started with [proc_pid_fd(5),
    proc_pid_environ(5)].
    """
    for name in os.listdir("/proc") if sys.platform == "linux" else ():
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            if name.isdecimal() and _has(f"/proc/{name}", os.fsencode(mark)):
                os.kill(int(name), signal.SIGKILL)


def _has(process, mark):
    with open(f"{process}/environ", "rb") as file:
        if mark in file.read():
            return True
    for fd in os.listdir(f"{process}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if os.fsencode(os.readlink(f"{process}/fd/{fd}")) == mark:
                return True
    return False


def expect_bytes(value, wanted, what):
    """Fail unless value is the bytes wanted. what: "message", as the hint calls them."""
    if value == wanted and type(value) is bytes:
        return
    if value is None:
        raise Fails(f"It returned None: give the {what} back with `return`.")
    if type(value) is str:
        raise Fails(f"It returned text. The {what} is asked for as bytes, b'...': a pipe carries "
                    "bytes, and who needs text can decode the whole.")
    if type(value) is not bytes:
        raise Fails(f"It returned {shown(value)}, and the {what} is bytes.")
    if not value:
        raise Fails(f'It returned b"" before the {what} had come. With O_NONBLOCK a read does not '
                    'wait: it gives b"" while no writer has the pipe open, and BlockingIOError '
                    "while one has it open and is silent.")
    if value.strip() == wanted.strip() and len(value) < len(wanted):
        raise Fails(f"It returned {shown(value)} and the {what} is {shown(wanted)}: the white "
                    "space is part of it, do not strip it.")
    if wanted.startswith(value):
        raise Fails(f"It returned {len(value):,} bytes, and the {what} has {len(wanted):,}. "
                    "One read returns what is there: read on until the end.")
    if value == wanted + b"\n":
        raise Fails(f"It returned {shown(value)}, with the newline that only marks the end.")
    raise Fails(f"It returned {shown(value)}, and the {what} is {shown(wanted)}.")


def is_fifo(path):
    try:
        return stat.S_ISFIFO(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False
