"""Hostile rooms: where other software stumbles, the kit works or says in one line why it can't.

What a room needs of the system, a namespace or another user, may not be given to whoever runs the
tests; the room is then made in the next best way, and the test still holds the kit to it.
"""
import copy
import glob
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import urllib.request

import nbformat
import pytest
from jupyter_client import BlockingKernelClient
from nbval.plugin import coalesce_streams, get_sanitize_patterns
from processes import wait_until
from save_notebooks import NOTEBOOKS, SANITIZE, clean, gist
from test_packaging import run_make

ROOT = pathlib.Path(__file__).resolve().parents[1]
LINUX = sys.platform == "linux"

# All that needs the standard library alone, once, and what must come of it.
VISIT = """
import os, subprocess, sys, tempfile
from pipe_helpers import (
    Puppet, ends, launch, launch_reader, launch_writer, leftovers, time_limit, trace, workspace
)

with workspace() as folder:
    os.mkfifo("my_pipe")
    record = trace()
    writer, reader = launch_writer(trace=record), launch_reader()
    assert (writer.wait(), reader.wait()) == (0, 0), writer.errors + reader.errors
    line = f"I pid [{reader.pid}] received a message => Hello from pid [{writer.pid}]\\n"
    assert reader.output == line, reader.output
    assert [call.name for call in record.calls] == ["mkfifo", "open", "write", "close"], record
    try:
        with time_limit(0.01):
            os.open("my_pipe", os.O_RDONLY)
    except TimeoutError as error:
        assert "still waiting after 0.01 s" in str(error), error
    with Puppet("speaker") as speaker:
        opening = speaker.open("my_pipe", os.O_WRONLY)
        assert speaker.wait_blocked() == "open"
        if sys.platform == "linux":
            assert [row.role for row in ends("my_pipe").rows] == ["speaker"]
        fd = os.open("my_pipe", os.O_RDONLY)
        assert speaker.write(opening.result(), b"Hello").result() == 5
        os.close(fd)
    sleeper = launch("sleep", "60")
    assert leftovers() == [repr(sleeper), "the named pipe my_pipe"], leftovers()
    assert sleeper.kill() == -9 and not sleeper.running
    assert launch("sh", "-c", "exit 7").wait() == 7
    os.unlink("my_pipe")
    assert leftovers() == [], leftovers()
assert not folder.exists()
print(*{len(str(program.pid)) for program in (writer, reader)})
"""


@pytest.fixture
def visit(tmp_path):
    """A function that makes a visit: it runs Python on VISIT, or on other code.

    before: code that runs first. through: the words that a command line begins with. Everything
    else is the environment; a name with the value None is not in it. Returns what the visit
    prints, when it has ended well, has said nothing on standard error and left nothing behind.
    """
    def run(code=VISIT, *, python=sys.executable, kit=ROOT, before="", through=(), **environment):
        # Another user must be able to use it, too; his way into tmp_path is barred.
        temporary = environment.pop("TMPDIR", None) or tempfile.mkdtemp(prefix="room_", dir="/tmp")
        os.chmod(temporary, 0o777)
        environment = {**os.environ, "PYTHONPATH": kit, "TMPDIR": temporary, **environment}
        environment = {name: value for name, value in environment.items() if value is not None}
        command = [*through, python, "-B", "-c", textwrap.dedent(before) + textwrap.dedent(code)]
        try:
            done = subprocess.run(
                command, cwd="/", env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                timeout=60,
            )
            assert done.returncode == 0 and not done.stderr, done.stderr.decode()
            assert os.listdir(temporary) == []
            return done.stdout.decode()
        finally:
            shutil.rmtree(temporary)

    return run


def works(words, python=sys.executable):
    """Whether the words can be followed by a Python that can start another."""
    code = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', '']))"
    try:
        return subprocess.run([*words, python, "-c", code], capture_output=True).returncode == 0
    except OSError:
        return False


def namespaces(*kinds):
    """The words that run a command in new namespaces of these kinds; None if we may not."""
    ways = [["unshare", *kinds], ["unshare", "--user", "--map-root-user", *kinds]]
    return next(filter(works, ways), None)


