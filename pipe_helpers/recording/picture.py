"""A drawing as what a notebook shows: a sharp, small PNG, and the same in words.

All lengths are inches of the picture as JupyterLab shows it, 96 pixels each.
"""
import base64
import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

_SHOWN = 96  # pixels of the page in an inch
_SHARPER = 2  # times that, for sharp letters on high-density screens


def new_figure(width=1, height=1):
    """An empty matplotlib Figure of that size, white, which leaves pyplot alone."""
    figure = Figure(figsize=(width, height), dpi=_SHARPER * _SHOWN, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def image_of(figure):
    """A drawn figure as an image of PIL."""
    figure.canvas.draw()
    size, pixels = figure.canvas.get_width_height(), figure.canvas.buffer_rgba()
    return Image.frombytes("RGBA", size, pixels).convert("RGB")


def mime_bundle(image, words, line=None):
    """What _repr_mimebundle_ returns for an image: the PNG, words as its alternative text.

    line: the text in its place, where no pictures are shown; by default words.
    """
    file = io.BytesIO()  # 64 colours look the same in a third of the bytes
    image.quantize(64, dither=Image.Dither.NONE).save(file, "png", optimize=True)
    png = base64.b64encode(file.getvalue()).decode()
    width, height = (round(length / _SHARPER) for length in image.size)
    data = {"image/png": png, "text/plain": words if line is None else line}
    return data, {"image/png": {"width": width, "height": height, "alt": words}}
