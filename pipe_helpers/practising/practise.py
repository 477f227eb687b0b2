"""Practise: a problem at a time, as many as one likes."""
import operator
import random

from IPython import get_ipython
from IPython.display import display

from pipe_helpers.practising import page, record
from pipe_helpers.practising.rules import LEVELS
from pipe_helpers.practising.schedules import problem, seed_for
from pipe_helpers.remembering import notes

_BLOCKS = 100  # of seeds, from which one is taken: so seeds have three digits at most
_STORED = 1  # the seed, where the page must not change


def practise(seed=None, level=1):
    """Show a problem: what will processes do with named pipes? Then real ones do it.

    level: 1 open, 2 write and read, 3 close and end of file, 4 nonblocking, 5 three processes,
    6 a server. seed: an int; the same seed and level are the same problem everywhere. Without
    one, a problem comes about a rule that the learner does not know well yet.

    In a notebook that runs, the answers are buttons, what is right is noted by rule, and another
    button brings the next problem: of the next seed, if one was given. Elsewhere, and where
    nothing is to be noted, each answer opens to show whether it is right, and without a seed it is
    always the same problem; where nothing draws HTML, it is plain text. Returns at once. Raises
    ValueError for a level that there is not, TypeError for a seed that is no int.
    """
    if level not in LEVELS:
        levels = ", ".join(f"{number} {title}" for number, (title, _) in LEVELS.items())
        raise ValueError(f"there is no level {level!r}: the levels are {levels}")
    if seed is not None:
        seed = operator.index(seed)
    if hasattr(get_ipython(), "kernel") and notes.folder():
        try:
            from pipe_helpers.practising.widget import Practice
        except ImportError:  # no ipywidgets
            pass
        else:
            Practice(problems(seed, level)).show()
            return
    display(page.still(problem(_STORED if seed is None else seed, level)), raw=True)


def problems(seed, level):
    """Yield a problem after another: of that seed and the next ones, or, for None, as needed."""
    rule = None
    while True:
        if seed is None:
            rule = record.wanted(level, but=rule)
            yield problem(seed_for(rule, level, random.randrange(_BLOCKS)), level)
        else:
            yield problem(seed, level)
            seed += 1
