"""workspace() gives a chapter a private folder, and takes it away whatever way the chapter ends."""
import contextlib
import os
import pathlib
import signal
import stat
import tempfile

import pytest
from processes import interrupted_at

from pipe_helpers import launch, workspace
from pipe_helpers.keeping import keeper
from pipe_helpers.processes.console import running_programs

pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.fixture(autouse=True)
def close_what_is_left():
    try:
        yield
    finally:
        if workspace._from_plain_call is not None:
            workspace._from_plain_call.close()


def test_its_folder_is_private_current_and_gone_after_the_block(own_folder):
    former = os.getcwd()
    with workspace() as path:
        assert isinstance(path, pathlib.Path) and path.is_absolute()
        assert pathlib.Path.cwd() == path and path.parent == own_folder.resolve()
        assert stat.S_IMODE(path.stat().st_mode) == 0o700 and os.listdir() == []
        os.mkfifo("my_pipe")
        os.makedirs("some/folder")
        pathlib.Path("some/folder/file").write_text("x")
    assert os.getcwd() == former and os.listdir(own_folder) == []


def test_it_is_private_whatever_the_umask_is():
    former = os.umask(0)
    try:
        with workspace() as path:
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
    finally:
        os.umask(former)


def test_an_exception_in_the_block_passes_through_and_the_folder_is_gone(own_folder):
    former = os.getcwd()
    for error in (KeyError, KeyboardInterrupt, SystemExit):
        with pytest.raises(error):
            with workspace():
                raise error
        assert os.getcwd() == former and os.listdir(own_folder) == []


def test_called_again_it_is_in_the_place_of_the_former_one(own_folder, alive):
    former = os.getcwd()
    first = workspace()
    os.mkfifo("my_pipe")
    program = launch("cat", "my_pipe")
    second = workspace()
    assert first.path != second.path
    assert pathlib.Path.cwd() == second.path and os.listdir() == []
    third = workspace()
    assert not first.path.exists() and not alive(program.pid)
    assert pathlib.Path.cwd() == third.path and os.listdir() == []
    third.close()
    third.close()
    assert not second.path.exists()
    assert os.getcwd() == former and os.listdir(own_folder) == []


def test_a_block_inside_a_chapter_leaves_the_chapters_folder_as_it_was(own_folder, alive):
    former = os.getcwd()
    chapter = workspace()
    os.mkfifo("my_pipe")
    program = launch("cat", "my_pipe")
    for _ in range(2):
        with workspace() as inner:
            assert pathlib.Path.cwd() == inner and os.listdir() == []
            with workspace() as innermost:
                pass
            assert pathlib.Path.cwd() == inner and not innermost.exists()
        assert pathlib.Path.cwd() == chapter.path and not inner.exists()
        assert os.listdir() == ["my_pipe"] and program.running
    with contextlib.ExitStack() as stack:
        stack.enter_context(workspace())
    again = workspace()
    with workspace():
        assert not chapter.path.exists() and not alive(program.pid)
    assert pathlib.Path.cwd() == again.path
    again.close()
    assert os.getcwd() == former and os.listdir(own_folder) == []


def test_an_interrupt_as_the_former_folder_goes_leaves_none(own_folder):
    former = os.getcwd()
    step, interrupted = 1, True
    while interrupted:
        workspace()
        last = workspace()
        _, interrupted = interrupted_at(step, last.close)
        last.close()
        assert os.listdir(own_folder) == [] and os.getcwd() == former, step
        step += 1
    assert step > 2


def test_blocks_nest_and_each_goes_back_to_the_one_around_it(own_folder):
    with workspace() as outer:
        with workspace() as inner:
            assert outer.exists() and pathlib.Path.cwd() == inner
        assert not inner.exists() and pathlib.Path.cwd() == outer
    assert os.listdir(own_folder) == []


def test_it_is_a_path_and_tells_it():
    here = workspace()
    assert os.fspath(here) == str(here.path) and repr(here) == f"<workspace {here.path}>"


@pytest.mark.parametrize("cwd", [None, ".", "sub", "link"])
def test_programs_launched_in_it_end_with_it_and_others_do_not(alive, tmp_path, cwd):
    outside = launch("sleep", "60")
    with workspace() as path:
        os.mkdir("sub")
        os.symlink(path / "sub", tmp_path / "link")
        inside = launch("sleep", "60", cwd=tmp_path / "link" if cwd == "link" else cwd)
    assert not inside.running and not alive(inside.pid)
    assert outside.running and running_programs() == [outside]


def test_a_former_folder_that_is_gone_is_no_obstacle(own_folder, tmp_path):
    os.mkdir(tmp_path / "gone")
    os.chdir(tmp_path / "gone")
    with workspace():
        os.rmdir(tmp_path / "gone")
    assert os.listdir(own_folder) == [] and os.path.isdir(os.getcwd())


def test_it_works_in_a_current_folder_that_is_gone(own_folder, tmp_path):
    os.mkdir(tmp_path / "gone")
    os.chdir(tmp_path / "gone")
    os.rmdir(tmp_path / "gone")
    with workspace() as path:
        assert pathlib.Path.cwd() == path
    assert os.listdir(own_folder) == [] and os.path.isdir(os.getcwd())


def test_a_temporary_folder_behind_a_link_with_an_odd_name_will_do(own_folder, monkeypatch):
    (own_folder / "real").mkdir()
    (own_folder / "-l ü\n$x").symlink_to(own_folder / "real")
    monkeypatch.setattr(tempfile, "tempdir", str(own_folder / "-l ü\n$x"))
    with workspace() as path:
        assert path == path.resolve() == pathlib.Path.cwd()
    assert os.listdir(own_folder / "real") == []


