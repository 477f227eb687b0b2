"""The checks of read_with_deadline."""
import os
import time

from pipe_helpers.exercises.observed import (
    did,
    expect_all_as_before,
    expect_error,
    expect_sleep,
    observe,
    seen_in,
)
from pipe_helpers.exercises.pieces import at_once, expect_after_close, write
from pipe_helpers.exercises.trial import RESTS, Fails, expect_bytes, shown

# Seconds. Whole milliseconds end up to one too early. A late waking hides it, but not where less
# than one is left to wait for: when that is depends on how long a machine takes to come there.
SHORT = [tenths / 10_000 for tenths in range(5, 45)]
_SOON = 0.12  # seconds
LATE_BY = 0.1  # seconds after the deadline that are too many, on a machine that is not busy
_EARLY = 0.0002  # seconds too early that may be the grain of a clock
_SILENCE = 1.03  # seconds that a writer lets it wait, long before the deadline
_PROCESSOR = 2  # seconds: more than 64 bytes at a time take
_AMPLE = 10  # seconds until a deadline that the check does not come to
_MANY = 5  # pieces that come in time, if a writer never ends
_LONG = bytes(range(256)) * 4_200  # above 1 MiB
_PART = 60_000

BURNS = ("While it waits it runs in a loop, at the cost of a processor. Let poll or select wait, "
          "with the time that is left.")
_SILENT = ("while a writer had the pipe open and was silent. A read that does not wait then raises "
           "BlockingIOError.")
_NO_WRITER = ("before a writer had come. For a reader that did not wait in open, a read gives "
              'b"" while there is no writer yet, or no more.')


class TooLate(Fails):
    """Something came too late, which a busy machine may have caused."""


class _NotCome(Exception):
    """It gave up in time, before that had come which the point is about: it tells nothing."""


def with_time_for_it(point, seconds):
    """point(trial, seconds), with longer deadlines on a machine that does not come to it before."""
    def tried(trial):
        for longer in 1, 4, 16:
            try:
                return point(trial, longer * seconds)
            except _NotCome:
                trial.reset()
        raise Fails("This machine is too busy just now to judge that: the other side did not come "
                    f"in {longer * seconds:g} s. Call check again.")

    return tried


def best_of_three(point):
    """The point, tried again if it came too late: what is always late is late three times."""
    def tried(trial):
        for _ in range(2):
            try:
                return point(trial)
            except TooLate:
                trial.reset()
        return point(trial)

    return tried


def _read_each(report, fn, *calls):
    for path, seconds in calls:
        report("did", *observe(fn, path, seconds, processor=_PROCESSOR))


def in_time(trial):
    messages = ((b"Hello from ", b"pid [4242]"), (b" \r\n\0\xff two", b"\r\n\n\x80 \n"), (),
                (_LONG,))
    *paths, last = [trial.pipe() for _ in range(len(messages) + 1)]
    trial.start(*[(path, _AMPLE) for path in (*paths, last)], act=_read_each)
    for number, (path, pieces) in enumerate(zip(paths, messages)):
        _waits(trial, _NO_WRITER, silence=0 if number else _SILENCE)
        opening = trial.puppet("writer").open(path, os.O_WRONLY)
        _message(trial, _met(trial, opening, _NO_WRITER), pieces)
    fd = _met(trial, trial.puppet("writer").open(last, os.O_WRONLY), _NO_WRITER)
    data = at_once(trial, last, _LONG[:50_003],
                   lambda: trial.puppet("writer").close(fd).wait())
    seen = did(trial, errors=True, spins=BURNS)
    expect_after_close(seen.value, data)
    _returns(trial, seen, data)


def no_writer(trial):
    path, when = trial.pipe(), "No writer came"
    trial.start(*[(path, seconds) for seconds in (0.25, _SOON, _AMPLE, *SHORT)], act=_read_each)
    waits = (f"{when}, and it waits on long after the deadline. With O_NONBLOCK a reader's open "
             "does not wait.")
    for seconds in 0.25, _SOON:
        seen = did(trial, errors=True, spins=BURNS, asleep=waits)
        expect_late(trial, seen, seconds, when)
    opening = trial.puppet("writer").open(path, os.O_WRONLY)  # it is there before the reader
    trial.puppet("writer").wait_blocked()
    fd = _met(trial, opening, "though a writer waited in its open.")
    _message(trial, fd, (b"It came", b" after all.\n"))
    expect_shorts(trial, when, waits)


