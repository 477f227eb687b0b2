"""The lab without its looks: processes do what they are told, challenges are recognised."""
import _thread
import dataclasses
import os
import pathlib
import signal
import threading
import time

import pytest
from lab_plays import BOTH_OPEN, PLAYS, parsed
from processes import interrupted_at

from pipe_helpers.lab import stream
from pipe_helpers.lab.challenges import CHALLENGES, History
from pipe_helpers.lab.model import LabModel, Refused
from pipe_helpers.lab.wakers import wakers
from pipe_helpers.notebook.workspace import leftovers
from pipe_helpers.processes import asleep
from pipe_helpers.processes.console import running_programs
from pipe_helpers.processes.puppet import running_puppets
from pipe_helpers.recording.calls import Call, Data, sentence

TITLES = [challenge.title for challenge in CHALLENGES]


def process(lab, name):
    return next(each for each in lab.look().processes if each.name == name)


def do(lab, step, until):
    kind, who, *rest = parsed(step)
    if kind == "add":
        lab.add_pipe() if who == "pipe" else lab.add_process(who)
    elif kind == "is":
        until(lambda: process(lab, who).state.startswith(rest[0]), step)
    else:
        press(lab, who, *rest)


def press(lab, who, action, value):
    if action == "open":
        pipe, *mode = value.split(maxsplit=1) or [None]
        lab.open(who, pipe, wait=not mode)
    elif action == "write":
        lab.write(who, int(value.split()[0]) if value.endswith(" bytes") else value.encode())
    elif action == "read":
        lab.read(who, int(value))
    elif action == "close":
        lab.close(who, value or None)
    else:
        lab.cancel(who)


def play(lab, steps, until):
    for step in steps:
        do(lab, step, until)


def met(lab):
    return [TITLES[number] for number in sorted(lab.look().met)]


# ---------------------------------------------------------------- real processes


def test_there_is_a_way_to_do_each_challenge():
    assert list(PLAYS) == TITLES


@pytest.mark.parametrize("title", TITLES)
def test_a_challenge_is_met_by_doing_it_and_not_one_step_sooner(lab, until, title):
    *steps, awaited = PLAYS[title]
    last = max(n for n, step in enumerate(steps) if parsed(step)[0] == "press")
    play(lab, steps[:last], until)
    assert title not in met(lab)
    play(lab, [*steps[last:], awaited], until)
    until(lambda: title in met(lab), title)


def test_what_is_done_is_noted_and_known_to_the_next_lab(own_folder, until, monkeypatch):
    state = own_folder.parent / "state"
    monkeypatch.setenv("KIT_STATE", str(state))
    for wanted, here in ((set(), True), ({ENXIO}, False)):
        lab = LabModel()
        try:
            assert lab.look().met == wanted and not lab.met
            if here:
                play(lab, PLAYS["get ENXIO"], until)
                until(lambda: lab.look().met == {ENXIO}, "the challenge is met")
                assert lab.met == {ENXIO} and lab.not_noted == ""
        finally:
            lab.end()
    assert os.listdir(state) == ["enxio.done"]


def test_what_can_not_be_noted_counts_all_the_same(lab, until, monkeypatch):
    monkeypatch.setenv("KIT_STATE", "/dev/null/state")
    play(lab, PLAYS["get ENXIO"], until)
    until(lambda: met(lab) == ["get ENXIO"], "the challenge is met")
    assert "could not be noted in /dev/null/state: Not a directory" in lab.not_noted


def test_each_challenge_is_named_in_its_chapter():
    notebooks = pathlib.Path(__file__).parent.parent / "notebooks"
    assert len({challenge.name for challenge in CHALLENGES}) == len(CHALLENGES)
    for challenge in CHALLENGES:
        text = (notebooks / f"{challenge.chapter}.ipynb").read_text(encoding="utf-8")
        assert f"**{challenge.title}**" in text, challenge


