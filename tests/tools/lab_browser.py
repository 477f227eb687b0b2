"""JupyterLab as `make lab` starts it, seen through a real browser.

    with Lab() as lab:                      # a newcomer's copy, an empty home, a free port
        lab.open("00_start_here.ipynb")
        lab.run_all()
        print(lab.cells()[3].output)
        terminal, other = lab.new_terminals()
        terminal.start("python --version")
        terminal.wait_for("Python 3")

Every wait ends when the thing itself is there, and fails after a deadline.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from urllib.parse import unquote

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHROMIUM_OPTIONS = [
    "--disable-background-networking", "--disable-component-update", "--disable-gpu",
    "--disable-quic", "--disable-sync", "--no-first-run",
]
# What a test needs in order to read the page, and a newcomer would not notice: the text of the
# terminals, which are drawn on a canvas, and the cells outside the window, in the document.
SETTINGS = {
    "terminal-extension/plugin": {"screenReaderMode": True},
    "notebook-extension/tracker": {"windowingMode": "none"},
}
PANEL = "#jp-main-dock-panel .jp-NotebookPanel:not(.lm-mod-hidden)"
POP_UPS = ".jp-Dialog, .Toastify__toast"
KERNEL_IS_IDLE = """panel => {
    const [status, name] = ['.jp-Notebook-ExecutionIndicator', '.jp-Toolbar-kernelName'].map(
        part => document.querySelector(`${panel} ${part}`));
    const bar = document.querySelector('#jp-main-statusbar').textContent;
    return status?.dataset.status == 'idle' && name && name.textContent != 'No Kernel'
        && bar.includes(`${name.textContent} | Idle`);
}"""
READ_CELLS = """panel => [...panel.querySelectorAll('.jp-Cell')].map(cell => {
    const outputs = [...cell.querySelectorAll('.jp-OutputArea-output')];
    const prompt = cell.querySelector('.jp-InputPrompt');
    return {
        code: cell.classList.contains('jp-CodeCell'),
        prompt: prompt ? prompt.textContent.trim() : '',
        source: [...cell.querySelectorAll('.cm-line')].map(line => line.textContent).join('\\n'),
        output: outputs.map(output => output.textContent).join(''),
        error: outputs.some(output => output.dataset.mimeType?.match(/vnd.jupyter.(std)?err/)),
    };
})"""


def find_chromium():
    """Return the path of a Chromium or Chrome on this machine, or None. KIT_CHROMIUM names one."""
    if named := os.environ.get("KIT_CHROMIUM"):
        return named
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if path := shutil.which(name):
            return path
    for name in ("Chromium", "Google Chrome"):
        path = f"/Applications/{name}.app/Contents/MacOS/{name}"
        if os.path.exists(path):
            return path
    return None


def missing():
    """Return what is missing for a browser test, in one line, or None."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "Playwright is missing: pip install playwright"
    chromium = find_chromium()
    if not chromium:
        return "no Chromium: install chromium or Chrome, or set KIT_CHROMIUM to its path"
    if not os.access(chromium, os.X_OK):
        return f"{chromium}, named by KIT_CHROMIUM, is not a program: set it to Chromium's path"
    return None


def wait_until(condition, what, seconds=30):
    """Return condition()'s first true value. Fails after seconds, telling what() or what."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.02)
    return value


def parents():
    """Return the pair (PID, its parent's PID) of every process."""
    if not os.path.exists("/proc/self/stat"):
        table = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
        ).stdout
        return [tuple(map(int, line.split())) for line in table.splitlines()]
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            # pid (name, which may hold anything) state parent
            parent = stat.read_text().rpartition(")")[2].split()[1]
            found.append((int(stat.parent.name), int(parent)))
    return found


def put_settings(home):
    """Write into a home what a test needs in order to read the page."""
    for name, value in SETTINGS.items():
        file = home / f".jupyter/lab/user-settings/@jupyterlab/{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value))


@dataclass
class Cell:
    """A cell as it stands on the page. prompt is "[3]:", "[*]:" while it runs, or "[ ]:".

    error: it shows a traceback, or text on stderr, which JupyterLab shows alike.
    """

    code: bool
    prompt: str
    source: str
    output: str
    error: bool


