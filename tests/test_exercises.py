"""The checks of the exercises: what they say, and that whatever the function does nothing is left.

How they judge right answers and wrong ones is in test_exercise_answers.py.
"""
import ast
import itertools
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from judged import answer
from processes import interrupted_at
from test_exercise_answers import solutions

from pipe_helpers import exercises
from pipe_helpers.processes.console import running_programs
from pipe_helpers.exercises import EXERCISES, check, observed, progress, run, trial
from pipe_helpers.exercises.learner import Learner
from pipe_helpers.exercises.plain import plain, shown
from pipe_helpers.remembering import notes

ROOT = Path(__file__).resolve().parent.parent
STUB = "def {}(*args):\n    # YOUR CODE HERE\n    raise NotImplementedError()\n"


@pytest.fixture(autouse=True)
def nothing_noted(monkeypatch):
    monkeypatch.setenv("KIT_STATE", "")


@pytest.fixture(autouse=True)
def nothing_left(own_folder, until, request):
    """A check leaves no descriptor, no process, no file and no other working directory."""
    descriptors, folder = len(os.listdir("/dev/fd")), os.getcwd()
    yield
    assert running_programs() == []
    assert os.getcwd() == folder
    assert os.listdir(own_folder) == []
    if "kernel" not in request.fixturenames:  # its client keeps sockets
        until(lambda: len(os.listdir("/dev/fd")) <= descriptors, "the end of all descriptors")
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_stub_is_refused_kindly(name):
    verdict = check(answer(name, STUB.format(name)))
    assert not verdict.solved and not verdict.points
    assert "not written yet" in verdict.hint


# ---------------------------------------------------------------- whatever the function does

