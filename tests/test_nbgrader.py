"""A teacher's way with nbgrader: the assignment is made from the solutions, and graded."""
import os
import re
import subprocess
import sys

import nbformat
import pytest
from exercise_answers import MISTAKES
from test_exercise_answers import ROOT, solutions

SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))
# nbgrader calls alembic, which lies beside this Python, by its name.
WITH_ALEMBIC = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "pipes"
c.CourseDirectory.db_url = "sqlite:///gradebook.db"
c.ExecutePreprocessor.timeout = 60
"""


def make_course(folder, notebooks):
    """A course in the folder, with notebooks as the source of the assignment "pipes"."""
    (folder / "nbgrader_config.py").write_text(CONFIG)
    source = folder / "source" / "pipes"
    source.mkdir(parents=True)
    for path in notebooks:
        (source / path.name).write_bytes(path.read_bytes())
    nbgrader(folder, "generate_assignment", "pipes")
    return folder


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with all exercises of the kit, made from their solutions."""
    return make_course(tmp_path_factory.mktemp("course"), SOLUTIONS)


def nbgrader(course, *words):
    """Run an nbgrader command in the folder of a course."""
    environment = {key: os.environ[key] for key in os.environ if not key.startswith("PYTEST")}
    settings = course / "settings"  # no setting of the user's own counts
    environment.update(
        PATH=WITH_ALEMBIC,
        KIT_STATE="", PYTHONPATH=str(ROOT), JUPYTER_PREFER_ENV_PATH="1",
        JUPYTER_CONFIG_DIR=str(settings), JUPYTER_DATA_DIR=str(settings),
        JUPYTER_RUNTIME_DIR=str(settings), IPYTHONDIR=str(settings),
    )
    run = subprocess.run(
        [sys.executable, "-m", "nbgrader", *words],
        cwd=course, env=environment, capture_output=True, text=True, timeout=240,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def cells(path):
    """{grade_id: cell} of a notebook, and its other exercise cells by their ids."""
    found = {}
    for cell in nbformat.read(path, as_version=4).cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id or cell.id.startswith("text-practise-"):
            found[grade_id or cell.id] = cell
    return found


def hand_in(course, student, answers):
    """Submit the assignment with the answers {exercise: source of the cell}."""
    folder = course / "submitted" / student / "pipes"
    folder.mkdir(parents=True)
    for path in sorted((course / "release" / "pipes").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name in answers:
                cell.source = answers[name]
        nbformat.write(notebook, folder / path.name)


def scores(course):
    """{student: {exercise: points}} from nbgrader's gradebook."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        return {
            submission.student.id: {
                grade.name.removesuffix("-check"): grade.auto_score
                for notebook in submission.notebooks
                for grade in notebook.grades
            }
            for submission in book.assignment_submissions("pipes")
        }


def test_the_assignment_holds_the_stubs_and_no_solution(course):
    released = sorted((course / "release" / "pipes").glob("*.ipynb"))
    assert [path.name for path in released] == [path.name for path in SOLUTIONS]
    stubs = {}
    for path in released:
        text = path.read_text(encoding="utf-8")
        assert "SOLUTION" not in text and "HIDDEN" not in text and "assert" not in text
        stubs.update(cells(path))
    for name in solutions():
        assert stubs[name].source.endswith("    raise NotImplementedError()"), name


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_the_chapter_has_the_exercise_as_nbgrader_gives_it_out(course, path):
    [page] = (ROOT / "notebooks").rglob(path.name.removeprefix("practise_"))
    chapter = cells(page)
    released = cells(course / "release" / "pipes" / path.name)
    assert {name: cell.source for name, cell in chapter.items()} == {
        name: cell.source for name, cell in released.items()
    }
    for name, cell in chapter.items():
        about, given = (c.metadata.get("nbgrader", {}) for c in (cell, released[name]))
        assert about == {key: given[key] for key in about}


def test_a_right_submission_gets_every_point_and_a_wrong_one_none(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", WITH_ALEMBIC)
    # Three chapters will do: each takes a kernel for each submission.
    graded = [path for path in SOLUTIONS if re.search("_(02|05|07)_", path.name)]
    course = make_course(tmp_path, graded)
    right = solutions()
    right = {name: right[name] for path in graded for name in cells(path) if name in right}
    assert len(right) == len(graded)
    wrong = {}
    for name in right:
        mistakes = MISTAKES[name]
        imports = right[name].split("\ndef ")[0]
        wrong[name] = imports + "\nfrom pipe_helpers import time_limit\n" + next(
            source for source, _ in mistakes.values()
        )
    hand_in(course, "right", right)
    hand_in(course, "wrong", wrong)
    nbgrader(course, "autograde", "pipes")
    assert scores(course) == {
        "right": dict.fromkeys(right, 1.0),
        "wrong": dict.fromkeys(right, 0.0),
    }
