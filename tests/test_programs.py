"""The two programs of the lesson keep their promises, whatever they are given."""
import ast
import os
import pathlib
import re
import select
import signal
import socket
import stat
import subprocess
import sys

import nbformat
import pytest
from save_notebooks import NOTEBOOKS

import pipe_helpers.programs

PROGRAMS = pathlib.Path(pipe_helpers.programs.__file__).parent
WRITER = PROGRAMS / "write_to_named_pipe.py"
READER = PROGRAMS / "read_from_named_pipe.py"
BOTH = pytest.mark.parametrize("program", [WRITER, READER], ids=["writer", "reader"])
NOBODY = 65534

pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.fixture
def start(python, until):
    """Start one of the programs; with pipe=…, return when it has come as far as to make it."""
    def start(program, *args, made=None, **options):
        process = python("", program, *args, **options)
        if made is not None:
            until(lambda: os.path.exists(made), f"{program.name} makes {made}")
        return process

    return start


def end_of(process):
    output, errors = process.communicate(timeout=10)
    return process.returncode, output, errors


def assert_one_line_with(process, *words):
    status, output, errors = end_of(process)
    assert (status, output) == (1, "")
    assert errors.count("\n") == 1 and errors.endswith("\n"), errors
    for word in words:
        assert word in errors, errors


def contents(folder):
    """Each thing in the folder: name, kind and mode, size, time of the last change, bytes."""
    return sorted(
        (entry.name, entry.lstat().st_mode, entry.lstat().st_size, entry.lstat().st_mtime_ns,
         entry.read_bytes() if entry.is_file() else b"")
        for entry in pathlib.Path(folder).iterdir()
    )


def line_of(reader, writer):
    return f"I pid [{reader.pid}] received a message => Hello from pid [{writer.pid}]\n"


# ---- the line

@pytest.mark.parametrize("order", [(WRITER, READER), (READER, WRITER)],
                         ids=["writer first", "reader first"])
def test_either_may_be_started_first_and_the_reader_prints_the_line(start, order):
    first = start(order[0], made="my_pipe")
    second = start(order[1])
    writer, reader = (first, second) if order[0] is WRITER else (second, first)
    assert end_of(writer) == (0, "", "")
    assert end_of(reader) == (0, line_of(reader, writer), "")


def test_started_at_the_same_moment_they_meet(start):
    for number in range(10):
        pair = start(WRITER, f"pipe{number}"), start(READER, f"pipe{number}")
        assert end_of(pair[0]) == (0, "", "")
        assert end_of(pair[1]) == (0, line_of(pair[1], pair[0]), "")


def test_they_run_as_modules_with_a_path_and_with_the_default_one(python):
    for path in ([], ["another"]):
        writer = python("", "-m", "pipe_helpers.programs.write_to_named_pipe", *path)
        reader = python("", "-m", "pipe_helpers.programs.read_from_named_pipe", *path)
        assert end_of(writer) == (0, "", "")
        assert end_of(reader) == (0, line_of(reader, writer), "")
    assert sorted(os.listdir()) == ["another", "my_pipe"]


@pytest.mark.parametrize("mask", [0, 0o022])
def test_the_pipe_they_make_is_a_fifo_of_its_owner_only_and_stays(start, mask):
    former = os.umask(mask)
    try:
        writer, reader = start(WRITER), start(READER)
        end_of(writer), end_of(reader)
    finally:
        os.umask(former)
    assert stat.filemode(os.stat("my_pipe").st_mode) == "prw-------"


@BOTH
@pytest.mark.parametrize(
    "name", ["two words", "-pipe", "Grüße-管", "line\nbreak", "a'b\"c$`*", "link"])
def test_any_name_that_a_pipe_may_have_will_do(start, program, name):
    os.mkfifo("there")
    os.symlink("there", "link")
    process = start(program, "--", name, made=name)
    if program is WRITER:
        with open(name, "rb") as pipe:
            assert pipe.read() == b"Hello from pid [%d]" % process.pid
        assert end_of(process) == (0, "", "")
    else:
        pathlib.Path(name).write_bytes(b"hi")
        assert end_of(process) == (0, f"I pid [{process.pid}] received a message => hi\n", "")


@BOTH
def test_help_tells_what_the_program_does(start, program):
    status, output, errors = end_of(start(program, "--help"))
    assert (status, errors) == (0, "") and "my_pipe" in output


# ---- the whole message

@pytest.mark.parametrize("digits", range(1, 8))
def test_a_message_with_a_pid_of_any_length_arrives_whole(start, digits):
    message = f"Hello from pid [{'4194304'[:digits]}]"
    reader = start(READER, made="my_pipe")
    pathlib.Path("my_pipe").write_text(message)
    assert end_of(reader)[:2] == (0, f"I pid [{reader.pid}] received a message => {message}\n")


