"""The checks of messages."""
import itertools
import os

from pipe_helpers.exercises.observed import (
    did,
    expect_all_as_before,
    expect_error,
    observe,
)
from pipe_helpers.exercises.patience import leave_waiting, waits
from pipe_helpers.exercises.pieces import (
    LATE,
    LINES,
    LONG,
    PROCESSOR,
    SPINS,
    at_once,
    drip,
    write,
)
from pipe_helpers.exercises.trial import RESTS, Fails, shown

_HELD_BACK = ("The writer has written a whole message, newline and all, and your function keeps it "
              "back. Yield a message as soon as its newline has come.")


def _go_through(report, fn, path, *mosts):
    """Go through messages(fd), for each of mosts up to so many (None: all), on one descriptor."""
    def go(fd, most):
        found = fn(fd)
        try:
            found = iter(found)
        except TypeError:
            report("no iterator", found)
            return
        for message in itertools.islice(found, most):
            report("item", message)

    fd = os.open(path, os.O_RDONLY)
    for most in mosts:
        report("did", *observe(go, fd, most, processor=PROCESSOR))


class _Reading:
    """messages(fd) at work on a pipe, with a puppet to write."""

    def __init__(self, trial, *mosts):
        self.trial = trial
        self.path = trial.pipe()
        self.writer = trial.puppet("writer")
        trial.start(self.path, *mosts or (None,), act=_go_through)
        self.open()

    def open(self):
        # The end of the learner's process is open, or about to be: this waits for nothing else.
        self.fd = self.writer.open(self.path, os.O_WRONLY).result()

    def write(self, data):
        write(self.trial, self.writer, self.fd, data, "did", "item", spins=SPINS)

    def close(self):
        self.writer.close(self.fd).result()

    def expect(self, *wanted):
        """The next messages are those wanted, and then it waits for more."""
        self.yields(*wanted)
        event = self._event("item", "asleep", "napping", **RESTS)
        if event[0] == "item":
            self._compare(event[1], None)

    def yields(self, *wanted, asleep=_HELD_BACK):
        for message in wanted:
            self._compare(self._event("item", **LATE, asleep=asleep)[1], message)

    def over(self, error=None):
        """It comes to its end now, and raises EOFError if error says after which bytes."""
        event = self._event("did", "item", spins=SPINS, **LATE, hold=True, asleep=(
            "The writer has closed, and it waits on: at end of file there are no more messages."))
        if event[0] == "item" and error:
            raise Fails(f"The writer left in the middle of a message, and it yielded the piece "
                        f"{shown(event[1])} as if it were whole: raise EOFError.")
        if event[0] == "item":
            raise Fails(f"The writer had closed, and it still yielded {shown(event[1])}: nothing "
                        "was left to yield.")
        self.trial.again(event)
        seen = did(self.trial, errors=bool(error))
        if error:
            expect_error(self.trial, seen, f"The writer left in the middle of a message, after "
                         f"{shown(error)}", "EOFError", "Its bytes disappeared without a word.")
        expect_all_as_before(seen, "When it had come to its end")

    def _event(self, *wanted, **options):
        event = self.trial.event(*wanted, "no iterator", **{
            "returned": "It came to an end while the writer still had the pipe open.",
            "spins": SPINS, **options})
        if event[0] == "no iterator":
            raise Fails(f"It returned {shown(event[1])}, which can't be gone through with `for`: "
                        "write it as a generator, with `yield`.")
        return event

    def _compare(self, value, wanted):
        if value == wanted and type(value) is type(wanted):
            return
        if type(value) is str:
            raise Fails(f"It yielded the text {shown(value)}. The messages are bytes.")
        if value == b"" and wanted is None:
            raise Fails('It yielded b"" where no message was: what stands behind the last newline '
                        "is the beginning of the next message.")
        if wanted is None:
            raise Fails(f"It yielded {shown(value)} where no further message was: keep an "
                        "unfinished one until its newline has come.")
        if wanted == b"":
            raise Fails("Between two newlines there was an empty message. It was left out, and "
                        f"{shown(value)} came.")
        if type(value) is bytes and value.endswith(b"\n") and b"\n" not in value[:-1]:
            raise Fails(f"It yielded {shown(value)}. The newline marks the end and is no part "
                        "of the message.")
        if type(value) is bytes and b"\n" in value:
            raise Fails(f"It yielded {shown(value)} as one message: split at the newlines.")
        if type(value) is bytes and value.strip() == wanted.strip() and len(value) < len(wanted):
            raise Fails(f"It yielded {shown(value)}, and the message is {shown(wanted)}: only the "
                        "newline is cut off, all else is part of it.")
        if type(value) is bytes and wanted.startswith(value):
            raise Fails(f"It yielded {shown(value)}, a piece of the message {shown(wanted)}.")
        if type(value) is bytes and wanted.endswith(value):
            raise Fails(f"It yielded {shown(value)}, and the message is {shown(wanted)}: put what "
                        "was left of the last read in front of the next.")
        raise Fails(f"It yielded {shown(value)}, and the message is {shown(wanted)}.")


def whole(trial):
    reading = _Reading(trial)
    for message in b"first", b"a second one":
        reading.write(message + b"\n")
        reading.expect(message)
    trial.write(fd := trial.open(reading.path, os.O_WRONLY), b"third\nfour")
    reading.expect(b"third")

    def go_on():
        trial.write(fd, b"th\n")
        reading.expect(b"fourth")
        trial.close(fd)
        reading.over()

    leave_waiting(trial, "the writer had the pipe open and was silent", go_on)