def test_what_is_to_be_seen_of_two_processes_and_a_pipe(lab, until):
    seen = lab.look()
    assert [(p.name, p.state, p.held, p.result) for p in seen.processes] == [
        ("writer", "ready", "none open", "no call yet"),
        ("reader", "ready", "none open", "no call yet"),
    ]
    assert seen.pipes[0].text == "nobody has it open: it holds nothing"
    play(lab, BOTH_OPEN[:2], until)
    seen = lab.look()
    assert seen.waits and seen.processes[0].blocked
    assert seen.processes[0].state.startswith("blocked in open for 0.")
    assert seen.pipes[0].text == "one end waits for the other to be opened"
    play(lab, BOTH_OPEN[2:], until)
    do(lab, "writer: write Hello", until)
    do(lab, "writer is ready", until)
    seen = lab.look()
    assert not seen.waits
    assert seen.pipes[0].waiting == 5
    assert seen.pipes[0].write_end == "writer (fd 3)"
    assert seen.pipes[0].read_end == "reader (fd 3)"
    assert [p.held for p in seen.processes] == [
        "fd 3: my_pipe, for writing", "fd 3: my_pipe, for reading"]
    assert [p.result for p in seen.processes] == ["5 bytes", "fd 3"]
    wrote, _, _ = seen.log[-1].partition(", after ")  # it is told if it took a millisecond
    assert wrote == "writer wrote 5 bytes b'Hello' to fd 3"


def test_looking_does_not_open_the_pipe_and_so_frees_nobody(lab, until):
    play(lab, BOTH_OPEN[:2], until)
    for _ in range(20):
        assert lab.look().processes[0].blocked


def test_the_bytes_of_a_blocked_write_are_counted(lab, until):
    play(lab, [*BOTH_OPEN, "writer: write 70000 bytes", "writer is blocked in write"], until)
    [pipe] = lab.look().pipes
    assert 0 < pipe.waiting <= (pipe.size or 70000)
    assert "no room" in pipe.text


def test_what_makes_no_sense_is_refused_with_the_reason_and_nothing_is_lost(lab, until):
    cases = [
        ("writer: write Hello", "has not opened my_pipe: open it first"),
        ("reader: read 5", "has not opened my_pipe: open it first"),
        ("writer: close", "has not opened my_pipe"),
        ("writer: cancel", "is in no call"),
        ("writer: read 5", "there is no pipe that the writer could read"),
        ("writer 2: open", "there is no writer 2"),
        ("writer: open answers", "there is no pipe"),
    ]
    for step, why in cases:
        with pytest.raises(Refused, match=why):
            do(lab, step, until)
    play(lab, BOTH_OPEN, until)
    with pytest.raises(Refused, match="has my_pipe open already, as fd 3: close that first"):
        do(lab, "writer: open", until)
    for step in ("writer: write 1048577 bytes", "writer: write -1 bytes", "reader: read 9999999"):
        with pytest.raises(Refused, match="from 0 to 1,048,576"):
            do(lab, step, until)
    play(lab, ["reader: read 5", "reader is blocked in read"], until)
    with pytest.raises(Refused, match="still in read: cancel it"):
        do(lab, "reader: close", until)
    play(lab, ["writer: write Hello", "reader is ready"], until)
    assert process(lab, "reader").result == "b'Hello'"


def test_the_reason_that_is_shown_is_the_reason_that_is_given(lab, until):
    play(lab, BOTH_OPEN[:2], until)
    for name in ("writer", "reader"):
        for (action, pipe), reason in process(lab, name).reasons.items():
            if not reason:
                continue
            with pytest.raises(Refused) as refused:
                press(lab, name, action, {"open": pipe, "close": pipe}.get(action, "5"))
            assert str(refused.value) == reason


