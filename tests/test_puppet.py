"""A puppet makes one call at a time; the notebook never waits, and nothing gets lost."""
import os
import random
import signal
import stat
import statistics
import sys
import threading
import time
import types

import pytest

from pipe_helpers import Puppet
from pipe_helpers.processes import asleep

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def pair(puppet):
    """A writer and a reader that have opened my_pipe, each as descriptor 3."""
    writer, reader = puppet("writer"), puppet("reader")
    os.mkfifo("my_pipe")
    opening = writer.open("my_pipe", os.O_WRONLY)
    assert reader.open("my_pipe", os.O_RDONLY).result() == 3
    assert opening.result() == 3
    return writer, reader


def spin(seconds):
    """Pass a random time that a sleep could not keep so short."""
    end = time.perf_counter() + random.uniform(0, seconds)
    while time.perf_counter() < end:
        pass


def in_either_order(cancel, press):
    """Cancel, and press what would free the call, now this first and now that."""
    if random.random() < 0.5:
        cancel()
        return press()
    pressed = press()
    spin(0.0004)
    cancel()
    return pressed


def test_the_five_steps_each_as_a_call_with_its_times(puppet):
    before = time.monotonic_ns()
    writer, reader = puppet("writer"), puppet("reader")
    assert writer.mkfifo("my_pipe").result() is None
    assert stat.S_ISFIFO(os.stat("my_pipe").st_mode)
    opening = writer.open("my_pipe", os.O_WRONLY)
    assert reader.press("open", "my_pipe", os.O_RDONLY).result() == 3
    assert writer.write(opening.result(), b"Hello").result() == 5
    assert reader.read(3, 22).result() == b"Hello"
    assert writer.close(3).result() is None
    assert reader.read(3, 22).result() == b""
    assert reader.close(3).result() is None
    assert reader.unlink("my_pipe").result() is None
    assert not os.path.exists("my_pipe")
    assert [call.name for call in writer.calls] == ["mkfifo", "open", "write", "close"]
    assert [call.result_text for call in reader.calls] == [
        "fd 3", "b'Hello'", "b'' end of file", "done", "done"
    ]
    times = [moment for call in writer.calls for moment in (call.entered, call.left)]
    assert before < times[0] and times == sorted(times) and times[-1] < time.monotonic_ns()
    assert {(call.role, call.pid) for call in reader.calls} == {("reader", reader.pid)}


def test_pressing_returns_at_once_and_a_blocked_call_is_told(puppet):
    writer = puppet("writer")
    assert (writer.state, writer.blocked) == ("ready", None)
    os.mkfifo("my_pipe")
    opening = writer.open("my_pipe", os.O_WRONLY)
    assert writer.wait_blocked() == "open"
    assert (writer.state, writer.blocked) == ("blocked in open", "open")
    assert not opening.done
    assert writer.calls[-1].left is None
    with pytest.raises(TimeoutError, match="still in open.*after 0.01 s.*cancel"):
        opening.wait(0.01)
    fd = os.open("my_pipe", os.O_RDONLY)
    try:
        assert opening.result() == 3
        assert (writer.state, writer.blocked) == ("ready", None)
        assert writer.descriptors == {3: ("my_pipe", os.O_WRONLY)}
    finally:
        os.close(fd)
    with pytest.raises(BrokenPipeError):
        writer.write(3, b"Hello").result()
    assert writer.calls[-1].error == "BrokenPipeError (EPIPE 32)"
    writer.close(3).result()
    assert writer.descriptors == {}


def test_none_as_a_time_limit_means_for_ever_everywhere(pair):
    writer, reader = pair
    reading = reader.read(3, 5)
    assert reader.wait_blocked(None) == "read"
    assert writer.level(3, None)[0] == 0
    assert reader.cancel(None).error == "cancelled"
    assert reading.wait(None).error == "cancelled"
    assert writer.write(3, b"Hello").result(None) == 5


def test_two_writers_wait_and_are_freed_together(puppet):
    first, second, reader = puppet("first"), puppet("second"), puppet("reader")
    os.mkfifo("my_pipe")
    openings = [each.open("my_pipe", os.O_WRONLY) for each in (first, second)]
    assert [each.wait_blocked() for each in (first, second)] == ["open", "open"]
    assert reader.open("my_pipe", os.O_RDONLY).result() == 3
    assert [opening.result() for opening in openings] == [3, 3]
    assert (first.write(3, b"1").result(), second.write(3, b"2").result()) == (1, 1)
    assert sorted(reader.read(3, 22).result()) == [ord("1"), ord("2")]


