"""One page that tells what has been done in which chapter, and where to go on."""
import html
import json
from dataclasses import dataclass, field

from pipe_helpers import exercises
from pipe_helpers.chapters import copy
from pipe_helpers.lab.challenges import CHALLENGES
from pipe_helpers.remembering import notes

NOTEBOOKS = copy.KIT / "notebooks"
_CODE = "from pipe_helpers.chapters.progress import progress_page\n\nprogress_page()"
_LEFT = 'style="text-align: left"'
_KINDS = {"questions": "answered", "exercises": "solved", "challenges": "done"}


@dataclass
class Chapter:
    """A chapter or a page, and what of it has been done.

    name: that of its notebook, below the notebooks and without its end. all, done: for each of
    "questions", "exercises" and "challenges" a set of their names. right: how many questions
    were answered right, counting the first answer.
    """

    name: str
    title: str
    all: dict = field(default_factory=dict)
    done: dict = field(default_factory=dict)
    right: int = 0

    @property
    def begun(self):
        return any(self.done.values())

    @property
    def open(self):
        return self.all != self.done

    @property
    def link(self):
        return f"{self.name}.ipynb"

    def text_of(self, kind):
        """As in "2 of 4, 1 right"; "" where there is none of the kind."""
        if not self.all[kind]:
            return ""
        right = f", {self.right} right" if kind == "questions" and self.done[kind] else ""
        return f"{len(self.done[kind])} of {len(self.all[kind])}{right}"


class progress_page:
    """Show what has been done in each chapter: `progress_page()` as the last line of a cell.

    chapters: a list of `Chapter`: all the chapters in order, then the pages beside them that have
    an exercise, or on which something has been done. next: the one to continue with, or None if
    all is done. begun: whether anything has been done. Its links are for a notebook in the folder
    of the chapters. Raises FileNotFoundError if the kit was not installed from its clone.
    """

    def __init__(self):
        noted = {kind: notes.noted(note) for kind, note in _KINDS.items()}
        paths = copy.chapters(NOTEBOOKS.parent).values()
        every = [_chapter(path, noted) for folder in (NOTEBOOKS, NOTEBOOKS / "more")
                 for path in paths if path.parent == folder]
        main = [chapter for chapter in every if chapter.name[:1].isdigit()]
        beside = [chapter for chapter in every if chapter not in main
                  and (chapter.begun or chapter.all["exercises"])]
        self.chapters, self.next = main + beside, _next(main) or _next(beside)
        self.begun = any(chapter.begun for chapter in self.chapters)

    def __repr__(self):
        width = max(len(chapter.title) for chapter in self.chapters)
        lines = [self._where().format(self.next and self.next.title)]
        for chapter in self.chapters:
            parts = [f"{kind} {chapter.text_of(kind)}" for kind in _KINDS if chapter.all[kind]]
            lines.append(f"  {chapter.title:<{width}}  {'; '.join(parts)}".rstrip())
        return "\n".join(lines)

    def _repr_html_(self):
        heads = "".join(f"<th {_LEFT}>{head}</th>" for head in ("chapter", *_KINDS))
        rows = []
        for chapter in self.chapters:
            texts = "".join(f"<td {_LEFT}>{chapter.text_of(kind)}</td>" for kind in _KINDS)
            rows.append(f"<tr><td {_LEFT}>{_link(chapter)}</td>{texts}</tr>")
        where = self._where().format(self.next and f"<strong>{_link(self.next)}</strong>")
        return "\n".join([f"<p>{where}</p>", "<table>", f"<thead><tr>{heads}</tr></thead>",
                          "<tbody>", *rows, "</tbody>", "</table>",
                          "<p>right: the first answer was the right one</p>"])

    def _where(self):
        if self.next is None:
            return "All is done."
        return "Continue here: {}" if self.begun else "Begin here: {}"


def notebook_of(page):
    """A notebook, as a dict for JSON, whose one code cell shows a `progress_page`, as it is now."""
    about = "# What you have done\n\nRun the cell below to see it as it is now."
    return {
        "cells": [
            {"cell_type": "markdown", "id": "about", "metadata": {}, "source": about},
            {"cell_type": "code", "id": "progress", "metadata": {}, "source": _CODE,
             "execution_count": 1, "outputs": [{
                 "output_type": "execute_result", "execution_count": 1, "metadata": {},
                 "data": {"text/html": page._repr_html_(), "text/plain": repr(page)}}]},
        ],
        "metadata": {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python",
                                    "name": "python3"}},
        "nbformat": 4, "nbformat_minor": 5,
    }


def _chapter(path, noted):
    name = path.relative_to(NOTEBOOKS).with_suffix("").as_posix()
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    title = "".join(cells[0]["source"]).splitlines()[0].removeprefix("# ")
    chapter = Chapter(name, title)
    chapter.all = {"questions": _questions(path.stem), "exercises": _exercises(name),
                   "challenges": _challenges(path.stem)}
    chapter.done = {kind: names & noted[kind].keys() for kind, names in chapter.all.items()}
    chapter.right = sum(noted["questions"][question].split()[1:] == ["right"]
                        for question in chapter.done["questions"])
    return chapter


def _questions(stem):
    try:
        text = (NOTEBOOKS / "questions" / f"{stem}.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return set()
    return {f"{stem}.{number + 1}" for number in range(len(json.loads(text)))}


def _exercises(name):
    return {exercise for exercise, (chapter, _) in exercises.EXERCISES.items()
            if exercises.CHAPTERS[chapter] == name}


def _challenges(stem):
    return {challenge.name for challenge in CHALLENGES if challenge.chapter == stem}


def _next(chapters):
    """The first with something open, from the last on in which anything was done; or of all."""
    begun = [number for number, chapter in enumerate(chapters) if chapter.begun]
    last = begun[-1] if begun else 0
    return next((chapter for chapter in chapters[last:] + chapters[:last] if chapter.open), None)


def _link(chapter):
    return f'<a href="{chapter.link}">{html.escape(chapter.title)}</a>'
