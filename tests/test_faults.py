"""Whatever goes wrong, and when: nothing of ours is left, no byte is lost that POSIX promises,
and the learner is told what happened.

What one of the programs does when its partner dies, or with a bad path, is in test_programs.py;
the end of the notebook's process, in test_console.py, test_workspaces.py and test_puppet.py.
"""
import itertools
import os
import pathlib
import random
import re
import shutil
import signal

import pytest

import pipe_helpers.programs
from pipe_helpers import ends, launch, launch_reader, launch_writer, time_limit, workspace
from pipe_helpers.processes.console import running_programs
from pipe_helpers.processes.puppet import Puppet, running_puppets

pytestmark = pytest.mark.usefixtures("left")

PROGRAMS = pathlib.Path(pipe_helpers.programs.__file__).parent
PIPE_BUF = os.pathconf("/", "PC_PIPE_BUF")
LAUNCH = {"writer": launch_writer, "reader": launch_reader}
FILE = {role: PROGRAMS / name for role, name in [
    ("writer", "write_to_named_pipe.py"), ("reader", "read_from_named_pipe.py")
]}
PARTNER = {"writer": "reader", "reader": "writer"}


def line_of(reader, writer):
    return f"I pid [{reader.pid}] received a message => Hello from pid [{writer.pid}]\n"


def assert_the_pipe_works(path="my_pipe"):
    """A fresh writer and reader meet there, and nothing but their own message passes."""
    writer, reader = launch_writer(path), launch_reader(path)
    assert (writer.wait(), reader.wait()) == (0, 0), writer.errors + reader.errors
    assert reader.output == line_of(reader, writer)


def assert_told_as_waiting(program):
    """The program runs on, and who waits for it hears which it is, why, and what to do."""
    with pytest.raises(TimeoutError) as error:
        program.wait(0.02)
    for words in (program.name, f"pid {program.pid}", "other end", "Open that end, or kill() it"):
        assert words in str(error.value)


# ---- the writer or the reader is killed: at each of the five steps

# Runs one of the programs and stops it, by SIGSTOP, just before or after one of its calls.
STOPPING = """
    import os, runpy, signal, sys
    program, step, moment, path = sys.argv[1:]
    call = getattr(os, step)

    def stop():
        setattr(os, step, call)
        os.kill(os.getpid(), signal.SIGSTOP)

    def stopping(*args, **named):
        if moment == "before":
            stop()
        result = call(*args, **named)
        if moment == "after":
            stop()
        return result

    setattr(os, step, stopping)
    sys.argv[1:] = [path]
    runpy.run_path(program, run_name="__main__")
"""
EARLY = [("mkfifo", "before"), ("mkfifo", "after"), ("open", "before")]
STEPS = [
    (role, step, moment)
    for role, transfer in (("writer", "write"), ("reader", "read"))
    for step, moment in itertools.product(("mkfifo", "open", transfer, "close"),
                                          ("before", "after"))
]


@pytest.fixture
def stopped(script, until, state_of):
    """A function that launches a program which stops at a step, and its partner with it."""
    def start(role, step, moment):
        program = launch(script(STOPPING), FILE[role], step, moment, "my_pipe")
        partner = None
        if (step, moment) not in EARLY:  # it does not come so far alone
            partner = LAUNCH[PARTNER[role]]("my_pipe")
        until(lambda: state_of(program.pid) == "T", f"the {role} stops {moment} {step}")
        return program, partner or LAUNCH[PARTNER[role]]("my_pipe")

    return start


