"""Start a program in a console of its own, as a process unrelated to this one.

The program's parent is a small shell (console.sh), its session is that shell's, and it gets no
descriptor of ours. When this process ends, however it ends, the shell kills the program.
"""
import errno
import fcntl
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time

from pipe_helpers.processes import asleep
from pipe_helpers.keeping.folder import check_room, private_folder
from pipe_helpers.keeping.lifeline import Lifeline
from pipe_helpers.keeping.one_go import in_one_go

_HERE = os.path.dirname(os.path.abspath(__file__))
_PROGRAMS = os.path.join(os.path.dirname(_HERE), "programs")
_CONSOLE = os.path.join(_HERE, "console.sh")
_WRITER = os.path.join(_PROGRAMS, "write_to_named_pipe.py")
_READER = os.path.join(_PROGRAMS, "read_from_named_pipe.py")
_START_LIMIT = 30  # seconds for a shell to start, on a machine that is very busy

_running = set()
os.register_at_fork(after_in_child=_running.clear)  # a forked child has started none of them


def launch(program, *args, cwd=None, trace=None):
    """Start a program in a console of its own and return at once.

    program: a command found on PATH, the path of an executable file, or a path that ends in
    ".py", which this Python runs. args reach it as they are; numbers and paths become text.
    cwd is its working directory, by default the current one. trace is a `trace` that records
    its system calls, if it is a Python program.

    Standard input is empty; standard output and error are kept (see `Program`). Nothing else
    is inherited but the environment, in which PYTHONUNBUFFERED makes Python's prints appear
    at once, as they would in a real console, and PYTHON_COLORS keeps colours out of what is
    kept, although the notebook's kernel asks for them.

    Blocks for some milliseconds, until the program has a PID. Raises FileNotFoundError,
    PermissionError or IsADirectoryError if the program can't be run, ValueError for an
    argument with a NUL byte or a trace of a program that is not Python, OSError if the system
    refuses another process [fork(2), execve(2)] or has no room for what it prints.
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
    folder = private_folder("named_pipes_console_")
    lifeline = report = report_end = console = None
    try:
        lifeline = Lifeline()
        report, report_end = os.pipe()
        console = subprocess.Popen(
            ["sh", _CONSOLE, folder, *started],
            stdin=lifeline.reader,
            stdout=report_end,
            start_new_session=True,
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHON_COLORS": "0"},
        )
        os.close(report_end)
        report_end = None
        pid = _first_report(report, folder, command)
        return Program(command, place, folder, lifeline, console, pid, report)
    except BaseException:
        if lifeline is not None:
            lifeline.cut()
        if console is not None:
            console.wait()
        if report is not None:
            os.close(report)
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        if lifeline is not None:
            os.close(lifeline.reader)
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
    """

    listed = True

    def __init__(self, command, cwd, folder, lifeline, console, pid, report):
        self.command = command
        self.cwd = cwd
        self.pid = pid
        self._folder = folder
        self._lifeline = lifeline
        self._console = console
        self._report = report  # the descriptor that the console reports to
        self._pidfd = _open_pidfd(pid)
        self._status = None
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

        A negative status is the signal that ended it, as in `subprocess`. Blocks for at most
        timeout seconds (None: for ever), then raises TimeoutError; the program runs on.
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
        Raises RuntimeError if the program ends instead, and TimeoutError after timeout seconds.
        """
        deadline = time.monotonic() + timeout
        before = None
        while True:
            now = asleep.sample(self.pid)
            if self._ended.wait(asleep.PAUSE):
                raise RuntimeError(f"{self!r} is not blocked: it has ended. {self.errors}".strip())
            if now is not None and now == before:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self!r} is not blocked after {timeout:g} s: it computes")
            before = now

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
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has just ended by itself

    def _watch(self):
        line = _read_line(self._report)
        if line:
            self._status = _exit_status(int(line.split()[1]), self._pidfd)
        else:  # somebody killed the console: end what it has left
            self._status = -signal.SIGKILL
            for kill, pid in (os.kill, self.pid), (os.killpg, self._console.pid):
                try:
                    kill(pid, signal.SIGKILL)
                except OSError:  # ended as well
                    pass
        # Before the files are read: perhaps there is no other descriptor free.
        os.close(self._report)
        if self._pidfd is not None:
            os.close(self._pidfd)
        for name in ("output", "errors"):
            self._texts[name] = self._read(name)
        self._texts["errors"] += self._what_may_be_missing()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._lifeline.cut()  # the console has waited for that
        self._console.wait()
        _running.discard(self)
        self._ended.set()

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
                return file.read().decode(errors="replace")
        except FileNotFoundError:  # killed before it came to write, or see _text_of
            return ""


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


def _exit_status(status, pidfd):
    """The exit status that `subprocess` would give, from the one that a shell gives.

    A shell reports signal n as 128 + n, which a program may return by itself, too. Linux tells
    them apart since 6.15 (PIDFD_GET_INFO in <linux/pidfd.h>). Elsewhere, and when the program had
    ended before its pidfd could be opened, the signal is assumed.
    """
    if not 128 < status < 128 + signal.NSIG:
        return status
    exit_wanted, layout = 1 << 3, "QQ11IiII"
    get_info = 3 << 30 | struct.calcsize(layout) << 16 | 0xFF << 8 | 11
    info = bytearray(struct.pack(layout, exit_wanted, *[0] * 15))
    try:
        fcntl.ioctl(pidfd, get_info, info)
    except (TypeError, OSError):  # no pidfd, or an older kernel
        return 128 - status
    given, *_, wait_status, _, _ = struct.unpack(layout, info)
    return os.waitstatus_to_exitcode(wait_status) if given & exit_wanted else 128 - status
