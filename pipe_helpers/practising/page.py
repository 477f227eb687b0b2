"""A problem as it is shown: a table in which time goes down, and a question. As HTML, in words."""
import re
from dataclasses import replace

from pipe_helpers.practising.answers import call_text, question, result_text
from pipe_helpers.practising.rules import LEVELS
from pipe_helpers.showing.question import in_html, in_plain, in_words

# Of its own, for a table that JupyterLab would stripe and align to the right.
# Ten steps and five answers are to be seen at once in a window of 720 pixels.
_TABLE = "border-collapse: collapse; margin: 4px 0; font-size: inherit; line-height: 1.3"
_CELL = "border: 1px solid gray; padding: 1px 8px; text-align: left; vertical-align: top"
_BUSY = f"{_CELL}; border-left-width: 4px"
_ASKED = f"{_CELL}; border: 2px solid"


def still(problem):
    """A `Problem` without buttons, as `alive.show` wants it."""
    asked = question(problem)
    return {"text/html": f"{table(problem)}\n{in_html(asked)}",
            "text/plain": f"{words(problem)}\n\n{in_words(asked)}"}


def title(problem):
    """As in "seed 7, level 3: close and end of file"."""
    return f"seed {problem.seed}, level {problem.level}: {LEVELS[problem.level][0]}"


def table(problem, steps=None, pids=None):
    """The schedule as an HTML table: a column for each process, a row for each step.

    A call that waits reaches down to the step that lets it return. steps: as processes have done
    them, with their pids, {role: PID}; without, nothing tells what came of the last step.
    """
    named = [f"{role}<br>pid {pids[role]}" if pids else role for role in problem.roles]
    heads = "".join(f'<th scope="col" style="{_CELL}">{name}</th>' for name in named)
    shown = steps or _hidden(problem)
    rows = []
    for number in range(len(shown)):
        cells = [f'<th scope="row" style="{_CELL}">{number + 1}</th>']
        for who in range(len(problem.roles)):
            cells += _cell(problem, shown, who, number, told=steps is not None)
        rows.append(f'<tr style="background: none">{"".join(cells)}</tr>')
    return "\n".join([
        f'<table style="{_TABLE}">',
        f'<caption style="text-align: left">{title(problem)}</caption>',
        f'<thead><tr><th scope="col" style="{_CELL}">step</th>{heads}</tr></thead>', "<tbody>",
        *rows, "</tbody>", "</table>"])


def answer(problem, steps):
    """What processes did at the call that was asked about, as HTML, for who sees no table."""
    step = steps[problem.asked]
    return (f"<code>{call_text(step.name, step.args)}</code> "
            f"{_result(problem, steps, problem.asked, told=True)}")


def _hidden(problem):
    """The steps as they were before the last one had an effect."""
    last = len(problem.steps) - 1
    return [replace(step, left=None, outcome=None) if step.left == last else step
            for step in problem.steps]


def _cell(problem, steps, who, number, told):
    step, last = steps[number], len(steps) - 1
    if step.who == who:
        end = last if step.left is None else step.left
        span = f' rowspan="{end - number + 1}"' if end > number else ""
        asked = number == problem.asked
        style = _ASKED if asked else _BUSY if span else _CELL
        text = f"<code>{call_text(step.name, step.args)}</code>"
        result = re.sub(r"→ (fd|\d+) ", r"→&nbsp;\1&nbsp;", _result(problem, steps, number, told))
        return [f'<td{span} style="{style}">{text}{"<br>" if span else " "}{result}</td>']
    if any(each.who == who and at < number and (each.left is None or each.left >= number)
           for at, each in enumerate(steps)):
        return []  # the cell of a call that waits reaches down to here
    return [f'<td style="{_CELL}"></td>']


def _result(problem, steps, number, told):
    """What a table or a line tells of a step's outcome, as HTML."""
    step, last = steps[number], len(steps) - 1
    if not told and number == problem.asked:
        return "waits → <strong>?</strong>" if number < last else "→ <strong>?</strong>"
    if not told and number == last:
        return ""
    if step.left is None:
        return "waits"
    result = f"→ {result_text(step.name, step.args, step.outcome)}"
    return result if step.left == number else f"waits until step {step.left + 1} {result}"


def words(problem, steps=None):
    """The same as plain text, a line for each step."""
    shown = steps or _hidden(problem)
    lines = [title(problem)]
    for number, step in enumerate(shown):
        result = _result(problem, shown, number, told=steps is not None)
        text = f"{call_text(step.name, step.args)} {result}".replace("strong>", "code>").rstrip()
        lines.append(f"{number + 1}. {problem.roles[step.who]}: {in_plain(text)}")
    return "\n".join(lines)
