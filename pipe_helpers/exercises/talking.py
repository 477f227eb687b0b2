"""The checks of serve and ask."""
import os
import sys

from pipe_helpers.exercises.trial import Fails, call_and_count, expect_bytes, shown

# ---------------------------------------------------------------- serve

_HELD_BACK = ("A whole message was written, and handle was not called with it. Call it for each "
              "message as soon as its newline has come.")
_BURNS = ("It runs in a loop, at the cost of a processor. Between two writers, at end of file, a "
          'read does not wait, and returns b"" again and again.')
_ENDED = ("It returned, and a server stays: end of file is not for ever, and the next writer may "
          "come.")


def _serve(report, fn, path, watch_opens):
    def handle(message):
        report("message", message)

    def look(event, args):
        # Every way to open a file in Python raises this event before it does [PEP 578].
        if event == "open" and armed and isinstance(args[0], (str, bytes, os.PathLike)):
            if os.fsdecode(args[0]) == path:
                report("open")

    armed = []
    if watch_opens:
        real = handle

        def handle(message):
            real(message)
            armed.append(True)

        sys.addaudithook(look)
    return fn(path, handle)


class _Serving:
    """serve(path, handle) at work, with a puppet to write."""

    def __init__(self, trial, watch_opens=False):
        self.trial = trial
        self.path = trial.pipe()
        self.writer = trial.puppet("writer")
        trial.start(self.path, watch_opens, act=_serve)
        trial.rests(spins=_BURNS, returned="It ended before a writer had come.")

    def open(self):
        opening = self.writer.open(self.path, os.O_WRONLY)
        self.trial.meet(opening, returned=_ENDED, spins=_BURNS)
        self.fd = opening.result()

    def write(self, data):
        self.writer.write(self.fd, data).wait()

    def close(self):
        self.writer.close(self.fd).wait()

    def expect(self, *wanted):
        for message in wanted:
            value = self.trial.event("message", asleep=_HELD_BACK, returned=_ENDED,
                                     spins=_BURNS)[1]
            self._compare(value, message)

    def idle(self):
        """It sleeps, and does not call handle for anything else."""
        event = self.trial.rests("message", returned=_ENDED, spins=_BURNS)
        if event[0] == "message":
            self._compare(event[1], None)

    def _compare(self, value, wanted):
        if type(value) is bytes and value == wanted:
            return
        if type(value) is str:
            raise Fails(f"It called handle with the text {shown(value)}. The messages are bytes.")
        if value == b"":
            raise Fails('It called handle with b"". Neither the b"" of a read at end of file nor '
                        "what follows the last newline is a message.")
        if type(value) is bytes and value.endswith(b"\n") and value.count(b"\n") == 1:
            raise Fails(f"It called handle with {shown(value)}. The newline marks the end and is "
                        "no part of the message.")
        if type(value) is bytes and b"\n" in value:
            raise Fails(f"It called handle with {shown(value)}: those are several messages, each "
                        "ended by a newline.")
        if wanted is None or type(value) is bytes and wanted.startswith(value):
            raise Fails(f"It called handle with {shown(value)}, and no further message of these "
                        "bytes had come. Keep a piece until its newline is there.")
        raise Fails(f"It called handle with {shown(value)}, and the message was {shown(wanted)}.")


def first(trial):
    serving = _Serving(trial)
    serving.open()
    serving.write(b"one\n")
    serving.expect(b"one")
    serving.idle()


def framed(trial):
    serving = _Serving(trial)
    serving.open()
    serving.write(b"one\ntwo\nth")
    serving.expect(b"one", b"two")
    serving.idle()
    serving.write(b"ree\n")
    serving.expect(b"three")
    serving.idle()


def rests(trial):
    serving = _Serving(trial)
    serving.open()
    serving.write(b"one\n")
    serving.expect(b"one")
    serving.close()
    serving.idle()


def next_writer(trial):
    serving = _Serving(trial)
    for message in b"one", b"two", b"three":
        serving.open()
        serving.write(message + b"\n")
        serving.expect(message)
        serving.close()
    serving.idle()


def no_gap(trial):
    serving = _Serving(trial, watch_opens=True)
    serving.open()
    serving.write(b"one\n")
    serving.expect(b"one")
    serving.close()
    while True:
        event = trial.rests("open", "message", hold=True, returned=_ENDED, spins=_BURNS)
        if event[0] != "open":
            return
        # It is about to open the pipe again. Whoever can't write without waiting now finds
        # that nobody has it open for reading: so it was closed after the last b"" was read.
        knocking = trial.puppet("visitor").open(serving.path, os.O_WRONLY | os.O_NONBLOCK)
        if knocking.wait().error:
            raise Fails("Between two writers it closes the pipe and opens it again. A message "
                        'that comes after the b"" and before the close is lost: keep the pipe '
                        "open, and keep end of file away by a write end of your own.")
        trial.puppet("visitor").close(knocking.result()).wait()


# ---------------------------------------------------------------- ask

_OPPOSITE = ("Your function waits, and the server waits in its open of requests, for somebody to "
             "write: it opens requests first, then replies. Open them in the same order.")

