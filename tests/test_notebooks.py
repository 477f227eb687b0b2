"""The notebooks as documents: executed, compared, clean; and nbval set up to notice a change.

Each check takes a notebook and returns a list of complaints. It is tried on every notebook of the
kit and, so that it is known to be able to complain, on a made-up bad one.
"""
import glob
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from save_notebooks import (
    CELL_METADATA,
    METADATA,
    NOTEBOOKS,
    chapters,
    clean,
    red_text_of_other_code,
    run,
    save,
)

from pipe_helpers.showing import alive

ROOT = Path(__file__).resolve().parent.parent
SANITIZE = ROOT / "tests" / "nbval_sanitize.cfg"

# ---------------------------------------------------------------- the checks


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def tags(cell):
    return cell.metadata.get("tags", [])


def not_executed(notebook):
    """nbval compares nothing in a cell that was never executed, and counts out of order tell that
    the stored outputs are not those of one run from top to bottom."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        return [f"execution counts are {counts}: run `make notebooks`"]
    return []


def errors_without_tag(notebook):
    complaints = []
    for cell in code_cells(notebook):
        raised = any(output.output_type == "error" for output in cell.outputs)
        if raised and "raises-exception" not in tags(cell):
            complaints.append(f"stored error without the tag raises-exception: {cell.source!r}")
        if not raised and "raises-exception" in tags(cell):
            complaints.append(f"tagged raises-exception but nothing was raised: {cell.source!r}")
    return complaints


def ignored_without_reason(notebook):
    complaints = []
    for cell in code_cells(notebook):
        marked = re.search(r"#\s*(NBVAL_|PYTEST_VALIDATE_IGNORE_OUTPUT)", cell.source)
        if marked or {"nbval-skip", "pytest-validate-ignore-output"} & set(tags(cell)):
            complaints.append(f"use the tag nbval-ignore-output with a reason: {cell.source!r}")
        elif "nbval-ignore-output" in tags(cell):
            said = cell.metadata.get("reason") or re.search(r"# not compared: \S", cell.source)
            if not said:
                complaints.append(f"not compared, and no reason is given: {cell.source!r}")
    return complaints


# A home folder, or the folder of this clone. Temporary folders may be shown: they are sanitized.
MACHINE_PATH = re.compile(r"/(?:home|Users)/[\w.-]+|/root\b|/work\b|[A-Z]:\\Users\\")


def machine_paths(notebook):
    text = nbformat.writes(notebook)
    found = {match.group() for match in MACHINE_PATH.finditer(text)}
    temporary = (tempfile.gettempdir(), "/tmp")
    if str(ROOT) in text and not str(ROOT).startswith(temporary):
        found.add(str(ROOT))
    return [f"names a path of one machine: {path}" for path in sorted(found)]


def metadata_not_minimal(notebook):
    complaints = []
    if json.loads(json.dumps(notebook.metadata)) != METADATA:
        complaints.append("notebook metadata is more or less than `make notebooks` leaves")
    for cell in notebook.cells:
        for key in set(cell.metadata) - set(CELL_METADATA):
            complaints.append(f"cell metadata {key!r}: run `make notebooks`")
        for output in cell.get("outputs", []):
            if set(output.get("metadata", {})) - {"image/png"}:
                complaints.append(f"output metadata {dict(output.metadata)}: run `make notebooks`")
            if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
                complaints.append("stored view of a widget: run `make notebooks`")
    return complaints


def needs_trust(notebook):
    """JupyterLab shows neither SVG nor what scripts and style sheets do, unless the notebook was
    run, or signed, on this machine. Nor does it draw a widget, so that what chooses between this
    and a still output may be dropped, too."""
    return [
        f"stored output of {cell.id} is shown only in a trusted notebook"
        for cell in code_cells(notebook)
        for output in cell.outputs
        if {"image/svg+xml", "application/javascript"} & set(output.get("data", {}))
        or re.search("<(script|style)",
                     output.get("data", {}).get("text/html", "").replace(alive.STYLE, ""))
    ]


def programs_written_anywhere(notebook):
    """%%writefile works before there is a workspace, too, and then writes among the chapters."""
    return [
        f"write the program with %%program: {cell.source.splitlines()[0]!r}"
        for cell in code_cells(notebook)
        if cell.source.startswith("%%writefile")
    ]


def not_valid(notebook):
    ids = [cell.get("id") for cell in notebook.cells]
    if len(set(ids)) < len(ids):  # nbformat would mend this in silence
        return ["two cells have the same id, or none"]
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        return [str(error)]
    return []


CHECKS = [
    not_valid,
    not_executed,
    errors_without_tag,
    ignored_without_reason,
    machine_paths,
    metadata_not_minimal,
    needs_trust,
    programs_written_anywhere,
    red_text_of_other_code,
]

# ---------------------------------------------------------------- the notebooks of the kit

ROW = re.compile(r"^\| \[([^]]+)\]\((?:notebooks/)?([^)#]+\.ipynb)\) \|", re.MULTILINE)


def rows(text):
    """(title, name of the file) of each row of a table of chapters."""
    return [(title, Path(name).name) for title, name in ROW.findall(text)]


def unknown_or_missing(root):
    """What README's table, the table in the first chapter and the files do not agree on."""
    folder = root / "notebooks"
    files = sorted(folder.glob("*.ipynb"))
    texts = {path.name: "\n\n".join(cell.source for cell in nbformat.read(path, 4).cells
                                    if cell.cell_type == "markdown") for path in files}
    numbered = [name for name in texts if re.match(r"\d", name)]
    if [name[:3] for name in numbered] != [f"{number:02}_" for number in range(len(numbered))]:
        return [f"not numbered 00_, 01_, 02_ and so on: {', '.join(numbered)}"]
    titled = [(re.match(r"# (.+)", texts[name])[1].replace("`", ""), name) for name in numbered]
    readme = (root / "README.md").read_text(encoding="utf-8")
    tables = {"README.md": (readme, titled), numbered[0]: (texts[numbered[0]], titled[1:])}
    complaints = []
    for where, (text, wanted) in tables.items():
        found = rows(text)
        complaints += [f"{where} has no row {row}" for row in wanted if row not in found]
        complaints += [f"{where} has a row {row}" for row in found if row not in wanted]
        if not complaints and found != wanted:
            complaints.append(f"the rows in {where} are out of order")
        complaints += [f"{where} has no link to {name}" for name in texts
                       if name not in numbered and f"{name})" not in text]
    return complaints