class Lab:
    """A running JupyterLab and a browser's page that shows it; a context manager.

    chapters: a folder that is copied first, as if the learner had these notebooks already:
    ROOT / "notebooks" for the chapters with their stored outputs.
    plain: as `jupyter lab` starts, without the kit's command and configuration.
    .begun is when the server was started (time.perf_counter), .page is Playwright's page, .folder
    the learner's copy, .server the process, .url the address that `make lab` prints.
    .ids are those of the cells of the chapter that was opened last, in order.
    """

    def __init__(self, chapters=None, width=1280, height=900, plain=False):
        self.plain = plain
        self.chapters, self.size = chapters, {"width": width, "height": height}

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            # Resolved, because macOS's temporary folder is reached through a symbolic link.
            temporary = pathlib.Path(stack.enter_context(
                tempfile.TemporaryDirectory(prefix="lab_browser_", ignore_cleanup_errors=True)
            )).resolve()
            self.folder = temporary / "kit" / "work"
            self.folder.parent.mkdir()
            if self.chapters:
                unwanted = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
                shutil.copytree(self.chapters, self.folder, ignore=unwanted)
            self._start_browser(stack)
            self._start_server(stack, temporary)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        self._stack.close()

    def _start_server(self, stack, temporary):
        home, self.log = temporary / "home", temporary / "log"
        put_settings(home)
        # A newcomer's environment: nothing of this user's Jupyter or shell configuration, and what
        # is noted is noted in that home.
        environment = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("JUPYTER", "IPYTHON", "XDG_", "KIT_STATE"))
        }
        environment |= {
            "HOME": str(home),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        }
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]  # should another take it now, JupyterLab tries others
        ours = ["pipe_helpers.chapters", "lab", "--folder", str(self.folder)]
        command = [
            sys.executable, "-m", *(["jupyterlab", "--allow-root"] if self.plain else ours),
            "--no-browser", f"--ServerApp.port={port}",
        ]
        self.begun = time.perf_counter()
        with open(self.log, "wb") as log:
            self.server = subprocess.Popen(
                command, cwd=self.folder if self.plain else self.folder.parent,
                env=environment, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        stack.callback(self._stop_server)
        facts = home / "runtime" / f"jpserver-{self.server.pid}.json"

        def address():
            assert self.server.poll() is None, f"JupyterLab has ended: {self.log.read_text()}"
            with contextlib.suppress(FileNotFoundError, ValueError):  # not yet written in full
                return json.loads(facts.read_text())

        def listens():  # that file is written a moment before
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", found["port"]), 30).close()
                return True

        found = wait_until(address, lambda: f"JupyterLab serves. {self.log.read_text()}", 60)
        wait_until(listens, lambda: f"JupyterLab listens. {self.log.read_text()}", 60)
        self.address, self.token = found["url"], found["token"]
        # localhost may be ::1 to the browser while the server listens on 127.0.0.1 alone
        self.address = self.address.replace("//localhost", "//127.0.0.1")
        self.url = f"{self.address}?token={self.token}"

    def _stop_server(self):
        self.server.send_signal(signal.SIGTERM)  # it ends its kernels and terminals, too
        try:
            self.server.wait(15)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()

    def _start_browser(self, stack):
        from playwright.sync_api import sync_playwright

        playwright = stack.enter_context(sync_playwright())
        # Playwright starts it without Chromium's sandbox, which root and containers cannot use.
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_OPTIONS
        )
        stack.callback(browser.close)
        self.page = browser.new_page(viewport=self.size)
        self.page.set_default_timeout(30_000)

    # -- moving about

    def open(self, chapter=None):
        """Open a chapter, or, without one, the page that `make lab` shows. Its kernel is ready."""
        if chapter is None:
            self.page.goto(self.url)
        else:
            self.page.goto(f"{self.address}lab/tree/{chapter}?reset&token={self.token}")
        self.wait_opened()

    def wait_opened(self):
        """Wait until there is a chapter, and its kernel is ready."""
        self.page.wait_for_selector("#jp-main-dock-panel .jp-NotebookPanel .jp-Cell")
        self.wait_idle()
        file = self.folder / unquote(self.page.url.partition("/lab/tree/")[2].partition("?")[0])
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        self.ids = [cell["id"] for cell in cells]

    def open_cells(self, name, *sources):
        """Write a notebook of code cells with these sources, none of them run, and open it."""
        cells = [
            {"cell_type": "code", "id": f"cell{number}", "metadata": {}, "source": source,
             "execution_count": None, "outputs": []}
            for number, source in enumerate(sources)
        ]
        kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
        (self.folder / name).write_text(json.dumps({
            "cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5,
        }), encoding="utf-8")
        self.open(name)

    def menu(self, *labels):
        """Choose from the menus: menu("Run", "Run All Cells")."""
        exact = [re.compile(f"^{re.escape(label)}$") for label in labels]
        self.page.locator(".lm-MenuBar-itemLabel").filter(has_text=exact[0]).click()
        for label in exact[1:]:
            item = self.page.locator(".lm-Menu-item:visible").filter(
                has=self.page.locator(".lm-Menu-itemLabel").filter(has_text=label)
            ).last  # a submenu comes after its menu
            item.click()  # which opens a submenu as well

    def tabs(self):
        """Return the titles of the open tabs."""
        return self.page.locator("#jp-main-dock-panel .lm-TabBar-tabLabel").all_text_contents()

    def show(self, title):
        """Bring the tab of that title to the front."""
        tab = self.page.locator("#jp-main-dock-panel .lm-TabBar-tab").filter(has_text=title)
        if "lm-mod-current" not in tab.get_attribute("class"):
            tab.click()

    def pop_ups(self):
        """Return the text of every dialog and notification on the page."""
        return self.page.locator(POP_UPS).all_text_contents()

    def collapse_sidebar(self):
        """Give the chapter the whole width."""
        current = self.page.locator(".jp-SideBar.jp-mod-left .lm-TabBar-tab.lm-mod-current")
        if current.count():
            current.click()
            self.page.wait_for_selector("#jp-left-stack", state="hidden")

    def theme(self, name):
        """Switch to the theme "light" or "dark"."""
        title = f"JupyterLab {name.title()}"
        self.menu("Settings", "Theme", title)
        self.page.wait_for_selector(f"body[data-jp-theme-name='{title}']", state="attached")
        # JupyterLab covers the page while it loads the style sheets of a theme.
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    # -- the chapter in front

    def cells(self):
        """Return the chapter's cells, in order, as they stand on the page."""
        return [Cell(**cell) for cell in self.page.locator(PANEL).evaluate(READ_CELLS)]

    def wait_idle(self):
        """Wait until there is a kernel and it has nothing to do."""
        # JupyterLab shows "idle" as well before it has started the kernel, beside "No Kernel";
        # whoever runs a cell then is asked to select one.
        self.page.wait_for_function(KERNEL_IS_IDLE, arg=PANEL)

    def run_all(self, seconds=120):
        """Clear the stored outputs, run all cells, wait for the last or for one that failed."""
        self.menu("Edit", "Clear Outputs of All Cells")
        wait_until(lambda: not any(cell.output for cell in self.cells()), "outputs are cleared")
        self.menu("Run", "Run All Cells")
        wait_until(self._has_run, lambda: f"all cells have run: {self.cells()}", seconds)
        self.wait_idle()
        self.settle()

    def _has_run(self):
        cells = [cell for cell in self.cells() if cell.code and cell.source.strip()]
        ran = [cell for cell in cells if re.search(r"\d", cell.prompt)]
        if any("*" in cell.prompt for cell in cells) or not ran:
            return False
        return len(ran) == len(cells) or ran[-1].error

    def run_cell(self, index):
        """Click into a cell and press Shift+Enter. Does not wait for its end."""
        self.page.locator(f"{PANEL} .jp-Cell").nth(index).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")

    def wait_cell(self, index, condition, what, seconds=30):
        """Wait until condition(cell) holds for a cell, and return that cell."""
        def look():
            cell = self.cells()[index]
            return cell if condition(cell) else None

        return wait_until(look, lambda: f"{what}: {self.cells()[index]}", seconds)

    def settle(self):
        """Wait until pictures are loaded and the page has been painted."""
        self.page.wait_for_function(
            "() => [...document.images].every(image => image.complete)"
        )
        self.page.evaluate(
            "() => document.fonts.ready.then(() => new Promise(done =>"
            " requestAnimationFrame(() => requestAnimationFrame(done))))"
        )

    def axe(self, selector):
        """Return what axe-core objects to there, in the window: (impact, rule, elements)."""
        from axe_playwright_python.sync_playwright import Axe

        # JupyterLab's body has no height, and axe takes what it clips for hidden: it would look at
        # no colour.
        self.page.add_style_tag(content="body { height: 100vh }")
        found = Axe().run(self.page, context=selector, options={}).response
        judged = [rule["id"] for rule in found["passes"] + found["violations"]]
        assert "color-contrast" in judged, [
            check["message"] for rule in found["incomplete"] for node in rule["nodes"]
            for check in node["any"]]
        return [(rule["impact"], rule["id"], [node["html"][:200] for node in rule["nodes"]])
                for rule in found["violations"]]

    def interrupt(self):
        """Press the toolbar's interrupt button, as the chapters tell the reader to."""
        self.page.locator(
            f"{PANEL} .jp-NotebookPanel-toolbar [data-command='notebook:interrupt-kernel']"
        ).click()

    def interrupt_by_keyboard(self):
        """Leave the cell's editor and press I twice."""
        for key in ("Escape", "i", "i"):
            self.page.keyboard.press(key)

    def restart(self):
        """Restart the kernel from the menu, say yes, and wait until it is ready."""
        self.menu("Kernel", "Restart Kernel…")
        with self.page.expect_response(re.compile("/api/kernels/[^/]+/restart")):
            self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.page.wait_for_selector(".jp-Dialog", state="detached")
        self.wait_idle()

    def select(self, index):
        """Select a cell and bring it to the middle of the window."""
        self.page.locator(f"{PANEL} .jp-Cell").nth(index).locator(".jp-InputPrompt").click()
        self.page.locator(f"{PANEL} .jp-Cell").nth(index).evaluate(
            "cell => cell.scrollIntoView({block: 'center'})"
        )
        self.settle()

    def screenshot(self, path):
        """Save what the window shows as a PNG."""
        self.settle()
        self.page.screenshot(path=path)

    def screenshots(self, folder, name):
        """Save the whole chapter, a window at a time, as folder/name_01.png and so on."""
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        view = self.page.locator(f"{PANEL} .jp-WindowedPanel-outer")
        paths, top = [], 0
        while True:
            at = view.evaluate("(view, top) => (view.scrollTop = top, view.scrollTop)", top)
            paths.append(pathlib.Path(folder, f"{name}_{len(paths) + 1:02}.png"))
            self.screenshot(paths[-1])
            total, height = view.evaluate("view => [view.scrollHeight, view.clientHeight]")
            if at + height >= total - 1:
                return paths
            top = at + height - 40  # a line or two is seen twice

    # -- terminals

    def new_terminals(self):
        """Press the toolbar's button for two terminals; return them when their shells are ready."""
        before = set(self.tabs())
        self.page.locator(f"{PANEL} .jp-NotebookPanel-toolbar").get_by_text("2 Terminals").click()

        def new():
            found = [tab for tab in self.tabs() if re.match(r"Terminal \d", tab)]
            return len(opened := [tab for tab in found if tab not in before]) == 2 and opened

        return [Terminal(self, title) for title in wait_until(new, "two terminals have tabs")]


