"""The checks of serve and ask."""
import contextlib
import errno
import functools
import itertools
import os
import sys
import time

from pipe_helpers.exercises.observed import (
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
    RESTS,
    at_once,
    drip,
    waiting,
    write,
)
from pipe_helpers.exercises.trial import Fails, expect_bytes, shown

# ---------------------------------------------------------------- serve

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
            fd = trial.open(serving.path, os.O_WRONLY)
            ends = silence == "no other writer came"
            os.write(fd, b"one\n" if ends else b"one\ntw")
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
        os.write(fd, b"o\n")
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
    leaves_alone([serving.path], [serving.before])
    serving.open()
    serving.idle()
    lines = [LONG[start:start + 499] for start in range(0, 50_000, 499)]
    data = at_once(trial, serving.path, b"\n".join(lines) + b"\n", serving.close)
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
    """Open and close it often: that shows a gap of programs that the learner's process starts."""
    end = time.monotonic() + 0.05
    while time.monotonic() < end:
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


def leaves_alone(paths, before):
    """Fail if what is at the paths is not what was there before."""
    after = [os.lstat(path) if os.path.lexists(path) else None for path in paths]
    for old, new in zip(before, after):
        if new is None:
            raise Fails("It removed the name of a pipe: others may still need it.")
        if (old.st_ino, old.st_mode) != (new.st_ino, new.st_mode):
            raise Fails("It changed the pipe itself, or its mode. That is not yours to change.")


# ---------------------------------------------------------------- ask

_OPPOSITE = ("Your function waits, and the server waits in its open of requests, for somebody to "
             "write: it opens requests first, then replies. Open them in the same order.")

_NO_WAIT = ('It did not wait for the answer. Opened with O_NONBLOCK, a pipe gives b"" before the '
            "server has opened it, and BlockingIOError before the server has written.")

_NO_END = ("The server has answered, newline and all, and it waits on. The server keeps the pipe "
           "open for others, so no end of file comes: the newline is the end.")
_QUESTION = b"two and two?"