def test_a_second_of_each_and_no_third(lab, until):
    for kind in ("writer", "reader"):
        lab.add_process(kind)
        with pytest.raises(Refused, match=f"two {kind}s already"):
            lab.add_process(kind)
    lab.add_pipe()
    with pytest.raises(Refused, match="two pipes already"):
        lab.add_pipe()
    seen = lab.look()
    assert [p.name for p in seen.processes] == ["writer", "writer 2", "reader", "reader 2"]
    assert [p.name for p in seen.pipes] == ["my_pipe", "answers"]


def test_a_cancelled_call_is_told_and_its_part_kept(lab, until):
    play(lab, [*BOTH_OPEN, "writer: write 70000 bytes", "writer is blocked in write",
               "writer: cancel", "writer is ready"], until)
    assert process(lab, "writer").result.endswith(" of 70,000 bytes")
    play(lab, ["writer: close", "writer is ready"], until)


def test_starting_over_gives_new_processes_and_keeps_what_was_achieved(lab, until, alive):
    play(lab, PLAYS["get ENXIO"], until)
    until(lambda: met(lab) == ["get ENXIO"], "the challenge is met")
    lab.add_pipe()
    before = [p.pid for p in lab.look().processes]
    lab.start_over()
    seen = lab.look()
    assert not any(map(alive, before))
    assert [p.name for p in seen.pipes] == ["my_pipe"]
    assert seen.log == () and met(lab) == ["get ENXIO"]
    play(lab, BOTH_OPEN, until)


def test_a_process_that_somebody_kills_is_seen_to_have_ended(lab, until):
    play(lab, BOTH_OPEN, until)
    os.kill(process(lab, "writer").pid, signal.SIGKILL)
    until(lambda: process(lab, "writer").state == "ended", "the writer has ended")
    with pytest.raises(Refused, match="writer has ended: press start over"):
        lab.write("writer", b"x")
    play(lab, ["reader: read 5", "reader is ready"], until)
    assert process(lab, "reader").result == "b'' end of file"


def test_nothing_is_left_when_it_has_ended(own_folder, until, alive):
    lab = LabModel()
    assert leftovers() == []  # a chapter's last cell does not complain of a lab
    play(lab, BOTH_OPEN[:2], until)
    pids = [p.pid for p in lab.look().processes]
    lab.end()
    lab.end()
    assert not any(map(alive, pids))
    until(lambda: os.listdir(own_folder) == [], "all folders are gone")
    assert lab.look().ended
    for step in BOTH_OPEN[:1]:
        with pytest.raises(Refused, match="ended: run its cell again"):
            do(lab, step, until)
    with pytest.raises(Refused, match="ended"):
        lab.start_over()


def test_a_lab_that_can_not_start_leaves_nothing(own_folder, until, monkeypatch, script):
    broken = script("import sys; sys.exit('no such luck')", "puppet_program.py")
    monkeypatch.setattr("pipe_helpers.processes.link._HERE", str(broken.parent))
    with pytest.raises(RuntimeError, match="no such luck"):
        LabModel()
    until(lambda: os.listdir(own_folder) == [], "all folders are gone")


def test_processes_and_folder_are_gone_after_the_kernel_was_killed(
        own_folder, python, until, alive):
    kernel = python("""
        import time
        from pipe_helpers.lab.model import LabModel
        lab = LabModel()
        lab.open("writer")
        print(*[p.pid for p in lab.look().processes], flush=True)
        time.sleep(60)
    """)
    pids = [int(word) for word in kernel.stdout.readline().split()]
    assert len(pids) == 2
    kernel.kill()
    until(lambda: not any(map(alive, pids)), "the processes end", 2)
    until(lambda: os.listdir(own_folder) == [], "all folders are gone", 2)


def test_whoever_shows_the_lab_is_told_of_every_change(own_folder, until):
    changed = threading.Event()
    lab = LabModel(changed.set)
    try:
        for step in BOTH_OPEN[:1]:
            changed.clear()
            do(lab, step, until)
            assert changed.wait(5)
        do(lab, "writer is blocked in open", until)
        changed.clear()
        lab.look()
        assert not changed.is_set()
        do(lab, "reader: open", until)
        assert changed.wait(5)
    finally:
        lab.end()


