"""What the tests of the helpers share: folders, other processes, kernels, a shell to try."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time

import pytest
from processes import children, process_is_alive, process_state, wait_until

from pipe_helpers import Puppet
from pipe_helpers.lab.model import LabModel

ROOT = pathlib.Path(__file__).resolve().parents[1]

# It takes minutes, and wants root: `make class-test` runs it.
collect_ignore = [] if os.environ.get("KIT_CLASS") else ["test_classroom.py"]

# A background job of a shell, or of nohup, starts with signals ignored, and so would every program
# tested here.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def until():
    return wait_until


@pytest.fixture
def alive():
    return process_is_alive


@pytest.fixture
def state_of():
    return process_state


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """An empty current folder, and tmp_path/"tmp" for all temporary files, told as a path.

    A program that the test has left running is killed.
    """
    from pipe_helpers.processes.console import running_programs

    temporary = tmp_path / "tmp"
    temporary.mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("KIT_STATE", "")  # whatever this user has done, and nothing is noted
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    try:
        yield temporary
    finally:
        for program in running_programs():
            program.kill()


@pytest.fixture
def left(own_folder):
    """A function that tells what there is of ours, a line each; at the end it must be nothing.

    That is: programs, puppets, their consoles and keepers, children that nobody has waited for,
    temporary folders and files, descriptors. A process is ours, whoever is its parent by now, if
    it was started with the test's temporary folder in its environment (Linux; elsewhere the
    children count). but: PIDs that are not to be told.
    """
    from pipe_helpers.processes.console import running_programs
    from pipe_helpers.processes.puppet import running_puppets
    from pipe_helpers.processes.relay import running_relays

    def descriptors():
        found = {}
        for fd in map(int, os.listdir("/dev/fd")):
            try:
                found[fd] = os.fstat(fd)[:3]
            except OSError:  # the one by which /dev/fd itself was listed
                pass
        return found.items()

    def started_here():
        wanted = os.fsencode(f"TMPDIR={own_folder}")
        for name in filter(str.isdecimal, os.listdir("/proc") if os.path.isdir("/proc") else []):
            try:
                if wanted in pathlib.Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                    line = pathlib.Path(f"/proc/{name}/cmdline").read_bytes()
                    yield int(name), line.replace(b"\0", b" ").decode(errors="replace")
            except OSError:  # it has ended, or is another user's
                pass

    def tell(*but):
        processes = (children(os.getpid()).items() - before[1]) | set(started_here())
        return [
            *map(repr, running_programs() + running_puppets() + running_relays()),
            *(f"process {pid}: {name}" for pid, name in sorted(processes) if pid not in but),
            *(f"descriptor {fd}: {status}" for fd, status in descriptors() - before[0]),
            *(f"in the temporary folder: {name}" for name in os.listdir(own_folder)),
        ]

    before = set(descriptors()), set(children(os.getpid()).items())
    yield tell
    deadline = time.monotonic() + 3
    while tell() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert tell() == []


@pytest.fixture
def lab(own_folder):
    """A `LabModel`, ended after the test. (In a browser's tests, JupyterLab.)"""
    lab = LabModel()
    try:
        yield lab
    finally:
        lab.end()


@pytest.fixture
def puppet(own_folder):
    """A function that makes a puppet, ended after the test."""
    made = []

    def make(*args, **options):
        made.append(Puppet(*args, **options))
        return made[-1]

    try:
        yield make
    finally:
        for each in made:
            each.end()


@pytest.fixture(params=[name for name in ("dash", "bash") if shutil.which(name)])
def shell(request, tmp_path, monkeypatch):
    """Each shell that may be a system's sh, found first on PATH under that name."""
    (tmp_path / "shell").mkdir()
    (tmp_path / "shell" / "sh").symlink_to(shutil.which(request.param))
    monkeypatch.setenv("PATH", f"{tmp_path / 'shell'}{os.pathsep}{os.environ['PATH']}")
    return request.param


@pytest.fixture
def python(monkeypatch):
    """A function that starts Python on code, or on the words after it; killed after the test."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    started = []

    def start(code, *args, **options):
        words = ["-c", textwrap.dedent(code)] if code else []
        started.append(subprocess.Popen(
            [sys.executable, *words, *map(str, args)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
        ))
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.communicate()


@pytest.fixture
def script(tmp_path):
    """A function that writes a Python program into a file and returns its path."""
    def write(code, name="program.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(code))
        return path

    return write


@pytest.fixture
def facts_of(own_folder, script, until):
    """A function that launches Python on code and returns the object it leaves as `facts`."""
    from pipe_helpers import launch

    def run(code, *args, **options):
        source = textwrap.dedent(code) + "\nimport json; print(json.dumps(facts))\n"
        program = launch(script(source, "facts.py"), *args, **options)
        assert program.wait() == 0, program.errors
        return json.loads(program.output)

    return run


@pytest.fixture
def kernel(monkeypatch, tmp_path):
    """A running kernel: kernel.run(code) returns its printed text and the name of its error."""
    from jupyter_client.manager import start_new_kernel

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(tmp_path))

    class Kernel:
        restart = staticmethod(manager.restart_kernel)
        interrupt = staticmethod(manager.interrupt_kernel)

        def run(self, code, timeout=15):
            printed, error = [], None

            def keep(message):
                nonlocal error
                if message["msg_type"] == "stream":
                    printed.append(message["content"]["text"])
                elif message["msg_type"] == "error":
                    error = f"{message['content']['ename']}: {message['content']['evalue']}"

            client.execute_interactive(
                textwrap.dedent(code), timeout=timeout, output_hook=keep, allow_stdin=False
            )
            return "".join(printed), error

        def begin(self, code, until):
            """Start to run code, and return what it has printed once that has until in it."""
            self._begun = client.execute(textwrap.dedent(code), allow_stdin=False)
            printed = ""
            while until not in printed:
                message = client.get_iopub_msg(timeout=15)
                assert message["msg_type"] != "error", message["content"]["evalue"]
                if message["msg_type"] == "stream":
                    printed += message["content"]["text"]
            return printed

        def end(self):
            """Wait until the code that was begun has ended; return its error and the traceback."""
            error, traceback = None, ""
            while True:
                message = client.get_iopub_msg(timeout=15)
                if message["parent_header"].get("msg_id") != self._begun:
                    continue
                if message["msg_type"] == "error":
                    error = message["content"]["ename"]
                    traceback = "\n".join(message["content"]["traceback"])
                elif message["content"].get("execution_state") == "idle":
                    return error, re.sub(r"\x1b\[[\d;]*m", "", traceback)  # colours

        def wait_for_ready(self):
            client.wait_for_ready(timeout=30)

    try:
        yield Kernel()
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
