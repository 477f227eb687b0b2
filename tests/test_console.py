"""launch starts a program as an unrelated process, which ends with this one at the latest."""
import fcntl
import gc
import json
import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import threading
import time

import pytest
from processes import Interrupt, children, interrupted_at

from pipe_helpers import launch, launch_reader, launch_writer
from pipe_helpers.keeping.folder import KeptFolder
from pipe_helpers.processes.console import running_programs

pytestmark = pytest.mark.usefixtures("own_folder", "shell")

# A program that tells its own PID as soon as it runs, and then waits for ever in open.
BLOCKED = """
    import os, sys
    os.open(sys.argv[1], os.O_RDONLY)
"""
# One that no polite signal ends.
STUBBORN = """
    import os, signal, sys
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    print("ready")
    while True:
        os.open(sys.argv[1], os.O_RDONLY)
"""


def descriptors():
    """The open descriptors of this process, and what each of them is."""
    found = {}
    for fd in range(256):
        try:
            found[fd] = os.fstat(fd)[:3]
        except OSError:
            pass
    return found


# ---- an unrelated process

def test_its_parent_is_not_the_caller_its_session_another_and_it_has_no_terminal(facts_of):
    facts = facts_of("""
        import os
        try:
            os.open("/dev/tty", os.O_RDWR)
            terminal = True
        except OSError:
            terminal = False
        facts = [os.getpid(), os.getppid(), os.getpgid(0), os.getsid(0), terminal]
    """)
    pid, parent, group, session, terminal = facts
    assert parent != os.getpid() and not terminal
    assert group != os.getpgid(0) and session != os.getsid(0) and session != pid


def test_it_holds_no_descriptor_of_the_caller(facts_of):
    extra = [os.open("/dev/null", os.O_RDWR) for _ in range(3)]
    extra += [fcntl.fcntl(extra[0], fcntl.F_DUPFD, least) for least in (20, 63, 100, 200)]
    extra += os.pipe()
    for fd in extra:
        os.set_inheritable(fd, True)
    try:
        facts = facts_of("""
            import os
            facts = []
            for fd in range(1024):
                try:
                    facts.append([fd, list(os.fstat(fd)[:3])])
                except OSError:
                    pass
        """)
    finally:
        for fd in extra:
            os.close(fd)
    assert [fd for fd, _ in facts] == [0, 1, 2]
    mine = {(device, inode) for _, inode, device in descriptors().values()}
    assert not mine & {(device, inode) for fd, (_, inode, device) in facts[1:]}


def test_its_standard_input_is_empty_and_the_first_descriptor_it_opens_is_3(facts_of):
    facts = facts_of("import os, sys; facts = [sys.stdin.read(), os.open('/dev/null', 0)]")
    assert facts == ["", 3]


def test_its_signals_act_as_in_a_fresh_console(facts_of):
    default, ignored, blocked = facts_of("""
        import signal
        every = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
        ignored = [int(n) for n in every if signal.getsignal(n) == signal.SIG_IGN]
        facts = [signal.getsignal(signal.SIGINT) is signal.default_int_handler, ignored,
                 [int(n) for n in signal.pthread_sigmask(signal.SIG_BLOCK, [])]]
    """)
    # Python itself ignores SIGPIPE and, where there is one, SIGXFSZ.
    assert default and set(ignored) <= {signal.SIGPIPE, signal.SIGXFSZ} and blocked == []


def test_the_interrupt_of_the_caller_does_not_reach_it_but_its_own_does(
        python, script, until, alive, own_folder):
    sleeper = script("""
        import signal
        signal.pause()
    """)
    caller = python(f"""
        from pipe_helpers import launch
        program = launch({str(sleeper)!r})
        try:
            print(program.pid, flush=True)
            program.wait(30)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        input()
    """, stdin=subprocess.PIPE, start_new_session=True)
    pid = int(caller.stdout.readline())
    os.killpg(caller.pid, signal.SIGINT)
    assert caller.stdout.readline() == "interrupted\n"
    assert alive(pid)
    os.kill(pid, signal.SIGINT)
    until(lambda: not alive(pid), "its own interrupt ends it")


