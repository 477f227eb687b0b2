"""The checks of serve."""
import errno
import functools
import itertools
import os
import sys
import time

from pipe_helpers.exercises.observed import (
    did,
    expect_all_as_before,
    expect_pipes_as_before,
    observe,
)
from pipe_helpers.exercises.patience import leave_waiting, waits
from pipe_helpers.exercises.pieces import (
    LATE,
    LINES,
    LONG,
    PROCESSOR,
    at_once,
    come,
    drip,
    write,
)
from pipe_helpers.exercises.trial import RESTS, Fails, shown

_HELD_BACK = ("A whole message was written, and handle was not called with it. Call it for each "
              "message as soon as its newline has come.")
_BURNS = ("It runs in a loop, at the cost of a processor. Between two writers, at end of file, a "
          'read does not wait, and returns b"" again and again.')
_ENDED = ("It returned, and a server stays: end of file is not for ever, and the next writer may "
          "come.")
_GAP = ("Between two writers it closes the pipe and opens it again. A message that comes after "
        'the b"" and before the close is lost: keep the pipe open, and keep end of file away by '
        "a write end of your own.")
_LEFT = "A writer left in the middle of a message, after "
_VISITS = 3


class _Odd(Exception):
    """What no other code raises."""


_ERRORS = {b"!odd": _Odd("of handle"), b"!wait": BlockingIOError(errno.EAGAIN, "of handle"),
           b"!end": EOFError("of handle"), b"!stop": KeyboardInterrupt("of handle"),
           b"!next": StopIteration("of handle")}
_VALUES = False, True, 0, None, b"", "text"  # what handle returns is nothing to serve


def _serve(report, fn, watch_opens, *paths):
    """Serve at one path after the other, each until handle has raised an error."""
    def handle(message):
        report("message", message)
        if watch_opens:
            armed.append(True)
        if message in _ERRORS:
            raise _ERRORS[message]
        return next(values)

    def look(event, args):
        # Every way to open a file in Python raises this event before it does [PEP 578].
        if event == "open" and armed and isinstance(args[0], (str, bytes, os.PathLike)):
            if os.fsdecode(args[0]) in paths:
                report("open")

    armed, values = [], itertools.cycle(_VALUES)
    if watch_opens:
        sys.addaudithook(look)
    for path in paths:
        report("did", *observe(fn, path, handle, processor=PROCESSOR))


class _Serving:
    """serve(path, handle) at work, with a puppet to write."""

    def __init__(self, trial, *more, watch_opens=False, early=False):
        self.trial = trial
        self.path = trial.pipe()
        self.before = os.lstat(self.path)
        self.writer = trial.puppet("writer")
        opening = self.writer.open(self.path, os.O_WRONLY) if early else None
        trial.start(watch_opens, self.path, *more, act=_serve)
        if early:
            self.trial.meet(opening, returned=_ENDED, spins=_BURNS)
            self.fd = opening.result()
        else:
            trial.rests(spins=_BURNS, returned="It ended before a writer had come.")

    def open(self):
        opening = self.writer.open(self.path, os.O_WRONLY)
        self.trial.meet(opening, returned=_ENDED, spins=_BURNS)
        self.fd = opening.result()

    def write(self, data):
        write(self.trial, self.writer, self.fd, data, "message", returned=_ENDED, spins=_BURNS)

    def close(self):
        self.writer.close(self.fd).wait()

    def expect(self, *wanted):
        for message in wanted:
            value = self.trial.event("message", **LATE, asleep=_HELD_BACK,
                                     returned=_ENDED, spins=_BURNS)[1]
            self._compare(value, message)

    def idle(self, **longer):
        """It sleeps, and does not call handle for anything else."""
        event = self.trial.event("asleep", "napping", "message", returned=_ENDED, spins=_BURNS,
                                 **{**RESTS, **longer})
        if event[0] == "message":
            self._compare(event[1], None)

    def leave(self):
        """The writer closes. It has time to notice, though it should look now and then only."""
        self.close()
        self.idle(patience=0.15, napping=0.15)

    def _compare(self, value, wanted):
        if type(value) is bytes and value == wanted:
            return
        if type(value) is str:
            raise Fails(f"It called handle with the text {shown(value)}. The messages are bytes.")
        if value == b"" and wanted is None:
            raise Fails('It called handle with b"". Neither the b"" of a read at end of file nor '
                        "what follows the last newline is a message.")
        if wanted == b"":
            raise Fails("Between two newlines there was an empty message. It was left out, and "
                        f"handle was called with {shown(value)}.")
        if type(value) is bytes and value.endswith(b"\n") and value.count(b"\n") == 1:
            raise Fails(f"It called handle with {shown(value)}. The newline marks the end and is "
                        "no part of the message.")
        if type(value) is bytes and b"\n" in value:
            raise Fails(f"It called handle with {shown(value)}: those are several messages, each "
                        "ended by a newline.")
        if wanted and type(value) is bytes and value.strip() == wanted.strip():
            raise Fails(f"It called handle with {shown(value)}, and the message was "
                        f"{shown(wanted)}: only the newline is cut off, all else is part of it.")
        if wanted is None or type(value) is bytes and wanted.startswith(value):
            raise Fails(f"It called handle with {shown(value)}, and no further message of these "
                        "bytes had come. Keep a piece until its newline is there.")
        raise Fails(f"It called handle with {shown(value)}, and the message was {shown(wanted)}.")


