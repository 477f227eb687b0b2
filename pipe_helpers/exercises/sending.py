"""The checks of send_all."""
import itertools
import os
import time

from pipe_helpers.exercises.observed import (
    did,
    expect_all_as_before,
    expect_error,
    expect_no_value,
    observe,
)
from pipe_helpers.exercises.patience import leave_waiting, waits
from pipe_helpers.exercises.trial import RESTS, Fails, shown

_PROCESSOR = 2  # seconds: more than a byte at a time takes
_LONG = b"".join(b"%07d\r\xff\0" % number for number in range(106_000))[:-7]  # above 1 MiB
_PIECES = 4_097, 12_289, 1, 30_011, 8_191  # what is read between two signals
_CUTS = 8


class _Sending:
    """send_all at work: calls are (which pipe, message) or (which pipe, message, processor).

    fds: the ends of the reader, a puppet, or of the check itself if own. before: what the caller
    has sent into each pipe.
    """

    def __init__(self, trial, *calls, pipes=1, before=b"", own=False):
        self.trial, self.before = trial, before
        self.reader = None if own else trial.puppet("reader")
        paths = [trial.pipe() for _ in range(pipes)]
        self.fds = [trial.open(path, os.O_RDONLY) if own else
                    self.reader.open(path, os.O_RDONLY | os.O_NONBLOCK).result() for path in paths]
        trial.start(paths, before, *calls, act=_open_and_send)

    def did(self, *waits, **options):
        defaults = {"patience": 0.01, "napping": 0.05} if waits else {}
        return did(self.trial, *waits, **{"spins": _SPINS, **defaults, **options})

    def read(self, fd, most=1 << 20):
        """What is in the pipe now; b"" if it is empty."""
        try:
            return self.reader.read(fd, most).result() if self.reader else os.read(fd, most)
        except BlockingIOError:  # a writer is there, and has nothing to say
            return b""

    def drain(self, fd):
        return b"".join(iter(lambda: self.read(fd), b""))

    def arrives_at_once(self, fd, message):
        """The message fits into the pipe: the call returns before anybody has read it."""
        seen = self.did("asleep", "napping", patience=0.3, napping=1)
        data = self.drain(fd)
        if not seen and data == message:
            raise Fails(f"All {len(data)} bytes were in the pipe, and it still waited. Whether "
                        "they are read is nothing to the writer.")
        _compare(data, message)
        expect_all_as_before(seen, "After the call")
        expect_no_value(seen)

    def arrives(self, fd, message, cuts=0):
        """Read until the call has returned, and compare. Signals cut so many of its writes."""
        wanted, self.before = self.before + message, b""
        data, sizes, empty = bytearray(), itertools.cycle(_PIECES), None
        while not (seen := self.did("asleep", "napping")):
            if cuts:
                self.trial.learner.signal()
                if seen := self.did("asleep", "napping"):
                    break
                cuts -= 1
            piece = self.read(fd, next(sizes)) if cuts else self.drain(fd)
            data += piece
            if len(data) > 2 * len(wanted) + 100_000:
                break
            empty = None if piece else empty or time.monotonic()
            if empty and time.monotonic() - empty > 0.3:  # it waits for something else
                seen = self.did()
                break
        data += self.drain(fd)
        if seen:
            expect_all_as_before(seen, "After the call")
        _compare(bytes(data), wanted)
        expect_no_value(seen)
        return seen


def _open_and_send(report, fn, paths, before, *calls):
    """What the learner's process does: it opens all paths, and makes the calls."""
    fds = [os.open(path, os.O_WRONLY) for path in paths]
    for fd in fds:
        os.write(fd, before)
    for number, message, *processor in calls:
        report("did", *observe(fn, fds[number], message, processor=(*processor, _PROCESSOR)[0]))


_SPINS = ("It does not come to an end: it runs in a loop, at the cost of a processor. Does what is "
          "left to send get less with each write? And a pipe that is full: write itself waits.")


