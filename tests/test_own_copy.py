"""The learner's own copy of the chapters: blank at first, renewed, and no work is ever lost."""
import errno
import importlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path

import nbformat
import pytest
from ipykernel.ipkernel import IPythonKernel
from test_hostile_rooms import FULL, MOUNTS, another_user
from test_packaging import PROJECT, run_make

from pipe_helpers.chapters import command
from pipe_helpers.chapters.copy import PROGRESS, TEMPORARY, chapters, fresh, place, renew
from pipe_helpers.remembering import notes

ROOT = Path(__file__).resolve().parents[1]
NAMES = ["00_start_here.ipynb", "03_open.ipynb", "more/poll.ipynb"]
WHAT_THE_LEARNER_DID = "my answer = 42"


def write(path, *sources, **metadata):
    """Write a notebook, as it is stored in the kit: one code cell for each source, with outputs."""
    cells = [
        {"cell_type": "code", "id": f"c{number}", "source": source, "execution_count": 1,
         "metadata": {"tags": ["kept"], "nbgrader": {"grade": False}},
         "outputs": [{"output_type": "stream", "name": "stdout", "text": "the answer"}]}
        for number, source in enumerate(sources)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": {**metadata}, "nbformat": 4,
                                "nbformat_minor": 5}), encoding="utf-8")


def edit(path, *sources, add=""):
    """Change a notebook as JupyterLab stores it: its sources, or text after the first of them."""
    notebook = nbformat.read(path, as_version=4)
    for cell, source in zip(notebook.cells, sources):
        cell.source = source
    notebook.cells[0].source += add
    nbformat.write(notebook, path)


def run_cells(path):
    """Change what JupyterLab does when all cells are run by Shift+Enter and saved."""
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code):
        cell.execution_count, cell.metadata["trusted"] = number, True
        cell.outputs = [nbformat.v4.new_output("stream", text="run")]
    notebook.cells.append(nbformat.v4.new_code_cell())
    nbformat.write(notebook, path)