_NO_WAIT = ('It did not wait for the answer. Opened with O_NONBLOCK, a pipe gives b"" before the '
            "server has opened it, and BlockingIOError before the server has written.")


class _Asking:
    """ask(requests, replies, question) at work, and a puppet that plays the server."""

    def __init__(self, trial, question):
        self.trial, self.question = trial, question
        self.requests, self.replies = trial.pipe("requests"), trial.pipe("replies")
        self.server = trial.puppet("server")
        self.opening = self.server.open(self.requests, os.O_RDONLY)
        trial.start(self.requests, self.replies, question, act=call_and_count)
        self._open_requests()
        self._open_replies()
        self._read_question()

    def _open_requests(self):
        self._meet(self.opening, asleep=_OPPOSITE)
        self.fd = self.opening.result()

    def _open_replies(self):
        opening = self.server.open(self.replies, os.O_WRONLY)
        self._meet(opening, asleep=(
            "The server has opened requests and waits in its open of replies. Your function waits "
            "for something else: open replies for reading, too."))
        self.answers = opening.result()

    def _read_question(self):
        got = b""
        while not got.endswith(b"\n"):
            reading = self.server.read(self.fd, 1 << 20)
            self._meet(reading, asleep=(
                f"The server got {shown(got)} and waits for the rest: the newline tells it that "
                "the question is at its end." if got else
                "It opened both pipes and wrote no question."))
            piece = reading.result()
            if not piece:
                self.trial.event("asleep", "returned", **self._hints())  # did it raise?
                raise Fails(f"It closed requests after {shown(got)}, and the newline that ends "
                            "the question was missing." if got else
                            "It opened requests and closed it, and wrote no question.")
            got += piece
        if got != self.question + b"\n":
            raise Fails(f"The question was {shown(self.question)}, and the server got "
                        f"{shown(got)}.")

    def _meet(self, press, asleep):
        self.trial.meet(press, asleep=asleep, returned=self._early, **self._hints())

    def _early(self, result):
        value = result[0]
        if value == self.question or value == self.question + b"\n":
            return "It returned its own question: the answer comes on the other pipe, replies."
        if value == b"":
            return _NO_WAIT
        return f"It returned {shown(value)} before the server had answered."

    def _hints(self):
        return {"raised": lambda name, text, errno: (
                    _NO_WAIT if name == "BlockingIOError" else
                    f"It raised {name}: {self.trial.short(text)}. In os.write a pipe takes "
                    "bytes." if name == "TypeError" else None),
                "spins": "It runs in a loop, at the cost of a processor: let read wait."}

    def answer(self, *pieces):
        for piece in pieces:
            self.trial.rests(returned=self._piece_returned, **self._hints())
            for start in range(0, len(piece), 4_000):
                writing = self.server.write(self.answers, piece[start:start + 4_000])
                self.trial.meet(writing, returned=self._piece_returned, **self._hints())
                if writing.wait().error:  # it has closed replies: `value` will tell why
                    return

    def _piece_returned(self, value):
        if value[0] == b"":
            return _NO_WAIT
        return (f"It returned {shown(value[0])} before the answer was at its end. Read on until "
                "the newline.")

    def value(self):
        return self.trial.value(**self._hints(), asleep=(
            "The server has answered, newline and all, and it waits on. The server keeps the pipe "
            "open for others, so no end of file comes: the newline is the end."))


def asks(trial):
    _Asking(trial, b"two and two?")


def answered(trial):
    asking = _Asking(trial, b"two and two?")
    asking.answer(b"four\n")
    value, _ = asking.value()
    expect_bytes(value, b"four", "answer")


def in_two_pieces(trial):
    asking = _Asking(trial, b"two and two?")
    asking.answer(b"fo", b"ur\n")
    value, _ = asking.value()
    expect_bytes(value, b"four", "answer")


def long_answer(trial):
    asking = _Asking(trial, b"all of it?")
    answer = b"." * 100_000
    asking.answer(answer + b"\n")
    value, _ = asking.value()
    expect_bytes(value, answer, "answer")


def both_closed(trial):
    asking = _Asking(trial, b"two and two?")
    asking.answer(b"four\n")
    _, left_open = asking.value()
    if left_open:
        what = "descriptor" if left_open == 1 else "descriptors"
        raise Fails(f"It left {left_open} {what} open. Close both ends, in `finally`: asked a "
                    "thousand times, it would run out of them.")


# For each function the chapter that asks for it, and its points in the order they are tried.
EXERCISES = {
    "serve": ("a reader that stays", {
        "calls handle with a message": first,
        "tells messages apart however they come": framed,
        "sleeps when the writer has gone": rests,
        "serves one writer after the other": next_writer,
        "loses nothing that comes between two writers": no_gap,
    }),
    "ask": ("when it goes wrong", {
        "brings the question to the server": asks,
        "returns the answer": answered,
        "returns an answer that comes in two pieces": in_two_pieces,
        "returns an answer longer than a pipe": long_answer,
        "closes both pipes": both_closed,
    }),
}
