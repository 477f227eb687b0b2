"""Start a program in a console of its own, as a process unrelated to this one.

The program's parent is a small shell (console.sh), its session is that shell's, and it gets no
descriptor of ours. When this process ends, however it ends, the keeper kills the program.
"""
import contextlib
import errno
import os
import select
import shutil
import signal
import subprocess
import sys
import threading

from pipe_helpers.processes import asleep
from pipe_helpers.keeping.folder import check_room, make_folder, remove_folder
from pipe_helpers.keeping.keeper import forget, keep
from pipe_helpers.keeping.lifeline import Lifeline
from pipe_helpers.keeping.one_go import in_one_go

_HERE = os.path.dirname(os.path.abspath(__file__))
_PROGRAMS = os.path.join(os.path.dirname(_HERE), "programs")
_CONSOLE = os.path.join(_HERE, "console.sh")
_WRITER = os.path.join(_PROGRAMS, "write_to_named_pipe.py")
_READER = os.path.join(_PROGRAMS, "read_from_named_pipe.py")
_START_LIMIT = 30  # seconds for a shell to start, on a machine that is very busy
_MOST = 8 << 20  # bytes kept of what a program has written

_running = set()
os.register_at_fork(after_in_child=_running.clear)  # a forked child has started none of them


def launch(program, *args, cwd=None, trace=None):
    """Start a program in a console of its own and return at once.

    program: a command found on PATH, the path of an executable file, or a path that ends in
    ".py", which this Python runs. args: text, bytes, paths and numbers; they reach it as text.
    cwd is its working directory, by default the current one. trace is a `trace` that records
    its system calls, if it is a Python program.

    Standard input is empty; standard output and error are kept (see `Program`). Nothing else
    is inherited but the environment, in which PYTHONUNBUFFERED makes Python's prints appear
    at once, as they would in a real console, and PYTHON_COLORS keeps colours out of what is
    kept, although the notebook's kernel asks for them.

    Blocks for some milliseconds, until the program has a PID. Raises FileNotFoundError,
    PermissionError or IsADirectoryError if the program can't be run, TypeError for an argument
    None, ValueError for one with a NUL byte or a trace of a program that is not Python, OSError
    if the system refuses another process [fork(2), execve(2)] or has no room for what it prints.
    """
    return in_one_go(
        _text(program),
        lambda: _start(program, args, cwd, trace),
        undo=lambda started: started.running and started._end(),
        after=Program._watch,
    )


def _start(program, args, cwd, trace):
    place = _place(cwd)
    command = [*_command(program), *map(_text, args)]
    started = command if trace is None else trace.command(command)
    folder = make_folder("named_pipes_console_")
    go = report = report_end = console = pid = None
    try:
        go = Lifeline()
        report, report_end = os.pipe()
        console = subprocess.Popen(
            ["sh", _CONSOLE, folder, *started],
            stdin=go.reader,
            stdout=report_end,
            start_new_session=True,
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHON_COLORS": "0"},
        )
        os.close(report_end)
        report_end = None
        pid = _first_report(report, folder, command)
        # The program may begin a session of its own, so the console's is not enough.
        keep(console.pid, pid)
        program = Program(command, place, folder, console, pid, report)
        go.write(b"\n")
        return program
    except BaseException:
        if console is not None:
            _kill_group(console)  # it is there until it is waited for
            forget(console.pid, pid)
            console.wait()
        if report is not None:
            os.close(report)
        remove_folder(folder)
        raise
    finally:
        if go is not None:
            go.cut()
            os.close(go.reader)
        if report_end is not None:
            os.close(report_end)


def launch_writer(path="my_pipe", *, cwd=None, trace=None):
    """Start programs/write_to_named_pipe.py on the FIFO at path: see `launch`."""
    return launch(_WRITER, "--", path, cwd=cwd, trace=trace)  # its name may start with a dash


def launch_reader(path="my_pipe", *, cwd=None, trace=None):
    """Start programs/read_from_named_pipe.py on the FIFO at path: see `launch`."""
    return launch(_READER, "--", path, cwd=cwd, trace=trace)


def running_programs():
    """Return the programs started by `launch` in this process that have not ended."""
    return list(_running)