@pytest.mark.parametrize("role, step, moment", STEPS)
def test_one_of_the_programs_is_killed_at_a_step(stopped, role, step, moment):
    victim, partner = stopped(role, step, moment)
    late = (step, moment) not in EARLY
    if not late:
        partner.wait_blocked()
    elif role == "reader":
        assert partner.wait() == 0  # its message is in the pipe: a write does not wait
    assert victim.kill() == -signal.SIGKILL
    assert repr(victim) == f"<program.py, pid {victim.pid}, ended by SIGKILL>"
    assert (victim.output, victim.errors) == ("", "")
    if not late:
        assert_told_as_waiting(partner)  # it never met the one that was killed
        partner.wait_blocked()
        fresh = LAUNCH[role]("my_pipe")
        assert (fresh.wait(), partner.wait()) == (0, 0)
        pair = (fresh, partner) if role == "reader" else (partner, fresh)
        assert pair[0].output == line_of(*pair)
    elif role == "writer":
        if (step, moment) in (("open", "after"), ("write", "before")):
            assert partner.wait() == 1 and partner.output == ""
            assert partner.errors == (
                "'my_pipe': the writer closed the pipe without sending a message\n"
            )
        else:  # what is written stays, whatever becomes of the writer
            assert partner.wait() == 0 and partner.output == line_of(partner, victim)
    assert_the_pipe_works()  # and finds no byte of before


@pytest.mark.parametrize("role, call", [
    ("writer", "open"), ("reader", "open"), ("writer", "write"), ("reader", "read"),
])
def test_one_of_the_programs_is_killed_while_it_is_blocked(puppet, role, call):
    os.mkfifo("my_pipe")
    filled = b""
    if call == "write":  # so short a message waits in a full pipe only
        helper = puppet("helper")
        fd = helper.open("my_pipe", os.O_RDWR | os.O_NONBLOCK).result()
        while (writing := helper.write(fd, bytes(PIPE_BUF)).wait()).error is None:
            filled += bytes(writing.result)
    elif call == "read":
        helper = puppet("helper")
        opening = helper.open("my_pipe", os.O_WRONLY)
    victim = LAUNCH[role]("my_pipe")
    if call == "read":
        assert opening.result() == 3
    victim.wait_blocked()
    assert victim.kill() == -signal.SIGKILL and "ended by SIGKILL" in repr(victim)
    if call == "write":  # not a part of its message is in the pipe
        assert helper.read(fd, 1 << 20).result() == filled
        assert helper.read(fd, 1).wait().error == "BlockingIOError (EAGAIN 11)"
        helper.end()
    elif call == "read":
        assert helper.write(3, b"Hello").wait().error == "BrokenPipeError (EPIPE 32)"
        helper.end()
    assert_the_pipe_works()


@pytest.fixture
def pair(puppet):
    """A writer and a reader, puppets, that have opened my_pipe, each as descriptor 3."""
    writer, reader = puppet("writer"), puppet("reader")
    os.mkfifo("my_pipe")
    opening = writer.open("my_pipe", os.O_WRONLY)
    assert (reader.open("my_pipe", os.O_RDONLY).result(), opening.result()) == (3, 3)
    return writer, reader


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY], ids=["reader", "writer"])
def test_who_is_killed_in_open_opens_nothing(puppet, flags):
    victim, other = puppet("victim"), puppet("other")
    os.mkfifo("my_pipe")
    opening = victim.open("my_pipe", flags)
    victim.wait_blocked()
    os.kill(victim.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match=r"victim, pid \d+, ended before open\(my_pipe, .*\) "
                                           "returned: make a new Puppet"):
        opening.wait()
    other.open("my_pipe", os.O_RDONLY if flags == os.O_WRONLY else os.O_WRONLY)
    assert other.wait_blocked() == "open"
    assert victim.end() == -signal.SIGKILL


def test_a_writer_killed_in_write_leaves_what_the_pipe_held_and_then_the_end(pair):
    writer, reader = pair
    data = random.Random(7).randbytes(1 << 20)
    writing = writer.write(3, data)
    writer.wait_blocked()
    held = reader.level(3)[0]
    os.kill(writer.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="writer, pid .* ended before write"):
        writing.wait()
    writer.end()
    arrived = b""
    while piece := reader.read(3, 1 << 20).result():
        arrived += piece
    assert arrived == data[:held] and held >= PIPE_BUF


def test_a_reader_killed_while_a_writer_is_blocked_frees_it_with_the_count_so_far(pair):
    writer, reader = pair
    writing = writer.write(3, 1 << 20)
    writer.wait_blocked()
    assert len(reader.read(3, 10_000).result()) == 10_000
    writer.wait_blocked()
    held = reader.level(3)[0]
    os.kill(reader.pid, signal.SIGKILL)
    assert writing.result() == held + 10_000
    assert writer.write(3, b"Hello").wait().error == "BrokenPipeError (EPIPE 32)"
    assert reader.end() == -signal.SIGKILL


