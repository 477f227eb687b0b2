"""The page of progress: what it counts, where it sends, whatever has been noted."""
import re

import nbformat
import pytest

from pipe_helpers.chapters import progress
from pipe_helpers.chapters.progress import NOTEBOOKS, notebook_of, progress_page
from pipe_helpers.remembering import notes


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_STATE", str(tmp_path))
    return tmp_path


def row(title):
    """What the page tells of a chapter, in words."""
    row, = [line for line in repr(progress_page()).splitlines() if line.startswith(f"  {title} ")]
    return row.strip().removeprefix(title).strip()


def do_all(chapter):
    for kind, note in progress._KINDS.items():
        for name in chapter.all[kind]:
            notes.note(note, name, "1 right")


def test_it_lists_all_chapters_in_order_and_begins_with_the_first():
    page = progress_page()
    names = [chapter.name for chapter in page.chapters]
    chapters = sorted(path.stem for path in NOTEBOOKS.glob("[0-9]*.ipynb"))
    assert names == [*chapters, "more/a_reader_that_stays", "more/poll"]
    assert repr(page).startswith("Begin here: Start here\n") and not page.begun


def test_it_counts_what_is_done_and_right_answers():
    before = row("mkfifo")
    assert re.fullmatch(r"questions 0 of \d+; exercises 0 of 1.*", before)
    notes.note("answered", "02_mkfifo.1", "2 right")
    notes.note("answered", "02_mkfifo.2", "1 wrong")
    notes.note("solved", "make_pipe")
    assert row("mkfifo").startswith("questions 2 of 3, 1 right; exercises 1 of 1")


def test_a_page_beside_the_chapters_is_there_once_something_was_done_on_it():
    notes.note("answered", "asyncio.1", "3 wrong")
    assert row("asyncio") == "questions 1 of 2, 0 right"
    assert "more/asyncio.ipynb" in progress_page()._repr_html_()


def test_challenges_count_for_the_chapter_that_they_name(monkeypatch):
    class Challenge:
        name, chapter = "wake", "03_open"

    monkeypatch.setattr(progress, "CHALLENGES", [Challenge])
    assert row("open").endswith("challenges 0 of 1")
    notes.note("done", "wake")
    assert row("open").endswith("challenges 1 of 1")


def test_it_continues_where_something_is_open_from_the_last_chapter_begun_on():
    def next_of():
        return re.match("Continue here: (.*)", repr(progress_page()))[1]

    notes.note("answered", "03_open.1", "1 right")
    assert next_of() == "open"
    do_all(progress_page().chapters[3])
    assert next_of() == "write"
    for chapter in progress_page().chapters[4:10]:
        do_all(chapter)
    assert next_of() == "Start here"  # it was left out
    for chapter in progress_page().chapters[:3]:
        do_all(chapter)
    assert next_of() == "A reader that stays"
    for chapter in progress_page().chapters:
        do_all(chapter)
    assert repr(progress_page()).startswith("All is done.\n")


@pytest.mark.parametrize("kind, name, text", [
    ("answered", "02_mkfifo.99", "1 right"), ("answered", "no_chapter.1", "1 right"),
    ("answered", "02_mkfifo", ""), ("solved", "no_exercise", ""), ("done", "<b>", ""),
])
def test_a_note_of_what_there_is_not_changes_nothing(kind, name, text):
    before = progress_page()._repr_html_()
    notes.note(kind, name, text)
    assert progress_page()._repr_html_() == before


@pytest.mark.parametrize("text", ["", "right", "1", "\udcff", "1 right and more"])
def test_an_answer_noted_oddly_is_an_answer_and_not_right(state, text):
    (state / "02_mkfifo.1.answered").write_bytes(text.encode(errors="surrogateescape"))
    assert row("mkfifo").startswith("questions 1 of 3, 0 right")


def test_its_links_lead_to_notebooks():
    links = re.findall('href="([^"]+)"', progress_page()._repr_html_())
    assert len(links) == len(progress_page().chapters) + 1
    assert all((NOTEBOOKS / link).is_file() for link in links)


def test_its_notebook_is_one_and_shows_the_page_that_its_cell_would(monkeypatch):
    notes.note("solved", "messages")
    notebook = nbformat.from_dict(notebook_of(progress_page()))
    *_, cell = notebook.cells
    names = {}
    *imports, last = cell.source.splitlines()
    exec("\n".join(imports), names)
    page = eval(last, names)
    assert cell.outputs[0].data == {"text/html": page._repr_html_(), "text/plain": repr(page)}


def test_without_the_clone_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(progress, "NOTEBOOKS", tmp_path)
    with pytest.raises(FileNotFoundError, match="installed from its clone"):
        progress_page()
