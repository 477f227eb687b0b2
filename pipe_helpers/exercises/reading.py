"""The checks of read_message and messages."""
import os

from pipe_helpers.exercises.trial import Fails, call_and_count, expect_bytes, shown

# ---------------------------------------------------------------- read_message


def _message(trial, *pieces, count=False):
    """Let it read what a writer sends in pieces, each when it waits for the next."""
    path, writer = trial.pipe(), trial.puppet("writer")
    trial.start(path, act=call_and_count)
    # The writer comes when it waits: else it would be chance what one that does not wait finds.
    event = trial.rests("returned", spins=_SPINS)
    if event[0] != "returned":
        opening = writer.open(path, os.O_WRONLY)
        event = trial.meet(opening, "returned", spins=_SPINS) or ("asleep",)
    for step in [*pieces, None]:
        if event[0] == "returned":
            break
        event = trial.rests("returned", spins=_SPINS)
        if event[0] == "returned":
            break
        if step is None:
            writer.close(opening.result()).wait()
            event = trial.event("returned", spins=_SPINS, asleep=_NO_END)
        else:
            _write(trial, writer, opening.result(), step)
    value, left_open = event[1]
    expect_bytes(value, b"".join(pieces), "message")
    if count and left_open:
        raise Fails("It left a descriptor open. Close it, in `finally`, so that it is closed "
                    "after an error, too.")


def _write(trial, writer, fd, data):
    """Let the writer write, in parts: a longer one could be cut when the function ends."""
    for start in range(0, len(data), 4_000):
        press = writer.write(fd, data[start:start + 4_000])
        trial.meet(press)
        if press.wait().error:  # it has ended, and `event` will tell how
            break


_EARLY = "It returned before a writer had come."
_NO_END = ("The writer has closed, and it still waits. If it holds a write end of the pipe itself "
           "(O_RDWR opens one), the end of file never comes.")
_SPINS = ('It runs in a loop that does not end. At end of file a read returns b"" at once, again '
          "and again: stop there.")


def one_write(trial):
    _message(trial, b"Hello from pid [4242]")


def other_length(trial):
    _message(trial, b"Hello from pid [4194303]")


def two_writes(trial):
    _message(trial, b"Hello from ", b"pid [4242]\n")


def long_message(trial):
    _message(trial, bytes(range(256)) * 160, bytes(range(256)) * 160)  # 81,920 bytes


def nothing(trial):
    path, writer = trial.pipe(), trial.puppet("writer")
    trial.start(path)
    trial.rests(spins=_SPINS, returned=_EARLY)
    opening = writer.open(path, os.O_WRONLY)
    trial.meet(opening, spins=_SPINS, returned=_EARLY)
    trial.rests(spins=_SPINS, returned="It returned before the writer had closed.")
    writer.close(opening.result()).wait()
    value = trial.value(spins=_SPINS, raised=lambda name, *_: (
        f'A writer closed without a word, and it raised {name}: that message is b"".'))
    if value != b"":
        raise Fails(f'A writer closed without a word, and it returned {shown(value)}, not b"".')


def closes(trial):
    _message(trial, b"Hello", count=True)


# ---------------------------------------------------------------- messages


def _iterate(report, fn, path):
    fd = os.open(path, os.O_RDONLY)
    found = fn(fd)
    try:
        found = iter(found)
    except TypeError:
        report("no iterator", found)
        return
    for message in found:
        report("item", message)


