"""The checks of ask_in_time."""
import contextlib
import errno
import os

from pipe_helpers.exercises.deadlines import (
    BURNS,
    SHORT,
    best_of_three,
    drip,
    expect_late,
    expect_many,
    expect_shorts,
    with_time_for_it,
)
from pipe_helpers.exercises.observed import (
    did,
    expect_all_as_before,
    expect_error,
    expect_pipes_as_before,
    hold_before,
    observe,
)
from pipe_helpers.exercises.pieces import waiting
from pipe_helpers.exercises.trial import RESTS, Fails, expect_bytes, is_fifo, shown

_TEXT = b"two?"
_SOON = 0.12  # seconds
_LONG_TIME = 10  # seconds, which no point takes
_PROCESSOR = 0.8  # seconds: more than a byte at a time takes

_HANGS_UP = ("A late answer came, and the server closed the pipe, as after each answer. Since then "
             "your function runs in a loop: poll reports the end again and again. Keep a write end "
             "of your own open.")

_WAITS_ON = ("The answer to its question has come, and it waits on. A newline ends the line, and "
             "the number is the first word.")
_CUT = ("A read may cut a line: keep what stands behind the last newline, and put what the next "
        "read brings behind it.")


class _Asking:
    """ask_in_time(folder, number, text, seconds) at work, and a puppet that plays the server."""

    def __init__(self, trial, *questions, act=None):
        self.trial, self.act = trial, act or _ask_each
        self.requests = trial.pipe("requests")
        self.folder = os.path.dirname(self.requests)
        self.server = trial.puppet("server")
        self.fd = self.server.open(self.requests, os.O_RDONLY | os.O_NONBLOCK).result()
        self.calls = [(self.folder, number, text, *(seconds or [_LONG_TIME]))
                      for number, text, *seconds in questions]

    def starts(self):
        paths = [self.requests]  # what the run that failed is about
        self.trial.start(paths, *self.calls, act=self.act)
        self.name = f"reply.{self.trial.learner.pid}"
        self.reply = f"{self.folder}/{self.name}"
        paths.append(self.reply)
        return self

    def hears(self, number, text):
        """The server reads the request, and looks for the client's pipe."""
        self.rests()
        reading = self.server.read(self.fd, 1 << 16)
        got = b"" if reading.wait().error else reading.result()
        if not got:
            raise Fails("It waits before it has asked: no request is in the pipe. Without "
                        "O_NONBLOCK the open of its own pipe waits for the server, and that waits "
                        "for the request.")
        wanted = b"\n%d %s %d %s\n" % (number, self.name.encode(), len(text), text)
        if self.reply.encode() in got:
            raise Fails("The server got the path of your function's pipe. It works in that folder, "
                        "and wants the name alone, reply.PID.")
        if self.name.encode() not in got:
            raise Fails(f"The server got {shown(got)}. The second word is the name of a pipe that "
                        "no other client has: reply. and the PID of your function's process, "
                        "os.getpid().")
        if got != wanted:
            raise Fails(f"The server got {shown(got)}, and the request is {shown(wanted)}.")
        if not is_fifo(self.reply):
            raise Fails(f"The server got the request, and no named pipe {self.name} is in the "
                        "folder.")

    def answers(self, *pieces):
        """The server opens the pipe of the client, which waits, writes and closes.

        pieces: each is written when the client has read the one before and waits again.
        """
        opening = self.server.open(self.reply, os.O_WRONLY | os.O_NONBLOCK)
        if error := opening.wait().error:
            raise Fails("Your function waits, and the server can't open its pipe for an answer "
                        f"({error}). Open it before you ask, and keep it open.")
        fd = opening.result()
        self.server.write(fd, pieces[0]).wait()
        for number, piece in enumerate(pieces[1:], 1):
            so_far = f"The server wrote {_listed(pieces[:number])}, and your function "
            self.trial.rests(
                spins=BURNS,
                returned=lambda value, so_far=so_far: f"{so_far}returned {shown(value)}. {_CUT}",
                raised=lambda name, text, _, so_far=so_far: (
                    f"{so_far}raised {name}: {text}. {_CUT}"))
            self.server.write(fd, piece).wait()
        self.server.close(fd).wait()

    def gets(self, answer, asleep=_WAITS_ON):
        seen = did(self.trial, spins=_HANGS_UP, asleep=asleep)
        expect_bytes(seen.value, answer, "answer")
        self.nothing_left(seen, "After the answer")

    def nothing_left(self, seen, when):
        if seen.new:
            raise Fails(f"{when} a descriptor was left open. Close all of them in `finally`: that "
                        "is done after an error, too.")
        if os.path.lexists(self.reply):
            raise Fails(f"{when} its pipe reply.PID was still there. Remove it in `finally`, with "
                        "os.unlink.")
        expect_all_as_before(seen, when)

    def rests(self, spins=BURNS):
        self.trial.rests(returned=self._early, raised=_too_early, spins=spins)

    def _early(self, value):
        number = self.calls[0][1]
        return (f"It returned {shown(value)}, and no line with its number, {number}, had come. "
                "Lines with other numbers are late answers: pass over them.")


