"""The checks of make_pipe."""
import os
import socket
import stat

from pipe_helpers.exercises.observed import (
    did,
    expect_all_as_before,
    expect_error,
    expect_no_value,
    hold_before,
    observe,
)
from pipe_helpers.exercises.trial import Fails, is_fifo

_NAME = "it's my_pipe"  # a shell takes it for something else
_MOST_STEPS = 9
_AT_ONCE = 0.15  # seconds, for the quickest of some calls, which may start a program


def _make(report, fn, *calls):
    """What the learner's process does: for each (umask, path) of calls it makes a pipe."""
    for umask, path in calls:
        os.umask(umask)
        report("did", *observe(fn, path))


def makes(trial):
    paths = [trial.path(_NAME) for _ in range(3)]
    paths.append(paths[0])  # the same once more, when that pipe has been removed
    trial.start(*zip((0o022, 0, 0o077, 0o022), paths), act=_make)
    times = []
    for number, path in enumerate(paths):
        if number == 3 and os.path.lexists(path):
            os.unlink(path)
        seen = did(trial)
        if not os.path.lexists(path):
            raise Fails("After the call there is nothing at the path that was given.")
        if not is_fifo(path):
            raise Fails(f"What it made is {_kind(path)}, not a named pipe: os.mkfifo makes one.")
        mode = stat.S_IMODE(os.stat(path).st_mode)
        if mode & 0o600 != 0o600:
            raise Fails(f"The pipe has the mode {stat.filemode(mode)[1:]}, so that its owner "
                        "can't both read and write. A mode is written in octal, 0o600.")
        if mode != 0o600:
            raise Fails(f"The pipe has the mode {oct(mode)}, and asked for is 0o600: give it to "
                        "os.mkfifo as the second argument.")
        expect_no_value(seen)
        _expect_nothing_else(trial, seen, path)
        times.append(seen.took - seen.delayed)
    if min(times) > _AT_ONCE:
        raise Fails(f"Each call took {min(times):.2f} s or more, and nothing was there to wait "
                    "for: a pipe is made at once.")


def twice(trial):
    path, reader = trial.path(_NAME), trial.puppet("reader")
    foreign = trial.pipe(_NAME)
    os.chmod(foreign, 0o620)
    trial.start(*[(0o022, each) for each in (path, path, foreign, path)], act=_make)
    did(trial)
    if not is_fifo(path):
        raise Fails("After the first call there is no named pipe at the path.")
    fds = {each: _guard(reader, each) for each in (path, foreign)}
    for number, each in enumerate((path, foreign, path)):
        before = _look(each)
        what = ("The second call", "The call", "The third call")[number]
        seen = did(trial, raised=lambda name, *_, what=what: (
            f"{what} raised {name}: the pipe is there already, and that is well."))
        _expect_same_pipe(each, before, what)
        if reader.level(fds[each])[0]:
            raise Fails("There was a named pipe at the path, and it wrote to it: whoever reads "
                        "gets what nobody meant for him.")
        expect_no_value(seen)
        _expect_nothing_else(trial, seen, each)


def races(trial):
    maker = trial.puppet("reader")
    for number in range(1, _MOST_STEPS):
        path = trial.path(_NAME)
        trial.start(number, path, act=hold_before)
        event = trial.event("held", "did", hold=True)
        if event[0] == "did":
            return
        maker.mkfifo(path, 0o620).wait()  # now another process is quicker
        _guard(maker, path)
        before = _look(path)
        step = f"your os.{event[1]}" if hasattr(os, event[1]) else "you started another program"
        seen = did(trial, raised=lambda name, *_, step=step: (
            f"Another process made the pipe just before {step}, and it raised "
            f"{name}. First try to make it, and look only if that fails."))
        if not os.path.lexists(path):
            raise Fails("Another process made the pipe first, and in the end there was none.")
        _expect_same_pipe(path, before, f"Another process made the pipe just before {step}. It")
        _expect_nothing_else(trial, seen, path)


def refuses(trial):
    paths = [trial.path(_NAME) for _ in range(6)]
    text, empty, folder, server, nowhere, link = paths
    for path, content in (text, "keep me"), (empty, ""):
        with open(path, "w") as file:
            file.write(content)
    os.mkdir(folder)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(short := os.path.join(trial.folder, "socket"))  # its length has a limit
    os.rename(short, server)
    os.symlink("nothing", nowhere)
    os.symlink(text, link)
    for path in paths:
        os.utime(path, (0, 0), follow_symlinks=False)
    before = [_look(path) for path in paths]
    trial.start(*[(0o022, path) for path in paths], act=_make)
    for path, look in zip(paths, before):
        what = look["kind"]
        seen = did(trial, errors=True)
        if not look.items() <= _look(path).items():
            if is_fifo(path):
                raise Fails(f"There was {what} at the path, and your function put a pipe in its "
                            "place.")
            raise Fails(f"There was {what} at the path, and your function destroyed it or changed "
                        "it.")
        if not seen.error:
            raise Fails(f"There was {what} at the path, and it said nothing. Whoever opens that "
                        "does not get a pipe: look what is there, and raise an error.")
        expect_error(trial, seen, f"There was {what} at the path", "OSError", "")
        _expect_nothing_else(trial, seen, path)


