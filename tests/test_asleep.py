"""Two looks tell whether a process sleeps, even where the system tells less than Linux does."""
import os
import threading
import time
from types import SimpleNamespace

import pytest

from pipe_helpers.processes import asleep

STATUS = "Name:\tpython3\nState:\tS (sleeping)\nPPid:\t1\n"
COUNT = "voluntary_ctxt_switches:\t42\nnonvoluntary_ctxt_switches:\t7\n"


@pytest.mark.parametrize("text, mark", [
    (STATUS + COUNT, "\t42\n"),
    (STATUS, "asleep"),  # as in older versions of gVisor
    (STATUS.replace("S (sleeping)", "R (running)") + COUNT, None),
    (STATUS.replace("S (sleeping)", "Z (zombie)"), None),
])
def test_the_text_in_proc_tells_the_state_and_perhaps_the_count(text, mark):
    assert asleep._mark(text.splitlines(keepends=True)) == mark


def test_without_the_count_a_program_and_a_puppet_are_still_seen_to_be_blocked(
        own_folder, puppet, monkeypatch):
    from pipe_helpers import launch_writer

    mark = asleep._mark
    monkeypatch.setattr(asleep, "_mark", lambda lines: mark(
        [line for line in lines if "ctxt_switches" not in line]))
    os.mkfifo("my_pipe")
    writer, reader = launch_writer(), puppet("reader")
    writer.wait_blocked()
    reader.mkfifo("other").result()
    reader.open("other", os.O_RDONLY)
    assert reader.wait_blocked() == reader.blocked == "open"
    writer.kill()


def looking(*marks):
    """A function that tells these marks, one at each look, and the last for ever."""
    marks = list(marks)
    return lambda: marks.pop(0) if len(marks) > 1 else marks[0]


def test_another_nap_at_every_look_is_no_sleep():
    naps = iter(range(1000))
    assert asleep.which_sleep([lambda: next(naps), looking(None), looking(1, None)]) == [False] * 3
    assert not asleep.wait_asleep(lambda: next(naps), 0.05)


def test_however_many_sleep_one_pause_is_enough(monkeypatch):
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        time.sleep(seconds)

    monkeypatch.setattr(asleep, "time", SimpleNamespace(sleep=pause, monotonic=time.monotonic))
    began = time.monotonic()
    assert asleep.which_sleep([looking(n) for n in range(1000)]) == [True] * 1000
    assert asleep.PAUSE <= time.monotonic() - began
    assert asleep.which_sleep([]) == []
    assert pauses == [asleep.PAUSE]


def test_a_wait_of_no_time_looks_twice_and_one_without_a_limit_until_it_is_over():
    assert asleep.wait_asleep(looking(1), 0)
    assert not asleep.wait_asleep(looking(None), 0)
    assert asleep.wait_asleep(looking(*[None] * 20, 1), None)
    ended = threading.Event()
    ended.set()
    assert not asleep.wait_asleep(looking(1), None, over=ended.wait)


def test_a_watch_tells_for_how_long_and_how_many_naps():
    watch = asleep.Watch(looking(None, 1, 1, 2))
    assert [watch.look(), watch.look()] == [0, 0]
    time.sleep(asleep.PAUSE)  # the time that is told
    assert watch.look() >= asleep.PAUSE
    assert (watch.look(), watch.naps) == (0, 2)
