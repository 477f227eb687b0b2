"""One call in the learner's process, observed: what came of it, and what it left behind.

The upper half runs in that process, the lower half in the notebook's.
"""
import builtins
import contextlib
import errno
import fcntl
import gc
import itertools
import os
import resource
import signal
import sys
import threading
import time
from collections import namedtuple

from pipe_helpers.exercises.plain import errno_of, error_name, text_of
from pipe_helpers.exercises.run import observed
from pipe_helpers.exercises.trial import Fails, shown

# value: what it returned. error: None or an `Error` (a plain tuple until it has been sent). new:
# how many descriptors it left open. left: clauses that say what else is not as it was. opened: the
# paths that it opened itself. took: seconds; delayed: those of them in which it was ready and had
# no processor. wakes: how often it slept and woke.
Observed = namedtuple("Observed", "value error new left opened took delayed wakes")
# kinds: the names of the built-in classes that it is of.
Error = namedtuple("Error", "name text errno kinds")

# Before these another process may be quicker.
STEPS = {"mkfifo", "mknod", "open", "rename", "replace", "link", "symlink", "unlink", "remove",
         "system", "posix_spawn", "posix_spawnp", "fork", "fork_exec"}
LOOKS = {"stat", "lstat"}
_opened = []


def call_each(report, fn, *calls):
    """Call fn with each of calls, a tuple of arguments, and report("did", *Observed)."""
    for args in calls:
        report("did", *observe(fn, *args))


def hold_before(report, fn, number, *args, event="c_call", steps=STEPS):
    """As `call_each`, once, and report("held", name) before the number-th step of the call.

    number: None for each step. A step is a call of one of steps: by default of those that make,
    open or remove something by its name. What other programs do that it starts is not seen, nor
    what C code does without a Python function. event: "c_return" to hold it after a step that
    raised nothing [sys.setprofile]. Returns what fn returned.
    """
    numbers = itertools.count(1)

    def look(_, happens, function):
        if (happens == event and function.__name__ in steps
                and function.__module__ in ("posix", "_io", "_posixsubprocess")
                and number in (None, next(numbers))):
            report("held", function.__name__)

    def watched(*args):
        threading.setprofile(look)
        sys.setprofile(look)
        try:
            return fn(*args)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    seen = observe(watched, *args)
    report("did", *seen)
    return seen.value


def observe(fn, *args, processor=0.5):
    """Call fn(*args) and return an `Observed`. processor: seconds of its time that fn may use.

    NotImplementedError comes through: it tells the stub.
    """
    if not _opened:  # a hook stays as long as the process
        sys.addaudithook(_note_open)
    _opened[:] = [None]
    before = _state()
    signal.setitimer(signal.ITIMER_PROF, processor)
    value = error = None
    delayed, wakes, began = _delayed(), _wakes(), time.monotonic()
    try:
        value = observed(fn, *args)
    except NotImplementedError:
        raise
    except BaseException as problem:
        error = error_name(problem), text_of(problem), errno_of(problem), _kinds(problem)
    took, delayed, wakes = time.monotonic() - began, _delayed() - delayed, _wakes() - wakes
    opened = _opened[1:20]
    gc.collect()
    after = _state()
    new = len(after["descriptors"].keys() - before["descriptors"].keys())
    return Observed(value, error, new, list(_changes(before, after)), opened, took, delayed, wakes)


def _note_open(event, args):
    if event == "open":
        with contextlib.suppress(TypeError):  # a number: not what a signal's handler raises
            _opened.append(os.fsdecode(args[0]))


def _kinds(error):
    # Not by the error's own attributes: they may be code, too.
    return [name for name, kind in vars(builtins).items()
            if type(kind) is type and issubclass(kind, BaseException) and isinstance(error, kind)]


def _delayed():
    """Seconds for which the main thread has waited for a processor [proc/schedstat]. Linux only."""
    try:
        with open("/proc/self/schedstat") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0


def _wakes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


def _state():
    descriptors = {}
    for fd in map(int, os.listdir("/dev/fd")):
        with contextlib.suppress(OSError):  # the one that listdir had open
            descriptors[fd] = os.fstat(fd).st_ino, fcntl.fcntl(fd, fcntl.F_GETFL)
    os.umask(umask := os.umask(0o077))
    try:
        folder = os.stat(".").st_ino
    except OSError:
        folder = None
    return {
        "descriptors": descriptors,
        "threads": set(threading.enumerate()),
        "the umask is another": umask,
        "the working folder is another": folder,
        "the environment is another": dict(os.environ),
        "other signals are blocked": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "handlers": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "a timer runs": signal.getitimer(signal.ITIMER_REAL)[0] > 0,
    }


