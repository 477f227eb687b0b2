"""The lab in a kernel, without a browser: what it shows elsewhere, what it costs, when it ends.

    KIT_INTERRUPTS=200 python -m pytest tests/test_pipelab.py -k sigint -rP

interrupts it so often, at random moments.
"""
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from save_notebooks import METADATA, save

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads the processor time in /proc")
LAB = "from pipe_helpers import PipeLab\nlab = PipeLab()"
PIDS = "print(*[process.pid for process in lab._model.look().processes])"


@pytest.fixture
def lab_kernel(own_folder, kernel):
    """A kernel whose temporary files are in own_folder, at .temporary."""
    kernel.temporary = own_folder
    return kernel


def say(kernel, code):
    printed, error = kernel.run(code)
    assert error is None, error
    return printed.strip()


def test_importing_the_helpers_brings_neither_widgets_nor_pictures(python):
    program = python("""
        import sys
        import pipe_helpers
        from pipe_helpers import Puppet, workspace
        import pipe_helpers.lab.model
        print([name for name in ("ipywidgets", "matplotlib", "IPython") if name in sys.modules])
    """)
    assert program.communicate(timeout=20)[0].strip() == "[]"


def test_where_widgets_cannot_run_a_picture_and_words_stand_in_their_place(lab_kernel):
    say(lab_kernel, LAB)
    bundle = """
        import json
        data, metadata = lab._still(lab._model.look())
        print(json.dumps([sorted(data), data["text/plain"], metadata["image/png"]]))
    """
    kinds, text, picture = json.loads(say(lab_kernel, bundle))
    assert kinds == ["image/png", "text/plain"]
    assert "two real processes" in text and "JupyterLab" in text
    assert picture["alt"] == text and picture["width"] < 900
    say(lab_kernel, """
        lab._model.open("writer")
        writer, reader = [process.puppet for process in lab._model.processes]
        opening = writer.under_way
        writer.wait_blocked()
        lab._model.open("reader")
        opening.wait()
        reader.under_way and reader.under_way.wait()
    """)
    _, text, taller = json.loads(say(lab_kernel, bundle))
    assert "writer opened my_pipe for writing" in text
    assert taller["height"] > picture["height"]


def test_a_lab_for_a_pair_is_made_with_a_process_and_a_path(lab_kernel):
    say(lab_kernel, """
        from pipe_helpers import PipeLab
        lab = PipeLab("writer", "our_pipe")
    """)
    assert say(lab_kernel, "print(lab, lab.text)") == (
        "<PipeLab with one process> PipeLab: a writer, a real process, at the named pipe our_pipe. "
        "Run this cell in JupyterLab to use its buttons.")
    assert "No process has made a call yet" in say(lab_kernel, "print(lab.python)")
    assert say(lab_kernel, "import os; lab.close(); print('our_pipe' in os.listdir())") == "False"
    for wrong, why in [("'writer'", 'PipeLab("writer", "/tmp/our_pipe")'),
                       ("'listener', 'p'", 'for a "writer" or a "reader", not \'listener\'')]:
        _, error = lab_kernel.run(f"PipeLab({wrong})")
        assert error.startswith("ValueError") and why in error


def test_a_saved_notebook_keeps_the_picture_and_compares_equal(own_folder, monkeypatch, python):
    path = own_folder.parent / "here" / "chapter.ipynb"
    cells = [new_code_cell("from pipe_helpers import PipeLab\n\nPipeLab()", id="lab"),
             new_code_cell("from pipe_helpers import leftovers\nassert leftovers() == []", id="z")]
    nbformat.write(new_notebook(cells=cells, metadata=METADATA), path)
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    assert save(path) is None
    line, output = nbformat.read(path, 4).cells[0].outputs
    assert "The lab has ended: run this cell again." in line.data["text/html"]
    assert sorted(output.data) == ["image/png", "text/plain"]
    run = python(None, "-m", "pytest", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider",
                 path, cwd=path.parent)
    output, _ = run.communicate(timeout=60)
    assert "2 passed" in output, output


@pytest.mark.parametrize("same_cell", [True, False], ids=["the same cell", "another cell"])
def test_running_a_cell_again_ends_the_lab_that_it_made_and_no_other(
        lab_kernel, until, alive, same_cell):
    say(lab_kernel, LAB)
    former = list(map(int, say(lab_kernel, PIDS).split()))
    say(lab_kernel, LAB if same_cell else f"{LAB}  # elsewhere")
    assert any(map(alive, former)) is not same_cell
    newer = list(map(int, say(lab_kernel, PIDS).split()))
    assert all(map(alive, newer))
    labs = [name for name in os.listdir(lab_kernel.temporary) if "lab" in name]
    assert len(labs) == (1 if same_cell else 2)


def test_several_labs_made_by_one_cell_live_together(lab_kernel, alive):
    pids = say(lab_kernel, """
        from pipe_helpers import PipeLab
        labs = [PipeLab() for _ in range(3)]
        print(*[process.pid for lab in labs for process in lab._model.look().processes])
    """).split()
    assert len(set(pids)) == 6 and all(alive(int(pid)) for pid in pids)


