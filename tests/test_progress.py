"""The page of progress: what it counts, where it sends, whatever has been noted."""
import json
import re

import nbformat
import pytest

from pipe_helpers import exercises
from pipe_helpers.chapters import progress
from pipe_helpers.chapters.progress import NOTEBOOKS, notebook_of, progress_page
from pipe_helpers.lab.challenges import CHALLENGES
from pipe_helpers.practising.rules import LEVELS
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
            notes.keep(note, name, "1 right")


def test_it_lists_all_chapters_in_order_and_begins_with_the_first():
    page = progress_page()
    names = [chapter.name for chapter in page.chapters]
    chapters = sorted(path.stem for path in NOTEBOOKS.glob("[0-9]*.ipynb"))
    pages = sorted(name for name in exercises.CHAPTERS.values() if name.startswith("more/"))
    assert names == [*chapters, *pages]
    assert repr(page).startswith("Begin here: Start here\n") and not page.begun


def test_it_counts_what_is_done_and_right_answers():
    before = row("mkfifo")
    assert re.fullmatch(r"questions 0 of \d+; exercises 0 of 1.*", before)
    notes.keep("answered", "02_mkfifo.1", "2 right")
    notes.keep("answered", "02_mkfifo.2", "1 wrong")
    notes.keep("solved", "make_pipe")
    assert row("mkfifo").startswith("questions 2 of 3, 1 right; exercises 1 of 1")


def test_a_page_beside_the_chapters_is_there_once_something_was_done_on_it():
    notes.keep("answered", "asyncio.1", "3 wrong")
    assert row("asyncio") == "questions 1 of 4, 0 right"
    assert "more/asyncio.ipynb" in progress_page()._repr_html_()


def test_challenges_count_for_the_chapter_that_they_name(monkeypatch):
    class Challenge:
        name, chapter = "wake", "03_open"

    monkeypatch.setattr(progress, "CHALLENGES", [Challenge])
    assert row("open").endswith("challenges 0 of 1")
    notes.keep("done", "wake")
    assert row("open").endswith("challenges 1 of 1")


def test_it_names_the_exercises_and_challenges_that_are_left_and_leads_to_the_exercises():
    page = progress_page()
    named = {title for chapter in page.chapters for kind in ("exercises", "challenges")
             for title in chapter.left_of(kind).values()}
    assert named == {*exercises.EXERCISES, *(challenge.title for challenge in CHALLENGES)}
    assert "left: try_open_writer; make open block, and free it; get ENXIO\n" in repr(page)
    assert "0 of 2, left: make open block, and free it; get ENXIO</td>" in page._repr_html_()
    for kind, name in (("solved", "try_open_writer"), ("done", "enxio")):
        notes.keep(kind, name)
    assert "  left: make open block, and free it\n" in repr(progress_page())
    do_all(page.chapters[3])
    assert ">try_open_writer<" not in progress_page()._repr_html_()


def test_it_continues_where_something_is_open_from_the_last_chapter_begun_on():
    def next_of():
        return re.match("Continue here: (.*)", repr(progress_page()))[1]

    notes.keep("answered", "03_open.1", "1 right")
    assert next_of() == "open"
    do_all(progress_page().chapters[3])
    assert next_of() == "write"
    pages = [chapter for chapter in progress_page().chapters if chapter.name.startswith("more/")]
    for chapter in progress_page().chapters[4:-len(pages)]:
        do_all(chapter)
    assert next_of() == "Start here"  # it was left out
    for chapter in progress_page().chapters[:3]:
        do_all(chapter)
    assert next_of() == pages[0].title
    for chapter in progress_page().chapters:
        do_all(chapter)
    assert repr(progress_page()).startswith("All is done.\n")


def test_it_tells_the_rules_of_practice_by_level():
    line, = [line for line in repr(progress_page()).splitlines() if "level 1: open: " in line]
    assert line.endswith(f"open: {len(LEVELS[1][1])} rules not asked yet")
    for rule, text in (("open-waits", "wrong right right"), ("same-end", "right wrong")):
        notes.keep("practised", rule, text)
    page = progress_page()
    assert page.begun and page.next.title == "Start here"
    assert ("level 1: open: sure of an open that waits; unsure of two opens of the same end; "
            f"{len(LEVELS[1][1]) - 2} rules not asked yet") in repr(page)
    assert "<td style=\"text-align: left\">an open that waits</td>" in page._repr_html_()


@pytest.mark.parametrize("kind, name, text", [
    ("practised", "no-rule", "right right"),
    ("answered", "02_mkfifo.99", "1 right"), ("answered", "no_chapter.1", "1 right"),
    ("answered", "02_mkfifo", ""), ("solved", "no_exercise", ""), ("done", "<b>", ""),
])
def test_a_note_of_what_there_is_not_changes_nothing(kind, name, text):
    before = progress_page()._repr_html_()
    notes.keep(kind, name, text)
    assert progress_page()._repr_html_() == before


@pytest.mark.parametrize("text", ["", "right", "1", "\udcff", "1 right and more"])
def test_an_answer_noted_oddly_is_an_answer_and_not_right(state, text):
    (state / "02_mkfifo.1.answered").write_bytes(text.encode(errors="surrogateescape"))
    assert row("mkfifo").startswith("questions 1 of 3, 0 right")


def test_its_links_lead_to_notebooks():
    links = re.findall('href="([^"]+)"', progress_page()._repr_html_())
    assert len(links) == len(progress_page().chapters) + 1 + len(exercises.EXERCISES)
    for link in links:
        name, _, stub = link.partition("#cell-id=")
        sources = {cell.id: cell.source for cell in nbformat.read(NOTEBOOKS / name, 4).cells}
        assert not stub or f"def {stub.replace('-', '_')}(" in sources[stub]


def test_its_notebook_is_blank_but_for_the_page_that_its_cell_would_show(monkeypatch):
    notes.keep("solved", "messages")
    notebook = nbformat.reads(json.dumps(notebook_of(progress_page())), as_version=4)
    [cell] = [each for each in notebook.cells if each.get("outputs")]
    names = {}
    *imports, last = cell.source.splitlines()
    exec("\n".join(imports), names)
    page = eval(last, names)
    assert cell.outputs[0].data == {"text/html": page._repr_html_(), "text/plain": repr(page)}


def test_without_chapters_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(progress, "NOTEBOOKS", tmp_path)
    with pytest.raises(FileNotFoundError, match="no chapters .* clone it again"):
        progress_page()
