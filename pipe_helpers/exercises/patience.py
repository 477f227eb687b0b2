"""Calls that are to wait for long: they are left alone while the other points are tried."""
import time

from pipe_helpers.exercises.observed import seen_in, too_often
from pipe_helpers.exercises.trial import Fails, NotTried, shown

_SILENCE = 2.1  # seconds


def leave_waiting(trial, silence, go_on):
    """The learner's process waits now: leave it alone. silence: a clause, "no writer came".

    go_on: a function that ends the silence, and fails if what follows is not right.
    """
    learner = trial.set_aside()
    trial.waiting.append((learner, silence, go_on, time.monotonic(), learner.wakes()))


def waits(trial):
    """The last point of an exercise: all that were left waiting have slept, and can go on."""
    if not trial.waiting:
        raise NotTried
    for learner, silence, go_on, began, wakes in trial.waiting:
        time.sleep(max(0, began + _SILENCE - time.monotonic()))
        trial.take_back(learner)
        event = trial.next(patience=0.01, napping=0.05)
        took, wakes = time.monotonic() - began, learner.wakes() - wakes
        if event[0] not in ("asleep", "napping"):
            raise Fails(f"For {took:.1f} s {silence}, and meanwhile {_told(*event)}. It is to wait "
                        "as long as it takes.")
        if too_often(wakes, took):
            raise Fails(f"While {silence}, it woke {wakes:,} times in {took:.1f} s. Let the call "
                        "itself wait, or look less often: 100 times a second are enough.")
        go_on()
        trial.reset()


def _told(kind, *values):
    if kind == "did":
        seen = seen_in((kind, *values))
        return f"it raised {seen.error.name}" if seen.error else f"it returned {shown(seen.value)}"
    if kind == "raised":
        return f"it raised {values[0]}"
    return "its process ended" if kind == "exit" else f"it gave {shown(values[0])}"