def several(trial):
    reading = _Reading(trial)
    reading.write(b"first\nsecond\n")
    reading.expect(b"first", b"second")
    many = [b"%d" % number for number in range(300)]
    reading.write(b"\n".join(many) + b"\n")
    reading.expect(*many)


def in_pieces(trial):
    reading = _Reading(trial)
    reading.write(b"first\nsec")
    reading.expect(b"first")
    reading.write(b"o")
    reading.expect()
    reading.write(b"nd\nthird\n")
    reading.expect(b"second", b"third")
    reading.write(b"fourth")
    reading.expect()
    reading.write(b"\nfif")
    reading.expect(b"fourth")
    reading.write(b"th\n")
    reading.expect(b"fifth")


def any_bytes(trial):
    reading = _Reading(trial)
    for pieces in ((b" one \r", b"\n"), (b"\xc3", b"\xa9\0\n"), (b"\r\xff\xfe\x80", b"\x0b\x85\n"),
                   (b"\x1a \n",), (b"\0\n",), (b"\t\r", b" \n")):
        for piece in pieces[:-1]:
            reading.write(piece)
            reading.expect()
        reading.write(pieces[-1])
        reading.expect(b"".join(pieces)[:-1])


def empty_ones(trial):
    reading = _Reading(trial)
    reading.write(b"first\n\nthird\n")
    reading.expect(b"first", b"", b"third")
    reading.write(b"\n")
    reading.expect(b"")
    reading.write(b"\n\nla")
    reading.expect(b"", b"")
    reading.write(b"st\n")
    reading.expect(b"last")


def long_ones(trial):
    reading = _Reading(trial)
    reading.write(LONG[:40_001])
    reading.expect()
    reading.write(LONG[40_001:] + b"\n")
    reading.expect(LONG)
    data = drip(trial, reading.path)
    reading.expect()
    reading.write(b"\n")
    reading.expect(data)


def ends(trial):
    reading = _Reading(trial, *[None] * 5)
    for message in b"last", b"", b"the very last":
        reading.write(message + b"\n")
        reading.expect(message)
        reading.close()
        reading.over()
        reading.open()
    reading.expect()
    data = at_once(trial, reading.path, LINES, reading.close)
    *whole, rest = data.split(b"\n")
    reading.yields(*whole)
    reading.over(rest)
    fd = trial.open(reading.path, os.O_WRONLY)  # it has not been called yet
    trial.write(fd, b"before\nit was\ncalled\n")
    trial.close(fd)
    reading.yields(b"before", b"it was", b"called", asleep=(
        "Before the call a writer wrote three messages and left, and your function waits. They "
        "are in the pipe: read fd as it is."))
    reading.over()


def unfinished(trial):
    rests = b"unfin", b"\r", b" \0", b"0"
    reading = _Reading(trial, *[None] * 5)
    for rest in rests:
        reading.write(b"one\ntwo\n" + rest)
        reading.expect(b"one", b"two")
        reading.close()
        reading.over(rest)
        reading.open()
    reading.write(b"whole\n")
    reading.expect(b"whole")
    reading.close()
    reading.over()


def leaves_open(trial):
    reading = _Reading(trial, 1, 1)
    for message in b"one", b"two":
        reading.write(message + b"\n")
        value = reading._event("item")[1]
        reading._compare(value, message)
        seen = did(trial)
        expect_all_as_before(seen, "The loop over it was left after one message. After that")


# For each function the chapter that asks for it, and its points in the order they are tried.
EXERCISES = {
    "messages": ("read", {
        "yields a message when its newline has come": whole,
        "parts two that come together": several,
        "puts together one that comes in pieces": in_pieces,
        "yields any bytes but the newline": any_bytes,
        "yields an empty message, too": empty_ones,
        "yields a long message whole": long_ones,
        "ends at end of file": ends,
        "raises EOFError if a writer leaves in the middle": unfinished,
        "leaves the descriptor as it was": leaves_open,
        "waits as long as it takes": waits,
    }),
}

# For each of these points a second hint, for who fails at it again: how it can be done.
HINTS = {
    "messages": {
        "yields a message when its newline has come": (
            "After each `os.read`, look for newlines in what is there, and yield each whole "
            "message before the next read."),
        "parts two that come together": (
            '`pieces = data.split(b"\\n")` gives a list. All of its items but the last are '
            "whole messages."),
        "puts together one that comes in pieces": (
            "Keep what stands behind the last newline in a variable, and put it in front of "
            "what the next `os.read` returns."),
        "yields any bytes but the newline": (
            'Split at `b"\\n"` alone, and decode nothing: `strip`, `splitlines` and `split` '
            "without an argument take away more."),
        "yields an empty message, too": (
            "Ask no `if message:` before the `yield`. Two newlines side by side have an empty"
            " message between them."),
        "yields a long message whole": (
            "Read in a loop, as often as is needed: no message is too long for the variable "
            "that keeps the rest."),
        "ends at end of file": (
            'When `os.read` returns `b""`, no writer has the pipe open: leave the loop, after'
            " all whole messages have been yielded."),
        "raises EOFError if a writer leaves in the middle": (
            "After the loop: if a rest without a newline is left, `raise EOFError(...)`."),
        "leaves the descriptor as it was": (
            "`fd` is the caller's: do not close it, do not change its flags, and open no file"
            " object that closes it at its end."),
        "waits as long as it takes": (
            "`os.read` sleeps by itself until bytes come. Leave the descriptor blocking, and "
            "set no limit."),
    },
}
