"""What the lab shows besides its controls, as HTML: processes, pipes, log, timeline.

All colours are JupyterLab's own, so that both of its themes have the contrast they promise; the
values after the commas are for other places. Nothing is told by colour alone.
"""
import html
import math
import re

from pipe_helpers.recording.calls import duration, flags_text

STYLE = """<style>
.pipe-lab, .pipe-lab .widget-html-content {
  color: var(--jp-content-font-color1, #212121); line-height: 1.4; }
.pipe-lab { --pl-line: var(--jp-border-color0, #bdbdbd);
  --pl-ink: var(--jp-ui-font-color1, #212121); --pl-soft: var(--jp-layout-color1, #fff);
  --pl-mark: var(--jp-brand-color1, #1976d2);
  border: 1px solid var(--pl-line); border-radius: 6px; padding: 10px; max-width: 1080px;
  overflow: visible; background: var(--jp-layout-color0, #fff); }
.pipe-lab p, .pipe-lab ol { margin: 0; }
.pipe-lab .widget-html, .pipe-lab .widget-html-content { height: auto; margin-block: 2px; }
.pipe-lab .widget-html { max-width: 100%; }
.pipe-lab .widget-html-content { overflow-wrap: break-word; width: 100%; }
.pipe-lab .widget-box, .pipe-lab .jupyter-widgets { overflow: visible; }
.pipe-lab .pl-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
.pipe-lab .pl-style { display: none; }
.pipe-lab button.jupyter-button { color: var(--pl-ink); border: 1px solid var(--pl-ink);
  border-radius: 4px; background: var(--jp-layout-color2, #eee); padding: 0 10px; }
.pipe-lab button.jupyter-button:disabled { opacity: 1; border: 1px dashed var(--pl-line);
  background: transparent; cursor: not-allowed; color: var(--jp-ui-font-color2, #616161); }
.pipe-lab .jupyter-widgets select { appearance: auto; background-image: none; }
.pipe-lab :is(button, input, select, .pl-scroll):focus-visible {
  outline: 3px solid var(--pl-mark); outline-offset: 2px; }
.pipe-lab .pl-panel { border: 1px solid var(--pl-line); border-radius: 6px; padding: 8px;
  background: var(--pl-soft); }
.pipe-lab .pl-head { font-size: 1.1em; font-weight: 600; }
.pipe-lab .pl-facts { display: grid; grid-template-columns: max-content minmax(0, 1fr);
  gap: 0 .8em; }
.pipe-lab .pl-facts b { font-weight: 400; color: var(--jp-ui-font-color2, #616161); }
.pipe-lab .pl-blocked { font-weight: 700; padding-left: .5em;
  border-left: 5px dashed var(--pl-ink); }
.pipe-lab .pl-pipe { margin-bottom: .8em; }
.pipe-lab .pl-pipe h4, .pipe-lab .pl-part { margin: 0 0 .2em; font-size: 1em; font-weight: 600; }
.pipe-lab .pl-ends { display: flex; flex-wrap: wrap; justify-content: space-between;
  gap: 0 1.5em; }
.pipe-lab .pl-back { flex-direction: row-reverse; }
.pipe-lab .pl-tube { display: flex; height: 26px; margin: .2em 0; background: var(--pl-soft);
  border: 2px solid var(--pl-ink); justify-content: flex-end; }
.pipe-lab .pl-tube.pl-back { flex-direction: row; justify-content: flex-start; }
.pipe-lab .pl-left { border-left: 0; } .pipe-lab .pl-right { border-right: 0; }
.pipe-lab .pl-fill { background: repeating-linear-gradient(90deg, var(--pl-mark) 0 6px,
  transparent 6px 8px); }
.pipe-lab .pl-status { border-left: 5px solid var(--pl-mark); padding-left: .6em;
  min-height: 2.8em; }
.pipe-lab .pl-scroll { overflow-x: auto; padding: 3px; }
.pipe-lab pre.pl-scroll { color: inherit; margin: .4em 0 .8em; padding: 6px 10px;
  border: 1px solid var(--pl-line); border-radius: 4px; background: var(--pl-soft); }
.pipe-lab .pl-lines { white-space: pre-line; }
.pipe-lab .pl-log { max-height: 9.8em; overflow-y: auto; padding-left: 2.6em; }
.pipe-lab .pl-time { display: grid; gap: 4px 0; width: max-content; align-items: center; }
.pipe-lab .pl-who { grid-column: 1; padding-right: .8em; font-weight: 600; position: sticky;
  left: 0; background: var(--jp-layout-color0, #fff); }
.pipe-lab .pl-call { border: 1.5px solid var(--pl-ink); border-radius: 4px; padding: 1px 6px;
  text-align: center; background: var(--pl-soft); font-size: .92em; white-space: nowrap;
  min-width: 3em; box-sizing: border-box; }
.pipe-lab .pl-call span { display: block; width: max-content; margin: auto; padding: 0 3px;
  background: var(--pl-soft); }
.pipe-lab .pl-call.pl-waited { background: repeating-linear-gradient(135deg,
  var(--pl-soft) 0 5px, var(--pl-line) 5px 7px); }
.pipe-lab .pl-call.pl-endless { border-right-style: dotted; border-right-width: 4px; }
.pipe-lab .pl-call.pl-failed { border-style: double; border-width: 4px; }
</style>"""


