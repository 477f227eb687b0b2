"""Record the calls that code makes of os.mkfifo, open, read, write, close and unlink.

As a script, `recorder.py LOG PROGRAM [ARGUMENT...]`, it runs a Python program as `python PROGRAM`
would and writes what it records to LOG. It needs nothing but the standard library, so that the
program need not be able to import pipe_helpers.

Each call leaves two events, dictionaries of what JSON knows: one before it, so that a process
killed in the call has told of it, and one after it with the same "pid" and "n".
"""
import builtins
import fcntl
import functools
import itertools
import json
import os
import resource
import sys
import threading
import time
import types
from importlib.machinery import SourceFileLoader

_KEPT = 40  # bytes of data that are kept
_HIGH_FD = 200  # above the descriptors that the program of a lesson opens
_PARAMETERS = {"mkfifo": ["path", "mode"], "open": ["path", "flags", "mode"], "unlink": ["path"]}
_NAMES = ("mkfifo", "open", "read", "write", "close", "unlink")

_write = os.write
_now = time.monotonic_ns
_count = itertools.count()
_lock = threading.Lock()
_found = {}  # the functions that were in os, while a recorder is active
_active = ()


class Recorder:
    """Passes events to put for the calls made by code whose globals are one of modules."""

    def __init__(self, put, modules):
        self.put = put
        self._modules = modules

    def records(self, module):
        return any(module is own for own in self._modules)

    def start(self):
        """Put wrappers in the place of the functions in os, unless another recorder has."""
        global _active
        with _lock:
            _active = (*_active, self)
            for name in _NAMES:
                if not isinstance(getattr(os, name), _Recorded):
                    _found[name] = getattr(os, name)
                    setattr(os, name, _Recorded(name, _found[name]))

    def stop(self):
        """Undo one start, if there was one. The last to stop puts back what was found in os."""
        global _active
        with _lock:
            if self in _active:
                at = _active.index(self)
                _active = _active[:at] + _active[at + 1 :]
            if not _active:
                for name, function in _found.items():
                    if isinstance(getattr(os, name), _Recorded):  # else somebody else's by now
                        setattr(os, name, function)
                _found.clear()


class _Recorded:
    """Stands for a function of os. No function itself: as a class attribute, which pathlib
    makes of os.unlink, that would become a method, as a built-in function does not."""

    def __init__(self, name, real):
        functools.update_wrapper(self, real)
        self._name = name
        self._real = real

    def __eq__(self, other):  # for os.supports_dir_fd, where shutil looks os.open up
        return other is self._real or other is self

    def __hash__(self):
        return hash(self._real)

    def __repr__(self):
        return repr(self._real)

    def __call__(self, *args, **kwargs):
        module = sys._getframe(1).f_globals
        recorders = {recorder for recorder in _active if recorder.records(module)}
        if not recorders:
            return self._real(*args, **kwargs)
        call = {"pid": os.getpid(), "n": next(_count), "entered": _now()}
        about = {**call, "name": self._name, "args": _plain_args(self._name, args, kwargs)}
        for recorder in recorders:
            recorder.put(about)
        call["entered"] = _now()  # again: what put took is no waiting
        try:
            result = self._real(*args, **kwargs)
            call["left"] = _now()
            call["result"] = _plain(result)
            return result
        except BaseException as error:
            call.setdefault("left", _now())
            call["error"] = [type(error).__name__, getattr(error, "errno", None)]
            raise
        finally:
            for recorder in recorders:
                recorder.put(call)


def _plain_args(name, args, kwargs):
    parameters = _PARAMETERS.get(name, ())
    args = [*args, *(kwargs[key] for key in parameters[len(args) :] if key in kwargs)]
    if parameters and args and isinstance(args[0], (bytes, os.PathLike)):
        args[0] = os.fsdecode(args[0])
    others = (f"{key}={value!r}" for key, value in kwargs.items() if key not in parameters)
    return [*map(_plain, args), *others]


def _plain(value):
    if value is None or isinstance(value, (int, str)):
        return value
    try:
        data = memoryview(value).cast("B")
    except TypeError:
        return repr(value)
    return {"size": len(data), "head": bytes(data[:_KEPT]).decode("latin-1")}


def _log_writer(path):
    """A function that appends an event to the file at path, at once and as a whole line.

    After one of which that was not possible, because the disk is full, say, comes an empty line,
    or the end of what could be written of it.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    lowest = _HIGH_FD if limit == resource.RLIM_INFINITY else min(_HIGH_FD, limit - 1)
    log = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, lowest)
    os.close(fd)
    gap = b""

    def put(event):
        nonlocal gap
        line = gap + json.dumps(event).encode() + b"\n"
        try:
            written = _write(log, line)
        except OSError as error:  # closed by a program that closes all it finds: it comes first
            if error.errno is None:  # the program's own, of a signal's handler
                raise
            written = 0
        gap = b"" if written == len(line) else b"\n"

    return put


def _run(log, script):
    """Run a program in this process, in the place of this script: path, names, traceback."""
    main = types.ModuleType("__main__")
    names = {
        "__annotations__": {},
        "__builtins__": builtins,
        "__cached__": None,
        "__file__": script,
        "__loader__": SourceFileLoader("__main__", script),
    }
    # This script has been given those that this version of Python gives.
    main.__dict__.update((name, names[name]) for name in names.keys() & globals().keys())
    sys.modules["__main__"] = main
    if not getattr(sys.flags, "safe_path", False):  # python -P, PYTHONSAFEPATH
        sys.path[0] = os.path.dirname(script)
    try:
        Recorder(_log_writer(log), [main.__dict__]).start()
    except OSError:  # the trace is gone already: the program runs all the same
        pass
    try:
        with open(script, "rb") as file:
            code = compile(file.read(), script, "exec", dont_inherit=True)
        exec(code, main.__dict__)
    except BaseException:
        hook = sys.excepthook
        sys.excepthook = lambda kind, error, frames: hook(
            kind, without_our_frames(error), error.__traceback__
        )
        raise


def without_our_frames(error):
    """The same error, whose traceback tells nothing of this module."""
    for each in (error, error.__context__, error.__cause__):
        if each is not None:
            frames = []
            while each.__traceback__:
                frames.append(each.__traceback__)
                each.__traceback__ = each.__traceback__.tb_next
            for frame in reversed(frames):
                if frame.tb_frame.f_globals is not globals():
                    frame.tb_next = each.__traceback__
                    each.__traceback__ = frame
    return error


if __name__ == "__main__":
    del sys.argv[0]
    _log = sys.argv.pop(0)
    _run(_log, sys.argv[0])