def test_the_environment_is_the_callers_and_python_does_not_hold_its_prints_back(
        script, monkeypatch, until):
    monkeypatch.setenv("COLOUR", "blue $x")
    program = launch(script("""
        import os, signal
        print(os.environ["COLOUR"])
        signal.pause()
    """))
    until(lambda: program.output == "blue $x\n", "its line while it runs")
    assert program.running


# ---- what is told of it

@pytest.mark.parametrize("status", [0, 1, 2, 64, 126, 127, 128, 255])
def test_its_exit_status_is_told(status):
    program = launch("sh", "-c", f"exit {status}")
    assert program.wait() == status
    assert repr(program) == f"<sh, pid {program.pid}, exit status {status}>"


@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL", "SIGTERM", "SIGPIPE", "SIGSEGV", "SIGHUP",
                                  "SIGQUIT", "SIGABRT", "SIGUSR1", "SIGALRM"])
def test_the_signal_that_ended_it_is_told(name, script):
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    program = launch(script(f"""
        import os, signal, sys
        if signal.{name} != signal.SIGKILL:
            signal.signal(signal.{name}, signal.SIG_DFL)
        os.kill(os.getpid(), signal.{name})
    """))
    assert program.wait() == -getattr(signal, name)
    assert repr(program) == f"<program.py, pid {program.pid}, ended by {name}>"


@pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="macOS has no real-time signals")
def test_a_signal_without_a_name_is_told():
    program = launch("sh", "-c", "kill -40 $$; sleep 30")
    assert program.wait() == -40
    assert "ended by signal 40" in repr(program)


@pytest.mark.parametrize("status", [129, 130, 137, 143])
def test_an_exit_status_above_128_reads_as_the_end_by_that_signal(status):
    assert launch("sh", "-c", f"exit {status}").wait() == 128 - status


def test_output_is_told_while_it_runs_and_after(script, until):
    os.mkfifo("pipe")
    program = launch(script("""
        import os, sys
        print("out")
        print("err", file=sys.stderr)
        os.close(os.open(sys.argv[1], os.O_WRONLY))
        print("more")
    """), pathlib.Path("pipe"))
    until(lambda: program.errors == "err\n", "its error output")
    assert (program.running, program.output) == (True, "out\n")
    assert repr(program) == f"<program.py, pid {program.pid}, running>"
    os.close(os.open("pipe", os.O_RDONLY))
    assert program.wait() == 0
    assert (program.output, program.errors) == ("out\nmore\n", "err\n")


def test_a_crash_message_is_among_its_errors(script):
    program = launch(script("1 / 0"))
    assert program.wait() == 1
    assert program.output == "" and program.errors.endswith("division by zero\n")


def test_five_megabytes_of_output_are_told():
    program = launch(sys.executable, "-c", "print('0123456789' * 500_000)")
    assert program.wait() == 0 and program.output == "0123456789" * 500_000 + "\n"


def test_of_more_output_than_8_mib_the_first_and_the_last_half_are_told():
    half = 4 << 20
    code = f"print('a' * {half} + 'b' * 1_000_000 + 'c' * {half}, end='')"
    program = launch(sys.executable, "-c", code)
    assert program.wait() == 0
    assert program.output == (
        "a" * half + "\n(1,000,000 bytes are left out here)\n" + "c" * half
    )


def test_the_end_is_told_though_its_output_does_not_fit_into_memory(python, own_folder):
    caller = python("""
        import resource
        from pipe_helpers import launch, workspace
        with workspace():
            print(launch("true").wait(), end=" ")
            with open("/proc/self/statm") as file:
                pages = int(file.read().split()[0])
            limit = pages * resource.getpagesize() + (100 << 20)
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            program = launch("head", "-c", str(200 << 20), "/dev/zero")
            print(program.wait(60), program.running, len(program.output) < 9 << 20)
    """ if sys.platform == "linux" else "print('0 0 False True')")
    assert caller.communicate(timeout=60) == ("0 0 False True\n", "")
    assert_nothing_is_left(own_folder)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("step", ["_read", "_what_may_be_missing"])