def test_readme_and_the_first_chapter_know_every_chapter_by_its_title_in_order():
    assert unknown_or_missing(ROOT) == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_every_notebook_passes(path, check):
    assert check(nbformat.read(path, as_version=nbformat.NO_CONVERT)) == []


def test_at_most_twelve_cells_of_the_book_are_not_compared():
    """Each has its reason, and nbval's other ways are refused: see ignored_without_reason."""
    ignored = [
        (path.stem, cell.id)
        for path in chapters()
        for cell in code_cells(nbformat.read(path, as_version=nbformat.NO_CONVERT))
        if "nbval-ignore-output" in tags(cell)
    ]
    assert len(ignored) <= 12, ignored


# ---------------------------------------------------------------- programs that learners mend


@pytest.mark.skipif(sys.platform != "linux", reason="the page shows what /proc tells")
def test_the_answers_of_the_second_hunt_mend_its_server(tmp_path):
    notebook = nbformat.read(NOTEBOOKS / "more" / "the_second_hunt.ipynb", as_version=4)
    cell = {cell.id: cell for cell in notebook.cells}

    def answer(text):
        return re.search("```python\n(.*?)```", cell[text].source, re.DOTALL)[1]

    cell["serve-program"].source = cell["serve-reopens"].source
    cell["answer-program"].source = cell["answer-flushes"].source
    cell["serve-reopens"].source = cell["serve-keeps"].source
    cell["serve-keeps"].source = "%%program server/serve.py\n" + answer("text-class-mend")
    thread = "    threading.Thread(target=tell).start()"
    assert cell["results-program"].source.count(thread) == 1
    mended = cell["results-program"].source.replace(thread, answer("text-evening-mend"))
    cell["results-program"].source = mended
    cell["class-left"].source = "sorted(os.listdir())"  # there is no file that nobody wanted
    nbformat.write(notebook, tmp_path / "mended.ipynb")

    shown = {each.id: each.outputs for each in run(tmp_path / "mended.ipynb").cells
             if each.cell_type == "code"}
    assert shown["visitor"] == []
    assert r"Ada: b'tea 1\ntea 2\n'" in shown["first"][0].text
    assert shown["slow-answers"][0].data["text/plain"] == r"[b'tea 1\n', b'tea 2\n']"
    assert shown["class"][0].data["text/plain"] == "[31, b'coffee 31']"
    assert shown["class-left"][0].data["text/plain"] == (
        "['reply.ada', 'reply.ben', 'requests', 'results', 'server']")
    assert shown["pieces"][0].data["text/plain"] == r"b'tea 1\n'"
    assert "1 BlockingIOError" in shown["twice-locked"][0].text
    assert shown["day"][0].data["text/plain"] == r"""[b'tea 1\n', b"{'tea': 1}"]"""
    assert shown["evening"][0].get("data") == {"text/plain": "0"}
    assert shown["clean"][0].data["text/plain"] == "[]"


