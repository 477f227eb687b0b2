"""A process driven by hand, one system call at a time, while the notebook never blocks."""
import errno
import itertools
import operator
import os
import socket
import stat
import tempfile
import threading
import time
from dataclasses import replace
from multiprocessing.connection import Connection

from pipe_helpers.processes import asleep
from pipe_helpers.recording.calls import Call, Data, error_text, flags_text
from pipe_helpers.processes.console import launch
from pipe_helpers.keeping.folder import KeptFolder
from pipe_helpers.keeping.one_go import in_one_go

_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "puppet_program.py")
_START_LIMIT = 30  # seconds for a Python to start, on a machine that is very busy
_LARGEST = 1 << 22  # bytes: more than a pipe holds, even one of 16 pages of 64 KiB [pipe(7)]
_HEAD = 64  # bytes of data kept in the record of a call
_CALLS = ("mkfifo", "open", "write", "read", "close", "unlink")

_running = set()


def running_puppets():
    """Return the puppets of this process that have not ended."""
    return [puppet for puppet in list(_running) if puppet.running]


class Puppet:
    """An unrelated process that makes the system calls it is told, one at a time.

        with Puppet("writer") as writer:
            opening = writer.open("my_pipe", os.O_WRONLY)   # returns at once
            writer.wait_blocked()                           # "open": no reader yet
            ...                                             # somebody opens the other end
            fd = opening.result()
            writer.write(fd, b"Hello").result()

    role: what the process is in the lesson. cwd: its working directory, by default the
    current one. Starting takes about 0.1 s; RuntimeError if it does not start.

    mkfifo, open, write, read, close and unlink press a call and return a `Press` at once. An
    error of the system call itself (ENOENT, EPIPE, ...) is the call's result. A mistake in the
    pressing raises here, and the puppet lives on: RuntimeError for a call pressed while
    another is under way or after the end, ValueError for a path that is no FIFO, a descriptor
    it does not have, or data above 1 MiB, TypeError for text in place of bytes.

    It ends with end(), at the end of a `with` block, and with this process, however that ends.

    pid: its process ID. cwd: as an absolute path. All methods may be used from any thread.
    on_change: called, in some thread, after a call was entered or left and at the end. It must
    be quick and must not use the puppet: threading.Event().set is right.
    listed: False if `leftovers` is not to count it, because somebody else ends it.
    """

    def __init__(self, role="puppet", *, cwd=None, on_change=lambda: None, listed=True):
        self.role = role
        self.on_change = on_change
        self._questions = itertools.count()
        self._fills = {}  # the answers that somebody waits for
        self._presses = []
        self._descriptors = {}
        self._changed = threading.Condition()  # its lock guards all of this and the connection
        self._lost = False
        in_one_go(
            f"the puppet {role}",
            lambda: self._begin(cwd, listed),
            undo=Puppet.end,
            after=Puppet._watch,
        )

    def mkfifo(self, path, mode=0o666):
        """Press mkfifo [mkfifo(3)]. Its result is None."""
        return self.press("mkfifo", path, mode)

    def open(self, path, flags):
        """Press open [open(2), fifo(7)]. Its result is a descriptor."""
        return self.press("open", path, flags)

    def write(self, fd, data):
        """Press write [write(2)] of data: bytes, or a number of bytes to make up (dots).

        Its result is the count of bytes written; less than the data if it was cancelled.
        """
        return self.press("write", fd, data)

    def read(self, fd, n):
        """Press read of at most n bytes [read(2)]. Its result are the bytes."""
        return self.press("read", fd, n)

    def close(self, fd):
        """Press close [close(2)]. Its result is None."""
        return self.press("close", fd)

    def unlink(self, path):
        """Press unlink of a FIFO [unlink(2)]. Its result is None."""
        return self.press("unlink", path)

    def press(self, name, *args):
        """Press the call of that name, as in press("open", "my_pipe", os.O_RDONLY)."""
        if name not in _CALLS:
            raise ValueError(f"a puppet makes the calls {', '.join(_CALLS)}, not {name!r}")
        with self._changed:
            self._take_reports()
            if self._lost:
                raise RuntimeError(f"{self._who} has ended: make a new Puppet, then {name}")
            if under_way := self._under_way():
                raise RuntimeError(
                    f"{self._who} is still in {under_way.text}: cancel() it, or do what it "
                    f"waits for, then {name}"
                )
            command, shown, fifo = getattr(self, f"_check_{name}")(*args)
            press = Press(self, name, shown, fifo)
            try:
                self._control.send((name, command))
            except OSError:
                raise RuntimeError(f"{self._who} has just ended: make a new Puppet") from None
            self._presses.append(press)
            return press

    @property
    def running(self):
        """True until the puppet has ended. Never blocks."""
        return not self._lost

    @property
    def calls(self):
        """A list of `Call`, one for each call it has entered, the last may not have left."""
        with self._changed:
            self._take_reports()
            return [press.call for press in self._presses if press.call]

    @property
    def under_way(self):
        """The `Press` whose call has not returned, or None. Never blocks."""
        with self._changed:
            self._take_reports()
            return self._under_way()

    @property
    def descriptors(self):
        """What it has open: a dict {fd: (path, flags)}."""
        with self._changed:
            self._take_reports()
            return dict(self._descriptors)

    def fill(self, fd, timeout=1):
        """How full the pipe of a descriptor is: the bytes that wait, and the bytes it can hold.

        The puppet itself looks, by FIONREAD and F_GETPIPE_SZ, even while a call of it blocks
        [pipe(7)]; so nobody else need open the pipe for that. The second number is None except
        on Linux. Blocks for some 0.2 ms. Returns None if the puppet does not answer within
        timeout seconds, or has closed the descriptor. ValueError for one that it does not have.
        """
        with self._changed:
            self._take_reports()
            fd, number = self._descriptor(fd), next(self._questions)
            self._fills[number] = ()
            try:
                self._control.send(("fill", (number, fd)))
                self._changed.wait_for(lambda: self._fills[number] != () or self._lost, timeout)
            except OSError:
                pass  # it has ended
            return self._fills.pop(number) or None

    @property
    def blocked(self):
        """The name of the call that the puppet sleeps in, or None. Takes about 5 ms.

        It sleeps if the thread that makes the calls was asleep in two samples 5 ms apart and
        has not been awake in between. Linux tells that exactly (voluntary_ctxt_switches in
        proc_pid_status(5)); elsewhere `ps` tells the state alone, and 20 ms pass. Never the
        name of a call that has returned.
        """
        with self._changed:
            self._take_reports()
            press = self._under_way()
            return press.name if press and self._sleeps(press, time.monotonic()) else None

    def wait_blocked(self, timeout=10):
        """Wait until the puppet sleeps in the call pressed last, and return that call's name.

        Raises RuntimeError if that call returns instead, or if none is under way, and
        TimeoutError after timeout seconds.
        """
        with self._changed:
            self._take_reports()
            if not self._presses:
                raise RuntimeError(f"{self._who} has no call to block in: tell it one first")
            press = self._presses[-1]
            if self._sleeps(press, time.monotonic() + timeout):
                return press.name
            if press.done:
                raise RuntimeError(f"{self._who} is not blocked: {press.text} has returned "
                                   f"({press.call.result_text})")
            self._raise_if_lost(press)
            raise TimeoutError(f"{self._who} is not asleep in {press.text} after {timeout:g} s")

    @property
    def state(self):
        """In words: "ready", "in open" (awake), "blocked in open" or "ended". As `blocked`."""
        blocked = self.blocked
        with self._changed:
            self._take_reports()
            press = self._under_way()
            if self._lost:
                return "ended"
            if press is None:
                return "ready"
            return f"blocked in {blocked}" if blocked else f"in {press.name}"

    def cancel(self, timeout=10):
        """Free the puppet from the call under way, wait until it has left, return its `Call`.

        A call that has done nothing fails with the error "cancelled". One that has done its
        work, or a part, keeps its result: a descriptor, the bytes, the count of bytes written.
        Returns None if no call is under way. TimeoutError if it does not leave in timeout
        seconds: a stopped process does not, nor one that waits for a disk.
        """
        with self._changed:
            self._take_reports()
            press = self._under_way()
            if press is None:
                return None
            try:
                self._control.send("cancel")
            except OSError:
                pass  # it has ended: wait() says so
            return press.wait(timeout)

    def end(self):
        """End the puppet, whatever it does, and wait until it is gone. Returns its exit status.

        A call under way never returns. Calling it again does no harm.
        """
        with self._changed:
            try:
                self._control.send("end")
            except OSError:
                pass  # it has ended already
        try:
            return self._program.wait(2)
        except TimeoutError:  # a stopped process
            return self._program.kill()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.end()

    def __repr__(self):
        return f"<puppet {self._who} {self.state}>"

    @property
    def _who(self):
        return f"{self.role}, pid {self.pid},"

    def _under_way(self):
        last = self._presses[-1] if self._presses else None
        return last if last and not last.done and not self._lost else None

    def _begin(self, cwd, listed):
        self._program, self._control = _start(self.role, cwd)
        self._program.listed = listed
        self.pid = self._program.pid
        self.cwd = self._program.cwd
        _running.add(self)
        return self

    def _watch(self):
        while not self._lost:
            self._control.poll(None)
            with self._changed:
                self._take_reports()
        with self._changed:
            self._control.close()

    def _take_reports(self):
        # Whoever holds the lock takes them: none is ever on its way through another thread.
        while not self._lost and self._control.poll(0):
            try:
                report = self._control.recv()
            except (EOFError, OSError):
                self._lost = True
                _running.discard(self)
                self.on_change()
            else:
                if isinstance(report, tuple) and report[0] == "fill":
                    _, number, answer = report
                    if number in self._fills:
                        self._fills[number] = answer
                else:
                    self._presses[-1]._take(report)
                    self.on_change()
            self._changed.notify_all()

    def _sleeps(self, press, deadline):
        """Whether press is a call that the puppet sleeps in, at deadline or before."""
        # A report is sent before the thread sleeps again. So once a sample is taken, the
        # reports tell whether it belongs to this call: look at them after each sample.
        before = None
        while True:
            now = asleep.sample(self.pid)
            self._take_reports()
            if press.done or self._lost:
                return False
            if press.call is None:  # not entered yet
                now = None
            if now is not None and now == before:
                return True
            if time.monotonic() >= deadline and (now is None or before is not None):
                return False
            before = now
            self._changed.wait_for(lambda: press.done or self._lost, asleep.PAUSE)

    def _raise_if_lost(self, press):
        if self._lost:
            raise RuntimeError(
                f"{self._who} ended before {press.text} returned: make a new Puppet"
            )

    def _descriptor(self, fd):
        fd = operator.index(fd)
        if fd not in self._descriptors:
            has = ", ".join(
                f"{number} ({path}, {flags_text(flags)})"
                for number, (path, flags) in sorted(self._descriptors.items())
            )
            raise ValueError(
                f"{self._who} has no descriptor {fd}: "
                + (f"it has {has}" if has else "it has none, let it open one first")
            )
        return fd

    def _status(self, path):
        """The status of the FIFO at path; None for what only the call itself can tell."""
        try:
            status = os.stat(os.path.join(self.cwd, path))
        except OSError:
            return None
        if not stat.S_ISFIFO(status.st_mode):
            raise ValueError(f"{path} is not a named pipe: choose another path, and mkfifo it")
        return status

    def _check_mkfifo(self, path, mode=0o666):
        path, mode = os.fsdecode(path), operator.index(mode)
        if "\0" in path:
            raise ValueError(f"no path has a NUL byte: {path!r}")
        shown = (path,) if mode == 0o666 else (path, mode)
        return (path, mode), shown, None

    def _check_open(self, path, flags):
        path, flags = os.fsdecode(path), operator.index(flags)
        status = self._status(path)
        if status is None and flags & os.O_CREAT:
            raise ValueError(f"{path}: O_CREAT would make a regular file: mkfifo first")
        return (path, flags), (path, flags), status and (status.st_dev, status.st_ino)

    def _check_write(self, fd, data):
        fd = self._descriptor(fd)
        if isinstance(data, str):
            raise TypeError(f"a pipe carries bytes, not text: {data!r}.encode() makes them")
        if isinstance(data, int):
            _check_size(data)
            return (fd, data), (fd, Data(b"." * min(data, _HEAD), data)), None
        data = bytes(data)
        _check_size(len(data))
        return (fd, data), (fd, _head(data)), None

    def _check_read(self, fd, n):
        args = self._descriptor(fd), operator.index(n)
        _check_size(args[1])
        return args, args, None

    def _check_close(self, fd):
        args = (self._descriptor(fd),)
        return args, args, None

    def _check_unlink(self, path):
        path = os.fsdecode(path)
        self._status(path)
        return (path,), (path,), None

    def _note(self, call):
        """Keep `descriptors` up to date with a call that has returned."""
        if call.name == "open" and call.error is None:
            self._descriptors[call.result] = call.args
        if call.name == "close" and call.error != "cancelled":
            # Linux frees the number whatever close returns [close(2)].
            self._descriptors.pop(call.args[0], None)