def process(seen):
    """A process: who it is, how it is, what it has open, what its last call has returned."""
    blocked = ' class="pl-blocked"' if seen.blocked else ""
    return (
        f'<div class="pl-head">{_text(seen.name)}, pid {seen.pid}</div><div class="pl-facts">'
        f"<b>state</b> <span{blocked}>{_text(seen.state)}</span>"
        f"<b>descriptors</b> <span>{_text(seen.held)}</span>"
        f"<b>last result</b> <span>{_text(seen.result)}</span></div>"
    )


def pipes(all_seen):
    """The pipes: which ends are open, and how many bytes wait of how many they can hold."""
    return "".join(map(_pipe, all_seen))


def _pipe(seen):
    back = " pl-back" if seen.name == "answers" else ""
    arrow = "←" if back else "→"
    ends = [("write end", seen.write_end), ("read end", seen.read_end)]
    is_open = [seen.write_open, seen.read_open]
    left, right = is_open[::-1] if back else is_open
    sides = " pl-left" * left + " pl-right" * right
    share = 100 * seen.waiting / (seen.size or 65536) if seen.waiting else 0
    fill = f'<div class="pl-fill" style="width: {max(3, min(100, share)):.1f}%"></div>'
    return (
        f'<div class="pl-pipe"><h4>{_text(seen.name)} {arrow}</h4><div class="pl-ends{back}">'
        + "".join(f"<span>{name}: {_text(end)}</span>" for name, end in ends)
        + f'</div><div class="pl-tube{back}{sides}" role="img" aria-label="{_text(seen.text)}">'
        f"{fill if share else ''}</div><p>{_text(seen.text)}</p></div>"
    )


def status(text):
    """The line that tells what has just happened, to screen readers, too."""
    return f'<div class="pl-status" role="status" aria-live="polite">{_text(text)}</div>'


def log(lines, first):
    """The log, the last line first; first: the number of the first of lines."""
    items = "".join(f"<li>{_text(line)}</li>" for line in reversed(lines))
    last = first + len(lines) - 1
    return (
        '<div class="pl-part">What happened, the latest first</div>'
        + (f'<ol class="pl-log pl-scroll" tabindex="0" reversed start="{last}">{items}</ol>'
           if lines else "<p>nothing yet: let a process open the pipe</p>")
    )


def timeline(calls, names):
    """The last calls as a picture: a row for each process, a box from entering to leaving."""
    if not calls:
        return ""
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
        "hatched: it waited</div>"
        '<div class="pl-scroll" tabindex="0" role="group" aria-label="timeline">'
        f'<div class="pl-time" style="grid-template-columns: max-content {" ".join(widths)}">'
        f'{rows}{"".join(boxes)}</div></div>'
    )


def _box(call, row, first, last):
    endless = call.left is None
    waited = not endless and call.waited >= 1
    classes = "pl-call" + " pl-waited" * (waited or endless) + " pl-endless" * endless
    classes += " pl-failed" * bool(call.error)
    lines = [call.name]
    if call.name == "open":
        lines[0] = f"open {call.args[0]}"
        lines.append(flags_text(call.args[1]))
    lines.append(call.label or call.result_text)
    if waited:
        lines.append(f"after {duration(call.waited)}")
    text = "".join(f"<span>{_text(line)}</span>" for line in lines)
    place = f"grid-row: {row}; grid-column: {first} / {last}"
    return f'<div class="{classes}" style="{place}">{text}</div>'


def challenge(chosen, number, met, count, hint):
    """The chosen challenge: its task, whether it is done, how many are, and perhaps a hint."""
    state = "done" if number in met else "not done yet"
    more = f"<p><b>Hint:</b> {_text(chosen.hint)}</p>" if hint else ""
    return (
        f"<p><b>{number + 1}. {_text(chosen.title)}: {state}.</b> {_text(chosen.task)}</p>{more}"
        f"<p>{len(met)} of {count} challenges done</p>"
    )


def python(text):
    """The programs that do what was pressed: each block between fences is one to copy."""
    parts = re.split(r"^```\w*$", text, flags=re.MULTILINE)
    shown = (f'<pre class="pl-scroll" tabindex="0">{_text(part.strip())}</pre>' if number % 2 else
             f'<div class="pl-lines">{_text(part.strip())}</div>'
             for number, part in enumerate(parts))
    return f'<div role="region" aria-label="as Python">{"".join(shown)}</div>'


def _text(value):
    return html.escape(str(value))