def silent_writer(trial, seconds):
    path, when = trial.pipe(), "A writer came and was silent"
    trial.puppet("writer")  # it is there before the deadline runs
    trial.start((path, seconds), (path, _AMPLE), act=_read_each)
    seen, opening = _open_late(trial, path)
    waits = "A writer opened the pipe and is silent, and it waits on long after the deadline."
    seen = seen or did(trial, errors=True, spins=BURNS, asleep=waits, patience=seconds + 0.4,
                       napping=seconds + 1)
    expect_late(trial, seen, seconds, when)
    if not opening:
        raise _NotCome
    _waits(trial, _SILENT)
    _message(trial, opening.result(), (b"It spoke.\r\n", b"\0"))


def dripping_writer(trial, seconds):
    path, writer = trial.pipe(), trial.puppet("writer")
    trial.start((path, seconds), (other := trial.pipe(), _AMPLE), act=_read_each)
    seen, opening = _open_late(trial, path, 3 / 4 * seconds)
    seen, came = (seen, 0) if seen else drip(trial, path, seconds)
    if not seen:
        raise Fails("A writer sent a byte every few milliseconds, and it was still reading long "
                    f"after its deadline of {seconds:g} s. The deadline is one for all: compute "
                    "what is left of it before each wait.", waits=True)
    if not seen.error:
        raise Fails(f"The message was not at its end, and it returned {_some(seen.value)} as if "
                    "it were: at the deadline, raise TimeoutError.")
    expect_late(trial, seen, seconds, "A writer came late and to no end")
    expect_many(came)
    writer.close(opening.result()).wait()
    seen, opening = _open_late(trial, other)
    if seen:
        _too_early(trial, seen, _NO_WRITER)
    _message(trial, opening.result(), (b"Another", b" message."))


def drip(trial, path, seconds, piece=b"."):
    """Write a piece every few milliseconds, until the reader goes, at most for four times seconds.

    Returns what it did, or None if it still reads, and how many pieces came to it.
    """
    end, came = time.monotonic() + 4 * seconds, 0
    try:
        fd = trial.open(path, os.O_WRONLY)
        while time.monotonic() < end:
            trial.write(fd, piece)
            came += 1
            time.sleep(0.004)
    except OSError:  # ENXIO or EPIPE: it has gone
        return did(trial, errors=True, spins=BURNS), came
    return did(trial, "asleep", "napping", errors=True, spins=BURNS, **RESTS), came


def expect_many(came):
    """Raise _NotCome, for `with_time_for_it`, if too few pieces of a `drip` came in time."""
    if came < _MANY:
        raise _NotCome


def no_pipe(trial):
    path, when = trial.path(), "There is no file at the path"
    trial.start((path, _SOON), act=_read_each)
    seen = did(trial, errors=True, spins=BURNS)
    if os.path.lexists(path):
        raise Fails("There was no pipe at the path, and it made something there.")
    expect_error(trial, seen, when, "FileNotFoundError", "Let the error come through.")
    expect_all_as_before(seen, f"{when}. After the call")


def _waits(trial, when, silence=0):
    """Fail if it does not wait. silence: for how many seconds, if not for a moment only."""
    seen = did(trial, "asleep", "napping", errors=True, spins=BURNS, patience=silence or 0.02,
               napping=silence or 0.06)
    if seen:
        _too_early(trial, seen, when)


def _met(trial, opening, when):
    """The descriptor of a writer whose open has returned, once the learner's process waits."""
    if event := trial.meet(opening, "did", spins=BURNS):
        _too_early(trial, seen_in(event), when)
    _waits(trial, _SILENT)
    return opening.result()


def _open_late(trial, path, silence=0):
    """Let a writer open the pipe when it waits. Returns what it did if it gave up before.

    silence: seconds by which the writer is late.
    """
    time.sleep(silence)
    seen = did(trial, "asleep", "napping", errors=True, spins=BURNS, **RESTS)
    if seen:
        return seen, None
    opening = trial.puppet("writer").open(path, os.O_WRONLY)
    event = trial.meet(opening, "did", spins=BURNS)
    return (seen_in(event), None) if event else (None, opening)


