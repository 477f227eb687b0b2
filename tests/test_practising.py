"""Practice: real processes do what a problem says, it has one outcome, each rule has its turn.

    KIT_SEQUENCES=5000 KIT_ROUNDS=10 python -m pytest tests/test_practising.py

lets processes do so many problems, and each so often.
"""
import hashlib
import os
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import nbformat
import pytest
from save_notebooks import NOTEBOOKS
from test_questions import (
    answer_without_reason, not_one_right_answer, not_shown_as_written, other_words,
)

from pipe_helpers import practise
from pipe_helpers.practising import model, page, record
from pipe_helpers.practising import practise as practise_module
from pipe_helpers.practising.answers import question
from pipe_helpers.practising.play import Hands, alike
from pipe_helpers.practising.rules import LEVELS, RULES
from pipe_helpers.practising.schedules import problem, rule_of, seed_for
from pipe_helpers.remembering import notes

COUNT, ROUNDS = int(os.environ.get("KIT_SEQUENCES", 1000)), int(os.environ.get("KIT_ROUNDS", 1))


@pytest.fixture(scope="module")
def problems():
    """About COUNT problems, as many of each level."""
    return [problem(seed, level) for level in LEVELS for seed in range(COUNT // len(LEVELS))]


@pytest.mark.skipif(sys.platform != "linux", reason="the model is that of Linux")
def test_processes_do_what_a_problem_says(problems):
    def differences(share):
        with Hands(3) as hands:
            return [(page.words(each), page.words(each, steps)) for each in share
                    for _ in range(ROUNDS) if not alike(steps := hands.play(each), each.steps)]

    with ThreadPoolExecutor(4) as pool:  # while one waits 5 ms for a sleep, others go on
        found = pool.map(differences, [problems[start::4] for start in range(4)])
    assert [pair for pairs in found for pair in pairs] == []


def test_no_problem_has_two_outcomes(problems):
    """Also where other calls than the asked one could go on in another order."""
    for each in problems:
        world = model.World([model.Hand() for _ in each.roles])
        for pipe in each.pipes:
            [world] = model.settled(world.pressed(0, "mkfifo", pipe))
        for step in each.steps:
            [world] = model.settled(world.pressed(step.who, step.name, *step.args))
        for who, hand in enumerate(world.hands):
            *_, last = [step for step in each.steps if step.who == who] or [None]
            assert last is None or last.outcome == (None if hand.call else hand.outcome)


@pytest.mark.parametrize("level", LEVELS)
def test_each_rule_of_a_level_has_its_share_and_none_comes_twice_in_a_row(level):
    asked = [rule_of(seed, level) for seed in range(-100, 200)]
    assert set(asked) == set(LEVELS[level][1])
    assert max(Counter(asked).values()) - min(Counter(asked).values()) <= 2
    assert all(one != other for one, other in zip(asked, asked[1:]))
    for rule in LEVELS[level][1]:
        assert rule_of(seed_for(rule, level, 7), level) == rule


def test_a_problem_is_about_the_rule_of_its_seed_and_short(problems):
    for each in problems:
        assert each.rule == rule_of(each.seed, each.level)
        assert len(each.steps) <= 10 and len(each.roles) <= 3 and len(each.pipes) <= 3


def everything(count):
    return "\n".join(page.still(problem(seed, level))["text/plain"] for level in LEVELS
                     for seed in range(count))


def test_a_seed_gives_the_same_problem_in_every_version_and_on_every_machine(monkeypatch):
    told = everything(10)
    assert hashlib.sha256(told.encode()).hexdigest()[:16] == "ee2ad008df29d12a"
    monkeypatch.setattr(model, "PAGE", 65_536)
    assert everything(10) == told


@pytest.mark.parametrize(
    "check", [answer_without_reason, not_one_right_answer, not_shown_as_written, other_words],
    ids=lambda check: check.__name__)
def test_every_question_is_well_made(problems, check):
    for each in problems:
        asked = question(each)
        assert check(asked) == [], page.words(each)
        assert len(asked["answers"]) <= 5


def test_the_right_answer_has_no_usual_place(problems):
    places = Counter([answer["correct"] for answer in question(each)["answers"]].index(True)
                     for each in problems)
    assert max(places.values()) < 0.6 * len(problems)


def test_nothing_tells_what_came_of_the_last_step(problems):
    for each in problems:
        last = len(each.steps) - 1
        other = replace(each, steps=tuple(
            replace(step, outcome=("told", None)) if step.left == last else step
            for step in each.steps))
        assert page.table(each) == page.table(other) and page.words(each) == page.words(other)
        assert page.words(each).count("?") == 1


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_leads_to_a_cell_and_belongs_to_a_level(rule):
    name, _, cell = RULES[rule].see[1].partition("#cell-id=")
    assert cell in [each.id for each in nbformat.read(NOTEBOOKS / name, as_version=4).cells]
    assert any(rule in asked for _, asked in LEVELS.values())


def test_the_levels_that_ask_for_rules_of_lower_ones_are_those_that_the_page_names():
    named = [level for level, (_, rules) in LEVELS.items()
             if any(set(rules) & set(LEVELS[lower][1]) for lower in range(1, level))]
    assert named == [5, 6]
    cells = nbformat.read(NOTEBOOKS / "practise.ipynb", as_version=4).cells
    assert any("Levels 5 and 6 ask for some rules of lower levels, too" in cell.source
               for cell in cells)


# ---------------------------------------------------------------- what is known


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))


