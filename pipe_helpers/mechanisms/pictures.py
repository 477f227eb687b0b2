"""Draw what was measured, for a light and a dark page; nothing is told by colour alone.

All lengths are inches of the picture, from its left and its upper edge.
"""
import math
import statistics

from pipe_helpers.mechanisms.units import micro, size_text
from pipe_helpers.recording.picture import (
    AMBER, BLUE, GREEN, GREY, INK, RED, VIOLET, image_of, mime_bundle, new_figure, plate, whole,
)

_BAR, _GAP, _WIDTH = 0.27, 0.05, 7.6  # _BAR: a plate with one line of text

_LOOKS = {"named pipe": (RED, "o"), "shared memory": (BLUE, "s"), "TCP": (VIOLET, "^"),
          "remote call": (AMBER, "D"), "ordinary pipe": (GREEN, "v")}
_MOST = 4  # ways that all have colours; of more, only the named pipe and these do
_COMPARED = ("named pipe", "ordinary pipe", "shared memory")
_PLAIN = GREY, None


def round_trips(result):
    """A row for each mechanism, the fastest at the top: its median, and the spread as a line."""
    order = result.order
    left, right = 2.75 if result.prediction else 1.8, _WIDTH - 1.05
    height = 3 * _BAR + 2 * _GAP + 0.32 * len(order)
    figure, axes = _page(height)
    spreads = [[1e6 * time for time in result.spread(name)] for name in order]
    across = _Scale(*_range(spreads), left + 0.1, right - 0.1)
    columns = [(0, 0.9, "expected", "center")] if result.prediction else []
    columns += [(left - 1.8, left - _GAP, "measured", "right"),
                (right + _GAP, _WIDTH, "median", "right")]
    axes.add_patch(plate(0, 0, _WIDTH, _BAR))
    bottom = height - 2 * _BAR
    for time in across.ticks:
        axes.plot([across(time)] * 2, [_BAR, bottom], color=GREY, linewidth=0.8)
    for row, name in enumerate(["", *order]):
        y = _BAR / 2 + bool(row) * (_GAP + 0.32 * row - 0.02)
        texts = [result.place(name)] * bool(result.prediction)
        texts += [name, micro(result.median(name))] if row else []
        colour = _look(name, order)[0]
        for (x0, x1, head, align), text in zip(columns, texts if row else [""] * 3):
            if row:
                axes.add_patch(plate(x0, y - _BAR / 2, x1, y + _BAR / 2, colour))
            x = (x0 + x1) / 2 if align == "center" else x1 - 0.1
            _write(axes, x, y, text or head, align, name == "named pipe")
        if row:
            axes.plot(list(map(across, spreads[row - 1])), [y, y], color=colour, linewidth=4)
            axes.plot(across(1e6 * result.median(name)), y, "o", color=colour, markersize=9)
    axes.add_patch(plate(0, bottom, _WIDTH, height))
    for time in across.ticks:
        _write(axes, across(time), bottom + _BAR / 2,
               f"{time:g} µs" if time < 1000 else f"{time / 1000:g} ms", "center")
    _write(axes, (left + right) / 2, height - _BAR / 2,
           "64 bytes there and back · line: nine tenths of all times", "center")
    return figure