def test_the_end_is_told_whatever_fails_on_the_way(step, monkeypatch, own_folder, alive):
    def fail(*args):
        raise MemoryError

    with monkeypatch.context() as patch:
        program = launch("sleep", "60")
        patch.setattr(program, step, fail)
        assert program.kill() == -signal.SIGKILL and not program.running
    assert not alive(program.pid)
    assert_nothing_is_left(own_folder)


def test_bytes_that_are_no_text_are_told_as_far_as_they_are_text():
    program = launch("printf", r"a\377\376b")
    assert program.wait() == 0 and program.output == "a\ufffd\ufffdb"


def test_wait_ends_in_an_error_that_tells_cause_and_next_step():
    os.mkfifo("pipe")
    program = launch("cat", "pipe")
    started = time.monotonic()
    with pytest.raises(TimeoutError) as error:
        program.wait(0.1)
    assert 0.1 <= time.monotonic() - started < 2 and program.running
    for words in ("cat", f"pid {program.pid}", "0.1 s", "other end", "kill()"):
        assert words in str(error.value)


def test_kill_ends_it_and_a_second_kill_does_nothing(alive):
    os.mkfifo("pipe")
    program = launch("cat", "pipe")
    assert program.kill() == -signal.SIGKILL and not program.running and not alive(program.pid)
    assert program.kill() == -signal.SIGKILL
    assert repr(program) == f"<cat, pid {program.pid}, ended by SIGKILL>"
    ended = launch("true")
    ended.wait()
    assert ended.kill() == 0


if hasattr(signal, "pidfd_send_signal"):
    def test_it_is_killed_by_no_bare_pid_which_may_be_anothers(monkeypatch):
        program = launch("sleep", "60")
        real, killed = os.kill, []
        monkeypatch.setattr(os, "kill", lambda pid, number: killed.append(pid) or real(pid, number))
        assert program.kill() == -signal.SIGKILL
        assert program.pid not in killed


def test_wait_blocked_waits_for_ever_if_it_is_told_to():
    os.mkfifo("pipe")
    program = launch("cat", "pipe")
    program.wait_blocked(None)
    os.close(os.open("pipe", os.O_WRONLY))
    with pytest.raises(RuntimeError, match="it has ended"):
        while True:
            program.wait_blocked(None)


def test_kill_at_once_after_launch_ends_it():
    for _ in range(30):
        program = launch("sleep", "60")
        assert program.kill() == -signal.SIGKILL


@pytest.mark.parametrize("arguments, name", [
    ([sys.executable], os.path.basename(os.path.realpath(sys.executable))[:6]),
    ([sys.executable, "-c", "pass"], "python"),
    (["true"], "true"),
])
def test_its_name_is_that_of_its_file(arguments, name):
    program = launch(*arguments)
    assert program.wait() == 0 and program.name.startswith(name)
    assert repr(program).startswith(f"<{name}")


# ---- arguments

AWKWARD = ["two words", "'", '"', "a'b\"c", "line\nbreak", "\n", "$HOME", "`id`", "$(id)", "*", "~",
           "\\", "\\n", "é管🙂", "", " ", "-n", "--", ";", "|", "&", ">file", "#", "%s", "!", "\t"]


def test_arguments_arrive_as_they_are(facts_of):
    assert facts_of("import sys; facts = sys.argv[1:]", *AWKWARD) == AWKWARD
    assert sorted(os.listdir()) == []


def test_bytes_paths_and_numbers_arrive_as_text(facts_of):
    given = [b"\xff\xfe", pathlib.Path("a b"), 7, 0.5]
    facts = facts_of("""
        import os, sys
        facts = [list(os.fsencode(word)) for word in sys.argv[1:]]
    """, *given)
    assert [bytes(word) for word in facts] == [b"\xff\xfe", b"a b", b"7", b"0.5"]


def test_a_hundred_thousand_bytes_of_argument_arrive(facts_of):
    assert facts_of("import sys; facts = len(sys.argv[1])", "x" * 100_000) == 100_000


