"""What the lab shows besides its controls, as HTML: processes, pipes, events, timeline.

All colours are JupyterLab's own, so that both of its themes have the contrast they promise; the
values after the commas are for other places. Nothing is told by colour alone.
"""
import html
import math
import re

from pipe_helpers.lab.stream import shortened
from pipe_helpers.recording.calls import duration, flags_text

STYLE = """<style>
@property --pl-s { syntax: "<integer>"; inherits: false; initial-value: 0; }
@property --pl-t { syntax: "<integer>"; inherits: false; initial-value: 0; }
@keyframes pl-s { to { --pl-s: 86400; } }
@keyframes pl-t { to { --pl-t: 10; } }
@keyframes pl-fall { from { transform: translateY(-34px); } }
.pipe-lab, .pipe-lab .widget-html-content {
  color: var(--jp-content-font-color1, #212121); line-height: 18px; font-size: 13px; }
.pipe-lab { --pl-line: var(--jp-border-color0, #bdbdbd);
  --pl-ink: var(--jp-ui-font-color1, #212121); --pl-soft: var(--jp-layout-color1, #fff);
  --pl-faint: var(--jp-ui-font-color2, #616161); --pl-mark: var(--jp-brand-color1, #1976d2);
  --pl-error: var(--jp-error-color1, #d32f2f);
  border: 1px solid var(--pl-line); border-radius: 6px; padding: 7px; max-width: 1080px;
  overflow: visible; background: var(--jp-layout-color0, #fff); container-type: inline-size; }
.pipe-lab p, .pipe-lab ul { margin: 0; padding: 0; list-style: none; }
.pipe-lab .widget-html, .pipe-lab .widget-html-content { height: auto; margin: 0; }
.pipe-lab .widget-html { max-width: 100%; flex: none; }
.pipe-lab .widget-html-content { overflow-wrap: break-word; width: 100%; min-width: 0; }
.pipe-lab .widget-box, .pipe-lab .jupyter-widgets { overflow: visible; }
.pipe-lab .pl-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
.pipe-lab .pl-none { display: none; }
.pipe-lab .pl-row { display: flex; gap: 4px; align-items: center; width: 100%; }
.pipe-lab .pl-wrap { flex-wrap: wrap; }
.pipe-lab .pl-row > * { margin: 2px 0; }
.pipe-lab .pl-row > .widget-text, .pipe-lab .pl-row > .widget-dropdown {
  flex: 1 1 60px; width: auto; min-width: 60px; }
.pipe-lab .pl-row > .widget-html { flex: none; }
.pipe-lab .widget-text input { min-width: 0; }
.pipe-lab button.jupyter-button { color: var(--pl-ink); border: 1px solid var(--pl-ink);
  border-radius: 4px; background: var(--jp-layout-color2, #eee); padding: 0 7px; flex: none;
  position: relative; font-size: 12px; height: 26px; line-height: 24px; overflow: visible; }
.pipe-lab button.pl-off { border: 1px dashed var(--pl-line); background: transparent;
  box-shadow: none; cursor: not-allowed; color: var(--pl-faint); }
.pipe-lab button.pl-wakes { outline: 2px dashed var(--pl-mark); outline-offset: 1px; }
.pipe-lab button.pl-wakes::after { content: "can wake it"; content: "can wake it" / "";
  position: absolute; right: -4px; top: -9px; padding: 0 3px; font-size: 10px; line-height: 13px;
  border-radius: 3px; background: var(--pl-ink); color: var(--pl-soft); }
.pipe-lab .jupyter-widgets select { appearance: auto; background-image: none; }
.pipe-lab :is(button, input, select, .pl-scroll):focus-visible {
  outline: 3px solid var(--pl-mark); outline-offset: 2px; }
.pipe-lab .pl-columns { gap: 8px; flex-flow: row nowrap; align-items: stretch; margin: 3px 0 6px; }
.pipe-lab .pl-columns > * { flex: 1 1 0; min-width: 0; gap: 6px; }
.pipe-lab .pl-columns > :nth-child(2) { flex-grow: .85; }
.pipe-lab .widget-checkbox { font-size: 12px; min-width: 0; flex: 0 1 auto; }
.pipe-lab .widget-checkbox * { padding-left: 0; }
.pipe-lab .pl-panel { border: 1px solid var(--pl-line); border-radius: 6px; padding: 5px 7px;
  background: var(--pl-soft); }
.pipe-lab .pl-panel.pl-asleep { --pl-faint: var(--pl-ink); border: 1px dashed var(--pl-ink);
  background: color-mix(in srgb, var(--pl-soft) 84%, #000); }
[data-jp-theme-light=false] .pipe-lab .pl-panel.pl-asleep {
  background: color-mix(in srgb, var(--pl-soft) 30%, #000); }
.pipe-lab .pl-head { font-weight: 600; display: flex; justify-content: space-between; }
.pipe-lab .pl-asleep .pl-head::after { content: "z z z"; content: "z z z" / "";
  font-style: italic; }
.pipe-lab .pl-facts { display: grid; grid-template-columns: max-content minmax(0, 1fr);
  gap: 0 .6em; margin-bottom: 2px; }
.pipe-lab .pl-facts b { font-weight: 400; color: var(--pl-faint); }
.pipe-lab .pl-facts > span, .pipe-lab .pl-ends > span { min-width: 0; white-space: nowrap;
  overflow: hidden; text-overflow: ellipsis; }
.pipe-lab .pl-facts > .pl-received { white-space: pre-wrap; overflow: hidden auto; height: 36px;
  overflow-wrap: anywhere; font-family: var(--jp-code-font-family, monospace); font-size: 12px; }
.pipe-lab .pl-facts > .pl-state { grid-column: 1 / -1; font-size: 14px; }
.pipe-lab .pl-facts .pl-blocked { font-weight: 700; color: inherit; }
.pipe-lab .pl-clock::after { counter-reset: s var(--pl-s) t var(--pl-t);
  content: counter(s) "." counter(t) " s"; font-variant-numeric: tabular-nums;
  animation: pl-s 86400s steps(86400) infinite, pl-t 1s steps(10) infinite;
  animation-delay: var(--pl-from); }
.pipe-lab .pl-pipe { margin-bottom: 2px; }
.pipe-lab .pl-pipe h4, .pipe-lab .pl-part { margin: 0; font-size: 1em; font-weight: 600; }
.pipe-lab .pl-ends { display: flex; flex-direction: column; }
.pipe-lab .pl-ends > :last-child, .pipe-lab .pl-back > :first-child { text-align: right; }
.pipe-lab .pl-back > :last-child { text-align: left; }
.pipe-lab .pl-tube { position: relative; display: flex; flex-direction: row-reverse; gap: 3px;
  height: 38px; padding: 3px 3px 9px; box-sizing: border-box; margin: 2px 0;
  background: var(--pl-soft); border: 2px solid var(--pl-ink); }
.pipe-lab .pl-tube.pl-back { flex-direction: row; }
.pipe-lab .pl-left { border-left: 0; } .pipe-lab .pl-right { border-right: 0; }
.pipe-lab .pl-fill { position: absolute; bottom: 0; right: 0; height: 5px;
  background: var(--pl-mark); }
.pipe-lab .pl-back .pl-fill { left: 0; right: auto; }
.pipe-lab .pl-bytes { font: 12px/20px var(--jp-code-font-family, monospace); white-space: pre;
  padding: 0 3px; border: 1px solid var(--pl-ink); border-radius: 3px; min-width: 1px;
  overflow: hidden; background: var(--jp-layout-color2, #eee); color: var(--pl-ink);
  text-decoration: none; }
.pipe-lab .pl-bytes.pl-odd { background: var(--pl-ink); color: var(--pl-soft); }
.pipe-lab .pl-bytes.pl-was-read { background: transparent; border-style: dashed;
  text-decoration: line-through; }
.pipe-lab .pl-more { line-height: 22px; white-space: nowrap; }
.pipe-lab .pl-about { min-height: 72px; }
.pipe-lab .pl-out { height: 26px; display: flex; gap: 3px; align-items: center;
  white-space: nowrap; overflow: hidden; }
.pipe-lab .pl-out b { color: var(--pl-error); }
.pipe-lab .pl-out .pl-bytes { border: 1px dashed var(--pl-error); background: transparent;
  color: var(--pl-ink); }
.pipe-lab .pl-said { border-left: 5px solid var(--pl-mark); padding-left: .6em; height: 72px;
  overflow: auto; margin-bottom: 8px; }
.pipe-lab .pl-said ul { color: var(--jp-ui-font-color2, #616161); }
.pipe-lab .pl-task { min-height: 38px; }
.pipe-lab .pl-time-box { direction: rtl; overflow-x: scroll; padding: 2px 0;
  margin-bottom: 6px;
  scrollbar-width: thin; }
.pipe-lab .pl-time { direction: ltr; display: grid; gap: 4px 0; width: max-content;
  min-width: 100%; align-items: center; justify-content: start; }
.pipe-lab .pl-who { grid-column: 1; padding-right: .6em; font-weight: 600; position: sticky;
  left: 0; z-index: 1; background: var(--jp-layout-color0, #fff); height: 38px; line-height: 38px; }
.pipe-lab .pl-call { border: 1.5px solid var(--pl-ink); border-radius: 4px; padding: 0 5px;
  text-align: center; background: var(--pl-soft); font-size: 12px; line-height: 16px;
  white-space: nowrap; min-width: 3em; height: 38px; box-sizing: border-box; align-content: center;
}
.pipe-lab pre.pl-scroll { color: inherit; margin: .4em 0 .8em; padding: 6px 10px;
  border: 1px solid var(--pl-line); border-radius: 4px; background: var(--pl-soft);
  overflow-x: auto; }
.pipe-lab .pl-lines { white-space: pre-line; }
.pipe-lab .pl-call span { display: block; width: max-content; margin: auto; padding: 0 3px;
  background: var(--pl-soft); }
.pipe-lab .pl-call.pl-waited { background: repeating-linear-gradient(135deg,
  var(--pl-soft) 0 5px, var(--pl-line) 5px 7px); }
.pipe-lab .pl-call.pl-endless { border-right-style: dotted; border-right-width: 4px; }
.pipe-lab .pl-call.pl-failed { border-style: double; border-width: 4px; line-height: 15px; }
@container (max-width: 640px) {
  .pipe-lab .pl-columns { flex-direction: column; }
  .pipe-lab .pl-columns > * { flex: none; }
  .pipe-lab .pl-row { flex-wrap: wrap; }
}
@media (prefers-reduced-motion: no-preference) {
  .pipe-lab .pl-out { animation: pl-fall .5s ease-in; }
}
</style>"""
_SHOWN = 3  # writes of which the bytes are shown in the pipe