def test_a_writer_killed_between_its_steps_ends_a_read_that_waits(pair):
    writer, reader = pair
    assert writer.write(3, b"Hello").result() == 5
    assert reader.read(3, 22).result() == b"Hello"
    reading = reader.read(3, 22)
    reader.wait_blocked()
    os.kill(writer.pid, signal.SIGKILL)
    assert reading.result() == b""
    assert writer.end() == -signal.SIGKILL


def test_of_two_readers_one_is_killed_and_the_other_misses_nothing_that_was_unread(pair, puppet):
    writer, reader = pair
    victim = puppet("victim")
    assert victim.open("my_pipe", os.O_RDONLY).result() == 3
    assert writer.write(3, b"one two three").result() == 13
    assert victim.read(3, 4).result() == b"one "
    os.kill(victim.pid, signal.SIGKILL)
    assert victim.end() == -signal.SIGKILL
    assert reader.read(3, 22).result() == b"two three"
    assert writer.write(3, b"four").result() == 4


# ---- the FIFO is deleted or replaced in the middle

def delete():
    os.unlink("place/my_pipe")


def replace_by_file():
    os.unlink("place/my_pipe")
    pathlib.Path("place/my_pipe").write_text("keep me")


def replace_by_link_to_file():
    os.unlink("place/my_pipe")
    pathlib.Path("other").write_text("keep me")
    os.symlink("../other", "place/my_pipe")


def replace_by_dangling_link():
    os.unlink("place/my_pipe")
    os.symlink("nowhere", "place/my_pipe")


def replace_by_link_to_pipe():
    os.unlink("place/my_pipe")
    os.mkfifo("other")
    os.symlink("../other", "place/my_pipe")


def replace_by_pipe():
    os.unlink("place/my_pipe")
    os.mkfifo("place/my_pipe")


def remove_folder():
    shutil.rmtree("place")


# What somebody does to the FIFO, and what the next program says of it; None: that it works.
NOT_A_PIPE = "'place/my_pipe': it is not a named pipe\n"
NO_FOLDER = "'place/my_pipe': [Errno 2] No such file or directory\n"  # said by mkfifo
NOTHING = "'place/my_pipe': [Errno 2] No such file or directory: 'place/my_pipe'\n"  # by open
FATES = [
    (delete, None), (replace_by_file, NOT_A_PIPE), (replace_by_link_to_file, NOT_A_PIPE),
    (replace_by_dangling_link, NOTHING), (replace_by_link_to_pipe, None), (replace_by_pipe, None),
    (remove_folder, NO_FOLDER),
]
EACH_FATE = pytest.mark.parametrize("fate, said", FATES, ids=lambda x: getattr(x, "__name__", ""))


@pytest.fixture
def place():
    os.mkdir("place")
    os.mkfifo("place/my_pipe")
    try:
        yield "place/my_pipe"
    finally:
        for path in ("other", "place/my_pipe"):
            if os.path.isfile(path):
                assert pathlib.Path(path).read_text() == "keep me"


@pytest.mark.parametrize("role", ["writer", "reader"])
@EACH_FATE
def test_the_pipe_changes_while_a_program_waits_in_open(place, role, fate, said):
    waiting = LAUNCH[role](place)
    waiting.wait_blocked()
    fate()
    partner = LAUNCH[PARTNER[role]](place)
    if said:
        assert partner.wait() == 1 and (partner.output, partner.errors) == ("", said)
    else:  # it waits at another pipe
        partner.wait_blocked()
        assert_told_as_waiting(partner)
    waiting.wait_blocked()
    assert_told_as_waiting(waiting)
    assert waiting.kill() == -signal.SIGKILL
    if not said:  # the cure: kill and start again
        fresh = LAUNCH[role](place)
        assert (fresh.wait(), partner.wait()) == (0, 0)
        pair = (fresh, partner) if role == "reader" else (partner, fresh)
        assert pair[0].output == line_of(*pair)