@pytest.mark.parametrize("argument", ["a\0b", b"\0", pathlib.PurePath("\0")])
def test_an_argument_with_a_nul_byte_is_a_value_error(argument, own_folder):
    with pytest.raises(ValueError, match="NUL"):
        launch("true", argument)
    with pytest.raises(ValueError, match="NUL"):
        launch(argument)
    assert_nothing_is_left(own_folder)


def test_an_argument_none_is_a_type_error(own_folder):
    for words in (["true", None], [None]):
        with pytest.raises(TypeError, match="None is no argument"):
            launch(*words)
    assert_nothing_is_left(own_folder)


def test_a_pipe_name_that_starts_with_a_dash_reaches_writer_and_reader():
    writer, reader = launch_writer("-pipe"), launch_reader("-pipe")
    assert (writer.wait(), reader.wait()) == (0, 0), writer.errors + reader.errors
    assert reader.output == line_of(reader, writer)


def line_of(reader, writer):
    return f"I pid [{reader.pid}] received a message => Hello from pid [{writer.pid}]\n"


def test_writer_and_reader_meet_and_their_pids_are_those_told():
    writer, reader = launch_writer(), launch_reader()
    assert (writer.wait(), reader.wait()) == (0, 0)
    assert reader.output == line_of(reader, writer)


def test_cwd_is_its_working_directory(tmp_path):
    other = tmp_path / "other place"
    other.mkdir()
    writer, reader = launch_writer(cwd=other), launch_reader("pipe", cwd="../other place")
    plain = launch("pwd", "-P", cwd=other)
    assert plain.wait() == 0 and plain.output.rstrip("\n") == str(other.resolve())
    assert writer.cwd == reader.cwd == str(other)
    pathlib.Path(other, "pipe").exists() or reader.kill()
    assert os.listdir() == []


def test_a_program_found_by_a_relative_path_is_the_callers_whatever_cwd_is(script, monkeypatch):
    program = script("#!/bin/sh\necho found\n", "tool")
    program.chmod(0o755)
    os.mkdir("bin")
    os.rename(program, "bin/tool")
    assert launched_output("bin/tool", cwd="/") == "found\n"
    monkeypatch.setenv("PATH", f"bin{os.pathsep}{os.environ['PATH']}")
    assert launched_output("tool", cwd="/") == "found\n"


def launched_output(*arguments, **options):
    program = launch(*arguments, **options)
    assert program.wait() == 0, program.errors
    return program.output


# ---- what cannot be started

def assert_nothing_is_left(own_folder):
    assert os.listdir(own_folder) == [] and running_programs() == []


@pytest.mark.parametrize("name, error, words", [
    ("no_such_program_anywhere", FileNotFoundError, "No such program"),
    ("./missing", FileNotFoundError, "No such program"),
    ("missing.py", FileNotFoundError, "missing.py"),
    ("./text", PermissionError, "chmod"),
    ("./folder", IsADirectoryError, "folder"),
    ("folder", (IsADirectoryError, FileNotFoundError), "folder"),
    ("folder.py", IsADirectoryError, "folder.py"),
    ("./bad", FileNotFoundError, "/no/such/interpreter"),
    ("./bad_folder", OSError, "/tmp"),
    ("", FileNotFoundError, "No such program"),
])
def test_a_program_that_cannot_be_started_raises_at_once(name, error, words, own_folder):
    pathlib.Path("text").write_text("#!/bin/sh\n")
    for folder in ("folder", "folder.py"):
        os.mkdir(folder)
    for bad, interpreter in (("bad", "/no/such/interpreter"), ("bad_folder", "/tmp")):
        pathlib.Path(bad).write_text(f"#!{interpreter} -x\n")
        os.chmod(bad, 0o755)
    os.mkfifo("fifo.py")
    started = time.monotonic()
    with pytest.raises(error, match=words):
        launch(name)
    assert time.monotonic() - started < 1
    assert_nothing_is_left(own_folder)


def test_a_working_directory_that_is_missing_raises_at_once(own_folder):
    pathlib.Path("file").touch()
    for cwd, error in (("missing", FileNotFoundError), ("file", NotADirectoryError)):
        with pytest.raises(error, match=cwd):
            launch("true", cwd=cwd)
    assert_nothing_is_left(own_folder)


