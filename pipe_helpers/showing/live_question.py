"""A question whose answers are buttons. The one that is pressed is what the learner expects."""
import ipywidgets as widgets

from pipe_helpers.showing.question import asked, feedback, in_plain, seen_in

# A button of ipywidgets holds plain text alone, so the answer, with its code, lies upon an empty
# one as large as its box. Its title is its name to a screen reader, if no content is: ipywidgets
# gives an empty button a space without width.
_STYLE = """<style>
.kit-question { max-width: 640px; }
.kit-question .widget-html, .kit-question .widget-html-content { height: auto; line-height: 1.5;
  margin: 0; color: var(--jp-content-font-color1, inherit); overflow: visible; width: auto;
  font-size: var(--jp-content-font-size1, inherit); min-width: 0; }
.kit-question .widget-html { flex: 1 1 auto; }
.kit-question p { margin: 0; }
.kit-question code { background: none; font-family: var(--jp-code-font-family, monospace); }
.kit-question .kit-answer { border: 1px solid gray; border-radius: 4px; margin: 6px 0 0;
  overflow: visible; padding: 4px 10px; position: relative; }
.kit-question .kit-answer > button { background: none; border-radius: 4px; box-shadow: none;
  height: 100%; left: 0; margin: 0; position: absolute; top: 0; width: 100%; }
.kit-question .kit-answer > button:before { content: none; }
.kit-question .kit-answer > button:hover { background: var(--jp-layout-color2, #eee); }
.kit-question .kit-answer > button:focus-visible {
  outline: 3px solid var(--jp-brand-color1, #1976d2); }
.kit-question .kit-answer > .widget-html { pointer-events: none; z-index: 1; }
.kit-question .kit-expected { border-left-width: 6px; padding-left: 5px; }
.kit-question .kit-said { margin: 8px 0; }
.kit-question .kit-why { align-self: flex-start; margin: 0 0 8px; padding: 0 12px; width: auto; }
</style>"""


class LiveQuestion(widgets.VBox):
    """A question to press an answer of, and then, by another press, to see what is right and why.

    question: one of a questions file. answered: called with the place of the answer that is
    pressed, from 0; again for another answer, until the learner has seen what is right. After
    that a press opens and closes the feedback of an answer.
    """

    def __init__(self, question, answered):
        self.question, self._answered = question, answered
        self._expected, self._told, self._opened = None, False, set()
        self._texts = [widgets.HTML() for _ in question["answers"]]
        self._buttons = [
            widgets.Button(tooltip=in_plain(each["answer"])) for each in question["answers"]
        ]
        self._boxes = [widgets.Box(pair) for pair in zip(self._buttons, self._texts)]
        for place, (button, box) in enumerate(zip(self._buttons, self._boxes)):
            button.on_click(lambda _, place=place: self._press(place))
            box.add_class("kit-answer")
        self._said = widgets.HTML()
        self._why = widgets.Button(description="What is right, and why?")
        self._why.add_class("kit-why")
        self._why.on_click(lambda _: self._explain())
        # An output, in which JupyterLab makes the address of a link right.
        see = {"output_type": "display_data", "metadata": {},
               "data": {"text/html": seen_in(question)}}
        self._see = widgets.Output(outputs=[see] * ("see" in question))
        super().__init__([widgets.HTML(_STYLE + asked(question)), *self._boxes, self._said,
                          self._why, self._see])
        self.add_class("kit-question")
        self._show()

    def _press(self, place):
        if not self._told:
            if self._expected is not None:
                self._boxes[self._expected].remove_class("kit-expected")
            self._expected = place
            self._boxes[place].add_class("kit-expected")
            self._answered(place)
            if "see" in self.question:  # no cell below shows it
                self._tell()
        else:
            self._opened = self._opened ^ {place}
        self._show()

    def _tell(self):
        """Open what is right, and what the learner expects."""
        right = [answer["correct"] for answer in self.question["answers"]].index(True)
        self._told, self._opened = True, {self._expected, right}

    def _explain(self):
        self._tell()
        self._show()
        self._buttons[self._expected].focus()  # for the button that goes had it

    def _show(self):
        for place, (text, answer) in enumerate(zip(self._texts, self.question["answers"])):
            opened = feedback(answer) if place in self._opened else ""
            text.value = f'<div aria-hidden="true">{answer["answer"]}</div>{opened}'
        said = ""
        if self._expected is not None:
            expected = self.question["answers"][self._expected]["answer"]
            said = f"You expected: {expected}" if self._told else (
                f"<p>You expect: {expected}</p><p>Now run what comes next, and compare.</p>")
        self._said.value = f'<div class="kit-said" role="status">{said}</div>'
        waits = self._expected is not None and not self._told
        self._why.layout.display = None if waits else "none"
        self._see.layout.display = None if self._told else "none"
