"""Random sequences of the five steps on three puppets do what the model of a FIFO says.

    KIT_SEQUENCES=2000 python -m pytest tests/test_fifo_model.py

tries other sequences, and as many as it says. A sequence that differs is made short and told
as the list of its steps.
"""
import contextlib
import errno
import os
import sys
import time

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from pipe_helpers import Puppet
from pipe_helpers.practising.model import PAGE, PAGES, PIPE_BUF, Hand, World, settled
from pipe_helpers.processes import asleep
from pipe_helpers.recording.calls import flags_text

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the model has Linux's pages")

SEQUENCES = int(os.environ.get("KIT_SEQUENCES", 0))
FULL = PAGE * PAGES
SIZES = st.sampled_from([
    0, 1, 22, PIPE_BUF - 1, PIPE_BUF, PIPE_BUF + 1, 5000, 2 * PAGE, FULL // 2, FULL - 1, FULL,
    FULL + 1, 100_000, 3 * FULL,
]) | st.integers(0, 3 * PAGE)
FLAGS = st.builds(
    lambda access, nonblock: access | nonblock,
    st.sampled_from([os.O_RDONLY, os.O_WRONLY, os.O_RDONLY, os.O_WRONLY, os.O_RDWR]),
    st.sampled_from([0, 0, os.O_NONBLOCK]),
)
# What is drawn does not depend on what has happened, which may differ from run to run: a number
# stands for one of those puppets, or descriptors, that the call can be made on then.
NUMBERS = st.integers(0, 11)
CALLS = st.one_of(
    st.tuples(st.just("open"), NUMBERS, FLAGS),
    st.tuples(st.just("write"), NUMBERS, SIZES),
    st.tuples(st.just("write"), NUMBERS, SIZES),
    st.tuples(st.just("read"), NUMBERS, SIZES),
    st.tuples(st.just("read"), NUMBERS, SIZES),
    st.tuples(st.just("close"), NUMBERS),
    st.tuples(st.sampled_from(["mkfifo", "mkfifo", "unlink"]), NUMBERS),
)
STEPS = st.one_of(
    CALLS, CALLS, CALLS, CALLS,
    st.tuples(st.just("at once"), CALLS, CALLS),
    st.tuples(st.just("cancel"), NUMBERS),
)
BEGINNINGS = [
    [],
    [("open", 0, os.O_RDWR)],
    [("open", 0, os.O_RDONLY), ("open", 0, os.O_WRONLY)],
    [("open", 0, os.O_WRONLY), ("open", 0, os.O_WRONLY), ("open", 0, os.O_RDONLY)],
    [("open", 0, os.O_RDONLY), ("open", 0, os.O_RDONLY), ("open", 0, os.O_WRONLY)],
]


@pytest.fixture(scope="module")
def puppets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fifo")
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Puppet(f"puppet {n}", cwd=folder)) for n in range(3)]


