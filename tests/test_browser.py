"""The kit in a real browser: JupyterLab as `make lab` starts it, in headless Chromium."""
import contextlib
import functools
import json
import os
import re
import stat
import sys

import lab_browser
import pytest
from processes import wait_asleep

LINE = r"I pid \[(\d+)\] received a message => Hello from pid \[(\d+)\]"
WRITER = "python -m pipe_helpers.programs.write_to_named_pipe my_pipe"
READER = "python -m pipe_helpers.programs.read_from_named_pipe my_pipe"


@pytest.fixture(scope="module")
def lab():
    """One JupyterLab and one browser for all tests of this file."""
    if reason := lab_browser.missing():
        (pytest.fail if os.environ.get("KIT_REQUIRE_BROWSER") else pytest.skip)(reason)
    with lab_browser.Lab() as lab:
        yield lab


@pytest.fixture(scope="module")
def terminals(lab):
    """Two terminals in an opened JupyterLab."""
    lab.open("00_start_here.ipynb")
    return lab.new_terminal(), lab.new_terminal()


@pytest.fixture
def notebook(lab):
    """A function that opens a notebook of these code cells."""
    return functools.partial(lab.open_cells, "of_the_test.ipynb")


def tagged_to_fail(lab, chapter):
    """Return the numbers of the cells of a chapter that are meant to raise an exception."""
    cells = json.loads((lab.folder / chapter).read_text())["cells"]
    return [i for i, cell in enumerate(cells)
            if "raises-exception" in cell["metadata"].get("tags", ())]


def test_make_lab_shows_the_first_chapter_and_nothing_in_front_of_it(lab):
    lab.open()
    assert lab.tabs() == ["00_start_here.ipynb"]
    assert lab.pop_ups() == []
    assert lab.page.locator(".jp-Launcher").count() == 0
    assert lab.page.locator(".jp-RenderedMermaid.jp-mod-warning").count() == 0


def test_the_line_stands_on_the_page_when_all_cells_of_the_first_chapter_have_run(lab):
    lab.open()
    lab.run_all()

    cells = lab.cells()
    assert all(re.search(r"\d", cell.prompt) for cell in cells if cell.code), cells
    failed = [i for i, cell in enumerate(cells) if cell.error]
    assert failed == tagged_to_fail(lab, "00_start_here.ipynb")
    lines = [found for cell in cells if (found := re.search(LINE, cell.output))]
    (kernel, writer), (again, other_writer) = [map(int, line.groups()) for line in lines]
    assert kernel == again and len({kernel, writer, other_writer}) == 3
    assert (kernel, lab.server.pid) in lab_browser.parents()
    assert lab.pop_ups() == []


def test_the_first_chapter_runs_again_after_its_kernel_was_restarted(lab):
    lab.open("00_start_here.ipynb")
    lab.run_all()
    before = [cell.output for cell in lab.cells()]

    lab.restart()
    lab.run_all()

    after = [cell.output for cell in lab.cells()]
    assert [re.sub(r"\d+", "N", text) for text in after] == \
        [re.sub(r"\d+", "N", text) for text in before]
    assert before != after, "the same PIDs: this was the same kernel"


def test_python_in_a_terminal_is_the_python_of_the_chapters(terminals):
    for terminal in terminals:
        screen = terminal.run("python -c 'import sys; print(\"prefix=\" + sys.prefix)'")
        assert f"prefix={sys.prefix}{terminal.prompt}" in screen.rstrip().replace("\n", "")


@pytest.mark.parametrize("first, second", [(WRITER, READER), (READER, WRITER)],
                         ids=["the writer first", "the reader first"])