@EACH_FATE
def test_the_pipe_changes_while_both_ends_are_open(place, puppet, fate, said):
    writer, reader = puppet("writer"), puppet("reader")
    opening = writer.open(place, os.O_WRONLY)
    assert (reader.open(place, os.O_RDONLY).result(), opening.result()) == (3, 3)
    assert writer.write(3, b"before ").result() == 7
    fate()
    assert writer.write(3, b"after").result() == 5
    assert reader.read(3, 22).result() == b"before after"
    reading = reader.read(3, 22)
    reader.wait_blocked()
    assert writer.close(3).result() is None
    assert reading.result() == b""
    assert reader.close(3).result() is None
    late = launch_reader(place)
    if said:
        assert late.wait() == 1 and late.errors == said
    else:
        late.wait_blocked()
        assert launch_writer(place).wait() == 0 and late.wait() == 0


@EACH_FATE
def test_who_looks_at_the_ends_of_a_pipe_that_has_changed_is_told(place, puppet, fate, said):
    one = puppet("one")
    one.open(place, os.O_WRONLY)
    one.wait_blocked()
    fate()
    if said == NOT_A_PIPE:
        with pytest.raises(ValueError, match="place/my_pipe is not a named pipe"):
            ends(place)
    elif os.path.exists(place):  # another pipe, at which nobody waits
        assert ends(place).rows == []
    else:
        with pytest.raises(FileNotFoundError, match="Nothing is there: mkfifo it first"):
            ends(place)
    assert one.blocked == "open"


@pytest.mark.parametrize("role", ["writer", "reader"])
@pytest.mark.parametrize("fate", [delete, replace_by_dangling_link, remove_folder],
                         ids=lambda fate: fate.__name__)
def test_the_pipe_goes_between_the_steps_mkfifo_and_open(
        place, script, until, state_of, role, fate):
    program = launch(script(STOPPING), FILE[role], "open", "before", place)
    until(lambda: state_of(program.pid) == "T", "the program stops before open")
    fate()
    os.kill(program.pid, signal.SIGCONT)
    assert program.wait() == 1 and (program.output, program.errors) == ("", NOTHING)


def test_the_folder_of_a_workspace_is_removed_under_everybody(own_folder, left):
    with workspace() as path:
        program, puppet = launch_writer(), Puppet("puppet")
        program.wait_blocked()
        puppet.open("my_pipe", os.O_WRONLY)
        puppet.wait_blocked()
        shutil.rmtree(path)
        with pytest.raises(FileNotFoundError, match="my_pipe"), time_limit(5):
            os.open("my_pipe", os.O_RDONLY)
        for start in (launch_reader, launch_writer, Puppet):
            with pytest.raises(FileNotFoundError, match="current folder.*removed"):
                start()
        assert running_programs() != [] and program.running and puppet.blocked == "open"
    assert running_programs() == running_puppets() == []
    with workspace():
        assert_the_pipe_works()


# ---- messages of any size and of any bytes

AWKWARD = b"\0\xff\xfe\xc3%s%n%d%%\n\r\n\x1b[31m\x7f\xf0\x9f\x99"  # ends in half a character
SIZES = [0, 1, PIPE_BUF, PIPE_BUF + 1, 1 << 20]