def test_an_error_of_the_call_itself_is_its_result(pair):
    writer, reader = pair
    missing = reader.open("no_pipe", os.O_RDONLY)
    assert missing.wait().error == "FileNotFoundError (ENOENT 2)"
    with pytest.raises(FileNotFoundError):
        missing.result()
    assert writer.read(3, 1).wait().error == "OSError (EBADF 9)"
    assert writer.mkfifo("my_pipe").wait().error == "FileExistsError (EEXIST 17)"
    writer.mkfifo("lonely").result()
    assert writer.open("lonely", os.O_WRONLY | os.O_NONBLOCK).wait().error == "OSError (ENXIO 6)"
    assert reader.open("my_pipe", os.O_RDONLY | os.O_NONBLOCK).result() == 4
    assert reader.read(4, 1).wait().error == "BlockingIOError (EAGAIN 11)"


@pytest.mark.parametrize("mistake, error, words", [
    (lambda p: p.open("file", os.O_RDONLY), ValueError, "file is not a named pipe"),
    (lambda p: p.unlink("file"), ValueError, "file is not a named pipe"),
    (lambda p: p.open("new", os.O_WRONLY | os.O_CREAT), ValueError, "regular file"),
    (lambda p: p.open("a\0b", os.O_RDONLY), ValueError, "null byte"),
    (lambda p: p.mkfifo("a\0b"), ValueError, "NUL byte"),
    (lambda p: p.open("my_pipe", "r"), TypeError, "integer"),
    (lambda p: p.read(7, 1), ValueError, r"has no descriptor 7: it has 3 \(my_pipe, O_WRONLY\)"),
    (lambda p: p.close(200), ValueError, "has no descriptor 200"),
    (lambda p: p.read(3, -1), ValueError, "0 to 4194304 bytes"),
    (lambda p: p.write(3, 2**22 + 1), ValueError, "0 to 4194304 bytes"),
    (lambda p: p.write(3, "text"), TypeError, "encode"),
    (lambda p: p.press("fork"), ValueError, "mkfifo, open, write, read, close, unlink"),
    (lambda p: p.press("read", 3), TypeError, "missing"),
])
def test_a_mistake_in_pressing_is_told_and_the_puppet_lives_on(pair, mistake, error, words):
    writer, reader = pair
    open("file", "w").close()
    with pytest.raises(error, match=words):
        mistake(writer)
    assert os.path.exists("file") and not os.path.exists("new")
    assert writer.write(3, b"Hello").result() == 5
    assert reader.read(3, 22).result() == b"Hello"


def test_a_call_pressed_while_another_is_under_way_is_refused(pair):
    _, reader = pair
    with pytest.raises(ValueError, match="0 to"):
        reader.read(3, -1)
    reader.read(3, 1)
    reader.wait_blocked()
    with pytest.raises(RuntimeError, match=r"still in read\(3, 1\): cancel\(\) it.*then close"):
        reader.close(3)
    assert reader.cancel().error == "cancelled"
    assert reader.close(3).result() is None


def test_waiting_for_a_block_that_does_not_come_says_what_came(puppet):
    one = puppet("one")
    with pytest.raises(RuntimeError, match="tell it one first"):
        one.wait_blocked()
    one.mkfifo("my_pipe")
    with pytest.raises(RuntimeError, match=r"mkfifo\(my_pipe\) has returned \(done\)"):
        one.wait_blocked()


def test_a_cancelled_call_keeps_what_it_has_done(pair):
    writer, reader = pair
    assert writer.cancel() is None
    part = writer.write(3, 200_000)
    writer.wait_blocked()
    call = writer.cancel()
    assert 0 < call.result < 200_000 and call.error is None
    assert part.result() == call.result
    nothing = writer.write(3, 200_000)
    writer.wait_blocked()
    assert writer.cancel().error == "cancelled"
    with pytest.raises(InterruptedError, match="was cancelled"):
        nothing.result()
    assert len(reader.read(3, 1 << 20).result()) == call.result


def test_500_cancelled_opens_leak_no_descriptor(puppet):
    writer, reader = puppet("writer"), puppet("reader")
    os.mkfifo("my_pipe")
    outcomes = set()
    for _ in range(500):
        opening = writer.open("my_pipe", os.O_WRONLY)
        freeing = in_either_order(
            writer.cancel, lambda: reader.open("my_pipe", os.O_RDONLY | os.O_NONBLOCK)
        )
        call = opening.wait()
        outcomes.add(call.error)
        if call.error is None:
            assert call.result == 3, "an earlier open has leaked its descriptor"
            writer.close(3).result()
        reader.close(freeing.result()).result()
    assert outcomes == {None, "cancelled"}
    if sys.platform == "linux":
        assert len(os.listdir(f"/proc/{writer.pid}/fd")) == 4  # 0, 1, 2 and the connection


