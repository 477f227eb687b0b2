"""What trace() records, in this process and in programs, and that it changes nothing else."""
import gc
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import traceback

import pytest

from pipe_helpers import launch, launch_reader, launch_writer, time_limit, timeline, trace

NAMES = ("mkfifo", "open", "read", "write", "close", "unlink")
pytestmark = pytest.mark.usefixtures("own_folder")


def functions():
    return [getattr(os, name) for name in NAMES]


def texts(calls, pid=None):
    return [f"{c.call_text} → {c.result_text}" for c in calls if pid in (None, c.pid)]


def entered(t, pid, name):
    """A condition: that process is in a call of that name, or has left it."""
    return lambda: any((call.pid, call.name) == (pid, name) for call in t.calls)


def test_each_call_is_recorded_as_it_was_made_and_with_what_came_of_it():
    with trace() as t:
        os.mkfifo("my_pipe", mode=0o600)
        fd = os.open(b"my_pipe", os.O_RDWR | os.O_NONBLOCK)
        os.write(fd, b"Hello from pid [4194304]")
        os.write(fd, memoryview(bytes(60_000)))
        os.write(fd, bytes(9_000))
        os.read(fd, 512)
        with pytest.raises(TypeError):
            os.write(fd, "text")
        os.close(fd)
        with pytest.raises(OSError):
            os.close(fd)
        os.unlink(pathlib.Path("my_pipe"))
    zeros = "b'" + r"\x00" * 8 + "'…"
    part = t.calls[4].result
    assert texts(t.calls) == [
        "mkfifo(my_pipe, 0o600) → done",
        "open(my_pipe, O_RDWR|O_NONBLOCK) → fd",
        "write(fd, b'Hello from pid [4194304]') → all bytes",
        f"write(fd, 60000 bytes: {zeros}) → all bytes",
        f"write(fd, 9000 bytes: {zeros}) → {part} of 9000 bytes",
        "read(fd, 512) → 512 bytes: b'Hello fr'…",
        "write(fd, 'text') → TypeError",
        "close(fd) → done",
        "close(fd) → OSError (EBADF 9)",
        "unlink(my_pipe) → done",
    ]
    assert [call.args[0] for call in t.calls[2:-1]] == [t.calls[1].result] * 7 == [fd] * 7
    assert {(call.pid, call.role) for call in t.calls} == {(os.getpid(), "notebook")}
    assert 0 < part < 9_000
    assert all(call.entered <= call.left and call.waited >= 0 for call in t.calls)


def test_calls_by_other_code_are_not_recorded():
    with trace() as t:
        subprocess.run(["true"], capture_output=True)
        from matplotlib.figure import Figure
        Figure().savefig("picture.png")
        pathlib.Path("picture.png").unlink()
        launch_writer("my_pipe").kill()
        exec("import os; os.mkfifo('another'); os.unlink('another')", {"__name__": "module"})
    assert t.calls == []
    assert repr(t) == "no calls recorded"
    assert "no calls recorded" in t._repr_html_()


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, SystemExit])
def test_after_the_block_the_functions_are_those_that_were_there(error):
    before = functions()
    try:
        with trace():
            assert all(now is not then for now, then in zip(functions(), before))
            if error:
                raise error
    except BaseException as raised:
        assert type(raised) is error
    assert all(now is then for now, then in zip(functions(), before))


def test_an_error_in_the_block_tells_nothing_of_the_recording():
    def fails():
        os.open("none", os.O_RDONLY)

    with pytest.raises(FileNotFoundError) as caught, trace(), trace():
        fails()
    assert [frame.name for frame in traceback.extract_tb(caught.tb)] == [
        "test_an_error_in_the_block_tells_nothing_of_the_recording", "fails"]


def test_nested_and_interleaved_traces_both_record():
    before = functions()
    outer, inner = trace(), trace()
    with outer, inner:
        os.mkfifo("both")
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)
    os.unlink("both")
    inner.__exit__(None, None, None)
    assert texts(outer.calls) == ["mkfifo(both) → done"]
    assert texts(inner.calls) == ["mkfifo(both) → done", "unlink(both) → done"]
    assert all(now is then for now, then in zip(functions(), before))