def _too_early(name, text, number):
    return name == "TimeoutError" and (
        f"It raised TimeoutError, long before its {_LONG_TIME} s were over. poll wants "
        "milliseconds, select wants seconds.")


def _listed(pieces):
    return ", then ".join(map(shown, pieces))


def _ask_each(report, fn, paths, *calls):
    for args in calls:
        report("did", *observe(fn, *args, processor=_PROCESSOR))


def _ask_held(report, fn, paths, call):
    hold_before(report, fn, None, *call)


def asks(trial):
    questions = (7, b""), (123_456_789, b" \0\xff\r 7 "), (0, b"?" * 400)
    asking = _Asking(trial, *questions).starts()
    before = [os.lstat(asking.requests)]
    for number, text in questions:
        asking.hears(number, text)
        asking.answers(b"%d four\n" % number)
        asking.gets(b"four")
        expect_pipes_as_before([asking.requests], before)


def opens_first(trial):
    """Before each of its steps: if it has asked already, its pipe is open for reading."""
    asking = _Asking(trial, (7, _TEXT), act=_ask_held).starts()
    while trial.event("held", "asleep", "napping", hold=True, **RESTS)[0] == "held":
        if not asking.server.level(asking.fd)[0]:
            continue
        opening = asking.server.open(asking.reply, os.O_WRONLY | os.O_NONBLOCK)
        if error := opening.wait().error:
            raise Fails("The server got the request, and could not open the client's pipe at once "
                        f"({error}). It does not wait for it: make the pipe and open it, "
                        "and ask then.")
        asking.server.close(opening.result()).wait()


def answered(trial):
    answers = b" 8 \0\xff\r\x80 ", b"", b"7"
    asking = _Asking(trial, *[(7, _TEXT)] * len(answers)).starts()
    for answer in answers:
        asking.hears(7, _TEXT)
        asking.answers(b"7 %s\n" % answer)
        asking.gets(answer)


def late_answers(trial):
    asking = _Asking(trial, (7, _TEXT)).starts()
    asking.hears(7, _TEXT)
    for late in b"71 no\n", b"17 no\n6 7 no\n":
        asking.answers(late)
        asking.rests(spins=_HANGS_UP)
    asking.answers(b"8 no\n7 yes\n")
    asking.gets(b"yes")


def cut_by_reads(trial):
    asking = _Asking(trial, (7, _TEXT), (7, _TEXT)).starts()
    # A read of 512 bytes, or of any power of two up to 4,096, cuts the last line.
    asking.hears(7, _TEXT)
    asking.answers(b"71 no\n" * 650 + b"7 " + b"yes" * 100 + b"\n")
    asking.gets(b"yes" * 100)
    asking.hears(7, _TEXT)
    pieces = b"61", b"7 no\n7", b" 7 y", b"es\n"
    asking.answers(*pieces)
    asking.gets(b"7 yes", asleep=(
        f"The server wrote {_listed(pieces)}, and your function waits on. {_CUT}"))


def gives_up(trial):
    shorts = [(9, _TEXT, seconds) for seconds in SHORT]
    asking = _Asking(trial, (7, _TEXT, _SOON), (8, _TEXT), *shorts).starts()
    when = "No answer came"
    waits = f"{when}, and it waits on long after its {_SOON} s."
    seen = did(trial, errors=True, spins=BURNS, asleep=waits)
    expect_late(trial, seen, _SOON, when)
    asking.nothing_left(seen, "After the TimeoutError")
    asking.server.read(asking.fd, 1 << 16).wait()
    asking.hears(8, _TEXT)
    asking.answers(b"7 late\n8 four\n")
    asking.gets(b"four")
    expect_shorts(trial, when, waits)


def one_deadline(trial, seconds):
    asking = _Asking(trial, (7, _TEXT, seconds)).starts()
    when = "Late answers came every few milliseconds"
    seen = did(trial, "asleep", "napping", errors=True, spins=BURNS, **RESTS)
    seen, came = (seen, 0) if seen else drip(trial, asking.reply, seconds, b"6 no\n")
    if not seen:
        raise Fails(f"{when}, and it was still waiting long after its {seconds:g} s. The deadline "
                    "is one for all: compute what is left of it before each wait.", waits=True)
    expect_late(trial, seen, seconds, when)
    asking.nothing_left(seen, "After the TimeoutError")
    expect_many(came)


