"""A drawing as what a notebook shows: a sharp, small PNG for any page, and the same in words.

All lengths are inches of the picture as JupyterLab shows it, 96 pixels each.

Nobody knows on which page a picture will stand, a light or a dark one, so it has no background.
All colours here are equally bright: 3 to 1 and more against white and against #1e1e1e, and
letters in INK on them 5 to 1 [WCAG 1.4.3, 1.4.11]. So lines and shapes stand on the page, and
letters only on a plate of one of these colours.
"""
import base64
import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from PIL import Image

_SHOWN = 96  # pixels of the page in an inch
_SHARPER = 2  # times that, for sharp letters on high-density screens

INK = "#ffffff"
BLUE, AMBER, GREEN, VIOLET, RED, GREY = (
    "#2870ba", "#a35c09", "#127e4a", "#8659b4", "#d32828", "#626f7c")
VEIL = GREY, 0.13  # a faint ground for what belongs together


def new_figure(width=1, height=1):
    """An empty matplotlib Figure of that size, transparent, which leaves pyplot alone."""
    figure = Figure(figsize=(width, height), dpi=_SHARPER * _SHOWN, facecolor="none")
    FigureCanvasAgg(figure)
    return figure


def whole(figure, width, height):
    """Axes without marks over a whole figure of that size; y grows downward, as reading does."""
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    return axes


def plate(x0, y0, x1, y1, colour=GREY, **style):
    """A rectangle with round corners, filled with a colour, for letters to stand on."""
    return FancyBboxPatch((x0, y0), x1 - x0, y1 - y0, boxstyle="round,pad=0,rounding_size=0.05",
                          **{"facecolor": colour, "linewidth": 0, **style})


def image_of(figure):
    """A drawn figure as an image of PIL."""
    figure.canvas.draw()
    size, pixels = figure.canvas.get_width_height(), figure.canvas.buffer_rgba()
    image = Image.frombytes("RGBA", size, pixels)
    FigureCanvasAgg(figure)  # in place of one that keeps its pixels, some MB
    return image


def mime_bundle(image, words, line=None):
    """What _repr_mimebundle_ returns for an image: the PNG, words as its alternative text.

    line: the text in its place, where no pictures are shown; by default words.
    """
    file = io.BytesIO()  # 128 colours look the same in a third of the bytes
    image.quantize(128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        file, "png", optimize=True)
    png = base64.b64encode(file.getvalue()).decode()
    width, height = (round(length / _SHARPER) for length in image.size)
    data = {"image/png": png, "text/plain": words if line is None else line}
    return data, {"image/png": {"width": width, "height": height, "alt": words}}