def test_one_trace_entered_twice_records_once():
    t = trace()
    with t, t:
        os.mkfifo("my_pipe")
    with t:
        os.unlink("my_pipe")
    assert texts(t.calls) == ["mkfifo(my_pipe) → done", "unlink(my_pipe) → done"]


def test_threads_lose_no_call():
    def work():
        for _ in range(100):
            os.close(os.open("/dev/null", os.O_RDONLY))

    with trace() as t:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [len([c for c in t.calls if c.name == name]) for name in ("open", "close")] == [800] * 2
    assert all(call.left and not call.error for call in t.calls)


def test_a_call_that_a_time_limit_frees_is_recorded_with_its_error():
    os.mkfifo("my_pipe")
    with trace() as t, pytest.raises(TimeoutError, match="open is still waiting"):
        with time_limit(0.05):
            os.open("my_pipe", os.O_RDONLY)
    assert texts(t.calls) == ["open(my_pipe, O_RDONLY) → TimeoutError"]
    assert t.calls[0].waited >= 49


def test_a_call_that_ctrl_c_frees_is_recorded_with_its_error(until):
    os.mkfifo("my_pipe")
    t = trace()

    def interrupt():
        until(entered(t, os.getpid(), "open"), "the open is entered")
        while t.calls[0].left is None:  # again: it may be entered, but not asleep yet
            os.kill(os.getpid(), signal.SIGINT)
            done.wait(0.05)

    done = threading.Event()
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt), t:
            os.open("my_pipe", os.O_RDONLY)
    finally:
        done.set()
        thread.join()
    assert texts(t.calls) == ["open(my_pipe, O_RDONLY) → KeyboardInterrupt"]


def test_functions_of_the_library_imported_in_the_block_work():
    code = """
        import os, sys
        from pipe_helpers import trace
        with trace():
            import pathlib, shutil, tempfile
            pathlib.Path("file").touch()
            pathlib.Path("file").unlink()
            assert shutil.rmtree.avoids_symlink_attacks, "shutil no longer knows os.open"
            with tempfile.NamedTemporaryFile():
                pass
        shutil.rmtree(tempfile.mkdtemp())
    """
    root = str(pathlib.Path(__file__).parents[1])
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True,
                   env={**os.environ, "PYTHONPATH": root})


def test_the_two_programs_are_traced_unchanged(until):
    t = trace()
    os.mkfifo("my_pipe")
    writer = launch_writer("my_pipe", trace=t)
    until(entered(t, writer.pid, "open"), "the writer is in open")
    reader = launch_reader("my_pipe", trace=t)
    assert (writer.wait(), reader.wait()) == (0, 0)
    assert (writer.name, reader.name) == ("write_to_named_pipe.py", "read_from_named_pipe.py")
    message = f"b'Hello from pid [{writer.pid}]'"
    exists = "mkfifo(my_pipe, 0o600) → FileExistsError (EEXIST 17)"
    assert texts(t.calls, writer.pid) == [
        exists, "open(my_pipe, O_WRONLY) → fd 3", f"write(3, {message}) → all bytes",
        "close(3) → done",
    ]
    assert texts(t.calls, reader.pid) == [
        exists, "open(my_pipe, O_RDONLY) → fd 3", f"read(3, 512) → {message}",
        "read(3, 512) → b'' end of file", "close(3) → done",
    ]
    assert [(c[0].role, pid) for pid, c in t.processes().items()] == [
        ("writer", writer.pid), ("reader", reader.pid)]


