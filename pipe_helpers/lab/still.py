"""The lab as a still picture, for places where its buttons can't work."""
from matplotlib.patches import Rectangle
from PIL import Image

from pipe_helpers.lab.stream import shortened
from pipe_helpers.recording.picture import BLUE, GREY, INK, image_of, new_figure, plate, whole
from pipe_helpers.recording.timeline import Timeline

_WIDTH, _LINE = 8.4, 0.19  # inches


def still(seen):
    """Return a `Seen` as an image of PIL."""
    pictures = [_picture(seen)]
    if seen.calls:
        pictures.append(image_of(Timeline(list(seen.calls)).figure))
    image = Image.new(
        "RGBA", (max(each.width for each in pictures), sum(each.height for each in pictures)))
    top = 0
    for each in pictures:
        image.paste(each, (0, top))
        top += each.height
    return image


def _picture(seen):
    kinds = [[each for each in seen.processes if each.kind == kind]
             for kind in ("writer", "reader")]
    rows = max(map(len, kinds))
    height = 0.25 + max(rows * 1.05, len(seen.pipes) * 1.05)
    figure = new_figure(_WIDTH, height)
    axes = whole(figure, _WIDTH, height)
    for x, processes in zip((0.12, _WIDTH - 2.37), kinds):
        for row, process in enumerate(processes):
            y = 0.12 + row * 1.05
            axes.add_patch(plate(x, y, x + 2.25, y + 0.9))
            lines = [process.name, process.state, process.held, process.result]
            for number, line in enumerate(lines):
                _write(axes, x + 0.12, y + 0.17 + number * _LINE, line, bold=number == 0)
    for row, pipe in enumerate(seen.pipes):
        _draw_pipe(axes, pipe, 2.75, 0.12 + row * 1.05, _WIDTH - 5.5)
    return image_of(figure)


def _draw_pipe(axes, pipe, x, y, width):
    back = pipe.name == "answers"
    middle = x + width / 2
    axes.add_patch(plate(x, y, x + width, y + 0.24))
    axes.add_patch(plate(x, y + 0.58, x + width, y + 0.98))
    _write(axes, middle, y + 0.12, f"{pipe.name} {'←' if back else '→'}", True, "center")
    axes.add_patch(Rectangle((x, y + 0.27), width, 0.28, facecolor="none", edgecolor=GREY))
    if pipe.waiting:
        part = width * max(0.03, min(1, pipe.waiting / (pipe.size or 65536)))
        start = x if back else x + width - part
        axes.add_patch(Rectangle((start, y + 0.27), part, 0.28, facecolor=BLUE, edgecolor=GREY))
    _write(axes, middle, y + 0.70, pipe.words, False, "center")
    ends = f"write end: {pipe.write_end} · read end: {pipe.read_end}"
    _write(axes, middle, y + 0.88, ends, False, "center", 7.5)


def _write(axes, x, y, text, bold=False, align="left", size=8.5):
    most = 36 if align == "left" else 50 if size > 8 else 56
    axes.text(x, y, shortened(text, most), fontsize=size,
              color=INK, ha=align, va="center", weight="bold" if bold else "normal",
              family="DejaVu Sans", parse_math=False)