def another_user(uid=61234):
    """The words that run a command as a user who has no name, no home and no other process."""
    if os.getuid() != 0:  # a user that is not root has no way to another one, and is one
        return []
    words = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    if not works(words):  # this Python is where only root may read: let him read it
        words += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return words


# ---------------------------------------------------------------- names, homes, languages


@pytest.fixture(scope="module")
def odd_clone(tmp_path_factory):
    """A copy of the helpers below a folder with spaces and letters beyond ASCII in its name."""
    clone = tmp_path_factory.mktemp("rooms") / "Größe und Maß – 管道" / "it's"
    shutil.copytree(ROOT / "pipe_helpers", clone / "pipe_helpers")
    return clone


@pytest.mark.parametrize("room", [
    {},
    {"LC_ALL": "C", "LANG": "C"},
    {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0"},
    {"PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"},
    {"HOME": None, "USER": None, "LOGNAME": None},
    {"HOME": "/dev/null"},
], ids=lambda room: " ".join(f"{name}={value}" for name, value in room.items()) or "name")
def test_a_clone_with_an_odd_name_works_in_any_environment(visit, odd_clone, room):
    visit(kit=odd_clone, **room)


def test_a_temporary_folder_longer_than_the_path_of_a_socket_is_no_obstacle(visit, tmp_path):
    temporary = tmp_path / ("long " * 20) / "管道" / ("l" * 100)
    temporary.mkdir(parents=True)
    assert len(os.fsencode(temporary)) > 200
    visit(TMPDIR=temporary)


def pythons():
    """Every Python from 3.10 to 3.14 that is found here, by its version; this one at least."""
    found = {sys.version_info[:2]: sys.executable}
    for minor in range(10, 15):
        name = f"python3.{minor}"
        pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
        for path in [*glob.glob(f"{pyenv}/versions/3.{minor}.*/bin/{name}"), shutil.which(name)]:
            if path and (3, minor) not in found and works([], path):
                found[3, minor] = path
    return {".".join(map(str, version)): path for version, path in sorted(found.items())}


PYTHONS = pythons()


@pytest.mark.parametrize("version", PYTHONS)
def test_every_python_found_works_in_all_of_that_at_once(visit, odd_clone, version):
    before = f"import sys; assert sys.version_info[:2] == {tuple(map(int, version.split('.')))}"
    visit(before=before + "\n", python=PYTHONS[version], kit=odd_clone, HOME="/dev/null",
          LC_ALL="C", PYTHONWARNINGS="error")


@pytest.mark.parametrize("version", PYTHONS)
def test_make_sets_up_a_clone_with_an_odd_name_so_that_lc_all_c_will_do(tmp_path, version):
    """Python 3.11 reads .pth files in the locale's encoding, and ends at what it can't read."""
    clone = tmp_path / "Größe und Maß"
    clone.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, clone)
    # pip, which would need the network, leaves a .pth file that names the folder of the clone.
    pip = tmp_path / "pip" / "pip" / "__main__.py"
    pip.parent.mkdir(parents=True)
    pip.write_text(textwrap.dedent("""
        import os, sysconfig
        with open(sysconfig.get_path("purelib") + "/kit.pth", "w", encoding="utf-8") as file:
            file.write(os.getcwd())
    """))
    python = tmp_path / "python"
    real = shlex.quote(PYTHONS[version])
    python.write_text(textwrap.dedent(f"""\
        #!/bin/sh
        case "$*" in "-m venv .venv") {real} -m venv --without-pip .venv &&
        cp -r {shlex.quote(str(pip.parent))} .venv/lib/python{version}/site-packages; exit; esac
        exec {real} "$@"
    """), encoding="utf-8")
    python.chmod(0o755)
    done = run_make("setup", f"PYTHON={python}", cwd=clone, LC_ALL="C")
    assert done.returncode == 0 and not done.stderr, done.stderr
    code = "import sys; print(ascii(sys.path))"
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run([clone / ".venv/bin/python", "-c", code], cwd="/", env=environment,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and ascii(str(clone)) in done.stdout, done.stderr


def test_make_does_not_pass_lc_all_c_on(tmp_path):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "<$LC_ALL>" >"{tmp_path}/told"\nexit 1\n')
    python.chmod(0o755)
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    for given, passed in (("C", ""), ("POSIX", ""), ("C.UTF-8", "C.UTF-8")):
        run_make("setup", f"PYTHON={python}", cwd=tmp_path, LC_ALL=given)
        assert (tmp_path / "told").read_text() == f"<{passed}>\n"


# ---------------------------------------------------------------- users, shells, parents


def test_another_user_can_use_a_clone_that_is_not_his(visit):
    before = "import os; assert os.getuid() != 0\n" if os.getuid() == 0 else ""
    visit(before=before, through=another_user(), HOME="/", USER=None, LOGNAME=None)


def test_any_shell_will_do_as_sh(visit, shell):
    visit()


# A process that becomes the parent of every orphan below it and waits for none, like PID 1 of many
# a container. It runs the words after it and then tells how many zombies there are.
NEGLECT = """
import ctypes, os, subprocess, sys

assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER in prctl(2)
status = subprocess.run(sys.argv[1:]).returncode
ps = ["ps", "--ppid", str(os.getpid()), "-o", "stat="]
zombies = subprocess.run(ps, capture_output=True, text=True).stdout.count("Z")
print("zombies:", zombies)
sys.exit(status)
"""

if LINUX:
    def test_where_nobody_waits_for_orphans_a_visit_leaves_no_zombie(visit):
        told = visit(through=[sys.executable, "-c", NEGLECT])
        assert told.endswith("\nzombies: 0\n"), told

    def test_a_killed_notebook_leaves_zombies_there_which_confuse_nobody(visit):
        killed = """
            import os, signal, subprocess, sys, time
            if not os.fork():
                from pipe_helpers import launch, workspace
                workspace()
                os.mkfifo("my_pipe")
                launch("cat", "my_pipe")
                os.kill(os.getpid(), signal.SIGKILL)
            os.wait()
            def states():
                ps = ["ps", "--ppid", str(os.getppid()), "-o", "pid=,stat=,comm="]
                rows = subprocess.run(ps, capture_output=True, text=True).stdout.splitlines()
                return [row.split()[1] for row in rows if int(row.split()[0]) != os.getpid()]
            deadline = time.monotonic() + 5
            while len(states()) < 2 or not all(state.startswith("Z") for state in states()):
                assert time.monotonic() < deadline, states()
        """
        told = visit(textwrap.dedent(killed) + VISIT, through=[sys.executable, "-c", NEGLECT])
        assert int(told.split()[-1]) >= 2, told

    def test_a_notebook_that_gets_all_orphans_is_told_every_end_rightly(visit):
        visit("""
            import ctypes, os, signal, subprocess, time
            assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0
            from pipe_helpers import ends, launch, leftovers, workspace
            with workspace():
                os.mkfifo("my_pipe")
                program = launch("cat", "my_pipe")
                os.kill(program._console.pid, signal.SIGKILL)  # its child is now ours
                assert program.wait() == -signal.SIGKILL
                assert not program.running and program.kill() == -signal.SIGKILL
                deadline = time.monotonic() + 5
                while not subprocess.run(["ps", "-o", "stat=", "-p", str(program.pid)],
                                         capture_output=True).stdout.startswith(b"Z"):
                    assert time.monotonic() < deadline
                assert ends("my_pipe").rows == [], ends("my_pipe")
                assert leftovers() == ["the named pipe my_pipe"], leftovers()
        """ + textwrap.indent(VISIT, " " * 12))


# ---------------------------------------------------------------- little of everything


TRIALS = """
import json, os, resource, sys, tempfile, time
from pipe_helpers import Puppet, launch, workspace
from pipe_helpers.processes.console import running_programs

def tried(what):
    "What an error says, or nothing if the thing works."
    try:
        what()
    except (OSError, RuntimeError) as error:
        return str(error)
    finally:
        while running_programs():
            time.sleep(0.001)  # another thread is about to see the end

def use_workspace():
    with workspace():
        os.mkfifo("my_pipe")

def use_puppet():
    with Puppet("one") as puppet:
        puppet.mkfifo("my_pipe").result()
        puppet.unlink("my_pipe").result()

os.chdir(tempfile.gettempdir())
THINGS = [use_workspace, use_puppet, lambda: launch("true").wait()]
"""


def test_64_open_files_are_enough(visit):
    visit(before="import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n")


def test_too_few_open_files_are_told_in_one_line(visit):
    told = json.loads(visit(TRIALS + """
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
filler = []
try:
    while True:
        filler.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
told = []
for number in range(12):
    told += [tried(thing) for thing in THINGS]
    os.close(filler.pop())
print(json.dumps(told))
"""))
    assert all(told[:3]) and told[-3:] == [None, None, None]
    for text in filter(None, told):
        assert "\n" not in text and "this notebook may have (ulimit -n)" in text, text


def test_at_the_limit_of_processes_one_line_says_so(visit, tmp_path, monkeypatch):
    if shutil.which("dash"):  # bash tries each fork again for 15 seconds
        (tmp_path / "sh").symlink_to(shutil.which("dash"))
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    told = json.loads(visit(TRIALS + """
import glob

def mine():
    "How many threads of this user count: on Linux each is a process of its own [setrlimit(2)]."
    count = 0
    for folder in glob.glob("/proc/[0-9]*/task/*"):
        try:
            count += os.stat(folder).st_uid == os.getuid()
        except OSError:
            pass
    return count

most = resource.getrlimit(resource.RLIMIT_NPROC)[1]
told = []
for spare in [None, *range(6)] if sys.platform == "linux" else [None]:
    for thing in THINGS:
        limit = 1 if spare is None else mine() + spare
        resource.setrlimit(resource.RLIMIT_NPROC, (limit, most))
        told.append(tried(thing))
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
assert [tried(thing) for thing in THINGS] == [None, None, None]
print(json.dumps(told))
""", through=another_user(), HOME="/"))
    refused = list(filter(None, told))
    assert all(told[:3]) and len(refused) >= 3
    for text in refused:
        assert "\n" not in text and "this machine may have (ulimit -u)" in text, text


if LINUX:
    def test_at_the_limit_of_memory_one_line_says_so(visit):
        """A list that grew until there was a MemoryError, and is still there, leaves this much."""
        told = json.loads(visit(TRIALS + """
def fill(size):
    try:
        while True:
            filler.append(bytes(size))
    except MemoryError:
        pass

sys.unraisablehook = lambda error: None  # a thread that had no memory to begin
with open("/proc/self/status") as file:
    data = next(int(line.split()[1]) for line in file if line.startswith("VmData"))
most = resource.getrlimit(resource.RLIMIT_DATA)[1]
told = []
for thing in THINGS:
    for room in (0, 100, 1000):  # KiB
        filler = []
        resource.setrlimit(resource.RLIMIT_DATA, ((data + 20_000) * 1024, most))
        fill(100_000)
        fill(500)
        del filler[:4], filler[len(filler) - 2 * room:]
        try:
            said = tried(thing)
        except MemoryError:
            said = "MemoryError"
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        told.append(said)
del filler
assert [tried(thing) for thing in THINGS] == [None, None, None]
print(json.dumps(told))
"""))
        refused = list(filter(None, told))
        assert any("No memory is left" in text for text in refused), told
        for text in refused:
            assert "No memory is left" in text or text == "MemoryError", text


# Two ways to leave no room for data: a full file system, and a limit for the size of files.
FULL = {
    "disk": """
        import subprocess, tempfile
        words = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", tempfile.gettempdir()]
        subprocess.run(words, check=True)

        class Full:
            def __init__(self, room):
                self.room = room
            def __enter__(self):
                with open("filler", "wb", buffering=0) as file:
                    file.write(bytes((1 << 17) - self.room))
            def __exit__(self, *exception):
                os.unlink("filler")
    """,
    "limit": """
        class Full:
            def __init__(self, room):
                self.room = room
            def __enter__(self):
                self.former = resource.getrlimit(resource.RLIMIT_FSIZE)
                resource.setrlimit(resource.RLIMIT_FSIZE, (self.room, self.former[1]))
            def __exit__(self, *exception):
                resource.setrlimit(resource.RLIMIT_FSIZE, self.former)
    """,
}
MOUNTS = namespaces("--mount")


@pytest.mark.parametrize("full", FULL if LINUX and MOUNTS else ["limit"])
def test_a_full_temporary_folder_is_told_in_one_line(visit, full):
    told = json.loads(visit(TRIALS + """
with Full(0):
    told = [tried(thing) for thing in THINGS]
assert os.listdir() == [], os.listdir()
assert [tried(thing) for thing in THINGS] == [None, None, None]
with Full(20_000):
    program = launch(sys.executable, "-c", "print('x' * 40_000)")
    program.wait()
    told += [program.errors.splitlines()[-1], program.output.strip("x")]
assert os.listdir() == [], os.listdir()
print(json.dumps([tempfile.gettempdir(), *told]))
""", before=FULL[full], through=MOUNTS if full == "disk" else []))
    folder, *refused, last, rest = told
    for text in refused:
        assert text.endswith(f"start JupyterLab anew: {folder!r}") and "\n" not in text, text
    assert ("No space left on device" if full == "disk" else "File too large") in last
    assert rest == ""


# ---------------------------------------------------------------- the digits of a PID

COUNTED = """
import json, os
from pipe_helpers import launch_reader, launch_writer, workspace

with open("/proc/sys/kernel/pid_max") as file:
    most = len(file.read().strip())
digits = []
with workspace():
    for number in range(1, most + 1):
        with open("/proc/sys/kernel/ns_last_pid", "w") as file:
            file.write(str(max(3, 10 ** (number - 1))))
        writer, reader = launch_writer(), launch_reader()
        assert (writer.wait(), reader.wait()) == (0, 0), writer.errors + reader.errors
        line = f"I pid [{reader.pid}] received a message => Hello from pid [{writer.pid}]\\n"
        assert reader.output == line, reader.output
        digits.append(len(str(writer.pid)))
assert digits[1:] == list(range(2, most + 1)), digits
print(digits)
"""
PIDS = namespaces("--pid", "--fork", "--mount-proc", "--kill-child")

if LINUX and PIDS:
    def test_pids_of_one_to_seven_digits_are_told_whole(visit):
        assert visit(COUNTED, through=PIDS).startswith("[1, 2, 3, 4, 5")
else:
    def test_messages_with_pids_of_one_to_seven_digits_are_told_whole(visit):
        visit("""
            import os
            from pipe_helpers import launch_reader, workspace
            with workspace():
                os.mkfifo("pipe")
                for number in range(7):
                    reader = launch_reader("pipe")
                    with open("pipe", "w") as pipe:
                        pipe.write(f"Hello from pid [{10 ** number}]")
                    assert reader.wait() == 0
                    assert reader.output.endswith(f"Hello from pid [{10 ** number}]\\n")
        """)


# ---------------------------------------------------------------- Jupyter

# Brings up what a network namespace has at first: nothing but a loopback device that is down.
LOOPBACK = """
import fcntl, os, socket, struct, sys
with socket.socket() as any_socket:
    name_and_flags = struct.pack("16sh14x", b"lo", 1)  # IFF_UP in netdevice(7)
    fcntl.ioctl(any_socket, 0x8914, name_and_flags)  # SIOCSIFFLAGS
os.execv(sys.argv[1], sys.argv[1:])
"""
# Where a namespace can't be had, Python code at least finds no network [PEP 578].
NO_NETWORK = """
import sys
def refuse(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        assert arguments[1][0] in ("127.0.0.1", "::1", "localhost"), arguments
sys.addaudithook(refuse)
"""
NETWORK = namespaces("--net")


@pytest.fixture
def jupyter_room(tmp_path, monkeypatch):
    """A room without network, home or locale, in which a socket's path does not fit; what its
    command lines begin with."""
    temporary = tmp_path / ("l" * 120)
    temporary.mkdir()
    for name, value in {
        "HOME": "/dev/null", "LC_ALL": "C", "TMPDIR": temporary, "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_RUNTIME_DIR": None, "XDG_RUNTIME_DIR": None, "IPYTHONDIR": None,
        "KIT_BUDGET": "0.03", "KIT_STATE": "", "PYTHONPATH": f"{tmp_path}:{ROOT}",
    }.items():
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, str(value))
    if LINUX and NETWORK:
        return [*NETWORK, sys.executable, "-c", LOOPBACK]
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK)
    return []


