"""Ask what the next cell will show, as a question with answers to choose from."""
import html
import json
import pathlib
import re

from IPython.display import display
from IPython.utils.capture import capture_output
from jupyterquiz import display_quiz

# The kit runs from its clone: `make lab` and environment.yml install it editable.
QUESTIONS = pathlib.Path(__file__).resolve().parents[2] / "notebooks" / "questions"

# White letters on these are easily read. Everything else has the colours of JupyterLab's theme.
_COLOURS = {
    "--jq-correct-color": "#00701a",
    "--jq-incorrect-color": "#b00020",
    "--jq-text-color": "#ffffff",
}
_STYLE = """<style>
div.Quiz { margin: 4px 8px; font-size: inherit; line-height: 1.5; }
div.Quiz > .MultipleChoiceQn { padding: 0; background: none; color: inherit; font-weight: 600; }
div.Quiz > .Answer { grid-gap: 6px; margin: 8px 0; }
div.Quiz .MCButton {
    background: none; border: 1px solid currentcolor; color: inherit; font-size: inherit;
    justify-content: start; padding: 6px 12px; text-align: left;
}
div.Quiz .correctButton, div.Quiz .incorrectButton { color: var(--jq-text-color); }
div.Quiz .MCButton input { display: none; }
div.Quiz .MCButton:focus-visible { outline: 3px solid var(--jp-brand-color1, #1976d2); }
div.Quiz code, div.Quiz .MCButton code { background: none; color: inherit; padding: 0; }
div.Quiz > .Feedback { color: inherit; font-size: inherit; text-align: left; }
</style>"""

_BY_KEYBOARD = """lab.tabIndex = 0;
lab.setAttribute("role", "button");
lab.onkeydown = event => {
    if (event.key == " ") {
        event.preventDefault();
        lab.click();
    }
};"""


def in_words(question):
    """Return a question of a questions file and its answers as plain text, one to a line."""
    answers = [f"( ) {answer['answer']}" for answer in question["answers"]]
    return html.unescape(re.sub("</?code>", "", "\n".join([question["question"], *answers])))


def predict(chapter, cell):
    """Ask what `cell`, which stands below, will show: predict("03_open", "waits-free").

    Whoever clicks an answer, or goes to it with Tab and presses the space bar, sees at once
    whether it is right, and why. In a saved notebook, and where nothing draws HTML, the question
    is plain text. Raises FileNotFoundError when the kit was not installed from its clone, and
    LookupError when the chapter's file has no question on that cell.
    """
    path = QUESTIONS / f"{chapter}.json"
    if not path.exists():
        raise FileNotFoundError(
            f"no questions at {path}: run the chapters from a clone of the kit, with `make lab`"
        )
    questions = json.loads(path.read_text(encoding="utf-8"))
    found = [question for question in questions if question["cell"] == cell]
    if not found:
        raise LookupError(f"{path} has no question on the cell {cell!r}")
    with capture_output() as captured:
        display_quiz(
            [{**found[0], "answer_cols": 1}], shuffle_answers=False, colors=_COLOURS, max_width=640
        )
    page, script = [output.data for output in captured.outputs]
    page["text/html"] += _STYLE
    page["text/plain"] = in_words(found[0])
    code = script["application/javascript"]
    # Without this an answer can only be clicked, or, in jupyterquiz from 2.9.6.4 on, be reached
    # by the arrow keys, which JupyterLab takes for itself.
    code = code.replace("lab.onclick = check_mc;", "lab.onclick = check_mc;\n" + _BY_KEYBOARD)
    # Beside JupyterLab's MathJax, jupyterquiz would load another one from the network.
    script["application/javascript"] = f"(() => {{ const MathJax = undefined;\n{code}\n}})()"
    display(page, raw=True)
    display(script, raw=True)
