"""ends(path) tells who holds which end of a FIFO and who waits on it, and changes nothing."""
import html
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import types

import pytest

from pipe_helpers import ends, launch, launch_reader, launch_writer
from pipe_helpers.processes import ends as pipe_ends
from pipe_helpers.processes import proc

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
NOBODY = 65534


@pytest.fixture
def pipe(own_folder):
    os.mkfifo("my_pipe")
    return "my_pipe"


def found(path="my_pipe"):
    return [(row.role, row.end, row.fd, row.asleep) for row in ends(path).rows]


def table(path="my_pipe"):
    """The table as text without the notes, which depend on the machine."""
    report = ends(path)
    report.notes = []
    return re.sub(r"pid \d+", "pid N", repr(report))


@LINUX
def test_nobody(pipe):
    assert table() == "my_pipe: nobody is seen to hold an end or to wait for one"


@LINUX
@pytest.mark.parametrize("start, role, end", [
    (launch_writer, "writer", "write"), (launch_reader, "reader", "read")
])
def test_a_launched_program_asleep_in_open_stays_there(pipe, until, start, role, end):
    program = start(pipe)
    program.wait_blocked()
    for _ in range(20):
        until(lambda: found() == [(role, end, None, "open")], f"the {role} is seen")
    assert program.running
    assert table() == f"my_pipe\n    {role}  {end} end  asleep in open  pid N"
    assert ends(pipe).rows[0].pid == program.pid


@LINUX
@pytest.mark.parametrize("name", ["my_pipe", "./my_pipe", "{here}/my_pipe", "../here/my_pipe"])
def test_a_shell_asleep_in_open_by_any_spelling_of_the_name(pipe, until, name):
    name = name.format(here=os.getcwd())
    shell = launch("sh", "-c", 'cat <"$1"', "sh", name)
    until(lambda: found() == [("sh", "read", None, "open")], "the shell is seen")
    shell.kill()
    assert found() == []


@LINUX
def test_a_name_relative_to_a_descriptor_of_the_other_process(pipe, script, until):
    os.mkdir("elsewhere")
    launch(script("""
        import os
        folder = os.open("..", os.O_RDONLY)
        os.open("my_pipe", os.O_WRONLY, dir_fd=folder)
    """), cwd="elsewhere")
    until(lambda: found() == [("program", "write", None, "open")], "the program is seen")


@LINUX
def test_puppets_in_every_situation(pipe, puppet):
    writer, reader = puppet("writer"), puppet("reader")
    opening = writer.open(pipe, os.O_WRONLY)
    writer.wait_blocked()
    for _ in range(20):
        assert found() == [("writer", "write", None, "open")]
    assert writer.blocked == "open"
    reader.open(pipe, os.O_RDONLY).result()
    opening.result()
    assert table() == textwrap.dedent("""\
        my_pipe
            reader  read end   fd 3  open  pid N
            writer  write end  fd 3  open  pid N""")
    reader.read(3, 1)
    reader.wait_blocked()
    assert found() == [("reader", "read", 3, "read"), ("writer", "write", 3, None)]
    reader.cancel()
    writer.write(3, 100_000)
    writer.wait_blocked()
    assert found() == [("reader", "read", 3, None), ("writer", "write", 3, "write")]
    assert table() == textwrap.dedent("""\
        my_pipe
            reader  read end   fd 3  open                   pid N
            writer  write end  fd 3  open, asleep in write  pid N""")
    writer.cancel()
    reader.open(pipe, os.O_RDWR).result()
    assert ("reader", "both", 4, None) in found()


@LINUX
@pytest.mark.parametrize("end, other, call", [
    ("O_RDONLY", os.O_RDWR, "read"), ("O_WRONLY", os.O_RDWR, "write")
])
def test_a_program_asleep_in_read_or_write(pipe, script, until, end, other, call):
    fd = os.open(pipe, other)
    try:
        launch(script(f"""
            import os
            fd = os.open("my_pipe", os.{end})
            os.read(fd, 1) if {call == "read"} else os.write(fd, bytes(100_000))
        """))
        until(lambda: ("program", call, 3, call) in found(), f"it is asleep in {call}")
        assert len(found()) == 2
    finally:
        os.close(fd)


