"""The checks of the exercises tried with the solutions, mistakes, right answers of many styles.

KIT_ROUNDS=20 tries every answer twenty times; the default is once, for the time it takes.
"""
import os
from pathlib import Path

import nbformat
import pytest
from exercise_answers import MISTAKES, OTHER_STYLES
from judged import judged
from teaching import hints_told

from pipe_helpers.exercises import EXERCISES

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = int(os.environ.get("KIT_ROUNDS", "1"))
pytestmark = pytest.mark.usefixtures("left")


@pytest.fixture(autouse=True)
def nothing_noted(monkeypatch):
    monkeypatch.setenv("KIT_STATE", "")


def solutions():
    """{exercise: the source of its solution} from the notebooks for teachers."""
    found = {}
    for path in sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            about = cell.metadata.get("nbgrader", {})
            if about.get("solution"):
                found[about["grade_id"]] = cell.source
    return found


def verdicts(name, sources):
    """The verdict on each of the sources; the same in all rounds."""
    first, *others = (judged(name, sources) for _ in range(ROUNDS))
    for other in others:
        assert other == first
    return first


def test_each_exercise_has_a_solution_six_mistakes_and_other_styles():
    assert set(solutions()) == set(EXERCISES) == set(MISTAKES) == set(OTHER_STYLES)
    for name in EXERCISES:
        hints = {words for _, words in MISTAKES[name].values()}
        assert len(hints) >= 6, name
        assert len(OTHER_STYLES[name]) >= 2, name


@pytest.mark.parametrize("name", EXERCISES)
def test_mistakes_are_refused_each_with_its_own_hint(name):
    mistakes, told = MISTAKES[name], hints_told()
    accepted, misled = [], {}
    found = verdicts(name, [source for source, _ in mistakes.values()])
    for (what, (_, words)), (solved, hint, _) in zip(mistakes.items(), found):
        others = {text for _, text in mistakes.values() if text not in words}
        if solved:
            accepted.append(what)
            continue
        if words not in hint or any(text in hint for text in others):
            misled[what] = hint
        place, quoted = told.get((name, what), ("", ""))
        if not all(piece.strip() in hint for piece in quoted.strip('"').split("…")):
            misled[place] = hint
    assert (accepted, misled) == ([], {})


@pytest.mark.parametrize("name", EXERCISES)
def test_right_answers_pass_whatever_their_style(name):
    answers = {"the solution": solutions()[name], **OTHER_STYLES[name]}
    found = zip(answers, verdicts(name, list(answers.values())))
    refused = {what: text for what, (solved, hint, text) in found
               if not solved or hint or "does not" in text or "not tried" in text}
    assert refused == {}
