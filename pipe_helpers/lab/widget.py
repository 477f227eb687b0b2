"""The lab: two real processes and a named pipe in a notebook, with buttons for their calls."""
import threading

import ipywidgets as widgets
from IPython import get_ipython

from pipe_helpers.lab import page
from pipe_helpers.lab.challenges import CHALLENGES
from pipe_helpers.lab.model import ENDED, MOST_BYTES, PIPES, LabModel, Refused

_TICK = 0.5  # seconds between two looks while somebody waits, for the time that is shown
_ADDED = {"writer": "add a second writer", "reader": "add a second reader",
          "pipe": "add a second pipe"}
_FOR = {"write": "writing", "read": "reading"}


class PipeLab(widgets.VBox):
    """A writer, a reader, two unrelated processes, a named pipe between them, and buttons.

    Made in a notebook's cell, it shows itself. Each button lets one process make one system
    call; that of the notebook itself never waits. A lab costs no processor time while nothing
    happens. It ends, and its processes and its folder with it, by end(), when its cell is run
    again, and at the latest with the kernel.

    Starting takes about 0.2 s. OSError or RuntimeError if the system refuses a process.
    """

    def __init__(self):
        _close_former()
        self._wake = threading.Event()
        self._drawing = threading.RLock()  # so that nothing is drawn on what is being closed
        self._panels = {}
        self._note = ""
        self._news = None
        self._waits = False
        self._model = LabModel(self._wake.set)
        try:
            self._build()
            super().__init__(children=self._parts())
            self.add_class("pipe-lab")
            _keep_order(self)
            self._show(self._model.look())
            _remember(self)
            threading.Thread(target=self._watch, daemon=True, name="PipeLab").start()
        except BaseException:  # an interrupt, too, must leave nothing behind
            self._model.end()
            raise

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
                for each in _all_below(self):
                    each.close()
                super().close()
        else:  # it was never made
            super().close()

    @property
    def folder(self):
        """The folder in which the pipes are, for `ends` and for programs of one's own."""
        return self._model.folder

    @property
    def text(self):
        """What is to be seen, in words."""
        seen = self._model.look()
        if not seen.log:
            return ("PipeLab: a writer and a reader, two real processes, and a named pipe between "
                    "them. Run this cell in JupyterLab to use its buttons.")
        states = [f"{process.name}, pid {process.pid}: {process.state}; {process.held}"
                  for process in seen.processes]
        states += [f"{pipe.name}: {pipe.text}" for pipe in seen.pipes]
        return "\n".join(["PipeLab", *states, *seen.log])

    def __repr__(self):
        return f"<PipeLab {'ended' if self._model.ended else 'with two processes'}>"

    def _repr_mimebundle_(self, **kwargs):
        from pipe_helpers.lab.still import still
        from pipe_helpers.recording.picture import mime_bundle

        data = super()._repr_mimebundle_(**kwargs) or {}
        picture, about = mime_bundle(still(self._model.look()), self.text)
        return data | picture, about

    # -- the parts

    def _build(self):
        self._add_buttons = {
            kind: _button(name, lambda kind=kind: self._add(kind)) for kind, name in _ADDED.items()
        }
        self._over = _button("start over", self._model.start_over)
        self._left, self._middle, self._right = (
            widgets.VBox(layout={"flex": "1 1 270px", "min_width": "0"}) for _ in range(3)
        )
        self._pipes, self._status, self._task, self._lines, self._timeline = (
            widgets.HTML() for _ in range(5)
        )
        self._choice = widgets.Dropdown(
            description="challenge", options=self._titles(()), layout={"width": "98%"},
            style={"description_width": "initial"},
        )
        self._choice.observe(lambda _: self._choose(), "value")
        self._hint = _button("show a hint", self._toggle_hint)
        self._hinted = False
        self._met = frozenset()
        for button in (*self._add_buttons.values(), self._over, self._hint):
            button.on_click(self._pressed)
        self._middle.children = [
            self._pipes, self._status, self._choice, self._task, _row(self._hint)]

    def _parts(self):
        style = widgets.HTML(page.STYLE)
        style.add_class("pl-style")
        return [
            style,
            _row(*self._add_buttons.values(), self._over, margin="0 0 8px 0"),
            _row(self._left, self._middle, self._right, gap="12px"),
            self._timeline, self._lines,
        ]

    def _add(self, kind):
        self._model.add_pipe() if kind == "pipe" else self._model.add_process(kind)

    def _toggle_hint(self):
        self._hinted = not self._hinted

    def _choose(self):
        self._hinted = False
        self._wake.set()

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
            self._wake.wait(_TICK if self._waits else None)
            self._wake.clear()
            seen = self._model.look()
            with self._drawing:
                if self.comm is None:  # closed
                    return
                self._show(seen)
            if seen.ended:
                return

    def _show(self, seen):
        self._waits = seen.waits
        self._show_processes(seen)
        self._pipes.value = page.pipes(seen.pipes)
        self._show_challenge(seen)
        self._status.value = page.status(self._words(seen))
        names = [process.name for process in seen.processes]
        self._timeline.value = page.timeline(seen.calls, names)
        self._lines.value = page.log(seen.log, seen.first)
        for kind, button in self._add_buttons.items():
            _tell(button, self._model.why_no_more(kind), _ADDED[kind])
        _tell(self._over, ENDED if seen.ended else "",
              "new processes and an empty pipe; challenges that are done remain done")

    def _show_processes(self, seen):
        for process in seen.processes:
            if process.name not in self._panels:
                self._panels[process.name] = _Panel(
                    process, self._model, self._pressed, self._wake.set)
                _keep_order(self._panels[process.name].box)
            self._panels[process.name].show(process)
        for column, kind in ((self._left, "writer"), (self._right, "reader")):
            there = [self._panels[each.name].box for each in seen.processes if each.kind == kind]
            if list(column.children) != there:
                column.children = there

    def _show_challenge(self, seen):
        new, calls = seen.met - self._met, len(seen.log) + seen.first
        if self._news and self._news[1] != calls:
            self._news = None
        if new:
            self._met = seen.met
            self._news = (f"Challenge done: {CHALLENGES[min(new)].title} "
                          f"({len(seen.met)} of {len(CHALLENGES)})", calls)
            chosen = self._choice.index
            with self._choice.hold_sync():
                self._choice.options = self._titles(seen.met)
                self._choice.index = chosen
        number = self._choice.index or 0
        self._task.value = page.challenge(
            CHALLENGES[number], number, seen.met, len(CHALLENGES), self._hinted)
        self._hint.description = "hide the hint" if self._hinted else "show a hint"

    def _words(self, seen):
        """What has just happened: why nothing has, or the log's last line."""
        if seen.ended:
            return ENDED
        if self._note:
            return self._note
        last = seen.log[-1] if seen.log else "ready: let a process open the pipe"
        return f"{last}. {self._news[0]}" if self._news else last

    @staticmethod
    def _titles(met):
        return [(f"{number + 1}. {challenge.title}{' (done)' * (number in met)}", number)
                for number, challenge in enumerate(CHALLENGES)]