def test_no_temporary_folder_is_an_error_and_changes_nothing(monkeypatch):
    former = os.getcwd()
    monkeypatch.setattr(tempfile, "tempdir", "/no/such/folder")
    with pytest.raises(OSError):
        workspace()
    assert os.getcwd() == former


def test_a_killed_keeper_does_not_keep_the_folder(own_folder):
    here = workspace()
    keeper._keeper.kill()
    keeper._keeper.wait()
    here.close()
    assert os.listdir(own_folder) == []


# ---- the end of the process

@pytest.mark.parametrize("style", ["workspace()", "workspace().__enter__()"])
@pytest.mark.parametrize("end", [
    "pass", "raise RuntimeError", "sys.exit(3)", "os._exit(3)", "os.kill(os.getpid(), 9)",
    "os.kill(os.getpid(), 15)", "os.kill(os.getpid(), signal.SIGINT)",
])
def test_it_is_gone_within_a_second_after_the_process(python, until, alive, own_folder, style, end):
    caller = python(f"""
        import os, signal, sys
        from pipe_helpers import launch, workspace
        {style}
        os.mkfifo("my_pipe")
        print(launch("cat", "my_pipe").pid, flush=True)
        {end}
    """)
    pid = int(caller.stdout.readline())
    try:
        caller.wait(10)
        until(lambda: os.listdir(own_folder) == [], "the folder is gone", 1)
        until(lambda: not alive(pid), "its program is gone", 1)
    finally:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit()", "here.close()"])
def test_a_forked_child_that_ends_does_not_remove_it(python, until, own_folder, end):
    caller = python(f"""
        import os, sys
        from pipe_helpers import launch, workspace
        here = workspace()
        os.mkfifo("my_pipe")
        program = launch("cat", "my_pipe")
        child = os.fork()
        if not child:
            {end}
            os._exit(0)
        os.waitpid(child, 0)
        print(os.path.exists("my_pipe"), program.running, flush=True)
    """)
    assert caller.communicate(timeout=10)[0] == "True True\n"
    until(lambda: os.listdir(own_folder) == [], "the folder is gone", 1)


def test_it_is_gone_after_the_process_though_a_forked_child_lives_on(python, until, own_folder):
    caller = python("""
        import os, signal
        from pipe_helpers import workspace
        workspace()
        child = os.fork()
        if not child:
            signal.pause()
        print(child, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    child = int(caller.stdout.readline())
    try:
        caller.wait(10)
        until(lambda: os.listdir(own_folder) == [], "the folder is gone", 1)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_restart_of_the_kernel_leaves_no_folder_and_no_program(
        kernel, until, alive, own_folder):
    def kept():
        return [name for name in os.listdir(own_folder) if name.startswith("named_pipes")]

    code = """
        import os
        from pipe_helpers import launch, workspace
        workspace()
        os.mkfifo("my_pipe")
        program = launch("cat", "my_pipe")
        print(program.pid)
    """
    for now in (False, True):
        output, error = kernel.run(code)
        assert error is None and kept()
        kernel.restart(now=now)
        until(lambda: not kept(), "the folder is gone", 2)
        until(lambda: not alive(int(output)), "the program is gone", 2)
        kernel.wait_for_ready()


def test_in_a_kernel_running_the_cell_again_leaves_one_folder(kernel, own_folder):
    for _ in range(3):
        _, error = kernel.run("from pipe_helpers import workspace\nworkspace()")
        assert error is None
    assert len([name for name in os.listdir(own_folder) if name.startswith("named_pipes")]) == 1


def test_in_a_kernel_a_block_leaves_the_chapters_folder_and_its_programs(kernel, alive):
    _, error = kernel.run("""
        import os
        from pipe_helpers import launch, workspace
        here = workspace()
        os.mkfifo("my_pipe")
        program = launch("cat", "my_pipe")
    """)
    assert error is None
    output, error = kernel.run("""
        with workspace() as inner:
            print(os.listdir())
        print(os.listdir(), os.getcwd() == str(here.path), inner.exists(), program.running)
    """)
    assert (output, error) == ("[]\n['my_pipe'] True False True\n", None)
    assert kernel.run("print(os.listdir(), program.running)") == ("['my_pipe'] True\n", None)
    pid = int(kernel.run("print(program.pid)")[0])
    kernel.run("workspace()")
    assert kernel.run("print(here.path.exists(), os.listdir())") == ("False []\n", None)
    assert not alive(pid)


def test_a_cell_that_writes_a_program_works_in_a_workspace_and_writes_nothing_before(
        kernel, own_folder, tmp_path):
    cell = "%%program wait.py\nimport os"
    before = set(tmp_path.iterdir())
    kernel.run(cell)
    assert set(tmp_path.iterdir()) == before
    kernel.run("from pipe_helpers import workspace\nspace = workspace()")
    kernel.run(cell)
    assert kernel.run("print((space.path / 'wait.py').read_text())") == ("import os\n\n", None)


def test_a_folder_that_goes_as_the_interpreter_ends_does_not_keep_it(python):
    process = python("""
        import sys
        from pipe_helpers.keeping.folder import KeptFolder

        class Last:
            folder = KeptFolder("named_pipes_")
            def __del__(self, print=print, finalizing=sys.is_finalizing):
                print(finalizing(), flush=True)
                self.folder.remove()

        last = Last()
        last.itself = last  # in a circle, and so found by the last garbage collection
    """)
    output, errors = process.communicate(timeout=20)
    assert (output, errors, process.returncode) == ("True\n", "", 0)