CHAPTER = NOTEBOOKS / "00_start_here.ipynb"
EXECUTORS = {
    "nbconvert": ["-m", "nbconvert", "--execute", "--to=notebook", "--inplace"],
    "nbclient": ["-c", "from nbclient.cli import main; main()", "--inplace"],  # jupyter execute
}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_chapter_runs_in_a_hostile_room_by_any_executor(jupyter_room, tmp_path, executor):
    path = tmp_path / "here" / CHAPTER.name
    path.parent.mkdir()
    stored = nbformat.reads(CHAPTER.read_text(encoding="utf-8"), as_version=4)
    nbformat.write(without_outputs(stored), path)
    words = [*jupyter_room, sys.executable, *EXECUTORS[executor], path.name]
    done = subprocess.run(words, cwd=path.parent, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    executed = clean(nbformat.read(path, as_version=4))
    for cell in code_cells(executed):
        # matplotlib tells where it keeps its cache, if there is no home.
        outputs = [each for each in cell.outputs if each.get("name") != "stderr"]
        cell.outputs = coalesce_streams(outputs)
    assert gist(executed) == gist(stored)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def without_outputs(notebook):
    notebook = copy.deepcopy(notebook)
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    return notebook


# ---------------------------------------------------------------- other pipes, other users

CELLS = """
import json, pathlib, sys
from concurrent.futures import ThreadPoolExecutor
from save_notebooks import run

with ThreadPoolExecutor(2) as pool:
    print(json.dumps(list(pool.map(run, map(pathlib.Path, sys.argv[1:])))))
"""


@pytest.fixture
def assert_only_numbers_differ():
    """A function that runs notebooks, given by their numbers or names, in a room.

    No cell may raise what it is not meant to or take 30 s, and what is shown must be what is
    stored, but for the numbers. before: code that every Python in the room runs first. through:
    the words that a command line begins with. instead: pairs of a stored text and what is shown.
    Returns all that they show, as text.
    """
    def assert_it(*names, before="", through=(), instead=()):
        paths = [next(NOTEBOOKS.glob(f"{name}*.ipynb")) for name in names]
        room = tempfile.mkdtemp(prefix="room_", dir="/tmp")  # tmp_path is barred to another user
        os.chmod(room, 0o777)
        pathlib.Path(room, "sitecustomize.py").write_text(before)
        environment = {
            **os.environ, "HOME": room, "TMPDIR": room, "KIT_STATE": "",
            "KIT_BUDGET": "0.03", "JUPYTER_PREFER_ENV_PATH": "1", "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join([room, str(ROOT), str(ROOT / "tests" / "tools")]),
        }
        try:
            done = subprocess.run(
                [*through, sys.executable, "-c", CELLS, *map(str, paths)], cwd="/",
                env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=120,
            )
        finally:
            shutil.rmtree(room)
        assert done.returncode == 0, done.stderr
        for path, executed in zip(paths, json.loads(done.stdout)):
            stored = shown(nbformat.read(path, as_version=4))
            wanted = [dict(instead).get(text, text) for text in stored]
            assert shown(nbformat.from_dict(executed)) == wanted, path.name
        return done.stdout

    return assert_it


def shown(notebook):
    """What each cell shows, without its numbers and without what may differ in any two runs."""
    texts = []
    for cell in code_cells(notebook):
        text = ""
        compared = "nbval-ignore-output" not in cell.metadata.get("tags", [])
        for output in cell.outputs if compared else []:
            if output.output_type == "error":
                text += f"{output.ename}: {output.evalue}"
            elif output.get("name") != "stderr":  # there matplotlib says that it looks for fonts
                text += output.get("text") or output.data.get("text/plain", "")
        for pattern, replacement in get_sanitize_patterns(SANITIZE.read_text(encoding="utf-8")):
            text = re.sub(pattern, replacement, text)
        texts.append(re.sub(r" +", " ", re.sub(r"\d[\d,]*", "N", text)))
    return texts


# A user who has pipes of as many pages as he may gets new ones of two pages [pipe(7)].
HOARD = """
import fcntl, os, sys
with open("/proc/sys/fs/pipe-max-size") as file:
    most = int(file.read())
page = os.sysconf("SC_PAGE_SIZE")
end = os.pipe()[1]
while fcntl.fcntl(end, fcntl.F_GETPIPE_SZ) > 2 * page:
    try:
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, most)
    except PermissionError:
        pass  # it counts as it is
    end = os.pipe()[1]
print("enough", flush=True)
sys.stdin.read()
"""

# The limits are the machine's, or those of a user who may be running other tests. So this puts the
# limits of a room into its Pythons: what a new pipe holds, and what more than that is told.
SMALL_PIPES = """
import errno, fcntl, os, stat
real_fcntl, real_open, real_pipe = fcntl.fcntl, os.open, os.pipe

def small(fd):
    real_fcntl(fd, fcntl.F_SETPIPE_SZ, {holds})
    return fd

def small_pipe():
    return tuple(map(small, real_pipe()))

def small_open(*args, **options):
    fd = real_open(*args, **options)
    return small(fd) if stat.S_ISFIFO(os.fstat(fd).st_mode) else fd

def small_fcntl(fd, command, argument=0):
    if command == fcntl.F_SETPIPE_SZ and argument > {holds}:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
    return real_fcntl(fd, command, argument)

fcntl.fcntl, os.open, os.pipe = small_fcntl, small_open, small_pipe
"""
ABOUT_SIZES = ["04", "08", "09", "12", "more/long", "more/nonblocking", "more/size", "myths",
               "reference"]
ONE_ID = ["unshare", "--user", "--map-root-user"]

if LINUX:
    @pytest.fixture
    def user_of_too_many_pipes():
        """The words that run a command as a user who gets small pipes; None if we may not."""
        words = another_user(62000 + os.getpid() % 1000)  # not that of another run of the tests
        if not words:
            yield None
            return
        hoarder = subprocess.Popen([*words, sys.executable, "-c", HOARD],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert hoarder.stdout.readline() == b"enough\n"
            yield words
        finally:
            hoarder.communicate()

    def test_a_user_of_too_many_pipes_can_follow_every_chapter(
        assert_only_numbers_differ, user_of_too_many_pipes
    ):
        words, holds = user_of_too_many_pipes, 2 * os.sysconf("SC_PAGE_SIZE")
        before = SMALL_PIPES.format(holds=holds) if words is None else ""
        told = assert_only_numbers_differ(*ABOUT_SIZES, before=before, through=words or [])
        assert f"{holds:,} bytes: 2 pages" in told

    def test_where_no_pipe_may_be_made_larger_the_chapters_can_be_followed(
        assert_only_numbers_differ
    ):
        told = assert_only_numbers_differ(*ABOUT_SIZES, before=SMALL_PIPES.format(holds=65_536))
        assert "65,536 bytes" in told and "1,048,576 bytes" not in told

    @pytest.mark.skipif(not works(ONE_ID), reason="no user namespace can be had here")
    def test_in_a_container_of_one_user_the_chapters_can_be_followed(assert_only_numbers_differ):
        assert_only_numbers_differ("02", "reference", through=ONE_ID, instead=[
            ("PermissionError: [Errno N] Permission denied: 'closed'\n",
             "OSError: [Errno N] Invalid argument\n"),
        ])


# ---------------------------------------------------------------- a room of a server

# What is seen where no process may look into another's calls [ptrace_scope of the Yama module].
NO_PTRACE = """
import builtins, errno, os, re
real_open, calls = builtins.open, re.compile(r"/proc/(\\d+)/(?:task/\\d+/)?(?:syscall|mem)")

def open(file, *args, **options):
    found = calls.fullmatch(file) if isinstance(file, str) else None
    if found and int(found[1]) != os.getpid():
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), file)
    return real_open(file, *args, **options)

builtins.open = open
"""
# No process of another user is seen, and from the temporary folder, a mount, no program is run.
SEES_OWN_ONLY = """
mount -o remount,hidepid=2 /proc && mount --bind "$TMPDIR" "$TMPDIR" &&
mount -o remount,bind,noexec "$TMPDIR" && exec "$@"
"""
SERVER = namespaces("--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--ipc")
HIDING = [*SERVER, "sh", "-c", SEES_OWN_ONLY, "sh"] if SERVER and os.getuid() == 0 else []
NOBODY = "nobody is seen to hold an end or to wait for one"

if LINUX:
    def test_where_little_may_be_seen_the_chapter_that_looks_says_so(assert_only_numbers_differ):
        told = assert_only_numbers_differ(
            "08", "more/looking", before=NO_PTRACE, through=HIDING and [*HIDING, *another_user()],
            instead=[
                ("letters\n reader read end asleep in open pid PID", f"letters: {NOBODY}"),
                ("letters\n reader read end fd N open, asleep in read pid PID\n"
                 " writer write end fd N open pid PID",
                 "letters\n reader read end fd N open, may be asleep pid PID\n"
                 " writer write end fd N open pid PID"),
                ("requests\n server read end asleep in open pid PID\n"
                 "replies\n client read end asleep in open pid PID\n",
                 f"requests: {NOBODY}\nreplies: {NOBODY}\n"),
            ])
        assert "not tell whether they wait in open" in told


# What a learner has in hand when the hub ends their server; the last line waits.
AT_WORK = """
import os
from pipe_helpers import PipeLab, Puppet, launch_writer, workspace
workspace()
os.mkfifo("my_pipe")
writer = launch_writer()
writer.wait_blocked()
puppet = Puppet("puppet")
puppet.open("my_pipe", os.O_WRONLY)
puppet.wait_blocked()
lab = PipeLab()
os.symlink("x", os.environ["AT_WORK"])
os.open("my_pipe", os.O_WRONLY)
"""


def listens(port):
    """Tell whether somebody listens at a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_server_that_the_hub_ends_leaves_nothing_whatever_the_learner_is_called(
    tmp_path, own_folder, left
):
    """By SIGINT, as JupyterHub does; a name may have an @ and 64 letters."""
    home, log = tmp_path / f"anna@example.org {'a' * 64}", tmp_path / "log"
    home.mkdir()
    run, at_work = home / "run", home / "at_work"
    environment = {
        **os.environ, "HOME": str(home), "USER": home.name, "JUPYTER_RUNTIME_DIR": str(run),
        "AT_WORK": str(at_work), "PYTHONPATH": str(ROOT), "KIT_STATE": str(home / "state"),
    }
    words = ["-m", "pipe_helpers.chapters", "lab", "--no-browser", "--ServerApp.port=0",
             f"--folder={home / 'named-pipes'}"]
    with open(log, "w") as file:
        server = subprocess.Popen([sys.executable, *words], env=environment, stdout=file,
                                  stderr=file, stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: list(run.glob("jpserver-*.html")), log, 60)  # the json is whole then
        found = json.loads(next(run.glob("jpserver-*.json")).read_text())
        wait_until(lambda: listens(found["port"]), log)
        headers = {"Authorization": f"token {found['token']}"}
        request = urllib.request.Request(f"{found['url']}api/kernels", b"{}", headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            file = run / f"kernel-{json.load(answer)['id']}.json"
        client = BlockingKernelClient(connection_file=str(file))
        client.load_connection_file()
        client.start_channels()
        client.execute(AT_WORK)
        try:
            wait_until(at_work.is_symlink, log, 60)
        finally:
            client.stop_channels()
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == 0, log.read_text()
        wait_until(lambda: not left(), log)
    finally:
        server.kill()
        server.wait()