def test_a_look_at_four_blocked_processes_pauses_once(lab, until):
    for kind in ("writer", "reader"):
        lab.add_process(kind)
    lab.add_pipe()
    for name in ("writer", "writer 2"):
        lab.open(name)
    for name in ("reader", "reader 2"):
        lab.open(name, "answers")
    until(lambda: all(each.blocked for each in lab.look().processes), "all four are blocked")
    times = []
    for _ in range(20):
        began = time.perf_counter()
        assert all(each.blocked for each in lab.look().processes)
        times.append(time.perf_counter() - began)
    print(f"a look at four blocked processes: {1000 * min(times):.1f} ms")
    assert min(times) < 2 * asleep.PAUSE


def test_200_presses_later_a_look_is_still_quick(lab, until):
    play(lab, BOTH_OPEN, until)
    for _ in range(100):
        play(lab, ["writer: write Hello", "writer is ready", "reader: read 5",
                   "reader is ready"], until)
    lab._judged = None
    began = time.perf_counter()
    seen = lab.look()
    assert time.perf_counter() - began < 0.1
    assert len(seen.log) == 40 and len(seen.calls) == 12


# ---------------------------------------------------------------- interrupted


@pytest.mark.parametrize("way", ["make", "add_process", "start_over"])
def test_an_interrupt_after_any_step_leaves_nothing_that_no_lab_knows(
        own_folder, until, left, way):
    threads = _thread._count()
    work = {"make": lambda lab: LabModel(), "start_over": LabModel.start_over,
            "add_process": lambda lab: lab.add_process("reader")}[way]
    for step in range(1, 1000):
        lab = None if way == "make" else LabModel()
        made = None
        try:
            made, interrupted = interrupted_at(step, lambda: work(lab))
            if lab and interrupted:  # it is a lab as before, or as it was to be
                until(lambda: len(lab.look().processes) == 2, "no second reader is there")
                lab.open("writer")
        finally:
            for each in filter(None, (lab, made)):
                each.end()
        until(lambda: running_puppets() == running_programs() == os.listdir(own_folder) == []
              and _thread._count() <= threads,
              f"nothing is left after an interrupt at step {step}", 3)
        if not interrupted:
            break
    assert 3 < step < 999


# ---------------------------------------------------------------- made-up calls


class Story:
    """Made-up calls, a millisecond-clock at hand: story.open("writer", "w", 0, 50)."""

    def __init__(self):
        self.calls = []
        self.pids = {}

    def add(self, who, name, args, entered, left, result=None, error=None):
        pid = self.pids.setdefault(who, len(self.pids) + 1)
        left = None if left is None else round(left * 1e6)
        self.calls.append(Call(pid, who, name, args, round(entered * 1e6), left, result, error))

    def open(self, who, end, entered, left=0, error=None, pipe="my_pipe", flags=0, fd=3):
        flags |= os.O_WRONLY if end == "w" else os.O_RDONLY
        left = entered + 0.01 if left == 0 else left
        self.add(who, "open", (pipe, flags), entered, left, None if error else fd, error)

    def write(self, who, size, entered, left=0, done=None, error=None, fd=3):
        left = entered + 0.01 if left == 0 else left
        done = size if done is None and not error and left is not None else done
        self.add(who, "write", (fd, Data(b"."[:size], size)), entered, left, done, error)

    def read(self, who, size, entered, left=0, n=1000, error=None, fd=3):
        left = entered + 0.01 if left == 0 else left
        result = None if error or left is None else Data(b"."[:size], size)
        self.add(who, "read", (fd, n), entered, left, result, error)

    def close(self, who, entered, fd=3):
        self.add(who, "close", (fd,), entered, entered + 0.01)

    def met(self, ended=None):
        ended = {self.pids[who]: when * 1e6 for who, when in (ended or {}).items()}
        history = History(self.calls, self.pids.values(), ended)
        return {number for number in JUDGED if CHALLENGES[number].done(history)}


