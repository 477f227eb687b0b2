"""The checks of read_message."""
import errno
import functools
import os
import signal

from pipe_helpers.exercises.observed import (
    call_each,
    did,
    expect_all_as_before,
    expect_error,
    observe,
)
from pipe_helpers.exercises.patience import leave_waiting, waits
from pipe_helpers.exercises.pieces import (
    LATE,
    LONG,
    PROCESSOR,
    SPINS,
    at_once,
    come,
    drip,
    expect_after_close,
    write,
)
from pipe_helpers.exercises.trial import RESTS, Fails, expect_bytes, shown

_NO_END = ("The writer has closed, and it still waits. If it holds a write end of the pipe itself "
           "(O_RDWR opens one), the end of file never comes.")
_ENDS = {"asleep": _NO_END, "spins": SPINS, **LATE}


def _rests(trial):
    """Wait until it waits: None. Or what it has done, if that came first."""
    return did(trial, "asleep", "napping", spins=SPINS, **RESTS)


def _comes(trial, path, writer):
    """Let a writer open the pipe when it waits: the descriptor, and what it did before or None."""
    if seen := _rests(trial):
        return None, seen
    opening = writer.open(path, os.O_WRONLY)
    if event := trial.meet(opening, "did", spins=SPINS):
        trial.again(event)
        return None, did(trial)
    return opening.result(), None


def _hear(trial, path, *pieces):
    """Let it read what a writer sends in pieces, each when it waits for the next."""
    writer = trial.puppet("writer")
    fd, seen = _comes(trial, path, writer)
    for piece in pieces:
        if seen or (seen := _rests(trial)):
            break
        write(trial, writer, fd, piece, "did", spins=SPINS)
    when = "a writer had come" if fd is None else "the writer had closed"
    if not (seen or (seen := _rests(trial))):
        when = None
        writer.close(fd).wait()
        seen = did(trial, **_ENDS)
    _compare(seen, b"".join(pieces), when)


def _compare(seen, wanted, early=None):
    if early and seen.value == b"" == wanted:
        raise Fails(f'It returned b"" before {early}.')
    expect_bytes(seen.value, wanted, "message")
    if early:
        raise Fails(f"It returned the message before {early}: more of it could still have come.")
    expect_all_as_before(seen, "After the call")


def message(trial):
    lines = b"Hello from pid [4194303]", b"Hello from pid [4242]", b"Hello"
    paths = [trial.pipe() for _ in lines]
    trial.start(*[(path,) for path in paths], act=call_each)
    for path, line in zip(paths, lines):
        _hear(trial, path, line)
    for silence in "no writer came", "a writer had the pipe open and was silent":
        path = trial.pipe()
        trial.start((path,), act=call_each)
        if _rests(trial):
            raise Fails("It returned before a writer had come.")
        fd = None
        if silence != "no writer came":
            trial.write(fd := come(trial, path), b"Hel")
            if seen := _rests(trial):
                _compare(seen, b"Hello")
        leave_waiting(trial, silence, functools.partial(_hear_the_rest, trial, path, fd))


def _hear_the_rest(trial, path, fd):
    if fd is None:
        return _hear(trial, path, b"Hel", b"lo")
    trial.write(fd, b"lo")
    trial.close(fd)
    _compare(did(trial, **_ENDS), b"Hello")


def pieces(trial):
    sent = ((b"Hello from ", b"pid [4242]\n"), (b"\n", b"\0"), (b"\xc3", b"\xa9\r"),
            (b" \t", b"\r\n\0", b"\n", b"\xff\xfe\x80\x1a", b"\n "))
    paths = [trial.pipe() for _ in sent]
    trial.start(*[(path,) for path in paths], act=call_each)
    for path, each in zip(paths, sent):
        _hear(trial, path, *each)


def many_pieces(trial):
    path, writer = trial.pipe(), trial.puppet("writer")
    trial.start((path,), act=call_each)
    fd, seen = _comes(trial, path, writer)
    data = b"" if seen else drip(trial, path)
    if not seen:
        writer.close(fd).wait()
        seen = did(trial, **_ENDS)
    _compare(seen, data)


def long_message(trial):
    path, other = trial.pipe(), trial.pipe()
    trial.start(path, other, act=_call_with_time)
    _hear(trial, path, LONG[:30_001], LONG[30_001:])
    writer = trial.puppet("writer")
    fd, seen = _comes(trial, other, writer)
    data = b""
    if not seen and not (seen := _rests(trial)):
        data = at_once(trial, other, LONG[:50_003], lambda: writer.close(fd).wait())
        seen = did(trial, **_ENDS)
        expect_after_close(seen.value, data)
    _compare(seen, data)


def _call_with_time(report, fn, *paths):
    for path in paths:
        report("did", *observe(fn, path, processor=PROCESSOR))


def last_writer(trial):
    path, others = trial.pipe(), [trial.puppet(role) for role in ("writer", "second writer")]
    trial.start((path,), act=call_each)
    first, seen = _comes(trial, path, others[0])
    if not seen:
        others[0].write(first, b"one ").wait()
        seen = _rests(trial)
    if not seen:
        second = others[1].open(path, os.O_WRONLY).result()
        others[0].close(first).wait()
        seen = _rests(trial)
    if not seen:
        others[1].write(second, b"two").wait()
        others[1].close(second).wait()
        seen = did(trial, **_ENDS)
    _compare(seen, b"one two")