def test_two_programs_in_two_terminals_wait_for_each_other(terminals, first, second):
    one, two = terminals
    folder = os.readlink(f"/proc/{one.shell}/cwd") if sys.platform == "linux" else None
    if folder is None:
        folder = re.findall(r"folder=(.*)", one.run("echo folder=$PWD"))[-1].strip()
    my_pipe = os.path.join(folder, "my_pipe")
    assert not os.path.lexists(my_pipe)
    try:
        for terminal in terminals:
            terminal.run("clear")

        one.start(first)
        lab_browser.wait_until(lambda: os.path.lexists(my_pipe), "the first program makes my_pipe")
        assert stat.S_ISFIFO(os.stat(my_pipe).st_mode)
        [pid] = one.children()
        wait_asleep(pid)
        assert not one.at_prompt()

        two.start(second)
        one.wait_prompt()
        two.wait_prompt()

        reader, writer = (two, one) if first == WRITER else (one, two)
        found = re.search(LINE, reader.screen())
        assert found, reader.screen()
        assert pid == int(found[2 if first == WRITER else 1])
        assert found[1] != found[2]
        assert "Hello" not in writer.screen()
        assert one.children() == two.children() == []
    finally:
        for terminal in terminals:
            if terminal.children():
                terminal.interrupt()
                terminal.wait_prompt()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(my_pipe)


@pytest.mark.parametrize("way", ["interrupt", "interrupt_by_keyboard"])
def test_a_cell_that_waits_for_a_writer_can_be_interrupted_and_the_kernel_goes_on(
        lab, notebook, way):
    notebook(
        "import os\nfrom pipe_helpers import workspace\nworkspace()\nos.mkfifo('my_pipe')\n"
        "print(os.getpid())",
        "print('opening', flush=True)\nos.open('my_pipe', os.O_RDONLY)",
        "print('the same kernel:', os.getpid())",
    )
    lab.run_cell(0)
    kernel = lab.wait_cell(0, lambda cell: cell.output, "the kernel tells its PID").output.strip()

    lab.run_cell(1)
    lab.wait_cell(1, lambda cell: "opening" in cell.output, "the cell is about to open the pipe")
    wait_asleep(int(kernel))
    assert "*" in lab.cells()[1].prompt

    getattr(lab, way)()
    stopped = lab.wait_cell(1, lambda cell: "*" not in cell.prompt, "the cell has ended")
    assert "KeyboardInterrupt" in stopped.output
    lab.run_cell(2)
    said = lab.wait_cell(2, lambda cell: cell.output, "the next cell runs").output
    assert said.strip() == f"the same kernel: {kernel}"


def test_the_interrupt_button_frees_a_cell_under_a_time_limit(lab, notebook):
    notebook(
        "import os\nfrom pipe_helpers import time_limit, workspace\nworkspace()\n"
        "os.mkfifo('my_pipe')\nprint('ready')",
        "print('opening', flush=True)\nwith time_limit(60):\n"
        "    fd = os.open('my_pipe', os.O_RDONLY)",
    )
    lab.run_cell(0)
    lab.wait_cell(0, lambda cell: cell.output, "the pipe is made")
    lab.run_cell(1)
    lab.wait_cell(1, lambda cell: "opening" in cell.output, "the cell is about to open the pipe")
    lab.interrupt()
    stopped = lab.wait_cell(1, lambda cell: "*" not in cell.prompt, "the cell has ended", 20)
    assert "KeyboardInterrupt" in stopped.output


def test_a_timeline_is_gone_through_with_the_arrow_keys_and_stays_when_the_kernel_has_ended(
        lab, notebook):
    notebook("""import os
from pipe_helpers import replay, trace
with trace() as t:
    os.close(os.open("/dev/null", 0))
replay(t)""")
    lab.run_cell(0)
    group = lab.page.locator(f"{lab_browser.PANEL} [role=radiogroup]")
    group.get_by_role("radio").last.focus()
    for words in ("enters open", "leaves open", "enters close", "leaves close"):
        lab.page.keyboard.press("ArrowRight")  # from the last one to the first
        text = group.locator("p").inner_text()
        assert f"notebook {words}" in text
        assert group.get_by_role("radio", checked=True).get_attribute("aria-label") == text
        covered = group.evaluate("g => g.querySelector('b').getBoundingClientRect().width")
        assert (covered > 0) is (words != "leaves close")
    assert group.locator("i").first.get_attribute("title").startswith("open(/dev/null, O_RDONLY)")
    assert lab.axe(f"{lab_browser.PANEL} [role=radiogroup]") == []
    lab.restart()
    group.wait_for(state="hidden")
    assert lab.page.locator(f"{lab_browser.PANEL} .jp-RenderedImage img").is_visible()
    assert "Run this cell" in lab.cells()[0].output