def test_250_cancelled_reads_lose_no_byte(pair):
    writer, reader = pair
    sent, received, outcomes = b"", b"", set()
    for number in range(250):
        reading = reader.read(3, 100)
        message = b"%d " % number
        writing = in_either_order(reader.cancel, lambda: writer.write(3, message))
        assert writing.result() == len(message)
        sent += message
        outcomes.add(reading.wait().error)
        received += b"" if reading.wait().error else reading.result()
    assert outcomes == {None, "cancelled"}
    writer.close(3).result()
    while data := reader.read(3, 1000).result():
        received += data
    assert received == sent


def test_250_cancelled_writes_lose_no_byte(pair):
    writer, reader = pair
    counted = arrived = 0
    for _ in range(250):
        writing = writer.write(3, random.randint(1, 200_000))
        reading = in_either_order(writer.cancel, lambda: reader.read(3, 100_000))
        reader.cancel()
        counted += writing.wait().result or 0
        arrived += 0 if reading.wait().error else len(reading.result())
    assert any(call.result and call.result < call.args[1].size for call in writer.calls[1:])
    writer.close(3).result()
    while data := reader.read(3, 100_000).result():
        arrived += len(data)
    assert arrived == counted


def test_blocked_is_never_true_for_3000_quick_calls(pair):
    writer, reader = pair
    for _ in range(1500):
        for press, puppet in ((writer.write(3, b"x"), writer), (None, reader)):
            press = press or reader.read(3, 1)
            blocked = puppet.blocked
            assert blocked is None, press
            press.result()


def test_a_press_and_its_result_take_less_than_five_milliseconds(pair):
    writer, reader = pair
    times = []
    for _ in range(300):
        began = time.perf_counter()
        writer.write(3, b"x").result()
        times.append(time.perf_counter() - began)
        reader.read(3, 1).result()
    assert statistics.median(times) < 0.005  # 0.2 ms, if the machine is not busy


def test_a_large_write_and_a_large_read_arrive_whole(pair):
    writer, reader = pair
    data = os.urandom(1 << 20)
    writing = writer.write(3, data)
    arrived = b""
    while len(arrived) < len(data):
        arrived += reader.read(3, 1 << 20).result()
    assert arrived == data
    assert writing.result() == len(data)
    assert writer.calls[-1].args[1].size == len(data)
    assert len(writer.calls[-1].args[1]) == 4096


def test_a_killed_puppet_leaves_its_call_entered_and_never_left(puppet, until):
    one = puppet("one")
    os.mkfifo("my_pipe")
    opening = one.open("my_pipe", os.O_RDONLY)
    one.wait_blocked()
    os.kill(one.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match=r"ended before open\(my_pipe, O_RDONLY\) returned"):
        opening.wait()
    assert one.calls[-1].left is None
    assert (one.state, one.blocked, one.running) == ("ended", None, False)
    with pytest.raises(RuntimeError, match="has ended: make a new Puppet"):
        one.mkfifo("other")
    assert one.end() == -signal.SIGKILL


@pytest.mark.parametrize("stopped", [False, True], ids=["blocked", "stopped"])
def test_end_waits_until_a_puppet_is_gone_whatever_it_does(
        puppet, alive, until, state_of, stopped):
    os.mkfifo("my_pipe")
    with puppet("one") as one:
        one.open("my_pipe", os.O_RDONLY)
        one.wait_blocked()
        if stopped:
            os.kill(one.pid, signal.SIGSTOP)
            until(lambda: state_of(one.pid) == "T", "it is stopped")
    assert not alive(one.pid)
    assert one.end() == (-signal.SIGKILL if stopped else 0)


def test_an_interrupt_does_not_reach_a_puppet(pair):
    _, reader = pair
    reader.read(3, 1)
    reader.wait_blocked()
    os.kill(reader.pid, signal.SIGINT)
    assert reader.wait_blocked() == "read"


def test_puppets_end_within_a_second_of_a_killed_notebook(own_folder, python, until, alive):
    notebook = python("""
        import os, time
        from pipe_helpers import Puppet
        os.mkfifo("my_pipe")
        puppets = [Puppet("writer"), Puppet("reader")]
        puppets[0].open("my_pipe", os.O_WRONLY)
        puppets[0].wait_blocked()
        child = os.fork()  # keeps whatever the notebook had open
        if child == 0:
            time.sleep(30)
        print(child, *[puppet.pid for puppet in puppets], flush=True)
        time.sleep(30)
    """)
    child, *pids = map(int, notebook.stdout.readline().split())
    try:
        notebook.kill()
        until(lambda: not any(map(alive, pids)), "the puppets end", seconds=1)
        until(lambda: os.listdir(own_folder) == [], "the folders are gone", seconds=1)
    finally:
        os.kill(child, signal.SIGKILL)


