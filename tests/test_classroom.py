"""A class on a real hub: two users in a real browser, nothing of one reaches the other.

It takes some minutes, so `make test` leaves it out; `make class-test` runs it.
"""
import json
import os
import re
import signal
import stat

import pytest
import class_hub
from lab_browser import CHROMIUM_OPTIONS, find_chromium, parents, wait_until
from lab_browser import missing as browser_missing
from processes import process_is_alive

LINE = r"I pid \[(\d+)\] received a message => Hello from pid \[(\d+)\]"
START = "00_start_here.ipynb"
# Tries the ways into what another user has, and prints those that were open.
INTRUDER = """
import json, os, socket, stat, sys

def read(path):
    os.open(path, os.O_RDONLY | os.O_NONBLOCK)

def write(path):
    os.open(path, os.O_WRONLY | os.O_NONBLOCK)

def connect(path):
    socket.socket(socket.AF_UNIX).connect(path)

def remove(path):
    os.rename(path, path + ".taken")

WAYS = {stat.S_IFSOCK: [connect, remove], stat.S_IFDIR: [os.listdir, os.chdir, remove]}
for path, kind in json.load(open(sys.argv[1])).items():
    for way in WAYS.get(kind, [read, write, remove]):
        try:
            way(path)
            print(way, path)
        except PermissionError:
            pass
"""


@pytest.fixture(scope="module")
def hub():
    """A hub with two learners, for all tests of this file, in their order."""
    if not os.environ.get("KIT_CLASS"):
        pytest.skip("some minutes, as root: `make class-test` runs it")
    if reason := class_hub.missing() or browser_missing():
        pytest.fail(reason)
    with class_hub.Hub() as hub:
        yield hub


@pytest.fixture(scope="module")
def seats(hub):
    """The two learners, each at a browser of their own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_OPTIONS)
        yield [class_hub.Seat(browser, learner) for learner in hub.learners]
        browser.close()


def test_two_learners_come_by_the_link_run_the_first_chapter_and_see_the_line(seats):
    for seat in seats:
        seat.open(START)
        assert seat.tabs() == [START] and seat.pop_ups() == []
    for seat in seats:
        seat.run_all()
    for seat in seats:
        outputs = "\n".join(cell.output for cell in seat.cells())
        assert len(re.findall(LINE, outputs)) == 2, outputs
        for kernel, _ in re.findall(LINE, outputs):
            assert int(kernel) in seat.learner.processes()
            print(f"a kernel after the first chapter: {class_hub.pss(kernel):.0f} MB")
            assert class_hub.pss(kernel) < 85
            with open(f"/proc/{kernel}/limits") as file:
                limits = file.read()
            assert re.search(rf"Max data size +{1024 ** 3} ", limits)
            assert re.search(r"Max processes +1000 ", limits)
        runtime = seat.learner.home / ".local/share/jupyter/runtime"
        assert list(runtime.glob("kernel-*-ipc-*")), "a kernel has ports, which can collide"


def test_a_button_of_the_lab_moves_the_learners_own_process(seats):
    for seat in seats:
        lab = seat.page.locator(".pipe-lab").first
        lab.get_by_role("button", name="writer: open", exact=True).click()
        lab.locator(".pl-panel").filter(has_text="writer, pid").get_by_text("asleep") \
            .first.wait_for()
        shown = lab.locator(".pl-panel").filter(has_text="writer, pid").inner_text()
        assert int(re.search(r"pid (\d+)", shown)[1]) in seat.learner.processes()


def test_nothing_of_one_learner_reaches_the_other(hub, seats):
    for mine, other in (seats, reversed(seats)):
        theirs = other.learner.temporary_files()
        kinds = set(theirs.values())
        assert {stat.S_IFDIR, stat.S_IFIFO} <= kinds, theirs  # or nothing would be tried
        theirs |= class_hub.owned_by(other.learner.uid, other.learner.home.parent)
        listed = hub.base / f"tried by {mine.learner.name}"
        listed.write_text(json.dumps(theirs))
        python = class_hub.python_for_all()
        assert mine.learner.run(python, "-c", INTRUDER, listed) == ""
        # Nor can they signal its processes, or look into what these have open.
        for pid in other.learner.processes():
            with pytest.raises(AssertionError, match="not permitted"):
                mine.learner.run("/bin/sh", "-c", f"kill -0 {pid}")
            with pytest.raises(AssertionError, match="Permission denied"):
                mine.learner.run("/bin/ls", f"/proc/{pid}/fd")
        answer = mine.page.request.get(f"{hub.address}user/{other.learner.name}/api/contents")
        assert answer.status == 403
        assert other.learner.name not in mine.page.request.get(f"{hub.address}hub/home").text()


def test_a_new_version_reaches_them_and_no_work_is_lost(hub, seats):
    learner = seats[0].learner
    token = learner.token()
    learner.stop_server(token)
    changed = learner.folder / "03_open.ipynb"
    work = json.loads(changed.read_text())
    work["cells"][-1]["source"] = "my own words"
    changed.write_text(json.dumps(work))
    for name in (START, "03_open.ipynb"):
        chapter = hub.upstream / "notebooks" / name
        chapter.write_text(chapter.read_text().replace("#", "# New:", 1))
    hub.commit("A new version")
    class_hub.run("git", "pull", "--quiet", cwd=hub.kit)
    learner.start_server(token)
    assert "# New:" in (learner.folder / START).read_text()
    assert json.loads(changed.read_text()) == work


def test_the_teacher_sees_what_a_learner_shares_and_other_learners_do_not(hub):
    folder = hub.base / "progress"
    class_hub.run("install", "--directory", "--group=teachers", "--mode=3773", str(folder))
    sharer, other = hub.learners
    command = hub.kit / ".venv" / "bin" / "named-pipes"
    sharer.run(command, "share", folder)
    sharer.run(command.with_name("python"), "-c",
               "from pipe_helpers.remembering import note; note('solved', 'make_pipe')")
    table = hub.teacher.run(command, "class", folder)
    assert re.search(rf"^{sharer.name} +x\.", table, re.MULTILINE), table
    assert other.name not in table
    for words in (["/bin/ls", folder], ["/bin/cat", folder / f"{sharer.name}.json"],
                  ["/bin/rm", "-f", folder / f"{sharer.name}.json"]):
        with pytest.raises(AssertionError, match="not permitted|denied"):
            other.run(*words)
    sharer.run(command, "share", "--end")
    assert os.listdir(folder) == []


def test_when_the_hub_stops_nothing_is_left(hub):
    assert all(learner.processes() for learner in hub.learners)
    ours = [hub.process.pid]
    for pid in ours:  # it grows
        ours += [child for child, parent in parents() if parent == pid]
    assert len(ours) >= 6  # make, the hub, its proxy, its culler, two servers
    assert hub.stop() in (0, -signal.SIGINT)  # make ends by the signal, too
    for pid in ours[1:]:
        wait_until(lambda: not process_is_alive(pid), f"{pid} has ended", 10)
    for learner in hub.learners:
        wait_until(lambda: not learner.processes(), lambda: f"ended: {learner.processes()}", 10)
        assert learner.temporary_files() == {}