def first(trial):
    serving = _Serving(trial)
    serving.open()
    for message in b"one", b"a second one":
        serving.write(message + b"\n")
        serving.expect(message)
        serving.idle()
    serving.close()
    for silence in "no writer came", "the writer was silent", "no other writer came":
        serving, fd = _Serving(trial), None
        if silence != "no writer came":
            fd = come(trial, serving.path)
            ends = silence == "no other writer came"
            trial.write(fd, b"one\n" if ends else b"one\ntw")
            serving.expect(b"one")
            serving.idle()
            if ends:
                trial.close(fd)
                fd = None
                serving.idle()
        leave_waiting(trial, silence, functools.partial(_serves_on, serving, fd))


def _serves_on(serving, fd):
    if fd is None:
        serving.open()
        serving.write(b"two\n")
    else:
        serving.trial.write(fd, b"o\n")
    serving.expect(b"two")
    serving.idle()


def framed(trial):
    serving = _Serving(trial)
    serving.open()
    serving.write(b"one\ntwo\nth")
    serving.expect(b"one", b"two")
    serving.idle()
    serving.write(b"r")
    serving.idle()
    serving.write(b"ee\nfour")
    serving.expect(b"three")
    serving.idle()
    serving.write(b"\n\n\nfive\n")
    serving.expect(b"four", b"", b"", b"five")
    many = [b"%d" % number for number in range(300)]
    serving.write(b"\n".join(many) + b"\n")
    serving.expect(*many)
    serving.idle()


def any_bytes(trial):
    serving = _Serving(trial)
    serving.open()
    for pieces in ((b" one \r", b"\n"), (b"\xc3", b"\xa9\0\n"), (b"\r\xff\xfe\x80", b"\x0b\x85\n"),
                   (b"\x1a \n",), (b"\0\n",), (LONG[:40_001], LONG[40_001:] + b"\n")):
        for piece in pieces[:-1]:
            serving.write(piece)
            serving.idle()
        serving.write(pieces[-1])
        serving.expect(b"".join(pieces)[:-1])
    data = drip(trial, serving.path)
    serving.idle()
    serving.write(b"\n")
    serving.expect(data)


def next_writer(trial):
    serving = _Serving(trial, early=True)
    for message in b"one", b"two", b"three":
        serving.write(message + b"\n")
        serving.expect(message)
        serving.close()
        serving.idle()
        serving.open()
    serving.write(b"fo")
    serving.idle()
    other = trial.puppet("second writer")
    fd = other.open(serving.path, os.O_WRONLY).result()
    serving.close()  # not the last one
    serving.idle()
    other.write(fd, b"ur\n").wait()
    serving.expect(b"four")
    other.close(fd).wait()
    serving.idle()
    expect_pipes_as_before([serving.path], [serving.before])
    serving.open()
    serving.idle()
    data = at_once(trial, serving.path, LINES, serving.close)
    serving.expect(*data.split(b"\n")[:-1])
    serving.idle()


def drops(trial):
    serving = _Serving(trial)
    for piece, message in (b"par", b"one"), (b"two\nth", b"four"), (b" \0", b""):
        serving.open()
        serving.write(piece)
        if b"\n" in piece:
            serving.expect(piece[:piece.index(b"\n")])
        serving.idle()
        serving.leave()
        serving.open()
        serving.write(message + b"\n")
        value = trial.event("message", **LATE, asleep=_HELD_BACK, returned=_ENDED,
                            spins=_BURNS)[1]
        rest = piece[piece.rfind(b"\n") + 1:]
        if value == rest + message:
            raise Fails(f"{_LEFT}{shown(rest)}. The next one sent {shown(message)}, and handle "
                        f"was called with {shown(value)}: drop the piece at end of file.")
        serving._compare(value, message)
        serving.close()
        serving.idle()


