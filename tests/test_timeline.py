"""What a timeline draws where, compared as data; and that it leaves matplotlib as it was."""
import base64
import io
import os
import pathlib
import random
import re
import subprocess
import sys
import textwrap

import pytest
from contrast import PAGES, contrast, unreadable
from PIL import Image

from pipe_helpers import launch_writer, time_limit, timeline, trace
from pipe_helpers.notebook.replay import _moments
from pipe_helpers.recording import picture as drawing
from pipe_helpers.recording.calls import Call, Data, duration
from pipe_helpers.recording.picture import image_of

ROOT = pathlib.Path(__file__).resolve().parents[1]
MS = 1_000_000


def call(pid, name, args, entered, left, result=None, error=None):
    """A call of "writer" (4242), "reader" (4243), ...; times in milliseconds."""
    role = {4242: "writer", 4243: "reader"}.get(pid, f"program {pid}")
    left = None if left is None else round(left * MS)
    return Call(pid, role, name, args, round(entered * MS), left, result, error)


def writer_waits(wait=150.0, message=b"Hello from pid [4242]", pid=4242, start=0.0):
    """A writer that waits in open for a reader, and one message."""
    end = start + wait
    return [
        call(pid, "open", ("my_pipe", os.O_WRONLY), start, end + 0.02, 3),
        call(4243, "open", ("my_pipe", os.O_RDONLY), end, end + 0.03, 3),
        call(pid, "write", (3, message), end + 0.04, end + 0.05, len(message)),
        call(4243, "read", (3, 512), end + 0.045, end + 0.06, message),
        call(pid, "close", (3,), end + 0.07, end + 0.08),
        call(4243, "read", (3, 512), end + 0.075, end + 0.09, b""),
        call(4243, "close", (3,), end + 0.1, end + 0.11),
    ]


def many_reads(count=40):
    reads = [call(4243, "read", (3, 512), i, i + 0.01, b"text") for i in range(1, count + 1)]
    return [call(4243, "open", ("my_pipe", os.O_RDONLY), 0, 0.5, 3), *reads,
            call(4243, "close", (3,), 99, 99.1)]


def random_calls(seed):
    """Processes that make calls one after the other, some long, some failing, one blocked."""
    chance = random.Random(seed)
    calls = []
    for pid in range(5000, 5000 + chance.randint(1, 4)):
        time = chance.uniform(0, 2)
        for _ in range(chance.randint(1, 4)):
            left = time + 10 ** chance.uniform(-3, 3)
            error = chance.choice([None, None, "BrokenPipeError (EPIPE 32)"])
            calls.append(call(pid, "write", (3, b"x" * 9), time, left, 9, error))
            time = left + 10 ** chance.uniform(-3, 1)
        if chance.random() < 0.3:
            calls.append(call(pid, "read", (3, 512), time, None))
    return calls


def sanitized(text):
    """Text as nbval compares it."""
    lines = (ROOT / "tests" / "nbval_sanitize.cfg").read_text().splitlines()
    rules = [line.partition(": ")[2] for line in lines if re.match("regex|replace", line)]
    for pattern, new in zip(rules[::2], rules[1::2]):
        text = re.sub(pattern, new, text)
    return text


def test_each_process_has_a_lane_and_each_call_a_box():
    bars = timeline(writer_waits()).bars
    assert [(bar.lane, bar.label, bar.hatched) for bar in bars] == [
        (0, ("open", "O_WRONLY", "fd 3 after 150 ms"), True),
        (0, ("write", "21 bytes"), False),
        (0, ("close", "fd 3"), False),
        (1, ("open", "O_RDONLY", "fd 3"), False),
        (1, ("read", "21 bytes"), False),
        (1, ("read", "end of file"), False),
        (1, ("close", "fd 3"), False),
    ]
    assert len({bar.colour for bar in bars}) == 4


