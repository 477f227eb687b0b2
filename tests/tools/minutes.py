"""Print how long each page takes to read: python tests/tools/minutes.py

Prose is read as fast as it is read aloud, 130 words a minute, and code with care, 40 words a
minute, a word being what stands between two blanks. Of a question the reader reads all answers and
one feedback. The time that cells themselves take is a few seconds for a page, and is left out.
"""
import html
import json
import re
import sys
from pathlib import Path

import nbformat
from save_notebooks import NOTEBOOKS, chapters

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
STATED = re.compile(r"\btakes about (\d+) minutes")


def words(text):
    return len(text.split())


def prose_of(notebook):
    """The text of a notebook: Markdown cells, diagrams included, headings and tables, too."""
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def questions_of(path):
    """The questions of a page, from its file in questions/. A page without one has none."""
    file = NOTEBOOKS / "questions" / f"{path.stem}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else []


def question_words(question):
    texts = [question["question"], *(answer["answer"] for answer in question["answers"])]
    feedback = [words(answer["feedback"]) for answer in question["answers"]]
    plain = html.unescape(re.sub("<[^>]*>", "", " ".join(texts)))
    return words(plain) + sum(feedback) / len(feedback)


def minutes(path):
    """The minutes that the page at path takes to read, to the nearest five."""
    notebook = nbformat.read(path, as_version=4)
    prose = words(FENCE.sub("", prose_of(notebook)))
    asked = sum(map(question_words, questions_of(path)))
    code = sum(words(cell.source) for cell in code_cells(notebook))
    return max(5, 5 * round(((prose + asked) / 130 + code / 40) / 5))


def stated(path):
    """The minutes that the page itself states in its first cell, or None."""
    first = nbformat.read(path, as_version=4).cells[0].source
    found = STATED.search(first)
    return int(found[1]) if found else None


def main():
    differ = False
    for path in chapters():
        if "solutions" in path.parts:
            continue
        notebook = nbformat.read(path, as_version=4)
        said = stated(path)
        differ |= said is not None and said != minutes(path)
        print(f"{path.relative_to(NOTEBOOKS)!s:34} {words(prose_of(notebook)):5} words "
              f"{len(code_cells(notebook)):3} code cells {minutes(path):3} minutes"
              + ("" if said == minutes(path) else f", but it says {said}"))
    return int(differ)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main())
