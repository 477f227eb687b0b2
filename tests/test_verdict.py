"""What a verdict tells beside its hint: the run that failed, more to those who try again, and
whether the function is the one that the learner means.
"""
import re
import textwrap
from pathlib import Path

import pytest
from judged import answer
from test_exercise_answers import solutions

from pipe_helpers import exercises
from pipe_helpers.exercises import EXERCISES, HINTS, check
from pipe_helpers.recording.calls import Call
from pipe_helpers.recording.timeline import timeline

# matplotlib keeps the files of the fonts open.
timeline([Call(1, "writer", "close", (3,), 1, 2)], "title")
SOLUTIONS = Path(__file__).resolve().parent.parent / "notebooks" / "solutions"


@pytest.fixture(autouse=True)
def nothing_done_and_nothing_left(monkeypatch, request):
    if "kernel" not in request.fixturenames:  # its client keeps sockets
        request.getfixturevalue("left")
    monkeypatch.setenv("KIT_STATE", "")
    monkeypatch.setattr(exercises, "_tries", {})


def tried(name, body):
    """The verdict on a function of this body."""
    return check(answer(name, f"def {name}(path, *args):\n    {body}\n"))


def run_of(name, body):
    """The lines of the picture of the run that failed, in words, without PIDs and times."""
    text = repr(tried(name, body).picture)
    return re.sub(r", pid \d+|, [\d.]+ ms|(?<=fd )\d+|(?<=read\()\d+", "", text).splitlines()


# ---------------------------------------------------------------- the run that failed


def test_the_picture_of_a_failing_run_marks_the_call_in_which_the_function_slept():
    assert run_of("try_open_writer", "return os.open(path, os.O_WRONLY)") == [
        "the run that failed", "your function",
        "    open(it's my_pipe, O_WRONLY) → here your function slept"]


def test_it_shows_what_both_sides_did_and_what_came_of_the_function():
    assert run_of("read_message", "return os.read(os.open(path, os.O_RDONLY), 2)")[1:] == [
        "your function", "    open(my_pipe, O_RDONLY) → fd ", "    read(, 2) → b'He'",
        "    returned b'He'",
        "writer", "    open(my_pipe, O_WRONLY) → fd ",
        "    write(3, b'Hello from pid [4194303]') → all bytes"]


def test_it_shows_the_last_run_alone_and_of_what_was_before_what_is_still_open():
    lines = run_of("send_all", "if len(args[0]) > 9: os.write(path, args[0])")
    assert lines[1:3] == ["your function", "    returned None"]  # it has sent the message before
    assert lines[3:5] == ["reader", "    open(my_pipe, O_RDONLY|O_NONBLOCK) → fd "]


@pytest.mark.parametrize("body, last", [
    ("time.sleep(99)", "waits → here your function slept"), ("1 / 0", "raised → ZeroDivisionError"),
    ("while True: pass", "runs in a loop"), ("os._exit(3)", "its process ended"),
    ("while True: time.sleep(0.01)", "wakes again and again"), ("return 5", "returned 5"),
])
def test_what_came_of_a_function_that_made_no_call_is_shown(body, last):
    assert run_of("make_pipe", body)[1:] == ["your function", f"    {last}"]


@pytest.mark.parametrize("body", [
    "while True:\n        try: os.close(-1)\n        except OSError: pass",  # too many to be kept
    "os.write = os.open = None",
    "import gc, mmap\n    for each in gc.get_objects():\n"
    "        if type(each) is mmap.mmap: each.close()",
])
def test_what_the_function_does_to_the_record_changes_no_verdict(body):
    verdict = tried("make_pipe", body)
    assert verdict.hint and not verdict.solved
    assert verdict.picture is None or len(verdict.picture.bars) <= 12


def test_what_is_solved_or_not_written_has_no_picture():
    assert check(answer("make_pipe", solutions()["make_pipe"])).picture is None
    assert tried("make_pipe", "raise NotImplementedError()").picture is None


# ---------------------------------------------------------------- who tries again


def test_each_point_has_a_second_hint():
    points = {name: list(points) for name, (_, points) in EXERCISES.items()}
    assert {name: list(hints) for name, hints in HINTS.items()} == points