def no_gap(trial):
    serving = _Serving(trial, watch_opens=True)
    serving.open()
    serving.write(b"one\n")
    serving.expect(b"one")
    serving.close()
    visitor, visits = trial.puppet("visitor"), 0
    while True:
        event = trial.event("open", "asleep", "napping", "message", hold=True, returned=_ENDED,
                            spins=_BURNS, **RESTS)
        if event[0] == "message":
            serving._compare(event[1], None)
        if event[0] != "open":
            break
        if (visits := visits + 1) > _VISITS:
            continue
        # It is about to open the pipe again. Whoever can't write without waiting now finds
        # that nobody has it open for reading: so it was closed after the last b"" was read.
        knocking = visitor.open(serving.path, os.O_WRONLY | os.O_NONBLOCK)
        if knocking.wait().error:
            raise Fails(_GAP)
        fd = knocking.result()
        visitor.write(fd, b"in between\n").wait()
        visitor.close(fd).wait()
        while event[0] == "open":  # a thread of it may be further than its calls of handle
            event = trial.event("message", "open", returned=_ENDED, spins=_BURNS, **LATE, asleep=(
                "A writer came just before it opened the pipe again, wrote a message and left, and "
                "handle was not called with that: the open waits for yet another writer."))
        serving._compare(event[1], b"in between")
    _knock(serving)


def _knock(serving):
    """Open and close it often: that shows a gap of programs that the learner's process starts.

    For so long of this thread's own time: on a busy machine the others then have their turn, too.
    """
    end = time.thread_time() + 0.05
    while time.thread_time() < end:
        try:
            serving.trial.close(serving.trial.open(serving.path, os.O_WRONLY))
        except OSError:
            raise Fails(_GAP) from None
    while serving.trial.event("open", "asleep", "napping", spins=_BURNS, returned=_ENDED,
                              **RESTS)[0] == "open":
        pass


def raises(trial):
    more = [trial.pipe() for _ in _ERRORS][1:]
    serving = _Serving(trial, *more)
    for number, (message, error) in enumerate(_ERRORS.items()):
        if number:
            serving.path = more[number - 1]
        serving.open()
        if number % 2:  # the error comes from the message of a second writer
            serving.write(b"one\n")
            serving.expect(b"one")
            serving.leave()
            serving.open()
        serving.write(message + b"\nmore\nand a piece")
        serving.expect(message)
        name = type(error).__name__
        event = trial.event("did", "message", hold=True, spins=_BURNS, **LATE, asleep=(
            f"handle raised {name}, and it waits on. Let the error come through."))
        if event[0] == "message":
            raise Fails(f"handle raised {name}, and it was called again. Let the error come "
                        "through.")
        trial.again(event)
        seen = did(trial, errors=True)
        # A coroutine can't raise StopIteration: it becomes a RuntimeError [PEP 479].
        same = (name, str(error)) == (seen.error.name, seen.error.text) if seen.error else False
        turned = name == "StopIteration" and seen.error and seen.error.name == "RuntimeError"
        if not (same or turned):
            what = f"raised {seen.error.name}" if seen.error else f"returned {shown(seen.value)}"
            raise Fails(f"handle raised {name}, and it {what}. Let the error come through.")
        expect_all_as_before(seen, f"handle raised {name}. After that")
        serving.close()


# For each function the chapter that asks for it, and its points in the order they are tried.
EXERCISES = {
    "serve": ("a reader that stays", {
        "calls handle with a message": first,
        "tells messages apart however they come": framed,
        "takes any bytes, and long messages": any_bytes,
        "serves one writer after the other": next_writer,
        "loses nothing that comes between two writers": no_gap,
        "drops what a writer leaves unfinished": drops,
        "lets an error of handle come through, and closes": raises,
        "waits as long as it takes": waits,
    }),
}

# For each of these points a second hint, for who fails at it again: how it can be done.
HINTS = {
    "serve": {
        "calls handle with a message": (
            "After each `os.read`, look for newlines in what is there, and call `handle` for "
            "each whole message before the next read."),
        "tells messages apart however they come": (
            '`pieces = (rest + piece).split(b"\\n")`: the last item is the new rest, all '
            "others are messages, the empty ones, too."),
        "takes any bytes, and long messages": (
            'Split at `b"\\n"` alone, and decode nothing. Keep the rest until its newline '
            "comes, however long it is."),
        "serves one writer after the other": (
            'End of file is `b""`, and there the next writer is waited for: stay in the loop,'
            " and do not return."),
        "loses nothing that comes between two writers": (
            'Do not close the read end. At `b""` open a write end of your own, `os.open(path,'
            " os.O_WRONLY)`: then the next read sleeps until bytes come."),
        "drops what a writer leaves unfinished": (
            'At `b""` set the rest to `b""`. While a write end of your own is open no `b""` '
            "comes: close it as soon as bytes have come."),
        "lets an error of handle come through, and closes": (
            "Put the loop in `try`, close in `finally`, and use no `except` around `handle`."),
        "waits as long as it takes": (
            "Let `os.read` sleep: before it stands nothing that looks again and again, and no"
            " limit."),
    },
}
