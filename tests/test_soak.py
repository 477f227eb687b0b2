"""`make soak` notices what differs and what is left behind."""
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

import soak


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function that soaks a notebook of one cell, which has printed "1": (as stored, report)."""
    monkeypatch.setattr(soak, "LEAVING", 0.1)

    def run_cell(source):
        printed = new_output("stream", name="stdout", text="1\n")
        cell = new_code_cell(source, execution_count=1, outputs=[printed])
        nbformat.write(new_notebook(cells=[cell]), tmp_path / "chapter.ipynb")
        return soak.run_notebooks([tmp_path / "chapter.ipynb"])

    return run_cell


def test_a_notebook_as_stored_gives_no_report(run):
    assert run("print(1)") == (1, "")


def test_an_output_that_differs_is_reported(run):
    passed, report = run("print(2)")
    assert passed == 0 and "print(2)" in report


def test_a_file_left_in_the_folder_for_temporary_files_is_reported(run):
    passed, report = run("import tempfile; tempfile.mkstemp('_left'); print(1)")
    assert passed == 1 and "_left" in report


def test_a_run_that_hangs_is_ended_and_reported(run, monkeypatch):
    monkeypatch.setattr(soak, "LONGEST", 0.5)
    passed, report = run("print(1)")
    assert passed == 0 and "not ended after 0.5 s" in report
