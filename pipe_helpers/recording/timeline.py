"""Draw what a trace recorded: a lane for each process, a box for each call."""
import math
import os
from dataclasses import dataclass

from matplotlib.font_manager import FontProperties
from matplotlib.patches import Polygon

from pipe_helpers.recording.calls import Run, duration, flags_text, line_of, shortened
from pipe_helpers.recording.picture import (
    AMBER, BLUE, GREEN, GREY, INK, RED, VEIL, VIOLET, image_of, mime_bundle, new_figure, plate,
    whole,
)

_MOST = 12  # calls in one picture
_WAIT = 1.0  # milliseconds from which a call has waited

# Told apart by people with any colour vision, and never the only sign.
_COLOURS = {"open": BLUE, "write": AMBER, "read": GREEN, "close": VIOLET}

# All lengths are inches of the picture as it is shown.
_FONT = {
    kind: FontProperties(family="DejaVu Sans", size=size, weight=weight)
    for kind, size, weight in (
        ("title", 11, "bold"),
        ("strong", 9.5, "bold"),
        ("plain", 9.5, "normal"),
        ("small", 9, "normal"),
    )
}
_LINE, _BOX, _LANE, _PAD, _MARGIN = 0.165, 0.64, 0.8, 0.08, 0.02
_BAR = 0.26  # a plate with one line of text
_STEP = 0.09  # between two events
_DECADE = 0.22  # for each power of ten of a wait in milliseconds
_ARROW = 0.14
_NARROWEST = 5.2


@dataclass(frozen=True)
class Bar:
    """What is drawn for one call. lane: 0 is at the top. x0, x1: inches from the left edge.

    label: its lines of text. hatched: it waited. endless: it has not returned.
    """

    lane: int
    x0: float
    x1: float
    label: tuple
    hatched: bool
    endless: bool
    colour: str
    call: object


def timeline(trace, title=None):
    """Return a picture of what a trace recorded so far, which a notebook shows.

    One lane for each process, one box for each call, in the order in which calls were entered
    and left. The width is not to scale: a wait of 1 ms and more is hatched, is as much wider as
    it is longer by its logarithm, and tells how long it was. A call that has not returned ends
    in an arrow. Of more than 12 calls, like ones are drawn as one: "… 38 reads …".

    trace is a `trace` or a list of `Call`.
    """
    return Timeline(trace, title)


