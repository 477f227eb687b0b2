"""The book as a whole: how long its pages are, and what they say of themselves."""
import re
import statistics
from pathlib import Path

import nbformat
import pytest
from minutes import code_cells, minutes, prose_of, stated, words
from save_notebooks import NOTEBOOKS

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
PAGES = CHAPTERS + sorted(NOTEBOOKS.glob("more/*.ipynb"))
OTHERS = [NOTEBOOKS / f"{name}.ipynb" for name in ("myths", "quiz", "reference", "tables")]


def read(path):
    return nbformat.read(path, as_version=4)


def name(path):
    return path.stem


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_page_is_for_one_sitting(path):
    notebook = read(path)
    assert words(prose_of(notebook)) <= 1300
    assert len(code_cells(notebook)) <= 36


@pytest.mark.parametrize("path", CHAPTERS, ids=name)
def test_a_chapter_takes_at_most_25_minutes(path):
    assert minutes(path) <= 25


@pytest.mark.parametrize("path", PAGES + OTHERS, ids=name)
def test_a_page_says_how_many_minutes_it_takes(path):
    assert stated(path) == minutes(path)


def test_the_readme_says_how_many_minutes_a_chapter_takes():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[[^]]+\]\(notebooks/(\S+)\) \| (\d+) \|", text, re.MULTILINE)
    assert [(file, int(said)) for file, said in rows] == [
        (path.name, minutes(path)) for path in CHAPTERS
    ]


MEASURING = {"12_how_fast"}  # a measurement is one cell


@pytest.mark.parametrize("path", [p for p in PAGES if name(p) not in MEASURING], ids=name)
def test_cells_are_short(path):
    lengths = sorted(len(cell.source.splitlines()) for cell in code_cells(read(path)))
    assert statistics.median(lengths) <= 4
    assert lengths[int(0.9 * (len(lengths) - 1))] <= 10
    assert lengths[-1] <= 20


# ---------------------------------------------------------------- the glossary

GLOSSARY = NOTEBOOKS / "glossary.ipynb"
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
ITALIC = re.compile(r"(?<![*\w])\*([^*\s](?:[^*\n]*[^*\s])?)\*(?![*\w])")
ROW = re.compile(
    r"^\| ([^|]+) \| ([^|]+) \| \[[^]]+\]\(([^)#]+)#cell-id=([\w-]+)\) \|$", re.MULTILINE)
# Terms that are also words of every day, and stand in their plain sense where they please.
EVERYDAY = {"end", "mode", "copy", "race", "signal", "flag", "stream", "frame", "buffer", "page"}


def prose_cells(path):
    """(number, text without code) of the Markdown cells of a page."""
    for number, cell in enumerate(read(path).cells):
        if cell.cell_type == "markdown":
            text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", cell.source))
            yield number, re.sub(r"\]\([^)]*\)", "]", text)


def entries():
    """{term: (path of the page that introduces it, id of the cell there)}."""
    rows = ROW.findall(prose_of(read(GLOSSARY)))
    return {term: (GLOSSARY.parent / page, cell) for term, _, page, cell in rows}


def italics():
    """(term, path, number of the cell) for each text in italics, in the order of the pages."""
    return [(term.lower(), path, number) for path in PAGES for number, text in prose_cells(path)
            for term in ITALIC.findall(text)]


def test_every_term_in_italics_is_so_once_and_stands_in_the_glossary():
    terms = [term for term, _, _ in italics()]
    assert sorted(terms) == sorted(entry.lower() for entry in entries())


def test_the_glossary_is_sorted_and_leads_to_where_a_term_is_introduced():
    found = entries()
    assert list(found) == sorted(found, key=str.lower)
    for term, path, number in italics():
        page, cell = {entry.lower(): where for entry, where in found.items()}[term]
        ids = [each.get("id") for each in read(page).cells]
        assert page.samefile(path) and cell in ids[number : number + 3], term


def test_no_chapter_uses_a_term_that_is_introduced_later():
    early = []
    for term, (page, _) in entries().items():
        word = re.compile(rf"\b{re.escape(term)}(s|es)?\b", re.IGNORECASE)
        for path in CHAPTERS if term.lower() not in EVERYDAY else []:
            needed = page.name in read(path).cells[0].source  # "It needs ... the page Other ways"
            if not needed and (page.parent.name == "more" or path.name < page.name):
                early += [f"{path.stem}: {term}, {number}" for number, text in prose_cells(path)
                          if word.search(text)]
    assert early == []