# ---------------------------------------------------------------- the checks can complain


def executed(*sources, outputs=(), **metadata):
    """Make a clean notebook whose code cells look executed; the last one has `outputs`."""
    cells = [
        new_code_cell(source, execution_count=number, id=f"cell-{number}")
        for number, source in enumerate(sources, 1)
    ]
    cells[-1].outputs = list(outputs)
    cells[-1].metadata.update(metadata)
    return new_notebook(cells=cells, metadata=METADATA)


def printed(text):
    return new_output("stream", name="stdout", text=text)


ERROR = new_output("error", ename="OSError", evalue="[Errno 6]", traceback=[])


def with_(notebook, change):
    change(notebook)
    return notebook


BAD = {
    "an unknown key": (not_valid, with_(executed("1"), lambda n: n.cells[0].update(colour=1))),
    "one id twice": (
        not_valid,
        with_(executed("1", "2"), lambda n: n.cells[1].update(id="cell-1")),
    ),
    "a cell never run": (
        not_executed,
        with_(executed("1", "2"), lambda n: n.cells[1].update(execution_count=None)),
    ),
    "cells run out of order": (
        not_executed,
        with_(executed("1", "2"), lambda n: n.cells[0].update(execution_count=3)),
    ),
    "an error without the tag": (errors_without_tag, executed("1/0", outputs=[ERROR])),
    "the tag without an error": (errors_without_tag, executed("1", tags=["raises-exception"])),
    "ignored without a reason": (
        ignored_without_reason,
        executed("1", tags=["nbval-ignore-output"]),
    ),
    "ignored by a comment": (ignored_without_reason, executed("# NBVAL_IGNORE_OUTPUT\n1")),
    "never run by nbval": (ignored_without_reason, executed("1", tags=["nbval-skip"])),
    "a stored SVG": (
        needs_trust,
        executed("1", outputs=[new_output("display_data", {"image/svg+xml": "<svg/>"})]),
    ),
    "a style sheet": (
        needs_trust,
        executed("1", outputs=[new_output("display_data", {"text/html": "<style>p {}</style>"})]),
    ),
    "ignored by nbval's old tag": (
        ignored_without_reason,
        executed("1", tags=["pytest-validate-ignore-output"], reason="a random picture"),
    ),
    "a home folder in an output": (
        machine_paths,
        executed("1", outputs=[printed("/home/ann/pipes/my_pipe")]),
    ),
    "a home folder in a traceback": (
        machine_paths,
        executed("1", outputs=[{**ERROR, "traceback": ["File /Users/ann/x.py"]}]),
    ),
    "a home folder in the text": (
        machine_paths,
        with_(executed("1"), lambda n: n.cells.append(new_markdown_cell("cd /home/ada/pipes"))),
    ),
    "red text of a line that was renamed": (
        red_text_of_other_code,
        executed("b = 0\n1 / b", outputs=[{**ERROR, "traceback": [
            "Cell In[1], line 2\n      1 a = 0\n\x1b[32m----> 2 1 / a\x1b[39m"]}]),
    ),
    "a program among the chapters": (
        programs_written_anywhere,
        executed("%%writefile wait.py\nimport os"),
    ),
    "a Python version": (
        metadata_not_minimal,
        with_(executed("1"), lambda n: n.metadata["language_info"].update(version="3.11.7")),
    ),
    "timings of a cell": (metadata_not_minimal, executed("1", execution={"iopub.status": "t"})),
    "a stored widget": (
        metadata_not_minimal,
        executed(
            "1",
            outputs=[
                new_output(
                    "display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}}
                )
            ],
        ),
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_notebook_is_refused(what):
    check, notebook = BAD[what]
    assert check(nbformat.from_dict(notebook)), f"{check.__name__} did not notice {what}"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_good_notebook_is_not_refused(check):
    traceback = ["Cell In[2], line 1\n\x1b[32m----> 1 1/0\x1b[39m"]
    error = nbformat.from_dict({**ERROR, "traceback": traceback})
    notebook = executed("import os", "1/0", outputs=[error], tags=["raises-exception"])
    notebook.cells.append(new_markdown_cell("The pipe lies in /tmp/named_pipes_ab12.", id="text"))
    for number, note in ((3, {"reason": "a random picture"}), (4, {})):
        comment = "# not compared: two processes race" if not note else ""
        cell = new_code_cell(f"{comment}\n1", execution_count=number, id=f"cell-{number}")
        cell.metadata.update(note, tags=["nbval-ignore-output"])
        notebook.cells.append(cell)
    assert check(notebook) == []


@pytest.fixture
def small_kit(tmp_path):
    """A kit of a README, two chapters and a page to look things up, which all know each other."""
    (tmp_path / "notebooks").mkdir()
    first = "# Start\n\n| chapter |\n|---|\n| [More](01_more.ipynb) |\n\n[here](reference.ipynb)"
    texts = {"00_start": first, "01_more": "# More", "reference": "# Look up"}
    for name, text in texts.items():
        notebook = new_notebook(cells=[new_markdown_cell(text)])
        nbformat.write(notebook, tmp_path / "notebooks" / f"{name}.ipynb")
    (tmp_path / "README.md").write_text(
        "| [Start](notebooks/00_start.ipynb) |\n| [More](notebooks/01_more.ipynb) |\n\n"
        "[Look up](notebooks/reference.ipynb)\n")
    assert unknown_or_missing(tmp_path) == []
    return tmp_path


@pytest.mark.parametrize("name", ["02_extra.ipynb", "10_extra.ipynb", "extra.ipynb"])
def test_a_notebook_that_no_table_knows_is_noticed(small_kit, name):
    notebook = new_notebook(cells=[new_markdown_cell("# Extra")])
    nbformat.write(notebook, small_kit / "notebooks" / name)
    assert unknown_or_missing(small_kit)


@pytest.mark.parametrize("old, new", [
    ("| [More](notebooks/01_more.ipynb) |\n", ""),  # a chapter without a row
    ("\n\n", "\n| [Gone](notebooks/02_gone.ipynb) |\n\n"),  # a row without a chapter
    ("[More]", "[Much more]"),
    ("| [Start](notebooks/00_start.ipynb) |\n| [More](notebooks/01_more.ipynb) |",
     "| [More](notebooks/01_more.ipynb) |\n| [Start](notebooks/00_start.ipynb) |"),
])
def test_a_table_that_does_not_fit_the_chapters_is_noticed(small_kit, old, new):
    readme = small_kit / "README.md"
    readme.write_text(readme.read_text().replace(old, new))
    assert unknown_or_missing(small_kit)


# ---------------------------------------------------------------- make notebooks


def test_a_notebook_is_saved_clean_and_a_second_run_gives_no_difference(tmp_path):
    path = tmp_path / "chapter.ipynb"
    source = "import os\nprint('pid', os.getpid(), flush=True)\nprint('b')\nos.getcwd() == %r"
    source %= str(tmp_path)
    notebook = new_notebook(
        cells=[
            new_code_cell(source, id="one"),
            new_code_cell("os.stat('nothing')", id="two", metadata={"tags": ["raises-exception"]}),
        ],
        metadata={"language_info": {"name": "python", "version": "2.7"}, "widgets": {}},
    )
    nbformat.write(notebook, path)
    assert save(path) is None
    first = path.read_text(encoding="utf-8")
    assert save(path) is None
    assert path.read_text(encoding="utf-8") == first

    saved = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    assert [check(saved) for check in CHECKS] == [[]] * len(CHECKS)
    assert [cell.id for cell in saved.cells] == ["one", "two"]
    assert re.fullmatch(r"pid \d+\nb\n", saved.cells[0].outputs[0].text)
    assert saved.cells[0].outputs[1].data == {"text/plain": "True"}  # ran in its own folder
    assert saved.cells[1].metadata.tags == ["raises-exception"]


def test_a_notebook_whose_output_has_changed_is_saved_anew(tmp_path):
    path, number = tmp_path / "chapter.ipynb", tmp_path / "number"
    number.write_text("1")
    nbformat.write(new_notebook(cells=[new_code_cell("open('number').read()", id="one")]), path)
    assert save(path) is None
    number.write_text("2")
    assert save(path) is None
    saved = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    assert saved.cells[0].outputs[0].data == {"text/plain": "'2'"}


def test_red_text_of_a_line_that_was_renamed_is_saved_anew(tmp_path):
    path = tmp_path / "chapter.ipynb"
    cell = new_code_cell("zero = 0\n1 / zero", id="one", metadata={"tags": ["raises-exception"]})
    nbformat.write(new_notebook(cells=[cell]), path)
    assert save(path) is None
    stored = nbformat.read(path, as_version=4)
    stored.cells[0].source = "nothing = 0\n1 / nothing"
    nbformat.write(stored, path)
    assert save(path) is None
    shown = "\n".join(nbformat.read(path, as_version=4).cells[0].outputs[0].traceback)
    assert "nothing" in shown and "zero = 0" not in shown


def test_outputs_that_were_deleted_are_saved_anew_even_if_they_are_not_compared(tmp_path):
    path, tagged = tmp_path / "chapter.ipynb", {"tags": ["nbval-ignore-output"], "reason": "test"}
    nbformat.write(new_notebook(cells=[new_code_cell("1", id="one", metadata=tagged)]), path)
    assert save(path) is None
    saved = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    saved.cells[0].outputs = []
    nbformat.write(saved, path)
    assert save(path) is None
    saved = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    assert saved.cells[0].outputs[0].data == {"text/plain": "1"}


def test_a_notebook_whose_cell_raises_without_the_tag_is_not_saved(tmp_path):
    path = tmp_path / "chapter.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("print('old')"), new_code_cell("1/0")]), path)
    before = path.read_bytes()
    assert "ZeroDivisionError" in save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_frames_outside_the_cells_and_views_of_widgets_are_not_saved():
    frames = ["\x1b[31m---", "Cell In[1], line 1", "\x1b[36mFile \x1b[39m/x.py:1", "OSError"]
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}, "text/plain": "Box()"}
    notebook = executed(
        "1", outputs=[{**ERROR, "traceback": frames}, new_output("display_data", view)]
    )
    error, display = clean(nbformat.from_dict(notebook)).cells[0].outputs
    assert error.traceback == [frames[0], frames[1], frames[3]]
    assert display.data == {"text/plain": "Box()"}