class _Panel:
    """A process and its controls. box: the widget."""

    def __init__(self, process, model, pressed, redraw):
        name, self._model, self._name = process.name, model, process.name
        self._head = widgets.HTML()
        self._pipe = widgets.Dropdown(
            options=[(_pipe_label(process.kind, pipe), pipe) for pipe in PIPES],
            **_described(name, "pipe"), layout={"width": "auto", "max_width": "100%"},
        )
        self._no_wait = widgets.Checkbox(
            indent=False, layout={"width": "auto"},
            **_described(name, "O_NONBLOCK: no wait"),
        )
        self._message = _field(name, "text", "Hello", "190px")
        self._size = _field(name, "bytes", "70000", "140px")
        self._most = _field(name, "at most", "512", "150px")
        self._buttons = {
            "open": _button(f"{name}: open", self._open),
            "close": _button(f"{name}: close", self._close),
            "cancel": _button(f"{name}: cancel", self._cancel),
            "write": _button(f"{name}: write", self._write),
            "write bytes": _button(f"{name}: write bytes", self._write_bytes),
            "read": _button(f"{name}: read", self._read),
        }
        for button in self._buttons.values():
            button.on_click(pressed)
        self._pipe.observe(lambda _: redraw(), "value")
        self._writing = [_row(self._message, self._buttons["write"]),
                         _row(self._size, self._buttons["write bytes"])]
        self._reading = [_row(self._most, self._buttons["read"])]
        first, second = ((self._writing, self._reading) if process.kind == "writer"
                         else (self._reading, self._writing))
        self.box = widgets.VBox([
            self._head, self._pipe,
            _row(self._buttons["open"], self._no_wait),
            *first, *second,
            _row(self._buttons["close"], self._buttons["cancel"]),
        ], layout={"margin": "0 0 8px 0"})
        self.box.add_class("pl-panel")

    def show(self, process):
        self._head.value = page.process(process)
        actions = {action: (action, pipe) for action, pipe in process.reasons}
        _display(self._pipe, ("open", PIPES[1]) in process.reasons)
        for action, parts in (("write", self._writing), ("read", self._reading)):
            for part in parts:
                _display(part, action in actions)
        chosen = self._chosen(process)
        for action, button in self._buttons.items():
            key = ("write" if action == "write bytes" else action)
            place = (key, chosen) if key in ("open", "close") else actions.get(key)
            if place:
                _tell(button, process.reasons[place], process.calls[place])

    def _chosen(self, process):
        return self._pipe.value if ("open", self._pipe.value) in process.reasons else PIPES[0]

    def _open(self):
        self._model.open(self._name, self._pipe.value, wait=not self._no_wait.value)

    def _close(self):
        self._model.close(self._name, self._pipe.value)

    def _cancel(self):
        self._model.cancel(self._name)

    def _write(self):
        self._model.write(self._name, self._message.value.encode())

    def _write_bytes(self):
        self._model.write(self._name, _number(self._size.value))

    def _read(self):
        self._model.read(self._name, _number(self._most.value))