HOSTILE = {
    "loops": ("while True: pass", "runs in a loop"),
    "loops and catches everything": ("""while True:
        try:
            raise KeyError
        except BaseException:
            pass""", "runs in a loop"),
    "sleeps for ever": ("import threading; threading.Event().wait()", "does nothing more"),
    "naps for ever": ("import time\n    while True: time.sleep(0.01)", "runs in a loop"),
    "prints without end": ("while True: print('x' * 1000)", "runs in a loop"),
    "writes to the terminal": ("import os\n    while True: os.write(1, b'x')", "in a loop"),
    "raises": ("raise KeyError('what?')", "It raised KeyError: 'what?'."),
    "raises something odd": ("""class Odd(BaseException):
        def __str__(self): raise self
    raise Odd""", "It raised Odd."),
    "exits": ("import sys; sys.exit('bye')", "It raised SystemExit: bye."),
    "interrupts": ("raise KeyboardInterrupt", "It raised KeyboardInterrupt."),
    "ends its process": ("import os; os._exit(3)", "exit status 3"),
    "ends its process well": ("import os; os._exit(0)", "exit status 0"),
    "is killed": ("import os; os.kill(os.getpid(), 9)", "ended by SIGKILL"),
    "kills its group": ("import os; os.kill(0, 15)", "ended by SIGTERM"),
    "closes everything": ("import os; os.closerange(0, 4096)", "nothing at the path"),
    "recurses": ("return make_pipe(path)", "It raised RecursionError"),
    "asks the learner": ("input('Path? ')", "It raised EOFError"),
    "goes elsewhere": ("import os; os.chdir('/')", "nothing at the path"),
    "ends in a child": ("""import os
    if os.fork() == 0:
        os._exit(1)
    os.wait()""", "nothing at the path"),
    "leaves a child": ("""import os, time
    if os.fork() == 0:
        time.sleep(60)""", "nothing at the path"),
    "lets a child return": ("import os\n    if os.fork(): os.wait()", "nothing at the path"),
    "ignores signals": ("""import signal, time
    for number in signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGALRM:
        signal.signal(number, signal.SIG_IGN)
    while True: time.sleep(100)""", "does nothing more"),
    "crashes": ("import ctypes; ctypes.string_at(0)", "ended by SIGSEGV"),
    "is a generator": ("yield path", "nothing at the path"),
    "is a coroutine": ("import os; os.mkfifo(path)", "nothing at the path"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_the_check_survives_a_function_that(what):
    body, words = HOSTILE[what]
    begin = "async def" if "coroutine" in what else "def"
    fn = answer("make_pipe", f"{begin} make_pipe(path):\n    {body}\n")
    began = time.monotonic()
    verdict = check(fn)
    assert time.monotonic() - began < 5  # two seconds on a machine with nothing else
    assert not verdict.solved and words in verdict.hint, verdict


NONSENSE = {  # and how a hint shows it
    "...": "an ellipsis", "object()": "an object", "[[[[[[1]]]]]]": "[[[a list]]]",
    "lambda: 1": "a function", "float('nan')": "nan", "-float('inf')": "-inf", "1e300": "1e+300",
    "10 ** 5000": "an int", "10 ** 18": "1000000000000000000",
    "'\\ud800'": r"'\ud800'", "(1, 2)": "(1, 2)",
    "type('bytes', (bytes,), {})(b'x')": "a bytes", "{1: 2}": "a dict", "-1": "-1",
    "open": "a builtin_function_or_method", "('?', '')": "('?', '')", "('?', 5)": "('?', 5)",
    "('?', 'x')": "('?', 'x')", "{'an object'}": "a set", "[object(), {1}]": "[an object, a set]",
    "type('', (), {})()": "an object", "type('it\\'s \"q\"', (), {})()": 'an it\'s "q"',
    "type(type('str', (str,), {})('x'), (), {})()": "a x", "type('n' * 9999, (), {})()": "a nnn...",
    "Unnamed()": "an Unnamed", "type('int', (int,), {'__repr__': None})(5)": "an int",
    "type('list', (list,), {'__len__': None})()": "a list", "b'x' * (5 << 20)": "5,242,880 bytes",
    "['x' * (3 << 20)] * 2": "['xxx...", "[[[0] * 999] * 999] * 999": "[[[0, 0...",
    "[1] * 10_000": "a list", "True": "True", "None": "None", "bytearray(b'x')": "a bytearray",
}
UNNAMED = """
import builtins
class Meta(type):
    __name__ = property(lambda self: 1 / 0)
class Unnamed(BaseException, metaclass=Meta):
    errno = property(lambda self: 1 / 0)
    def __str__(self): return type("str", (str,), {"__getitem__": lambda *_: 1 / 0})("its text")
"""


@pytest.mark.parametrize("value", ["object()", "float('nan')", "('?', '')", "('?', 5)", "Unnamed()",
                                   "type('bytes', (bytes,), {})(b'x')", "b'x' * (5 << 20)"])
@pytest.mark.parametrize("name", ["read_message", "try_open_writer", "messages"])
def test_a_function_that_returns_nonsense_is_refused(name, value):
    verdict = check(answer(name, UNNAMED + f"def {name}(x):\n    return {value}\n"))
    assert not verdict.solved and verdict.hint and "whole process" not in verdict.hint, verdict


@pytest.mark.parametrize("value", NONSENSE)
def test_what_a_function_returns_is_shown_as_what_it_is(value):
    names = {}
    exec(f"{UNNAMED}value = {value}", names)
    sent = repr(plain(names["value"]))
    assert len(sent) < 6_000_000
    text = shown(ast.literal_eval(sent.encode(errors="backslashreplace").decode()))
    if NONSENSE[value].endswith("..."):
        assert text.startswith(NONSENSE[value][:-3]) and len(text) < 100, text
    else:
        assert text == NONSENSE[value]


@pytest.mark.parametrize("error, words", [
    ("Unnamed()", "It raised Unnamed: its text."),
    ("type('Odd', (Exception,), {'errno': True})('x')", "It raised Odd: x."),
    ("type('Odd', (Exception,), {'errno': type('int', (int,), {})(6)})('x')", "It raised Odd: x."),
    ("type('it\\'s', (Exception,), {})('a \\ud800')", "It raised it's: a \\ud800."),
    ("type('', (Exception,), {})()", "It raised an error without a name."),
    ("OSError(6, type('str', (str,), {'__str__': None})('odd'))", "raised OSError"),
    ("Exception('x' * 10_000_000)", "It raised Exception: xxx"),
    ("getattr(builtins, 'ExceptionGroup', Exception)('group', [OSError(6, 'x')])",
     "It raised Exception"),
    ("SystemExit(Unnamed())", "It raised SystemExit: its text."),
])
@pytest.mark.parametrize("name", ["try_open_writer", "read_with_deadline"])
def test_whatever_a_function_raises_is_told(name, error, words):
    verdict = check(answer(name, UNNAMED + f"def {name}(*args):\n    raise {error}\n"))
    assert words in verdict.hint and not verdict.solved, verdict


@pytest.mark.parametrize("made", [
    "type('C', (), {'__call__': print, '__getattr__': lambda self, name: 1 / 0})()",
    "type('C', (), {'__call__': print, '__name__': property(lambda self: [][0])})()",
    "type('C', (), {'__call__': print, '__name__': ['make_pipe']})()",
    "type('C', (), {'__call__': print, '__name__': type('str', (str,), {'__eq__': None})('x')})()",
])
def test_a_thing_whose_name_is_odd_is_refused(made):
    assert not check(eval(made)).solved


def test_what_a_function_prints_may_be_of_any_type():
    source = ("class Text(str):\n    __getitem__ = __radd__ = lambda self, other: self\n"
              "def make_pipe(path):\n    print(Text('here'), 5, '\\ud800', flush=True)\n")
    assert "It printed: here 5 \\ud800" in repr(check(answer("make_pipe", source)))


def test_a_function_that_is_ended_by_a_signal_without_a_name_is_told_which():
    verdict = check(answer("make_pipe", "def make_pipe(path):\n    os.kill(os.getpid(), 40)\n"))
    assert verdict.hint == "Its process was ended by signal 40."


def test_helpers_of_other_cells_and_imports_at_the_top_are_found():
    source = """
def is_pipe(path):
    return stat.S_ISFIFO(os.stat(path).st_mode)
def make(mode):
    def make_pipe(path):
        try:
            os.mkfifo(path, mode)
        except FileExistsError:
            if not is_pipe(path):
                raise
    return functools.wraps(make_pipe)(lambda path: make_pipe(path))
make_pipe = make(0o600)
"""
    assert check(answer("make_pipe", source)).solved


def test_what_a_function_prints_is_shown_up_to_a_limit():
    source = "def make_pipe(path):\n    print('here', flush=True)\n    print('y' * 9999)\n"
    verdict = check(answer("make_pipe", source))
    assert "It printed: here\nyyy" in repr(verdict)
    assert len(repr(verdict)) < 10_000


def test_a_server_may_open_a_file_object_on_its_descriptor_for_each_message():
    source = """
def serve(path, handle):
    fd, rest = os.open(path, os.O_RDONLY), b""
    def read():
        with open(fd, "rb", buffering=0, closefd=False) as file:
            return file.read(4096)
    try:
        while True:
            piece = read()
            if not piece:
                with open(path, "wb"):
                    rest, piece = b"", read()
            *messages, rest = (rest + piece).split(b"\\n")
            for message in messages:
                handle(message)
    finally:
        os.close(fd)
"""
    assert check(answer("serve", source)).solved


def test_a_function_without_an_exercise_is_told_which_there_are():
    verdict = check(len)
    assert not verdict.solved
    assert "make_pipe" in repr(verdict) and "read_with_deadline" in repr(verdict)


def test_what_a_handler_raises_while_a_call_is_noted_comes_through(monkeypatch):
    def late(*_):
        raise TimeoutError("the time is up")

    log = run.Log()
    log._pid = os.getpid()
    monkeypatch.setattr(run.json, "dumps", late)
    with pytest.raises(TimeoutError):
        log._put({"pid": os.getpid()})
    monkeypatch.setattr(observed.os, "fsdecode", late)
    with pytest.raises(TimeoutError):
        observed._note_open("open", ["my_pipe"])



@pytest.mark.parametrize("thing", [None, "make_pipe", 3, lambda path: None])
def test_what_is_no_function_of_an_exercise_is_refused(thing):
    assert not check(thing).solved


def test_a_hint_names_the_line_that_waits():
    verdict = check(answer("read_message", "def read_message(path):\n    time.sleep(99)\n"))
    assert "It waits in the line `time.sleep(99)`" in verdict.hint, verdict


UNTRUE_ONCE = {  # what a hint said that was not so; now it says what is so
    "a silent writer": (
        "read_message", "fd = os.open(path, os.O_RDONLY)\n    os.set_blocking(fd, False)\n    try:"
        " return os.read(fd, 9)\n    except BlockingIOError: return b''\n    finally: os.close(fd)",
        "BlockingIOError while one has it open and is silent", "No bytes means"),
    "a silent writer and a deadline": (
        "read_with_deadline", "fd = os.open(path, os.O_RDONLY)\n    os.set_blocking(fd, False)\n"
        "    try: return os.read(fd, 9)\n    except BlockingIOError: return b''\n"
        "    finally: os.close(fd)",
        "a writer had the pipe open and was silent", "before a writer had come"),
    "a wait that is no read": (
        "read_message", "os.open(path, os.O_RDONLY)\n    time.sleep(99)",
        "If it holds a write end", "It holds a write end"),
    "a loop before any writer": (
        "read_message", "while True: pass", "It runs in a loop", "it goes on reading"),
    "a loop before any writer comes to a server": (
        "serve", "while True: pass", "It runs in a loop", "Between two writers it runs"),
    "a server that ends while its writer is there": (
        "serve", "fd = os.open(path, os.O_RDONLY)\n    args[0](os.read(fd, 99)[:-1])",
        "It returned, and a server stays", "when the first writer closed"),
    "a message twice": (
        "messages", "for _ in range(2): yield b'first'\n    os.read(path, 9)",
        "where no further message was", "before the newline had come"),
    "a message twice to a server": (
        "serve", "fd = os.open(path, os.O_RDWR)\n    while True:\n"
        "        m = os.read(fd, 99)[:-1]\n        args[0](m), args[0](m)",
        "no further message", "the piece of a message"),
    "a wait that is no open": (
        "ask", "time.sleep(99)", "Open them in the same order", "waits for the server in its open"),
    "a wait before the deadline": (
        "try_open_writer", "time.sleep(99)", "Nobody reads, and it waits", "It waits for a reader"),
    "a wait long after the deadline": (
        "read_with_deadline", "if args[0] > 9:\n        with open(path, 'rb') as file:\n"
        "            return file.read()\n    time.sleep(99)",
        "waits on long after the deadline", "in its open long after"),
    "a sleep that ends": ("make_pipe", "time.sleep(1)", "does nothing more", "nothing will ever"),
    "a pipe in the place of what was there": (
        "make_pipe", "try: os.mkfifo(path, 0o600)\n    except FileExistsError:\n"
        "        if os.path.isfile(path): os.unlink(path), os.mkfifo(path, 0o600)",
        "put a pipe in its place", "does not get a pipe"),
    "no regular file": ("try_open_writer", """
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        os.mkdir(path)
    except OSError:
        return None""", "it made something there", "regular file"),
}


@pytest.mark.parametrize("what", UNTRUE_ONCE)
def test_a_hint_tells_no_more_than_the_check_has_seen(what):
    name, body, words, untrue = UNTRUE_ONCE[what]
    hint = check(answer(name, f"def {name}(path, *args):\n    {body}\n")).hint
    assert words in hint and untrue not in hint, hint


# ---------------------------------------------------------------- in a notebook


def test_a_check_in_a_kernel_neither_hangs_nor_disturbs_it(kernel):
    kernel.run("import os, asyncio, time\nfrom pipe_helpers import exercises")
    kernel.run("""
        def helper(path):
            with open(path, "rb") as file:
                return file.read()

        def read_message(path):
            async def read():
                return await asyncio.to_thread(helper, path)
            return asyncio.run(read())
    """)
    printed, error = kernel.run("print(exercises.check(read_message))", timeout=30)
    assert error is None and "read_message: solved" in printed, (printed, error)
    kernel.run("def read_message(path):\n    os.closerange(3, 4096)\n    print('x')\n"
               "    while True: time.sleep(60)")
    printed, error = kernel.run("print(exercises.check(read_message))", timeout=30)
    assert error is None and "`while True: time.sleep(60)`" in printed, (printed, error)
    assert kernel.run("print(os.getcwd() is not None)") == ("True\n", None)


# ---------------------------------------------------------------- nothing is left


def test_the_learners_process_ends_with_a_killed_notebook(python, until, alive, tmp_path):
    process = python(f"""
        import os, sys, time
        sys.stdout.reconfigure(line_buffering=True)
        from pipe_helpers.exercises.learner import Learner
        def act(report, fn):
            report("pid", os.getpid())
            time.sleep(60)
        learner = Learner({str(tmp_path)!r}, act, None)
        learner.start()
        print(learner.next()[1])
        time.sleep(60)
    """)
    pid = int(process.stdout.readline())
    assert alive(pid)
    process.kill()
    until(lambda: not alive(pid), "the end of the learner's process")


def test_a_notebook_killed_when_the_keeper_does_not_yet_know_the_process_never_calls_the_function(
        python, until, alive, tmp_path, own_folder):
    process = python(f"""
        import os, signal
        from pipe_helpers.exercises import check, learner
        def keep(pid):
            print(pid, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        learner.keep = keep
        def make_pipe(path):
            open({str(tmp_path / "called")!r}, "w").close()
        check(make_pipe)
    """)
    pid = int(process.stdout.readline())
    until(lambda: not alive(pid), "the end of the learner's process")
    until(lambda: os.listdir(own_folder) == [], "no folder is left")
    assert not (tmp_path / "called").exists()


FORK = """
    import _thread, os, signal, time
    from pipe_helpers.exercises import check
    notebook, fork = os.getpid(), os.fork
    def fork_and_interrupt():
        pid = fork()
        if os.getpid() {} notebook:
            os.kill(os.getpid(), signal.SIGINT)
        return pid
    os.fork = fork_and_interrupt
    def make_pipe(path):
        os.mkfifo(path, 0o600)
    try:
        print(check(make_pipe).points["makes a named pipe with the mode 0o600"])
    except KeyboardInterrupt:
        print("interrupted", os.getpid() == notebook)
    while _thread._count():  # what was made may be undone by another thread
        time.sleep(0.001)
    try:
        os.waitpid(-1, 0)
    except ChildProcessError:
        print("no child")
"""


@pytest.mark.parametrize("which, told", [("!=", "True"), ("==", "interrupted True")])
def test_an_interrupt_right_after_the_fork_leaves_no_child_and_no_second_notebook(
        python, own_folder, which, told):
    process = python(FORK.format(which), env={**os.environ, "KIT_STATE": ""})
    assert process.communicate(timeout=20) == (f"{told}\nno child\n", "")
    assert os.listdir(own_folder) == []


def test_an_interrupt_while_a_process_is_forked_leaves_no_folder(left, until, monkeypatch):
    removed, start, remove = threading.Event(), Learner._start, trial.remove_folder

    def late(learner):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        removed.wait(10)
        start(learner)

    def remove_in_vain_once(folder):  # as if the socket came when all else had been removed
        if removed.is_set():
            remove(folder)
        removed.set()

    monkeypatch.setattr(Learner, "_start", late)
    monkeypatch.setattr(trial, "remove_folder", remove_in_vain_once)
    with pytest.raises(KeyboardInterrupt):
        solve()
    until(lambda: left() == [], "nothing is left")


def test_an_interrupt_after_any_step_of_a_check_leaves_nothing(left, until):
    fn = answer("make_pipe", "def make_pipe(path):\n    os.mkfifo(path)\n    time.sleep(0.02)\n")
    for step in itertools.chain(range(1, 100), range(100, 10_000, 7)):
        _, interrupted = interrupted_at(step, lambda: check(fn))
        until(lambda: left() == [], f"nothing is left after an interrupt at step {step}", 3)
        if not interrupted:
            break
    assert 100 < step < 9_000


SIBLINGS = """
def make_pipe(path):
    os.mkfifo(path)
    rows = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True)
    rows = [row.split(None, 2) for row in rows.stdout.splitlines()]
    mine = {str(os.getppid())}
    for _ in range(4):  # children, grandchildren, ...
        mine |= {pid for pid, parent, _ in rows if parent in mine and pid != str(os.getpid())}
    for pid, _, words in rows:
        if pid in mine and int(pid) != os.getppid() and WORD in words:
            os.kill(int(pid), signal.SIGKILL)
    THEN
"""


@pytest.mark.parametrize("then", ["return", "time.sleep(99)", "while True: time.sleep(0.01)"])
@pytest.mark.parametrize("word", ["keeper.sh", "console.sh", "puppet_program", ""])
def test_a_check_comes_to_its_end_though_the_function_kills_its_siblings(word, then, left):
    source = SIBLINGS.replace("WORD", repr(word)).replace("THEN", then)
    verdict = check(answer("make_pipe", f"import signal\n{source}"))
    assert not verdict.solved and verdict.hint
    assert solve().solved  # the next one has all that it needs


DAEMONS = {
    "by fork": """
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            with open(told, "a") as file:
                print(os.getpid(), file=file)
            time.sleep(60)
        os._exit(0)
    os.wait()""",
    "by another program": """
    import subprocess
    sleeper = subprocess.Popen(["sleep", "60"], start_new_session=True)
    with open(told, "a") as file:
        print(sleeper.pid, file=file)""",
}

if os.path.isdir("/proc/self"):
    @pytest.mark.parametrize("way", DAEMONS)
    def test_a_process_that_the_function_starts_in_another_session_ends_with_the_check(
            way, tmp_path, until, alive):
        told = tmp_path / "told"
        source = f"def make_pipe(path, told={str(told)!r}):{DAEMONS[way]}\n    os.mkfifo(path)\n"
        check(answer("make_pipe", source))
        pids = list(map(int, told.read_text().split()))
        until(lambda: not any(map(alive, pids)), "all of them have ended", 2)
        assert pids


# ---------------------------------------------------------------- progress


def solve(name="make_pipe"):
    return check(answer(name, solutions()[name]))


def test_a_solved_exercise_is_noted_where_KIT_STATE_says(tmp_path, monkeypatch):
    state = tmp_path / "a" / "state"
    monkeypatch.setenv("KIT_STATE", str(state))
    assert f"0 of {len(EXERCISES)}" in repr(progress())
    assert not check(answer("make_pipe", STUB.format("make_pipe"))).solved
    assert f"0 of {len(EXERCISES)}" in repr(progress())
    assert solve().remark is None
    assert f"1 of {len(EXERCISES)}" in repr(progress())
    solve("try_open_writer")
    solve("try_open_writer")
    assert notes.noted("solved").keys() == {"make_pipe", "try_open_writer"}
    assert sorted(os.listdir(state)) == ["make_pipe.solved", "try_open_writer.solved"]


def test_what_an_older_version_has_noted_still_counts(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_STATE", str(tmp_path))
    (tmp_path / "progress.json").write_text('{"solved": ["make_pipe", "messages"]}')
    notes.keep("solved", "serve")
    assert notes.noted("solved").keys() == {"make_pipe", "messages", "serve"}
    assert f"3 of {len(EXERCISES)}" in repr(progress())


def test_notebooks_that_note_at_once_lose_none(tmp_path, monkeypatch, python):
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    noting = [python(f"""
        import sys
        from pipe_helpers.exercises import EXERCISES
        from pipe_helpers.remembering import notes
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(20):
            for name in EXERCISES:
                notes.keep("solved", f"{{name}}_{{number}}_{process}")
    """, stdin=subprocess.PIPE) for process in range(4)]
    for process in noting:
        assert process.stdout.readline() == "ready\n"
    for process in noting:  # now all at once
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in noting:
        assert process.wait(20) == 0
    assert len(notes.noted("solved")) == 4 * 20 * len(EXERCISES)


def test_without_KIT_STATE_it_is_where_xdg_says(tmp_path, monkeypatch):
    monkeypatch.delenv("KIT_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert notes.folder() == tmp_path / "named-pipes-kit"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    in_home = tmp_path / ".local" / "state" / "named-pipes-kit"
    assert notes.folder() == in_home
    monkeypatch.delenv("XDG_STATE_HOME")
    assert notes.folder() == in_home


def test_where_nothing_can_be_written_one_line_says_so(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "file" / "state"))
    verdict = solve()
    assert verdict.solved
    assert "\n(This could not be noted in" in repr(verdict)
    assert f"0 of {len(EXERCISES)}" in repr(progress())


@pytest.mark.parametrize("text", ["", "[]", "{", '{"solved": 3}', '{"solved": [1, {}]}', "\\xff"])
def test_a_damaged_file_of_an_older_version_counts_as_empty(tmp_path, monkeypatch, text):
    monkeypatch.setenv("KIT_STATE", str(tmp_path))
    (tmp_path / "progress.json").write_bytes(text.encode("latin-1"))
    assert notes.noted("solved") == {}
    solve()
    assert notes.noted("solved").keys() == {"make_pipe"}


def test_exercises_are_imported_without_matplotlib_or_ipywidgets(facts_of, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    loaded = facts_of("""
        import sys
        from pipe_helpers import exercises
        facts = [name for name in ("matplotlib", "ipywidgets", "IPython") if name in sys.modules]
    """)
    assert loaded == [] and exercises.check is check
