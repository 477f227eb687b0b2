"""Every fact of facts.csv is shown by an executed cell, and every link leads somewhere.

A cell shows a fact if it carries the tag fact:ID. The reference lists the facts, each with a link
to the section or cell that shows it. A link to a heading is written as JupyterLab and nbconvert
name it: the text of the heading with hyphens for spaces. A link to a cell is #cell-id=ID, which
JupyterLab follows; elsewhere it leads to the notebook.
"""
import csv
import re
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from save_notebooks import NOTEBOOKS, chapters

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = NOTEBOOKS / "reference.ipynb"
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#{1,6}) +(.+?) *#*$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")

with open(ROOT / "tests" / "facts.csv", encoding="utf-8", newline="") as file:
    FACTS = {row["id"]: row for row in csv.DictReader(file)}


def read(path):
    """A notebook, or a Markdown file as one of a single cell."""
    if path.suffix == ".ipynb":
        return nbformat.read(path, as_version=4)
    return new_notebook(cells=[new_markdown_cell(path.read_text(encoding="utf-8"))])


def prose(cell):
    return FENCE.sub("", cell.source) if cell.cell_type == "markdown" else ""


def headings(cell):
    """(level, anchor) of each heading of a cell."""
    for marks, text in HEADING.findall(prose(cell)):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
        yield len(marks), re.sub(r"[`*]", "", text).replace(" ", "-")


def facts_of(cell):
    tags = cell.metadata.get("tags", []) if cell.cell_type == "code" else []
    return {tag.removeprefix("fact:") for tag in tags if tag.startswith("fact:")}


def cells_at(notebook, fragment):
    """The cells that a link with this fragment leads to; none if it leads nowhere.

    A heading, or the cell in which one stands, leads to its section.
    """
    cells, fragment = notebook.cells, unquote(fragment)
    if fragment.startswith("cell-id="):
        found = [cell for cell in cells if cell.get("id") == fragment.removeprefix("cell-id=")]
        first = next(headings(found[0]), None) if found else None
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


def links(notebook):
    return [link for cell in notebook.cells for link in LINK.findall(prose(cell))]


def followed(link, path):
    """(notebook, fragment) that a link on the page at path leads to, or a complaint."""
    name, _, fragment = link.partition("#")
    target = path.parent / unquote(name) if name else path
    if not target.exists():
        return f"{path.name}: {link}: there is no such file"
    if target.suffix not in (".ipynb", ".md"):
        return f"{path.name}: {link}: what has no headings" if fragment else (None, "")
    notebook = read(target)
    if fragment and not cells_at(notebook, fragment):
        return f"{path.name}: {link}: there is no such heading or cell"
    return notebook, fragment


def broken_links(path):
    own = [link for link in links(read(path)) if not re.match(r"https?:", link)]
    return [answer for answer in (followed(link, path) for link in own) if type(answer) is str]


def reference_rows():
    """(text, links, facts) of each line of the reference's tables."""
    rows = []
    for cell in read(REFERENCE).cells:
        for line in prose(cell).splitlines():
            columns = [column.strip() for column in line.strip("|").split(" | ")]
            if line.startswith("|") and len(columns) == 3 and LINK.search(columns[1]):
                facts = re.findall(r"`([^`]+)`", columns[2])
                rows.append((columns[0], LINK.findall(columns[1]), facts))
    return rows


# ---------------------------------------------------------------- facts


def test_every_fact_is_complete():
    for row in FACTS.values():
        assert all(row.values()) and row["scope"] in ("POSIX", "Linux", "Python"), row


def test_every_fact_is_shown_by_an_executed_cell():
    shown = {
        fact
        for path in chapters()
        for cell in read(path).cells
        for fact in facts_of(cell)
        if cell.execution_count
    }
    assert sorted(FACTS.keys() - shown) == []


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_every_fact_tag_names_a_fact(path):
    named = {fact for cell in read(path).cells for fact in facts_of(cell)}
    assert sorted(named - FACTS.keys()) == []


# ---------------------------------------------------------------- the reference


def test_the_reference_has_every_fact_and_no_other():
    named = {fact for _, _, facts in reference_rows() for fact in facts}
    assert named == set(FACTS)


def test_each_line_of_the_reference_leads_to_a_cell_that_shows_its_fact():
    wrong = []
    for text, targets, facts in reference_rows():
        shown = set()
        for target in targets:
            answer = followed(target, REFERENCE)
            if type(answer) is not str:
                shown.update(*map(facts_of, cells_at(*answer)))
        if not facts or set(facts) - shown:
            wrong.append((text, targets, facts))
    assert wrong == []


def test_each_line_of_the_reference_about_linux_alone_says_so():
    silent = [
        text
        for text, _, facts in reference_rows()
        if any(FACTS[fact]["scope"] == "Linux" for fact in facts) and "Linux" not in text
    ]
    assert silent == []


# ---------------------------------------------------------------- links


@pytest.mark.parametrize(
    "path", [*sorted(ROOT.glob("*.md")), *chapters()], ids=lambda path: path.stem
)
def test_every_link_leads_to_a_file_heading_or_cell(path):
    assert broken_links(path) == []


@pytest.mark.parametrize(
    "link",
    ["gone.ipynb", "page.ipynb#gone", "#gone", "page.ipynb#cell-id=gone", "notes.txt#a", "#a"],
)
def test_a_broken_link_is_noticed(tmp_path, link):
    source = f"# A\n\n```\n# a\n```\n\n[there]({link})"
    nbformat.write(new_notebook(cells=[new_markdown_cell(source)]), tmp_path / "page.ipynb")
    (tmp_path / "notes.txt").touch()
    assert len(broken_links(tmp_path / "page.ipynb")) == 1


@pytest.mark.parametrize(
    "link",
    [
        "page.ipynb",
        "notes.txt",
        "page.ipynb#Python's-files,-and-more",
        "#Python%27s-files,-and-more",
        "#cell-id=b",
        "https://example.org/gone",
    ],
)
def test_a_good_link_is_not_complained_of(tmp_path, link):
    text = f"# A\n\n## *Python's* files, and `more`\n\n[there]({link})"
    cells = [new_markdown_cell(text, id="a"), new_code_cell("1", id="b")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "page.ipynb")
    (tmp_path / "notes.txt").touch()
    assert broken_links(tmp_path / "page.ipynb") == []


def test_a_section_ends_at_the_next_heading_of_its_level():
    sources = "# A", "## B", "text", "### C", "## D", "## B"
    notebook = new_notebook(cells=[new_markdown_cell(source) for source in sources])
    assert [cell.source for cell in cells_at(notebook, "B")] == ["## B", "text", "### C"]
    assert [cell.source for cell in cells_at(notebook, "C")] == ["### C"]
    assert len(cells_at(notebook, "A")) == 6