def _number(text):
    try:
        return int(text.replace(",", ""))
    except ValueError:
        raise Refused(
            f"{text!r} is not a number of bytes: type one from 0 to {MOST_BYTES:,}, then press "
            "again"
        ) from None


def _button(name, action):
    button = widgets.Button(description=name, layout={"width": "auto"})
    button.action = action
    return button


def _field(process, label, value, width):
    # Not continuous: ipywidgets holds back all but the first of quick changes until the kernel has
    # answered, and a button pressed meanwhile would come before them. Leaving the field sends all.
    return widgets.Text(value, continuous_update=False, **_described(process, label),
                        layout={"width": width})


def _described(process, label):
    """A label that tells screen readers whose it is: the eye sees that by its place."""
    return {
        "description": f'<i class="pl-hidden">{process}: </i>{label}',
        "description_allow_html": True,
        "style": {"description_width": "initial"},
    }


def _pipe_label(kind, pipe):
    end = "write" if (kind == "writer") == (pipe == PIPES[0]) else "read"
    return f"{pipe}, for {_FOR[end]}"


def _row(*parts, gap="6px", margin="0"):
    return widgets.HBox(parts, layout={
        "flex_flow": "row wrap", "align_items": "flex-start", "grid_gap": gap, "width": "100%",
        "margin": margin})


def _display(part, shown):
    display = None if shown else "none"
    if part.layout.display != display:
        part.layout.display = display


def _tell(button, reason, what):
    """Enable a button, or disable it for a reason, which its tooltip tells."""
    with button.hold_sync():
        button.disabled = bool(reason)
        button.tooltip = f"not now: {reason}" if reason else what


def _keep_order(box):
    """See that what the page says is heard in the order in which it was said.

    ipykernel 7.4 hands a message to the thread that was the last to tell its widget something,
    so a press could overtake the text that was typed before it, or that wait for a cell to end.
    Without that, all of it goes to the one thread that JupyterLab asks for.
    """
    for each in _all_below(box):
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