@LINUX
def test_a_puppet_inherits_nothing_and_is_no_child(puppet):
    one = puppet("one")
    low = {int(fd) for fd in os.listdir(f"/proc/{one.pid}/fd")} - {0, 1, 2}
    assert len(low) == 1 and min(low) >= 200
    assert os.getsid(one.pid) != os.getsid(0)
    with open(f"/proc/{one.pid}/status") as status:
        assert f"PPid:\t{os.getpid()}\n" not in status.read()


def test_no_folder_is_left_once_a_puppet_has_started(own_folder, puppet):
    puppet("one")
    assert not [name for name in os.listdir(own_folder) if name.startswith("named_pipes_puppet")]


def test_a_long_temporary_folder_is_no_obstacle(own_folder, puppet, monkeypatch):
    deep = own_folder / ("long" * 30)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    assert puppet("one").mkfifo("my_pipe").result() is None
    assert stat.S_ISFIFO(os.stat("my_pipe").st_mode)


def test_64_open_files_are_enough_and_their_end_is_a_result(own_folder, python):
    program = python("""
        import os, resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        from pipe_helpers import Puppet
        os.mkfifo("my_pipe")
        with Puppet("one") as one:
            fds = []
            while (call := one.open("my_pipe", os.O_RDONLY | os.O_NONBLOCK).wait()).error is None:
                fds.append(call.result)
            print(fds[0], len(fds) > 50, call.error)
            one.close(fds[0]).result()
            print(one.open("my_pipe", os.O_RDONLY | os.O_NONBLOCK).result())
    """)
    output, errors = program.communicate(timeout=20)
    assert output == "3 True OSError (EMFILE 24)\n3\n", errors


def test_a_puppet_works_in_the_folder_it_is_given(puppet):
    os.mkdir("elsewhere")
    one = puppet("one", cwd="elsewhere")
    one.mkfifo("my_pipe").result()
    assert os.listdir("elsewhere") == ["my_pipe"]
    one.open("my_pipe", os.O_RDONLY)
    assert one.wait_blocked() == "open"


def test_a_puppet_that_can_not_start_says_why(own_folder, script, monkeypatch):
    broken = script("import sys; sys.exit('no socket module')", "puppet_program.py")
    monkeypatch.setattr("pipe_helpers.processes.link._HERE", str(broken.parent))
    with pytest.raises(RuntimeError, match="ended before it had started: no socket module"):
        Puppet("one")
    assert os.listdir(own_folder) == []


def test_without_proc_ps_tells_who_is_blocked(puppet, monkeypatch):
    os.mkfifo("my_pipe")
    one = puppet("one")
    monkeypatch.setattr(asleep, "sys", types.SimpleNamespace(platform="other"))
    one.open("my_pipe", os.O_RDONLY)
    assert one.wait_blocked() == "open"
    assert one.state == "blocked in open"
    assert one.cancel().error == "cancelled"
    assert one.blocked is None


def test_what_a_cell_shows_of_a_press_and_of_a_puppet(puppet):
    one = puppet("writer")
    os.mkfifo("my_pipe")
    opening = one.open("my_pipe", os.O_WRONLY)
    one.wait_blocked()
    assert repr(opening) == "<writer, told to open(my_pipe, O_WRONLY)>"
    assert repr(one) == f"<puppet writer, pid {one.pid}, blocked in open>"
    one.cancel()
    assert repr(opening) == "<writer, told to open(my_pipe, O_WRONLY)>"


def test_a_puppet_tells_how_full_its_pipe_is_even_while_it_is_blocked(pair):
    writer, reader = pair
    writer.write(3, b"Hello").result()
    waiting, size = reader.level(3)
    assert waiting == 5
    assert size == (65536 if sys.platform == "linux" else None)
    writer.write(3, 200_000)
    writer.wait_blocked()
    if sys.platform == "linux":  # elsewhere only the read end tells
        waiting, size = writer.level(3)
        assert size - 4096 < waiting <= size  # the five bytes have a page of their own
    writer.cancel()
    reader.close(3).result()
    with pytest.raises(ValueError, match="no descriptor 3"):
        reader.level(3)
    writer.end()
    assert writer.level(3) is None


def test_whoever_wants_to_know_is_called_when_something_has_changed(puppet):
    one = puppet("one")
    changed = threading.Event()
    one.on_change = changed.set
    os.mkfifo("my_pipe")
    one.open("my_pipe", os.O_RDONLY)
    one.wait_blocked()
    assert changed.wait(5)
    changed.clear()
    one.cancel()
    assert changed.wait(5)
    fd = one.open("my_pipe", os.O_RDONLY | os.O_NONBLOCK).result()
    changed.clear()
    one.level(fd)
    assert not changed.is_set(), "whoever looks when called would look for ever"
    os.kill(one.pid, signal.SIGKILL)
    assert changed.wait(5)