def process(seen):
    """A process: who it is, how it is, what it has open, what its last call has returned."""
    if seen.blocked:
        # The browser counts on by itself from there: nobody else is kept awake by that.
        state = (f'<span class="pl-state"><b class="pl-blocked">blocked in {seen.call}</b>, asleep '
                 f'<span class="pl-clock" style="--pl-from: -{seen.seconds:.1f}s"></span></span>')
        woken = ", ".join(seen.woken_by) or "nobody now: press cancel"
        last = ("to wake it", _line(woken))
    else:
        words = _text(seen.state.partition(" for ")[0])
        state, last = f'<span class="pl-state">{words}</span>', ("last result", _line(seen.result))
    pipes = sum(action == "open" for action, _ in seen.reasons)
    held = [*seen.held.split("; "), ""][:pipes]  # as many lines as can be needed
    lines = [*zip(["descriptors", ""], map(_line, held)), last]
    if seen.received is not None:
        shown = _text(seen.received) or "nothing yet"
        lines.append(("received", f'<span class="pl-received pl-scroll" tabindex="0" role="group" '
                                  f'aria-label="what the {seen.name} received">{shown}</span>'))
    facts = "".join(f"<b>{name}</b> {line}" for name, line in lines)
    return (
        f'<div class="pl-head"><span>{_text(seen.name)}, pid {seen.pid}</span></div>'
        f'<div class="pl-facts"><b class="pl-hidden">state</b> {state}{facts}</div>'
    )