class Play:
    """One sequence, on the puppets and in the model at once. told: its calls, to be read.

    worlds: the states of the model that agree with all that was seen so far. There are several
    only while what blocked calls have competed for has not come to light.
    """

    def __init__(self, puppets):
        self.puppets = puppets
        self.worlds = [World([Hand() for _ in puppets])]
        self.presses = [None] * len(puppets)
        self.told = []

    def do(self, step):
        if step[0] == "cancel":
            self._cancel(step[1])
        elif step[0] == "at once":
            self._press(*step[1:])
        else:
            self._press(step)

    def _press(self, *calls):
        """Press the calls, each on another puppet that is in none, and see what comes of them."""
        ready = [who for who, press in enumerate(self.presses) if press is None]
        if not ready:
            return self._cancel(calls[0][1])
        worlds = self.worlds
        pressed = []
        for name, number, *args in calls:
            if not (possible := self._possible(ready, name, number)):
                continue
            who, *fd = possible[number % len(possible)]
            ready.remove(who)
            if name == "write":  # the byte tells which write it came from
                args = [bytes([len(self.told) % 256]) * args[0]]
            path = ["my_pipe"] if name in ("mkfifo", "open", "unlink") else []
            pressed.append((who, name, *path, *fd, *args))
            worlds = [world.pressed(*pressed[-1]) for world in worlds]
            self.told.append((f"puppet {who}", name, *fd, *(_told(name, arg) for arg in args)))
        for who, name, *args in pressed:
            self.presses[who] = self.puppets[who].press(name, *args)
        self._compare(worlds)
        self._compare_what_waits()

    def _possible(self, ready, name, number):
        """Who may make a call, and on which descriptor. Now and then on one of the wrong end."""
        if name in ("mkfifo", "open", "unlink"):
            return [(who,) for who in ready]
        wrong = {"read": os.O_WRONLY, "write": os.O_RDONLY}.get(name)
        return [
            (who, fd)
            for who in ready for fd, (_, flags) in sorted(self.puppets[who].descriptors.items())
            if number > 9 or flags & os.O_ACCMODE != wrong
        ]

    def _cancel(self, number):
        waiting = [who for who, press in enumerate(self.presses) if press is not None]
        if waiting:
            who = waiting[number % len(waiting)]
            self.told.append((f"puppet {who}", "cancel"))
            self.puppets[who].cancel()
            self._compare([world.cancelled(who) for world in self.worlds])

    def _compare(self, worlds):
        """Keep those of the worlds, once nothing moves in them, that are as what is seen."""
        expected = []
        for world in worlds:
            expected += [end for end in settled(world) if end not in expected]
        self._wait(expected)
        seen = [
            None if press is None else outcome(press) if press.done else "blocked"
            for press in self.presses
        ]
        self.worlds = [world for world in expected if _outcomes(world, self.presses) == seen]
        assert self.worlds, self._difference(expected, seen)
        self.presses = [
            None if press is None or press.done else press for press in self.presses
        ]

    def _wait(self, expected):
        """Wait until every puppet has left its call, or all that have not sleep at once."""
        for who, press in enumerate(self.presses):
            if press is not None and all(world.hands[who].call is None for world in expected):
                try:
                    press.wait(10)
                except TimeoutError:  # that is a difference
                    pass
        deadline = time.monotonic() + 10
        while waiting := [press for press in self.presses if press is not None and not press.done]:
            if all(asleep.which_sleep([press.look for press in waiting])):
                return
            assert time.monotonic() < deadline, "some puppet neither sleeps nor returns"

    def _compare_what_waits(self):
        """The bytes in each pipe that a puppet can look into, by FIONREAD."""
        for who, puppet in enumerate(self.puppets):
            for fd in puppet.descriptors:
                waiting, size = puppet.level(fd)
                assert size == FULL
                known = {world.pipes[world.hands[who].fds[fd][0]].waiting for world in self.worlds}
                assert waiting in known, (self.told, who, fd, waiting, known)
                self.worlds = [
                    world for world in self.worlds
                    if world.pipes[world.hands[who].fds[fd][0]].waiting == waiting
                ]

    def _difference(self, expected, seen):
        lines = [" ".join(map(str, step)) for step in self.told]
        said = [[_short(one) for one in _outcomes(world, self.presses)] for world in expected]
        return "\n".join([*lines, f"seen: {[_short(one) for one in seen]}",
                          *(f"or, says the model: {one}" for one in said)])

    def end(self):
        """Leave the puppets as they were: in no call, without descriptors, and no FIFO."""
        for puppet in self.puppets:
            puppet.cancel()
        for puppet in self.puppets:
            for fd in puppet.descriptors:
                puppet.close(fd).result()
        self.puppets[0].unlink("my_pipe").wait()


def outcome(press):
    """(what the call returned, None) or (None, the number of its error)."""
    try:
        return press.result(), None
    except OSError as error:
        return None, error.errno


def _outcomes(world, presses):
    return [
        None if press is None else "blocked" if hand.call else hand.outcome
        for hand, press in zip(world.hands, presses)
    ]


def _told(name, value):
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return flags_text(value) if name == "open" else value


def _short(seen):
    if not isinstance(seen, tuple):
        return seen
    value, error = seen
    if isinstance(value, bytes):
        return f"{len(value)} bytes {bytes(sorted(set(value)))!r}"
    return errno.errorcode[error] if error else value


@settings(
    max_examples=SEQUENCES or 100,
    derandomize=not SEQUENCES,  # in CI the same sequences every time
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
# What chance seldom brings: bytes that find no room in a page because of others that are read
# already; two readers, or writers, that compete.
@example([("open", 0, os.O_RDWR | os.O_NONBLOCK)], [
    ("write", 0, 3 * PAGE // 4), ("read", 0, PAGE // 2), ("write", 0, PAGE // 2),
    ("write", 0, FULL), ("read", 0, FULL),
])
@example(BEGINNINGS[-1], [
    ("read", 0, 10), ("read", 0, 10), ("write", 0, 5), ("write", 0, 15), ("read", 0, 10),
])
@example(BEGINNINGS[-2], [
    ("write", 0, FULL + 1), ("write", 0, PIPE_BUF + 1), ("read", 0, FULL), ("read", 0, FULL),
])
@given(beginning=st.sampled_from(BEGINNINGS), steps=st.lists(STEPS, min_size=20, max_size=40))
def test_every_call_of_a_random_sequence_does_what_the_model_says(puppets, beginning, steps):
    play = Play(puppets)
    try:
        for step in [("mkfifo", 0), *beginning, *steps]:
            play.do(step)
    finally:
        play.end()
