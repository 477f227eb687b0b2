"""Every fact of facts.csv is shown by an executed cell.

A cell shows a fact if it carries the tag fact:ID. The reference lists the facts, each with a link
to the section or cell that shows it.
"""
import csv
import re
from pathlib import Path

import nbformat
import pytest
from links import cells_at, followed, read
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from save_notebooks import NOTEBOOKS, chapters

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = NOTEBOOKS / "reference.ipynb"
PROBLEMS = NOTEBOOKS / "more" / "problems.ipynb"
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")

with open(ROOT / "tests" / "facts.csv", encoding="utf-8", newline="") as file:
    FACTS = {row["id"]: row for row in csv.DictReader(file)}


def prose(cell):
    return FENCE.sub("", cell.source) if cell.cell_type == "markdown" else ""


def facts_of(cell):
    tags = cell.metadata.get("tags", []) if cell.cell_type == "code" else []
    return {tag.removeprefix("fact:") for tag in tags if tag.startswith("fact:")}


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


# ---------------------------------------------------------------- the problems


def problem_rows(notebook):
    """(number, where it was seen, cause, cure) of each problem. Its number is the link to where."""
    lines = "\n".join(map(prose, notebook.cells)).splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if re.match(r"\| \[?\d+[].]", line)]
    return [(int(re.search(r"\d+", problem)[0]), "".join(LINK.findall(problem.split(". ")[0])),
             cause, cure) for problem, cause, cure in rows]


def problems_without_cells(path, seen=22):
    """Complaints about the table of problems at path: what does not lead to a cell that was run."""
    rows = problem_rows(read(path))
    numbers = [number for number, *_ in rows]
    in_order = list(range(1, len(rows) + 1))
    complaints = [] if numbers == in_order else [f"the numbers are {numbers}"]
    for number, _, cause, cure in rows:
        for what, text in (("cause", cause), ("cure", cure)):
            answers = [followed(link, path) for link in LINK.findall(text) if "#cell-id=" in link]
            cells = [cell for answer in answers if type(answer) is not str
                     for cell in cells_at(*answer)]
            if not any(cell.get("execution_count") for cell in cells):
                complaints.append(f"{number}: no cell shows the {what}")
    told = [number for number, where, *_ in rows if where.startswith("https://")]
    if len(told) != seen:
        complaints.append(f"it is told of {told} where they were seen")
    return complaints


def test_each_problem_leads_to_a_cell_with_its_cause_and_one_with_its_cure_and_22_to_who_met_it():
    assert problems_without_cells(PROBLEMS) == []


def test_a_problem_without_its_cells_is_noticed(tmp_path):
    text = "\n".join([
        "| [1](https://example.org). Run | [a](#cell-id=run) | [b](#cell-id=run) |",
        "| 2. Not run, no cure, not seen | [a](#cell-id=new) | [b](#cell-id=gone) |",
        "| [4](page.ipynb). Text | [a](#cell-id=text) | b |",
    ])
    cells = [new_markdown_cell(text, id="text"), new_code_cell("1", id="new"),
             new_code_cell("1", id="run", execution_count=1)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "page.ipynb")
    assert problems_without_cells(tmp_path / "page.ipynb") == [
        "the numbers are [1, 2, 4]",
        "2: no cell shows the cause",
        "2: no cell shows the cure",
        "4: no cell shows the cause",
        "4: no cell shows the cure",
        "it is told of [1] where they were seen",
    ]