JUDGED = range(10)  # the challenges that these histories are about
OPEN, PIECES, JOINED, FULL, END, BROKEN, LOST, ENXIO, LAST, DEADLOCK = JUDGED


@pytest.fixture
def story():
    return Story()


@pytest.fixture
def both_open(story):
    story.open("reader", "r", 0, 50.02)
    story.open("writer", "w", 50)
    return story


def test_no_calls_meet_no_challenge(story):
    assert story.met() == set()


def test_an_open_that_another_freed(both_open):
    assert both_open.met() == {OPEN}


def test_an_open_that_did_not_wait_or_was_cancelled_or_waits_still_is_none(story):
    story.open("reader", "r", 0, flags=os.O_NONBLOCK)
    story.open("writer", "w", 50)
    story.open("other", "w", 60, 90, error="cancelled", pipe="answers")
    story.open("third", "w", 60, None, pipe="answers")
    assert story.met() == set()


def test_an_open_is_not_freed_by_one_that_fails_or_is_of_its_own_kind(story):
    story.open("writer", "w", 0, 90)
    story.open("second", "w", 50)
    story.open("reader", "r", 60, 80, error="OSError (EACCES 13)")
    assert OPEN not in story.met()


def test_two_pieces_need_both_pieces_and_one_message(both_open):
    both_open.write("writer", 5, 60)
    both_open.read("reader", 3, 61)
    assert PIECES not in both_open.met()
    both_open.read("reader", 2, 62)
    assert both_open.met() == {OPEN, PIECES}


def test_two_messages_read_one_by_one_are_neither_in_pieces_nor_joined(both_open):
    for at in (60, 70):
        both_open.write("writer", 5, at)
        both_open.read("reader", 5, at + 5)
    assert both_open.met() == {OPEN}


def test_two_readers_with_a_piece_each_are_not_one_reader(both_open):
    both_open.open("reader 2", "r", 55)
    both_open.write("writer", 5, 60)
    both_open.read("reader", 3, 61)
    both_open.read("reader 2", 2, 62)
    assert PIECES not in both_open.met()


def test_joined_needs_two_whole_messages(both_open):
    both_open.write("writer", 5, 60)
    both_open.write("writer", 0, 61)
    both_open.write("writer", 5, 62)
    both_open.read("reader", 8, 63)
    assert JOINED not in both_open.met()
    both_open.write("writer", 2, 64)
    both_open.write("writer", 2, 65)
    both_open.read("reader", 6, 66)
    assert both_open.met() == {OPEN, JOINED, PIECES}


def test_bytes_that_were_lost_do_not_shift_what_comes_later(both_open):
    both_open.write("writer", 3, 60)
    both_open.close("writer", 61)
    both_open.close("reader", 62)
    assert both_open.met() == {OPEN, LOST}
    both_open.open("reader", "r", 100, flags=os.O_NONBLOCK)
    both_open.open("writer", "w", 101)
    both_open.write("writer", 5, 110)
    both_open.read("reader", 5, 111)
    assert both_open.met() == {OPEN, LOST}


def test_whoever_waits_in_open_keeps_the_bytes(both_open):
    both_open.write("writer", 3, 60)
    both_open.close("writer", 61)
    both_open.open("reader 2", "r", 62, 100)
    both_open.close("reader", 70)
    both_open.open("writer", "w", 100)
    both_open.read("reader 2", 3, 110)
    both_open.close("reader 2", 120)
    both_open.close("writer", 121)
    assert LOST not in both_open.met()