class Program:
    """A program started by `launch`.

    pid: its process ID. name: its file name. command: the list it was started with.
    cwd: its working directory, as an absolute path free of symbolic links.
    listed: False if `leftovers` is not to count it.

    If it writes more than 8 MiB to its standard output, or error, the first and the last 4 MiB
    are kept, with a line between them that says how much is left out.
    """

    listed = True

    def __init__(self, command, cwd, folder, console, pid, report):
        self.command = command
        self.cwd = cwd
        self.pid = pid
        self._folder = folder
        self._console = console
        self._report = report  # the descriptor that the console reports to
        self._pidfd = _open_pidfd(pid)
        # Guards the pidfd: once it is closed, its number may be another's.
        self._in_use = threading.Lock()
        self._told = False  # whether the console has told of the end; the PID may be another's then
        self._status = -signal.SIGKILL  # unless it tells another
        self._texts = {}
        self._ended = threading.Event()
        _running.add(self)

    @property
    def name(self):
        command = self.command
        is_script = command[0] == sys.executable and command[1:] and command[1].endswith(".py")
        return os.path.basename(command[1] if is_script else command[0])

    @property
    def running(self):
        """True until the program has ended. Never blocks."""
        return not self._ended.is_set()

    @property
    def output(self):
        """What the program has written to its standard output so far, as text."""
        return self._text_of("output")

    @property
    def errors(self):
        """What the program has written to its standard error so far, as text."""
        return self._text_of("errors")

    def wait(self, timeout=10):
        """Wait until the program has ended and return its exit status.

        A negative status is the signal that ended it, as in `subprocess`; the console, a shell,
        tells an exit status 128 + n and the end by signal n alike, and both are -n here
        [sh(1posix), Exit Status for Commands]. Blocks for at most timeout seconds (None: for
        ever), then raises TimeoutError; the program runs on.
        """
        if not self._ended.wait(timeout):
            raise TimeoutError(
                f"{self.name}, pid {self.pid}, is still running after {timeout:g} s: it may be "
                "blocked on a pipe whose other end nobody uses. Open that end, or kill() it"
            )
        return self._status

    def wait_blocked(self, timeout=10):
        """Wait until the program sleeps in a system call, as an open or read that waits does.

        It sleeps if its main thread was asleep twice, 5 ms apart, and not awake in between.
        Raises RuntimeError if the program ends instead, and TimeoutError after timeout seconds
        (None: never).
        """
        def looking():
            return asleep.sample(self.pid)

        if not asleep.wait_asleep(looking, timeout, self._ended.wait):
            if self.running:
                raise TimeoutError(f"{self!r} is not blocked after {timeout:g} s: it computes")
            raise RuntimeError(f"{self!r} is not blocked: it has ended. {self.errors}".strip())

    def kill(self):
        """End the program with SIGKILL and wait until it is gone. Returns its exit status."""
        if self.running:
            self._end()
        return self.wait()

    def __repr__(self):
        if self.running:
            state = "running"
        elif self._status < 0:
            state = f"ended by {_signal_name(-self._status)}"
        else:
            state = f"exit status {self._status}"
        return f"<{self.name}, pid {self.pid}, {state}>"

    def _end(self):
        with self._in_use, contextlib.suppress(ProcessLookupError):  # it has just ended by itself
            if self._pidfd is not None:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            elif not self._told:
                os.kill(self.pid, signal.SIGKILL)

    def _watch(self):
        with contextlib.ExitStack() as at_last:  # all of this is done, from below, whatever fails
            at_last.callback(self._ended.set)
            at_last.callback(_running.discard, self)
            at_last.callback(remove_folder, self._folder)
            at_last.callback(self._keep_texts)
            at_last.callback(self._console.wait)
            at_last.callback(forget, self._console.pid, self.pid)
            # Before the files are read: perhaps there is no other descriptor free.
            at_last.callback(self._close)
            at_last.callback(_kill_group, self._console)  # what the program has left
            at_last.callback(self._end)  # if somebody has killed the console
            if line := _read_line(self._report):
                self._told = True
                self._status = _exit_status(int(line.split()[1]))

    def _close(self):
        os.close(self._report)
        with self._in_use:
            if self._pidfd is not None:
                os.close(self._pidfd)
                self._pidfd = None

    def _keep_texts(self):
        for name in ("output", "errors"):
            self._texts[name] = self._read(name)
        self._texts["errors"] += self._what_may_be_missing()

    def _what_may_be_missing(self):
        try:
            check_room(self._folder)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                return (
                    f"(Some of what {self.name} printed may be missing: "
                    f"{os.path.dirname(self._folder)} takes no more. {error.strerror})\n"
                )
        return ""

    def _text_of(self, name):
        text = self._read(name)
        return self._texts.get(name, text)  # _watch may have removed the file meanwhile

    def _read(self, name):
        try:
            with open(os.path.join(self._folder, name), "rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size <= _MOST:
                    return file.read(_MOST).decode(errors="replace")
                first = file.read(_MOST // 2).decode(errors="replace")
                file.seek(size - _MOST // 2)
                last = file.read(_MOST // 2).decode(errors="replace")
                return f"{first}\n({size - _MOST:,} bytes are left out here)\n{last}"
        except FileNotFoundError:  # killed before it came to write, or see _text_of
            return ""
        except (OSError, MemoryError) as error:
            return f"(What {self.name} has written can't be read: {error or 'no memory'})\n"


def _kill_group(console):
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: all are zombies
        os.killpg(console.pid, signal.SIGKILL)


def _place(cwd):
    """The working directory of a program, as an absolute path free of symbolic links."""
    try:
        return os.path.realpath(os.getcwd() if cwd is None else cwd)
    except FileNotFoundError:  # by getcwd, which names no path
        raise FileNotFoundError(
            errno.ENOENT,
            "The current folder has been removed: run the cell with workspace() again, or "
            "os.chdir to another, then run this cell again",
        ) from None


def _command(program):
    """The words that start the program, or an OSError that tells why it can't be started."""
    program = _text(program)
    if program.endswith(".py"):
        script = os.path.abspath(program)
        _open_to_look(script).close()
        return [sys.executable, script]
    if os.path.dirname(program):
        program = os.path.abspath(program)
    found = shutil.which(program)
    if found is None:
        if os.path.isdir(program):
            raise IsADirectoryError(errno.EISDIR, "Is a directory, not a program", program)
        if os.path.dirname(program) and os.path.exists(program):
            reason = "Not executable: chmod +x makes it so"
            raise PermissionError(errno.EACCES, reason, program)
        raise FileNotFoundError(errno.ENOENT, "No such program", program)
    found = os.path.abspath(found)  # PATH may name folders as seen from here, not from cwd
    interpreter = _interpreter(found)
    if interpreter and not (os.path.isfile(interpreter) and os.access(interpreter, os.X_OK)):
        reason = f"Its first line names an interpreter that can't be run, {interpreter}"
        raise FileNotFoundError(errno.ENOENT, reason, found)
    return [found]


def _interpreter(path):
    try:
        with _open_to_look(path) as file:
            first_line = file.readline(256)
    except PermissionError:  # may be executed, but not read
        return None
    words = first_line[2:].split() if first_line.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words else None


def _open_to_look(path):
    # The path of a FIFO must not block us here [fifo(7)].
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))


def _text(value):
    if isinstance(value, (str, bytes, os.PathLike)):
        value = os.fsdecode(value)
    elif value is None:
        raise TypeError("None is no argument for a program: leave it out, or give the text 'None'")
    else:
        value = str(value)
    if "\0" in value:
        raise ValueError(f"no program can take an argument with a NUL byte: {value!r}")
    return value


def _first_report(report, folder, command):
    reported = select.poll()  # select.select takes no descriptor above 1023
    reported.register(report, select.POLLIN)
    if not reported.poll(1000 * _START_LIMIT):
        raise TimeoutError(f"no console for {command[0]!r} within {_START_LIMIT} s: is the "
                           "machine overloaded?")
    line = _read_line(report)
    if line.startswith("PID "):
        return int(line.split()[1])
    check_room(folder)
    with open(os.path.join(folder, "console"), errors="replace") as file:
        reason = file.read().strip()
    if "fork" in reason:  # dash: "Cannot fork", bash: "fork: Resource temporarily unavailable"
        raise BlockingIOError(errno.EAGAIN, reason)
    raise OSError(f"the console of {command[0]!r} did not start: {reason}")


def _read_line(fd):
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(fd, 1)
        if not byte:
            break
        line += byte
    return line.decode()


def _signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _open_pidfd(pid):
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # not Linux, or the program has already ended
        return None


def _exit_status(status):
    """The exit status that `subprocess` would give, from the one that a shell gives."""
    return 128 - status if 128 < status < 128 + signal.NSIG else status
