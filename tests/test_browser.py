"""The kit in a real browser: JupyterLab as `make lab` starts it, in headless Chromium."""
import contextlib
import functools
import json
import os
import re
import shutil
import stat
import sys

import lab_browser
import pytest
from processes import wait_asleep

from pipe_helpers.chapters.command import page_to_open
from pipe_helpers.chapters.copy import renew

LINE = r"I pid \[(\d+)\] received a message => Hello from pid \[(\d+)\]"


@pytest.fixture(scope="module")
def lab():
    """One JupyterLab and one browser for all tests of this file."""
    if reason := lab_browser.missing():
        (pytest.fail if os.environ.get("KIT_REQUIRE_BROWSER") else pytest.skip)(reason)
    with lab_browser.Lab() as lab:
        yield lab


@pytest.fixture(scope="module")
def terminals(lab):
    """Two terminals beside the chapter that is about them, whose folder is made."""
    lab.open("07_two_programs.ipynb")
    lab.run_cell(lab.ids.index("prepare"))
    terminals = lab.new_terminals()
    lab.show("07_two_programs")
    return terminals


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
    shown = lab.page.locator("#jp-left-stack")
    lab_browser.wait_until(lambda: "Running a cell" in shown.inner_text(), "its table of contents")
    assert not re.search(r"\[W|WARNING", lab.log.read_text())


def test_the_list_of_files_shows_whole_names_and_chapters_alone(lab):
    lab.page.locator(".jp-SideBar [data-id='filebrowser']").click()
    names = lab.page.locator(".jp-DirListing-itemText")
    lab_browser.wait_until(names.count, "the files are listed")
    assert not {"images", "questions", "solutions"} & set(names.all_text_contents())
    assert names.evaluate_all("names => names.every(each => each.scrollWidth <= each.clientWidth)")
    lab.page.locator(".jp-SideBar [data-id='table-of-contents']").click()


def test_lines_of_prose_are_short_on_a_wide_screen_and_colours_can_be_told_apart(lab):
    lab.page.set_viewport_size({"width": 1920, "height": 1080})
    try:
        cells = lab.page.locator(f"{lab_browser.PANEL} .jp-Cell")
        prose, code = [cells.locator(part).evaluate_all(
            "parts => Math.max(...parts.map(part => part.getBoundingClientRect().width))"
        ) for part in (".jp-RenderedMarkdown p", ".jp-InputArea-editor")]
        assert prose < 700 < 1400 < code
        for theme in ("dark", "light"):
            lab.theme(theme)
            told = lab.axe(f"{lab_browser.PANEL} .jp-InputArea")
            assert [each for each in told if each[1] == "color-contrast"] == [], theme
    finally:
        lab.page.set_viewport_size(lab.size)


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


def test_a_chapter_opened_and_closed_untouched_asks_nothing_and_is_open_the_next_time(
        lab, monkeypatch):
    monkeypatch.setenv("KIT_STATE", "")  # not what this user has done
    file = lab.folder / "03_open.ipynb"
    given = file.read_bytes()
    lab.open("03_open.ipynb")
    lab_browser.wait_until(lambda: page_to_open(lab.folder) == "/lab", "the open tab is noted")
    lab.page.goto(f"{lab.address}lab")
    lab.page.wait_for_selector(lab_browser.PANEL)
    lab.wait_idle()
    assert lab.tabs() == ["03_open.ipynb"]

    lab.menu("File", "Close Tab")
    lab_browser.wait_until(lambda: lab.tabs() != ["03_open.ipynb"], lambda: lab.pop_ups())
    assert lab.pop_ups() == [] and file.read_bytes() == given


def test_a_chapter_that_was_only_run_and_saved_counts_as_unchanged(lab, tmp_path):
    file, name = lab.folder / "01_why_named_pipes.ipynb", "01_why_named_pipes.ipynb"
    given = file.read_bytes()
    lab.open(name)
    first = next(number for number, cell in enumerate(lab.cells()) if cell.code)
    lab.run_cell(first)
    lab.wait_cell(first, lambda cell: re.search(r"\d", cell.prompt), "the cell has run")
    lab.menu("File", "Save Notebook")

    def saved():
        with contextlib.suppress(ValueError):  # Jupyter writes in place, and this is half of it
            return json.loads(file.read_bytes()) != json.loads(given)

    lab_browser.wait_until(saved, "it is saved")
    kit = shutil.copytree(lab_browser.ROOT / "notebooks", tmp_path / "notebooks") / name
    kit.write_text(kit.read_text().replace("named pipe", "pipe with a name"))
    assert renew(lab.folder, tmp_path).renewed == [name]
    assert "pipe with a name" in file.read_text()


def test_the_first_chapter_runs_again_after_its_kernel_was_restarted(lab):
    def outputs():
        # A replay's picture is drawn from the times of its own run.
        return [cell.output.partition("kit-replay")[0] for cell in lab.cells()]

    lab.open("00_start_here.ipynb")
    lab.run_all()
    before = outputs()

    lab.restart()
    lab.run_all()

    after = outputs()
    assert [re.sub(r"\d+", "N", text) for text in after] == \
        [re.sub(r"\d+", "N", text) for text in before]
    assert before != after, "the same PIDs: this was the same kernel"


def test_python_in_a_terminal_is_the_python_of_the_chapters(terminals):
    for terminal in terminals:
        screen = terminal.run("python -c 'import sys; print(\"prefix=\" + sys.prefix)'")
        assert f"prefix={sys.prefix}{terminal.prompt}" in screen.rstrip().replace("\n", "")


@pytest.mark.parametrize("first", ["reader", "writer"])
def test_two_programs_in_two_terminals_wait_for_each_other(lab, terminals, first):
    number = lab.ids.index("commands")
    reader, writer = terminals
    one, two = terminals if first == "reader" else terminals[::-1]
    try:
        for terminal in terminals:
            terminal.run("clear")
        for _ in range(2):  # what the first run has typed goes
            lab.run_cell(number)
            lab.wait_idle()
        lab_browser.wait_until(lambda: lab.cells()[number].output.strip().count("\n") == 1,
                               "both commands are shown")
        commands = dict(zip(terminals, lab.cells()[number].output.split("\n")))
        my_pipe = commands[reader].split()[-1]
        assert not os.path.lexists(my_pipe)

        one.enter(commands[one])
        lab_browser.wait_until(lambda: os.path.lexists(my_pipe), "the first program makes my_pipe")
        assert stat.S_ISFIFO(os.stat(my_pipe).st_mode)
        [pid] = one.children()
        wait_asleep(pid)
        assert not one.at_prompt()

        two.enter(commands[two])
        one.wait_prompt()
        two.wait_prompt()

        found = re.search(LINE, reader.screen())
        assert found, reader.screen()
        assert pid == int(found[1 if first == "reader" else 2])
        assert found[1] != found[2]
        assert "Hello" not in writer.screen()
        assert one.children() == two.children() == []
        os.unlink(my_pipe)
    finally:
        for terminal in terminals:
            if terminal.children():
                terminal.interrupt()
                terminal.wait_prompt()


def test_a_cell_that_types_says_so_if_there_are_too_few_terminals(lab, terminals, notebook):
    notebook("from pipe_helpers import type_in_terminals\ntype_in_terminals(*'abc')")
    lab.run_cell(0)
    said = lab.wait_cell(0, lambda cell: "too few" in cell.output, "it says so").output
    assert said.splitlines() == [
        "a", "b", "c", "There are too few terminals: open 3, then run this cell again."]


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