class _Asking:
    """ask(requests, replies, question) at work, and a puppet that plays the server."""

    def __init__(self, trial, *questions, missing=(), wait=False):
        self.trial = trial
        self.pipes = self.requests, self.replies = [
            trial.path(name) if name in missing else trial.pipe(name)
            for name in ("requests", "replies")]
        self.server = trial.puppet("server")
        self.fd = self.answers = None
        self.questions = questions
        if not wait:
            self.starts()

    def starts(self):
        calls = [(*self.pipes, question) for question in self.questions]
        self.trial.start(*calls, act=_ask_each)

    def opens(self):
        """The server opens both, requests first."""
        self.opens_requests()
        self.opens_replies()

    def opens_requests(self):
        opening = self.server.open(self.requests, os.O_RDONLY)
        self._meet(opening, asleep=_OPPOSITE)
        self.fd = opening.result()

    def opens_replies(self):
        opening = self.server.open(self.replies, os.O_WRONLY)
        self._meet(opening, asleep=(
            "The server has opened requests and waits in its open of replies. Your function waits "
            "for something else: open replies for reading, too."))
        self.answers = opening.result()

    def hears(self, question, before=b""):
        """The server reads the question, behind what others wrote before."""
        self.rests()
        got, wanted = b"", before + question + b"\n"
        while not got.endswith(b"\n"):
            reading = self.server.read(self.fd, 1 << 20)
            asked = got[len(before):]
            self._meet(reading, asleep=(
                f"The server got {shown(asked)} and waits for the rest: the newline tells it that "
                "the question is at its end." if asked else
                "It opened both pipes and wrote no question."))
            piece = reading.result()
            if not piece:
                self.trial.event("asleep", returned=self._early, **self._hints())  # did it raise?
                raise Fails(f"It closed requests after {shown(asked)}, and the newline that ends "
                            "the question was missing." if asked else
                            "It opened requests and closed it, and wrote no question.")
            got += piece
        if got != wanted:
            raise Fails(f"The question was {shown(question)}, and the server got "
                        f"{shown(got[len(before):])}.")

    def answer(self, *pieces):
        """The server writes each of the pieces when your function waits."""
        for piece in pieces:
            self.rests(self._piece_returned)
            write(self.trial, self.server, self.answers, piece, "did", **self._hints())

    def leaves(self):
        self.rests(self._piece_returned)
        self.leaves_now()

    def leaves_now(self):
        for fd in self.fd, self.answers:
            if fd is not None:
                self.server.close(fd).wait()

    def gets(self, answer):
        seen = did(self.trial, **self._hints(), asleep=_NO_END, **LATE)
        expect_bytes(seen.value, answer, "answer")
        self.as_before(seen, "After the call")

    def fails(self, when, name):
        """It raises the error of that name, and leaves nothing open."""
        waits = f"{when}, and it waits on, or tries again and again: raise {name}."
        seen = did(self.trial, errors=True, asleep=waits, spins=waits, **LATE)
        expect_error(self.trial, seen, when, name, f"Let {name} come to the caller.")
        self.as_before(seen, f"{when}. After the {name}")

    def as_before(self, seen, when):
        if seen.new:
            what = "a descriptor" if seen.new == 1 else f"{seen.new} descriptors"
            raise Fails(f"{when} it left {what} open. Close both ends, in `finally`: asked a "
                        "thousand times, it would run out of them.")
        expect_all_as_before(seen, when)

    def rests(self, returned=None):
        self.trial.rests(returned=returned or self._early, **self._hints())

    def _meet(self, press, asleep):
        self.trial.meet(press, asleep=asleep, returned=self._early, **self._hints())

    def _early(self, value):
        if type(value) is bytes and value and value.removesuffix(b"\n") in self.questions:
            return "It returned its own question: the answer comes on the other pipe, replies."
        if value == b"":
            return _NO_WAIT
        return f"It returned {shown(value)} before the server had answered."

    def _hints(self):
        return {"raised": lambda name, text, errno: (
                    _NO_WAIT if name == "BlockingIOError" else
                    f"It raised {name}: {self.trial.short(text)}. In os.write a pipe takes "
                    "bytes." if name == "TypeError" and "bytes" in text else None),
                "spins": "It runs in a loop, at the cost of a processor: let read wait. At end of "
                         'file a read returns b"" at once, again and again.'}

    def _piece_returned(self, value):
        if value == b"":
            return _NO_WAIT
        return (f"It returned {shown(value)} before the answer was at its end. Read on until "
                "the newline.")


def _ask_each(report, fn, *calls):
    for args in calls:
        report("did", *observe(fn, *args, processor=PROCESSOR))


def asks(trial):
    questions = _QUESTION, b"", b" \0\xff\r", b"?" * 500
    asking = _Asking(trial, *questions)
    before = list(map(os.lstat, asking.pipes))
    asking.opens()
    for question in questions:
        asking.hears(question)
        asking.answer(b"four\n")
        asking.gets(b"four")
        leaves_alone(asking.pipes, before)
    for silence in ("the server had not come", "the server had not opened replies",
                    "the server had not ended its answer"):
        asking = _Asking(trial, _QUESTION)
        asking.rests()
        to = fd = None
        if silence != "the server had not come":
            to = trial.open(asking.requests, os.O_RDONLY)
            asking.rests()
        if "answer" in silence:
            os.write(fd := trial.open(asking.replies, os.O_WRONLY), b"fo")
            asking.rests(asking._piece_returned)
        leave_waiting(trial, silence, functools.partial(_answers_late, asking, to, fd))


def _answers_late(asking, to, fd):
    """The server does what is left. to, fd: what it has opened already, of requests and replies."""
    if to is None:
        asking.opens()
        asking.hears(_QUESTION)
    elif fd is None:
        asking.opens_replies()
    if fd is None:
        asking.answer(b"four\n")
    else:
        os.write(fd, b"ur\n")
    asking.gets(b"four")


