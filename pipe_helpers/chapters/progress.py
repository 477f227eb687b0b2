"""What the page Practise tells: what has been done in which chapter, and where to go on."""
import html
import json
from dataclasses import dataclass, field

from pipe_helpers import exercises
from pipe_helpers.chapters import copy
from pipe_helpers.kit import NOTEBOOKS
from pipe_helpers.lab.challenges import CHALLENGES
from pipe_helpers.practising import record
from pipe_helpers.practising.rules import LEVELS, RULES
from pipe_helpers.remembering import notes

_CELL = "progress"  # in the page, the one that shows this
_LEFT = 'style="text-align: left"'
_KINDS = {"questions": "answered", "exercises": "solved", "challenges": "done"}
_NAMED = {"exercises": {name: name for name in exercises.EXERCISES},
          "challenges": {challenge.name: challenge.title for challenge in CHALLENGES}}


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

    def left_of(self, kind):
        """What is left to do of the "exercises" or "challenges": {name: title}, in order."""
        left = self.all[kind] - self.done[kind]
        return {name: title for name, title in _NAMED[kind].items() if name in left}

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
    all is done. practice: for each level of `practise` its title, and the titles of the rules that
    the learner is sure of, is unsure of, and was not asked for. begun: whether anything has been
    done. Its links are for a notebook in the folder of the chapters. Raises FileNotFoundError if
    the kit has no chapters.
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
        known = record.known()
        self.practice = [
            (f"level {level}: {title}", *(
                [RULES[rule].title for rule in rules if known.get(rule) is state]
                for state in (True, False, None)))
            for level, (title, rules) in LEVELS.items()]
        self.begun = bool(known) or any(chapter.begun for chapter in self.chapters)

    def __repr__(self):
        width = max(len(chapter.title) for chapter in self.chapters)
        lines = [self._where().format(self.next and self.next.title)]
        for chapter in self.chapters:
            parts = [f"{kind} {chapter.text_of(kind)}" for kind in _KINDS if chapter.all[kind]]
            lines.append(f"  {chapter.title:<{width}}  {'; '.join(parts)}".rstrip())
            left = [title for kind in _NAMED for title in chapter.left_of(kind).values()]
            lines += [f"  {'':<{width}}  left: {'; '.join(left)}"] * bool(left)
        lines.append("Problems:")
        for title, sure, unsure, new in self.practice:
            texts = [f"sure of {_listed(sure)}"] * bool(sure)
            texts += [f"unsure of {_listed(unsure)}"] * bool(unsure)
            texts += [f"{len(new)} rule{'s' * (len(new) != 1)} not asked yet"]
            lines.append(f"  {title}: {'; '.join(texts)}")
        return "\n".join(lines)

    def _repr_html_(self):
        heads = "".join(f"<th {_LEFT}>{head}</th>" for head in ("chapter", *_KINDS))
        rows = []
        for chapter in self.chapters:
            texts = "".join(f"<td {_LEFT}>{chapter.text_of(kind)}{_left(chapter, kind)}</td>"
                            for kind in _KINDS)
            rows.append(f"<tr><td {_LEFT}>{_link(chapter)}</td>{texts}</tr>")
        where = self._where().format(self.next and f"<strong>{_link(self.next)}</strong>")
        return "\n".join([f"<p>{where}</p>", "<table>", f"<thead><tr>{heads}</tr></thead>",
                          "<tbody>", *rows, "</tbody>", "</table>",
                          "<p>right: the first answer was the right one</p>",
                          self._practice_in_html()])

    def _practice_in_html(self):
        heads = "".join(f"<th {_LEFT}>{head}</th>" for head in (
            "problems", "you are sure of", "you are unsure of", "rules not asked yet"))
        rows = []
        for title, sure, unsure, new in self.practice:
            texts = title, _listed(sure), _listed(unsure), str(len(new))
            rows.append("<tr>" + "".join(f"<td {_LEFT}>{text}</td>" for text in texts) + "</tr>")
        return "\n".join(["<table>", f"<thead><tr>{heads}</tr></thead>", "<tbody>", *rows,
                          "</tbody>", "</table>"])

    def _where(self):
        if self.next is None:
            return "All is done."
        return "Continue here: {}" if self.begun else "Begin here: {}"


def notebook_of(page):
    """The notebook Practise as a dict for JSON, blank, but with a `progress_page` as it is now."""
    notebook = json.loads((NOTEBOOKS / copy.PROGRESS).read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"execution_count": None, "outputs": []}
        if cell["id"] == _CELL:
            cell |= {"execution_count": 1, "outputs": [{
                "output_type": "execute_result", "execution_count": 1, "metadata": {},
                "data": {"text/html": page._repr_html_(), "text/plain": repr(page)}}]}
    return notebook


def begun():
    """Whether anything has been done; False, too, if the kit has no chapters."""
    try:
        return progress_page().begun
    except OSError:
        return False


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


def _listed(titles):
    return ", ".join(titles)


def _left(chapter, kind):
    """What is left of a kind, as HTML; an exercise leads to its stub: a cell of the same name."""
    texts = [f'<a href="{chapter.link}#cell-id={name.replace("_", "-")}">{name}</a>'
             if kind == "exercises" else html.escape(title, quote=False)
             for name, title in (chapter.left_of(kind).items() if kind in _NAMED else ())]
    return f", left: {'; '.join(texts)}" if texts else ""


def _link(chapter):
    return f'<a href="{chapter.link}">{html.escape(chapter.title)}</a>'