class Timeline:
    """text: what the picture shows, in words. bars: what is drawn where, a list of `Bar`.

    figure: the matplotlib Figure. width, height: its size in inches.
    """

    def __init__(self, trace, title=None):
        lanes = shortened(_processes(trace), _MOST)
        self.title = title
        self._remark = getattr(trace, "remark", "")
        self.text = _text(lanes, title, self._remark)
        self.figure = new_figure()
        self._width_of = _text_ruler(self.figure)
        self._draw([lane for calls in lanes for lane in _without_overlap(calls)])

    def savefig(self, path, **options):
        """Save the picture: see savefig of matplotlib's Figure."""
        self.figure.savefig(path, **{"dpi": "figure", **options})

    def place(self, bar):
        """Where a box is, in inches from the left and the upper edge: left, top, right, bottom."""
        y = self._top + (bar.lane + 0.5) * _LANE
        return bar.x0, y - _BOX / 2, bar.x1, y + _BOX / 2

    def __repr__(self):
        return self.text

    def _repr_mimebundle_(self, include=None, exclude=None):
        return mime_bundle(image_of(self.figure), self.text)

    def _draw(self, lanes):
        heads = [(calls[0].role, f"pid {calls[0].pid}") for calls in map(_all_calls, lanes)]
        left = _MARGIN + 2 * _PAD + max(
            [self._width_of(*line) for head in heads for line in zip(head, _HEAD_FONTS)],
            default=0,
        )
        self.bars, marks, end = self._places(lanes, left + 0.14)
        texts = (self.title, "title"), (self._remark, "small"), (_LEGEND, "small")
        needed = [self._width_of(text, font) + 2 * _PAD + _MARGIN for text, font in texts if text]
        needed += [x + self._width_of(text, "small") / 2 + _PAD for x, text in marks]
        self.width = max(end + 0.1, *needed) + _MARGIN
        self._top = top = _MARGIN + (_BAR + 0.1) * bool(self.title)
        bottom = top + (len(lanes) * _LANE or _BAR + 0.06)
        foot = bottom + _LINE * (1 + bool(marks)) + 0.13
        self.height = foot + (_BAR + 0.06) * bool(self._remark) + _MARGIN
        self.figure.set_size_inches(self.width, self.height)
        axes = whole(self.figure, self.width, self.height)
        write = _writer(axes)

        def strip(y, end, *line, colour=GREY):
            axes.add_patch(plate(_MARGIN, y, self.width - _MARGIN, end, colour))
            write(_MARGIN + _PAD, end - _BAR / 2, *line)

        if self.title:
            strip(_MARGIN, _MARGIN + _BAR, self.title, "title")
        if not lanes:
            strip(top, top + _BAR, "no calls recorded", "plain")
        for number, (role, pid) in enumerate(heads):
            y = top + (number + 0.5) * _LANE
            axes.add_patch(plate(_MARGIN, y - _BOX / 2, self.width - _MARGIN, y + _BOX / 2, VEIL))
            axes.add_patch(plate(_MARGIN, y - _BOX / 2, left, y + _BOX / 2))
            write(_MARGIN + _PAD, y - _LINE / 2, role, "strong")
            write(_MARGIN + _PAD, y + _LINE / 2, pid, "small")
        strip(bottom, foot, _LEGEND, "small")
        for x, text in marks:
            axes.plot([x, x], [top, bottom], color=GREY, linewidth=1, zorder=1.5)
            write(x, bottom + 0.05 + _LINE / 2, text, "small", "center")
        if self._remark:
            strip(foot + 0.06, foot + 0.06 + _BAR, self._remark, "small", colour=RED)
        for bar in self.bars:
            _draw_bar(axes, self._width_of, write, bar, *self.place(bar))

    def _places(self, lanes, start):
        """Where each call begins and ends, so that each label fits and no event is out of order.

        Goes through the events in the order of time: each is as far right of the one before as
        the time between them wants, and as far right of its own beginning as its label wants.
        """
        calls = [(lane, call) for lane, calls in enumerate(lanes) for call in calls]
        several = len({call.args[0] for _, call in calls if _names_a_pipe(call)}) > 1
        labels = [_label(call, several) for _, call in calls]
        widths = [
            2 * _PAD + 0.04 + max(self._width_of(*line) for line in _lines(label))
            + _stretch(call.waited)
            for label, (_, call) in zip(labels, calls)
        ]
        events = []
        for number, (_, call) in enumerate(calls):
            events.append((call.entered, 1, number))
            events.append((math.inf if call.left is None else call.left, 0, number))
        x, before, x0, x1, marks = start, None, {}, {}, []
        for time, entering, number in sorted(events):
            if before is not None and time < math.inf:
                x += _STEP + _stretch((time - before) / 1e6)
            if not entering:
                lane, call = calls[number]
                if time == math.inf:
                    x1[number] = x0[number] + widths[number] + _ARROW
                    continue
                x = max(x, x0[number] + widths[number])
                x1[number] = x
            else:
                x0[number] = x
            marks.append((x, time))
            before = time
        end = max([*x1.values(), _NARROWEST - _MARGIN - 0.1])
        bars = []
        for number, (lane, call) in enumerate(calls):
            endless = call.left is None
            bars.append(Bar(
                lane, x0[number], end if endless else x1[number], labels[number],
                endless or call.waited >= _WAIT and not isinstance(call, Run), endless,
                _COLOURS.get(call.name, GREY), call,
            ))
        return bars, self._marks(marks), end

    def _marks(self, places):
        """The elapsed time at the events that came 1 ms and more after the one before."""
        marks, free, first, before = [], 0, None, None
        for x, time in places:
            first = time if before is None else first
            if before is None or time - before >= _WAIT * 1e6:
                text = f"{(time - first) / 1e6:.0f} ms"
                half = self._width_of(text, "small") / 2
                if x - half > free:
                    marks.append((x, text))
                    free = x + half + 0.05
            before = time
        return marks


_HEAD_FONTS = ("strong", "small")
_LEGEND = "time passes to the right, not to scale · hatched: waited 1 ms or more"


def _processes(trace):
    if hasattr(trace, "processes"):
        return list(trace.processes().values())
    processes = {}
    for call in trace:
        processes.setdefault(call.pid, []).append(call)
    return list(processes.values())