class _Reading:
    """messages(fd) at work on a pipe, with a puppet to write."""

    def __init__(self, trial):
        self.trial = trial
        path = trial.pipe()
        self.writer = trial.puppet("writer")
        trial.start(path, act=_iterate)
        self.fd = self.writer.open(path, os.O_WRONLY).result()

    def write(self, data):
        self.writer.write(self.fd, data).result()

    def close(self):
        self.writer.close(self.fd).result()

    def expect(self, *wanted):
        """The next messages are those wanted, and then it waits for more."""
        for message in wanted:
            event = self._event("item", asleep=(
                "The writer has written a whole message, newline and all, and your function "
                "keeps it back. Yield a message as soon as its newline has come."))
            self._compare(event[1], message)
        event = self._event("item", "asleep", "napping", patience=0.02, napping=0.06)
        if event[0] == "item":
            self._compare(event[1], None)

    def _event(self, *wanted, **options):
        event = self.trial.event(*wanted, "no iterator", **options,
                                 returned="It came to an end while the writer still had the pipe "
                                          "open.",
                                 spins=_SPINS)
        if event[0] == "no iterator":
            value = event[1]
            raise Fails(f"It returned {shown(value)}, which can't be gone through with `for`: "
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
        if type(value) is bytes and value.endswith(b"\n") and b"\n" not in value[:-1]:
            raise Fails(f"It yielded {shown(value)}. The newline marks the end and is no part "
                        "of the message.")
        if type(value) is bytes and b"\n" in value:
            raise Fails(f"It yielded {shown(value)} as one message: split at the newlines.")
        if type(value) is bytes and wanted.startswith(value):
            raise Fails(f"It yielded {shown(value)}, a piece of the message {shown(wanted)}.")
        if type(value) is bytes and wanted.endswith(value):
            raise Fails(f"It yielded {shown(value)}, and the message is {shown(wanted)}: put what "
                        "was left of the last read in front of the next.")
        raise Fails(f"It yielded {shown(value)}, and the message is {shown(wanted)}.")


def whole(trial):
    reading = _Reading(trial)
    reading.write(b"first\n")
    reading.expect(b"first")


def several(trial):
    reading = _Reading(trial)
    reading.write(b"first\nsecond\n")
    reading.expect(b"first", b"second")


def in_pieces(trial):
    reading = _Reading(trial)
    reading.write(b"first\nsec")
    reading.expect(b"first")
    reading.write(b"o")
    reading.expect()
    reading.write(b"nd\nthird\n")
    reading.expect(b"second", b"third")


def empty_ones(trial):
    reading = _Reading(trial)
    reading.write(b"first\n\nthird\n")
    for wanted in b"first", b"":
        event = reading._event("item")
        if wanted == b"" and event[1] != b"":
            raise Fails(f"Between two newlines there was an empty message. It was left out, and "
                        f"{shown(event[1])} came.")
        reading._compare(event[1], wanted)
    reading.expect(b"third")


def long_ones(trial):
    reading = _Reading(trial)
    message = b"x" * 20_000
    reading.write(message)
    trial.rests(item="It yielded a piece of a long message.", spins=_SPINS)
    reading.write(message + b"\n")
    reading.expect(message + message)


def ends(trial):
    reading = _Reading(trial)
    reading.write(b"last\n")
    reading.expect(b"last")
    reading.close()
    event = trial.event("returned", "item", spins=_SPINS, asleep=(
        "The writer has closed, and it waits on: at end of file there are no more messages."))
    if event[0] == "item":
        raise Fails(f"The writer had closed, and it still yielded {shown(event[1])}: nothing was "
                    "left to yield.")


def unfinished(trial):
    reading = _Reading(trial)
    reading.write(b"unfin")
    reading.expect()
    reading.close()
    event = trial.event("raised", "returned", "item", spins=_SPINS)
    if event[0] == "item":
        raise Fails(f"The writer left in the middle of a message, and it yielded the piece "
                    f"{shown(event[1])} as if it were whole: raise EOFError.")
    if event[0] == "returned":
        raise Fails("The writer left in the middle of a message, and its bytes disappeared "
                    "without a word: raise EOFError.")


# For each function the chapter that asks for it, and its points in the order they are tried.
EXERCISES = {
    "messages": ("read", {
        "yields a message when its newline has come": whole,
        "parts two that come together": several,
        "puts together one that comes in pieces": in_pieces,
        "yields an empty message, too": empty_ones,
        "yields a long message whole": long_ones,
        "ends at end of file": ends,
        "says so if a writer leaves in the middle": unfinished,
    }),
    "read_message": ("close", {
        "returns a message of 22 bytes": one_write,
        "returns a message of another length": other_length,
        "returns a message that comes in two pieces": two_writes,
        "returns a message longer than a pipe": long_message,
        "returns the empty message": nothing,
        "closes the pipe": closes,
    }),
}
