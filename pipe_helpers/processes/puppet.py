"""A process driven by hand, one system call at a time, while the notebook never blocks."""
from pipe_helpers.keeping.one_go import in_one_go, to_its_end
from pipe_helpers.processes import asleep
from pipe_helpers.processes.link import Link
from pipe_helpers.processes.press import CHECKS, Press, check_descriptor

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
    current one. Starting takes about 0.1 s; RuntimeError if it does not start, OSError if the
    system refuses a process.

    mkfifo, open, write, read, close and unlink press a call and return a `Press` at once. An
    error of the system call itself (ENOENT, EPIPE, ...) is the call's result. A mistake in the
    pressing raises here, and the puppet lives on: RuntimeError for a call pressed while
    another is under way or after the end, ValueError for a path that is no FIFO, a descriptor
    it does not have, or data above 4 MiB, TypeError for text in place of bytes.

    It ends with end(), at the end of a `with` block, and with this process, however that ends.

    pid: its process ID. cwd: as an absolute path. All methods may be used from any thread.
    on_change: called, in some thread, after a call was entered or left and at the end. It must
    be quick and must not use the puppet: threading.Event().set is right.
    listed: False if `leftovers` is not to count it, because somebody else ends it.
    """

    def __init__(self, role="puppet", *, cwd=None, on_change=lambda: None, listed=True):
        self.role = role
        self.on_change = on_change
        self._presses = []
        self._descriptors = {}
        in_one_go(
            f"the puppet {role}",
            lambda: self._begin(cwd, listed),
            undo=Puppet.end,
            after=lambda puppet: puppet._link.watch(),
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
        if name not in CHECKS:
            raise ValueError(f"a puppet makes the calls {', '.join(CHECKS)}, not {name!r}")
        # An interrupt between the telling and the keeping would leave a report without its press.
        return to_its_end(lambda: self._press(name, args))

    @property
    def running(self):
        """True until the puppet has ended. Never blocks."""
        return not self._link.lost

    @property
    def calls(self):
        """A list of `Call`, one for each call it has entered, the last may not have left."""
        with self._link.lock:
            self._link.settle()
            return [press.call for press in self._presses if press.call]

    @property
    def under_way(self):
        """The `Press` whose call has not returned, or None. Never waits for the call."""
        with self._link.lock:
            self._link.settle()
            last = self._presses[-1] if self._presses else None
            return last if last and not last.done and self.running else None

    @property
    def descriptors(self):
        """What it has open: a dict {fd: (path, flags)}."""
        with self._link.lock:
            self._link.settle()
            return dict(self._descriptors)

    def level(self, fd, timeout=1):
        """How full the pipe of a descriptor is: the bytes that wait, and the bytes it can hold.

        The puppet itself looks, by FIONREAD and F_GETPIPE_SZ, even while a call of it blocks
        [pipe(7)]; so nobody else need open the pipe for that. The second number is None except
        on Linux. Blocks for some 0.1 ms. Returns None if the puppet does not answer within
        timeout seconds (None: for ever), or has closed the descriptor. ValueError for one that
        it does not have.
        """
        return self._link.ask("level", check_descriptor(self, fd), timeout)

    @property
    def blocked(self):
        """The name of the call that the puppet sleeps in, or None. Takes about 5 ms.

        It sleeps if the thread that makes the calls was asleep in two samples 5 ms apart and
        has not been awake in between. Linux tells that exactly (voluntary_ctxt_switches in
        proc_pid_status(5)); where the state alone is known, two naps pass for one sleep, and
        where `ps` tells it, 50 ms pass. Never the name of a call that has returned.
        """
        press = self.under_way
        return press.name if press and asleep.which_sleep([press.look])[0] else None

    def wait_blocked(self, timeout=10):
        """Wait until the puppet sleeps in the call pressed last, and return that call's name.

        Raises RuntimeError if that call returns instead, or if none is under way, and
        TimeoutError after timeout seconds (None: never).
        """
        if not self._presses:
            raise RuntimeError(f"{self._who} has no call to block in: tell it one first")
        press = self._presses[-1]
        if asleep.wait_asleep(
            press.look, timeout, lambda pause: self._link.wait_for(lambda: press.done, pause)
        ):
            return press.name
        if press.done or not self.running:
            result = press.wait().result_text  # or raises that the puppet has ended
            raise RuntimeError(f"{self._who} is not blocked: {press.text} has returned ({result})")
        raise TimeoutError(f"{self._who} is not asleep in {press.text} after {timeout:g} s")

    @property
    def state(self):
        """In words: "ready", "in open" (awake), "blocked in open" or "ended". As `blocked`."""
        blocked, press = self.blocked, self.under_way
        if not self.running:
            return "ended"
        if press is None:
            return "ready"
        return f"blocked in {blocked}" if blocked else f"in {press.name}"

    def cancel(self, timeout=10):
        """Free the puppet from the call under way, wait until it has left, return its `Call`.

        A call that has done nothing fails with the error "cancelled". One that has done its
        work, or a part, keeps its result: a descriptor, the bytes, the count of bytes written.
        Returns None if no call is under way. TimeoutError if it does not leave in timeout
        seconds (None: never): a stopped process does not, nor one that waits for a disk.
        RuntimeError if the puppet ends before.
        """
        with self._link.lock:
            press = self.under_way
            if press is None:
                return None
            self._link.tell("cancel")  # if it has ended, wait() says so
            return press.wait(timeout)

    def end(self):
        """End the puppet, whatever it does, and wait until it is gone. Returns its exit status.

        A call under way never returns. Calling it again does no harm. Blocks for some
        milliseconds; for 2 s if the process is stopped.
        """
        return self._link.end()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.end()

    def __repr__(self):
        return f"<puppet {self._who} {self.state}>"

    @property
    def _who(self):
        return f"{self.role}, pid {self.pid},"

    def _begin(self, cwd, listed):
        self._link = Link("puppet_program.py", self.role, cwd, listed, self._hear)
        self.pid, self.cwd = self._link.pid, self._link.cwd
        _running.add(self)
        return self

    def _press(self, name, args):
        with self._link.lock:
            command, shown, fifo = CHECKS[name](self, *args)
            under_way = self.under_way
            if not self.running:
                raise RuntimeError(f"{self._who} has ended: make a new Puppet, then {name}")
            if under_way:
                raise RuntimeError(
                    f"{self._who} is still in {under_way.text}: cancel() it, or do what it "
                    f"waits for, then {name}"
                )
            press = Press(self, name, shown, fifo)
            if not self._link.tell((name, command)):
                raise RuntimeError(f"{self._who} has just ended: make a new Puppet")
            self._presses.append(press)
            return press

    def _hear(self, report):
        """Take a report of the call pressed last; None: the process has ended."""
        if report is None:
            _running.discard(self)
        else:
            press = self._presses[-1]
            press._take(report)
            if press.done:
                self._note(press.call)
        self.on_change()

    def _note(self, call):
        """Keep `descriptors` up to date with a call that has returned."""
        if call.name == "open" and call.error is None:
            self._descriptors[call.result] = call.args
        if call.name == "close" and call.error != "cancelled":
            # Linux frees the number whatever close returns [close(2)].
            self._descriptors.pop(call.args[0], None)