class Press:
    """A call that a puppet was told to make.

    name, args: the call. call: its `Call`, None until it is entered. fifo: for an open, the
    (st_dev, st_ino) of the FIFO that had the path when it was pressed.
    """

    def __init__(self, puppet, name, args, fifo):
        self.name = name
        self.fifo = fifo
        self.call = None
        self.args = args
        self._puppet = puppet
        self._value = None
        self._error = None

    @property
    def done(self):
        """True when the call has returned, as far as the puppet's reports have been taken."""
        return self.call is not None and self.call.left is not None

    @property
    def text(self):
        """The call as a person writes it: "open(my_pipe, O_RDONLY)"."""
        return self._record(0).call_text

    def wait(self, timeout=10):
        """Wait until the call has returned, and return its `Call`, error or not.

        Blocks for at most timeout seconds (None: for ever), then raises TimeoutError: the call
        goes on. RuntimeError if the puppet ends before.
        """
        puppet = self._puppet
        with puppet._changed:
            puppet._take_reports()
            if not puppet._changed.wait_for(lambda: self.done or puppet._lost, timeout):
                raise TimeoutError(
                    f"{puppet._who} is still in {self.text} after {timeout:g} s: do what it "
                    "waits for at the other end of the pipe, or cancel() it"
                )
            if not self.done:
                puppet._raise_if_lost(self)
            return self.call

    def result(self, timeout=10):
        """Wait as `wait` does, and return what the call returned, or raise its error.

        A call that was cancelled raises InterruptedError, EINTR [signal(7)].
        """
        self.wait(timeout)
        if self._error is not None:
            raise self._error
        return self._value

    def __repr__(self):  # never its state: that may change between two runs of a notebook
        return f"<{self._puppet.role}, told to {self.text}>"

    def _record(self, entered):
        return Call(self._puppet.pid, self._puppet.role, self.name, self.args, entered)

    def _take(self, report):
        if self.call is None:
            self.call = self._record(report)
            return
        left, results, self._error = report
        text = None
        if results:
            self._value = results[0]
        elif self._error is None:
            self._error = InterruptedError(errno.EINTR, f"{self.text} was cancelled")
            text = "cancelled"
        else:
            text = error_text(type(self._error).__name__, getattr(self._error, "errno", None))
        value = _head(self._value) if isinstance(self._value, bytes) else self._value
        self.call = replace(self.call, left=left, result=value, error=text)
        self._puppet._note(self.call)


