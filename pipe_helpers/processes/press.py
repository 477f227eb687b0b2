"""A call that a puppet was told to make: what can be told, and what has come of it."""
import errno
import operator
import os
import stat
from dataclasses import replace

from pipe_helpers.processes import asleep
from pipe_helpers.recording.calls import Call, Data, error_text, flags_text

_LARGEST = 1 << 22  # bytes: more than a pipe holds, even one of 16 pages of 64 KiB [pipe(7)]
_HEAD = 4096  # bytes of data kept in the record of a call: what a hand may have typed


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
        if not puppet._link.wait_for(lambda: self.done, timeout):
            raise TimeoutError(
                f"{puppet._who} is still in {self.text} after {timeout:g} s: do what it "
                "waits for at the other end of the pipe, or cancel() it"
            )
        if not self.done:
            raise RuntimeError(
                f"{puppet._who} ended before {self.text} returned: make a new Puppet"
            )
        return self.call

    def result(self, timeout=10):
        """Wait as `wait` does, and return what the call returned, or raise its error.

        A call that was cancelled raises InterruptedError, EINTR [signal(7)].
        """
        self.wait(timeout)
        if self._error is not None:
            raise self._error
        return self._value

    def look(self):
        """What stays the same while the puppet sleeps in this call, else None.

        That is what the functions of `asleep` want to be given. Never waits for the call.
        """
        link = self._puppet._link
        mark = asleep.sample(link.pid)
        # A report is sent before the thread sleeps again. So the reports that are there once the
        # sample is taken tell whether it belongs to this call.
        with link.lock:
            link.settle()
            return mark if self.call and not self.done and not link.lost else None

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


# -- what can be told: each returns what is sent, what is recorded, and the FIFO that is meant

def _mkfifo(puppet, path, mode=0o666):
    path, mode = os.fsdecode(path), operator.index(mode)
    if "\0" in path:
        raise ValueError(f"no path has a NUL byte: {path!r}")
    return (path, mode), (path,) if mode == 0o666 else (path, mode), None


def _open(puppet, path, flags):
    path, flags = os.fsdecode(path), operator.index(flags)
    status = _status(puppet, path)
    if status is None and flags & os.O_CREAT:
        raise ValueError(f"{path}: O_CREAT would make a regular file: mkfifo first")
    return (path, flags), (path, flags), status and (status.st_dev, status.st_ino)


def _write(puppet, fd, data):
    fd = check_descriptor(puppet, fd)
    if isinstance(data, str):
        raise TypeError(f"a pipe carries bytes, not text: {data!r}.encode() makes them")
    if isinstance(data, int):
        _check_size(data)
        return (fd, data), (fd, Data(b"." * min(data, _HEAD), data)), None
    data = bytes(data)
    _check_size(len(data))
    return (fd, data), (fd, _head(data)), None


def _read(puppet, fd, n):
    args = check_descriptor(puppet, fd), operator.index(n)
    _check_size(args[1])
    return args, args, None


def _close(puppet, fd):
    args = (check_descriptor(puppet, fd),)
    return args, args, None


def _unlink(puppet, path):
    path = os.fsdecode(path)
    _status(puppet, path)
    return (path,), (path,), None


CHECKS = {"mkfifo": _mkfifo, "open": _open, "write": _write, "read": _read, "close": _close,
          "unlink": _unlink}


def check_descriptor(puppet, fd):
    fd, descriptors = operator.index(fd), puppet.descriptors
    if fd not in descriptors:
        has = ", ".join(f"{number} ({path}, {flags_text(flags)})"
                        for number, (path, flags) in sorted(descriptors.items()))
        raise ValueError(f"{puppet._who} has no descriptor {fd}: "
                         + (f"it has {has}" if has else "it has none, let it open one first"))
    return fd


def _status(puppet, path):
    """The status of the FIFO at path; None for what only the call itself can tell."""
    try:
        status = os.stat(os.path.join(puppet.cwd, path))
    except OSError:
        return None
    if not stat.S_ISFIFO(status.st_mode):
        raise ValueError(f"{path} is not a named pipe: choose another path, and mkfifo it")
    return status


def _check_size(size):
    if not 0 <= size <= _LARGEST:
        raise ValueError(f"a puppet writes or reads 0 to {_LARGEST} bytes at a time, not {size}")


def _head(data):
    return Data(data[:_HEAD], len(data))
