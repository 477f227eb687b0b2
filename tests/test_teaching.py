"""The pages for teachers: each chapter has one, in one form, and it is true to the chapter.

Each complaint names the page and the line. Whether a mistake gets the hint that a page quotes is
told by test_exercise_answers.py, where the mistakes are tried.
"""
import json
import re

import nbformat
import pytest
from exercise_answers import MISTAKES
from minutes import stated, words
from save_notebooks import NOTEBOOKS
from teaching import PAGES, hints_told, parts, rows, sections
from test_questions import CALL, plain

from pipe_helpers.exercises import EXERCISES

HEADINGS = ["What it is for", "Before the class", "In 45 minutes", "In 90 minutes", "On the board",
            "Live, and left out", "The questions", "The exercise", "Ten questions for an exam"]
MOST_WORDS = 900  # to read beforehand: without the board, the mistakes and the exam
CHAPTERS = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)


def page(chapter):
    return sections(PAGES / f"{chapter.stem}.md")


def cells(chapter):
    return nbformat.read(chapter, as_version=4).cells


def questions(chapter):
    """(id of the asking cell, question) for each question of a chapter."""
    file = NOTEBOOKS / "questions" / f"{chapter.stem}.json"
    asked = json.loads(file.read_text(encoding="utf-8"))
    return [(cell.id, asked[int(number) - 1]) for cell in cells(chapter)
            for _, number in CALL.findall(cell.source)]


def begins(quoted, text):
    """Tell whether quoted is text, or its beginning with … for the rest, without its `code`."""
    whole = plain(text)
    quoted = quoted.replace("`", "")
    return quoted == whole or quoted.endswith("…") and whole.startswith(quoted.rstrip("… "))


@each_chapter
def test_a_page_has_the_headings_in_order_and_says_what_the_chapter_says(chapter):
    title = re.match("# (.+)", cells(chapter)[0].source)[1]
    has_exercise = "exercises.check(" in chapter.read_text(encoding="utf-8")
    wanted = [f"## {text}" for text in HEADINGS if text != "The exercise" or has_exercise]
    assert [*page(chapter)] == [f"# Teaching {title}", *wanted]
    place, first = next(line for line in page(chapter)[f"# Teaching {title}"][1:] if line[1])
    assert f"](../{chapter.name}), {stated(chapter)} minutes" in first, place


@each_chapter
@pytest.mark.parametrize("minutes", [45, 90])
def test_a_plan_fills_its_minutes(chapter, minutes):
    plan = [*rows(page(chapter)[f"## In {minutes} minutes"])]
    assert sum(int(columns[0]) for _, columns in plan) == minutes, plan[0][0]
    assert [place for place, columns in plan if len(columns) != 3] == []


@each_chapter
def test_the_board_has_a_lane_and_a_wait(chapter):
    lines = [text for _, text in page(chapter)["## On the board"]]
    fences = [number for number, text in enumerate(lines) if text.startswith("```")]
    assert len(fences) == 2 and any("~~~~" in text for text in lines[fences[0]:fences[1]])
    assert any("?" in text for text in lines[fences[1]:]), "it says nothing to ask the class"


@each_chapter
def test_each_question_has_its_part_with_each_wrong_answer(chapter):
    found = parts(page(chapter)["## The questions"])
    asked = questions(chapter)
    assert len(found) == len(asked), f"questions: {[heading for _, heading, _ in found]}"
    complaints = []
    for number, ((place, heading, lines), (cell, question)) in enumerate(zip(found, asked), 1):
        link = f"### [Question {number}](../{chapter.name}#cell-id={cell}): "
        right = re.search(r"\*\*(.+)\*\*$", heading)
        if not heading.startswith(link):
            complaints.append(f"{place}: begins otherwise than {link}")
        [answer] = [each["answer"] for each in question["answers"] if each["correct"]]
        if not right or not begins(right[1], answer):
            complaints.append(f"{place}: ends otherwise than **{plain(answer)}**")
        told = [*rows(lines)]
        wrong = [each["answer"] for each in question["answers"] if not each["correct"]]
        if len(told) != len(wrong):
            complaints.append(f"{place}: {len(told)} wrong answers, and there are {len(wrong)}")
        complaints += [f"{row}: {columns[0]!r} is not the beginning of {plain(answer)!r}"
                       for (row, columns), answer in zip(told, wrong)
                       if not begins(columns[0], answer)]
        complaints += [f"{row}: not three columns, or nothing to ask" for row, columns in told
                       if len(columns) != 3 or not columns[2].endswith(("?", ".", ")"))]
    assert complaints == []


def test_each_exercise_has_five_to_eight_of_its_mistakes():
    told = hints_told()
    assert [place for (name, what), (place, _) in told.items()
            if what not in MISTAKES.get(name, {})] == []
    numbers = {name: sum(exercise == name for exercise, _ in told) for name in EXERCISES}
    assert {name: number for name, number in numbers.items() if not 5 <= number <= 8} == {}


@each_chapter
def test_an_exam_has_ten_questions_and_ten_answers(chapter):
    lines = page(chapter)["## Ten questions for an exam"]
    [(_, heading, answers)] = parts(lines)
    assert heading == "### Answers"
    numbers = [[int(text.split(".")[0]) for _, text in part if re.match(r"\d+\. \S", text)]
               for part in (lines, answers)]
    assert numbers == [[*range(1, 11), *range(1, 11)], [*range(1, 11)]], lines[0][0]


@each_chapter
def test_a_page_is_read_in_ten_minutes(chapter):
    text = "\n".join(text for heading, lines in page(chapter).items()
                     if "exe" not in heading and "exam" not in heading for _, text in lines)
    text = re.sub(r"\]\([^)]*\)|^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    assert words(re.sub("[|#-]+", " ", text)) <= MOST_WORDS