def test_full_is_freed_by_exactly_one_read(both_open):
    both_open.write("writer", 70000, 60, 100)
    both_open.read("reader", 65536, 99.9)
    assert FULL in both_open.met()
    both_open.read("reader", 1, 80)
    assert FULL not in both_open.met()


def test_a_write_that_was_cancelled_or_found_a_waiting_reader_was_not_freed(both_open):
    both_open.write("writer", 70000, 60, 100, done=65536)
    both_open.read("reader", 10, 80)
    both_open.read("reader", 5, 110, 120.01)
    both_open.write("writer", 5, 120)
    assert FULL not in both_open.met()


def test_end_of_file_is_no_error_and_no_question_for_nothing(both_open):
    both_open.read("reader", 0, 60, n=0)
    both_open.read("reader", 0, 61, error="BlockingIOError (EAGAIN 11)")
    both_open.read("reader", 0, 62, None)
    assert both_open.met() == {OPEN}
    both_open.read("reader", 0, 63)
    assert both_open.met() == {OPEN, END}


def test_a_broken_pipe_is_not_a_loss_without_error(both_open):
    both_open.write("writer", 3, 60)
    both_open.close("reader", 61)
    both_open.write("writer", 3, 62, error="BrokenPipeError (EPIPE 32)")
    both_open.close("writer", 63)
    assert both_open.met() == {OPEN, BROKEN}


def test_bytes_are_lost_too_when_the_processes_were_ended(both_open):
    both_open.write("writer", 3, 60)
    assert LOST not in both_open.met(ended={"writer": 90})
    assert LOST in both_open.met(ended={"writer": 90, "reader": 91})


def test_enxio_is_an_error_of_open(story):
    story.open("writer", "w", 0, error="OSError (ENXIO 6)", flags=os.O_NONBLOCK)
    assert story.met() == {ENXIO}


@pytest.mark.parametrize("between, awaited", [
    (dict(size=0, entered=82, left=90.01), True),  # waited for the last
    (dict(size=0, entered=70, left=90.01), True),  # waited from before the first closed
    (dict(size=0, entered=82, error="BlockingIOError (EAGAIN 11)"), True),
    (dict(size=0, entered=95), False),  # nobody looked in between
])
def test_end_of_file_after_the_last_of_two_writers(both_open, between, awaited):
    both_open.open("writer 2", "w", 60)
    both_open.close("writer", 80)
    both_open.close("writer 2", 90)
    both_open.read("reader", **between)
    both_open.read("reader", 0, 99)
    assert (LAST in both_open.met()) is awaited


def test_two_writers_one_after_the_other_are_not_two(both_open):
    both_open.close("writer", 60)
    both_open.open("writer 2", "w", 70)
    both_open.read("reader", 0, 80, 90.01)
    both_open.close("writer 2", 90)
    assert LAST not in both_open.met()


@pytest.mark.parametrize("writer, reader, third, awaited", [
    ((0, 80, None), (20, 50, "cancelled"), None, True),
    ((0, None, None), (20, 50, "cancelled"), None, False),  # not out yet
    ((0, 80, "cancelled"), (20, 50, "cancelled"), None, False),  # not out
    ((0, 15, None), (20, 50, "cancelled"), None, False),  # one after the other
    ((0, 80, None), (20, 50, "cancelled"), "idle", False),  # a third process could have helped
])
def test_a_deadlock_is_one_when_all_wait_and_over_when_one_gets_on(
        story, writer, reader, third, awaited):
    if third:
        story.pids[third] = 9
    story.open("writer", "w", *writer)
    story.open("reader", "w", *reader, pipe="answers")
    assert (DEADLOCK in story.met()) is awaited


def test_two_that_wait_on_one_pipe_are_no_deadlock_of_two_pipes(story):
    story.open("writer", "w", 0, 80)
    story.open("writer 2", "w", 20, 80)
    assert DEADLOCK not in story.met()


# ---------------------------------------------------------------- what is in a pipe


