"""The checks of ask."""
import contextlib
import functools
import os

from pipe_helpers.exercises.observed import (
    did,
    expect_all_as_before,
    expect_error,
    expect_pipes_as_before,
    observe,
)
from pipe_helpers.exercises.patience import leave_waiting, waits
from pipe_helpers.exercises.pieces import (
    LATE,
    LONG,
    PROCESSOR,
    at_once,
    come,
    drip,
    waiting,
    write,
)
from pipe_helpers.exercises.trial import Fails, expect_bytes, shown

_OPPOSITE = ("Your function waits, and the server waits in its open of requests, for somebody to "
             "write: the server opens requests first, then replies. Open them in the same order.")

_NO_WAIT = ('It did not wait for the answer. Opened with O_NONBLOCK, a pipe gives b"" before the '
            "server has opened it, and BlockingIOError before the server has written.")

_NO_END = ("The server has answered, newline and all, and your function waits on. The server keeps "
           "the pipe open for others, so no end of file comes: the newline is the end.")
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
        waits = f"{when}, and your function waits on, or tries again and again: raise {name}."
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
        expect_pipes_as_before(asking.pipes, before)
    for silence in ("the server had not come", "the server had not opened replies",
                    "the server had not ended its answer"):
        asking = _Asking(trial, _QUESTION)
        asking.rests()
        to = fd = None
        if silence != "the server had not come":
            to = trial.open(asking.requests, os.O_RDONLY)
            asking.rests()
        if "answer" in silence:
            trial.write(fd := come(trial, asking.replies), b"fo")
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
        asking.trial.write(fd, b"ur\n")
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
            trial.write(to, b"." * 4_096)
    asking.server.read(asking.fd, 4_096).wait()
    trial.write(to, b"." * (4_096 - len(_QUESTION)))
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
    written, _ = asking.server.level(asking.fd)
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

# For each of these points a second hint, for who fails at it again: how it can be done.
HINTS = {
    "ask": {
        "brings the question to the server": (
            "In this order: open `requests` with `os.O_WRONLY`, open `replies` with "
            "`os.O_RDONLY`, write the question and a newline, read."),
        "returns the answer": (
            "Return what came before the newline, `answer[:-1]`, and change no other byte."),
        "returns an answer that comes in pieces": (
            'Read in a loop, and add each piece to the answer, until that ends in `b"\\n"`.'),
        "returns an answer longer than a pipe": (
            "Read in a loop until the newline: one `os.read` gives at most what is in the "
            "pipe."),
        "sends question and newline in one write": (
            'Put them together first: `os.write(fd, question + b"\\n")`. Two writes may have '
            "another client's bytes between them."),
        "raises EOFError if the server leaves": (
            'When `os.read` returns `b""` before the newline has come, `raise EOFError(...)`.'),
        "lets a broken pipe come through, and closes": (
            "Put all that follows an `os.open` in `try`, close in `finally`, and use no "
            "`except`."),
        "closes requests if there is no replies": (
            "The second `os.open` may fail, too: it stands in the `try` whose `finally` "
            "closes the first descriptor."),
        "waits as long as it takes": (
            "Open without `os.O_NONBLOCK`: then open and read sleep by themselves. Set no "
            "limit."),
    },
}
