"""Ask what the next cell will show, as a question with answers to open."""
import json

from IPython import get_ipython
from IPython.display import display

from pipe_helpers import remembering
from pipe_helpers.kit import INCOMPLETE, NOTEBOOKS
from pipe_helpers.remembering import notes
from pipe_helpers.showing import alive
from pipe_helpers.showing.question import feedback, in_html, in_plain, in_words

QUESTIONS = NOTEBOOKS / "questions"


def predict(chapter, number):
    """Ask what a cell below will show: predict("03_open", 1) is the first question of the chapter.

    A number, since a name would tell something of the answer.

    In a notebook that runs, the answers are buttons. The one that is pressed is noted; another
    button then shows whether it is right, and why. Elsewhere, and where nothing is to be noted,
    each answer opens to show that, without a script or a kernel; where nothing draws HTML, the
    question is plain text. Returns at once. Raises FileNotFoundError when the chapter has no
    questions, and LookupError when it has none of that number.
    """
    path = QUESTIONS / f"{chapter}.json"
    if not path.exists():
        raise FileNotFoundError(f"no questions at {path}: {INCOMPLETE}")
    questions = json.loads(path.read_text(encoding="utf-8"))
    if number not in range(1, len(questions) + 1):
        raise LookupError(f"{path} has the questions 1 to {len(questions)}, and none {number!r}")
    question = questions[number - 1]
    still = {"text/html": in_html(question), "text/plain": in_words(question)}
    if hasattr(get_ipython(), "kernel") and notes.folder():
        try:
            from pipe_helpers.showing.live_question import LiveQuestion
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
        right = "right" if answer["correct"] else "wrong"
        remembering.note("answered", name, f"{place + 1} {right}")
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
