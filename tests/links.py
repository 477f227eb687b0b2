"""Where the links of the kit's pages lead, and complaints about those that lead nowhere.

A page is a notebook or a Markdown file. A link to a heading of a notebook is written as JupyterLab
and nbconvert name it: its text with hyphens for spaces; of a Markdown file, as GitHub names it. A
link to a cell is #cell-id=ID, which JupyterLab follows; elsewhere it leads to the notebook.
"""
import re
from functools import cache
from html.parser import HTMLParser
from urllib.parse import unquote

import nbformat
from markdown_it import MarkdownIt  # comes with MyST-NB

# No web address is tried. Those of Binder have a place that is filled in where the kit lies; the
# last two pages are cited as they were found.
WEB = re.compile(r"https://(?!.*OWNER)[\w-]+(\.[\w-]+)+(/\S*)?"
                 r"|https://mybinder\.org/v2/gh/OWNER/NAME/HEAD\?\S+"
                 r"|http://(kodedevil\.com|www\.unix\.com)/\S+")


class Html(HTMLParser):
    """What stands in a text in HTML: links, pictures, ids, headings as [level, words], words."""

    def __init__(self, text):
        super().__init__()
        self.links, self.pictures, self.ids, self.headings, self.words = [], [], set(), [], ""
        self.inside = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        about = dict(attributes)
        self.ids.add(about.get("id"))
        if tag == "a" and "href" in about and "aria-hidden" not in about:  # pandoc: lines of code
            self.links.append(about["href"])
        if tag == "img":
            self.pictures.append(about["src"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append([int(tag[1]), ""])
        if tag in ("code", "script", "style") or re.fullmatch("h[1-6]", tag):
            self.inside.append(tag)

    def handle_endtag(self, tag):
        if tag in self.inside:
            self.inside.remove(tag)

    def handle_data(self, data):
        if any(tag.startswith("h") for tag in self.inside):
            self.headings[-1][1] += data
        if not set(self.inside) & {"code", "script", "style"}:
            self.words += data


@cache
def rendered(markdown):
    return Html(MarkdownIt("commonmark").enable("table").render(markdown))


@cache
def read(path):
    return nbformat.read(path, as_version=4)


def headings(cell):
    """(level, anchor) of each heading of a notebook's cell."""
    found = rendered(cell.source).headings if cell.cell_type == "markdown" else []
    return [(level, words.replace(" ", "-")) for level, words in found]


def cells_at(notebook, fragment):
    """The cells that a link with this fragment leads to; none if it leads nowhere.

    A heading, or the cell in which one stands, leads to its section.
    """
    cells, fragment = notebook.cells, unquote(fragment)
    if fragment.startswith("cell-id="):
        found = [cell for cell in cells if cell.get("id") == fragment.removeprefix("cell-id=")]
        first = next(iter(headings(found[0])), None) if found else None
        if first is None:
            return found
        fragment = first[1]
    section, inside = [], None
    for cell in cells:
        for level, anchor in headings(cell):
            if inside is None and anchor == fragment:
                inside = level
            elif inside is not None and level <= inside:
                return section
        if inside is not None:
            section.append(cell)
    return section


def on_github(words):
    """The anchor of a heading of a Markdown file."""
    return re.sub(r"[^\w -]", "", words.lower()).replace(" ", "-")


def followed(link, path):
    """(notebook or None, fragment) where a link on the page at path leads, or a complaint."""
    if re.match(r"[\w+.-]+:|/|$", link):  # a path from the root is one of this machine
        return (None, "") if WEB.fullmatch(link) else f"{path.name}: {link}: no such form is known"
    name, _, fragment = link.partition("#")
    target = path.parent / unquote(name) if name else path
    if not target.exists():
        return f"{path.name}: {link}: there is no such file"
    notebook = read(target) if target.suffix == ".ipynb" else None
    if fragment and target.suffix == ".md":
        found = rendered(target.read_text(encoding="utf-8")).headings
        there = unquote(fragment) in [on_github(words) for _, words in found]
    else:
        there = not fragment or notebook and cells_at(notebook, fragment)
    return (notebook, fragment) if there else f"{path.name}: {link}: no such heading or cell"


def texts(path):
    """Yield what a page says, a Html for each cell and each output in HTML."""
    if path.suffix == ".md":
        yield rendered(path.read_text(encoding="utf-8"))
        return
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            yield rendered(cell.source)
        for output in cell.get("outputs", []):
            yield Html(output.get("data", {}).get("text/html", ""))


def broken_links(path):
    """Complaints about a page's links: in its text, in HTML, in what its cells show."""
    complaints = []
    for text in texts(path):
        answers = [followed(link, path) for link in text.links + text.pictures]
        complaints += [answer for answer in answers if type(answer) is str]
        # Markdown shows a link that it does not understand as it is written.
        complaints += [f"{path.name}: {words}" for words in re.findall(r".*\][(\[].*", text.words)]
    return complaints
