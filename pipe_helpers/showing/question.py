"""A question with answers, one of them right, as HTML and in words: see CONTRIBUTING.md."""
import html
import re

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
