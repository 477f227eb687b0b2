"""How the other side of the pipe sends: in pieces, and what they are."""
import errno
import fcntl
import os
import struct
import sys
import termios
import time

from pipe_helpers.exercises.trial import Fails

LATE = {"patience": 1.1, "napping": 3}  # seconds, as of `Trial.event`, for those who look again
PROCESSOR = 1.2  # seconds: more than a byte at a time takes
LONG = (b"%05d\r\xff\0\x80 " * 7_000 % tuple(range(7_000)))[:-1]  # more than a pipe holds
LINES = b"".join(LONG[start:start + 499] + b"\n" for start in range(0, 50_000, 499))
SPINS = ('It runs in a loop that does not end. At end of file a read returns b"" at once, again '
          "and again: stop there.")
_DRIP = 0.5  # seconds asleep while a piece is there: who looks now and then need not take them all
_SLOW = 20  # seconds that all may take, on a machine that is very busy
_SOON = 0.001  # seconds: before that a piece is mostly read


def write(trial, writer, fd, data, *wanted, part=4_000, **hints):
    """Let the puppet write: in parts, since a longer one could be cut when the function ends.

    An event of a kind in wanted, if one comes first, is the next one for `Trial.event`.
    """
    for start in range(0, len(data), part):
        press = writer.write(fd, data[start:start + part])
        if event := trial.meet(press, *wanted, **hints):
            trial.again(event)
            return
        if press.wait().error:  # it has closed, and the next event will tell how
            return


def drip(trial, path):
    """Write many pieces of one byte, each when the one before has been read; return them all.

    They are fewer for a learner's process that sleeps while a piece is there, or has ended.
    """
    data, slept, late = b"", 0, time.monotonic() + _SLOW
    try:
        fd = trial.open(path, os.O_WRONLY)
    except OSError:  # nobody has it open for reading any more
        return b"?"
    for number in range(sys.getrecursionlimit() + 100):
        data += b"%c" % (number % 128 + 128)
        try:
            trial.write(fd, data[-1:])
        except BrokenPipeError:  # what it returns will be too short
            break
        began = last = time.monotonic()
        while waiting(fd) and slept <= _DRIP and last < late:
            time.sleep(0)
            now = time.monotonic()
            if now - began > _SOON and trial.learner.idle():
                slept += now - last
            last = now
        if slept > _DRIP or last >= late:
            break
    trial.close(fd)
    return data


def come(trial, path):
    """A write end of the check's own, at a pipe that the learner's process is about to read.

    It rests, but a thread of it may not have opened the pipe yet. Raises OSError after 2 s.
    """
    late = time.monotonic() + 2
    while True:
        try:
            return trial.open(path, os.O_WRONLY)
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > late:
                raise
            time.sleep(0.005)


def at_once(trial, path, data, close):
    """While the learner's process stands still, data are written, and the writers close.

    close: a function by which the other writers do. Returns what went into the pipe.
    """
    fd = trial.open(path, os.O_WRONLY)
    with trial.learner.stopped():
        count = trial.write(fd, data)  # never waits, and may do a part
        trial.close(fd)
        close()
    return data[:count]


def expect_after_close(value, data):
    """Fail if value is only the beginning of data, which were written `at_once`."""
    if type(value) is bytes and len(value) < len(data) and data.startswith(value):
        raise Fails(f"A writer wrote {len(data):,} bytes and closed at once, and it returned "
                    f"{len(value):,} of them. What was written stays in the pipe when the writer "
                    'has gone: read on until a read returns b"".')


def waiting(fd):
    """How many bytes are in the pipe of a descriptor."""
    return struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0]