def no_room(trial):
    """Other clients have left room in the pipe for the beginning of the request only."""
    asking = _Asking(trial, (7, b"?" * 400))
    to = trial.open(asking.requests, os.O_WRONLY)
    with contextlib.suppress(BlockingIOError):
        while True:
            trial.write(to, b"." * 4_096)
    asking.server.read(asking.fd, 4_096).wait()
    trial.write(to, b"." * (4_096 - 300))
    before, when = waiting(to), "The pipe requests was nearly full"
    asking.starts()
    waits = f"{when}, and it waits. With O_NONBLOCK, os.write raises BlockingIOError: let it come."
    seen = did(trial, errors=True, asleep=waits, spins=waits)
    if waiting(to) != before:
        raise Fails(f"{when}, and a piece of the request came, not all of it: write it with one "
                    "os.write, or other clients write in between.")
    expect_error(trial, seen, when, "BlockingIOError", "Let the error of os.write come through.")
    asking.nothing_left(seen, f"{when}. After the error")


def no_server(trial):
    for when, name, number in (
            ("No server has opened requests", "OSError", errno.ENXIO),
            ("There is no pipe requests in the folder", "FileNotFoundError", errno.ENOENT)):
        asking = _Asking(trial, (7, _TEXT))
        asking.server.close(asking.fd).wait()
        if number == errno.ENOENT:
            os.unlink(asking.requests)
        asking.starts()
        waits = (f"{when}, and it waits. Open it with os.O_WRONLY | os.O_NONBLOCK, and let the "
                 "error come through.")
        seen = did(trial, errors=True, asleep=waits, spins=waits)
        if number == errno.ENOENT and os.path.lexists(asking.requests):
            raise Fails("There was no pipe requests, and it made something there.")
        expect_error(trial, seen, when, name, "Let the error come through.", number=number)
        asking.nothing_left(seen, f"{when}. After the error")


# For each function the chapter that asks for it, and its points in the order they are tried.
EXERCISES = {
    "ask_in_time": ("a client that gives up", {
        "brings the request to the server": asks,
        "opens its pipe before it asks": opens_first,
        "returns the answer": answered,
        "passes over late answers, asleep": late_answers,
        "puts together what reads have cut": cut_by_reads,
        "raises TimeoutError when no answer comes": best_of_three(gives_up),
        "raises TimeoutError when late answers never end": best_of_three(
            with_time_for_it(one_deadline, 0.3)),
        "asks in one write, or not at all": no_room,
        "fails at once without a server": no_server,
    }),
}

# For each of these points a second hint, for who fails at it again: how it can be done.
HINTS = {
    "ask_in_time": {
        "brings the request to the server": (
            "The pipe: `os.mkfifo(f\"{folder}/reply.{os.getpid()}\")`, opened with `os.O_RDONLY | "
            "os.O_NONBLOCK`. The request: `f\"\\n{number} reply.{os.getpid()} {len(text)} \""
            ".encode() + text + b\"\\n\"`."),
        "opens its pipe before it asks": (
            "In this order: make `reply.PID`, open it, open `requests`, write."),
        "returns the answer": (
            'Split the line at the first space only: `line.split(b" ", 1)`. The first piece is the '
            "number, the second the answer."),
        "passes over late answers, asleep": (
            "Open a write end of your own at `reply.PID`: then `poll` reports nothing when the "
            "server closes. Of the lines that a read brings, more than one may be late."),
        "puts together what reads have cut": (
            'First `rest = b""`. After each read, `lines = (rest + piece).split(b"\\n")` and '
            "`rest = lines.pop()`: the lines before it are whole, it is not."),
        "raises TimeoutError when no answer comes": (
            "`poll.poll(milliseconds)` returns an empty list when the time is up: then `raise "
            "TimeoutError(...)`. It wants milliseconds, `1000 * left`."),
        "raises TimeoutError when late answers never end": (
            "First `deadline = time.monotonic() + seconds`. Before each wait, `left = deadline - "
            "time.monotonic()`: if nothing is left, raise TimeoutError."),
        "asks in one write, or not at all": (
            "Put the request together first, and then write it with one `os.write`, through a "
            "descriptor opened with `os.O_WRONLY | os.O_NONBLOCK`."),
        "fails at once without a server": (
            "`os.open` with `os.O_WRONLY | os.O_NONBLOCK` raises the error by itself. `try` begins "
            "right behind `os.mkfifo`, and its `finally` removes the pipe."),
    },
}
