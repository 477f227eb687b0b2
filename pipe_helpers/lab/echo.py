"""A press on the page, acted upon once all has come that was chosen and typed before it."""
import ipywidgets as widgets


class Echo:
    """Calls act(button) for what is pressed, once all that came before it is known.

    JupyterLab tells of Enter before it tells what was typed. And it holds back what was typed or
    chosen until the kernel has answered the former change, but it holds back no press. So the
    page is asked something, and whatever it had to tell comes before its answer.

    parts: the widgets it is made of.
    """

    def __init__(self, act):
        self._act, self._asked = act, {}
        self._changed = False
        self._question, self._answer = widgets.IntText(), widgets.IntText()
        link = widgets.jslink((self._question, "value"), (self._answer, "value"))
        self._answer.observe(self._answered, "value")
        self.parts = [self._question, self._answer, link]

    def watch(self, field, button=None):
        """Know of what is entered in a field; Enter there presses the button, if there is one."""
        field.observe(self._note, "value")
        if button:
            field.on_msg(lambda _, content, buffers:
                         content.get("event") == "submit" and self._ask(button))

    def press(self, button):
        """Press a button: at once, if nothing can be held back."""
        if self._changed:
            self._ask(button)
        else:
            self._act(button)

    def _note(self, change):
        self._changed = True

    def _ask(self, button):
        number = self._question.value + 1
        self._asked[number] = button
        self._question.value = number

    def _answered(self, change):
        self._changed = False
        for number in [each for each in self._asked if each <= change.new]:
            self._act(self._asked.pop(number))