def sources(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


def everything(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*") if path.is_file()}


def done(folder, kit):
    """What renewing did, less what it did not."""
    return {what: names for what, names in vars(renew(folder, kit)).items() if names}


@pytest.fixture
def kit(tmp_path):
    """A clone with three notebooks."""
    for name in NAMES:
        write(tmp_path / "kit" / "notebooks" / name, f"print('{name}')", "2 + 2")
    return tmp_path / "kit"


@pytest.fixture
def own(kit, tmp_path):
    """A learner's copy of that."""
    assert done(tmp_path / "work", kit) == {"given": NAMES}
    return tmp_path / "work"


def updated(kit, name="03_open.ipynb"):
    write(kit / "notebooks" / name, "print('better')", "2 + 3")


# ---------------------------------------------------------------- what is given


def test_every_notebook_of_the_kit_is_given_blank_and_the_rest_as_it_is(tmp_path):
    assert done(tmp_path / "work", ROOT) == {"given": list(chapters())}
    assert sorted(everything(tmp_path / "work")) == sorted(chapters())
    for name, path in chapters().items():
        given, stored = (nbformat.read(each, as_version=4) for each in (tmp_path / "work" / name,
                                                                        path))
        nbformat.validate(given)
        for cell in stored.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        assert given.cells == stored.cells
        assert given.metadata.kernelspec == stored.metadata.kernelspec
        assert given.metadata.language_info.version == sys.version.split()[0]
        links = re.findall(r"\]\((?!https?:)([^)#]+)", "".join(cell.source for cell in given.cells
                                                     if cell.cell_type == "markdown"))
        assert [link for link in links if not (tmp_path / "work" / name).parent.joinpath(
            link).is_file()] == []
    assert done(tmp_path / "work", ROOT) == {}


def test_the_command_is_part_of_the_package():
    module, function = PROJECT["scripts"]["named-pipes"].split(":")
    assert getattr(importlib.import_module(module), function) is command.main


# ---------------------------------------------------------------- the kit is updated


def test_what_the_learner_has_only_run_is_renewed_with_the_kit(kit, own):
    run_cells(own / "03_open.ipynb")
    was_run = everything(own)
    assert done(own, kit) == {} and everything(own) == was_run
    updated(kit)
    assert done(own, kit) == {"renewed": ["03_open.ipynb"]}
    assert sources(own / "03_open.ipynb") == ["print('better')", "2 + 3"]
    assert done(own, kit) == {}


def test_another_python_renews_what_was_not_run_lest_jupyterlab_asks_to_save_its_version(
        kit, own, monkeypatch):
    run_cells(own / "03_open.ipynb")
    edit(own / "more" / "poll.ipynb", add=WHAT_THE_LEARNER_DID)
    before = everything(own)
    monkeypatch.setattr(sys, "version", "3.99.0 (another)")
    monkeypatch.setattr(IPythonKernel, "language_info", {"version": "3.99.0"})
    assert done(own, kit) == {"renewed": ["00_start_here.ipynb"]}
    assert [name for name, text in everything(own).items() if text != before[name]] == [
        "00_start_here.ipynb"]
    assert done(own, kit) == {}


@pytest.mark.parametrize("change", [
    lambda path: edit(path, add=WHAT_THE_LEARNER_DID),
    lambda path: path.write_text(path.read_text() + "<<<<<<<"),
    lambda path: path.write_text(""),
    lambda path: path.write_text("[]"),
    lambda path: path.write_text("[" * 100_000),
    lambda path: path.write_bytes(b"\xff"),
    lambda path: write(path, WHAT_THE_LEARNER_DID),
    lambda path: write(path, WHAT_THE_LEARNER_DID, named_pipes_kit="mine"),
    lambda path: path.write_bytes((path.parent / "00_start_here.ipynb").read_bytes()),
    lambda path: (path.unlink(), path.symlink_to("00_start_here.ipynb")),
    lambda path: (path.unlink(), path.symlink_to("nowhere")),
    lambda path: (path.unlink(), os.mkfifo(path)),
], ids=["edited", "half a merge", "empty", "a list", "nested", "bytes", "replaced", "odd mark",
        "another chapter", "a link", "a dead link", "a named pipe"])
def test_what_the_learner_has_changed_is_never_touched_and_that_is_told(kit, own, change, capsys):
    path = own / "03_open.ipynb"
    change(path)
    updated(kit)
    before, status = everything(own), path.lstat()
    told = renew(own, kit)
    assert everything(own) == before and path.lstat() == status
    [what] = [what for what, names in vars(told).items() if names]
    assert vars(told)[what] == ["03_open.ipynb"] and what in ("newer", "unread", "not_files")
    line = command.in_words(told, own)[1]
    assert line.startswith("03_open.ipynb") and "stays as it is" in line
    if what != "not_files":
        assert "fresh" in line and "03" in line
    if what == "newer":  # once the fresh one is there, it is told no more
        fresh(own, "03_open.ipynb", kit)
        assert done(own, kit) == {}


def test_nothing_is_told_of_a_changed_chapter_as_long_as_the_kit_has_the_same(kit, own):
    edit(own / "03_open.ipynb", add=WHAT_THE_LEARNER_DID)
    assert done(own, kit) == {}


def test_a_chapter_that_the_learner_deletes_is_given_again_and_one_renamed_is_theirs(kit, own):
    (own / "03_open.ipynb").rename(own / "opened by me.ipynb")
    (own / "more" / "poll.ipynb").unlink()
    updated(kit)
    renamed = (own / "opened by me.ipynb").read_bytes()
    assert done(own, kit) == {"given": ["03_open.ipynb", "more/poll.ipynb"]}
    assert (own / "opened by me.ipynb").read_bytes() == renamed
    shutil.rmtree(own / "more")
    assert done(own, kit) == {"given": ["more/poll.ipynb"]}


@pytest.mark.parametrize("changed", [False, True])
def test_what_the_kit_has_no_more_goes_only_if_the_learner_has_not_changed_it(kit, own, changed):
    (kit / "notebooks" / "03_open.ipynb").unlink()
    if changed:
        edit(own / "03_open.ipynb", add=WHAT_THE_LEARNER_DID)
    assert done(own, kit) == ({} if changed else {"removed": ["03_open.ipynb"]})
    assert (own / "03_open.ipynb").exists() == changed


def test_a_kit_without_chapters_takes_nothing_away(kit, own):
    before = everything(own)
    shutil.rmtree(kit / "notebooks")
    with pytest.raises(FileNotFoundError, match="no chapters in .* clone it again"):
        renew(own, kit)
    assert everything(own) == before


@pytest.mark.parametrize("put", [
    lambda folder: folder.symlink_to(folder.parent.parent), lambda folder: folder.write_text("x")])
def test_a_link_or_a_file_in_place_of_a_folder_is_left_and_the_rest_is_done(kit, own, put):
    shutil.rmtree(own / "more")
    put(own / "more")
    updated(kit)
    told = done(own, kit)
    assert told.pop("renewed") == ["03_open.ipynb"]
    assert len(told) == 1 and not list(own.parent.glob("*.ipynb"))


# ---------------------------------------------------------------- a fresh one beside it


def test_fresh_puts_a_new_copy_beside_the_learners_and_overwrites_none(kit, own):
    edit(own / "03_open.ipynb", add=WHAT_THE_LEARNER_DID)
    before = everything(own)
    made = [fresh(own, "03_open.ipynb", kit) for _ in range(3)]
    assert [path.name for path in made] == [
        "03_open_fresh.ipynb", "03_open_fresh_2.ipynb", "03_open_fresh_3.ipynb"]
    assert fresh(own, "more/poll.ipynb", kit) == own / "more" / "poll_fresh.ipynb"
    assert before.items() <= everything(own).items()
    assert done(own, kit) == {}, "fresh copies are the learner's"
    updated(kit)
    assert done(own, kit) == {"newer": ["03_open.ipynb"]}


@pytest.mark.parametrize("word, name", [
    ("03", "03_open.ipynb"), ("3", "03_open.ipynb"), ("0", "00_start_here.ipynb"),
    ("open", "03_open.ipynb"), ("03_open.ipynb", "03_open.ipynb"), ("poll", "more/poll.ipynb"),
    ("more/poll", "more/poll.ipynb"), ("glossary", "glossary.ipynb")])
def test_a_chapter_is_named_by_its_number_or_its_name(word, name):
    assert command.chapter_named(word) == name


@pytest.mark.parametrize("word", ["", "33", "../03_open", "practice"])
def test_a_chapter_that_there_is_not_is_told_with_those_that_there_are(word):
    with pytest.raises(LookupError, match="There are: 00_start_here, .*more/poll"):
        command.chapter_named(word)


@pytest.mark.parametrize("prefix", [ROOT / ".venv", Path("/opt/conda")])
@pytest.mark.parametrize("folder", [None, "/my work"])
def test_the_command_that_a_line_names_is_the_one_that_does_it(
        prefix, folder, own, kit, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(prefix))
    words = shlex.split(command.command_for_fresh("03_open.ipynb", folder))
    if words[0] == "make":
        shown = run_make(*words[1:], "--dry-run", cwd=ROOT).stdout
        words = shlex.split(re.search(r"pipe_helpers.chapters (fresh.*)", shown)[1])
    told = ["fresh", "03"] + (["--folder", folder] if folder else [])
    assert words[words.index("fresh"):] == told


def test_on_a_hub_the_learners_server_is_started_and_fresh_is_named_as_its_terminals_know_it(
        own, monkeypatch):
    monkeypatch.setenv("KIT_STATE", "")
    monkeypatch.setenv("JUPYTERHUB_SERVICE_URL", "http://127.0.0.1:1/user/anna/")
    monkeypatch.setattr(sys, "prefix", str(ROOT / ".venv"))
    started = []
    monkeypatch.setattr(os, "execve", lambda path, words, environment: started.extend(words))
    with pytest.raises(SystemExit):
        command.main(["hub", "--folder", str(own), "--an-option"])
    assert started[1:3] == ["-m", "jupyterhub.singleuser"] and started[-1] == "--an-option"
    assert f"--ServerApp.default_url=/lab/tree/{command.FIRST}" in started
    words = shlex.split(command.command_for_fresh("03_open.ipynb"))
    assert words[-3:] == ["named-pipes", "fresh", "03"]


# ---------------------------------------------------------------- killed, full, closed, at once

TOUCHES_FILES = {"close", "fsync", "flush", "link", "mkdir", "open", "rename", "replace", "unlink",
                 "write"}


def killed_at(step, work):
    """Do work in a process that is killed at its call of that number; whether it came so far."""
    if (pid := os.fork()) == 0:
        left = step

        def count(frame, event, argument):
            nonlocal left
            if event in ("c_call", "c_return") and argument.__name__ in TOUCHES_FILES:
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.setprofile(count)
            work()
        finally:
            os._exit(0)
    return os.waitpid(pid, 0)[1] == signal.SIGKILL


@pytest.mark.filterwarnings("ignore:.*fork")
def test_killed_at_any_step_every_file_is_whole_and_the_next_run_does_the_rest(
        kit, own, tmp_path):
    shutil.rmtree(own / "more")
    edit(own / "00_start_here.ipynb", add=WHAT_THE_LEARNER_DID)
    updated(kit)
    updated(kit, "00_start_here.ipynb")
    former = own.rename(tmp_path / "former")
    shutil.copytree(former, own)
    renew(own, kit)
    before, after = everything(former), everything(own)
    step = 1
    while True:
        shutil.rmtree(own)
        shutil.copytree(former, own)
        killed = killed_at(step, lambda: renew(own, kit))
        for name, found in everything(own).items():
            if Path(name).name.startswith(TEMPORARY):
                os.utime(own / name, (0, 0))  # an hour later
            else:
                assert found in (before.get(name), after[name]), (step, name)
        assert before.keys() <= everything(own).keys()
        assert renew(own, kit).failed == [] and everything(own) == after, step
        if not killed:
            break
        step += 1
    assert step > 20


def test_what_another_run_is_about_to_give_is_not_taken_for_left_over(kit, own):
    (own / f"{TEMPORARY}0").touch()
    renew(own, kit)
    assert (own / f"{TEMPORARY}0").exists()


def test_runs_at_once_do_no_harm(kit, tmp_path):
    own, failed = tmp_path / "work", []

    def run():
        failed.extend(renew(own, kit).failed)
        fresh(own, "03_open.ipynb", kit)

    for number in range(10):
        at_once = [threading.Thread(target=run) for _ in range(3)]
        for thread in at_once:
            thread.start()
        for thread in at_once:
            thread.join()
        assert failed == [] and done(own, kit) == {}
        assert len(everything(own)) == len(NAMES) + 3
        if number % 2:
            shutil.rmtree(own)
        else:
            for path in own.glob("*_fresh*"):
                path.unlink()
            updated(kit, NAMES[number % 3])


FILLED = """
import json, os, resource, tempfile
from pathlib import Path
from pipe_helpers.chapters.copy import renew
os.chdir(tempfile.gettempdir())
own, kit = Path("work").resolve(), Path(os.environ["KIT"])
def everything():
    return {str(path): path.read_text() for path in own.rglob("*") if path.is_file()}
renew(own, kit)
(own / "more/poll.ipynb").unlink()
before = everything()
first = kit / "notebooks" / "00_start_here.ipynb"
notebook = json.loads(first.read_text())
notebook["cells"][0]["source"] = "x" * 40_000
first.write_text(json.dumps(notebook))
for room in (0, 1_000, 12_000):
    with Full(room):
        told = renew(own, kit)
    assert not told.renewed and before.items() <= everything().items() and len(everything()) < 4
    print(*{why for _, why in told.failed})
assert not renew(own, kit).failed and len(everything()) == 3
"""


@pytest.mark.parametrize("full", FULL if MOUNTS else ["limit"])
def test_a_full_disk_leaves_what_was_there_and_is_told(kit, tmp_path, full):
    (tmp_path / "tmp").mkdir()
    before = "import os, resource, tempfile\n" + textwrap.dedent(FULL[full])
    words = MOUNTS if full == "disk" else []
    run = subprocess.run(
        [*words, sys.executable, "-c", f"{before}\nos.chdir(tempfile.gettempdir())\n{FILLED}"],
        env=os.environ | {"TMPDIR": str(tmp_path / "tmp"), "KIT": str(kit), "PYTHONPATH": ROOT},
        capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr
    said = "No space left on device" if full == "disk" else "File too large"
    assert run.stdout == f"{said}\n" * 3


def test_what_could_not_be_done_is_told_once_for_each_cause_and_the_lab_starts_all_the_same(
        tmp_path, monkeypatch, capsys):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    started = []
    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(command, "start_jupyterlab", lambda *words: started.append(words))
    words = ["--folder", str(tmp_path / "work")]
    for present in (False, True):
        if present:
            write(tmp_path / "work" / "mine.ipynb", WHAT_THE_LEARNER_DID)
        with pytest.raises(SystemExit) as ended:
            command.main(["lab", *words, "--port", "9999"])
        assert ended.value.code == 1
        assert capsys.readouterr().out.splitlines() == [
            f"Your chapters: {tmp_path / 'work'}",
            f"{tmp_path / 'work' / '00_start_here.ipynb'} and {len(chapters()) - 1} more:"
            " No space left on device"]
        assert started == [(tmp_path / "work", ["--port", "9999"], False)] * present
    with pytest.raises(SystemExit) as ended:
        command.main(["fresh", "03", *words])
    assert ended.value.code == f"{tmp_path / 'work'}: No space left on device"


# ---------------------------------------------------------------- whose clone, whose home

READ_ONLY = ["sh", "-c", 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"']


@pytest.fixture
def clone():
    """A clone that its owner alone can write to, where another user can read it: (clone, home)."""
    with tempfile.TemporaryDirectory(prefix="room_", dir="/tmp") as room:
        room = Path(room).resolve()  # macOS reaches /tmp through a link
        clone = room / "clone of the owner"
        unwanted = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "pipe_helpers", clone / "pipe_helpers", ignore=unwanted)
        for name in NAMES:
            write(clone / "notebooks" / name, "1 + 1")
        home = room / "home"
        home.mkdir()
        home.chmod(0o777)
        for each in (room, clone):
            each.chmod(0o755)
        yield clone, home
        clone.chmod(0o755)


@pytest.mark.parametrize("room", ["another user", *(["read-only"] if MOUNTS else [])])
def test_in_a_clone_that_cannot_be_written_the_copy_is_at_home(clone, room):
    clone, home = clone
    through = another_user() if room == "another user" else [*MOUNTS, *READ_ONLY, str(clone)]
    if not through:
        clone.chmod(0o555)
    before = everything(clone)

    def copy(home):
        return subprocess.run(
            [*through, sys.executable, "-B", "-m", "pipe_helpers.chapters", "copy"], cwd="/",
            env=os.environ | {"PYTHONPATH": str(clone), "HOME": str(home)},
            capture_output=True, text=True, timeout=30)

    for counts in (" (3 new)", ""):
        run = copy(home)
        assert (run.returncode, run.stderr) == (0, "")
        assert run.stdout == f"Your chapters: {home}/named-pipes{counts}\n"
    assert sorted(everything(home / "named-pipes")) == NAMES
    run = copy("/dev/null")
    assert run.returncode == 1 and run.stderr.count("\n") == 1
    assert f"{clone}/work and /dev/null/named-pipes can't be written" in run.stderr
    assert "--folder" in run.stderr
    assert everything(clone) == before


def test_the_copy_is_in_the_clone_unless_it_is_somebody_elses(kit, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert place(kit) == kit / "work"
    (kit / "work").mkdir()
    assert place(kit) == kit / "work"
    uid = (kit / "work").stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    assert place(kit) == tmp_path / "named-pipes"
    (kit / "work").rmdir()
    (kit / "work").write_text("")
    assert place(kit) == tmp_path / "named-pipes"


def test_without_a_home_to_write_to_it_is_said_where_jupyter_keeps_its_files(
        tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert command.environment(tmp_path)["HOME"] == str(tmp_path)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("HOME", "/dev/null")
    home = Path(command.environment(tmp_path / "work")["HOME"])
    assert home.is_dir() and home.is_relative_to(tmp_path / "work")
    said = capsys.readouterr().err
    assert said.startswith("Your home folder, /dev/null, can't be written") and str(home) in said


# ---------------------------------------------------------------- what is opened


@pytest.mark.parametrize("tabs, opened", [
    ('{"data": {"notebook:03_open.ipynb": {}}}', "/lab"),
    ('{"data": {"notebook:more/poll.ipynb": {}, "notebook:gone.ipynb": {}}}', "/lab"),
    ('{"data": {"notebook:gone.ipynb": {}, "layout-restorer:data": {}}}', None),
    ('{"data": []}', None), ("[]", None), ("", None)])
def test_the_tabs_that_were_open_are_opened_or_the_first_chapter(own, monkeypatch, tabs, opened):
    monkeypatch.setenv("KIT_STATE", "")
    assert command.page_to_open(own) == "/lab/tree/00_start_here.ipynb"
    file = own / ".lab" / "workspaces" / "default-37a8.jupyterlab-workspace"
    file.parent.mkdir(parents=True)
    file.write_text(tabs)
    assert command.page_to_open(own) == (opened or "/lab/tree/00_start_here.ipynb")


def test_the_page_of_progress_is_opened_once_there_is_any_and_is_renewed(
        own, kit, tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    page = own / PROGRESS
    shutil.copy(ROOT / "notebooks" / PROGRESS, kit / "notebooks")
    assert done(own, kit) == {"given": [PROGRESS]}
    command.show_progress(own)
    assert command.page_to_open(own) == "/lab/tree/00_start_here.ipynb"
    for solved in "make_pipe", "messages":
        notes.keep("solved", solved)
        command.show_progress(own)
        assert command.page_to_open(own) == f"/lab/tree/{PROGRESS}"
        nbformat.validate(nbformat.read(page, as_version=4))
        run_cells(page)
    edit(page, add=WHAT_THE_LEARNER_DID)
    changed = page.read_bytes()
    command.show_progress(own)
    assert page.read_bytes() == changed
    assert done(own, kit) == {} and page.read_bytes() == changed
