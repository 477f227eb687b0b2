"""Every link leads to a file, a heading or a cell, on every page, or has the form of a web address.

Here they are looked at where they are written: in chapters and pages, in what cells show (the
questions, Practise), in README, CONTRIBUTING and the teachers' pages. What becomes of them is for
test_site.py, where no page of the website is made whose links lead nowhere, and for test_paper.py.
"""
import nbformat
import pytest
from links import broken_links, cells_at
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from save_notebooks import NOTEBOOKS, chapters

ROOT = NOTEBOOKS.parent
MARKDOWN = [*ROOT.glob("*.md"), *ROOT.glob("classroom/*.md"), *NOTEBOOKS.rglob("*.md")]


@pytest.mark.parametrize("path", [*sorted(MARKDOWN), *chapters()],
                         ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path):
    assert broken_links(path) == []


GONE = ["gone.ipynb", "page.ipynb#gone", "#gone", "page.ipynb#cell-id=gone", "notes.txt#a", "#a",
        "notes.md#gone", "notes.md#Two-words", "gone.png", "/page.ipynb", ""]
NO_ADDRESS = ["http://example.org/", "https:/example.org", "https://example", "//example.org/",
              "htps://example.org/", "https://github.com/OWNER/NAME", "file:///etc/passwd"]
GOOD = ["page.ipynb", "notes.txt", "page.ipynb#Python's-files,-and-more", "#cell-id=b",
        "#Python%27s-files,-and-more", "notes.md", "notes.md#two-words-and-code",
        "https://example.org/gone", "https://mybinder.org/v2/gh/OWNER/NAME/HEAD?urlpath=lab"]


@pytest.fixture
def complaints(tmp_path):
    """A function that makes a page with a text and what a cell shows, and looks at its links."""
    (tmp_path / "notes.txt").touch()
    (tmp_path / "notes.md").write_text("# Notes\n\n## Two words, and `code`\n", encoding="utf-8")

    def made(text, shown=""):
        output = new_output("display_data", {"text/html": shown})
        cells = [new_markdown_cell(f"# A\n\n```\n# a\n```\n\n{text}", id="a"),
                 new_markdown_cell("## *Python's* files, and `more`"),
                 new_code_cell("1", id="b", outputs=[output])]
        nbformat.write(new_notebook(cells=cells), tmp_path / "page.ipynb")
        return broken_links(tmp_path / "page.ipynb")

    return made


@pytest.mark.parametrize("link", GONE + NO_ADDRESS)
def test_a_broken_link_is_noticed(complaints, link):
    assert len(complaints(f"[there]({link})")) == 1


@pytest.mark.parametrize("link", GOOD)
def test_a_good_link_is_not_complained_of(complaints, link):
    assert complaints(f"[there]({link}) and [`there`]({link})", f'<a href="{link}">there</a>') == []


@pytest.mark.parametrize("text", [
    "![there](gone.png)", "[there][x]\n\n[x]: gone.md", "<http://example.org/>",
    "<a href='gone.md'>there</a>", "<img src='gone.png'>", "| a |\n|---|\n| [there](gone.md) |",
    "<details>\n\n[there](gone.md)\n\n</details>", "[there](two words.md)", "[there][nowhere]"])
def test_a_broken_link_is_noticed_however_it_is_written(complaints, text):
    assert len(complaints(text)) == 1


def test_a_broken_link_is_noticed_in_what_a_cell_shows(complaints):
    assert len(complaints("", "<p>See <a href='page.ipynb#cell-id=gone'>there</a>.</p>")) == 1


def test_a_section_ends_at_the_next_heading_of_its_level():
    sources = "# A", "## B", "text", "### C", "## D", "## B"
    notebook = new_notebook(cells=[new_markdown_cell(source) for source in sources])
    assert [cell.source for cell in cells_at(notebook, "B")] == ["## B", "text", "### C"]
    assert [cell.source for cell in cells_at(notebook, "C")] == ["### C"]
    assert len(cells_at(notebook, "A")) == 6
