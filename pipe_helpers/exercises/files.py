"""The checks of open_regular."""
import errno
import fcntl
import os
import socket
import stat

from pipe_helpers.exercises.observed import (
    LOOKS,
    STEPS,
    call_each,
    did,
    expect_all_as_before,
    expect_error,
    hold_before,
    observe,
    seen_in,
)
from pipe_helpers.exercises.opening import expect_errors
from pipe_helpers.exercises.pieces import waiting
from pipe_helpers.exercises.trial import Fails, NotTried, shown

_NAME = "it's settings.txt"
_TEXT = b"colour = blue\n"
_MOST_OPENS = 5
_WAITS = "and it waits. With O_NONBLOCK, os.open waits for nobody"


def regular(trial):
    contents = _TEXT, b"", b" \0\xff\r\n" * 20_000, _TEXT
    paths = [_file(trial, each) for each in contents]
    trial.start(*paths, act=_open_and_read)
    for path, content in zip(paths, contents):
        before = os.stat(path)
        seen = did(trial)
        _expect_descriptor(seen)
        _, flags, piece, error = trial.event("used", hold=True)
        if error:
            raise Fails(f"What it returned can't be read from: {error}. Return the descriptor "
                        "open, and opened for reading.")
        if not seen.new:
            raise Fails("It returned a descriptor that was open before the call. Each call opens "
                        "the file anew.")
        if flags & os.O_ACCMODE != os.O_RDONLY:
            raise Fails("The descriptor that it returned is open for writing, too. Open the file "
                        "for reading only: os.O_RDONLY.")
        if piece != content[:len(piece)] or not piece and content:
            raise Fails(f"The file begins with {shown(content[:20])}, and the first read from what "
                        f"it returned gave {shown(piece[:20])}. Read nothing from it yourself.")
        after = os.stat(path)
        if (before.st_size, before.st_mtime_ns, before.st_mode) != (
                after.st_size, after.st_mtime_ns, after.st_mode):
            raise Fails("It changed the file: its bytes, its times or its mode.")
        expect_all_as_before(seen, "Beside the descriptor that it returned", new=1)


def blocks(trial):
    trial.start(_file(trial), act=_open_and_read)
    seen = did(trial)
    _expect_descriptor(seen)
    _, flags, _, error = trial.event("used", hold=True)
    if error:
        raise NotTried
    if flags & os.O_NONBLOCK:
        raise Fails("The descriptor that it returned still has O_NONBLOCK. When it is sure that "
                    "the file is a regular one, drop that: os.set_blocking(fd, True).")


def named_pipe(trial):
    path, used = trial.pipe(_NAME), trial.pipe(_NAME)
    fd = trial.open(used, os.O_RDONLY)
    trial.write(trial.open(used, os.O_WRONLY), _TEXT)
    trial.start((path,), (used,), act=call_each)
    for when in ("A named pipe is at the path, and nobody writes",
                 "A named pipe with bytes in it is at the path"):
        seen = did(trial, errors=True, asleep=f"{when}, {_WAITS}.")
        _expect_refusal(trial, seen, when)
    if waiting(fd) != len(_TEXT):
        raise Fails("It read from the named pipe: those bytes are for another reader.")


def waiting_writer(trial):
    path, writer = trial.pipe(_NAME), trial.puppet("writer")
    opening = writer.open(path, os.O_WRONLY)
    writer.wait_blocked()
    trial.start((path,), act=call_each)
    when = "A writer waits in its open of a named pipe"
    seen = did(trial, errors=True, asleep=f"{when}, {_WAITS}.")
    if trial.settled(opening):
        raise Fails("A writer waited in its open of a named pipe, and your function has opened the "
                    "pipe: the writer goes on, and nobody reads. Look before you open, too.")
    _expect_refusal(trial, seen, when)


def other_kinds(trial):
    folder, at = trial.path(_NAME), trial.path("s")
    os.mkdir(folder)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(at)
    cases = {"A folder": folder, "A device": os.devnull, "A socket": at}
    trial.start(*[(path,) for path in cases.values()], act=call_each)
    for what in cases:
        _expect_refusal(trial, did(trial, errors=True), f"{what} is at the path")


def taken_place(trial):
    """Whoever looks by name sees a file. Each time another one of its opens meets a pipe."""
    for number in range(1, _MOST_OPENS):
        path, opens = _file(trial), 0
        trial.start(path, act=_hold_at_each)
        when = "Just before an os.open of yours a named pipe took the place of the file"
        while (event := trial.event("held", "did", hold=True, asleep=f"{when}, {_WAITS}."
                                    ))[0] == "held":
            opens += event[1] not in LOOKS
            os.unlink(path)
            if event[1] not in LOOKS and opens == number:
                os.mkfifo(path)
            else:
                _write(path, _TEXT)
        seen = seen_in(event)
        if seen.error:
            _expect_refusal(trial, seen, when)
        else:
            _expect_descriptor(seen)
            if not trial.event("used", hold=True)[1]:
                raise Fails(f"{when}, and it returned a descriptor of the pipe. What you have "
                            "opened only os.fstat(fd) tells: the name may be another's by now.")
        if opens < number:
            return