def test_a_current_folder_that_is_gone_is_no_obstacle_if_cwd_is_given(own_folder):
    os.mkdir("gone")
    os.chdir("gone")
    os.rmdir("../gone")
    assert launch("true", cwd="/").wait() == 0
    assert_nothing_is_left(own_folder)


def test_a_script_that_may_not_be_read_raises_at_once(python, script, tmp_path):
    private = script("", "private.py")
    private.chmod(0)
    caller = python(f"""
        import os
        from pipe_helpers import launch
        launch("true").wait()  # what it imports may lie where only root can read
        os.chdir({str(tmp_path)!r})
        if os.getuid() == 0:
            os.seteuid({65534})
        try:
            launch("private.py")
        except PermissionError as error:
            print(error)
    """)
    output, errors = caller.communicate(timeout=10)
    assert "private.py" in output, errors


def test_no_temporary_folder_raises_at_once(monkeypatch, own_folder):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", "/no/such/folder")
    with pytest.raises(FileNotFoundError):
        launch("true")
    assert_nothing_is_left(own_folder)


def test_no_free_descriptor_raises_and_leaves_nothing(own_folder):
    launch("true").wait()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for spare in range(12):
        before = descriptors()
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(before) + 1 + spare, hard))
        filler = []
        try:
            while len(descriptors()) < max(before) + 1:
                filler.append(os.open("/dev/null", os.O_RDONLY))
            try:
                launch("true").wait()
            except OSError:
                pass
        finally:
            for fd in filler:
                os.close(fd)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert descriptors() == before, spare
        assert_nothing_is_left(own_folder)


def test_a_program_that_is_a_fifo_does_not_block_launch():
    os.mkfifo("program.py")
    program = launch("program.py")
    assert program.running and program.kill() == -signal.SIGKILL


# ---- many

def test_fifty_at_once_all_run():
    for number in range(50):
        os.mkfifo(f"pipe{number}")
    programs = [launch("sh", "-c", f"cat pipe{number}; exit {number}") for number in range(50)]
    assert all(program.running for program in programs)
    assert len({program.pid for program in programs}) == 50
    for number in range(50):
        os.close(os.open(f"pipe{number}", os.O_WRONLY))
    assert [program.wait() for program in programs] == list(range(50))


def test_two_hundred_launches_leave_no_zombie_descriptor_file_or_thread(own_folder):
    launch("true").wait()
    before = descriptors(), children(os.getpid()), threading.active_count()
    for number in range(200):
        assert launch("sh", "-c", f"exit {number % 100}").wait() == number % 100
    after = descriptors(), children(os.getpid()), threading.active_count()
    assert after[:2] == before[:2]
    assert after[2] <= before[2] + 1  # the last thread may still be on its way out
    assert_nothing_is_left(own_folder)