def _all_calls(items):
    return [call for item in items for call in getattr(item, "calls", [item])]


def _without_overlap(calls):
    """Lanes in which no call is entered before the one to its left has returned (threads)."""
    lanes = []
    for call in calls:
        for lane in lanes:
            if lane[-1].left is not None and lane[-1].left <= call.entered:
                lane.append(call)
                break
        else:
            lanes.append([call])
    return lanes


def _text(lanes, title, remark):
    lines = [title] if title else []
    for calls in lanes:
        first = _all_calls(calls)[0]
        lines.append(f"{first.role}, pid {first.pid}")
        lines += [f"    {line_of(call)}" for call in calls]
    lines += [remark] if remark else []
    return "\n".join(lines) or "no calls recorded"


def _names_a_pipe(call):
    return not isinstance(call, Run) and call.name in ("open", "mkfifo", "unlink") and call.args


def _label(call, several):
    """The lines of a box: the call, what it is about, and what came of it."""
    if isinstance(call, Run):
        return (call.call_text,)
    about = []
    if several and _names_a_pipe(call):
        about.append(os.path.basename(str(call.args[0])))
    if call.name == "open" and len(call.args) > 1 and isinstance(call.args[1], int):
        about.append(flags_text(call.args[1]))
    elif call.name == "pass":
        about.append(call.args[0])
    elif call.name == "close":
        about += [f"fd {call.args[0]}"] if call.args and call.role != "notebook" else []
    label = [call.name, *([", ".join(about)] if about else [])]
    outcome = call.label
    if call.left is not None and call.waited >= _WAIT:
        wait = duration(call.waited)
        outcome = f"{outcome} after {wait}" if outcome else f"waited {wait}"
    return tuple([*label, outcome] if outcome else label)


def _stretch(wait):
    """The inches that a wait in milliseconds is worth; None is a wait without an end."""
    return _DECADE * math.log10(max(1, wait or 1))


def _lines(label):
    return [(text, "plain" if number else "strong") for number, text in enumerate(label)]


def _text_ruler(figure):
    renderer = figure.canvas.get_renderer()

    def width_of(text, font):
        return renderer.get_text_width_height_descent(text, _FONT[font], False)[0] / figure.dpi

    return width_of


def _writer(axes):
    def write(x, y, text, font, align="left"):
        axes.text(x, y, text, fontproperties=_FONT[font], color=INK, ha=align,
                  va="center_baseline", parse_math=False, usetex=False, zorder=4)

    return write


def _draw_bar(axes, width_of, write, bar, left, upper, right, lower):
    failed = bool(bar.call.error)
    shape = _shape(bar, left, upper, right, lower)
    empty = bar.hatched or isinstance(bar.call, Run)
    lines = _lines(bar.label)
    middle = (left + right - _ARROW * bar.endless) / 2
    half, height = max(width_of(*line) for line in lines) / 2 + 0.05, _LINE * len(lines)
    top = (upper + lower - height) / 2
    if bar.hatched:
        axes.add_patch(
            shape(facecolor="none", edgecolor=bar.colour, hatch="////", linewidth=0, zorder=2))
    if empty:
        axes.add_patch(plate(
            middle - half, top - 0.03, middle + half, top + height + 0.03, bar.colour, zorder=3))
    axes.add_patch(shape(
        facecolor="none" if empty else bar.colour, edgecolor=RED if failed else bar.colour,
        linewidth=2.4 if failed else 1.4, zorder=2.5,
        linestyle=(0, (3, 2)) if isinstance(bar.call, Run) else "solid"))
    if failed or bar.endless:
        end = top + height
        axes.add_patch(plate(middle - half, end - _LINE, middle + half, end + 0.03, RED, zorder=3))
    for number, (text, font) in enumerate(lines):
        write(middle, top + (number + 0.5) * _LINE, text, font, "center")


def _shape(bar, x0, top, x1, bottom):
    if bar.endless:
        corners = [(x0, top), (x1 - _ARROW, top), (x1, (top + bottom) / 2), (x1 - _ARROW, bottom),
                   (x0, bottom)]
        return lambda **style: Polygon(corners, closed=True, joinstyle="round", **style)
    return lambda **style: plate(x0, top, x1, bottom, **style)