def _message(trial, fd, pieces):
    """Let a writer send the pieces and close, each when it waits for the next."""
    writer, seen = trial.puppet("writer"), None
    for piece in pieces:
        write(trial, writer, fd, piece, "did", part=_PART, spins=BURNS)
        if seen := did(trial, "asleep", "napping", errors=True, spins=BURNS, **RESTS):
            break
    else:
        writer.close(fd).wait()
        waits = ("The last writer has closed, and it goes on, as if it had not seen the end of "
                 "file." + " (That one wrote nothing: the message is b\"\".)" * (not pieces))
        seen = did(trial, errors=True, spins=waits, asleep=waits)
    _returns(trial, seen, b"".join(pieces))


def _returns(trial, seen, message):
    if seen.error:
        raise Fails(f"The message came in time, and it raised {_named(trial, seen)}.")
    expect_bytes(seen.value, message, "message")
    expect_all_as_before(seen, "After the message")


def _too_early(trial, seen, when):
    if seen.error and "TimeoutError" not in seen.error.kinds:
        raise Fails(f"It raised {_named(trial, seen)}.")
    if seen.error and seen.took >= _AMPLE:  # a busy machine gave it less than _PROCESSOR
        raise Fails(BURNS)
    raise Fails(f"It {'gave up' if seen.error else f'returned {shown(seen.value)}'} {when} "
                "It had time.")


def expect_late(trial, seen, seconds, when):
    expect_error(trial, seen, when, "TimeoutError", (
        "When the time is up, raise TimeoutError: a value could be taken for a message."))
    expect_not_early(seen, seconds, when)
    # No more than that: all waits for a processor are counted, and the last one alone is an excuse.
    if seen.took - min(seen.delayed, LATE_BY) > seconds + LATE_BY:
        raise TooLate(f"{when}, and it gave up {seen.took - seconds:.2f} s after its deadline. "
                      "The time runs from the call on, whatever comes.")
    expect_all_as_before(seen, "After the TimeoutError")
    expect_sleep(seen, when)


def expect_not_early(seen, seconds, when):
    early = seconds - seen.took
    if early > 0.005:
        raise Fails(f"{when}, and it gave up after {seen.took:.2f} s. It had {seconds:g} s.")
    if early > _EARLY:
        raise Fails(f"{when}, and it gave up {1000 * early:.1f} ms before its {seconds:g} s were "
                    "over. poll and sleep take fractions, too: `int` and `round` lose a part of a "
                    "millisecond.")


def expect_shorts(trial, when, asleep):
    """The next calls, one for each of SHORT, do not raise TimeoutError too early.

    Nothing else is judged: a time_limit may end so short a call between any two lines.
    """
    for seconds in SHORT:
        seen = did(trial, errors=True, spins=BURNS, asleep=asleep)
        if seen.error and "TimeoutError" in seen.error.kinds:
            expect_not_early(seen, seconds, when)


def _named(trial, seen):
    text = trial.short(seen.error.text)
    return f"{seen.error.name}{': ' if text else ''}{text}"


def _some(value):
    return "a piece of it" if type(value) is bytes and value else shown(value)


# For each function the chapter that asks for it, and its points in the order they are tried.
EXERCISES = {
    "read_with_deadline": ("poll", {
        "sleeps until a message comes, and returns it whole": in_time,
        "raises TimeoutError when no writer comes": best_of_three(no_writer),
        "raises TimeoutError when a writer is silent": best_of_three(
            with_time_for_it(silent_writer, _SOON)),
        "raises TimeoutError when a writer never ends": best_of_three(
            with_time_for_it(dripping_writer, 0.4)),
        "hides no other error": no_pipe,
    }),
}

# For each of these points a second hint, for who fails at it again: how it can be done.
HINTS = {
    "read_with_deadline": {
        "sleeps until a message comes, and returns it whole": (
            "Open with `os.O_RDONLY | os.O_NONBLOCK`. Let `poll` wait before each `os.read`, "
            'and read until `b""`. Before a writer has come, `poll` does not report the pipe:'
            ' so no `b""` comes too early.'),
        "raises TimeoutError when no writer comes": (
            "`poll.poll(milliseconds)` returns an empty list when the time is up: then `raise"
            " TimeoutError(...)`. It wants milliseconds, `1000 * left`."),
        "raises TimeoutError when a writer is silent": (
            "Wait with `poll` before each `os.read`, not before the first one only."),
        "raises TimeoutError when a writer never ends": (
            "First `deadline = time.monotonic() + seconds`. Before each wait, `left = "
            "deadline - time.monotonic()`: if nothing is left, raise TimeoutError."),
        "hides no other error": (
            "Call `os.open` before `try`, close in `finally`, and catch no `OSError`."),
    },
}