def test_a_program_cannot_tell_that_it_is_traced(facts_of):
    code = """
        import os, sys, __main__
        facts = [sys.argv, sys.path[0], __name__, __file__, __doc__, sorted(globals()),
                 __main__.__file__, repr(os.open), os.open in os.supports_dir_fd,
                 [os.open("/dev/null", os.O_RDONLY) for _ in range(20)],
                 os.environ.get("PYTHONPATH"), "pipe_helpers" in sys.modules]
    """
    assert facts_of(code, "a b", "-x", trace=trace()) == facts_of(code, "a b", "-x")


@pytest.mark.parametrize("code", [
    "import sys; sys.exit(3)",
    "import sys; sys.exit('no pipe')",
    "raise KeyboardInterrupt",
    "import os; os.kill(os.getpid(), 15)",
    "def f(:",
    "import os\ntry:\n  os.open('none', 0)\nexcept OSError as e:\n  raise ValueError('x') from e",
    "import sys; sys.excepthook = lambda *a: print('mine', a[0]); 1 / 0",
    "import atexit, os; atexit.register(print, 'at exit'); os.open('none', 0)",
])
def test_a_traced_program_ends_as_it_would(script, code):
    path = script(code)
    program, traced = launch(path), launch(path, trace=trace())
    assert traced.wait() == program.wait()
    assert (traced.output, traced.errors) == (program.output, program.errors)


def test_second_programs_of_a_role_are_numbered_and_forked_ones_named():
    pathlib.Path("forks.py").write_text(
        "import os\nos.close(os.open('/dev/null', 0))\npid = os.fork()\n"
        "os.unlink('child' if pid == 0 else 'parent')\n")
    for name in ("child", "parent"):
        pathlib.Path(name).touch()
    t = trace()
    for _ in range(2):
        launch("forks.py", trace=t).wait()
    assert {call.role for call in t.calls} == {
        "forks", "forks's child", "forks 2", "forks 2's child"}
    assert "unlink(child) → done" in texts(c for c in t.calls if c.role == "forks's child")


@pytest.mark.parametrize("program", ["cat", sys.executable])
def test_only_python_programs_can_be_traced(program):
    t = trace()
    with pytest.raises(ValueError, match="can't be traced: only Python programs can"):
        launch(program, trace=t)
    assert t.calls == []


@pytest.mark.parametrize("step", ["open", "read", "write"])
def test_a_program_killed_in_a_call_has_entered_it_and_never_left(until, step):
    os.mkfifo("my_pipe")
    pathlib.Path("victim.py").write_text(textwrap.dedent("""
        import os, sys
        if sys.argv[1] == "open":
            os.open("my_pipe", os.O_WRONLY)
        elif sys.argv[1] == "read":
            os.read(os.open("my_pipe", os.O_RDONLY), 1)
        else:
            os.write(os.open("my_pipe", os.O_WRONLY), bytes(200_000))
    """))
    fd = None if step == "open" else os.open("my_pipe", os.O_RDWR)
    t = trace()
    victim = launch("victim.py", step, trace=t)
    try:
        until(entered(t, victim.pid, step), f"the program is in {step}")
    finally:
        victim.kill()
        if fd is not None:
            os.close(fd)
    *before, last = t.calls
    assert (last.name, last.left, last.waited, last.result_text) == (
        step, None, None, "has not returned")
    assert all(call.left for call in before)


def test_a_torn_last_line_of_a_log_is_left_out():
    t = trace()
    launch_writer("a_folder_that_is_not_there/my_pipe", trace=t).wait()
    whole = texts(t.calls)
    (_, log), = t._programs
    with open(log, "ab") as file:
        file.write(b'{"pid": 4242, "n": 77, "ent')
    assert whole == texts(t.calls) != []


