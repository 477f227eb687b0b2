"""The lab for a pair: two labs in two processes, each with one end of a pipe."""
import errno
import os
import signal
from pathlib import Path
from subprocess import PIPE

import pytest
from test_lab_model import do, play, process

from pipe_helpers.lab.model import Refused
from pipe_helpers.lab.pair import PairModel
from pipe_helpers.processes.puppet import running_puppets

READER = """
    import sys
    sys.path[:0] = ["{tests}"]
    from processes import wait_until
    from test_lab_model import play, process
    from pipe_helpers.lab.pair import PairModel
    lab = PairModel("reader", "our_pipe")
    try:
        print(process(lab, "reader").pid, lab.begun, flush=True)
        for line in sys.stdin:
            play(lab, line.strip().split("; "), wait_until)
            seen = process(lab, "reader")
            print(seen.state.split(" for ")[0], seen.result, sep=", ", flush=True)
    finally:
        lab.end()
"""


@pytest.fixture
def pair():
    """A function that makes a `PairModel`, ended after the test."""
    made = []

    def make(*args):
        made.append(PairModel(*args))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture
def other(python, own_folder):
    """The other side: a reader's lab in another process. A function that has it do steps."""
    program = python(READER.format(tests=os.path.dirname(__file__)), stdin=PIPE)

    def answer(*steps):
        if steps:
            print("; ".join(steps), file=program.stdin, flush=True)
        return program.stdout.readline().strip() or program.stderr.read()

    answer.program = program
    answer.pid, _, answer.begun = answer().partition(" ")
    return answer


def text(lab):
    return lab.look().pipes[0].text


def has_reader(path):
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        return error.errno != errno.ENXIO
    return True


def test_a_message_passes_and_each_side_sees_its_own(left, pair, other, until):
    path = Path.cwd() / "our_pipe"
    lab = pair("writer", path)
    assert [other.begun, lab.begun] == [
        "ready. The pipe was made here, and is removed when this lab ends",
        "ready. The pipe was there already"]
    assert text(lab) == "not open here, so what is in it is not known"
    assert other("reader: open", "reader is blocked in open") == "blocked in open, no call yet"
    if os.path.isdir("/proc/self/fd"):
        assert lab.look().pipes[0].read_end == f"pid {other.pid} (in open)"
        assert not lab.look().pipes[0].read_open
    play(lab, ["writer: open", "writer is ready", "writer: write Hello", "writer is ready"], until)
    assert other("reader is ready", "reader: read 512", "reader is ready") == "ready, b'Hello'"
    if os.path.isdir("/proc/self/fd"):
        assert lab.look().pipes[0].read_end == f"pid {other.pid}"
    assert lab.look().met == frozenset() and f'os.open("{path}", os.O_WRONLY)' in lab.python
    play(lab, ["writer: write 70000 bytes", "writer is blocked in write"], until)
    assert other("reader: read 65536", "reader is ready").startswith("ready, 65536 bytes")
    do(lab, "writer is ready", until)
    os.kill(process(lab, "writer").pid, signal.SIGKILL)
    assert other("reader: read 65536", "reader is ready", "reader: read 5", "reader is ready") \
        == "ready, b'' end of file"
    lab.start_over()
    play(lab, ["writer: open", "writer is ready"], until)
    os.kill(int(other.pid), signal.SIGKILL)
    # Not that its PID is no longer there: a thread of it may be the last to go.
    until(lambda: not has_reader(path), "the reader has gone")
    play(lab, ["writer: write Hello", "writer is ready"], until)
    assert "BrokenPipeError" in process(lab, "writer").result
    assert "two" not in lab.why_no_more("reader")
    for add in (lab.add_pipe, lambda: lab.add_process("reader")):
        with pytest.raises(Refused, match="one process and one pipe"):
            add()
    other.program.kill()  # and so its pipe goes, which it has made
    until(lambda: not path.exists(), "the pipe is gone")
    assert "The path does not lead to this pipe any more: close, then press start over" in text(lab)
    play(lab, ["writer: close", "writer is ready"], until)
    assert text(lab) == "nothing has this path any more: start over makes the pipe again"
    lab.start_over()
    assert path.is_fifo() and "made here" in lab.begun
    lab.end()
    assert not path.exists() and "not known" in text(lab)


def test_whoever_made_the_pipe_removes_that_one_and_no_other(own_folder, pair):
    lab, second = pair("writer", "answers"), pair("reader", "answers")
    assert lab.processes[0].end_of(*lab.pipes) == "write"
    second.end()
    assert os.listdir() == ["answers"]
    os.rename("answers", "kept")
    os.mkfifo("answers")
    lab.end()
    assert sorted(os.listdir()) == ["answers", "kept"]


def test_the_keeper_leaves_a_pipe_that_has_the_path_meanwhile(left, other, until):
    os.rename("our_pipe", "kept")
    os.mkfifo("our_pipe")
    other.program.kill()
    other.program.wait()
    until(lambda: "process" not in str(left()), "the keeper has done its work")
    assert sorted(os.listdir()) == ["kept", "our_pipe"]


def test_a_path_where_no_pipe_can_be_is_told(own_folder, pair):
    with open("file", "w"):
        pass
    os.mkfifo("real")
    os.symlink("real", "link")
    for path, error, why in [
        ("file", FileExistsError, "no named pipe"), ("link", FileExistsError, "no named pipe"),
        ("missing/pipe", FileNotFoundError, "no folder .*missing: make it first"),
        ("file/pipe", NotADirectoryError, "No pipe can be made there"),
    ]:
        with pytest.raises(error, match=why):
            pair("writer", path)
    with pytest.raises(ValueError, match="not 'listener'"):
        pair("listener", "pipe")
    assert sorted(os.listdir()) == ["file", "link", "real"]
    assert running_puppets() == []