def told(story, waiting, ended=None):
    """What the story tells of my_pipe when so many bytes wait, and of what was lost: texts."""
    ended = {story.pids[who]: when * 1e6 for who, when in (ended or {}).items()}
    history = History(story.calls, story.pids.values(), ended)
    pieces = stream.contents(history, "my_pipe", waiting)
    return (pieces and [(piece.read, piece.text) for piece in pieces],
            [piece.text for piece in stream.lost(history, "my_pipe")])


def send(story, who, text, entered, left=0, done=None):
    data = Data(text.encode())
    story.add(who, "write", (3, data), entered, left or entered + 0.01,
              len(data) if done is None else done)


@pytest.fixture
def two_sent(both_open):
    send(both_open, "writer", "Hello", 60)
    send(both_open, "writer", "Grüße", 61)
    return both_open


def test_what_was_written_and_not_read_is_in_the_pipe_each_write_apart(two_sent):
    assert told(two_sent, 12) == ([("", "Hello"), ("", "Grüße")], [])
    two_sent.read("reader", 3, 70)
    assert told(two_sent, 9) == ([("Hel", "lo"), ("", "Grüße")], [])
    two_sent.read("reader", 5, 71)  # which takes the first of the two bytes of ü
    assert told(two_sent, 4) == ([("Gr�", "�ße")], [])


def test_what_a_blocked_write_has_put_in_already_is_told_by_the_count(two_sent):
    two_sent.write("writer", 70000, 70, None)
    assert told(two_sent, 4108)[0][2] == ("", ".… (4,096 bytes)")  # the story keeps but one
    assert told(two_sent, 12)[0] == [("", "Hello"), ("", "Grüße")]
    assert told(two_sent, 11)[0] is None


@pytest.mark.parametrize("make_unclear", [
    lambda story: send(story, "writer 2", "x", 60.005),  # who was first?
    lambda story: (story.read("reader", 3, 70, 80), story.read("reader 2", 3, 75)),
    lambda story: story.write("writer", 5, 70, None),  # and was killed
])
def test_what_nobody_can_know_is_not_told(two_sent, make_unclear):
    make_unclear(two_sent)
    assert all(told(two_sent, waiting, {"writer": 90})[0] is None for waiting in (6, 13, 17))


def test_what_the_kernel_does_not_confirm_is_not_told(two_sent):
    assert told(two_sent, 5)[0] is None  # somebody else has read
    assert told(two_sent, None)[0] is None


def test_bytes_are_lost_with_the_last_close_until_the_pipe_is_opened_again(two_sent):
    two_sent.read("reader", 2, 70)
    two_sent.close("writer", 80)
    assert told(two_sent, 10)[1] == []
    two_sent.close("reader", 81)
    assert told(two_sent, None) == (None, ["llo", "Grüße"])
    two_sent.open("reader", "r", 90, None)
    assert told(two_sent, None) == (None, [])


def test_what_somebody_else_may_have_read_is_not_told_to_be_lost(story):
    story.open("writer", "w", 0, 50)  # freed by a process that is not the lab's
    send(story, "writer", "Hello", 60)
    assert told(story, 5)[0] == [("", "Hello")]
    story.close("writer", 70)
    assert told(story, None) == (None, [])


@pytest.mark.parametrize("text, most, short", [
    ("Hello", 5, "Hello"), ("Hello, reader", 12, "Hell…er (13)"), ("abcdefghij", 4, "ab… (10)"),
])
def test_a_long_message_is_cut_in_the_middle_and_its_bytes_counted(text, most, short):
    piece = stream.Piece(0, text.encode(), len(text), 0, len(text))
    assert piece.short(most) == short


def test_what_is_no_character_is_marked():
    assert stream.decoded(b"a\xffb\n\x1b") == "a�b↵�"


# ---------------------------------------------------------------- who can wake whom

ENDS = {("w", "p"): "write", ("v", "p"): "write", ("r", "p"): "read",
        ("w", "q"): "read", ("v", "q"): "read", ("r", "q"): "write"}