def test_lines_that_a_full_disk_has_cut_cost_their_calls_and_no_others_and_it_is_told():
    t = trace()
    for _ in range(2):
        launch_writer("a_folder_that_is_not_there/my_pipe", trace=t).wait()
    whole = texts(t.calls)
    log = pathlib.Path(t._programs[0][1])
    entered, left = log.read_bytes().splitlines(keepends=True)
    assert len(whole) == 2 and t.remark == ""
    for lines, found in [
        ([entered, left, entered[:30]], 2),
        ([entered[:30], b"\n", entered, left], 2),
        ([entered[:30], b"\n", left], 1),  # out of place: its call is not known
        ([b"\n", left], 1),  # so the recorder marks an event of which nothing was written
        ([entered[:30], left], 1),
    ]:
        log.write_bytes(b"".join(lines))
        assert texts(t.calls) == whole[:found], lines
        assert "record has gaps (a full disk?)" in t.remark
        for shown in repr(t), t._repr_html_(), timeline(t).text:
            assert shown.count(t.remark) == 1


def test_after_a_write_that_a_full_disk_has_cut_the_next_event_is_on_a_line_of_its_own(
        own_folder, python):
    log = own_folder / "log"
    writes = python(f"""
        import os, resource, signal
        from pipe_helpers.recording import recorder
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        put = recorder._log_writer({str(log)!r})
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))  # as if the disk were full
        put({{"cut": "x" * 99}})
        put({{"lost": 2}})
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        put({{"kept": 3}})
        put({{"kept": 4}})
    """)
    assert writes.communicate(timeout=10)[1] == ""
    first, *rest = log.read_bytes().split(b"\n")
    assert len(first) == 20 and rest == [b'{"kept": 3}', b'{"kept": 4}', b""]


def test_what_a_signals_handler_raises_while_an_event_is_written_comes_through(own_folder, python):
    writes = python(f"""
        from pipe_helpers.recording import recorder
        put = recorder._log_writer({str(own_folder / "log")!r})
        def late(*args):
            raise TimeoutError("the time is up")
        recorder._write = late
        put({{"cut": 1}})
    """)
    assert "TimeoutError: the time is up" in writes.communicate(timeout=10)[1]


def test_an_exit_without_its_entry_leaves_what_others_have_put_into_os(monkeypatch):
    with trace() as left_before:
        pass
    monkeypatch.setattr(os, "open", "a patch")
    for t in trace(), left_before:
        t.__exit__(None, None, None)
        assert os.open == "a patch"
    with trace():
        monkeypatch.setattr(os, "read", "in the block")
    assert os.read == "in the block"


def test_a_program_that_closes_all_descriptors_runs_on(script):
    t = trace()
    program = launch(script("""
        import os
        os.close(os.open("/dev/null", os.O_RDONLY))
        os.closerange(3, 1024)
        print(os.open("/dev/null", os.O_RDONLY))
    """), trace=t)
    assert program.wait() == 0, program.errors
    assert program.output == "3\n"
    assert len(t.calls) == 2


def test_few_descriptors_allowed_are_enough(python, script):
    path = script("import os; print(os.open('/dev/null', 0))")
    process = python(f"""
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
        from pipe_helpers import launch, trace
        t = trace()
        program = launch({str(path)!r}, trace=t)
        print(program.wait(), program.output, program.errors, len(t.calls))
    """)
    assert process.communicate(timeout=10)[0].split() == ["0", "3", "1"]


def test_the_logs_are_gone_with_the_trace(own_folder, until):
    t = trace()
    program = launch_writer("my_pipe", trace=t)
    assert list(own_folder.glob("named_pipes_trace_*"))
    program.kill()
    del t

    def gone():
        gc.collect()
        return not list(own_folder.glob("named_pipes_trace_*"))

    until(gone, "the logs are gone")


def test_the_logs_are_gone_with_the_process_even_if_killed(own_folder, python, until):
    process = python("""
        from pipe_helpers import launch_writer, trace
        t = trace()
        launch_writer("my_pipe", trace=t)
        print("ready", flush=True)
        import signal; signal.pause()
    """)
    assert process.stdout.readline() == "ready\n"
    assert list(own_folder.glob("named_pipes_trace_*"))
    process.kill()
    until(lambda: not list(own_folder.glob("named_pipes_trace_*")), "the logs are gone")