def nothing(trial):
    paths = [trial.pipe() for _ in range(3)]
    trial.start(*[(path,) for path in paths], act=call_each)
    for path in paths:
        if path == paths[1]:
            _hear(trial, path, b"one")
            continue
        os.utime(path, (0, 0))
        before = os.stat(path)
        _empty(trial, path)
        try:
            after = os.stat(path)
        except FileNotFoundError:
            raise Fails("It removed the pipe's name: others may still need it.") from None
        if any(getattr(before, what) != getattr(after, what) for what in (
                "st_ino", "st_mode", "st_mtime")):
            raise Fails("It changed the pipe itself: its mode, its times or its bytes. A reader "
                        "only reads.")


def _empty(trial, path):
    writer = trial.puppet("writer")
    hints = {"spins": SPINS, "raised": lambda name, *_: (
        f'A writer closed without a word, and it raised {name}: that message is b"".')}
    fd, seen = _comes(trial, path, writer)
    if seen or (seen := did(trial, "asleep", "napping", **hints, **RESTS)):
        _compare(seen, b"", "the writer had closed" if fd else "a writer had come")
    writer.close(fd).wait()
    seen = did(trial, **{**_ENDS, **hints})
    if seen.value != b"":
        raise Fails(f'A writer closed without a word, and it returned {shown(seen.value)}, not '
                    'b"".')
    expect_all_as_before(seen, "After the call")


def errors(trial):
    missing, folder, loop = [trial.path() for _ in range(3)]
    os.mkdir(folder)
    os.symlink(loop, loop)
    cases = [("There is no file at the path", missing, errno.ENOENT),
             ("There is a folder at the path", folder, errno.EISDIR),
             ("There is a link at the path that leads to itself", loop, errno.ELOOP)]
    trial.start(*[(path,) for _, path, _ in cases], act=call_each)
    for when, path, number in cases:
        seen = did(trial, errors=True, spins=f"{when}, and it tries again and again.", asleep=(
            f"{when}, and it waits. Let the error come through."))
        if path == missing and os.path.lexists(path):
            raise Fails("There was no file at the path, and it made one. Let the error of os.open "
                        "come through.")
        # Of a folder another call may complain in another way before os.read does.
        name = "OSError" if path == folder else type(OSError(number, "")).__name__
        expect_error(trial, seen, when, name, "Let the error come through.",
                     None if path == folder else number)
        expect_all_as_before(seen, f"{when}. After the error")


def interrupted(trial):
    path, writer = trial.pipe(), trial.puppet("writer")
    trial.start((path,), act=call_each)
    fd, seen = _comes(trial, path, writer)
    if not seen:
        writer.write(fd, b"Hel").wait()
        seen = _rests(trial)
    if not seen:
        trial.learner.signal(signal.SIGINT)
        seen = did(trial, "asleep", "napping", errors=True, patience=0.2, spins=_INTERRUPTED)
    if not seen:  # a thread of it still reads
        writer.close(fd).wait()
        seen = did(trial, errors=True, **LATE, asleep=_INTERRUPTED, spins=_INTERRUPTED)
    expect_error(trial, seen, "It was interrupted while it read", "KeyboardInterrupt",
                 returned="Let KeyboardInterrupt come through.")
    # What has only begun to end then, as a killed process has, is no matter.
    expect_all_as_before(seen._replace(left=[]), "It was interrupted while it read. After that")


_INTERRUPTED = ("It was interrupted while it read, and goes on as if nothing were: let "
                "KeyboardInterrupt come through.")


# For each function the chapter that asks for it, and its points in the order they are tried.
EXERCISES = {
    "read_message": ("close", {
        "returns a message of any length": message,
        "returns a message that comes in pieces": pieces,
        "returns one that comes in very many pieces": many_pieces,
        "returns a message longer than a pipe": long_message,
        "reads on until the last writer has closed": last_writer,
        "returns the empty message": nothing,
        "lets errors come through, and closes": errors,
        "closes after an interrupt": interrupted,
        "waits as long as it takes": waits,
    }),
}

# For each of these points a second hint, for who fails at it again: how it can be done.
HINTS = {
    "read_message": {
        "returns a message of any length": (
            "Open with `os.O_RDONLY` alone, so that open and read wait. Read in a loop until "
            '`os.read` returns `b""`, then return all that came.'),
        "returns a message that comes in pieces": (
            'Start with `message = b""`, and add what each `os.read` returns, as it is. Only '
            '`b""` ends the loop.'),
        "returns one that comes in very many pieces": (
            "Let a loop do it, and not a function that calls itself: Python allows some 1,000"
            " calls within one another."),
        "returns a message longer than a pipe": (
            "One `os.read` never gives more than is in the pipe, however many bytes you ask "
            'for: read on until `b""`.'),
        "reads on until the last writer has closed": (
            "A pause is no end, and one writer's close is none either. `b\"\"` comes when the "
            "last one has closed."),
        "returns the empty message": (
            'If the first read returns `b""`, the message is `b""`: return that, and open '
            "nothing again."),
        "lets errors come through, and closes": (
            "Call `os.open` before `try`, close in `finally`, and use no `except`."),
        "closes after an interrupt": (
            "`os.close(fd)` in `finally` is done in any case. `except Exception` is not "
            "enough: an interrupt is no `Exception`."),
        "waits as long as it takes": (
            "Open with `os.O_RDONLY` alone: then open and read sleep by themselves. Set no "
            "limit."),
    },
}