def test_it_works_with_a_thousand_files_open_if_so_many_may_be():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1100:
        pytest.skip("the system allows fewer")
    filler = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1200, hard))
        filler += [os.open("/dev/null", os.O_RDONLY) for _ in range(1050)]
        assert launch("sh", "-c", "exit 7").wait() == 7
    finally:
        for fd in filler:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_threads_may_launch(own_folder):
    results = {}

    def work(number):
        results[number] = launch("sh", "-c", f"exit {number}").wait(30)

    threads = [threading.Thread(target=work, args=[number]) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == {number: number for number in range(20)}
    assert_nothing_is_left(own_folder)


def test_a_dropped_program_runs_on_to_its_end_and_leaves_nothing(own_folder, until):
    os.mkfifo("pipe")
    launch("sh", "-c", "read line <pipe; echo $line >done")
    gc.collect()
    pathlib.Path("pipe").write_text("finished\n")
    until(lambda: os.path.exists("done") and os.path.getsize("done"), "it does its work")
    until(lambda: running_programs() == [], "it ends")
    assert_nothing_is_left(own_folder)


# ---- it ends with the caller

ENDS = {
    "return": "pass",
    "exception": "raise RuntimeError",
    "os._exit": "os._exit(3)",
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "SIGTERM": "os.kill(os.getpid(), signal.SIGTERM)",
    "exec": "os.execvp('true', ['true'])",
}
# What the caller does before it ends; the children it leaves live on and are told.
FORKS = {
    "alone": "",
    "os.fork": """
        child = os.fork()
        if not child:
            signal.pause()
        left.append(child)
    """,
    "multiprocessing": """
        child = multiprocessing.get_context("fork").Process(target=signal.pause)
        child.start()
        left.append(child.pid)
    """,
    "subprocess": """
        left.append(subprocess.Popen(["sleep", "60"], close_fds=False).pid)
    """,
}


def assert_ends_with_caller(python, until, alive, own_folder, code, seconds=1):
    caller = python("import json, multiprocessing, os, signal, subprocess, sys\n"
                    "from pipe_helpers import launch\n" + code)
    line = caller.stdout.readline()
    assert line, caller.stderr.read()
    programs, left = json.loads(line)
    try:
        assert caller.wait(10) is not None
        until(lambda: not any(map(alive, programs)), "the program is gone", seconds)
        until(lambda: os.listdir(own_folder) == [], "its folder is gone", seconds)
        assert all(map(alive, left))
    finally:
        for pid in [*programs, *left]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def caller_code(program, fork, end):
    import textwrap

    return "\n".join(map(textwrap.dedent, [
        "left = []",
        f"program = launch({program})",
        fork,
        "print(json.dumps([[program.pid], left]), flush=True)",
        end,
    ]))


@pytest.mark.parametrize("end", ENDS)
def test_whatever_way_the_caller_ends_it_is_gone_within_a_second(
        python, script, until, alive, own_folder, end):
    os.mkfifo("pipe")
    code = caller_code(f"{str(script(BLOCKED))!r}, 'pipe'", FORKS["alone"], ENDS[end])
    assert_ends_with_caller(python, until, alive, own_folder, code)


@pytest.mark.parametrize("fork", ["os.fork", "multiprocessing", "subprocess"])
@pytest.mark.parametrize("end", ["os._exit", "SIGKILL"])
def test_it_ends_with_the_caller_though_a_forked_child_lives_on(
        python, script, until, alive, own_folder, fork, end):
    os.mkfifo("pipe")
    code = caller_code(f"{str(script(BLOCKED))!r}, 'pipe'", FORKS[fork], ENDS[end])
    assert_ends_with_caller(python, until, alive, own_folder, code)


def test_a_program_that_ignores_every_polite_signal_ends_with_the_caller(
        python, script, until, alive, own_folder):
    os.mkfifo("pipe")
    code = f"""
left = []
program = launch({str(script(STUBBORN))!r}, "pipe")
while program.output != "ready\\n":
    pass
print(json.dumps([[program.pid], left]), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert_ends_with_caller(python, until, alive, own_folder, code)


def test_a_program_that_outlives_a_signal_to_its_group_ends_with_the_caller(
        python, until, alive, own_folder):
    os.mkfifo("pipe")
    code = """
program = launch("sh", "-c", "trap '' TERM; kill 0; echo ready; cat pipe")
while program.output != "ready\\n":
    pass
print(json.dumps([[program.pid], []]), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert_ends_with_caller(python, until, alive, own_folder, code)


def test_twenty_programs_and_their_children_end_with_the_caller(
        python, until, alive, own_folder):
    os.mkfifo("pipe")
    code = """
programs = [launch("sh", "-c", "sleep 60 & echo $!; cat pipe") for _ in range(20)]
while not all(program.output.endswith("\\n") for program in programs):
    pass
pids = [pid for program in programs for pid in (program.pid, int(program.output))]
print(json.dumps([pids, []]), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert_ends_with_caller(python, until, alive, own_folder, code)


def test_a_program_in_a_process_group_of_its_own_ends_with_the_caller(
        python, script, until, alive, own_folder):
    os.mkfifo("pipe")
    code = caller_code(
        f"{str(script('import os, sys; os.setsid(); os.open(sys.argv[1], 0)'))!r}, 'pipe'",
        "", ENDS["SIGKILL"])
    assert_ends_with_caller(python, until, alive, own_folder, code)


def test_a_caller_killed_in_the_middle_of_launch_leaves_nothing(python, until, own_folder):
    os.mkfifo("pipe")
    for _ in range(10):
        caller = python("""
            from pipe_helpers import launch
            launch("true").wait()  # when it is first used, tempfile tries the folder with a file
            print(flush=True)
            while True:
                launch("cat", "pipe")
        """)
        caller.stdout.readline()
        time.sleep(random.uniform(0, 0.03))  # any moment will do
        caller.kill()
        caller.wait()
        until(lambda: users_of("pipe") == [], "every program is gone", 2)
        until(lambda: os.listdir(own_folder) == [], "no file is left", 2)


def test_a_caller_killed_when_the_keeper_does_not_yet_know_the_program_never_starts_it(
        python, until, alive, own_folder):
    caller = python("""
        import os, signal
        from pipe_helpers import launch
        from pipe_helpers.processes import console
        def keep(*pids):
            print(*pids, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        console.keep = keep
        launch("sh", "-c", "echo >started; exec setsid sleep 60")
    """)
    pids = list(map(int, caller.stdout.readline().split()))
    until(lambda: not any(map(alive, pids)), "the console and its shell are gone", 2)
    until(lambda: os.listdir(own_folder) == [], "no file is left", 2)
    assert os.listdir() == []


def users_of(word):
    ps = subprocess.run(["ps", "-A", "-o", "stat=,args="], capture_output=True, text=True).stdout
    return [row for row in ps.splitlines() if row.endswith(f"cat {word}") and row[0] != "Z"]


def test_grandchildren_end_with_the_program(until, alive, own_folder):
    program = launch("sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!")
    assert program.wait() == 0
    grandchild = int(program.output)
    until(lambda: not alive(grandchild), "the grandchild is gone", 1)
    assert_nothing_is_left(own_folder)


def test_a_program_whose_console_was_killed_is_told_as_ended_and_is_gone(
        until, alive, own_folder):
    os.mkfifo("pipe")
    for _ in range(20):
        program = launch("sh", "-c", "echo started; cat pipe")
        until(lambda: program.output, "it has started")
        os.kill(program._console.pid, signal.SIGKILL)
        assert program.wait() == -signal.SIGKILL
        assert program.output == "started\n"
        until(lambda: not alive(program.pid), "it is gone", 1)
    assert_nothing_is_left(own_folder)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1"])
def test_a_program_that_signals_its_whole_group_is_told_as_ended_by_that_signal(
        name, script, own_folder):
    program = launch(script(f"""
        import os, signal
        print("bye")
        signal.signal(signal.{name}, signal.SIG_DFL)
        os.kill(0, signal.{name})
    """))
    assert program.wait() == -getattr(signal, name)
    assert program.output == "bye\n"
    assert_nothing_is_left(own_folder)


def test_in_a_forked_child_the_parents_programs_are_not_its_own(python):
    """A child would wait for ever for a thread it has not got, or end what is not its own."""
    caller = python("""
        import os
        from pipe_helpers import launch
        from pipe_helpers.processes.console import running_programs
        program = launch("sleep", "60")
        child = os.fork()
        if not child:
            os._exit(len(running_programs()))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), program.running)
    """)
    assert caller.communicate(timeout=10)[0] == "0 True\n"


# ---- the keeper

def test_five_programs_and_three_folders_need_six_shells_and_the_last_leaves_none(own_folder):
    before = children(os.getpid())
    folders = [KeptFolder("named_pipes_") for _ in range(3)]
    programs = [launch("sleep", "60") for _ in range(5)]
    assert len(children(os.getpid())) - len(before) == 6
    for program in programs:
        program.kill()
    for folder in folders:
        folder.remove()
    assert children(os.getpid()) == before
    assert_nothing_is_left(own_folder)


def test_a_keeper_that_was_killed_is_replaced_by_one_that_knows_all(
        python, until, alive, own_folder):
    code = """
from pipe_helpers.keeping import keeper
from pipe_helpers.keeping.folder import KeptFolder
programs = []
for _ in range(3):
    KeptFolder("named_pipes_")
    programs.append(launch("setsid", "sleep", "60").pid)
    keeper._keeper.kill()
    keeper._keeper.wait()
programs.append(launch("sleep", "60").pid)
print(json.dumps([programs, []]), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert_ends_with_caller(python, until, alive, own_folder, code)


def test_what_was_forgotten_is_left_alone(python, until, alive, own_folder):
    sleepers = [subprocess.Popen(["sleep", "60"], start_new_session=True) for _ in range(3)]
    try:
        caller = python(f"""
            import os, signal
            from pipe_helpers.keeping.keeper import forget, keep
            first, second, third = {[sleeper.pid for sleeper in sleepers]}
            keep(first, second, {str(own_folder / "a")!r})
            keep(third, {str(own_folder / "b")!r})
            os.mkdir({str(own_folder / "a")!r})
            os.mkdir({str(own_folder / "b")!r})
            forget(second, {str(own_folder / "a")!r})
            os.kill(os.getpid(), signal.SIGKILL)
        """)
        caller.wait(10)
        until(lambda: os.listdir(own_folder) == ["a"], "the folder that is kept is gone")
        assert sleepers[0].wait(10) == sleepers[2].wait(10) == -signal.SIGKILL
        assert sleepers[1].poll() is None
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()


# ---- an interrupt during launch

def test_an_interrupt_at_any_moment_of_launch_leaves_nothing(own_folder, until):
    def interrupt(number, frame):
        raise Interrupt

    launch("true").wait()
    before = descriptors()
    former = signal.signal(signal.SIGALRM, interrupt)
    hits = 0
    try:
        for number in range(200):
            program = None
            try:
                signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 5e-3))
                program = launch("sleep", "60")
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Interrupt:
                hits += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
            if program is not None:
                program.kill()
            until(lambda: running_programs() == [], "nothing runs")
            until(lambda: os.listdir(own_folder) == [], f"no folder is left, try {number}")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
    assert hits > 20
    until(lambda: descriptors() == before, "no descriptor is left")
    until(lambda: not children(os.getpid()), "no child is left")


