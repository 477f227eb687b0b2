"""The exercises of the chapters: `check` a function of the learner's, and show the `progress`.

Each function is tried against real processes. What it does wrong becomes a hint, never an error
in the notebook.
"""
from pipe_helpers import remembering
from pipe_helpers.exercises import (
    answering,
    asking,
    deadlines,
    files,
    framing,
    giving_up,
    making,
    opening,
    reading,
    repeating,
    sending,
    serving,
    taking,
)
from pipe_helpers.exercises.cells import not_the_newest
from pipe_helpers.exercises.trial import Fails, NotTried, NotWritten, Trial
from pipe_helpers.exercises.verdict import Verdict
from pipe_helpers.kit import NOTEBOOKS
from pipe_helpers.remembering import notes

# The chapters that have exercises, in order, and their notebooks.
CHAPTERS = {"mkfifo": "02_mkfifo", "open": "03_open", "write": "04_write", "read": "05_read",
            "messages with a length": "more/messages_with_a_length",
            "close": "06_close", "a reader that stays": "more/a_reader_that_stays",
            "when it goes wrong": "08_when_it_goes_wrong", "poll": "more/poll",
            "a server for many": "09_a_server_for_many",
            "a client that gives up": "more/a_client_that_gives_up",
            "files that are not files": "more/files_that_are_not_files",
            "beyond one machine": "13_beyond_one_machine", "remote calls": "more/remote_calls"}
# {function: (chapter, {point: how it is tried})}. Each module has its own at its end, and HINTS:
# {function: {point: a second hint}}.
EXERCISES, HINTS = {}, {}
for module in (making, opening, sending, framing, reading, serving, asking, deadlines, taking,
               answering, giving_up, files, repeating):
    EXERCISES |= module.EXERCISES
    HINTS |= module.HINTS
EXERCISES = dict(sorted(EXERCISES.items(), key=lambda item: [*CHAPTERS].index(item[1][0])))

_SEVERAL = 4  # tries, after which there is the way to the solution
_tries = {}  # {function: `_Tries`}, until it is solved


class _Tries:
    """How often an exercise has been tried, and how often the same point has failed at last."""

    def __init__(self):
        self.count = self.same = 0
        self.fn = self.point = None

    def add(self, fn, point):
        if fn is not self.fn:  # else the same function once more, which is no other try
            self.count += 1
            self.same = self.same + 1 if point == self.point else 1
        self.fn, self.point = fn, point


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
        verdict = _judge(name, trial)
    verdict.note = not_the_newest(fn, name)
    if verdict.solved:
        _tries.pop(name, None)
    elif verdict.points:
        _help_on(verdict, fn)
    return verdict


def _help_on(verdict, fn):
    """Add what is there for who has tried the exercise before."""
    tries = _tries.setdefault(verdict.name, _Tries())
    tries.add(fn, next((point for point, met in verdict.points.items() if met is False), None))
    if tries.same > 1 and tries.point:
        verdict.more = HINTS[verdict.name][tries.point]
    chapter = CHAPTERS[EXERCISES[verdict.name][0]]
    solution = f"solutions/practise_{chapter.split('/')[-1]}.ipynb"
    if tries.count >= _SEVERAL and (NOTEBOOKS / solution).exists():
        verdict.solution = "../" * chapter.count("/") + solution


def _judge(name, trial):
    trial.begin()
    points = dict.fromkeys(EXERCISES[name][1])
    hint, run = None, []
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
            hint, run = hint or failure.hint, run if hint else trial.run()
            if failure.waits:  # the others would wait as well
                break
        except (OSError, ValueError, RuntimeError) as error:
            # The pipe was removed or replaced, say, and so the other side could not go on.
            points[point] = False
            run = run if hint else trial.run()
            hint = hint or f"The other side could not do its part: {trial.short(str(error))}."
            break
        finally:
            trial.reset()
    solved = all(points.values())
    remark = remembering.note("solved", name) if solved else None
    return Verdict(name, points, hint, solved, remark, trial.short(trial.printed), run)


class progress:
    """Show which exercises have been solved: `progress()` as the last line of a cell."""

    def __repr__(self):
        done = notes.noted("solved").keys() & EXERCISES.keys()
        width = max(map(len, EXERCISES))
        lines = [f"{len(done)} of {len(EXERCISES)} exercises solved"]
        for name, (chapter, _) in EXERCISES.items():
            mark = "solved" if name in done else ""
            lines.append(f"  {name:<{width}}  {chapter:<26}{mark}".rstrip())
        return "\n".join(lines)
