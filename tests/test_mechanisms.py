"""The mechanisms that a learner measures: they carry every byte, end, and leave nothing."""
import itertools
import os
import re
import sys
import time
import types

import pytest
from contrast import unreadable

from pipe_helpers import time_limit
from pipe_helpers.mechanisms import NAMES, Partners, measure, pictures, round_trips, throughput
from pipe_helpers.mechanisms.end import DONE, End
from pipe_helpers.mechanisms.measure import MECHANISMS, RoundTrips, Throughput, check
from pipe_helpers.recording.picture import BLUE, GREEN, RED, image_of

SIZES = [1, 64, 4095, 65537, 1 << 20]


@pytest.mark.parametrize("name", NAMES)
def test_every_byte_arrives_in_messages_of_any_size(own_folder, name):
    with time_limit(60), Partners([name]) as partners:
        end = partners.ends[name]
        for size in SIZES:
            if size <= end.longest:
                check(end, size)


@pytest.mark.parametrize("name", NAMES)
def test_a_partner_ends_with_the_block_and_leaves_no_file(own_folder, alive, name):
    with time_limit(60), Partners([name]) as partners:
        assert os.listdir() == []  # both have met: no name is needed
        process = partners._processes[0]
    assert not alive(process.pid)
    assert os.listdir() == []


@pytest.mark.parametrize("name", NAMES)
def test_a_partner_ends_when_the_block_fails(own_folder, alive, name):
    with pytest.raises(ZeroDivisionError), time_limit(60), Partners([name]) as partners:
        process = partners._processes[0]
        1 / 0
    assert not alive(process.pid)
    assert os.listdir() == []


@pytest.mark.parametrize("dead", [name for name in NAMES if name != "multiprocessing Queue"])
def test_when_one_partner_has_died_the_others_end_all_the_same(own_folder, alive, dead):
    names = list(dict.fromkeys([dead, "named pipe", "Unix socket", "multiprocessing Queue"]))
    with time_limit(60):
        partners = Partners(names).__enter__()
        processes = list(partners._processes)
        try:
            processes[0].kill()
            processes[0].wait(10)
            try:
                partners.__exit__(None, None, None)
            except Exception as error:  # where the mechanism tells that nobody is there
                assert not isinstance(error, TimeoutError), error
                assert dead not in ("message queue", "multiprocessing Queue")
            else:
                assert dead in ("message queue", "TCP")
            assert not any(alive(process.pid) for process in processes)
            assert os.listdir() == []
        finally:
            for process in processes:
                process.kill()


def test_of_several_errors_at_the_end_the_first_is_told(own_folder, alive):
    def refuse(error):
        raise error

    with time_limit(60):
        with pytest.raises(KeyboardInterrupt):
            with Partners(["named pipe", "Unix socket", "TCP"]) as partners:
                ends, processes = list(partners.ends.values()), partners._processes
                errors = OSError("third"), OSError("second"), KeyboardInterrupt()  # the last first
                for end, error in zip(ends, errors):
                    end.stop = lambda error=error: refuse(error)
        assert not any(alive(process.pid) for process in processes)
        with pytest.raises(ZeroDivisionError):
            with Partners(["named pipe", "Unix socket"]) as partners:
                closes = [end.close for end in partners.ends.values()]
                for end in partners.ends.values():
                    end.close = lambda: refuse(OSError("close"))
                1 / 0
        for close in closes:
            close()
        assert os.listdir() == []


def test_messages_that_a_dead_partner_will_never_take_do_not_keep_the_block_from_its_end(
        own_folder, alive):
    with pytest.raises(ZeroDivisionError), time_limit(20):
        with Partners(["multiprocessing Queue"]) as partners:
            process = partners._processes[0]
            process.kill()
            process.join()
            for _ in range(3):
                partners.ends["multiprocessing Queue"].send(bytes(1 << 20))
            begun = time.monotonic()
            1 / 0
    assert not alive(process.pid) and time.monotonic() - begun < 10


def test_the_other_process_is_a_child_only_where_its_ends_must_be_inherited(own_folder):
    with time_limit(60), Partners(NAMES) as partners:
        related = set(NAMES) - set(partners.unrelated)
    assert related == {"ordinary pipe", "multiprocessing Queue"}


class Changed(End):
    """A mechanism that changes a byte."""

    def send(self, data):
        self.sent = bytes(data)

    def receive(self, size):
        return self.sent[:-1] + b"!" if size > len(DONE) else DONE


def test_a_byte_that_differs_is_noticed():
    with pytest.raises(ValueError, match="differs"):
        check(Changed(), 64)


def test_what_went_one_way_is_checked_too():
    end = Changed()
    end.round_trips = lambda data, count: []
    with pytest.raises(ValueError, match="differs"):
        check(end, 64)


def test_all_are_measured_at_every_size_they_allow(own_folder, monkeypatch):
    monkeypatch.setenv("KIT_BUDGET", "0.03")
    with time_limit(60):
        times = round_trips()
        rates = throughput(sizes=[64, 65536])
    assert sorted(times.order) == sorted(NAMES)
    for name in NAMES:
        low, high = times.spread(name)
        assert 0 < low <= times.median(name) <= high
        sizes = [size for size in (64, 65536) if size <= MECHANISMS[name].longest]
        assert sorted(rates.rates[name]) == sizes
        assert all(rates.median(name, size) > 0 for size in sizes)


