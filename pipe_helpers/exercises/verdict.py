"""What a check has found, as text and as a picture of the run that failed."""
import html
import textwrap


class Verdict:
    """What a check found. solved: True or False. hint: for the first point not met, or None.

    points: a dict {point: True, False or None for not tried}. more: a second hint, or None.
    note: what to know of the function before all else, or None. solution: the address of the
    notebook with the solution, or None while it is too early for that. run: the calls of the run
    that failed, a list of `Call`. Its repr is the text to read; a notebook shows the run, too.
    """

    def __init__(self, name, points=(), hint=None, solved=False, remark=None, printed="", run=()):
        self.name, self.points, self.hint = name, dict(points), hint
        self.solved, self.remark, self.printed, self.run = solved, remark, printed, list(run)
        self.note = self.more = self.solution = None

    @property
    def picture(self):
        """The `Timeline` of the run that failed, or None if nothing is known of it."""
        from pipe_helpers.recording.timeline import timeline  # with matplotlib, which takes long

        return timeline(self.run, "the run that failed") if self.run else None

    def __repr__(self):
        return "\n".join([self._text(), *([self._way.format(self.solution)] * bool(self.solution))])

    def _ipython_display_(self):
        from IPython.display import display

        display({"text/plain": self._text()}, raw=True)
        if self.picture:
            display(self.picture)
        if self.solution:
            address = html.escape(self.solution)
            link = f'<a href="{address}">{address}</a>'
            display({"text/html": self._way.format(link),
                     "text/plain": self._way.format(self.solution)}, raw=True)

    _way = "You have tried it several times. A solution is in {}: look, then write it yourself."

    def _text(self):
        marks = {True: "works      ", False: "fails      ", None: "not tried  "}
        lines = [f"{self.name}: {'solved' if self.solved else 'not solved yet'}"]
        lines += [self.note] if self.note else []
        lines += [f"  {marks[result]}{point}" for point, result in self.points.items()]
        lines += [f"Hint: {self.hint}"] if self.hint else []
        lines += [f"More: {self.more}"] if self.more else []
        lines += [f"It printed: {self.printed.rstrip()}"] if self.printed.strip() else []
        lines += [self.remark] if self.remark else []
        # JupyterLab breaks a line that is too long in the middle of a word.
        return "\n".join(textwrap.fill(line, 90, subsequent_indent="    ", replace_whitespace=False,
                                       break_long_words=False)
                         for line in "\n".join(lines).split("\n"))