class Terminal:
    """A JupyterLab terminal. .shell is the PID of its shell, .prompt what the shell says when
    it waits for a command."""

    def __init__(self, lab, title):
        self.lab, self.title = lab, title
        tab = lab.page.locator("#jp-main-dock-panel .lm-TabBar-tab").filter(has_text=title)
        self.panel = lab.page.locator(f"[aria-labelledby='{tab.get_attribute('id')}']")
        self.wait_for(r"\S")
        self.start("echo shell=$$")
        found = self.wait_for(r"(?m)^shell=(\d+) *\n(.*\S)\s*\Z")
        self.shell, self.prompt = int(found[1]), found[2].rstrip()

    def screen(self):
        """Return the text on the screen."""
        self.lab.show(self.title)
        rows = self.panel.locator(".xterm-accessibility-tree > *").all_text_contents()
        return "\n".join(rows).replace("\N{NO-BREAK SPACE}", " ")

    def start(self, command):
        """Type a command and press Enter. The terminal comes to the front."""
        self._focus()
        self.lab.page.keyboard.type(command)
        self.enter(command)

    def enter(self, command):
        """Press Enter when that command, and nothing else, is typed."""
        # Only when the command stands on the screen does its last line tell a new prompt.
        typed = "".join(f"{getattr(self, 'prompt', '')}{command}".split())
        wait_until(
            lambda: "".join(self.screen().split()).endswith(typed),
            lambda: f"{command!r} is typed in {self.title}, which shows:\n{self.screen().strip()}",
        )
        self._focus()
        self.lab.page.keyboard.press("Enter")

    def run(self, command, seconds=30):
        """Type a command, wait until the shell is ready again, and return the screen."""
        self.start(command)
        self.wait_prompt(seconds)
        return self.screen()

    def _focus(self):
        self.lab.show(self.title)
        self.panel.locator(".xterm-helper-textarea").focus()

    def interrupt(self):
        """Press Ctrl-C."""
        self._focus()
        self.lab.page.keyboard.press("Control+c")

    def wait_for(self, pattern, seconds=30):
        """Wait until the screen matches a regular expression, and return the match."""
        return wait_until(
            lambda: re.search(pattern, self.screen()),
            lambda: f"{pattern!r} in {self.title}, which shows:\n{self.screen().strip()}", seconds,
        )

    def at_prompt(self):
        """Tell whether the shell waits for a command."""
        return self.screen().rstrip().splitlines()[-1].rstrip() == self.prompt

    def wait_prompt(self, seconds=30):
        """Wait until the shell waits for a command."""
        wait_until(self.at_prompt, lambda: f"the prompt is back in:\n{self.screen()}", seconds)

    def children(self):
        """Return the PIDs of the shell's children."""
        return [pid for pid, parent in parents() if parent == self.shell]