def other_errors(trial):
    missing, file, loop, shut, full = [trial.path(_NAME) for _ in range(5)]
    for path in file, shut, full:
        _write(path, _TEXT)
    os.symlink(loop, loop)
    os.chmod(shut, 0)
    cases = [("There is no file at the path", missing, errno.ENOENT),
             ("The path leads through a file as if it were a folder", f"{file}/file",
              errno.ENOTDIR),
             ("There is a link at the path that leads to itself", loop, errno.ELOOP),
             ("There is a file at the path that it may not open", shut, errno.EACCES),
             ("The process may have no more descriptors open", full, errno.EMFILE)]
    expect_errors(trial, cases, made="There was no file at the path, and it made one.",
                  hidden="Let the error come through ({}).")


def _file(trial, content=_TEXT):
    _write(path := trial.path(_NAME), content)
    return path


def _write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def _open_and_read(report, fn, *paths):
    """Open each of the paths, read a piece, and close every second descriptor."""
    os.close(0)  # so the first one has the number 0
    for number, path in enumerate(paths):
        seen = observe(fn, path)
        report("did", *seen)
        if type(seen.value) is int:
            try:
                flags = fcntl.fcntl(seen.value, fcntl.F_GETFL)
                report("used", flags, os.read(seen.value, 4_096), None)
                if number % 2:
                    os.close(seen.value)
            except OSError as error:
                report("used", None, None, f"{type(error).__name__}: {error}")


def _hold_at_each(report, fn, path):
    """Call it, held before each step and each look by name, and tell what it has opened."""
    value = hold_before(report, fn, None, path, steps=STEPS | LOOKS)
    if type(value) is int:
        report("used", stat.S_ISREG(os.fstat(value).st_mode))


def _expect_descriptor(seen):
    if seen.value is None:
        raise Fails("A regular file is at the path, and it returned None. Return the descriptor, "
                    "whatever its number.")
    if type(seen.value) is not int:
        raise Fails(f"It returned {shown(seen.value)}. Asked for is a descriptor, the number that "
                    "os.open returns.")


def _expect_refusal(trial, seen, when):
    expect_error(trial, seen, when, "ValueError", "Raise ValueError for all but regular files.")
    if seen.new:
        raise Fails(f"{when}. It raised ValueError and left a descriptor open. Nobody else knows "
                    "its number: close it before you raise.")
    expect_all_as_before(seen, f"{when}. After the ValueError")


# For each function the chapter that asks for it, and its points in the order they are tried.
EXERCISES = {
    "open_regular": ("files that are not files", {
        "opens a regular file for reading": regular,
        "gives a descriptor that blocks as usual": blocks,
        "raises ValueError for a named pipe, at once": named_pipe,
        "lets a writer wait on that waits for a reader": waiting_writer,
        "raises ValueError for a folder, a device, a socket": other_kinds,
        "holds out when a pipe takes the file's place": taken_place,
        "hides no other error": other_errors,
    }),
}

# For each of these points a second hint, for who fails at it again: how it can be done.
HINTS = {
    "open_regular": {
        "opens a regular file for reading": (
            "The flags are `os.O_RDONLY | os.O_NONBLOCK`. Return what `os.open` returned: do not "
            "close it, and do not ask `if fd:`, because a descriptor may be 0."),
        "gives a descriptor that blocks as usual": (
            "Call `os.set_blocking(fd, True)` right before `return fd`."),
        "raises ValueError for a named pipe, at once": (
            "`stat.S_ISREG(status.st_mode)` tells whether `status`, from `os.stat` or `os.fstat`, "
            "is that of a regular file. If not, close what you have opened, and `raise "
            "ValueError(...)`."),
        "lets a writer wait on that waits for a reader": (
            "Before `os.open`, ask `os.stat(path)`: if that is no regular file, raise ValueError "
            "and open nothing."),
        "raises ValueError for a folder, a device, a socket": (
            "Do not ask whether it is a named pipe (`stat.S_ISFIFO`): ask whether it is a regular "
            "file (`stat.S_ISREG`)."),
        "holds out when a pipe takes the file's place": (
            "Look twice: `os.stat(path)` before, and `os.fstat(fd)` behind an `os.open` with "
            "`os.O_NONBLOCK`, the only one. The second tells about what you have opened."),
        "hides no other error": (
            "Use no `except`, and not `os.path.isfile`: that says False where `os.stat` raises "
            "the error."),
    },
}
