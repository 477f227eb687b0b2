"""The checks of take_requests."""
import contextlib
import fcntl
import os
import re

from pipe_helpers.exercises.observed import did, expect_all_as_before, observe
from pipe_helpers.exercises.pieces import LATE, PROCESSOR, SPINS, at_once
from pipe_helpers.exercises.trial import RESTS, Fails, shown

_WORDS = b"hello, world"  # pieces of a request with this text are sent
_WAITS = ("All writers have closed, and it still waits. At end of file a read returns b\"\": there "
          "it is to return.")

_BEGINNINGS = (b"5 hello\n",), (b"5 hello",), (b"5 he", b"llo")  # no newline before them

_NOT_WHOLE = ("In a whole request there is a space behind the length, and behind that as many "
              "bytes as it says.")


def _request(text):
    return b"\n%d %s\n" % (len(text), text)


def _take_each(report, fn, path, calls):
    """So many calls on one descriptor."""
    fd = os.open(path, os.O_RDONLY)
    for _ in range(calls):
        report("did", *observe(fn, fd, processor=PROCESSOR))


class _Taking:
    """take_requests(fd) at work, so many calls, and two puppets to write."""

    def __init__(self, trial, calls=1):
        self.trial = trial
        self.earlier = []  # what former calls have returned
        self.path = trial.pipe("requests")
        self.writers = [trial.puppet(role) for role in ("Ada", "Ben")]
        trial.start(self.path, calls, act=_take_each)

    def come(self):
        """Both writers open the pipe, and the next call begins."""
        # The end of the learner's process is open, or about to be: this waits for nothing else.
        self.fds = [writer.open(self.path, os.O_WRONLY).result() for writer in self.writers]
        # What is written before the call begins would not be in the picture of the run.
        self.still_reads("both writers had the pipe open", patience=0.005)

    def send(self, *parts):
        """Each writes a part in turn, the first by the first writer. One read can take it all."""
        with self.trial.learner.stopped():
            for number, part in enumerate(parts):
                # It fails if the function has closed the pipe, and what it returns tells how.
                self.writers[number % 2].write(self.fds[number % 2], part).wait()

    def leave(self):
        for writer, fd in zip(self.writers, self.fds):
            writer.close(fd).wait()

    def still_reads(self, when, **patience):
        """It waits for more."""
        if seen := did(self.trial, "asleep", "napping", spins=SPINS, **{**RESTS, **patience}):
            _expect_list(seen.value)
            raise Fails(f"It returned {shown(seen.value)} while {when}. Read on until end of "
                        "file, and return them all at once.")

    def returns(self, *wanted, when, why=""):
        """The writers have left: it returns the texts wanted. when, why: parts of a hint."""
        seen = did(self.trial, asleep=_WAITS, spins=SPINS, **LATE, raised=lambda name, text, _: (
            why and name == "ValueError" and f"{when} It raised {name}: {text}. {why}"))
        if self.earlier and seen.value == [*self.earlier, *wanted]:
            raise Fails("It returned the texts of an earlier call once more. Each call starts "
                        "anew.")
        _compare(seen.value, list(wanted), when, why)
        self.earlier += wanted
        expect_all_as_before(seen, "After the call")


def _expect_list(value):
    if value is None:
        raise Fails("It returned None: give the list back with `return`.")
    if type(value) is not list:
        raise Fails(f"It returned {shown(value)}. Asked for is a list of the texts.")
    for text in value:
        if type(text) is not bytes:
            raise Fails(f"In the list is {shown(text)}. The texts are bytes.")


def _compare(value, wanted, when, why=""):
    """why: what is to be known of the pieces that were sent, if there were any."""
    _expect_list(value)
    if value == wanted:
        return
    at = next((at for at, pair in enumerate(zip(value, wanted)) if pair[0] != pair[1]),
              min(len(value), len(wanted)))
    got, text = [*value, None][at], [*wanted, None][at]
    if len(wanted) < 4:
        both = f"{when} It returned {shown(value)}, and the list is {shown(wanted)}."
    else:
        both = (f"{when} Number {at + 1} in the list is {shown(got)}, and in its request is "
                f"{shown(text)}.")
    if not why and text and re.fullmatch(rb"\n?\d+ ?" + re.escape(text) + rb"\n?", got or b""):
        raise Fails(f"{both} Length, space and newlines are no part of the text.")
    if text is not None and (got is None or got in wanted[at + 1:]):
        if text == b"":
            raise Fails(f"{both} A text may be empty: then the length is 0.")
        raise Fails(f"{both} A whole request was lost, the one with {shown(text)}.")
    if not why and text is not None and got.strip() == text.strip():
        raise Fails(f"{both} All that stands behind the first space is the text, spaces and all.")
    raise Fails(f"{both} {why}".rstrip())


def whole(trial):
    texts = (b"hello", b"good bye", b" two  spaces ", b"3 abc", b"\t\r \0\xff\x0b\x85",
             "Grüße".encode(), b"10", b"x" * 500, b" ", b"", b"5 hello", b"")
    taking = _Taking(trial, 3)
    taking.come()
    taking.send(*map(_request, texts[:4]))
    taking.still_reads("both writers had the pipe open")
    taking.send(*map(_request, texts[4:]))
    taking.writers[0].close(taking.fds[0]).wait()
    taking.still_reads("one of the writers still had the pipe open")
    taking.writers[1].close(taking.fds[1]).wait()
    taking.returns(*texts, when=f"{len(texts)} requests were sent.")
    for sent in [(b"good day",), ()]:
        taking.come()
        taking.send(*map(_request, sent))
        taking.leave()
        taking.returns(*sent, when=f"In another call {len(sent)} more were sent.")