@LINUX
def test_the_bytes_that_wait_are_counted_if_one_end_is_the_notebooks(pipe, puppet):
    writer = puppet("writer")
    opening = writer.open(pipe, os.O_WRONLY)
    fd = os.open(pipe, os.O_RDONLY)
    try:
        opening.result()
        assert ends(pipe).bytes_waiting == 0
        writer.write(3, b"Hello").result()
        assert ends(pipe).bytes_waiting == 5
        assert table() == textwrap.dedent("""\
            my_pipe: 5 bytes wait to be read
                notebook  read end         open  pid N
                writer    write end  fd 3  open  pid N""")
        assert ends(pipe).rows[0].fd == fd
        assert ends(pipe).rows[0].pid == os.getpid()
        assert os.read(fd, 10) == b"Hello"
    finally:
        os.close(fd)
    assert ends(pipe).bytes_waiting is None


@LINUX
def test_ends_opened_by_another_name_or_a_deleted_one_count(pipe, puppet):
    one = puppet("one")
    os.link("my_pipe", "same_pipe")
    one.open("my_pipe", os.O_RDWR).result()
    os.unlink("my_pipe")
    assert found("same_pipe") == [("one", "both", 3, None)]
    os.mkfifo("my_pipe")
    assert found("my_pipe") == []


@LINUX
def test_a_puppet_asleep_in_open_of_a_former_fifo_is_not_told_with_the_new_one(pipe, puppet):
    one = puppet("one")
    one.open("my_pipe", os.O_RDONLY)
    one.wait_blocked()
    os.rename("my_pipe", "former")
    os.mkfifo("my_pipe")
    assert found("my_pipe") == []
    assert found("former") == [("one", "read", None, "open")]


@LINUX
def test_a_thread_of_the_notebook_asleep_in_open(pipe, until):
    fds = []
    thread = threading.Thread(target=lambda: fds.append(os.open(pipe, os.O_RDONLY)))
    thread.start()
    try:
        until(lambda: found() == [("notebook", "read", None, "open")], "the thread is seen")
        assert not fds
    finally:
        os.close(os.open(pipe, os.O_WRONLY))
        thread.join()
        os.close(fds[0])


@LINUX
def test_an_end_that_a_forked_child_inherited(pipe, script, until):
    launch(script("""
        import os, signal
        fd = os.open("my_pipe", os.O_RDWR)
        os.fork()
        signal.pause()
    """))
    until(lambda: len(found()) == 2, "the child holds it, too")
    assert found() == [("program", "both", 3, None), ("program's child", "both", 3, None)]


@LINUX
def test_processes_of_another_user_are_counted(pipe, python):
    fd = os.open(pipe, os.O_RDWR)
    try:
        looking = python(f"""
            import os, encodings.idna
            from pipe_helpers import ends
            ends("my_pipe")  # imports all it needs, which another user may not read
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid({NOBODY})
                os.setuid({NOBODY})
                foreign = True
            else:
                foreign = not all(os.access(f"/proc/{{pid}}/fd", os.R_OK)
                                  for pid in os.listdir("/proc") if pid.isdecimal())
            report = ends("my_pipe")
            print(len(report.rows), foreign, *report.notes, sep="\\n")
        """)
        output, errors = looking.communicate(timeout=20)
        rows, foreign, *notes = output.splitlines()
        if os.getuid() == 0:
            assert rows == "0", errors
        if foreign == "True":
            assert re.search(r"^\d+ process.*other.*could not be looked into$", notes[0]), notes
    finally:
        os.close(fd)


READS, WRITES, BOTH = (pipe_ends.End("one", 1, end, 3, None) for end in ("read", "write", "both"))
OPENS = pipe_ends.End("one", 1, "read", None, "open")


@LINUX
@pytest.mark.parametrize("rows, others, hidden, silent", [
    ([], False, 1, 1), ([READS], False, 1, 1), ([WRITES], False, 1, 1),
    ([OPENS], False, 0, 1),  # so nobody holds the other end
    ([READS, WRITES], False, 0, 0), ([BOTH], False, 0, 0),  # so nobody waits in open
    ([], True, 3, 1), ([OPENS], True, 2, 1), ([READS, WRITES], True, 2, 0),
])
def test_who_can_not_be_looked_into_is_told_where_he_may_be_missing(
    monkeypatch, rows, others, hidden, silent
):
    monkeypatch.setattr(proc, "is_protected", lambda pid: pid == 1)
    search = types.SimpleNamespace(hidden={1, 2, 3}, silent={4}, held={})
    notes = pipe_ends._notes(search, rows, others)
    assert [int(note.split()[0]) for note in notes] == [each for each in (hidden, silent) if each]


