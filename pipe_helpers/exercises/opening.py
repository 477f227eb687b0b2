"""The checks of try_open_writer."""
import contextlib
import errno
import fcntl
import os
import resource

from pipe_helpers.exercises.observed import (
    call_each,
    did,
    expect_all_as_before,
    expect_error,
    hold_before,
    observe,
)
from pipe_helpers.exercises.trial import Fails, shown

_NAME = "it's my_pipe"
_AT_ONCE = 0.05  # seconds, for the quickest of some calls
_MOST_STEPS = 9


def nobody(trial):
    paths = [trial.pipe(_NAME) for _ in range(2)]
    for path in paths:
        os.utime(path, (0, 0))
    trial.start(*[(path,) for path in (*paths, *paths)], act=call_each)
    times = []
    for path in (*paths, *paths):
        seen = did(trial, asleep=(
            "Nobody reads, and it waits. With O_NONBLOCK, os.open does not wait for a reader."),
            raised=_raises_to_nobody)
        _expect_none(seen)
        status = os.stat(path)
        if status.st_mtime or status.st_mode != os.stat(paths[0]).st_mode:
            raise Fails("Nobody reads, and it changed the pipe: its bytes, its times or its mode.")
        times.append(seen.took - seen.delayed)
    if min(times) > _AT_ONCE:
        raise Fails(f"Nobody reads, and it took {min(times):.2f} s to say so, or more. It is not "
                    "to wait: try once.")


def somebody(trial):
    path = trial.pipe(_NAME)
    reader = trial.puppet("reader")
    fd = reader.open(path, os.O_RDONLY | os.O_NONBLOCK).result()
    mode = os.stat(path).st_mode
    sent = b"Hello", b" \0\xff\r\n\x80 \n", b"\n"
    trial.start(path, *sent, b"", act=_open_and_write)
    for data in sent:
        _expect_writer(trial, reader, fd, data, "A reader has the pipe open")
    own = trial.open(path, os.O_WRONLY)
    with contextlib.suppress(BlockingIOError):
        while True:
            trial.write(own, b"." * 4_096)
    _expect_writer(trial, reader, fd, b"", "A reader has the pipe open, and the pipe is full")
    if os.stat(path).st_mode != mode:
        raise Fails("It changed the mode of the pipe. Whom it lets write is not yours to say.")


def comes_and_goes(trial):
    path = trial.pipe(_NAME)
    reader = trial.puppet("reader")
    trial.start(path, *b"12345", act=_open_and_write)
    for _ in range(2):
        _expect_none(did(trial, raised=_raises_to_nobody))
        fd = reader.open(path, os.O_RDONLY | os.O_NONBLOCK).result()
        _expect_writer(trial, reader, fd, b"", "A reader came, after a call that found none")
        reader.close(fd).result()


def leaves_meanwhile(trial):
    reader = trial.puppet("reader")
    for number in range(1, _MOST_STEPS):
        path = trial.pipe(_NAME)
        fd = reader.open(path, os.O_RDONLY | os.O_NONBLOCK).result()
        trial.start(number, path, act=hold_before)
        if trial.event("held", "did", hold=True)[0] == "did":
            return
        reader.close(fd).result()
        seen = did(trial, asleep=(
            "The reader left just before your function opened the pipe, and now it waits. Whether "
            "somebody reads, only that open itself can tell: with O_NONBLOCK."),
            raised=_raises_to_nobody)
        if seen.value is None:
            _expect_none(seen)


def other_errors(trial):
    missing, file, folder, loop, shut, full = [trial.path(_NAME) for _ in range(6)]
    open(file, "w").close()
    os.mkdir(folder)
    os.symlink(loop, loop)
    os.mkfifo(shut, 0)
    os.mkfifo(full)
    cases = [("There is no file at the path", missing, errno.ENOENT),
             ("The path leads through a file as if it were a folder", f"{file}/pipe",
              errno.ENOTDIR),
             ("There is a folder at the path", folder, errno.EISDIR),
             ("There is a link at the path that leads to itself", loop, errno.ELOOP),
             ("There is a pipe at the path that it may not open", shut, errno.EACCES),
             ("The process may have no more descriptors open", full, errno.EMFILE)]
    expect_errors(
        trial, cases, made="There was no pipe at the path, and it made something there.",
        hidden="It hid the error of os.open ({}). Only one error means that nobody reads: "
               "error.errno == errno.ENXIO.")


def expect_errors(trial, cases, made, hidden):
    """Each of cases, (when, path, errno), raises that error and leaves all as it was.

    made: what to say if there is something at a path without a file after that. hidden: if it
    raised nothing, with {} in the place of the error's name.
    """
    trial.start(*[(number, path) for _, path, number in cases], act=try_in_vain)
    for when, path, number in cases:
        seen = did(trial, errors=True)
        if number == errno.ENOENT and os.path.lexists(path):
            raise Fails(made)
        expect_error(trial, seen, when, type(OSError(number, "")).__name__, number=number,
                     returned=hidden.format(errno.errorcode[number]))
        expect_all_as_before(seen, f"{when}. After the call")