def message_of(size):
    return (AWKWARD * (size // len(AWKWARD) + 1))[:size]


@pytest.mark.parametrize("first", ["writer", "reader"])
@pytest.mark.parametrize("size", SIZES)
def test_a_message_of_any_bytes_passes_between_launched_programs(size, first):
    os.mkfifo("my_pipe")
    pathlib.Path("message").write_bytes(message_of(size))
    commands = {"writer": "cat message >my_pipe", "reader": "cat my_pipe >received"}
    programs = [launch("sh", "-c", commands[role]) for role in (first, PARTNER[first])]
    assert [program.wait() for program in programs] == [0, 0]
    assert pathlib.Path("received").read_bytes() == message_of(size)


@pytest.mark.parametrize("size", SIZES)
def test_a_message_of_any_bytes_passes_between_puppets(pair, size):
    writer, reader = pair
    writing = writer.write(3, message_of(size))
    received = b""
    while len(received) < size:
        received += reader.read(3, 1 << 20).result()
    assert writing.result() == size
    writer.close(3).result()
    assert reader.read(3, 22).result() == b""
    assert received == message_of(size)


@pytest.mark.parametrize("size", SIZES)
def test_a_message_of_any_bytes_is_printed_by_the_reader_as_far_as_it_is_text(size):
    os.mkfifo("my_pipe")
    pathlib.Path("message").write_bytes(message_of(size))
    reader = launch_reader()
    assert launch("sh", "-c", "cat message >my_pipe").wait() == 0
    if size == 0:
        assert reader.wait() == 1 and reader.output == ""
        assert "'my_pipe': the writer closed the pipe without sending" in reader.errors
    else:
        assert reader.wait() == 0, reader.errors
        text = message_of(size).decode(errors="replace")
        assert reader.output == f"I pid [{reader.pid}] received a message => {text}\n"


# ---- a hundred writers

def test_of_a_hundred_programs_that_write_at_once_each_message_arrives_once():
    os.mkfifo("my_pipe")
    writers = [launch_writer() for _ in range(100)]
    for writer in writers:
        writer.wait_blocked(60)  # in open: the reader finds all of them there
    reader = launch_reader()
    assert reader.wait(60) == 0, reader.errors
    assert {writer.wait(60) for writer in writers} == {0}
    messages = reader.output.partition(" => ")[2]
    assert re.fullmatch(r"(Hello from pid \[\d+\])+\n", messages)
    assert sorted(map(int, re.findall(r"\d+", messages))) == sorted(w.pid for w in writers)


def test_of_a_hundred_messages_of_up_to_pipe_buf_bytes_none_is_torn_and_none_lost():
    chance = random.Random(7)
    sizes = [PIPE_BUF] * 30 + [chance.randint(6, PIPE_BUF) for _ in range(70)]
    sent = [b"%02d%04d" % (number, size) + bytes([number]) * (size - 6)
            for number, size in enumerate(sizes)]
    os.mkfifo("my_pipe")
    for number, message in enumerate(sent):
        pathlib.Path(f"message{number}").write_bytes(message)
    # cat hands a file of this size to one call of write.
    writers = [launch("sh", "-c", f"cat message{number} >my_pipe") for number in range(100)]
    for writer in writers:
        writer.wait_blocked(60)
    with time_limit(60), open("my_pipe", "rb", buffering=0) as pipe:
        stream = b"".join(iter(lambda: pipe.read(1000), b""))
    assert {writer.wait(60) for writer in writers} == {0}
    received = []
    while stream:
        size = int(stream[2:6])
        received.append(stream[:size])
        stream = stream[size:]
    assert sorted(received) == sent  # each begins with its number


# ---- twenty learners (all chapters, in twenty kernels: tests/learners.py)

LEARNER = """
    import os
    from pipe_helpers import launch_reader, launch_writer, leftovers, time_limit, workspace
    with workspace():
        print("ready", flush=True)
        input()
        os.mkfifo("my_pipe")
        for _ in range(3):
            writer = launch_writer("my_pipe")
            with time_limit(60):
                fd = os.open("my_pipe", os.O_RDONLY)
                message = b"".join(iter(lambda: os.read(fd, 22), b""))
            os.close(fd)
            assert message == b"Hello from pid [%d]" % writer.pid, message
            assert writer.wait(60) == 0
        os.unlink("my_pipe")
        assert leftovers() == []
    print("done")
"""


def test_twenty_learners_at_once_each_in_a_folder_of_their_own_get_their_own_messages(
        python, own_folder):
    learners = [python(LEARNER, stdin=-1) for _ in range(20)]
    for learner in learners:
        assert learner.stdout.readline() == "ready\n", learner.stderr.read()
    assert len(os.listdir(own_folder)) == 20
    for learner in learners:
        learner.stdin.write("\n")
        learner.stdin.flush()
    for learner in learners:
        assert learner.communicate(timeout=60) == ("done\n", "")
