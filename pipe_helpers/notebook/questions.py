"""Ask what the next cell will show, as a question with answers to open."""
import html
import json
import pathlib
import re

from IPython.display import display

# The kit runs from its clone: `make lab` and environment.yml install it editable.
QUESTIONS = pathlib.Path(__file__).resolve().parents[2] / "notebooks" / "questions"

# Looks only: JupyterLab keeps these in a notebook that it does not trust, GitHub drops them.
_BOX = "border: 1px solid gray; border-radius: 4px; margin: 6px 0; max-width: 640px"
_ANSWER = "cursor: pointer; padding: 4px 10px"
_FEEDBACK = "margin: 0; padding: 0 10px 6px 24px"


def in_words(question):
    """Return a question of a questions file and its answers as plain text, one to a line."""
    answers = [f"( ) {answer['answer']}" for answer in question["answers"]]
    return html.unescape(re.sub("</?code>", "", "\n".join([question["question"], *answers])))


def in_html(question):
    """Return a question of a questions file as HTML: each answer opens to show its feedback.

    A viewer that drops <details> and <summary> shows every answer with its feedback below it.
    see: the name and the address of the cell that shows the answer, if that stands elsewhere.
    """
    see = ""
    if "see" in question:
        name, address = question["see"]
        see = f' See <a href="{address}">{name}</a>.'
    lines = [f"<p><strong>{question['question']}</strong></p>"]
    for answer in question["answers"]:
        verdict, _, reason = answer["feedback"].partition(". ")
        lines += [
            f'<details style="{_BOX}">',
            f'<summary style="{_ANSWER}">{answer["answer"]}</summary>',
            f'<p style="{_FEEDBACK}"><strong>{verdict}.</strong> {reason}{see}</p>',
            "</details>",
        ]
    return "\n".join(lines)


def predict(chapter, number):
    """Ask what a cell below will show: predict("03_open", 1) is the first question of the chapter.

    A number, since a name would tell something of the answer.

    Whoever clicks an answer, or goes to it with Tab and presses Enter or the space bar, sees at
    once whether it is right, and why. That needs no script and no kernel, so a saved notebook can
    be answered as well; where nothing draws HTML, the question is plain text. Raises
    FileNotFoundError when the kit was not installed from its clone, and LookupError when the
    chapter has no question of that number.
    """
    path = QUESTIONS / f"{chapter}.json"
    if not path.exists():
        raise FileNotFoundError(
            f"no questions at {path}: run the chapters from a clone of the kit, with `make lab`"
        )
    questions = json.loads(path.read_text(encoding="utf-8"))
    if number not in range(1, len(questions) + 1):
        raise LookupError(f"{path} has the questions 1 to {len(questions)}, and none {number!r}")
    question = questions[number - 1]
    display({"text/html": in_html(question), "text/plain": in_words(question)}, raw=True)