def throughput(result):
    """A line for each mechanism over the size of a message; a band from the slowest round to the
    fastest for the named pipe."""
    left, right, height = 0.75, 5.4, 4.7
    top, bottom = _BAR + 0.1, height - 2 * _BAR - 0.1
    figure, axes = _page(height)
    rates = {name: {size: [rate / 1e6 for rate in found] for size, found in sizes.items()}
             for name, sizes in result.rates.items()}
    found = [found for sizes in rates.values() for found in sizes.values()]
    up = _Scale(*_range(found), bottom - 0.1, top + 0.1)
    sizes = sorted({size for found in rates.values() for size in found})
    across = _Scale(sizes[0], sizes[-1], left + 0.3, right - 0.15)
    axes.add_patch(plate(0, 0, _WIDTH, _BAR))
    axes.add_patch(plate(0, _BAR + _GAP, left, height - 2 * _BAR - _GAP))
    axes.add_patch(plate(0, height - 2 * _BAR, _WIDTH, height))
    _write(axes, 0.1, _BAR / 2, "million bytes a second")
    _write(axes, left + 0.1, height - _BAR / 2,
           "size of a message · band or thin line: slowest to fastest round")
    for rate in up.ticks:
        axes.plot([left + _GAP, right], [up(rate)] * 2, color=GREY, linewidth=0.5)
        _write(axes, left - 0.1, up(rate), f"{rate:g}", "right")
    for size in sizes[::-2] if len(sizes) > 6 else sizes:
        axes.plot([across(size)] * 2, [top, bottom], color=GREY, linewidth=0.5)
        _write(axes, across(size), height - 1.5 * _BAR, size_text(size), "center")
    ends = []
    for name, found in rates.items():
        colour, mark = _look(name, rates)
        named, x = name == "named pipe", [across(size) for size in sorted(found)]
        medians, low, high = (
            [up(of(found[size])) for size in sorted(found)] for of in (statistics.median, min, max))
        axes.plot(x, medians, color=colour, marker=mark, markersize=6,
                  linewidth=3 if named else 1.6 if mark else 1, zorder=4 if named else 3)
        if named:
            axes.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
        elif mark:
            axes.vlines(x, low, high, color=colour, linewidth=1)
        ends.append((medians[-1], x[-1], name))
    _name_lines(axes, ends, top, bottom, right, rates)
    return figure


def _name_lines(axes, ends, top, bottom, right, names):
    """The names at the right, each on a plate of its line's colour, as near its end as can be."""
    step, places = _BAR + 0.03, []
    for y, _, _ in sorted(ends):
        places.append(max(y, places[-1] + step if places else top + _BAR / 2))
    limit = bottom
    for number in reversed(range(len(places))):
        limit = places[number] = min(places[number], limit)
        limit -= step
    for y, (end, x, name) in zip(places, sorted(ends)):
        colour, mark = _look(name, names)
        axes.plot([x, right + 0.1, right + 0.3], [end, y, y], color=colour, linewidth=1, zorder=2,
                  linestyle=":")
        axes.add_patch(plate(right + 0.2, y - _BAR / 2, _WIDTH, y + _BAR / 2, colour))
        axes.plot(right + 0.34, y, marker=mark, color=INK, markersize=5)
        _write(axes, right + 0.47, y, name, bold=name == "named pipe")


def bundle(figure, text):
    """What a notebook is given: a picture, its figures as the alternative text, and a line of
    text that is the same in every run."""
    return mime_bundle(image_of(figure), text, text.splitlines()[0].split(":")[0])


def _range(values):
    """The lowest and the highest of lists of numbers, with a margin and a power of ten between."""
    low, high = min(map(min, values)) / 1.25, max(map(max, values)) * 1.25
    if math.floor(math.log10(high)) - math.floor(math.log10(low)) < 2:
        low = 10 ** math.floor(math.log10(low))
    return low, high


class _Scale:
    """Where values are between two places, by their logarithms. ticks: powers of ten."""

    def __init__(self, low, high, start, end):
        self._low, self._start = low, start
        self._each = (end - start) / (math.log(high / low) or 1)
        powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        self.ticks = [10.0 ** power for power in powers]

    def __call__(self, value):
        return self._start + self._each * math.log(value / self._low)


def _look(name, names):
    """The colour and the mark of a mechanism among names."""
    lit = len(names) <= _MOST or name in _COMPARED
    return _LOOKS.get(name, _PLAIN) if lit else _PLAIN


def _page(height):
    figure = new_figure(_WIDTH, height)
    return figure, whole(figure, _WIDTH, height)


def _write(axes, x, y, text, align="left", bold=False):
    axes.text(x, y, text, ha=align, va="center_baseline", color=INK, fontsize=9.5, zorder=5,
              family="DejaVu Sans", weight="bold" if bold else "normal", parse_math=False)