def _changes(before, after):
    """Clauses that say what is not as it was, but for new descriptors."""
    for what in before.keys() - {"descriptors", "threads", "handlers"}:
        if before[what] != after[what]:
            yield what
    for number, handler in before["handlers"].items():
        if after["handlers"][number] != handler:
            yield f"the handler of {signal.Signals(number).name} is another"
    for fd, (file, flags) in before["descriptors"].items():
        file_now, flags_now = after["descriptors"].get(fd, (None, None))
        if file_now is None:
            yield f"the descriptor {fd}, which the caller had open, is closed"
        elif file_now != file:
            yield f"the descriptor {fd} of the caller is another file"
        elif (flags ^ flags_now) & os.O_NONBLOCK:
            yield f"O_NONBLOCK is {'set' if flags_now & os.O_NONBLOCK else 'not set'} on the " \
                  f"descriptor {fd} of the caller"
    for thread in after["threads"] - before["threads"]:
        with contextlib.suppress(RuntimeError):  # not one of threading's own
            thread.join(0.1)  # one that has done its work ends at once
        if thread.is_alive():
            yield "a thread of yours still runs"
    with contextlib.suppress(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
        yield "a process that it started was not waited for"


# ---------------------------------------------------------------- in the notebook's process


def did(trial, *waits, errors=False, **options):
    """Wait for the next report of a call and return the `Observed`; the process is held then.

    waits: kinds of events ("asleep", "napping") for which None is returned. errors: whether an
    error is a result, too; else it fails the point. options: as of `Trial.event`.
    """
    event = trial.event("did", *waits, hold=True, **options)
    if event[0] != "did":
        return None
    seen = seen_in(event)
    if seen.error and not errors:
        trial.again(("raised", *seen.error[:3]))
        trial.event("did", **options)
    return seen


def seen_in(event):
    """The `Observed` of an event ("did", ...)."""
    seen = Observed(*event[1:])
    return seen._replace(error=seen.error and Error(*seen.error))


def expect_error(trial, seen, when, name, returned, number=None):
    """Fail unless it raised an error of the built-in class of that name, and with that errno.

    when: what was so, the beginning of the hint. returned: its end if there was no error.
    """
    if not seen.error:
        raise Fails(f"{when}, and it returned {shown(seen.value)}. {returned}")
    known = {number, None} if name != "OSError" else {number}  # the name alone tells it, too
    if name not in seen.error.kinds or number and seen.error.errno not in known:
        text = trial.short(seen.error.text)
        which = f", the one with the errno {errno.errorcode[number]}" if number else ""
        raise Fails(f"{when}, and it raised {seen.error.name}{': ' if text else ''}{text}. "
                    f"The error that is to come is {name}{which}.")


def expect_all_as_before(seen, when, new=0):
    """Fail if something is not as it was. when: the beginning of the hint. new: descriptors."""
    if seen.new > new:
        raise Fails(f"{when}, it left a descriptor open. Close it in `finally`: that is done "
                    "after an error, too.")
    if seen.left:
        raise Fails(f"{when}, {seen.left[0]}. Leave what is the caller's as it was, and end what "
                    "you start.")


def expect_no_value(seen):
    if seen.value is not None:
        raise Fails(f"It returned {shown(seen.value)}. The task asks for a function that returns "
                    "nothing.")


def too_often(wakes, seconds):
    """Whether so many wakes are well above the 100 a second that the tasks allow."""
    return wakes > 20 + 250 * seconds


def expect_sleep(seen, when):
    """Fail if it woke much more often than the 100 times a second that the tasks allow."""
    if too_often(seen.wakes, seen.took):
        raise Fails(f"{when}, and it woke {seen.wakes:,} times in {seen.took:.1f} s. Let the "
                    "system wait, or look less often: 100 times a second are enough.")


def expect_pipes_as_before(paths, before):
    """Fail if what is at the paths is not what `os.lstat` has told before."""
    after = [os.lstat(path) if os.path.lexists(path) else None for path in paths]
    for old, new in zip(before, after):
        if new is None:
            raise Fails("It removed the name of a pipe: others may still need it.")
        if (old.st_ino, old.st_mode) != (new.st_ino, new.st_mode):
            raise Fails("It changed the pipe itself, or its mode. That is not yours to change.")
