"""What stands in the pages for teachers, notebooks/teaching/*.md, line by line."""
import re
from pathlib import Path

PAGES = Path(__file__).resolve().parents[1] / "notebooks" / "teaching"


def sections(path):
    """{heading: its lines, each (place, text)} of the page at path; a place is "name:number"."""
    found, fenced, lines = {}, False, []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fenced ^= text.lstrip().startswith("```")
        if not fenced and re.match("##? ", text):
            lines = found[text] = []
        lines.append((f"{path.name}:{number}", text))
    return found


def rows(lines):
    """(place, columns) of each row of the tables in lines, without their heads."""
    head = True
    for place, text in lines:
        if not text.startswith("|"):
            head = True
        elif text.startswith("|---"):
            head = False
        elif not head:
            yield place, [column.strip() for column in text.strip("|").split(" | ")]


def parts(lines):
    """(place, heading, its lines) of each part of a section that begins with ###."""
    found = []
    for place, text in lines:
        if text.startswith("### "):
            found.append((place, text, []))
        elif found:
            found[-1][2].append((place, text))
    return found


def hints_told():
    """{(exercise, mistake): (place, the hint as quoted)} of all pages."""
    return {(re.findall(r"\w+", heading)[0], mistake): (place, hint)
            for path in sorted(PAGES.glob("*.md"))
            for _, heading, lines in parts(sections(path).get("## The exercise", []))
            for place, (mistake, hint, _) in rows(lines)}