@pytest.mark.parametrize("seed", range(40))
def test_no_event_is_drawn_out_of_order_and_no_box_over_another(seed):
    picture = timeline(random_calls(seed))
    events = [(bar.call.entered, bar.x0) for bar in picture.bars]
    events += [(bar.call.left, bar.x1) for bar in picture.bars if not bar.endless]
    events.sort()
    assert all(x1 < x2 for (_, x1), (_, x2) in zip(events, events[1:]))
    for one in picture.bars:
        assert 0 < one.x0 < one.x1 < picture.width
        for two in picture.bars:
            assert one is two or one.lane != two.lane or one.x1 < two.x0 or two.x1 < one.x0


@pytest.mark.parametrize("calls", [writer_waits(), many_reads(), random_calls(1)])
def test_every_label_fits_in_its_box(calls):
    picture = timeline(calls, "A title")
    picture.figure.canvas.draw()
    texts = picture.figure.axes[0].texts
    for bar in picture.bars:
        for label in bar.label:
            extents = [text.get_window_extent() for text in texts if text.get_text() == label]
            assert any(bar.x0 <= e.x0 / picture.figure.dpi and e.x1 / picture.figure.dpi <= bar.x1
                       for e in extents), f"{label!r} is wider than its box"
    for text in texts:
        extent = text.get_window_extent()
        assert 0 <= extent.x0 and extent.x1 <= picture.width * picture.figure.dpi


def test_a_longer_wait_is_wider_by_its_logarithm():
    bars = [timeline(writer_waits(wait)).bars[0] for wait in (1e3, 1e4, 1e5, 1e6)]
    widths = [bar.x1 - bar.x0 for bar in bars]
    growth = [wide - narrow for narrow, wide in zip(widths, widths[1:])]
    assert growth == pytest.approx([growth[0]] * 3, rel=0.01) and growth[0] > 0.2
    assert bars[3].label[2] == "fd 3 after 1000.0 s"


def test_a_wait_is_hatched_from_one_millisecond_on():
    for wait, hatched in ((0.9, False), (1.1, True)):
        bar, = timeline([call(4242, "read", (3, 5), 0, wait, b"a")]).bars
        assert bar.hatched is hatched
        assert bar.label[-1] == ("1 byte after 1.1 ms" if hatched else "1 byte")


def test_errors_are_told_in_words():
    broken = call(4242, "write", (3, b"hello"), 0, 0.1, None, "BrokenPipeError (EPIPE 32)")
    picture = timeline([broken])
    assert picture.bars[0].label == ("write", "BrokenPipeError")
    assert "write(3, b'hello') → BrokenPipeError (EPIPE 32), 0.100 ms" in picture.text


def test_a_call_that_has_not_returned_is_drawn_to_the_edge():
    calls = writer_waits()[:2]
    stuck = call(4242, "write", (3, b"x"), 160, None)
    picture = timeline([*calls, stuck])
    bar = next(bar for bar in picture.bars if bar.call is stuck)
    assert bar.endless and bar.hatched and bar.label[-1] == "has not returned"
    assert bar.x1 == max(bar.x1 for bar in picture.bars) > picture.width - 0.3
    assert "    write(3, b'x') → has not returned" in picture.text.splitlines()


def test_many_like_calls_are_drawn_as_one():
    picture = timeline(many_reads())
    assert [bar.label[0] for bar in picture.bars] == [
        "open", "read", "… 38 reads …", "read", "close"]
    assert "    … 38 reads …, 37.0 ms" in picture.text.splitlines()


def test_many_unlike_calls_are_shortened_in_the_middle():
    calls = [call(4242, ("open", "close")[i % 2], ("p", 0) if i % 2 == 0 else (3,), i, i + 0.1, 3)
             for i in range(50)]
    picture = timeline(calls)
    assert len(picture.bars) <= 12
    assert sum("calls …" in bar.label[0] for bar in picture.bars) == 1
    assert picture.bars[-1].call is calls[-1]


def test_calls_of_threads_that_overlap_have_lanes_of_their_own():
    calls = [call(4242, "read", (3, 5), 0, 9, b"a"), call(4242, "read", (4, 5), 1, 5, b"b"),
             call(4242, "close", (4,), 6, 6.1)]
    assert [bar.lane for bar in timeline(calls).bars] == [0, 1, 1]