def _start(role, cwd):
    """Start the program and return it with the connection to it."""
    folder = KeptFolder("named_pipes_puppet_", _parent())  # 0700: nobody else can connect
    program = None
    try:
        with socket.socket(socket.AF_UNIX) as server:
            address = os.path.join(folder.path, "control")
            server.bind(address)
            server.listen(1)
            program = launch(_PROGRAM, address, role, cwd=cwd)
            return program, _connection(server, program)
    except BaseException:  # an interrupt, too, must leave nothing behind
        if program is not None:
            program.kill()
        raise
    finally:
        folder.remove()


def _parent():
    """Where to make the folder: sun_path holds 108 bytes, on macOS 104, with the NUL [unix(7)]."""
    longest = os.path.realpath(tempfile.gettempdir()) + "/named_pipes_puppet_12345678/control"
    return None if len(os.fsencode(longest)) < 104 else "/tmp"


def _connection(server, program):
    """Wait until the program has connected and is ready."""
    server.settimeout(0.1)  # between two looks at whether the program still runs
    deadline = time.monotonic() + _START_LIMIT
    control = None
    while program.running and time.monotonic() < deadline:
        try:
            if control is None:
                accepted, _ = server.accept()
                accepted.setblocking(True)
                control = Connection(accepted.detach())
            if control.poll(0.1) and control.recv() == "ready":
                return control
        except TimeoutError:
            pass
        except (EOFError, OSError):
            program.wait()  # it is about to end, and its last words tell why
    if control is not None:
        control.close()
    raise RuntimeError(
        f"the puppet did not start within {_START_LIMIT} s: is the machine overloaded?"
        if program.running
        else f"the puppet ended before it had started: {program.errors.strip() or program}"
    )


def _head(data):
    return Data(data[:_HEAD], len(data))


def _check_size(size):
    if not 0 <= size <= _LARGEST:
        raise ValueError(f"a puppet writes or reads 0 to {_LARGEST} bytes at a time, not {size}")


def _close_in_child():
    # A forked child would keep the connection open after our end.
    for puppet in _running:
        puppet._control.close()


os.register_at_fork(after_in_child=_close_in_child)