def _line(text):
    """Text in one line, its end left out if there is no room; the tooltip has all of it."""
    return f'<span title="{_text(text)}">{_text(text)}</span>'


def pipes(all_seen):
    """The pipes: which ends are open, and which bytes wait of how many they can hold."""
    return "".join(map(_pipe, all_seen))


def _pipe(seen):
    back = " pl-back" if seen.name == "answers" else ""
    arrow = "←" if back else "→"
    ends = [f"write end: {seen.write_end}", f"read end: {seen.read_end}"]
    is_open = [seen.write_open, seen.read_open]
    left, right = is_open[::-1] if back else is_open
    sides = " pl-left" * left + " pl-right" * right
    share = 100 * seen.waiting / (seen.size or 65536) if seen.waiting else 0
    fill = f'<div class="pl-fill" style="width: {max(1, min(100, share)):.1f}%"></div>'
    words = "; ".join([seen.text, *(piece.text for piece in seen.pieces or ())])
    lost = (f'<div class="pl-out"><b>↓ {seen.count_lost} lost</b>'
            f"{_bytes(seen.lost, 12, torn=False)}</div>")
    return (
        f'<div class="pl-pipe"><h4>{_text(seen.name)} {arrow}</h4><div class="pl-ends{back}">'
        + "".join(map(_line, ends))
        + f'</div><div class="pl-tube{back}{sides}" role="img" aria-label="{_text(words)}">'
        f"{_bytes(seen.pieces or ())}{fill if share else ''}</div>"
        f'<div class="pl-about">{lost if seen.lost else ""}<p>{_text(seen.text)}</p></div></div>'
    )