def test_the_paths_are_told_when_there_are_several():
    calls = [call(4242, "open", ("/tmp/there", 0), 0, 1.5, 3),
             call(4243, "open", ("back", os.O_WRONLY), 0.1, None)]
    assert [bar.label[1] for bar in timeline(calls).bars] == ["there, O_RDONLY", "back, O_WRONLY"]


def test_the_text_says_what_the_picture_shows():
    picture = timeline(writer_waits(), "The writer waits")
    assert picture.text.splitlines() == [
        "The writer waits",
        "writer, pid 4242",
        "    open(my_pipe, O_WRONLY) → fd 3, 150.0 ms",
        "    write(3, b'Hello from pid [4242]') → all bytes, 0.010 ms",
        "    close(3) → done, 0.010 ms",
        "reader, pid 4243",
        "    open(my_pipe, O_RDONLY) → fd 3, 0.030 ms",
        "    read(3, 512) → b'Hello from pid [4242]', 0.015 ms",
        "    read(3, 512) → b'' end of file, 0.015 ms",
        "    close(3) → done, 0.010 ms",
    ]
    assert repr(picture) == picture.text


def test_the_text_is_the_same_for_other_pids_and_times():
    one = timeline(writer_waits())
    message = b"Hello from pid [4194304]"
    two = timeline([
        Call(4194304 if c.pid == 4242 else 77, c.role, *list(vars(c).values())[2:])
        for c in writer_waits(0.4, message, start=88_000.0)
    ])
    assert sanitized(one.text) == sanitized(two.text)


def test_a_trace_without_calls_has_a_picture_that_says_so():
    assert timeline(trace()).text == "no calls recorded"
    assert timeline([]).bars == []


def test_a_notebook_gets_a_sharp_small_picture_without_a_background_and_the_text():
    for calls in (writer_waits(), many_reads(), random_calls(3)):
        picture = timeline(calls, "A title")
        data, metadata = picture._repr_mimebundle_()
        png = base64.b64decode(data["image/png"])
        image = Image.open(io.BytesIO(png)).convert("RGBA")
        assert len(png) < 60_000
        size = metadata["image/png"]
        assert image.width == pytest.approx(2 * size["width"], abs=2)
        assert image.getpixel((0, 0))[3] == 0
        assert data["text/plain"] == size["alt"] == picture.text


def test_letters_are_large_enough_and_on_a_ground_of_their_own():
    failing = call(4244, "open", ("my_pipe", 0), 1, 9, None, "TimeoutError")
    stuck = call(4245, "read", (3, 5), 2, None)
    late = [*writer_waits(), call(4242, "read", (3, 5), 151, 12_000, b"a")]
    for calls in ([*writer_waits(), failing, stuck], late, many_reads(), []):
        figure = timeline(calls, "A title").figure
        assert unreadable(figure, image_of(figure)) == []


def test_shapes_differ_from_a_light_and_a_dark_page():
    colours = [drawing.BLUE, drawing.AMBER, drawing.GREEN, drawing.VIOLET, drawing.RED,
               drawing.GREY]
    assert all(contrast(colour, page) >= 3 for colour in colours for page in PAGES)
    assert {bar.colour for bar in timeline(random_calls(1)).bars} <= set(colours)


def test_each_moment_of_a_replay_is_told_in_the_order_of_time():
    calls = [*writer_waits()[:2], call(4242, "write", (3, b"x"), 160, None), *many_reads()[:1]]
    told = _moments(timeline(calls).bars)
    assert [x for x, _ in told] == sorted(x for x, _ in told)
    words = [text for _, text in told]
    assert words[0] == "After 0.000 ms writer enters open(my_pipe, O_WRONLY) and waits."
    assert words[-1] == "After 160 ms writer enters write(3, b'x') and waits."
    assert "After 150 ms writer leaves open(my_pipe, O_WRONLY): fd 3." in words
    assert _moments(timeline(many_reads()).bars)[4][1].endswith("reader makes … 38 reads ….")


