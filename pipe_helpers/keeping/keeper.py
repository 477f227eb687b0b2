"""One small shell ends and removes what this process has named to it, when this process has ended.

That is true however it ends, SIGKILL included. What is to be kept must be named before it can do
or leave anything: a folder before it is made, a process before it is told to go.
"""
import atexit
import os
import subprocess
import threading

from pipe_helpers.keeping.lifeline import Lifeline

_SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "keeper.sh")
_END_LIMIT = 10  # seconds for the keeper to remove all folders

# A finalizer that forgets a folder may run in the middle of `keep`.
_lock = threading.RLock()
_kept = {}  # the names, in order
_lifeline = _keeper = None  # there is a keeper only while something is kept


def keep(*names):
    """Name what must not outlive this process, before it can do anything.

    names: PIDs of processes, numbers, each to be killed with the process group that it leads, if
    any; absolute paths of folders; and "fifo NUMBER PATH", a named pipe or a Unix socket by its
    inode and its absolute path, to be removed if the path still leads to it. A keeper that
    somebody has killed is replaced, and told all.
    Raises OSError if no keeper can be started, and then nothing more is kept than before.
    """
    with _lock:
        known = dict(_kept)
        _kept.update(dict.fromkeys(names))
        try:
            if not _tell("+", names):
                _start()
        except BaseException:
            _kept.clear()
            _kept.update(known)
            raise


def forget(*names):
    """Take back names; one that is not kept does no harm.

    A PID must be forgotten before its process is waited for: then the system may give it to another
    process. If no name is left, the keeper is ended, and waited for.
    """
    with _lock:
        for name in names:
            _kept.pop(name, None)
        if _kept:
            _tell("-", names)
        elif _keeper is not None:
            _stop()


def _start():
    global _lifeline, _keeper
    if _keeper is not None:
        _stop()
    _lifeline = Lifeline()
    try:
        _keeper = subprocess.Popen(
            ["sh", _SCRIPT],
            stdin=_lifeline.reader,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # an interrupt of the notebook is not for the keeper
            cwd="/",
        )
    finally:
        os.close(_lifeline.reader)
        if _keeper is None:
            _lifeline.cut()
    _lifeline.write(_lines("+", _kept))


def _stop():
    global _keeper
    _keeper.kill()  # nothing is kept: so it need not read what is still in the pipe
    _keeper.wait()
    _lifeline.cut()
    _keeper = None


def _tell(sign, names):
    """Tell it to the keeper, if one runs: whether."""
    if _keeper is None or _keeper.poll() is not None:
        return False
    try:
        _lifeline.write(_lines(sign, names))
    except BrokenPipeError:  # somebody has just killed it
        return False
    return True


def _lines(sign, names):
    names = [os.fsencode(str(name)) for name in names]
    escaped = [name.replace(b"\\", rb"\\").replace(b"\n", rb"\n") for name in names]
    return b"".join(b"%s%s\n" % (sign.encode(), name) for name in escaped)


def _in_child():
    # A forked child has started nothing of it; its copy of the lifeline is cut.
    global _lock, _keeper
    _lock = threading.RLock()
    _kept.clear()
    if _keeper is not None:
        _keeper.returncode = 0  # not a child of this process, and so not to be waited for
        _keeper = None


def _end():
    # Waited for, since where PID 1 does not wait for orphans it would stay as a zombie.
    if _keeper is not None:
        _lifeline.cut()
        try:
            _keeper.wait(_END_LIMIT)
        except subprocess.TimeoutExpired:
            pass


os.register_at_fork(after_in_child=_in_child)
atexit.register(_end)