def no_folder(trial):
    path = os.path.join(trial.path("no_folder"), _NAME)
    trial.start((0o022, path), act=_make)
    seen = did(trial, errors=True)
    if os.path.lexists(os.path.dirname(path)):
        raise Fails("The folder of the path was missing, and your function made it. That is more "
                    "than was asked for.")
    if not seen.error:
        raise Fails("The folder of the path was missing, so there is no pipe, and it said "
                    "nothing. Let the error come through.")
    expect_error(trial, seen, "The folder of the path was missing", "OSError", "")


def _guard(reader, path):
    """Let a reader hold the pipe, so that no other gets its inode; it has last changed in 1970."""
    fd = reader.open(path, os.O_RDONLY | os.O_NONBLOCK).result()
    os.utime(path, (0, 0))
    return fd


def _look(path):
    """What is at the path, so that a change can be told."""
    status = os.lstat(path)
    kind = _kind(path)
    more = {"a regular file": lambda: open(path, "rb").read(), "a folder": lambda: os.listdir(path),
            "a link": lambda: os.readlink(path)}.get(kind, lambda: None)()
    return {"kind": kind, "inode": status.st_ino, "mode": oct(stat.S_IMODE(status.st_mode)),
            "time": status.st_mtime_ns, "more": more}


def _expect_same_pipe(path, before, what):
    if not is_fifo(path):
        raise Fails(f"{what} removed the named pipe that was there.")
    after = _look(path)
    if after["inode"] != before["inode"]:
        raise Fails(f"{what} put a new pipe in the place of the old one. A reader that had the "
                    "old one open would wait for ever.")
    if after["mode"] != before["mode"]:
        raise Fails(f"{what} changed the mode of the pipe that was there from {before['mode']} "
                    f"to {after['mode']}. That pipe is not yours: leave it as it is.")
    if after["time"] != before["time"]:
        raise Fails(f"{what} wrote to the pipe that was there, or changed its time. That pipe is "
                    "not yours: leave it as it is.")


def _expect_nothing_else(trial, seen, path):
    if path in seen.opened:
        raise Fails("It opened what is at the path: for that moment another program takes it for "
                    "a reader or a writer. os.stat looks and opens nothing.")
    expect_all_as_before(seen, "After the call")
    if others := set(os.listdir(os.path.dirname(path))) - {os.path.basename(path)}:
        raise Fails(f"Beside the path that was given it left {sorted(others)[0]!r} in the folder.")


def _kind(path):
    kinds = {stat.S_IFREG: "a regular file", stat.S_IFIFO: "a named pipe", stat.S_IFDIR: "a folder",
             stat.S_IFSOCK: "a socket", stat.S_IFLNK: "a link"}
    return kinds.get(stat.S_IFMT(os.lstat(path).st_mode), "something else")


# For each function the chapter that asks for it, and its points in the order they are tried.
EXERCISES = {
    "make_pipe": ("mkfifo", {
        "makes a named pipe with the mode 0o600": makes,
        "may be called twice, and leaves the pipe that is there": twice,
        "goes on if another process is quicker": races,
        "refuses what is no pipe": refuses,
        "says so if the folder is missing": no_folder,
    }),
}

# For each of these points a second hint, for who fails at it again: how it can be done.
HINTS = {
    "make_pipe": {
        "makes a named pipe with the mode 0o600": (
            "One call makes it: `os.mkfifo(path, 0o600)`."),
        "may be called twice, and leaves the pipe that is there": (
            "Put that call in `try`. After `except FileExistsError:` only look what is there:"
            " for a named pipe nothing more is to be done."),
        "goes on if another process is quicker": (
            "No look before `os.mkfifo`: what it tells may be no longer true one step later. "
            "Call `os.mkfifo` first, in `try`, and look in `except FileExistsError`."),
        "refuses what is no pipe": (
            "In `except FileExistsError`, `stat.S_ISFIFO(os.stat(path).st_mode)` is True for "
            "a named pipe. If it is not, raise `FileExistsError` yourself."),
        "says so if the folder is missing": (
            "Catch `FileExistsError` alone. The error of a missing folder is another one, and"
            " comes through by itself."),
    },
}