@pytest.mark.parametrize("asleep, holds, can, awaited", [
    # open wakes open, of the other end and of the same pipe
    ({"w": ("open", "p")}, "", "v:open:p r:open:p r:open:q", {"w": "r:open:p"}),
    ({"r": ("open", "p")}, "", "w:open:p v:open:p v:open:q", {"r": "w:open:p v:open:p"}),
    # a read is woken by a write, or by the last writer's close
    ({"r": ("read", "p")}, "rp wp", "w:write:p w:close:p", {"r": "w:write:p w:close:p"}),
    ({"r": ("read", "p")}, "rp wp vp", "w:write:p w:close:p v:close:p", {"r": "w:write:p"}),
    ({"r": ("read", "p")}, "rp vp", "w:open:p v:write:p", {"r": "v:write:p"}),
    # a write is woken by a read, or by the last reader's close
    ({"w": ("write", "p")}, "rp wp", "r:read:p r:close:p", {"w": "r:read:p r:close:p"}),
    ({"r": ("write", "q")}, "rq wq vq", "w:read:q w:close:q", {"r": "w:read:q"}),
    # the other pipe's end does nothing for it
    ({"w": ("write", "p")}, "rp wp rq wq", "r:write:q r:close:q", {"w": ""}),
    # two sleep: each for itself
    ({"w": ("open", "p"), "r": ("open", "q")}, "", "v:open:p v:open:q",
     {"w": "", "r": "v:open:q"}),
])
def test_the_presses_that_can_wake_a_sleeper(asleep, holds, can, awaited):
    presses = [tuple(press.split(":")) for press in can.split()]
    found = wakers(asleep, ENDS, {tuple(hold) for hold in holds.split()}, presses)
    assert {who: " ".join(map(":".join, each)) for who, each in found.items()} == awaited


def test_what_is_said_to_wake_a_sleeper_does(lab, until):
    for before, who, press in (
            (BOTH_OPEN[:2], "writer", "reader: open"),
            ([*BOTH_OPEN, "reader: read 5", "reader is blocked in read"], "reader",
             "writer: close"),
            ([*BOTH_OPEN, "writer: write 70000 bytes", "writer is blocked in write"], "writer",
             "reader: close")):
        play(lab, before, until)
        assert press in process(lab, who).woken_by
        play(lab, [press, f"{who} is ready"], until)
        news = [lab.look().log[at] for at in lab.look().news]
        assert [line.split()[0] for line in news] == [press.split(":")[0], who]  # both sides
        lab.start_over()


# ---------------------------------------------------------------- in words


@pytest.mark.parametrize("call, words", [
    (("open", ("my_pipe", os.O_WRONLY), 2.12e9, 3, None),
     "writer opened my_pipe for writing, after 2.1 s: fd 3"),
    (("open", ("my_pipe", os.O_WRONLY | os.O_NONBLOCK), 1e3, None, "OSError (ENXIO 6)"),
     "writer did not open my_pipe for writing, without waiting: OSError (ENXIO 6): nobody has it "
     "open for reading"),
    (("write", (3, Data(b"." * 64, 70000)), 2e6, 65536, None),
     "writer wrote 70,000 bytes to fd 3, after 2.0 ms: 65,536 of them"),
    (("read", (3, 1), 1e3, Data(b""), None),
     "writer read from fd 3, at most 1 byte: b'' end of file"),
    (("close", (3,), 1e3, None, None), "writer closed fd 3"),
    (("read", (3, 5), None, None, None), "writer is in read: at most 5 bytes from fd 3"),
])
def test_the_log_tells_a_call_in_words(call, words):
    name, args, waited, result, error = call
    told = Call(1, "writer", name, args, 0, waited and round(waited), result, error)
    assert sentence(told) == words
    assert dataclasses.replace(told, pid=123456).role in sentence(told)
