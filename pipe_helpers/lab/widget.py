"""The lab: two real processes and a named pipe in a notebook, with buttons for their calls."""
import contextvars
import threading
import time

import ipywidgets as widgets
from IPython import get_ipython

from pipe_helpers.keeping.one_go import in_one_go
from pipe_helpers.lab import page
from pipe_helpers.lab.challenges import CHALLENGES
from pipe_helpers.lab.model import ENDED, LabModel, Refused
from pipe_helpers.lab.echo import Echo
from pipe_helpers.lab.pair import PairModel
from pipe_helpers.lab.panel import Panel, mark, new_button, row_of, tell
from pipe_helpers.showing import alive

_TICK = 0.5  # seconds between two looks while somebody waits or the still picture is old
_SHOW, _HIDE = "show as Python", "hide the Python"
_ADDED = {"writer": "add a second writer", "reader": "add a second reader",
          "pipe": "add a second pipe"}


class PipeLab(widgets.VBox):
    """A writer, a reader, two unrelated processes, a named pipe between them, and buttons.

    Made in a notebook's cell, it shows itself. Each button lets one process make one system
    call, and the notebook does not wait for that. A lab costs no processor time while nothing
    happens; one for two people looks once a second what the other has done. It ends, and its
    processes and its folder with it, by end(), when its cell is run again, and at the latest with
    the kernel.

    PipeLab("writer", path) has one process, at a named pipe that somebody else uses too, from
    another notebook: with PipeLab("reader", path), or with any program. path: absolute, or
    relative to the current folder, which a `workspace` changes. Whoever comes first makes the
    pipe, with mode 0o666 less the umask, and removes it at the end; the folder is never removed.
    Two users need a folder that both may enter, and a pipe that both may use: let one of them
    make it before, by `mkfifo -m 666 path` in a terminal (`-m 660` if they have a group).

    Starting takes about 0.2 s, and an interrupt meanwhile leaves nothing. OSError or RuntimeError
    if the system refuses a process; also OSError for a path at which no pipe can be, ValueError
    for a process that is neither "writer" nor "reader".
    """

    def __new__(cls, *args, **kwargs):
        # A widget that an interrupt leaves half made complains when it is thrown away.
        return in_one_go("the lab", lambda: super(PipeLab, cls).__new__(cls), lambda made: None)

    def __init__(self, process=None, path=None):
        if (process is None) != (path is None):
            raise ValueError('PipeLab() has both processes. For one of two people it is '
                             'PipeLab("writer", "/tmp/our_pipe"), for the other "reader"')
        _close_former()
        self._wake = threading.Event()
        self._drawing = threading.RLock()  # so that nothing is drawn on what is being closed
        self._panels, self._unseen = {}, []
        self._stills, self._drawn, self._calm = [], None, True
        self._note = ""
        self._news = None
        self._waits, self._tick = False, _TICK if process is None else 2 * _TICK
        cell = contextvars.copy_context()  # what is made belongs to it, whichever thread makes it
        in_one_go("the lab", lambda: cell.run(self._begin, process, path),
                  undo=lambda made: self.close())

    def _begin(self, process, path):
        self._model = (LabModel(self._wake.set) if process is None
                       else PairModel(process, path, self._wake.set))
        try:
            self._build()
            super().__init__(children=self._parts())
            self.add_class("pipe-lab")
            _keep_order([*_all_below(self), *self._unseen])
            self._show(self._model.look())
            _remember(self)
            threading.Thread(target=self._watch, daemon=True, name="PipeLab").start()
        except BaseException:
            self._model.end()
            raise

    @property
    def _alone(self):
        return len(self._model.kinds) == 1

    def end(self):
        """End the processes and remove the pipes. What has happened remains to be seen."""
        self._model.end()
        self._wake.set()

    def close(self):
        """End the lab and take it from the page."""
        if hasattr(self, "_model"):
            self.end()
            _forget(self)
            with self._drawing:
                for each in [*_all_below(self), *self._unseen]:
                    each.close()
                super().close()
        else:  # it was never made
            super().close()

    @property
    def folder(self):
        """The folder in which the pipes are, for `ends` and for programs of one's own."""
        return self._model.folder

    @property
    def python(self):
        """What was pressed, as programs to run in terminals: a text to print."""
        return self._model.python

    @property
    def text(self):
        """What is to be seen, in words."""
        return self._text_of(self._model.look())

    def _text_of(self, seen):
        if not seen.log and self._alone:
            return (f"PipeLab: a {self._model.kinds[0]}, a real process, at the named pipe "
                    f"{self._model.names[0]}. Run this cell in JupyterLab to use its buttons.")
        if not seen.log:
            return ("PipeLab: a writer and a reader, two real processes, and a named pipe between "
                    "them. Run this cell in JupyterLab to use its buttons.")
        states = [f"{process.name}, pid {process.pid}: {process.state}; {process.held}"
                  for process in seen.processes]
        states += [f"{pipe.name}: {pipe.words}" for pipe in seen.pipes]
        return "\n".join(["PipeLab", *states, *seen.log])

    def __repr__(self):
        how = "with one process" if self._alone else "with two processes"
        return f"<PipeLab {'ended' if self._model.ended else how}>"

    def _ipython_display_(self):
        seen = self._model.look()
        data, metadata = self._still(seen)
        line = "The lab has ended: run this cell again."
        self._stills.append(alive.show(self, data, line, metadata))
        self._drawn = _gist(seen)

    def _still(self, seen):
        """A picture that stands where the lab was once its kernel has ended, and its metadata."""
        from pipe_helpers.lab.still import still
        from pipe_helpers.recording.picture import mime_bundle

        return mime_bundle(still(seen), self._text_of(seen))

    # -- the parts

    def _build(self):
        self._add_buttons = {
            kind: new_button(name, lambda kind=kind: self._add(kind))
            for kind, name in _ADDED.items()
        }
        self._over = new_button("start over", self._start_over)
        self._as_python = new_button(_SHOW, self._toggle_python)
        self._python = widgets.HTML(layout={"display": "none"})
        self._left, self._middle, self._right = (widgets.VBox() for _ in range(3))
        self._pipes, self._task, self._count, self._said, self._timeline = (
            widgets.HTML() for _ in range(5)
        )
        self._choice = widgets.Dropdown(
            description="challenge", options=self._titles(self._model.before),
            value=self._next(-1, self._model.before), layout={"width": "auto"},
            style={"description_width": "initial"},
        )
        self._choice.observe(lambda _: self._choose(), "value")
        self._hint = new_button("show a hint", self._toggle_hint)
        self._go_on = new_button("next challenge", self._choose_next)
        self._hinted = False
        self._met = frozenset()
        for button in (*self._add_buttons.values(), self._over, self._hint, self._go_on,
                       self._as_python):
            button.on_click(self._pressed)
        self._middle.children = [self._pipes]
        self._challenge = row_of(self._choice, self._hint, self._go_on, self._count)
        if self._alone:  # it has no challenges, and no second of anything
            for part in (*self._add_buttons.values(), self._challenge, self._task):
                part.layout.display = "none"
        self._echo = Echo(self._pressed)
        self._unseen = self._echo.parts

    def _parts(self):
        style = widgets.HTML(page.STYLE)
        style.add_class("pl-none")
        columns = widgets.HBox([self._left, self._middle, self._right])
        columns.add_class("pl-columns")
        return [
            style,
            row_of(*self._add_buttons.values(), self._over, self._as_python, wrap=True),
            columns, self._said, self._timeline, self._challenge, self._task, self._python,
        ]

    def _add(self, kind):
        self._model.add_pipe() if kind == "pipe" else self._model.add_process(kind)

    def _start_over(self):
        self._model.start_over()
        for panel in self._panels.values():
            panel.start_over()

    def _toggle_hint(self):
        self._hinted = not self._hinted

    def _choose(self):
        self._hinted = False
        self._wake.set()

    def _choose_next(self):
        done, here = self._model.before | self._model.met, self._choice.index
        self._choice.index = self._next(-1 if here in done else here, done)

    @staticmethod
    def _next(number, met):
        """The first challenge after that one, or else of all, that is not done."""
        count = len(CHALLENGES)
        order = [(number + 1 + each) % count for each in range(count)]
        return next((each for each in order if each not in met), max(number, 0))

    def _toggle_python(self):
        hidden = self._python.layout.display == "none"
        self._python.layout.display = None if hidden else "none"
        self._as_python.description = _HIDE if hidden else _SHOW

    def _pressed(self, button):
        """Do what a button is for, and tell why if it can't be done."""
        try:
            button.action()
        except Refused as refused:
            self._note = str(refused)
        except OSError as error:  # no more processes, perhaps
            self._note = f"that did not work: {error}"
        else:
            self._note = ""
        self._wake.set()

    # -- what is shown

    def _watch(self):
        """Draw what has changed; sleep while nothing does."""
        while True:
            woken = self._wake.wait(None if self._calm and not self._waits else self._tick)
            self._wake.clear()
            seen = self._model.look()
            with self._drawing:
                if self.comm is None:  # closed
                    return
                self._show(seen)
            if seen.ended:
                return
            self._renew_stills(seen, woken)

    def _renew_stills(self, seen, woken):
        """Draw the still pictures anew when something has changed and the hand has come to rest."""
        last = max((call.left or call.entered for call in seen.calls), default=0)
        rests = not woken and time.monotonic_ns() - last > 1e9
        if self._stills and rests and self._drawn != _gist(seen):
            self._drawn = _gist(seen)
            data, metadata = self._still(seen)
            for each in self._stills:
                each.update(data, raw=True, metadata=metadata)
        self._calm = not self._stills or self._drawn == _gist(seen)

    def _show(self, seen):
        self._waits = seen.waits
        self._show_processes(seen)
        self._pipes.value = page.pipes(seen.pipes)
        self._show_challenge(seen)
        self._said.value = page.said(*self._words(seen))
        names = [process.name for process in seen.processes]
        self._timeline.value = page.timeline(seen.calls, names)
        if self._python.layout.display is None:
            self._python.value = page.python(self._model.python)
        for kind, button in self._add_buttons.items():
            tell(button, self._model.why_no_more(kind), _ADDED[kind])
        tell(self._over, ENDED if seen.ended else "",
              "new processes and an empty pipe; challenges that are done remain done")

    def _show_processes(self, seen):
        for process in seen.processes:
            if process.name not in self._panels:
                self._panels[process.name] = Panel(
                    process, self._model, self._echo, self._wake.set)
                _keep_order(_all_below(self._panels[process.name].box))
            self._panels[process.name].show(process)
        for column, kind in ((self._left, "writer"), (self._right, "reader")):
            there = [self._panels[each.name].box for each in seen.processes if each.kind == kind]
            if list(column.children) != there:
                column.children = there
                mark(column, "pl-none", not there)

    def _show_challenge(self, seen):
        here = self._model.met
        new, calls = here - self._met, len(seen.log) + seen.first
        if self._news and self._news[1] != calls:
            self._news = None
        if new:
            self._met = here
            told = self._choice.index if self._choice.index in new else min(new)
            done = (f"Challenge done: {CHALLENGES[told].title} "
                    f"({len(seen.met)} of {len(CHALLENGES)})")
            self._news = " ".join([done, self._model.not_noted]).strip(), calls
            chosen = self._choice.index
            with self._choice.hold_sync():
                self._choice.options = self._titles(seen.met)
                self._choice.index = chosen
        number = self._choice.index or 0
        self._task.value = page.challenge(
            CHALLENGES[number], number, seen.met, self._hinted)
        self._count.value = f"{len(seen.met)} of {len(CHALLENGES)} challenges done"
        self._hint.description = "hide the hint" if self._hinted else "show a hint"
        tell(self._go_on, "all are done" * (len(seen.met) == len(CHALLENGES)),
             "go to the next challenge that is not done")

    def _words(self, seen):
        """What has just happened, or why nothing has, and what happened before: lines each."""
        note = ENDED if seen.ended else self._note
        news = () if note else seen.news
        now = [note] if note else [seen.log[at] for at in news]
        if self._news and not note:
            now.append(self._news[0])
        before = [line for at, line in enumerate(seen.log) if at not in news]
        return now or [self._model.begun], before[::-1]

    @staticmethod
    def _titles(met):
        return [(f"{challenge.title}{' (done)' * (number in met)}", number)
                for number, challenge in enumerate(CHALLENGES)]


