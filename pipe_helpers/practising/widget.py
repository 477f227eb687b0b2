"""Problems one after the other: a table, a question with buttons, and real processes."""
import ipywidgets as widgets

from pipe_helpers.practising import page, record
from pipe_helpers.practising.answers import question
from pipe_helpers.practising.play import alike, played
from pipe_helpers.showing import alive
from pipe_helpers.showing.live_question import LiveQuestion

# A browser brings into view what has the focus, with its scroll-margin: here the whole problem.
_STYLE = """<style>
.kit-practice .widget-html, .kit-practice .widget-html-content { height: auto; line-height: 1.5;
  margin: 0; color: var(--jp-content-font-color1, inherit); overflow: visible;
  font-size: var(--jp-content-font-size1, inherit); }
.kit-practice code { background: none; font-family: var(--jp-code-font-family, monospace); }
.kit-practice .kit-question .kit-answer { margin-top: 4px; padding: 1px 10px; }
.kit-practice .kit-answer:nth-child(2) > button {
  scroll-margin: min(380px, 52vh) 0 min(130px, 18vh); }
.kit-practice .kit-question .kit-said { margin: 4px 0; }
.kit-practice .kit-title { align-self: flex-start; color: inherit; font-size: inherit;
  height: auto; line-height: 1.3; margin: 2px; scroll-margin: 6px 0 min(540px, 75vh); }
.kit-practice caption { clip-path: inset(50%); position: absolute; }
.kit-practice .kit-another { align-self: flex-start; padding: 0 12px; width: auto; }
.kit-practice :is(.kit-another, .kit-title):focus-visible {
  outline: 3px solid var(--jp-brand-color1, #1976d2); }
.kit-practice .kit-title:focus:not(:focus-visible) { outline: none; }
</style>"""

_ENDED = ("This problem has ended with its kernel: run this cell again. What you open here is not "
          "noted.")


class Practice(widgets.VBox):
    """Show a problem, let the learner answer, and then let processes do what it says.

    problems: an iterator of `Problem` without an end.
    """

    def __init__(self, problems):
        self._problems, self._still = problems, None
        # Of what holds text, ipywidgets gives the focus to a label alone.
        self._title = widgets.Label(tabbable=False)
        self._title.add_class("kit-title")
        self._table, self._said = widgets.HTML(), widgets.HTML()
        self._another = widgets.Button(description="Another problem")
        self._another.add_class("kit-another")
        self._another.on_click(lambda _: self._go_on())
        self._question, self._place = None, widgets.VBox()
        super().__init__([self._title, self._table, self._place, self._said, self._another])
        self.add_class("kit-practice")
        self._problem = next(self._problems)
        self._ask()

    def show(self):
        """Show it below the cell, with a still output for when its kernel has ended."""
        self._still = alive.show(self, page.still(self._problem), _ENDED)

    def _go_on(self):
        former = self._question
        self._problem = next(self._problems)
        self._still.update(page.still(self._problem), raw=True)
        self._ask()
        self._title.focus()  # a step before the answers, and it brings the problem into view
        _close(former)

    def _ask(self):
        self._title.value = page.title(self._problem)
        self._table.value = _STYLE + page.table(self._problem)
        self._question = LiveQuestion(question(self._problem), self._answered)
        self._place.children = [self._question]
        self._say("")

    def _say(self, words):
        self._said.value = f'<div role="status">{words}</div>'

    def _answered(self, place):
        """Let processes do it, tell what they did, and note the answer."""
        self._say("Now processes do it …")
        try:
            steps, pids = played(self._problem)
        except (OSError, RuntimeError) as error:  # a TimeoutError is an OSError
            self._say(f"Processes could not do it: {error}.")
            return
        self._table.value = _STYLE + page.table(self._problem, steps, pids)
        if not alike(steps, self._problem.steps):
            self._say("The processes of this system did something else than is expected here: "
                      "see the last step of the table. Your answer is not noted.")
            return
        right = self._question.question["answers"][place]["correct"]
        why_not = record.note(self._problem.rule, right) or ""
        self._say(f"{len(pids)} processes have done it, as the table shows: "
                  f"{page.answer(self._problem, steps)} {why_not}")


def _close(widget):
    for child in getattr(widget, "children", ()):
        _close(child)
    widget.close()