def short(trial):
    messages = b"Hello from pid [4242]", b" \0\xff\r\n\x80 ", b"\n", b"\n two\r\nthree \n\n", b"\n"
    calls = [(number % 2, message) for number, message in enumerate(messages)]
    sending = _Sending(trial, *calls, pipes=2)
    for number, message in calls:
        sending.arrives_at_once(sending.fds[number], message)
    full = _Sending(trial, (0, _LONG), own=True)
    if full.did("asleep", "napping", **RESTS):
        raise Fails("The pipe was full, and it returned, as if all were sent. It is to wait for "
                    "room.")
    leave_waiting(trial, "the pipe stayed full", lambda: full.arrives(full.fds[0], _LONG))


def long(trial):
    # A byte that is there already puts the cuts beside the borders of pages.
    sending = _Sending(trial, (0, _LONG), (0, _LONG[100_001:300_000]), before=b".")
    sending.arrives(sending.fds[0], _LONG, cuts=_CUTS)
    sending.arrives(sending.fds[0], _LONG[100_001:300_000])


def nothing(trial):
    messages = b"", b"Hello", b""
    sending = _Sending(trial, *[(0, message, 0.3) for message in messages])
    for message in messages:
        sending.arrives(sending.fds[0], message)


def reader_gone(trial):
    sending = _Sending(trial, (0, b"Hello"), (1, b"Hello"), (2, _LONG), (0, b"again"), pipes=3)
    here, gone, going = sending.fds
    sending.arrives(here, b"Hello")
    sending.reader.close(gone).result()
    _expect_broken(sending, "The reader had gone")
    for _ in range(2):
        if sending.did("asleep", "napping"):
            raise Fails("It returned before the message was sent.")
        sending.read(going, 10_001)
    sending.reader.close(going).result()
    _expect_broken(sending, "The reader went in the middle")
    sending.arrives(here, b"again")


def _expect_broken(sending, when):
    seen = sending.did(errors=True, spins=(
        f"{when}, and it tries for ever: let BrokenPipeError come through."))
    expect_error(sending.trial, seen, when, "BrokenPipeError", (
        "That is as if all were sent: let BrokenPipeError come through to the caller."))
    expect_all_as_before(seen, f"{when}. After the call")


def _compare(data, wanted):
    if data == wanted:
        return
    if 0 < len(wanted) < 40 and len(data) < 100:
        raise Fails(f"The message is {shown(wanted)}, and {shown(data)} arrived. The bytes are to "
                    "go as they are, each once.")
    if not wanted:
        raise Fails(f"There was nothing to send, and {shown(data)} arrived.")
    if len(data) < len(wanted) and wanted.startswith(data):
        raise Fails(f"{len(data):,} bytes arrived, and the message has {len(wanted):,}. A write "
                    "may do a part: the count that it returns tells how much.")
    at = next((i for i, (a, b) in enumerate(zip(data, wanted)) if a != b), len(wanted))
    if len(data) > len(wanted):
        raise Fails(f"{len(data):,} bytes arrived, and the message has {len(wanted):,}. Send on "
                    "from where the last write stopped: data[count:].")
    raise Fails(f"{len(data):,} bytes arrived of {len(wanted):,}, and they are not the message "
                f"any more after byte {at:,}: cut off what was sent, neither more nor less.")


# For each function the chapter that asks for it, and its points in the order they are tried.
EXERCISES = {
    "send_all": ("write", {
        "sends short messages as they are": short,
        "sends a long one whole, though signals cut its writes": long,
        "sends nothing if there is nothing to send": nothing,
        "says so if the reader goes": reader_gone,
        "waits as long as it takes": waits,
    }),
}

# For each of these points a second hint, for who fails at it again: how it can be done.
HINTS = {
    "send_all": {
        "sends short messages as they are": (
            "`os.write(fd, data)` takes the bytes as they are: add no newline, and change "
            "nothing."),
        "sends a long one whole, though signals cut its writes": (
            "`count = os.write(fd, data)` tells how many bytes went. Go on with `data = "
            "data[count:]`, until no data are left."),
        "sends nothing if there is nothing to send": (
            "`while data:` makes no round if data are empty."),
        "says so if the reader goes": (
            "Let the error come through: no `except` that catches `OSError` or "
            "`BrokenPipeError` and goes on."),
        "waits as long as it takes": (
            "`os.write` sleeps by itself until there is room. Leave the descriptor blocking, "
            "and set no limit."),
    },
}