def test_who_fails_again_at_a_point_gets_more_and_after_four_tries_the_way_to_the_solution():
    same = answer("make_pipe", "def make_pipe(path):\n    pass\n")
    for _ in range(2):  # the same function once more is no other try
        verdict = check(same)
        assert verdict.more is verdict.solution is None
    assert tried("make_pipe", "pass").more == HINTS["make_pipe"][next(iter(verdict.points))]
    verdict = tried("make_pipe", "os.mkfifo(path, 0o600)")
    assert verdict.more is verdict.solution is None  # another mistake, for the first time
    verdict = tried("make_pipe", "os.mkfifo(path, 0o600)")
    assert "More: Put that call in `try`." in repr(verdict)
    assert repr(verdict).endswith(
        " solutions/practise_02_mkfifo.ipynb: look, then write it yourself.")
    check(answer("make_pipe", solutions()["make_pipe"]))
    verdict = tried("make_pipe", "pass")
    assert verdict.more is verdict.solution is None


def test_the_way_to_each_solution_leads_there():
    for chapter in exercises.CHAPTERS.values():
        assert (SOLUTIONS / f"practise_{chapter.split('/')[-1]}.ipynb").is_file()


# ---------------------------------------------------------------- the function that is meant

MADE = "def make_pipe(path):\n    os.mkfifo(path)\n"
CELLS = {  # what was run after MADE, and what the verdict says of it
    "def make_pipe(path)\n    os.mkfifo(path, 0o600)": "failed (SyntaxError)",
    "def make_pipe(path):\n    os.mkfifo(path)\n    if True": "failed (SyntaxError)",
    "1 / 0\ndef make_pipe(path):\n    os.mkfifo(path, 0o600)": "a newer cell with",
    "def make_pipes(path):\n    os.mkfifo(path, 0o600)": "A newer cell defines `make_pipes`",
    # None of these is a mistake:
    "def make_it(path): pass": None,
    "def make_pipe_of(path): pass\nmake_pipe_of = None": None,
    "text = '''\ndef make_pipe(path):\n    other'''": None,
    "%%script true\ndef make_pipe(path)": None,
    "def make_pipe(path)\n    os.mkfifo(path)%NEXT%" + MADE: None,
    MADE + "%NEXT%print(make_pipe": None,
    "%%time\ndef make_pipe(path):\n    return os.mkfifo(path)": None,
    "!true\ndef make_pipe(path):\n    !true": None,
    "import functools\ndef log(fn):\n    return functools.wraps(fn)(lambda path: fn(path))\n"
    "@log\ndef make_pipe(path):\n    return os.mkfifo(path)": None,
    "def make_pipe1(path): os.mkfifo(path)\ndef make_pipe(path):\n    make_pipe1(path)": None,
    "def make_pipe(path):\n    make_pipe1(path)%NEXT%def make_pipe1(path): os.mkfifo(path)": None,
    "make_pipe = lambda path: os.mkfifo(path)\nmake_pipe.__name__ = 'make_pipe'": None,
}


def test_a_function_that_a_newer_cell_should_have_replaced_is_told_and_no_other(kernel):
    kernel.run("import os\nfrom pipe_helpers.exercises import cells")
    told = {}
    for cell in CELLS:
        for each in (MADE, *cell.split("%NEXT%")):
            kernel.run(textwrap.dedent(each))
        printed, error = kernel.run("print(cells.not_the_newest(make_pipe, 'make_pipe'))")
        assert error is None
        told[cell] = printed
    wrong = {cell: printed for cell, printed in told.items()
             if (CELLS[cell] or "None") not in printed}
    assert wrong == {}
    kernel.run(MADE)
    kernel.run("def make_pipe(path)")
    printed, _ = kernel.run("from pipe_helpers import exercises\nprint(exercises.check(make_pipe))")
    assert printed.splitlines()[1].startswith("This is the function as it was before")


def test_a_notebook_shows_the_text_then_the_picture_and_the_link(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda what, **_: shown.append(what))
    verdict = tried("try_open_writer", "return os.open(path, os.O_WRONLY)")
    verdict.solution = "../solutions/practise_poll.ipynb"
    verdict._ipython_display_()
    text, picture, link = shown
    assert text == {"text/plain": repr(verdict).rpartition("\n")[0]}
    assert "here your function slept" in repr(picture)
    assert '<a href="../solutions/practise_poll.ipynb">' in link["text/html"]
