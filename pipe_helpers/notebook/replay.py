"""A timeline that can be gone through: what processes did once more, moment by moment."""
import html

import ipywidgets as widgets

from pipe_helpers.recording.calls import Run, duration, line_of
from pipe_helpers.recording.timeline import Timeline
from pipe_helpers.showing.alive import show

_ENDED = "Run this cell to go through the timeline moment by moment."

# The moments are radio buttons in a row: a browser moves through them with the arrow keys, tells
# their names to a screen reader, and lets CSS follow, so that no kernel has to answer in between.
_STYLE = """
.{name} {{ display: flex; flex-wrap: wrap; width: {width}px; max-width: 100%;
  color: var(--jp-content-font-color1, #212121); }}
.{name} > div {{ order: -1; flex: 0 0 100%; aspect-ratio: {ratio}; position: relative;
  overflow: hidden; background: url(data:image/png;base64,{png})
    0 0 / 100% 100% no-repeat; }}
.{name} > div * {{ position: absolute; }}
.{name} > div > b {{ inset: 0 0 0 var(--at); pointer-events: none; opacity: .85;
  background: var(--jp-layout-color0, #fff); }}
.{name} > div > u {{ inset: 0 auto 0 var(--at); pointer-events: none;
  border-left: 3px solid var(--jp-content-font-color1, #212121); }}
.{name} > input {{ flex: 1 1 1px; min-width: 1px; height: 18px; margin: 6px 0; cursor: pointer;
  accent-color: var(--jp-brand-color1, #1976d2); }}
.{name} > p {{ flex: 0 0 100%; min-height: 2.8em; margin: 0; }}
.{name} > p > span {{ display: none; }}
"""
_CHOSEN = """.{name} > :nth-child({number}):checked ~ div {{ --at: {at:.2f}%; }}
.{name} > :nth-child({number}):checked ~ p > :nth-child({number}) {{ display: inline; }}
"""


def replay(trace, title=None):
    """Show the timeline of a trace with a row of buttons, one for each moment.

    What comes after the chosen moment is covered, and a line says what happens at it. The arrow
    keys move to the next one. A box names its call when the mouse rests on it. It needs a kernel
    that lives; afterwards the timeline stands there as `timeline` draws it.

    trace, title: as for `timeline`.
    """
    picture = Timeline(trace, title)
    data, about = picture._repr_mimebundle_()
    page = widgets.HTML()
    page.value = _page(picture, f"kit-replay-{page.model_id}", data["image/png"],
                       about["image/png"]["width"])
    show(page, data, _ENDED, about)


def _page(picture, name, png, width):
    moments = _moments(picture.bars)
    style = _STYLE.format(
        name=name, png=png, width=width, ratio=f"{picture.width} / {picture.height}")
    buttons = words = ""
    for number, (x, text) in enumerate(moments, 1):
        # At the last moment nothing is covered, and so the page begins.
        at, chosen = (100 * x / picture.width, "") if number < len(moments) else (200, " checked")
        style += _CHOSEN.format(name=name, number=number, at=at)
        text = html.escape(f"{number} of {len(moments)}. {text}")
        # Without data-lm-… JupyterLab takes the arrow keys for itself.
        buttons += (f'<input type="radio" name="{name}" aria-label="{text}"{chosen} '
                    'data-lm-suppress-shortcuts="true">')
        words += f"<span>{text}</span>"
    label, boxes = html.escape(picture.text), "".join(_box(picture, bar) for bar in picture.bars)
    return (
        f'<style>{style}</style><div class="{name}" role="radiogroup" aria-label="moments">'
        f'{buttons}<div role="img" aria-label="{label}">{boxes}<b></b><u></u></div>'
        f'<p>{words}</p></div>'
    )


def _moments(bars):
    """(x, what happens there, in words) for each event, in the order of time."""
    found = []
    for bar in bars:
        call = bar.call
        run = isinstance(call, Run)
        role = (call.calls if run else [call])[0].role
        enters, leaves = ("makes", "has made") if run else ("enters", "leaves")
        result = f": {call.result_text}" if call.result_text else ""
        found.append((bar.x0, call.entered,
                      f"{role} {enters} {call.call_text}" + " and waits" * bar.hatched))
        if not bar.endless:
            found.append((bar.x1, call.left, f"{role} {leaves} {call.call_text}{result}"))
    found.sort()
    return [(x, f"After {duration((time - found[0][1]) / 1e6)} {words}.")
            for x, time, words in found]


def _box(picture, bar):
    """What names a call when the mouse rests on its box."""
    left, top, right, bottom = picture.place(bar)
    across, down = 100 / picture.width, 100 / picture.height
    return (f'<i title="{html.escape(line_of(bar.call))}" style="left: {left * across:.2f}%; '
            f'top: {top * down:.2f}%; width: {(right - left) * across:.2f}%; '
            f'height: {(bottom - top) * down:.2f}%"></i>')