def answer(rule, *right):
    for each in right:
        record.note(rule, each)


def test_a_rule_is_known_once_the_last_two_answers_were_right(state):
    answer("open-waits", True, False, True, True)
    answer("same-end", True)
    answer("wrong-end", True, True, False)
    notes.keep("practised", "no-such-rule", "right right")
    assert record.known() == {"open-waits": True, "same-end": False, "wrong-end": False}
    assert notes.noted("practised")["open-waits"] == "right wrong right right"


def test_the_next_problem_is_rather_about_what_is_not_known(state):
    for rule in LEVELS[1][1]:
        answer(rule, True, True)
    answer("same-end", False)
    asked = Counter(record.wanted(1) for _ in range(500))
    assert asked.most_common(1)[0][0] == "same-end" and len(asked) == len(LEVELS[1][1])
    assert {record.wanted(1, but="same-end") for _ in range(50)}.isdisjoint(["same-end"])


def test_without_a_seed_no_rule_comes_twice_in_a_row_and_with_one_the_next_seeds_follow(state):
    some = practise_module.problems(None, 1)
    rules = [next(some).rule for _ in range(20)]
    assert all(one != other for one, other in zip(rules, rules[1:]))
    some = practise_module.problems(7, 3)
    assert [next(some), next(some)] == [problem(7, 3), problem(8, 3)]


# ---------------------------------------------------------------- practise


def test_without_a_kernel_it_is_still_and_always_the_same(monkeypatch):
    shown = []
    monkeypatch.setattr(practise_module, "display", lambda data, raw: shown.append(data))
    practise(7, level=3)
    practise(level=3)
    practise(level=3)
    assert shown == [page.still(problem(seed, 3)) for seed in (7, 1, 1)]


def test_it_brings_in_neither_matplotlib_nor_widgets_and_refuses_what_there_is_not():
    code = 'import sys, pipe_helpers; pipe_helpers.practise(7, 3)\n'
    code += 'sys.exit(bool({"matplotlib", "ipywidgets"} & set(sys.modules)))'
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr
    with pytest.raises(ValueError, match="no level 7: the levels are 1 open, .*6 a server"):
        practise(level=7)
    with pytest.raises(TypeError):
        practise("seven")


IN_A_KERNEL = """
import os
os.environ["KIT_STATE"] = {!r}
from pipe_helpers import leftovers, practise
from pipe_helpers.practising import page
from pipe_helpers.showing import alive
made, stills = [], []
class Still:
    def update(self, data, raw):
        stills.append(data)
def show(live, still, ended):
    made.append(live)
    return Still()
alive.show = show
practise(7, 3)
[live] = made
answers = live._question.question["answers"]
wrong = [place for place, answer in enumerate(answers) if not answer["correct"]][0]
"""


def test_processes_do_it_once_an_answer_is_pressed_and_another_problem_follows(
    kernel, tmp_path
):
    kernel.run(IN_A_KERNEL.format(str(tmp_path)))
    asks = "print('?' in live._table.value, 'pid' in live._table.value)"
    assert kernel.run(asks) == ("True False\n", None)
    kernel.run("live._question._buttons[wrong].click()")
    assert kernel.run(asks) == ("False True\n", None)
    told, _ = kernel.run("print(live._said.value, leftovers())")
    assert "2 processes have done it" in told and "[]" in told
    assert '<code>read(3, 100)</code> waits until step 8 → <code>b""</code> end of file' in told
    rule = rule_of(7, 3)
    assert (tmp_path / f"{rule}.practised").read_text() == "wrong"
    kernel.run("live._question._buttons[wrong].click()")  # folds it away
    assert (tmp_path / f"{rule}.practised").read_text() == "wrong"
    assert kernel.run("live._another.click(); print(live._problem.seed, len(stills))"
                      "; print('?' in live._table.value)") == ("8 1\nTrue\n", None)


HINDERED = {
    "Processes could not do it: [Errno 11] no more.": "raise OSError(11, 'no more')",
    "did something else than is expected": "steps, pids = played(it); return steps[:-1], pids",
}


@pytest.mark.parametrize("said", HINDERED)
def test_what_processes_did_not_do_as_expected_is_said_and_not_noted(monkeypatch, state, said):
    from pipe_helpers.practising import widget

    names = {"played": widget.played}
    exec(f"def hindered(it): {HINDERED[said]}", names)
    monkeypatch.setattr(widget, "played", names["hindered"])
    live = widget.Practice(practise_module.problems(7, 3))
    live._question._buttons[0].click()
    assert said in live._said.value
    assert record.known() == {}


FOR_EVER = """
from pipe_helpers.practising.play import played
from pipe_helpers.practising.schedules import problem
while True:
    played(problem(7, 5))
    print("once", flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="who was started here is told by /proc")
def test_killed_in_the_middle_it_leaves_nothing(left, until):
    for wait in (0, 1):
        program = subprocess.Popen([sys.executable, "-c", FOR_EVER], stdout=subprocess.PIPE)
        for _ in range(wait):
            program.stdout.readline()
        until(lambda: len(left()) > 2, "there are its folder and its processes")
        program.send_signal(signal.SIGKILL)
        program.wait()
        program.stdout.close()