# ---------------------------------------------------------------- nbval notices a change


def sanitized(text):
    from nbval.plugin import get_sanitize_patterns

    for regex, replacement in get_sanitize_patterns(SANITIZE.read_text(encoding="utf-8")):
        text = re.sub(regex, replacement, text)
    return text


@pytest.mark.parametrize(
    "one, other",
    [
        ("I pid [4242] received", "I pid [7] received"),
        ("Hello from pid [99999]", "Hello from pid [4194304]"),
        ("PID 4242 waits", "PID 17 waits"),
        ("<reader, pid=4242, running>", "<reader, pid=17, running>"),
        ("/tmp/named_pipes_ab_12cd/my_pipe", "/var/folders/x1/T_9+/T/named_pipes_9/my_pipe"),
        ("took 12.3 ms", "took 8.04 ms"),
        ("0.25 s later", "1.5 s later"),
        ("1.2 µs", "31.0 µs"),
        ("pid 7\n2 processes, hidden ones, could not be looked into", "pid 8"),
        (
            "pid 7\n1 process, hidden, could not be looked into\n2 processes do not tell whether "
            "they wait in open\nnext",
            "pid 7\nnext",
        ),
        (
            "</table>\n<p>3 processes, other users&#x27;, could not be looked into</p>",
            "</table>\n<p>1 process does not tell whether they wait in open</p>",
        ),
    ],
)
def test_what_differs_between_runs_is_not_compared(one, other):
    assert sanitized(one) == sanitized(other)


