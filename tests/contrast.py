"""What people can tell apart in a picture, wherever it stands."""
from matplotlib.colors import to_rgb

PAGES = ("#ffffff", "#111111", "#1e1e1e")  # light pages, JupyterLab's dark one, other dark ones


def contrast(one, two):
    """The contrast of two colours, from 1 to 21 [WCAG 2.2]."""
    dark, light = sorted(map(_brightness, (one, two)))
    return (light + 0.05) / (dark + 0.05)


def _brightness(colour):
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def unreadable(figure, image):
    """The texts of a drawn matplotlib figure, and its image, that not everybody can read.

    On any page, what is behind the letters and around them must be one opaque colour, which
    differs enough from that of the letters.
    """
    bad = []
    for text in figure.axes[0].texts:
        e = text.get_window_extent()
        box = round(e.x0), round(image.height - e.y1), round(e.x1), round(image.height - e.y0)
        pixels = image.crop(box)
        colours = pixels.getcolors(pixels.width * pixels.height)
        ground = max(colours, key=lambda each: each[0])[1]
        opaque = pixels.getextrema()[3][0] == 255
        inside = box[0] >= 0 and box[1] >= 0 and box[2] <= image.width and box[3] <= image.height
        differs = contrast([part / 255 for part in ground[:3]], text.get_color()) >= 4.5
        if not (opaque and inside and differs and text.get_fontsize() >= 9):
            bad.append(text.get_text())
    return bad
