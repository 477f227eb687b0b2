"""The pages of the kit, and their cells as Markdown for pandoc, from what the notebooks store."""
import base64
import html
import json
import posixpath
import re
import struct
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
# GitHub's Markdown, as JupyterLab has it: no formulas, no :names: of pictures.
MARKDOWN = "gfm+attributes+fenced_divs-tex_math_dollars-tex_math_gfm-emoji-smart"
FENCE = "~~~~~~~~"
# In place of what JupyterLab says above a widget's still picture: pipe_helpers/showing/alive.py
ENDED = "kit-ended"
STILL = """<p>A still picture. In JupyterLab, on Binder or on your own machine, this cell has
buttons, and you go on from here.</p>"""


def names():
    """Return all pages but the live one, Practise, as README names them, relative to notebooks."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = dict.fromkeys(re.findall(r"\]\(notebooks/([^)*]+\.ipynb)\)", readme))
    return [name for name in found if name != "practise.ipynb"]


def is_chapter(name):
    """Tell whether a page is a chapter: its name begins with a number."""
    return name[:2].isdigit()


@dataclass
class Picture:
    """A PNG that a cell shows, and what it shows in words."""

    png: bytes
    words: str

    @property
    def size(self):
        """Width and height in its own pixels."""
        return struct.unpack(">II", self.png[16:24])

    def saved(self, folder, name, width):
        """Write it into pictures/ in a folder. Return HTML that shows it, width CSS pixels wide."""
        (folder / "pictures").mkdir(exist_ok=True)
        (folder / "pictures" / name).write_bytes(self.png)
        words = html.escape(self.words).replace("\n", "&#10;")
        return (f'<p class="picture"><img src="pictures/{name}" width="{width}" alt="{words}" />'
                "</p>")


class Html(str):
    """HTML that a cell shows."""


class Error(str):
    """The traceback of the error that ended a cell."""

    @property
    def message(self):
        """What went wrong, without where."""
        return self.rpartition("\n\n")[2]


@dataclass
class Cell:
    """A cell: Markdown in text, or a program in code, each "" if there is none.

    no_slide: it is only for who sits at the notebook: with a heading, all of its section.
    question: an object of a questions file, if the cell asks one, in which see is Markdown;
    number: which one it is.
    shown: its outputs, each a str, Html, Error or Picture.
    """

    id: str
    text: str = ""
    code: str = ""
    no_slide: bool = False
    question: dict = None
    number: int = 0
    shown: list = field(default_factory=list)


def cells(name, target):
    """Return the cells of a page, its links led to target(page, fragment): an address, or None.

    fragment: "" for a whole page, else the id of a cell, or a heading with hyphens for spaces.
    A link of which target knows nothing becomes its mere text.
    """
    stored = json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))["cells"]
    return [_cell(each, lambda text: _linked(text, name, target)) for each in stored]


def blocks(text):
    """Return the blocks of a Markdown text: headings, paragraphs, lists, tables, what is folded."""
    whole = r"^```.*?^```|^<details.*?</details>|(?:^[^\n]+(?:\n|\Z))+"
    return [found.strip() for found in re.findall(whole, text, re.MULTILINE | re.DOTALL)]


def heading(block):
    """Return (level, text) of a block that is a heading, else None."""
    found = re.fullmatch(r"(#+) (.+)", block)
    return found and (len(found[1]), found[2])


def fenced(text, attributes):
    """Return a text as a block of code."""
    return f"{FENCE} {{{attributes}}}\n{text}\n{FENCE}"


def plain(text):
    """Return a text of a questions file, which knows no tag but <code>, as Markdown."""
    return "".join(
        f"`{html.unescape(part[6:-7])}`" if part.startswith("<code>")
        else re.sub(r"([\\*_#\[\]<>`|~])", r"\\\1", html.unescape(part))
        for part in re.split("(<code>.*?</code>)", text))


def _cell(stored, linked):
    source, tags = "".join(stored["source"]), stored["metadata"].get("tags", [])
    if stored["cell_type"] == "markdown":
        return Cell(stored["id"], text=linked(source), no_slide="no-slide" in tags)
    shown = [each for output in stored["outputs"] if (each := _shown(output, linked))]
    if "question" not in tags:
        return Cell(stored["id"], code=source, shown=shown)
    chapter, number = re.search(r'predict\("(\w+)", (\d+)\)', source).groups()
    file = NOTEBOOKS / f"questions/{chapter}.json"
    question = json.loads(file.read_text(encoding="utf-8"))[int(number) - 1]
    if "see" in question:
        question["see"] = linked("[{}]({})".format(*question["see"]))
    return Cell(stored["id"], question=question, number=int(number), shown=shown)


def _shown(output, linked):
    if output["output_type"] == "stream":
        return "".join(output["text"]).rstrip()
    if output["output_type"] == "error":
        return Error(re.sub(r"\x1b\[[\d;]*m", "", "\n".join(output["traceback"])))
    data = {kind: "".join(value) for kind, value in output["data"].items()}
    if "text/html" in data:  # what alive.show adds for JupyterLab is a style and an empty box
        if ENDED in data["text/html"]:
            return Html(STILL)
        found = re.sub(r"<style>.*?</style>|<div[^>]*></div>", "", data["text/html"], flags=re.S)
        return Html(linked(found.strip()))
    if "image/png" in data:
        words = output["metadata"].get("image/png", {}).get("alt", data["text/plain"])
        return Picture(base64.b64decode(data["image/png"]), words)
    return data["text/plain"].rstrip()


def _linked(text, name, target):
    def moved(words, address, form):
        if re.match(r"[a-z]+:", address):
            return form.format(words, address)
        path, _, fragment = address.partition("#")
        page = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
        to = target(page, fragment.removeprefix("cell-id="))
        return form.format(words, to) if to else words

    text = re.sub(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)",
                  lambda found: moved(found[1], found[2], "[{}]({})"), text)
    return re.sub(r'<a href=(\\?")([^"\\]+)\\?">(.*?)</a>',
                  lambda found: moved(found[3], found[2], f"<a href={found[1]}{{1}}{found[1]}>"
                                      "{0}</a>"), text)