def _bytes(pieces, letters=24, torn=True):
    """Some of the letters in a pipe, of each write apart.

    torn: struck out, too, what has been read of the first.
    """
    shown, rest = pieces[:_SHOWN], len(pieces) - _SHOWN
    share = letters // max(1, len(shown))
    free = sum(max(0, share - len(piece.text)) for piece in shown)
    most = share + free // max(1, sum(len(piece.text) > share for piece in shown))
    parts = []
    for number, piece in enumerate(shown):
        if torn and piece.begin and not number:
            parts.append(f'<s class="pl-bytes pl-was-read" title="read already: '
                         f'{_text(piece.read)}">{_text(shortened(piece.read, 6))}</s>')
        odd = " pl-odd" * (piece.number % 2)  # a message keeps its look while others are read
        parts.append(f'<span class="pl-bytes{odd}" title="{_text(piece.text)}">'
                     f"{_text(piece.short(most))}</span>")
    if rest > 0:
        parts.append(f'<span class="pl-more">+ {rest}</span>')
    return "".join(parts)


def said(news, older):
    """What has just happened, told to screen readers, too, and what happened before it."""
    now = "".join(f"<div>{_text(line)}</div>" for line in news)
    before = "".join(f"<li>{_text(line)}</li>" for line in older)
    return (
        '<div class="pl-said pl-scroll" tabindex="0" role="group" '
        'aria-label="what happened, the latest first">'
        f'<div role="status" aria-live="polite">{now}</div><ul>{before}</ul></div>'
    )


def timeline(calls, names):
    """The last calls as a picture: a row for each process, a box from entering to leaving."""
    events = [(call.entered, 1, number) for number, call in enumerate(calls)]
    events += [(math.inf if call.left is None else call.left, 0, number)
               for number, call in enumerate(calls)]
    columns, widths, before = {}, [], None
    for column, (time, entering, number) in enumerate(sorted(events), 2):
        columns[number, entering] = column
        if before is not None:  # wider by the logarithm of the time that passed
            passed = min(max(1, (time - before) / 1e6), 1e5)
            widths.append(f"minmax({10 + 12 * math.log10(passed):.0f}px, auto)")
        before = time
    widths.append("minmax(10px, auto)")
    end = len(events) + 2
    boxes = []
    for number, call in enumerate(calls):
        if call.role in names:
            last = end if call.left is None else columns[number, 0]
            boxes.append(_box(call, names.index(call.role) + 1, columns[number, 1], last))
    rows = "".join(f'<div class="pl-who" style="grid-row: {row}">{_text(name)}</div>'
                   for row, name in enumerate(names, 1))
    return (
        '<div class="pl-part">The last calls: time passes to the right, not to scale; '
        "striped: it waited</div>"
        '<div class="pl-time-box pl-scroll" tabindex="0" role="group" aria-label="timeline">'
        f'<div class="pl-time" style="grid-template-columns: max-content {" ".join(widths)}">'
        f'{rows}{"".join(boxes)}</div></div>'
    )


def _box(call, row, first, last):
    endless = call.left is None
    waited = not endless and call.waited >= 1
    classes = "pl-call" + " pl-waited" * (waited or endless) + " pl-endless" * endless
    classes += " pl-failed" * bool(call.error)
    what = f"open {call.args[0]} {flags_text(call.args[1])}" if call.name == "open" else call.name
    result = call.label or call.result_text
    if waited:
        result += f", after {duration(call.waited)}"
    text = "".join(f"<span>{_text(line)}</span>" for line in (what, result))
    place = f"grid-row: {row}; grid-column: {first} / {last}"
    return f'<div class="{classes}" style="{place}">{text}</div>'


def challenge(chosen, number, met, hint):
    """The chosen challenge: its task, whether it is done, and perhaps a hint."""
    state = "done" if number in met else "not done yet"
    more = f"<p><b>Hint:</b> {_text(chosen.hint)}</p>" if hint else ""
    return (f'<p class="pl-task"><b>{_text(chosen.title)}: {state}.</b> '
            f"{_text(chosen.task)}</p>{more}")


def python(text):
    """The programs that do what was pressed: each block between fences is one to copy."""
    parts = re.split(r"^```\w*$", text, flags=re.MULTILINE)
    shown = (f'<pre class="pl-scroll" tabindex="0">{_text(part.strip())}</pre>' if number % 2 else
             f'<div class="pl-lines">{_text(part.strip())}</div>'
             for number, part in enumerate(parts))
    return f'<div role="region" aria-label="as Python">{"".join(shown)}</div>'


def _text(value):
    return html.escape(str(value))
