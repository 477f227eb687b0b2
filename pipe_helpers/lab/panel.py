"""A process of the lab on the page: what it is told by hand, in fields and with buttons."""
from dataclasses import replace

import ipywidgets as widgets

from pipe_helpers.lab import page
from pipe_helpers.lab.model import MOST_BYTES, Refused, end_for

_FOR = {"write": "writing", "read": "reading"}


class Panel:
    """A process and its controls. box: the widget.

    echo: the `Echo` by which buttons are pressed. redraw: called when another pipe was chosen.
    """

    def __init__(self, process, model, echo, redraw):
        name, self._model, self._name = process.name, model, process.name
        self._head, self._shown = widgets.HTML(), None
        self._pipe = widgets.Dropdown(
            options=[(_pipe_label(process.kind, pipe), pipe) for pipe in model.names],
            **_described(name, "pipe"), layout={"width": "auto", "max_width": "100%"},
        )
        self._choosing = row_of(self._pipe)
        self._no_wait = widgets.Checkbox(
            indent=False, layout={"width": "auto"},
            **_described(name, "O_NONBLOCK: no wait"),
        )
        self._message = _field(name, "text", "Hello")
        self._size = _field(name, "bytes", "70000")
        self._most = _field(name, "at most", "512")
        self._buttons = {
            "open": new_button(f"{name}: open", self._open),
            "close": new_button(f"{name}: close", self._close),
            "cancel": new_button(f"{name}: cancel", self._cancel),
            "write": new_button(f"{name}: write", self._write),
            "write bytes": new_button(f"{name}: write bytes", self._write_bytes),
            "read": new_button(f"{name}: read", self._read),
        }
        for button in self._buttons.values():
            button.on_click(echo.press)
        for field, action in ((self._message, "write"), (self._size, "write bytes"),
                              (self._most, "read")):
            echo.watch(field, self._buttons[action])
        echo.watch(self._pipe)
        echo.watch(self._no_wait)
        self._pipe.observe(lambda _: redraw(), "value")
        self._writing = [row_of(self._message, self._buttons["write"]),
                         row_of(self._size, self._buttons["write bytes"])]
        self._reading = [row_of(self._most, self._buttons["read"])]
        first, second = ((self._writing, self._reading) if process.kind == "writer"
                         else (self._reading, self._writing))
        self.box = widgets.VBox([
            self._head, self._choosing,
            row_of(self._buttons["open"], self._no_wait),
            *first, *second,
            row_of(self._buttons["close"], self._buttons["cancel"]),
        ])
        self.box.add_class("pl-panel")

    def show(self, process):
        self._show_head(process)
        actions = {action: (action, pipe) for action, pipe in process.reasons}
        several = len(self._model.pipes) > 1
        _display(self._choosing, several)
        if not several:  # any more
            self._pipe.value = self._model.pipes[0]
        for action, parts in (("write", self._writing), ("read", self._reading)):
            for part in parts:
                _display(part, action in actions)
        for action, button in self._buttons.items():
            key = ("write" if action == "write bytes" else action)
            place = (key, self._pipe.value) if key in ("open", "close") else actions.get(key)
            if place:
                wakes = process.wakes[place]
                more = f"; can wake the {' and the '.join(wakes)}" if wakes else ""
                tell(button, process.reasons[place], process.calls[place] + more)
                mark(button, "pl-wakes", wakes)

    def _show_head(self, process):
        # The browser counts the seconds. It is told the time anew now and then, so that a page
        # that was loaded meanwhile is soon right.
        shown = replace(process, state=process.call, seconds=process.seconds // 5)
        if shown != self._shown:
            self._shown = shown
            self._head.value = page.process(process)
            mark(self.box, "pl-asleep", process.blocked)

    def start_over(self):
        """Choose again what was chosen at the beginning; what was typed stays."""
        self._no_wait.value = False

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


def new_button(name, action):
    """A button that is to do action()."""
    button = widgets.Button(description=name, layout={"width": "auto"})
    button.action = action
    return button


def _field(process, label, value):
    # Not continuous: ipywidgets holds back all but the first of quick changes until the kernel has
    # answered, and a button pressed meanwhile would come before them. Leaving the field sends all.
    return widgets.Text(value, continuous_update=False, **_described(process, label),
                        layout={"width": "auto"})


def _described(process, label):
    """A label that tells screen readers whose it is: the eye sees that by its place."""
    return {
        "description": f'<i class="pl-hidden">{process}: </i>{label}',
        "description_allow_html": True,
        "style": {"description_width": "initial"},
    }


def _pipe_label(kind, pipe):
    return f"{pipe}, for {_FOR[end_for(kind, pipe)]}"


def row_of(*parts, wrap=False):
    """Widgets in a row, which wraps in a narrow window, or, if told so, in any."""
    row = widgets.HBox(parts)
    row.add_class("pl-row")
    mark(row, "pl-wrap", wrap)
    return row


def mark(widget, name, on):
    """Give a widget a class of CSS, or take it away."""
    if on and name not in widget._dom_classes:
        widget.add_class(name)
    elif not on:
        widget.remove_class(name)


def _display(part, shown):
    display = None if shown else "none"
    if part.layout.display != display:
        part.layout.display = display


def tell(button, reason, what):
    """Let a button look as if it could be pressed, or not for a reason, which its tooltip tells.

    It is never disabled: that would take the keyboard's focus from under the hand. Pressed all the
    same, it tells the reason.
    """
    with button.hold_sync():
        mark(button, "pl-off", reason)
        button.tooltip = f"not now: {reason}" if reason else what
