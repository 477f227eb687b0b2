"""What the learner's process does: it runs the function, and reports.

It has been forked from the notebook, and so has all that the notebook has: imports, helpers of
other cells, closures. What it does wrong, it does to itself: nothing it closes, raises or prints
reaches the notebook.
"""
import asyncio
import builtins
import faulthandler
import gc
import linecache
import os
import signal
import socket
import sys
import warnings

from pipe_helpers.exercises.plain import errno_of, error_name, plain, printable, text_of

MARK = "mark"  # the name of a file in the folder of the check
_PROCESSOR = 0.5  # seconds of processor time that a learner's function may use
_LONGEST = 20  # seconds for the other side to take a report, on a machine that is very busy
_PRINTED = 1_000  # characters kept of what is printed


def _send(address, text):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        connection.sendall(text.encode(errors="backslashreplace"))
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(_LONGEST)
        connection.recv(1)  # until the other side closes


def be_learner(go, address, mask, log, act, fn, args):
    """What the forked child does: see `Learner`. Never returns, whatever fn does.

    go: a descriptor that brings a byte when it may go; end of file means that the notebook is
    gone. mask: the signals to block from then on; until then all of them are blocked.
    """
    status = 70
    try:
        gc.freeze()  # nothing of the notebook is to be finalized here
        os.setsid()
        if not os.read(go, 1):
            return
        os.close(go)
        # What it starts has this open, or in its environment, even in another session.
        mark = os.path.join(os.path.dirname(address), MARK)
        os.open(mark, os.O_RDONLY | os.O_CREAT, 0o600)
        os.environ["PIPE_HELPERS_CHECK"] = mark
        _forget_the_notebook()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGUSR1, lambda _, frame: _tell_place(address, frame, fn))
        signal.signal(signal.SIGUSR2, lambda *_: None)

        def report(kind, *values):
            _send(address, repr((kind, *map(plain, values))))

        sys.stdout = sys.stderr = _Printed(report)
        log.record(fn)
        # A function that never sleeps is ended by this timer, on a busy machine no sooner: it
        # counts the process's own processor time only.
        signal.setitimer(signal.ITIMER_PROF, _PROCESSOR)
        try:
            event = ("returned", act(report, fn, *args))
        except BaseException as error:  # SystemExit and KeyboardInterrupt, too
            signal.setitimer(signal.ITIMER_PROF, 0)
            event = ("raised", error_name(error), text_of(error), errno_of(error))
        signal.setitimer(signal.ITIMER_PROF, 0)
        report(*event)
        status = 0
    finally:
        os._exit(status)


def _forget_the_notebook():
    """Put back what a kernel has changed in its process."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in 0, 1, 2:
        os.dup2(null, fd)
    if null > 2:
        os.close(null)
    faulthandler.disable()  # a crash is told by the exit status
    signal.set_wakeup_fd(-1)
    asyncio.events._set_running_loop(None)  # else asyncio.run refuses, below a kernel's own
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGPROF, signal.SIGALRM:
        signal.signal(number, signal.SIG_IGN)  # drops one that was meant for the notebook
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdin = open(os.devnull)
    builtins.input = _no_input  # the kernel's own would ask the browser
    sys.breakpointhook = lambda *args, **options: None
    warnings.simplefilter("ignore")


def _no_input(prompt=""):
    raise EOFError("there is nobody to answer input() in an exercise")


class _Printed:
    """Stands in for sys.stdout: passes the first thousand characters on and drops the rest."""

    encoding, errors = "utf-8", "replace"

    def __init__(self, report):
        self._report = report
        self._line, self._left = "", _PRINTED

    def write(self, text):
        if self._left > 0:
            self._line += printable(text)[: self._left]
            if "\n" in self._line:
                self.flush()
        return len(text)

    def flush(self):
        line, self._line = self._line, ""
        self._left -= len(line)
        if line:
            self._report("printed", line)

    def isatty(self):
        return False

    def writable(self):
        return True


def _tell_place(address, frame, fn):
    place = ""
    while frame is not None and not place:
        if frame.f_globals is getattr(fn, "__globals__", None):
            place = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        frame = frame.f_back
    try:
        _send(address, repr(("at", place)))
    finally:
        os._exit(0)
