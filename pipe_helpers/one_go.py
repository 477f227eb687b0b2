"""Make something that must not be left half made, although an interrupt may come at any moment."""
import _thread
import errno
import os
import threading


def in_one_go(what, make, undo, after=lambda made: None):
    """Return make(), which is called in another thread: an interrupt raises in the main one only.

    If one comes before the return, what was made is undone by undo(made): in either thread, at
    the latest soon, and perhaps twice. after(made) is called in the other thread in any case.

    what: for whom, in words. Raises OSError if no thread can be started for it.
    """
    answer, given_up = [], []
    answered = threading.Lock()
    answered.acquire()

    def work():
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
            _thread.start_new_thread(work, ())
        except RuntimeError:
            raise start_refused(what) from None
        answered.acquire()
        made, error = answer[0]
        if error is not None:
            raise error
        return made
    except BaseException:
        given_up.append(True)  # first: if there is no answer yet, the thread will see it
        if answer and answer[0][1] is None:
            undo(answer[0][0])
        raise


def start_refused(what):
    """The error to raise when fork(2) or a thread failed with EAGAIN, as Python says no more."""
    return OSError(
        errno.EAGAIN,
        f"No process can be started for {what}: as many run as this user or this machine may "
        "have (ulimit -u). Shut down kernels that nobody needs, then run the cell again",
    )