def _gist(seen):
    """What a still picture shows, without the time that passes."""
    return seen.calls, [process.pid for process in seen.processes], len(seen.pipes)


def _keep_order(boxes):
    """See that what the page says is heard in the order in which it was said.

    ipykernel 7.4 hands a message to the thread that was the last to tell its widget something,
    so a press could overtake the text that was typed before it, or that wait for a cell to end.
    Without that, all of it goes to the one thread that JupyterLab asks for.
    """
    for each in boxes:
        if hasattr(each.comm, "_reply_subshell_for"):
            each.comm._reply_subshell_for = lambda data, asked_for: asked_for


def _all_below(box):
    for child in getattr(box, "children", ()):
        yield from _all_below(child)
        yield child


# -- one lab for each cell: the former one ends when the cell is run again

_labs = {}  # {cell: [(execution, lab)]}


def _where():
    """The cell that runs, by its id or else its source, and which execution of it this is."""
    shell = get_ipython()
    parent = shell.get_parent() if hasattr(shell, "get_parent") else None
    if not parent or "header" not in parent:  # no notebook
        return None, None
    cell = parent.get("metadata", {}).get("cellId") or parent.get("content", {}).get("code")
    return cell, parent["header"].get("msg_id")


def _close_former():
    cell, execution = _where()
    for made_in, lab in list(_labs.get(cell, ())):
        if made_in != execution:
            lab.close()


def _remember(lab):
    cell, execution = _where()
    if cell is not None:
        _labs.setdefault(cell, []).append((execution, lab))


def _forget(lab):
    for made in _labs.values():
        made[:] = [each for each in made if each[1] is not lab]
