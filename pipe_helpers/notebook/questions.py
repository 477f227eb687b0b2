"""Ask what the next cell will show, as a question with answers to open."""
import html
import json
import pathlib
import re

from IPython import get_ipython
from IPython.display import display

from pipe_helpers.remembering import notes
from pipe_helpers.showing import alive

# The kit runs from its clone: `make lab` and environment.yml install it editable.
QUESTIONS = pathlib.Path(__file__).resolve().parents[2] / "notebooks" / "questions"

# Looks only: JupyterLab keeps these in a notebook that it does not trust, GitHub drops them.
_BOX = "border: 1px solid gray; border-radius: 4px; margin: 6px 0; max-width: 640px"
_ANSWER = "cursor: pointer; padding: 4px 10px"
_FEEDBACK = "margin: 0; padding: 0 10px 6px 24px"


def in_plain(text):
    """Return a text of a questions file without its HTML."""
    return html.unescape(re.sub("</?code>", "", text))


def in_words(question):
    """Return a question of a questions file and its answers as plain text, one to a line."""
    answers = [f"( ) {answer['answer']}" for answer in question["answers"]]
    return in_plain("\n".join([question["question"], *answers]))


def asked(question):
    """Return what a question asks, as HTML."""
    return f"<p><strong>{question['question']}</strong></p>"


def feedback(answer, see=""):
    """Return the feedback of an answer as HTML, with see after it."""
    verdict, _, reason = answer["feedback"].partition(". ")
    return f'<p style="{_FEEDBACK}"><strong>{verdict}.</strong> {reason}{see}</p>'


def seen_in(question):
    """Return a link to the cell that shows the answer, as HTML, if that stands elsewhere.

    see in a question: the name and the address of that cell.
    """
    if "see" not in question:
        return ""
    name, address = question["see"]
    return f'See <a href="{address}">{name}</a>.'


def in_html(question):
    """Return a question of a questions file as HTML: each answer opens to show its feedback.

    A viewer that drops <details> and <summary> shows every answer with its feedback below it.
    """
    lines = [asked(question)]
    see = f" {seen_in(question)}" if "see" in question else ""
    for answer in question["answers"]:
        lines += [
            f'<details style="{_BOX}">',
            f'<summary style="{_ANSWER}">{answer["answer"]}</summary>',
            feedback(answer, see),
            "</details>",
        ]
    return "\n".join(lines)


def predict(chapter, number):
    """Ask what a cell below will show: predict("03_open", 1) is the first question of the chapter.

    A number, since a name would tell something of the answer.

    In a notebook that runs, the answers are buttons. The one that is pressed is noted; another
    button then shows whether it is right, and why. Elsewhere, and where nothing is to be noted,
    each answer opens to show that, without a script or a kernel; where nothing draws HTML, the
    question is plain text. Returns at once. Raises FileNotFoundError when the kit was not
    installed from its clone, and LookupError when the chapter has no question of that number.
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
    still = {"text/html": in_html(question), "text/plain": in_words(question)}
    if hasattr(get_ipython(), "kernel") and notes.folder():
        try:
            from pipe_helpers.notebook.live_question import LiveQuestion
        except ImportError:  # no ipywidgets
            pass
        else:
            name = f"{chapter}.{number}"
            _expected.pop(question["cell"], None)
            _compared.discard(name)
            new = name not in notes.noted("answered")
            alive.show(
                LiveQuestion(question, lambda place: _keep(name, question, place, new)), still)
            return
    display(still, raw=True)


_expected = {}  # {the cell that answers a question: (its name, the answer that is expected)}
_compared = set()  # the names of questions that have been answered by their cells since


def _keep(name, question, place, new):
    """Note an answer, if the question is new, and recall it where it is compared.

    Once it has been compared, another answer changes nothing.
    """
    if name in _compared:
        return
    answer = question["answers"][place]
    if new:
        notes.note("answered", name, f"{place + 1} {'right' if answer['correct'] else 'wrong'}")
    if "see" not in question:
        _expected[question["cell"]] = name, answer
        get_ipython().events.register("post_run_cell", _recall)


def _recall(result):
    """Say below the cell that has just answered a question what the learner had expected."""
    cell = getattr(result.info, "cell_id", None)
    if cell in _expected and not isinstance(result.error_in_exec, KeyboardInterrupt):
        name, answer = _expected.pop(cell)
        _compared.add(name)
        words = f"You expected: {answer['answer']}"
        display({"text/html": f"<p>{words}</p>{feedback(answer)}",
                 "text/plain": in_plain(f"{words}\n{answer['feedback']}")}, raw=True)