def test_a_program_runs_untraced_when_the_trace_is_gone(script):
    code = "import os; print(os.open('/dev/null', 0))"
    t = trace()
    command = t.command([sys.executable, str(script(code))])
    del t
    gc.collect()
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")


def test_1000_rendezvous_keep_the_order_of_the_clock(script):
    # Two FIFOs in turn: neither side can open one again before the other has closed it.
    rounds = 500
    for name in ("there", "back"):
        os.mkfifo(name)
    path = script(f"""
        import os
        for _ in range({rounds}):
            fd = os.open("there", os.O_WRONLY)
            os.write(fd, b"ping")
            os.close(fd)
            fd = os.open("back", os.O_RDONLY)
            while os.read(fd, 512):
                pass
            os.close(fd)
    """)
    t = trace()
    program = launch(path, trace=t)
    with t, time_limit(20):
        for _ in range(rounds):
            fd = os.open("there", os.O_RDONLY)
            while os.read(fd, 512):
                pass
            os.close(fd)
            fd = os.open("back", os.O_WRONLY)
            os.write(fd, b"pong")
            os.close(fd)
    assert program.wait() == 0, program.errors
    mine, other = t.processes().values()
    assert len(mine) == len(other) == 7 * rounds

    def opens(calls):
        return [call for call in calls if call.name == "open"]

    for one, two in zip(opens(mine), opens(other)):
        assert one.args[0] == two.args[0]
        assert max(one.entered, two.entered) < min(one.left, two.left), "opens that do not overlap"
    for side, peer in ((mine, other), (other, mine)):
        writes = [call for call in side if call.name == "write"]
        reads = [call for call in peer if call.name == "read" and call.result]
        assert len(writes) == len(reads) == rounds
        assert all(w.entered < r.left for w, r in zip(writes, reads)), "read before written"


def test_a_notebook_sees_a_table_grouped_by_process():
    t = trace()
    with t:
        os.mkfifo("<my_pipe>")
    program = launch_writer("a_folder_that_is_not_there/my_pipe", trace=t)
    program.wait()
    text, page = repr(t).splitlines(), t._repr_html_()
    assert text[0] == f"notebook, pid {os.getpid()}"
    assert text[1].startswith("    mkfifo(<my_pipe>) → done, 0.")
    assert text[1].endswith(" ms")
    assert text[2] == f"writer, pid {program.pid}"
    assert "FileNotFoundError (ENOENT 2)" in text[3]
    assert "<th>who</th><th>call</th><th>result</th><th>waited</th>" in page
    assert "mkfifo(&lt;my_pipe&gt;)" in page
    assert f"writer<br>pid {program.pid}" in page


def test_a_table_of_a_thousand_calls_is_short():
    with trace() as t:
        for _ in range(1000):
            os.close(os.open("/dev/null", os.O_RDONLY))
    assert len(t.calls) == 2000
    assert len(repr(t).splitlines()) <= 42
    assert "… 1961 calls …" in repr(t)


def test_cells_of_a_kernel_are_recorded_and_the_kernel_itself_is_not(kernel):
    kernel.run("import os; from pipe_helpers import trace, time_limit; t = trace()")
    out, error = kernel.run("""
        with t:
            fd = os.open("/dev/null", os.O_RDONLY)
            print(fd)
            import matplotlib.figure
            display({"text/plain": "shown"}, raw=True)
        def close():
            os.close(fd)
    """)
    assert error is None
    out, error = kernel.run("with t: close()\nprint(*(c.name for c in t.calls))")
    assert (out, error) == ("open close\n", None)
    out, error = kernel.run("""
        os.mkfifo("my_pipe")
        with t, time_limit(.05): os.open("my_pipe", os.O_RDONLY)
    """)
    assert error.startswith("TimeoutError: open is still waiting after 0.05 s")
    out, _ = kernel.run("print(t.calls[-1].call_text, t.calls[-1].result_text, os.open)")
    assert out == "open(my_pipe, O_RDONLY) TimeoutError <built-in function open>\n"