@pytest.mark.parametrize("size", [1, 22, 23, 511, 512, 513, 1024, 4097, 65_536, 65_537, 300_000])
def test_a_message_of_any_length_arrives_whole(start, size):
    message = ("0123456789" * (size // 10 + 1))[:size]
    reader = start(READER, made="my_pipe")
    pathlib.Path("my_pipe").write_text(message)
    status, output, errors = end_of(reader)
    assert (status, errors) == (0, "")
    assert output.partition(" => ")[2] == message + "\n"


def test_a_character_cut_in_two_by_a_read_arrives_whole(start):
    reader = start(READER, made="my_pipe", encoding="utf-8", env={**os.environ, "PYTHONUTF8": "1"})
    pathlib.Path("my_pipe").write_bytes(b"x" * 511 + "é".encode())
    assert end_of(reader)[1].endswith("xé\n")


def test_a_message_in_two_writes_arrives_whole(start):
    reader = start(READER, made="my_pipe")
    fd = os.open("my_pipe", os.O_WRONLY)
    for piece in (b"Hello from ", b"pid [1]"):
        os.write(fd, piece)
    os.close(fd)
    assert end_of(reader)[1].endswith("=> Hello from pid [1]\n")


def test_two_writers_that_wait_at_once_lose_nothing(start, blocked):
    os.mkfifo("my_pipe")
    writers = [start(WRITER), start(WRITER)]
    for writer in writers:
        blocked(writer.pid)
    status, output, _ = end_of(start(READER))
    assert status == 0
    assert {int(pid) for pid in re.findall(r"Hello from pid \[(\d+)\]", output)} == {
        writer.pid for writer in writers
    }
    assert [end_of(writer) for writer in writers] == [(0, "", "")] * 2


# ---- bad input

def assert_refuses(start, program, path, *causes):
    """The program ends with one line that names path and cause, and leaves the folder alone."""
    before = contents(".")
    assert_one_line_with(start(program, "--", path), repr(path), *causes)
    assert contents(".") == before


@BOTH
def test_what_is_not_a_named_pipe_is_refused(start, program):
    pathlib.Path("file").write_text("keep me")
    os.mkdir("folder")
    os.symlink("nowhere", "dangling")
    os.symlink("loop", "loop")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for path in ("file", "/dev/null"):
            assert_refuses(start, program, path, "is not a named pipe")
        # A folder can't be opened for writing, and a socket not at all: the system says so first.
        assert_refuses(start, program, "folder",
                       "Is a directory" if program is WRITER else "is not a named pipe")
        assert_refuses(start, program, "socket")
        assert_refuses(start, program, "dangling", "No such file or directory")
        assert_refuses(start, program, "loop", "symbolic links")


@BOTH
def test_a_name_that_cannot_be_is_refused(start, program):
    pathlib.Path("file").write_text("keep me")
    assert_refuses(start, program, "missing/pipe", "No such file or directory")
    assert_refuses(start, program, "", "No such file or directory")
    assert_refuses(start, program, "file/pipe", "Not a directory")
    assert_refuses(start, program, "x" * 300, "too long")
    assert_refuses(start, program, "new\nline/pipe", "No such file or directory")


@BOTH
@pytest.mark.parametrize("other", ["file", "folder"])
def test_what_replaces_the_pipe_before_it_is_opened_is_refused_untouched(
    start, script, program, other
):
    pathlib.Path("file").write_text("keep me")
    os.mkdir("folder")
    before = contents(".")
    wrapped = script(f"""
        import os, runpy
        real_open = os.open
        def replace_and_open(path, *args):
            os.unlink(path)
            os.rename({other!r}, path)
            return real_open(path, *args)
        os.open = replace_and_open
        runpy.run_path({str(program)!r}, run_name="__main__")
    """)
    cause = "Is a directory" if (program, other) == (WRITER, "folder") else "is not a named pipe"
    assert_one_line_with(start(wrapped), "'my_pipe'", cause)
    os.rename("my_pipe", other)
    assert contents(".") == before


@pytest.fixture
def as_nobody(script):
    """Make a program that gives root up just before the given one does its work."""
    return lambda program: script(f"""
        import os, runpy
        real_mkfifo = os.mkfifo
        def mkfifo_as_nobody(*args, **named):
            os.setgroups([])
            os.setgid({NOBODY})
            os.setuid({NOBODY})
            real_mkfifo(*args, **named)
        os.mkfifo = mkfifo_as_nobody
        runpy.run_path({str(program)!r}, run_name="__main__")
    """)


@BOTH
def test_no_permission_is_told_in_one_line(start, program, as_nobody):
    os.mkfifo("private", 0o600)
    os.mkdir("closed", 0o700)
    os.mkdir("readonly", 0o755)
    os.chmod(".", 0o755)
    if os.getuid() == 0:  # whom no mode stops
        program = as_nobody(program)
    else:
        os.chmod("private", 0)
        os.chmod("closed", 0)
        os.chmod("readonly", 0o555)
    try:
        for path in ("private", "closed/pipe", "readonly/pipe"):
            assert_refuses(start, program, path, "Permission denied")
    finally:
        os.chmod("closed", 0o700)


@BOTH
def test_too_many_arguments_are_a_usage_error_and_make_nothing(start, program):
    status, output, errors = end_of(start(program, "one", "two"))
    assert status == 2 and "usage" in errors and "Traceback" not in errors
    assert contents(".") == []


# ---- the other side goes away

def test_a_writer_that_closes_without_writing_is_told(start):
    reader = start(READER, made="my_pipe")
    os.close(os.open("my_pipe", os.O_WRONLY))
    assert_one_line_with(reader, "'my_pipe'", "without sending a message")


def test_a_writer_that_dies_without_writing_is_told(start, python):
    reader = start(READER, made="my_pipe")
    end_of(python("import os, signal; os.open('my_pipe', 1); os.kill(os.getpid(), 9)"))
    assert_one_line_with(reader, "'my_pipe'", "without sending a message")


def test_a_reader_gone_between_open_and_write_is_told(start, script):
    os.mkfifo("my_pipe")
    # The writer's own process holds the only read end, and closes it when open has returned.
    wrapped = script(f"""
        import os, runpy
        reader = os.open("my_pipe", os.O_RDONLY | os.O_NONBLOCK)
        real_open = os.open
        def open_and_lose_the_reader(*args):
            fd = real_open(*args)
            os.close(reader)
            return fd
        os.open = open_and_lose_the_reader
        runpy.run_path({str(WRITER)!r}, run_name="__main__")
    """)
    assert_one_line_with(start(wrapped), "'my_pipe'", "reader closed the pipe before")


# ---- Ctrl-C

@pytest.fixture
def blocked(until):
    """Wait until the process sleeps in its only thread (Linux; elsewhere nothing is awaited)."""
    def wait(pid):
        def sleeps():
            name = pathlib.Path(f"/proc/{pid}/stat")
            return not name.exists() or name.read_text().rpartition(")")[2].split()[0] == "S"
        until(sleeps, f"process {pid} sleeps")

    return wait


@BOTH
def test_an_interrupt_while_blocked_in_open_ends_it_quietly_with_130(start, blocked, program):
    process = start(program, made="my_pipe")
    blocked(process.pid)
    process.send_signal(signal.SIGINT)
    assert end_of(process) == (130, "", "")


def test_an_interrupt_while_blocked_in_read_ends_it_quietly_with_130(start, blocked):
    reader = start(READER, made="my_pipe")
    fd = os.open("my_pipe", os.O_WRONLY)
    try:
        blocked(reader.pid)
        reader.send_signal(signal.SIGINT)
        assert end_of(reader) == (130, "", "")
    finally:
        os.close(fd)


def test_an_interrupt_at_the_moment_the_pipe_is_made_ends_it_quietly_with_130(start):
    for number in range(10):
        process = start(READER, f"pipe{number}", made=f"pipe{number}")
        process.send_signal(signal.SIGINT)
        assert end_of(process) == (130, "", "")


# ---- where they run

@pytest.mark.parametrize("settings", [
    {"LANG": "C", "LC_ALL": "C"},
    {"PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"},
    {"PYTHONUNBUFFERED": "1"},
], ids=lambda settings: " ".join(settings))
def test_they_work_in_an_odd_environment(start, settings):
    environment = {**os.environ, **settings}
    writer = start(WRITER, "Grüße", env=environment)
    reader = start(READER, "Grüße", env=environment)
    assert end_of(writer) == (0, "", "")
    assert end_of(reader) == (0, line_of(reader, writer), "")
    assert os.listdir() == ["Grüße"]


@BOTH
def test_a_program_is_short_and_imports_the_standard_library_only(program):
    source = program.read_text()
    assert len(source.splitlines()) <= 55
    names = {
        alias.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert names and names <= sys.stdlib_module_names
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(ast.parse(source)))
    # -I -S: no site-packages, no PYTHONPATH
    subprocess.run([sys.executable, "-I", "-S", program, "--help"], check=True,
                   stdout=subprocess.DEVNULL)


@BOTH
def test_the_steps_are_plain_os_calls(program):
    last = "os.write(" if program is WRITER else "os.read("
    for call in ("os.mkfifo(", "os.open(", last, "os.close("):
        assert call in program.read_text()


def test_the_writer_closes_its_end(start):
    """The end of the writer is not all that closes the pipe: it is done in the program."""
    writer = start(WRITER, made="my_pipe")
    fd = os.open("my_pipe", os.O_RDONLY)
    try:
        select.select([fd], [], [], 10)
        assert os.read(fd, 512) == b"Hello from pid [%d]" % writer.pid
        assert os.read(fd, 512) == b""
    finally:
        os.close(fd)
    assert end_of(writer)[0] == 0


def functions(source):
    """{name: what it does} of the functions in source. Comments do not count."""
    return {part.name: ast.dump(part) for part in ast.parse(source).body
            if isinstance(part, ast.FunctionDef)}


def test_the_chapter_builds_the_functions_that_the_programs_have():
    chapter = nbformat.read(NOTEBOOKS / "07_two_programs.ipynb", as_version=4)
    cells = {cell.id: cell.source for cell in chapter.cells}
    built = {}
    for cell in ["open-pipe", "write-message", "read-message"]:
        built.update(functions(re.sub(r"^%%.*", "", cells[cell])))
    for program in [WRITER, READER]:
        own = functions(program.read_text(encoding="utf-8"))
        del own["main"]
        assert own.items() <= built.items(), program.name