@pytest.mark.parametrize(
    "one, other",
    [
        ("22 bytes", "23 bytes"),
        ("fd 3", "fd 4"),
        ("exit status 1", "exit status 0"),
        ("pid [4242] waits", "pid [4242] reads"),
        ("pid [4242] reads", "pid 4242 reads"),
        ("stupid 3", "stupid 4"),
        ("pids 3", "pids 4"),
        ("/tmp/named_pipes_ab/my_pipe", "/tmp/named_pipes_ab/your_pipe"),
        ("/tmp/named_pipes_ab/p", "/tmp/other_ab/p"),
        ("after 5 s", "after 6 s"),
        ("12.3 ms", "12.3 s"),
        ("1.5 strides", "2.5 strides"),
        ("version 3.11", "version 3.12"),
        ("my_pipe\n2 processes wait", "my_pipe\n3 processes wait"),
        ("my_pipe\nwriter waits in open", "my_pipe"),
    ],
)
def test_what_matters_is_compared(one, other):
    assert sanitized(one) != sanitized(other)


def nbval(path, cwd):
    """Run pytest from `cwd` on the notebook at `path` with the kit's own settings."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", ROOT / "pyproject.toml"]
        + ["--rootdir", path.parent, "-p", "no:cacheprovider", "--numprocesses=0", path],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_nbval_fails_on_a_changed_output_and_passes_on_a_changed_pid(tmp_path):
    # The conftest is loaded from the folder of the notebook, so a copy of that layout is made.
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "tests").mkdir()
    for name in ("notebooks/conftest.py", "tests/nbval_sanitize.cfg"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    source = "import os, tempfile\nprint(f'pid [{os.getpid()}] in {tempfile.gettempdir()}"
    source += "/named_pipes_{os.getpid()} after {os.getpid() / 7:.3f} ms got 22 bytes')\n"
    # A kernel at a TCP port may find it taken, and nbval would wait for it without an end.
    source += "from ipykernel.kernelapp import IPKernelApp\nprint(IPKernelApp.instance().transport)"
    stored = "pid [1] in /tmp/named_pipes_x after 0.1 ms got %s bytes\nipc\n"
    for name, count in (("same", 22), ("changed", 23)):
        notebook = executed(source, outputs=[printed(stored % count)])
        nbformat.write(notebook, tmp_path / "notebooks" / f"{name}.ipynb")

    same = nbval(tmp_path / "notebooks" / "same.ipynb", cwd=tmp_path)
    assert same.returncode == 0, same.stdout + same.stderr
    assert "1 passed" in same.stdout
    changed = nbval(tmp_path / "notebooks" / "changed.ipynb", cwd=tmp_path / "notebooks")
    assert changed.returncode == 1, changed.stdout + changed.stderr
    assert "got 22 bytes" in changed.stdout and "got 23 bytes" in changed.stdout


@pytest.mark.parametrize("rules", [None, "", "[pid]\nregex: \\d+\n\nreplace: N\n"])
def test_a_sanitizing_file_without_usable_rules_stops_the_run(tmp_path, rules):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "tests").mkdir()
    conftest = (ROOT / "notebooks" / "conftest.py").read_text(encoding="utf-8")
    (tmp_path / "notebooks" / "conftest.py").write_text(conftest, encoding="utf-8")
    if rules is not None:
        (tmp_path / "tests" / "nbval_sanitize.cfg").write_text(rules, encoding="utf-8")
    path = tmp_path / "notebooks" / "chapter.ipynb"
    nbformat.write(executed("1"), path)
    run = nbval(path, cwd=tmp_path)
    assert run.returncode not in (0, 1, 5), run.stdout + run.stderr
    assert "nbval_sanitize.cfg" in run.stdout + run.stderr


# ---------------------------------------------------------------- nbval's kernels


@pytest.fixture
def kernel_manager():
    """A KernelManager as notebooks/conftest.py gives it to nbval; its kernel is gone afterwards."""
    path = ROOT / "notebooks" / "conftest.py"
    spec = importlib.util.spec_from_file_location("conftest_of_the_notebooks", path)
    conftest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conftest)
    manager = conftest.kernel_manager_class()(kernel_name="python3")
    try:
        yield manager
    finally:
        manager.shutdown_kernel(now=True)


def test_a_kernel_of_nbval_answers_at_a_unix_socket_and_leaves_nothing(kernel_manager):
    kernel_manager.start_kernel()
    process = kernel_manager.provisioner.process
    client = kernel_manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=30)
        assert client.execute("1", reply=True, timeout=10)["content"]["status"] == "ok"
        assert glob.glob(kernel_manager.ip + "*")
    finally:
        client.stop_channels()
        kernel_manager.shutdown_kernel(now=True)
    assert process.poll() == -signal.SIGKILL
    assert not glob.glob(kernel_manager.ip + "*")
    assert not os.path.exists(kernel_manager.connection_file)


def test_a_kernel_of_nbval_that_ends_at_once_is_told_long_before_the_time_is_over(kernel_manager):
    kernel_manager.start_kernel(extra_arguments=["--IPKernelApp.transport=carrier pigeons"])
    client = kernel_manager.client()
    client.start_channels()
    begun = time.monotonic()
    try:
        with pytest.raises(RuntimeError, match="has ended"):
            client.wait_for_ready(timeout=60)
    finally:
        client.stop_channels()
    assert time.monotonic() - begun < 30