def answered(trial):
    answers = b"four", b"", b" \r\xff\0\x80 ", b"\x0b\x85\r", b"\0"
    asking = _Asking(trial, *[b"number %d?" % number for number in range(len(answers))])
    asking.opens()
    for question, answer in zip(asking.questions, answers):
        asking.hears(question)
        asking.answer(answer + b"\n")
        asking.gets(answer)


def in_pieces(trial):
    answers = (b"fo", b"ur\n"), (b" ", b"\r", b"\xc3", b"\xa9 ", b"\n"), (b"four", b"\n"), ()
    asking = _Asking(trial, *[_QUESTION] * len(answers))
    asking.opens()
    for pieces in answers:
        asking.hears(_QUESTION)
        asking.answer(*pieces)
        data = b"".join(pieces)
        if not pieces:
            data = drip(trial, asking.replies) + b"\n"
            asking.answer(b"\n")
        asking.gets(data[:-1])


def long_answer(trial):
    asking = _Asking(trial, b"all of it?", b"and again?")
    asking.opens()
    asking.hears(b"all of it?")
    asking.answer(LONG[:40_001], LONG[40_001:] + b"\n")
    asking.gets(LONG)
    asking.hears(b"and again?")
    asking.rests()
    room = at_once(trial, asking.replies, LONG[:50_003] + b"\n", asking.leaves_now)
    if room.endswith(b"\n"):
        asking.gets(room[:-1])


def one_write(trial):
    """Another client has left room for the question in the pipe, but not for the newline."""
    asking = _Asking(trial, _QUESTION, wait=True)
    opening = asking.server.open(asking.requests, os.O_RDONLY)
    asking.server.wait_blocked()
    to, reply = trial.open(asking.requests, os.O_WRONLY), trial.open(asking.replies, os.O_RDONLY)
    asking.fd = opening.result()
    asking.answers = asking.server.open(asking.replies, os.O_WRONLY).result()
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(to, b"." * 4_096)
    asking.server.read(asking.fd, 4_096).wait()
    os.write(to, b"." * (4_096 - len(_QUESTION)))
    before = waiting(to)
    asking.starts()
    asking.rests()
    if waiting(to) != before:
        raise Fails("The pipe was nearly full, and a piece of the question came, not all of it: "
                    "question and newline must go in one write, or others write in between.")
    asking.hears(_QUESTION, before=b"." * before)
    trial.close(reply)
    asking.answer(b"four\n")
    asking.gets(b"four")


def server_leaves(trial):
    pieces = (), (b"fo",), (b" \r",), (b"\0", b"\xff")
    asking = _Asking(trial, *[_QUESTION] * len(pieces))
    for each in pieces:
        asking.opens()
        asking.hears(_QUESTION)
        asking.answer(*each)
        asking.leaves()
        after = f", after {shown(b''.join(each))}" if each else ""
        asking.fails(f"The server left before its answer was at its end{after}", "EOFError")


def broken_pipe(trial):
    asking = _Asking(trial, _QUESTION)
    asking.opens_requests()
    asking.rests()
    written, _ = asking.server.fill(asking.fd)
    asking.server.close(asking.fd).wait()
    asking.fd = None
    asking.opens_replies()
    if written:  # it does not wait for replies before it writes
        asking.leaves()
        asking.fails("The server left before it answered", "EOFError")
    else:
        asking.fails("The server closed requests before your function wrote", "BrokenPipeError")


def no_replies(trial):
    asking = _Asking(trial, _QUESTION, missing=["replies"])
    opening = asking.server.open(asking.requests, os.O_RDONLY)
    if event := trial.meet(opening, "did", asleep=_OPPOSITE):
        trial.again(event)
    asking.fails("There was no file at the path of replies", "FileNotFoundError")


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
    "ask": ("when it goes wrong", {
        "brings the question to the server": asks,
        "returns the answer": answered,
        "returns an answer that comes in pieces": in_pieces,
        "returns an answer longer than a pipe": long_answer,
        "sends question and newline in one write": one_write,
        "raises EOFError if the server leaves": server_leaves,
        "lets a broken pipe come through, and closes": broken_pipe,
        "closes requests if there is no replies": no_replies,
        "waits as long as it takes": waits,
    }),
}
