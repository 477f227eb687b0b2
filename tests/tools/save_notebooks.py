"""Run notebooks anew and save them in place with clean, minimal metadata (`make notebooks`).

    python tests/tools/save_notebooks.py [NOTEBOOK ...]    (by default all under notebooks/)

A notebook whose new outputs differ from the stored ones only in what nbval's sanitizing file lets
differ (PIDs, times, folders), and in the pictures of those, stays as it is, unless its red text
shows lines of former code: so a run without a change leaves nothing to commit. Delete the stored
outputs, or a cell's, to have them saved anew.

Nothing is saved for a notebook in which a cell raises without the tag raises-exception; the exit
status is then 1.
"""
import copy
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from kernels import at_unix_sockets
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbval.plugin import get_sanitize_patterns
from traitlets.config import Config

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SANITIZE = Path(__file__).resolve().parents[1] / "nbval_sanitize.cfg"
METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
COLOUR = re.compile(r"\x1b\[[\d;]*m")  # of a terminal
FILE_FRAME = re.compile(rf"(?:{COLOUR.pattern})*File ")
FRAME_LINE = re.compile(r"^(?:-+>| +) *\d+ +(\S.*?) *$", re.MULTILINE)  # "----> 3 os.close(fd)"
CELL_METADATA = ("tags", "reason", "jupyter", "nbgrader")  # what an author may say about a cell

FAILURES = (CellExecutionError, CellTimeoutError, DeadKernelError, nbformat.ValidationError)


def chapters(folder=NOTEBOOKS):
    """Return the notebooks below `folder`, sorted, without JupyterLab's checkpoints."""
    return sorted(p for p in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)


def clean(notebook):
    """Reduce `notebook` to what a reader needs, the same after every run, and return it."""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in CELL_METADATA if key in cell.metadata}
        )
        if cell.cell_type != "code":
            continue
        if not cell.source.strip():
            cell.execution_count = None
        for output in cell.outputs:
            if "metadata" in output:
                output.metadata = nbformat.from_dict(
                    {"image/png": output.metadata["image/png"]}  # its size, and what it shows
                    if "image/png" in output.metadata
                    else {}
                )
            if "data" in output:  # a view of a widget that lives no more, under a random id
                output.data.pop("application/vnd.jupyter.widget-view+json", None)
            if "traceback" in output:  # frames outside the cells name this machine's folders
                output.traceback = [
                    frame for frame in output.traceback if not FILE_FRAME.match(frame)
                ]
        cell.outputs = [output for output in cell.outputs if output.get("data") != {}]
    return notebook


def run(path):
    """Execute the notebook at `path` in its own folder and return it cleaned.

    Blocks until the last cell has run; each cell may take 30 s. Raises one of nbclient's errors.
    """
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        notebook,
        config=Config(KernelManager=at_unix_sockets()),
        timeout=30,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,  # how a print is cut into messages differs from run to run
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    return clean(notebook)


def red_text_of_other_code(notebook):
    """Return complaints about tracebacks that show lines which no cell has, or no cell any more."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    lines = {line.strip() for cell in cells for line in cell.source.splitlines()}
    return [
        f"the red text of {cell.id} shows a line that no cell has, {line!r}: run `make notebooks`"
        for cell in cells
        for output in cell.outputs
        for frame in (COLOUR.sub("", each) for each in output.get("traceback", ()))
        if frame.startswith("Cell In")
        for line in FRAME_LINE.findall(frame)
        if line not in lines
    ]


def gist(notebook):
    """Return what two runs of `notebook` must have in common, as text."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if "nbval-ignore-output" in cell.metadata.get("tags", []):
            cell.metadata["has_outputs"], cell.outputs = bool(cell.outputs), []
        for output in cell.get("outputs", []):
            output.pop("metadata", None)
            output.pop("traceback", None)  # nbval compares the error's name and value
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = ""
    text = nbformat.writes(notebook)
    for pattern, replacement in get_sanitize_patterns(SANITIZE.read_text(encoding="utf-8")):
        text = re.sub(pattern, replacement, text)
    return text


def save(path):
    """Run one notebook, save it if it has changed, and return what went wrong, or None."""
    stored = nbformat.read(path, as_version=4)
    try:
        notebook = run(path)
        nbformat.validate(notebook)
    except FAILURES as error:
        return str(error)
    if gist(notebook) == gist(stored) and not red_text_of_other_code(stored):
        return None
    text = nbformat.writes(notebook)
    # Written beside it and renamed, so that an interrupt leaves the old notebook whole.
    new = path.with_name(f".{path.name}.new")
    new.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
    os.replace(new, path)
    return None


def main(names):
    """Save the notebooks `names`, two at a time, and return the exit status."""
    # The kernels come from this environment, not from the user's own kernel folder.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    os.environ["KIT_BUDGET"] = "1"  # measure as for a learner, but show no progress bar
    os.environ["KIT_STATE"] = ""  # no exercise counts as solved, and none is noted
    paths = [Path(name).resolve() for name in names] or chapters()
    with ThreadPoolExecutor(2) as pool:
        failed = 0
        for path, error in zip(paths, pool.map(save, paths)):
            print(f"NOT SAVED  {path.name}\n{error}" if error else f"done       {path.name}")
            failed += error is not None
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
