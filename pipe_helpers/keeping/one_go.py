"""Make something that must not be left half made, although an interrupt may come at any moment."""
import _thread
import errno
import mmap
import sys
import threading
import weakref


def in_one_go(what, make, undo, after=lambda made: None):
    """Return make(), which is called in another thread: an interrupt raises in the main one only.

    If one comes before the return, what was made is undone by undo(made): in either thread, at
    the latest soon, and perhaps twice. after(made) is called in the other thread in any case.

    what: for whom, in words, if no thread, process, descriptor or memory is left: then raises
    OSError.
    Raises RuntimeError when the interpreter ends.
    """
    __tracebackhide__ = True  # IPython's reports of errors then leave this frame out
    if sys.is_finalizing():  # before Python 3.12 a thread started now would never run
        raise RuntimeError("the interpreter ends, and makes nothing more")
    answer, given_up = [], []
    answered = threading.Lock()
    answered.acquire()
    held = threading.Lock()
    alive = weakref.ref(held)

    def work(held):
        __tracebackhide__ = True
        try:
            made = make()
        except BaseException as error:
            answer.append((None, error))
            answered.release()
            return
        answer.append((made, None))
        answered.release()
        if given_up:
            undo(made)
        after(made)

    try:
        try:
            # An interrupt in threading.Thread.start could break that.
            _thread.start_new_thread(work, (held,))
            del held  # now by that thread alone, to its end
        except RuntimeError as error:
            raise at_a_limit(error, what) from None
        # At the limit of memory a thread may end before it has run a line of work.
        while not answered.acquire(timeout=1):
            if alive() is None and not answer:
                raise at_a_limit(MemoryError(), what)
        made, error = answer[0]
        if error is None:
            return made
        instead = at_a_limit(error, what)
        if instead is error:
            raise error
        raise instead from None
    except BaseException:
        given_up.append(True)  # first: if there is no answer yet, the thread will see it
        if answer and answer[0][1] is None:
            undo(answer[0][0])
        raise


def to_its_end(work):
    """Return work(), which an interrupt can't cut short: it is done in another thread.

    If none can be started, at a limit or when the interpreter ends, it is done in this one; also
    if an interrupt comes before that thread has begun, and then raises at the end of the work.
    """
    __tracebackhide__ = True
    turn = [True]

    def begin():
        __tracebackhide__ = True
        try:
            turn.pop()  # one step: one thread alone finds it there
        except IndexError:
            return None
        return work()

    try:
        return in_one_go("the end", begin, undo=lambda done: None)
    except (OSError, RuntimeError):
        if not turn:
            raise
        return begin()
    except BaseException:
        begin()
        raise


def at_a_limit(error, what):
    """The error to raise in place of error: one that says more, if it came from a limit."""
    number = getattr(error, "errno", None)
    no_thread = "can't start new thread" in str(error)
    if number == errno.ENOMEM or isinstance(error, MemoryError) or no_thread and not _has_room():
        return OSError(
            errno.ENOMEM,
            f"No memory is left for {what}: this notebook has all that it may have (ulimit -d). "
            "Restart its kernel, and keep less in its variables",
        )
    if number == errno.EAGAIN or no_thread:
        return OSError(
            errno.EAGAIN,
            f"No process is left for {what}: as many run as this user or this machine may have "
            "(ulimit -u). Shut down kernels that nobody needs, then run the cell again",
        )
    if number == errno.EMFILE:
        return OSError(
            number,
            f"No descriptor is left for {what}: as many files are open as this notebook may have "
            "(ulimit -n). Close some, or start JupyterLab anew where the limit is 128 or more",
        )
    return error


def _has_room():
    """Tell whether there is memory for the stack of a thread, which some systems have at 8 MiB."""
    try:
        mmap.mmap(-1, 1 << 23, flags=mmap.MAP_PRIVATE | mmap.MAP_ANON).close()
    except OSError:
        return False
    return True