def cut_by_reads(trial):
    taking = _Taking(trial)
    taking.come()
    texts = [b"%d%s" % (number, b"." * (number % 89)) for number in range(1_400)]
    data = b"".join(map(_request, texts))
    fd = trial.open(taking.path, os.O_WRONLY)
    with contextlib.suppress(AttributeError, OSError):  # Linux only, and not beyond a limit
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 1 << 17)
    came = at_once(trial, taking.path, data, taking.leave)
    trial.close(fd)
    wanted = [line.split(b" ", 1)[1] for line in came.split(b"\n")[1:-1:2]]
    seen = did(trial, asleep=_WAITS, spins=SPINS, **LATE)
    if type(seen.value) is list and seen.value != wanted:
        raise Fails(f"{len(wanted):,} requests were in the pipe, more than one read takes, and in "
                    f"the list of {len(seen.value):,} some are missing or torn. A read may end in "
                    "the middle of a request: keep that piece for the next read.")
    _compare(seen.value, wanted, "Many were sent.")
    expect_all_as_before(seen, "After the call")


def torn(trial):
    pieces = [_request(_WORDS)[:count] for count in (1, 2, 3, 4, 5, 8, len(_WORDS) + 3)]
    taking = _Taking(trial, len(pieces) + 1)
    for piece in pieces:
        taking.come()
        taking.send(piece, _request(b"good bye"))
        taking.leave()
        taking.returns(b"good bye", when=(
            f"One writer died after {shown(piece)}, and another one sent "
            f"{shown(_request(b'good bye'))}."), why=_NOT_WHOLE)
    taking.come()
    taking.send(b"\n", *[b"\n0", b"\n5 hel", b"\n6 hello"] * 2, _request(b"good bye"))
    taking.leave()
    taking.returns(b"good bye", when="Seven pieces of several writers came, and one request.",
                   why=_NOT_WHOLE)


def at_the_end(trial):
    ends = b"\n", b"\n5 hel", b"\n5 hello", b"\n0 ", b"\n0"
    taking = _Taking(trial, len(ends))
    for piece in ends:
        taking.come()
        taking.send(_request(b"good bye"), piece)
        taking.leave()
        taking.returns(b"good bye", when=(
            f"{shown(_request(b'good bye'))} came, and then, before end of file, {shown(piece)} "
            "without a newline behind it."), why="Behind the last newline no request is whole.")


def without_its_newline(trial):
    cases = (b"hello",), (b"hello", b""), (b"", b"ab"), (b"1 x", b" ")
    taking = _Taking(trial, len(cases))
    for texts in cases:
        taking.come()
        taking.send(*[_request(text)[:-1] for text in texts], _request(b"good bye"))
        taking.leave()
        taking.returns(*texts, b"good bye", when=(
            f"Only the newline at the end of {shown(_request(texts[0])[:-1])} was missing, and the "
            "newline of the next request followed."))


def not_whole(trial):
    cases = {
        (b"-0 ", b"x1 a", b"+1 b", b"\t1 c", b" 1 d", b"0_1 e"): (
            "A length in digits has nothing else in it: `length.isdigit()` tells. int takes a "
            "sign, `_` and white space, too, and for all else it raises ValueError."),
        (b"5 hello!", b"0 x"): (
            "Behind the space are as many bytes as the length says, no more and no less."),
    }
    taking = _Taking(trial, len(cases) + len(_BEGINNINGS))
    for lines, why in cases.items():
        taking.come()
        taking.send(b"\n%s\n" % b"\n".join(lines), _request(b"good bye"))
        taking.leave()
        taking.returns(b"good bye", why=why, when=(
            f"Lines came, but no requests: {', '.join(map(shown, lines))}. Then a request came."))
    for beginning in _BEGINNINGS:
        taking.come()
        taking.send(*beginning, _request(b"good bye"))
        taking.leave()
        taking.returns(b"good bye", when=(
            f"An earlier reader took the beginning, and {shown(b''.join(beginning))} was left. "
            "Then a request came."), why=(
            "A line stands between two newlines, and before the first of all there is none."))


# For each function the chapter that asks for it, and its points in the order they are tried.
EXERCISES = {
    "take_requests": ("messages with a length", {
        "returns the texts of whole requests": whole,
        "puts together what reads have cut": cut_by_reads,
        "drops a piece, and loses nothing behind it": torn,
        "drops a piece at the very end": at_the_end,
        "takes one that another's newline has ended": without_its_newline,
        "drops a line that is not a whole request": not_whole,
    }),
}

# For each of these points a second hint, for who fails at it again: how it can be done.
HINTS = {
    "take_requests": {
        "returns the texts of whole requests": (
            'Read in a loop until `b""`, and put the pieces together. Then split at `b"\\n"`; '
            'of each line, `line.split(b" ", 1)` gives length and text.'),
        "puts together what reads have cut": (
            "First collect everything, `data = data + piece`. Split it into lines after the loop, "
            "not in it."),
        "drops a piece, and loses nothing behind it": (
            "Look at each line by itself. Without a space in it, or if `int(length) != "
            "len(text)`, go on with the next line."),
        "drops a piece at the very end": (
            'The last item of `data.split(b"\\n")` has no newline behind it, and the first none '
            "before it: leave out both, `[1:-1]`."),
        "takes one that another's newline has ended": (
            "A newline may end one line and begin the next. `split` knows that; who searches for "
            "newline, request and newline must not use one up."),
        "drops a line that is not a whole request": (
            "A line is whole `if space and length.isdigit() and int(length) == len(text)`, where "
            '`length, space, text = line.partition(b" ")`. The first and the last item of '
            '`data.split(b"\\n")` are no lines: `[1:-1]`.'),
    },
}