INTERRUPTED = """
    import _thread, gc, os, sys, time
    from pipe_helpers import PipeLab
    from pipe_helpers.processes.console import running_programs
    from pipe_helpers.processes.puppet import running_puppets

    def left():
        folder = os.listdir(os.environ["TMPDIR"])
        return [running_puppets(), running_programs(), folder, _thread._count()]

    gc.disable()  # an interrupt that comes in a destructor is lost
    for way in map(str.strip, sys.stdin):
        gc.collect()
        lab = None if way == "make" else PipeLab()
        try:
            print("go", flush=True)
            if way == "make":
                lab = PipeLab()
            elif way == "add_process":
                lab._model.add_process("reader")
            else:
                lab._model.start_over()
            time.sleep(60)
        except KeyboardInterrupt as interrupt:
            ended = "late" if interrupt.__traceback__.tb_next is None else "interrupted"
        if lab:
            lab.close()
        deadline = time.monotonic() + 5
        while left() != [[], [], [], 0] and time.monotonic() < deadline:
            time.sleep(0.01)
        print(ended if left() == [[], [], [], 0] else left(), flush=True)
"""
TRIES = int(os.environ.get("KIT_INTERRUPTS", 10))


@pytest.mark.parametrize("way", ["make", "add_process", "start_over"])
def test_sigint_at_any_moment_leaves_nothing_that_no_lab_knows(left, python, way):
    running = python(INTERRUPTED, stdin=subprocess.PIPE)
    outcomes = []
    for _ in range(TRIES):
        print(way, file=running.stdin, flush=True)
        assert running.stdout.readline() == "go\n", running.stderr.read()
        time.sleep(random.uniform(0, 0.12))  # the moment of the interrupt
        running.send_signal(signal.SIGINT)
        outcomes.append(running.stdout.readline().strip())
    print(way, {each: outcomes.count(each) for each in set(outcomes)})
    assert set(outcomes) <= {"late", "interrupted"}
    assert running.communicate(timeout=10)[1] == ""


@pytest.mark.parametrize("number", [1, 2, 30], ids=["the lab", "its first part", "a later part"])
def test_sigint_while_a_widget_is_made_leaves_none_half_made(own_folder, left, python, number):
    running = python("""
        import os, signal, sys, threading, time
        from ipywidgets import Widget
        from pipe_helpers import PipeLab

        begin, begun = Widget.setup_instance, []

        def interrupted(widget, *args, **kwargs):  # it is there, and has no traits yet
            begun.append(widget)
            if len(begun) == int(sys.argv[1]):
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            begin(widget, *args, **kwargs)

        Widget.setup_instance = interrupted
        try:
            PipeLab()
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        deadline = time.monotonic() + 5
        while os.listdir(os.environ["TMPDIR"]) and time.monotonic() < deadline:
            time.sleep(0.01)
        begun.clear()  # what is half made is thrown away now
        print(os.listdir(os.environ["TMPDIR"]))
    """, number)
    assert running.communicate(timeout=20) == ("interrupted\n[]\n", "")


@pytest.mark.parametrize("way", ["lab.end()", "lab.close()", "restart"])
def test_nothing_is_left_when_it_ends(lab_kernel, until, alive, way):
    say(lab_kernel, LAB)
    pids = list(map(int, say(lab_kernel, PIDS).split()))
    say(lab_kernel, "lab._model.open('writer')")
    if way == "restart":
        lab_kernel.restart(now=True)
        lab_kernel.wait_for_ready()
    else:
        assert say(lab_kernel, way) == ""
    until(lambda: not any(map(alive, pids)), "the processes have ended")
    until(lambda: not [name for name in os.listdir(lab_kernel.temporary)
                       if name.startswith("named_pipes_")], "the folders are gone")
    if way == "lab.end()":
        assert say(lab_kernel, "print(lab)") == "<PipeLab ended>"


@LINUX
def test_an_idle_lab_does_not_wake_and_costs_less_than_a_hundredth_of_a_core(lab_kernel, until):
    say(lab_kernel, "from pipe_helpers import PipeLab\nlab = PipeLab()\nlab")
    until(lambda: say(lab_kernel, "print(lab._calm)") == "True", "its picture is drawn")
    kernel = say(lab_kernel, "import os; print(os.getpid())")
    pids = [kernel, *say(lab_kernel, PIDS).split()]
    thread = say(lab_kernel, """
        import threading
        print(*(each.native_id for each in threading.enumerate() if each.name == "PipeLab"))
    """)
    before, seconds = sum(map(processor_time, pids)), 3
    woken = times_woken(kernel, thread)
    time.sleep(seconds)  # what is measured
    share = (sum(map(processor_time, pids)) - before) / seconds
    print(f"an idle lab: {100 * share:.2f} % of a core")
    assert share < 0.01 and times_woken(kernel, thread) == woken


def times_woken(pid, thread):
    with open(f"/proc/{pid}/task/{thread}/status") as file:
        return re.search(r"^voluntary_ctxt_switches:.*", file.read(), re.MULTILINE)[0]


def processor_time(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