def test_a_picture_is_saved_in_the_formats_of_matplotlib(tmp_path):
    for name in ("picture.png", "picture.svg", "picture.pdf"):
        timeline(writer_waits()).savefig(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000


def test_matplotlib_is_left_as_it_was_and_is_not_needed_for_anything_else():
    code = """
        import sys
        from pipe_helpers import launch, trace, time_limit, workspace
        assert "matplotlib" not in sys.modules
        from pipe_helpers import timeline
        import matplotlib
        matplotlib.rcParams.update({"font.size": 40, "axes.facecolor": "black",
                                    "text.color": "white", "lines.linewidth": 9})
        matplotlib.use("svg")
        before = dict(matplotlib.rcParams)
        with trace() as t:
            import os
            os.close(os.open("/dev/null", 0))
        timeline(t)._repr_mimebundle_()
        assert dict(matplotlib.rcParams) == before
        assert "matplotlib.pyplot" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True,
                   env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_a_real_run_is_drawn_with_the_wait_where_it_was(own_folder, until):
    os.mkfifo("my_pipe")
    t = trace()
    writer = launch_writer("my_pipe", trace=t)
    until(lambda: any(c.name == "open" for c in t.calls), "the writer comes to open")
    writer.wait_blocked()  # in the call, by now: its record is written a moment before
    with t, time_limit(10):
        fd = os.open("my_pipe", os.O_RDONLY)
        while os.read(fd, 512):
            pass
        os.close(fd)
    assert writer.wait() == 0
    picture = timeline(t)
    mine, its = ([b for b in picture.bars if b.lane == lane] for lane in (0, 1))
    assert [bar.call.name for bar in mine] == ["open", "read", "read", "close"]
    assert [bar.call.name for bar in its] == ["mkfifo", "open", "write", "close"]
    assert its[1].x0 < mine[0].x0 < its[1].x1, "the writer did not wait for the reader"
    assert its[2].x0 < mine[1].x1, "read before it was written"
    assert picture.text.splitlines()[0] == f"notebook, pid {os.getpid()}"


def test_a_notebook_shows_the_picture(kernel):
    out, error = kernel.run("""
        import os
        from pipe_helpers import timeline, trace
        with trace() as t:
            os.close(os.open("/dev/null", 0))
        data, metadata = get_ipython().display_formatter.format(timeline(t))
        print(sorted(data), sorted(metadata["image/png"]), type(data["image/png"]).__name__)
    """)
    assert error is None
    assert out == "['image/png', 'text/plain'] ['alt', 'height', 'width'] str\n"


@pytest.mark.parametrize("name, args, result, error, outcome, label", [
    ("open", ("my_pipe", os.O_WRONLY), 3, None, "fd 3", "fd 3"),
    ("write", (3, b"hello"), 5, None, "5 bytes", "5 bytes"),
    ("write", (3, b"h"), 1, None, "1 byte", "1 byte"),
    ("write", (3, Data(b"." * 40, 70_000)), 65_536, None) + ("65,536 of 70,000 bytes",) * 2,
    ("read", (3, 512), Data(b"hello"), None, "b'hello'", "5 bytes"),
    ("read", (3, 512), Data(b"." * 40, 4096), None, "4096 bytes: b'........'…", "4,096 bytes"),
    ("read", (3, 512), Data(b""), None, "b'' end of file", "end of file"),
    ("close", (3,), None, None, "done", ""),
    ("write", (3, b"h"), None, "BrokenPipeError (EPIPE 32)", "BrokenPipeError (EPIPE 32)",
     "BrokenPipeError"),
])
def test_what_came_of_a_call_has_the_same_words_everywhere(
        name, args, result, error, outcome, label):
    told = call(4242, name, args, 0, 1, result, error)
    assert (told.outcome, told.label) == (outcome, label)
    never = call(4242, name, args, 0, None)
    assert (never.outcome, never.label) == ("has not returned",) * 2


@pytest.mark.parametrize("milliseconds, words", [
    (0.0234, "0.023 ms"), (1.14, "1.1 ms"), (9.94, "9.9 ms"), (10, "10 ms"), (999, "999 ms"),
    (1000, "1.0 s"), (61_000, "61.0 s"),
])
def test_a_duration_is_told_as_exactly_as_a_person_wants_it(milliseconds, words):
    assert duration(milliseconds) == words