@LINUX
@pytest.mark.parametrize("folder, fifo, other_name, may", [
    (0o700, 0o666, False, False), (0o755, 0o600, False, False), (0o755, 0o644, False, True),
    (0o710, 0o620, False, True),  # for a group
    (0o700, 0o644, True, True),
])
def test_another_user_may_open_a_fifo_if_its_mode_and_the_folders_let_him(
    folder, fifo, other_name, may
):
    with tempfile.TemporaryDirectory(dir="/tmp") as above:
        path = os.path.join(above, "my_pipe")
        os.mkfifo(path)
        if other_name:
            os.link(path, f"{path}_too")
        os.chmod(path, fifo)
        os.chmod(above, folder)
        assert proc.others_may_open(path, os.stat(path)) == may


@LINUX
def test_a_process_of_ones_own_or_of_root_is_protected_and_another_users_not():
    assert proc.is_protected(os.getpid()) and proc.is_protected(1)
    if os.getuid() == 0:
        with subprocess.Popen(["sleep", "60"], user=NOBODY) as other:
            assert not proc.is_protected(other.pid)
            other.kill()


@LINUX
def test_where_the_system_does_not_tell_the_calls_the_table_says_so(pipe, monkeypatch):
    def refuse(self, pid, tid):
        raise PermissionError

    monkeypatch.setattr(proc.Search, "_caller", refuse)
    fd = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        report = ends(pipe)
        assert [row.asleep for row in report.rows] == ["?"]
        assert "open, may be asleep" in repr(report)
        assert re.fullmatch(r"\d+ process(es)? do(es)? not tell.* in open", report.notes[-1])
    finally:
        os.close(fd)


def test_elsewhere_than_on_linux_one_line_says_so(pipe, monkeypatch):
    monkeypatch.setattr(pipe_ends, "sys", types.SimpleNamespace(platform="darwin"))
    report = ends(pipe)
    assert report.rows == []
    assert repr(report) == "my_pipe\nwho holds its ends can be seen on Linux only, in /proc"
    assert "Linux only" in report._repr_html_()


def test_a_path_that_is_no_fifo_is_refused(own_folder):
    with pytest.raises(FileNotFoundError, match="Nothing is there: mkfifo it first: 'my_pipe'"):
        ends("my_pipe")
    open("my_pipe", "w").close()
    with pytest.raises(ValueError, match="my_pipe is not a named pipe"):
        ends("my_pipe")


def test_the_table_is_the_same_whatever_the_pids_and_in_html():
    def report(first, second):
        rows = [
            pipe_ends.End("notebook", first, "read", 57, None),
            pipe_ends.End("<writer>", second, "write", 3, "write"),
        ]
        return pipe_ends.Ends("my_pipe", rows, 12, [])

    texts = {re.sub(r"pid \d+", "pid N", repr(report(*pids))) for pids in [(1, 99999), (4242, 7)]}
    assert len(texts) == 1
    shown = report(1, 2)._repr_html_()
    assert "<td>&lt;writer&gt;</td><td>write end</td><td>fd 3</td>" in shown
    words = html.unescape(re.sub(r"<[^>]*>", " ", shown))
    for word in repr(report(1, 2)).split():
        assert word in words


@LINUX
def test_300_processes_are_looked_through_within_a_second(pipe, python):
    idle = subprocess.Popen(
        ["sh", "-c", 'for _ in $(seq 300); do sleep 60 & done; echo; wait'],
        stdout=subprocess.PIPE, start_new_session=True,
    )
    try:
        idle.stdout.readline()
        began = time.perf_counter()
        ends(pipe)
        assert time.perf_counter() - began < 1  # 0.015 s, if the machine is not busy
    finally:
        os.killpg(idle.pid, 9)
        idle.wait()
        idle.stdout.close()
