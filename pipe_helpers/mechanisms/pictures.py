"""Draw what was measured: readable on a light and a dark page, and without telling colours."""
import statistics

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from pipe_helpers.mechanisms.catalogue import NAMES
from pipe_helpers.mechanisms.units import micro, size_text
from pipe_helpers.recording.picture import image_of, mime_bundle, new_figure

_INK, _SOFT_INK, _GRID = "#1a1a1a", "#555555", "#dfe3e6"
_NAMED = "#a31515"  # the named pipe, which the kit is about
_FONT = {"family": "DejaVu Sans", "size": 9.5, "color": _INK}

# Colours of Okabe and Ito, told apart by people with any colour vision, and each line with a mark
# and a pattern of its own.
_COLOURS = ("#0072b2", "#009e73", "#b36b00", "#7b3294", "#56b4e9", "#555555")
_MARKS = "osD^vP*Xhd"
_PATTERNS = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))


def round_trips(result):
    """A row for each mechanism, the fastest at the top: its median, and the spread as a line."""
    order = result.order
    figure, axes = _figure(7.6, 0.75 + 0.3 * len(order), left=0.36, right=0.87)
    for row, name in enumerate(order):
        colour = _NAMED if name == "named pipe" else _COLOURS[0]
        low, high = (time * 1e6 for time in result.spread(name))
        median = result.median(name) * 1e6
        axes.plot([low, high], [row, row], color=colour, linewidth=2.2, alpha=0.55, zorder=2)
        axes.plot([median], [row], "o", color=colour, markersize=7, zorder=3)
        _text(axes, 1.02, row, micro(median / 1e6), _across(axes))
        weight = "bold" if name == "named pipe" else "normal"
        _text(axes, -0.03, row, name, _across(axes), ha="right", weight=weight)
        if result.prediction:
            _text(axes, -0.58, row, result.place(name), _across(axes), ha="center")
    heading = -0.85
    if result.prediction:
        _text(axes, -0.58, heading, "expected", _across(axes), ha="center", color=_SOFT_INK)
    _text(axes, -0.03, heading, "measured", _across(axes), ha="right", color=_SOFT_INK)
    _text(axes, 1.02, heading, "median", _across(axes), color=_SOFT_INK)
    axes.set_ylim(len(order) - 0.4, -1.3)
    axes.yaxis.set_major_locator(NullLocator())
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(_time_text))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x", color=_GRID)
    axes.set_xlabel("64 bytes there and back · line: nine tenths of all times", **_FONT)
    return figure


def throughput(result):
    """A line for each mechanism over the size of a message; a band from the slowest round to the
    fastest for the named pipe."""
    figure, axes = _figure(7.8, 4.6, left=0.1, right=0.67)
    ends = []
    for name, rates in result.rates.items():
        sizes = sorted(rates)
        medians = [statistics.median(rates[size]) / 1e6 for size in sizes]
        place = NAMES.index(name)
        named = name == "named pipe"
        colour = _NAMED if named else _COLOURS[place % len(_COLOURS)]
        axes.plot(
            sizes, medians, color=colour, marker=_MARKS[place % len(_MARKS)], markersize=5.5,
            linestyle=_PATTERNS[place % len(_PATTERNS)], linewidth=2.6 if named else 1.4,
            zorder=4 if named else 3)
        low = [min(rates[size]) / 1e6 for size in sizes]
        high = [max(rates[size]) / 1e6 for size in sizes]
        if named:
            axes.fill_between(sizes, low, high, color=colour, alpha=0.12, linewidth=0, zorder=1)
        else:
            axes.vlines(sizes, low, high, color=colour, linewidth=0.8, alpha=0.35, zorder=2)
        ends.append((name, sizes[-1], medians[-1], colour))
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.margins(x=0.02)
    shown = sorted({size for rates in result.rates.values() for size in rates})
    axes.xaxis.set_major_locator(FixedLocator(shown[::2] if len(shown) > 6 else shown))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: size_text(int(size))))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(color=_GRID)
    axes.set_xlabel("size of a message · thin line or band: slowest to fastest round", **_FONT)
    axes.set_ylabel("million bytes a second", **_FONT)
    _label_lines(axes, ends, result)
    return figure


def _label_lines(axes, ends, result):
    """The names at the right, in the order of the lines' ends, each beside a piece of its line."""
    ends.sort(key=lambda end: -end[2])
    step = 1 / max(len(ends), 8)
    for row, (name, _, _, colour) in enumerate(ends):
        y = 1 - (row + 0.5) * step
        place = NAMES.index(name)
        axes.plot(
            [1.03, 1.12], [y, y], transform=axes.transAxes, clip_on=False, color=colour,
            marker=_MARKS[place % len(_MARKS)], markersize=5.5, linewidth=1.6,
            linestyle=_PATTERNS[place % len(_PATTERNS)])
        weight = "bold" if name == "named pipe" else "normal"
        _text(axes, 1.14, y, name, axes.transAxes, weight=weight)


def bundle(figure, text):
    """What a notebook is given: a picture, its figures as the alternative text, and a line of
    text that is the same in every run."""
    return mime_bundle(image_of(figure), text, text.splitlines()[0].split(":")[0])


def _figure(width, height, left, right):
    figure = new_figure(width, height)
    bottom = 0.55 / height
    axes = figure.add_axes((left, bottom, right - left, 1 - bottom - 0.12 / height))
    axes.tick_params(colors=_SOFT_INK, labelsize=9, length=3)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_SOFT_INK)
    axes.set_axisbelow(True)
    return figure, axes


def _across(axes):
    return axes.get_yaxis_transform()  # x in parts of the width, y in rows


def _text(axes, x, y, text, transform, ha="left", **style):
    axes.text(x, y, text, transform=transform, ha=ha, va="center", **{**_FONT, **style})


def _time_text(micros, _):
    return f"{micros:g} µs" if micros < 1000 else f"{micros / 1000:g} ms"
