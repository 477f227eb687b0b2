"""The exercises of the chapters: `check` a function of the learner's, and show the `progress`.

Each function is tried against real processes. What it does wrong becomes a hint, never an error
in the notebook.
"""

from pipe_helpers.exercises import (
    asking,
    deadlines,
    framing,
    making,
    opening,
    reading,
    sending,
    serving,
)
from pipe_helpers.exercises.trial import Fails, NotTried, NotWritten, Trial
from pipe_helpers.remembering import notes

# The chapters that have exercises, in order.
CHAPTERS = ("mkfifo", "open", "write", "read", "close", "a reader that stays",
            "when it goes wrong", "poll")
# {function: (chapter, {point: how it is tried})}. Each module has its own at its end.
EXERCISES = {}
for module in making, opening, sending, framing, reading, serving, asking, deadlines:
    EXERCISES |= module.EXERCISES
EXERCISES = dict(sorted(EXERCISES.items(), key=lambda item: CHAPTERS.index(item[1][0])))


class Verdict:
    """What a check found. solved: True or False. hint: for the first point not met, or None.

    points: a dict {point: True, False or None for not tried}. Its repr is the text to read.
    """

    def __init__(self, name, points=(), hint=None, solved=False, remark=None, printed=""):
        self.name, self.points, self.hint = name, dict(points), hint
        self.solved, self.remark, self.printed = solved, remark, printed

    def __repr__(self):
        marks = {True: "works      ", False: "does not   ", None: "not tried  "}
        lines = [f"{self.name}: {'solved' if self.solved else 'not solved yet'}"]
        lines += [f"  {marks[result]}{point}" for point, result in self.points.items()]
        lines += [f"Hint: {self.hint}"] if self.hint else []
        lines += [f"It printed: {self.printed.rstrip()}"] if self.printed.strip() else []
        lines += [self.remark] if self.remark else []
        return "\n".join(lines)


def check(fn):
    """Try a function of the learner's, found by its name, and return the `Verdict`.

    It runs in forked processes of its own; the other side of the pipe is a real process. Takes
    less than three seconds, longer where other programs keep the processors busy. Raises nothing
    that the function causes, and leaves nothing behind; a process that the function puts into a
    session of its own is found on Linux only. A solved exercise is noted for `progress`.
    """
    try:
        name = fn.__name__
    except Exception:  # an attribute may be code, too
        name = None
    if not callable(fn) or type(name) is not str:
        return Verdict("check", hint="Give it a function, as in check(make_pipe): its name "
                                     "without parentheses.")
    if name not in EXERCISES:
        return Verdict(name, hint=f"There is no exercise of that name. The exercises are "
                                  f"{', '.join(EXERCISES)}.")
    with Trial(fn) as trial:
        return _judge(name, trial)


def _judge(name, trial):
    trial.begin()
    points = dict.fromkeys(EXERCISES[name][1])
    hint = None
    for point, meets in EXERCISES[name][1].items():
        try:
            meets(trial)
            points[point] = True
        except NotWritten:
            return Verdict(name, hint="It is not written yet. Put your code in the place of "
                                      "`raise NotImplementedError()`, run that cell, and then "
                                      "this one again.")
        except NotTried:
            pass
        except Fails as failure:
            points[point] = False
            hint = hint or failure.hint
            if failure.waits:  # the others would wait as well
                break
        except (OSError, ValueError, RuntimeError) as error:
            # The pipe was removed or replaced, say, and so the other side could not go on.
            points[point] = False
            hint = hint or f"The other side could not do its part: {trial.short(str(error))}."
            break
        finally:
            trial.reset()
    solved = all(points.values())
    remark = notes.note("solved", name) if solved else None
    return Verdict(name, points, hint, solved, remark, trial.short(trial.printed))


class progress:
    """Show which exercises have been solved: `progress()` as the last line of a cell."""

    def __repr__(self):
        done = notes.noted("solved").keys() & EXERCISES.keys()
        width = max(map(len, EXERCISES))
        lines = [f"{len(done)} of {len(EXERCISES)} exercises solved"]
        for name, (chapter, _) in EXERCISES.items():
            mark = "solved" if name in done else ""
            lines.append(f"  {name:<{width}}  {chapter:<20}{mark}".rstrip())
        return "\n".join(lines)