def _open_and_write(report, fn, path, *pieces):
    """Open the pipe for each of the pieces, write it, and close every second descriptor."""
    os.close(0)  # so the first one has the number 0
    for number, data in enumerate(pieces):
        seen = observe(fn, path)
        report("did", *seen)
        if type(seen.value) is int:
            try:
                access = fcntl.fcntl(seen.value, fcntl.F_GETFL) & os.O_ACCMODE
                if type(data) is bytes:
                    os.write(seen.value, data)
                report("used", access, None)
                if number % 2:
                    os.close(seen.value)
            except OSError as error:
                report("used", None, f"{type(error).__name__}: {error}")


def try_in_vain(report, fn, *calls):
    """Call it with the arguments of each of calls so that the error comes that stands first."""
    def attempt(number, *args):
        with _made_to_fail(number):
            return fn(*args)

    for call in calls:
        report("did", *observe(attempt, *call))


@contextlib.contextmanager
def _made_to_fail(number):
    user, limits = os.geteuid(), resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        if number == errno.EACCES and user == 0:  # root may open everything
            os.seteuid(65534)
        if number == errno.EMFILE:
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        yield
    finally:
        os.seteuid(user)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def _raises_to_nobody(name, text, number):
    if number == errno.ENXIO:
        return f"Nobody reads, and it raised {name}: catch that one error (ENXIO) and return None."
    return None


def _expect_none(seen):
    if type(seen.value) is int and seen.new:
        raise Fails("Nobody reads, and it returned a descriptor. Opened for both directions, a "
                    "pipe has a reader: yourself. Opened for reading, it never asks for one.")
    if seen.value is not None:
        raise Fails(f"Nobody reads, and it returned {shown(seen.value)} instead of None.")
    if seen.new:
        raise Fails("It returned None and left a descriptor open.")
    expect_all_as_before(seen, "Nobody reads. After the call")


def _expect_writer(trial, reader, fd, data, when):
    """Fail unless the call gives a new write end, through which data have come to the reader."""
    seen = did(trial, asleep="A reader has the pipe open, and it still waits.")
    if seen.value is None and seen.new:
        raise Fails(f"{when}. It opened the pipe and returned None. Return the descriptor, "
                    "whatever its number, and whether or not the pipe has room.")
    if seen.value is None:
        raise Fails(f"{when}, and it returned None.")
    if type(seen.value) is not int:
        raise Fails(f"It returned {shown(seen.value)}. Asked for is a descriptor, the number that "
                    "os.open returns.")
    _, access, error = trial.event("used", hold=True)
    if error:
        raise Fails(f"The descriptor that it returned can't be written to: {error}. Return it "
                    "open, and opened for writing.")
    if access != os.O_WRONLY:
        raise Fails("The descriptor that it returned is open for both directions: then your own "
                    "process counts as a reader. Open it for writing only.")
    if not seen.new:
        raise Fails("It returned a descriptor that was open before the call. Each call opens the "
                    "pipe anew.")
    expect_all_as_before(seen, f"{when}. Beside the descriptor that it returned", new=1)
    if data:
        press = reader.read(fd, 512)
        if press.wait().error or press.result() != data:
            raise Fails("Bytes were written to what it returned, and something else is what the "
                        "reader got.")


# For each function the chapter that asks for it, and its points in the order they are tried.
EXERCISES = {
    "try_open_writer": ("open", {
        "gives None at once when nobody reads": nobody,
        "gives a descriptor to write to when somebody does": somebody,
        "tells anew each time whether somebody reads": comes_and_goes,
        "never waits, even if the reader leaves meanwhile": leaves_meanwhile,
        "hides no other error": other_errors,
    }),
}

# For each of these points a second hint, for who fails at it again: how it can be done.
HINTS = {
    "try_open_writer": {
        "gives None at once when nobody reads": (
            "The flags are `os.O_WRONLY | os.O_NONBLOCK`. While nobody reads, this open "
            "raises an `OSError` whose `errno` is `errno.ENXIO`: catch it, and return None."),
        "gives a descriptor to write to when somebody does": (
            "Return what `os.open` returned: do not close it, and do not ask `if fd:`, "
            "because a descriptor may be 0."),
        "tells anew each time whether somebody reads": (
            "Keep nothing from one call to the next: each call makes its own `os.open`."),
        "never waits, even if the reader leaves meanwhile": (
            "Ask nobody beforehand. One `os.open` with `os.O_NONBLOCK` asks and opens in one "
            "step, so that nothing can change in between."),
        "hides no other error": (
            "In `except OSError as error:`, return None only if `error.errno == errno.ENXIO`;"
            " in all other cases `raise`."),
    },
}
