"""The checks of answer."""
import contextlib
import errno
import functools
import os
import select
import socket

from pipe_helpers.exercises.observed import (
    call_each,
    did,
    expect_all_as_before,
    expect_pipes_as_before,
    hold_before,
)
from pipe_helpers.exercises.opening import try_in_vain
from pipe_helpers.exercises.pieces import waiting
from pipe_helpers.exercises.trial import Fails, shown

_DATA = b"71 HELLO\n"
_AT_ONCE = 0.05  # seconds, for the quickest of some calls
_MOST_STEPS = 9
_MOST = bytes(range(256)) * (select.PIPE_BUF // 256)
_DIARY = "Tuesday: rain\n"

_before_open = functools.partial(hold_before, steps={"open"})
_after_open = functools.partial(_before_open, event="c_return")


class _Client:
    """A puppet that reads the answers in a pipe of its own, and never waits for them."""

    def __init__(self, trial, role="client"):
        self.path = trial.pipe("reply.1")
        self.before = os.lstat(self.path)
        self.puppet = trial.puppet(role)
        self.fd = self.puppet.open(self.path, os.O_RDONLY | os.O_NONBLOCK).result()

    def reads(self):
        reading = self.puppet.read(self.fd, 1 << 20)
        return b"" if reading.wait().error else reading.result()

    def closes(self):
        self.puppet.close(self.fd).wait()

    def gets(self, trial, data, when="The client reads"):
        """The call has given it data, and True."""
        seen = did(trial, asleep=f"{when}, and it waits.")
        got = self.reads()
        if got != data and seen.value is False:
            raise Fails(f"{when}, and it returned False.")
        if got != data:
            raise Fails(f"{when}. The answer was {shown(data)}, and the client got {shown(got)}.")
        if seen.value is not True:
            raise Fails(f"The client has its answer, and the call returned {shown(seen.value)}: "
                        "return True.")
        expect_all_as_before(seen, f"{when}. After the call")
        expect_pipes_as_before([self.path], [self.before])


def _gives_up(trial, when, true="", asleep="It is never to wait: os.O_NONBLOCK."):
    """The call returns False, and leaves nothing. Returns the `Observed`.

    when: what was so, the beginning of a hint. true, asleep: what to say if it returns True, or
    waits.
    """
    seen = did(trial, asleep=f"{when}, and it waits. {asleep}", spins=(
        f"{when}, and it tries again and again: return False."), raised=lambda name, text, _: (
        f"{when}, and it raised {name}: {trial.short(text)}. That would end a server. Catch it, "
        "and return False." if name not in ("NameError", "TypeError", "AttributeError") else None))
    if seen.value is True:
        raise Fails(f"{when}, and it returned True. {true}")
    if seen.value is not False:
        raise Fails(f"{when}, and it returned {shown(seen.value)} instead of False.")
    expect_all_as_before(seen, f"{when}. After the call")
    return seen


def _expect_at_once(when, calls):
    took = min(seen.took - seen.delayed for seen in calls)
    if took > _AT_ONCE:
        raise Fails(f"{when}, and it took {took:.2f} s to give up, or more. It is not to wait: "
                    "try once.")


def gives(trial):
    answers = _DATA, b" \0\xff\r\n\x80 \n", b"\n", _MOST, b"72 GOOD BYE\n"
    first, second = _Client(trial), _Client(trial)
    turns = [first, second, second, first, first]
    trial.start(*[(each.path, data) for each, data in zip(turns, answers)], act=call_each)
    for client, data in zip(turns, answers):
        client.gets(trial, data)


def nobody(trial):
    path, missing = trial.pipe("reply.1"), trial.path("reply.2")
    before = os.lstat(path)
    trial.start(*[(path, _DATA)] * 3, *[(missing, _DATA)] * 3, act=call_each)
    when = "The pipe has no reader"
    _expect_at_once(when, [_gives_up(trial, when, (
        "Opened for both directions, a pipe has a reader: your own process.")) for _ in range(3)])
    expect_pipes_as_before([path], [before])
    when, calls = "There is nothing at the path", []
    for _ in range(3):
        seen = did(trial, "asleep", "napping", errors=True, patience=0.2)
        if os.path.lexists(missing):
            raise Fails("There was nothing at the path, and your function made a file there: open "
                        "without O_CREAT, and not by open(path, \"w\").")
        if seen is None:
            raise Fails(f"{when}, and it waits for it. Return False.")
        trial.again(("did", *seen))
        calls.append(_gives_up(trial, when))
    _expect_at_once(when, calls)


def full(trial):
    client = _Client(trial)
    own = trial.open(client.path, os.O_WRONLY)
    with contextlib.suppress(BlockingIOError):
        while True:
            trial.write(own, b"." * 4_096)
    trial.start(*[(client.path, _DATA)] * 3, *[(client.path, _MOST)] * 2, act=call_each)
    when = "The client's pipe is full"
    _expect_at_once(when, [_gives_up(trial, when, asleep=(
        "O_NONBLOCK, set and left set, keeps os.write from waiting, too.")) for _ in range(3)])
    client.puppet.read(client.fd, 4_096).wait()
    room = len(_MOST) - 1  # the first of two writes or more finds room, whatever its size
    trial.write(own, b"." * (4_096 - room))
    before = waiting(own)
    when = f"The client's pipe has room for {room:,} bytes, and the answer has {len(_MOST):,}"
    event = trial.event("did", "asleep", "napping", hold=True)
    if waiting(own) != before:
        raise Fails(f"{when}. A part of it went into the pipe. Write all of it in one os.write: "
                    "up to PIPE_BUF bytes go whole, or not at all.")
    trial.again(event)
    _gives_up(trial, when)
    client.reads()
    client.gets(trial, _MOST, "The client has read all, so there is room again")


def only_pipes(trial):
    diary, empty, folder, listening, link = [trial.path("reply.1") for _ in range(5)]
    for path, text in (diary, _DIARY), (empty, ""):
        with open(path, "w") as file:
            file.write(text)
        os.utime(path, (0, 0))
    os.mkdir(folder)
    os.symlink(diary, link)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(short := os.path.join(trial.folder, "socket"))  # its length has a limit
    os.rename(short, listening)
    cases = {"a regular file": diary, "an empty file": empty, "a link to a regular file": link,
             "a folder": folder, "a socket": listening, "the device /dev/null": os.devnull}
    before = os.lstat(empty)
    trial.start(*[(path, _DATA) for path in cases.values()], act=call_each)
    for what in cases:
        event = trial.event("did", "raised", "asleep", "napping", "spins", "exit", hold=True)
        _expect_untouched(diary, f"There was {what} at the path")
        if os.lstat(empty)[:8] != before[:8] or os.lstat(empty).st_mtime:
            raise Fails("There was an empty file at the path, and your function wrote to it.")
        trial.again(event)
        _gives_up(trial, f"There is {what} at the path", (
            "Only a named pipe is written to: stat.S_ISFIFO tells."))


def _expect_untouched(diary, when, why=""):
    with open(diary) as file:
        text = file.read()
    if text == "":
        raise Fails(f"{when}, and your function emptied it: open it with os.O_WRONLY and "
                    f"os.O_NONBLOCK alone. {why}")
    if text != _DIARY:
        raise Fails(f"{when}, and your function wrote to it. {why or _LOOK}")


_LOOK = "Look with os.fstat and stat.S_ISFIFO at what you have opened, before you write."


def swapped(trial):
    """The name becomes another file's just before it is opened, or just after."""
    for act, when, why in (
            (_before_open, "Just before your function opened the pipe, somebody put a regular "
             "file in its place", "Look at what you have opened: os.fstat, after os.open."),
            (_after_open, "There was a regular file at the path. Just after your function opened "
             "it, somebody put a named pipe in its place", "Look with os.fstat at the descriptor: "
             "os.stat tells what has the name now.")):
        for number in range(1, _MOST_STEPS):
            client, diary = _Client(trial), trial.path("diary")
            with open(diary, "w") as file:
                file.write(_DIARY)
            path, other = client.path, diary
            if act is _after_open:
                path, other = other, path
            trial.start(number, path, _DATA, act=act)
            if trial.event("held", "did", hold=True)[0] == "did":
                break
            os.link(diary, kept := trial.path("kept"))
            os.rename(other, path)
            event = trial.event("did", "raised", "asleep", "napping", hold=True)
            _expect_untouched(kept, when, why)
            trial.again(event)
            got = client.reads()
            if event[1] is not True or got != _DATA:  # it may have opened the pipe as well
                _gives_up(trial, when, "Nothing arrived.")


def dies(trial):
    for act, when in ((_before_open, "The client left just before your function opened its pipe"),
                      (_after_open, "The client left just before your function wrote")):
        for number in range(1, _MOST_STEPS):
            client = _Client(trial)
            trial.start(number, client.path, _DATA, act=act)
            if trial.event("held", "did", hold=True)[0] == "did":
                break
            client.closes()
            _gives_up(trial, when, asleep=(
                "Only the open itself can tell whether somebody reads: with os.O_NONBLOCK."))
    first, dead = _Client(trial), _Client(trial, "client that dies")
    dead.puppet.end()  # by SIGKILL
    trial.start(*[(each.path, _DATA) for each in (first, dead, dead, first)], act=call_each)
    first.gets(trial, _DATA)
    _gives_up(trial, "The client has died")
    _gives_up(trial, "The client has died")
    first.gets(trial, _DATA, "One client has died, and the next one reads")


def other_errors(trial):
    file, loop, shut = [trial.path("reply.1") for _ in range(3)]
    open(file, "w").close()
    os.symlink(loop, loop)
    os.mkfifo(shut, 0)
    cases = [("There is a pipe at the path that it may not open", shut, errno.EACCES),
             ("The path leads through a file as if it were a folder", f"{file}/reply.1",
              errno.ENOTDIR),
             ("There is a link at the path that leads to itself", loop, errno.ELOOP),
             ("The name in the path is too long", f"{trial.path()}{'x' * 300}",
              errno.ENAMETOOLONG)]
    trial.start(*[(number, path, _DATA) for _, path, number in cases], act=try_in_vain)
    for when, _, _ in cases:
        _gives_up(trial, when)


# For each function the chapter that asks for it, and its points in the order they are tried.
EXERCISES = {
    "answer": ("a server for many", {
        "gives a client its answer, and returns True": gives,
        "returns False at once if nobody reads": nobody,
        "returns False at once if there is no room": full,
        "writes into a named pipe only": only_pipes,
        "looks at what it has opened, not at the name": swapped,
        "goes on when a client dies": dies,
        "returns False for all that the system refuses": other_errors,
    }),
}

# For each of these points a second hint, for who fails at it again: how it can be done.
HINTS = {
    "answer": {
        "gives a client its answer, and returns True": (
            "Open with `os.O_WRONLY | os.O_NONBLOCK`, write `data` with one `os.write`, close, "
            "and `return True`."),
        "returns False at once if nobody reads": (
            "`os.open` raises an `OSError` at once, without a reader and without such a name: "
            "catch it, and `return False`. Do not try again."),
        "returns False at once if there is no room": (
            "Keep `os.O_NONBLOCK` on the descriptor: then `os.write` raises `BlockingIOError`, "
            "an `OSError`, too, and has written nothing."),
        "writes into a named pipe only": (
            "After `os.open`: if `stat.S_ISFIFO(os.fstat(fd).st_mode)` is False, close, and "
            "`return False`."),
        "looks at what it has opened, not at the name": (
            "No `os.stat` and no `os.path` before the open, since the name may change hands. "
            "First `os.open`, then `os.fstat(fd)`."),
        "goes on when a client dies": (
            "`os.write`, too, stands in a `try` with `except OSError`: without a reader it raises "
            "`BrokenPipeError`. Close in `finally`."),
        "returns False for all that the system refuses": (
            "`except OSError:` catches `FileNotFoundError`, `BlockingIOError`, "
            "`BrokenPipeError`, `PermissionError`, and all others of the system."),
    },
}
