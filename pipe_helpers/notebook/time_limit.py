"""A time limit for a call that may wait for ever."""
import itertools
import linecache
import re
import signal
import sys
import threading
import time

_REPEAT = 0.2  # seconds between alarms, for code that swallows the first
_LONGEST = 1e9  # seconds, 31 years: not every system's timer takes more
_CAUSES = {
    "open": "no other program has opened the other end of the pipe",
    "read": "the pipe is empty, and a writer still has it open",
    "write": "the pipe is full, and no reader takes anything out",
}


class time_limit:
    """Context manager: raise TimeoutError in its body if that takes longer than seconds.

    It frees a blocked os.open, os.read, os.write or built-in open, and any other wait that a
    signal can interrupt [signal(7), PEP 475]. It works by SIGALRM and the real-time timer, and
    gives both back as they were. Of nested limits the sooner one counts.

    It raises in its body and nowhere else. While the body is suspended in an `await`, other
    code runs: then it raises as soon as the body goes on.

    It may be used again when it has been left. Entering raises RuntimeError before that, and
    outside the main thread, where Python handles no signals. Raises ValueError for seconds that
    are not a number above 0 (and at most 1e9).
    """

    def __init__(self, seconds):
        try:
            fits = 0 < seconds <= _LONGEST
        except TypeError:
            fits = False
        if not fits:
            raise ValueError(f"a time limit is a number of seconds above 0, not {seconds!r}")
        self.seconds = float(seconds)
        self._body = None
        self._counts = False  # whether it has the timer, and is to give it back

    def __enter__(self):
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(
                "time_limit works by a signal, and Python handles signals in the main thread "
                "only: use it there"
            )
        if self._body is not None or self._counts:  # a second would forget the outer timer
            raise RuntimeError(
                f"this time_limit is in use already: make another one, time_limit({self.seconds:g})"
            )
        try:
            self._body = sys._getframe(1)
            while self._body.f_globals.get("__name__") == "contextlib":  # an ExitStack's own frame
                self._body = self._body.f_back
            self._passed = None
            self._entered = time.monotonic()
            self._outer_timer = signal.getitimer(signal.ITIMER_REAL)
            self._outer_handler = signal.getsignal(signal.SIGALRM)
            outer_left = self._outer_timer[0]
            self._counts = not outer_left or self.seconds < outer_left
            if self._counts:
                signal.signal(signal.SIGALRM, self._alarm)
                signal.setitimer(signal.ITIMER_REAL, self.seconds, _REPEAT)
            return self
        except BaseException:  # an interrupt: __exit__ will not be called
            self._restore()
            raise

    def __exit__(self, kind, exception, traceback):
        try:
            self._restore()
        finally:  # an interrupt that came in between must not leave the alarm on
            self._restore()
        while traceback is not None:  # show the waiting call, not the frame of our handler
            handler = traceback.tb_next
            if handler is not None and handler.tb_frame.f_code is time_limit._alarm.__code__:
                traceback.tb_next = None
            traceback = traceback.tb_next

    def _restore(self):
        self._body = self._passed = None
        if not self._counts:
            return
        current = _limit_of(signal.getsignal(signal.SIGALRM))
        if current not in (None, self) and current._body is not None:
            return  # an asyncio task entered it after us and is still in it: it will do the rest
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._outer_handler)
        left, interval = self._outer_timer
        if left:
            left = max(1e-6, left - (time.monotonic() - self._entered))
            signal.setitimer(signal.ITIMER_REAL, left, interval)
        self._counts = False
        outer = _limit_of(self._outer_handler)
        if outer is not None and outer._body is None:  # the rest
            outer._restore()

    def _alarm(self, number, frame):
        if frame.f_globals.get("__name__") == "contextlib" and frame is not self._passed:
            self._passed = frame  # raised there, it would keep an ExitStack from its work
            return
        calls = []
        while frame is not None and frame is not self._body:
            if frame.f_code in _OWN_CODE:  # on the way in or out: the next alarm will tell
                return
            calls.append(_source_at(frame))
            frame = frame.f_back
        if frame is None:  # the body is suspended: raising here would hit somebody else
            return
        raise TimeoutError(_explain(self.seconds, [*calls, _source_at(frame)]))


_OWN_CODE = {
    time_limit.__enter__.__code__,
    time_limit.__exit__.__code__,
    time_limit._restore.__code__,
}


def _limit_of(handler):
    limit = getattr(handler, "__self__", None)
    return limit if isinstance(limit, time_limit) else None


def _source_at(frame):
    """The source text from the call that the frame is in to the end of its line."""
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno or 0)
    if sys.version_info >= (3, 11):  # PEP 657; before, the whole line has to do
        positions = itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None)
        column = next(positions)[2]
        line = line.encode()[column or 0 :].decode(errors="replace")
    return line


def _explain(seconds, calls):
    for source in calls:
        if match := re.search(r"\b(open|read|write)\w*\(", source):
            return (
                f"{match[1]} is still waiting after {seconds:g} s: {_CAUSES[match[1]]}. Let "
                "the other program do its part, then run this cell again"
            )
    return (
        f"still waiting after {seconds:g} s: the other program has not done its part. See that "
        "it runs, then run this cell again"
    )