def test_an_interrupt_after_any_single_step_of_launch_leaves_nothing(own_folder, until):
    """The handler of a signal runs after a call of C code: try the interrupt after each."""
    launch("true").wait()
    before = descriptors()
    step = 0
    while True:
        step += 1
        program, interrupted = interrupted_at(step, lambda: launch("sleep", "60"))
        if program is not None:
            program.kill()
        until(lambda: running_programs() == [] and os.listdir(own_folder) == [],
              f"nothing is left after an interrupt at step {step}", 2)
        if not interrupted:
            break
    assert step > 4
    until(lambda: descriptors() == before, "no descriptor is left")
    until(lambda: not children(os.getpid()), "no child is left")


# ---- where it runs

def test_it_works_with_few_descriptors_and_without_home(python, own_folder):
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    environment["PYTHONPATH"] = str(pathlib.Path(__file__).resolve().parents[1])
    caller = python("""
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        from pipe_helpers import launch_reader, launch_writer
        for _ in range(3):
            pairs = [(launch_writer(f"p{n}"), launch_reader(f"p{n}")) for n in range(4)]
            for pair in pairs:
                assert [program.wait() for program in pair] == [0, 0]
        print("done")
    """, env=environment)
    assert caller.communicate(timeout=20) == ("done\n", "")
    assert_nothing_is_left(own_folder)


@pytest.mark.parametrize("name", ["two words", "Grüße-管", "-dash", "$HOME `x` 'y' \"z\"",
                                  "back\\slash\\n %s", "line\nbreak", "*", "\udcff"])
def test_it_works_whatever_the_temporary_folder_is_called(
        name, own_folder, monkeypatch, python, until, alive):
    import tempfile

    (own_folder / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(own_folder / name))
    assert launched_output("echo", "hello") == "hello\n"
    os.mkfifo("pipe")
    assert launch("cat", "pipe").kill() == -signal.SIGKILL
    assert os.listdir(own_folder / name) == []
    assert_ends_with_caller(python, until, alive, own_folder / name, f"""
import tempfile
tempfile.tempdir = {str(own_folder / name)!r}
{caller_code("'cat', 'pipe'", "", ENDS["SIGKILL"])}
""")