def test_a_run_shows_how_far_it_is_in_one_line_of_text(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    clock = itertools.count()
    monkeypatch.setattr(measure, "time", types.SimpleNamespace(monotonic=lambda: next(clock)))
    with measure._progress(4, shown=True) as step:
        step()
        step()
    begun, quarter, half, last = capsys.readouterr().out.lstrip("\r").split("\r")
    assert "█" not in begun and begun.endswith("  0 %")
    assert quarter.endswith(" 25 %") and half.endswith(" 50 %")
    assert half.count("█") == half.count("░")
    assert re.fullmatch(r"measured +\n", last) and len(last) > len(half)
    with measure._progress(4, shown=False) as step:
        step()
    assert capsys.readouterr().out == ""


TIMES = RoundTrips({"TCP": [2e-5, 3e-5, 9e-5], "named pipe": [1e-5, 1e-5, 2e-5]})


def test_the_fastest_is_first_beside_its_place_in_the_prediction():
    beside = TIMES.beside(["TCP", "named pipe"])
    assert beside.order == ["named pipe", "TCP"]
    assert [beside.place(name) for name in beside.order] == ["2", "1"]
    assert "1. named pipe: 10.0 µs" in repr(beside)
    assert "expected at 2" in repr(beside)


@pytest.mark.parametrize("prediction", [["TPC"], ["TCP", "TCP"]])
def test_a_prediction_with_a_wrong_name_is_refused_with_the_right_ones(prediction):
    with pytest.raises(ValueError, match="the names are TCP, named pipe"):
        TIMES.beside(prediction)


@pytest.mark.parametrize(
    "result", [TIMES, Throughput({"TCP": {64: [1e6, 2e6], 256: [3e6, 4e6]}})], ids=["time", "rate"]
)
def test_a_picture_tells_its_figures_in_words_and_its_text_is_the_same_in_every_run(result):
    data, more = result._repr_mimebundle_()
    assert set(data) == {"image/png", "text/plain"}
    assert more["image/png"]["alt"] == repr(result)
    assert not any(digit in data["text/plain"] for digit in "135789")


ALL_RATES = Throughput({name: {64: [1e6 * n, 2e6 * n], 256: [3e6, 4e6 * n]}
                        for n, name in enumerate(NAMES, 1)})
ALL_TIMES = RoundTrips({name: [1e-5 * n, 2e-5 * n] for n, name in enumerate(NAMES, 1)})


@pytest.mark.parametrize("draw, result", [
    (pictures.round_trips, TIMES), (pictures.round_trips, ALL_TIMES.beside(NAMES)),
    (pictures.throughput, ALL_RATES), (pictures.throughput, Throughput({"TCP": {64: [1e6, 2e6]}})),
])
def test_every_word_of_a_picture_can_be_read_on_any_page(draw, result):
    figure = draw(result)
    assert unreadable(figure, image_of(figure)) == []


def test_of_many_lines_those_that_are_compared_stand_out():
    lit = {line.get_color() for line in pictures.throughput(ALL_RATES).axes[0].lines
           if line.get_linewidth() > 1 and len(line.get_xdata()) > 1}
    assert lit == {RED, GREEN, BLUE}


def test_rates_are_told_without_powers_of_ten():
    rates = Throughput({"TCP": {64: [96_100, 1.9e6, 23.4e6], 65536: [558.2e6, 1332e6, 11_460e6]}})
    assert "64 bytes: 1.9 (0.096 to 23)" in repr(rates)
    assert "64 KiB: 1,332 (558 to 11,460)" in repr(rates)


NEEDS_QUEUES = pytest.mark.skipif(
    "message queue" not in NAMES, reason="this system has no message queues")
LITTLE_ROOM = """
    import os, resource
    hard = resource.getrlimit(resource.RLIMIT_MSGQUEUE)[1]
    resource.setrlimit(resource.RLIMIT_MSGQUEUE, (100_000, hard))  # one takes 82,000 bytes
"""


@NEEDS_QUEUES
def test_a_user_whose_message_queues_are_full_is_told_and_none_is_left(own_folder, python):
    """Of twenty learners with one user's limit, each kernel has its queues for a moment only."""
    full = python(LITTLE_ROOM + """
    from pipe_helpers.mechanisms import system
    system.free_name = lambda kind: f"{kind}_{os.getpid()}"
    try:
        system.MessageQueue()
    except OSError as error:
        print(error)
    hard = resource.getrlimit(resource.RLIMIT_MSGQUEUE)[1]
    resource.setrlimit(resource.RLIMIT_MSGQUEUE, (hard, hard))
    queues = system.MessageQueue()  # it would stay behind, if this process were killed now
    library = system._queue_library()
    print([library.mq_open(f"/{kind}_{os.getpid()}".encode(), os.O_RDWR)
           for kind in ("there", "back")])
    """)
    output, errors = full.communicate(timeout=20)
    said, left = output.splitlines()
    assert "message queues of this user" in said and "run the cell again" in said, errors
    assert left == "[-1, -1]"


@NEEDS_QUEUES
def test_a_mechanism_that_others_use_up_is_left_out_and_the_rest_is_measured(own_folder, python):
    code = """
    from pipe_helpers.mechanisms import NAMES, round_trips
    print(NAMES.index("message queue") >= 0)
    print(round_trips(["message queue", "named pipe"]).order)
    try:
        round_trips(["message queue"])
    except OSError as error:
        print("ulimit -q" in str(error))
    """
    output, errors = python(LITTLE_ROOM + code).communicate(timeout=20)
    assert output.splitlines() == ["True", "['named pipe']", "True"], errors
    assert "message queue is left out" in errors and "ulimit -q" in errors


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux binds to processors")
def test_both_processes_share_one_processor_and_afterwards_all_are_allowed_again(own_folder):
    allowed = os.sched_getaffinity(0)
    with Partners(["named pipe", "shared memory"]) as partners:
        mine = os.sched_getaffinity(0)
        assert len(mine) == 1
        assert [os.sched_getaffinity(each.pid) for each in partners._processes] == [mine, mine]
    assert os.sched_getaffinity(0) == allowed
