"""Measure each mechanism between this process and another one."""
import contextlib
import functools
import hashlib
import os
import random
import statistics
import sys
import time
import warnings

from pipe_helpers.processes.console import Program, launch
from pipe_helpers.mechanisms.catalogue import MECHANISMS, NAMES
from pipe_helpers.mechanisms.end import CHECK, InUse, same
from pipe_helpers.mechanisms.units import mega, micro, size_text

_PARTNER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "partner.py")
_ROUNDS = 7
_SHARE = 0.6  # of the time, for the rounds; the rest is for starting, checking and trying
_MESSAGE = 64  # bytes in the message whose round trip is measured
_BAR = 40  # characters of a progress bar

SIZES = [64, 256, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20]


class Partners:
    """Context manager: for each name of a mechanism, another process that serves.

    ends: a dictionary of our ends, by name. The other process is started by `launch`, or is a
    child of this one if the mechanism's ends must be inherited. All of them end with the block,
    whatever becomes of one of them; the first error is raised.
    Files with their names are in the working directory until both sides have met. On Linux all
    of them, and this thread, run on one processor while the block lasts.

    Entering blocks until all have met. Raises KeyError for an unknown name, OSError if the
    system refuses what the mechanism needs. One of several of which others use all that there is
    now is left out, with a warning.
    """

    def __init__(self, names):
        self.ends = {}
        self._names = list(names)
        self._processes = []

    def __enter__(self):
        with contextlib.ExitStack() as begun:  # all of it is ended if one can't be had
            for name in self._names:
                try:
                    end = MECHANISMS[name]()
                except InUse as error:
                    if len(self._names) == 1:
                        raise
                    warnings.warn(f"{name} is left out. {error.strerror}", stacklevel=3)
                    continue
                self.ends[name] = end
                begun.callback(_close, end)
                command = [_PARTNER, type(end).__module__, type(end).__name__, *end.args]
                process = end.start_child([sys.executable, *command]) or launch(*command)
                self._processes.append(process)
                begun.push(functools.partial(_end, process, end))
            self._share_a_processor(begun)
            for end in self.ends.values():
                end.meet()
            self._begun = begun.pop_all()
        return self

    def __exit__(self, kind, error, frames):
        return self._begun.__exit__(kind, error, frames)

    def _share_a_processor(self, begun):
        """Keep this thread and the others on one processor until begun, an exit stack, is left.

        Where the system puts them makes a round trip several times as long or as short, and it
        may change its mind in the middle [sched_setaffinity(2)]. Linux only.
        """
        if not hasattr(os, "sched_setaffinity"):
            return
        allowed = os.sched_getaffinity(0)
        begun.callback(os.sched_setaffinity, 0, allowed)
        for pid in 0, *[process.pid for process in self._processes]:
            with contextlib.suppress(OSError):  # it has ended: `meet` tells so
                os.sched_setaffinity(pid, {max(allowed)})

    @property
    def unrelated(self):
        """The names of the mechanisms whose other process is no child of this one."""
        pairs = zip(self.ends, self._processes)
        return [name for name, process in pairs if isinstance(process, Program)]


def _end(process, end, kind, error, frames):
    """Tell the other process to end and wait; kill it if that fails, or something has before.

    An error is raised only if there was none before, and so the first of all is told.
    """
    try:
        if kind is None:
            end.stop()
            process.join(10) if hasattr(process, "join") else process.wait(10)
    finally:
        process.kill()
        process.join() if hasattr(process, "join") else process.wait(10)


def _close(end):
    with contextlib.suppress(OSError, AttributeError):  # it may not have met the other
        end.close()
    with contextlib.suppress(OSError):
        end.remove_names()


def check(end, size):
    """Send a random message of that size there and back, and four there, whose digest comes back.

    Raises ValueError if a byte differs.
    """
    messages = [random.Random(number).randbytes(size) for number in range(5)]
    end.round_trips(messages.pop(), 1)
    same(end.one_way(messages, CHECK), hashlib.sha256(b"".join(messages)).digest())


def round_trips(names=NAMES, seconds=6):
    """Measure how long a message of 64 bytes takes there and back: see `RoundTrips`.

    It takes about that many seconds. Every mechanism is checked first, then all are measured in
    turn, several times, so that a busy moment of the machine hits all of them.
    """
    with Partners(names) as partners:
        for end in partners.ends.values():
            check(end, _MESSAGE)
        message = bytes(_MESSAGE)
        times = {name: [] for name in partners.ends}

        def measure(name, count):
            return partners.ends[name].round_trips(message, count)

        for name, found in _in_turn(list(times), measure, sum, seconds):
            times[name] += found
    return RoundTrips(times)


def throughput(names=NAMES, sizes=SIZES, seconds=9):
    """Measure how many bytes a second go one way in messages of each size: see `Throughput`.

    As for `round_trips`. A message longer than a mechanism allows is left out.
    """
    with Partners(names) as partners:
        tasks = [
            (name, size)
            for size in sizes
            for name, end in partners.ends.items()
            if size <= end.longest
        ]
        for name, size in tasks:
            check(partners.ends[name], size)
        rates = {name: {} for name in partners.ends}

        def measure(task, count):
            name, size = task
            messages = [bytes(size)] * count
            begun = time.perf_counter()
            partners.ends[name].one_way(messages)
            return time.perf_counter() - begun, count

        for (name, size), (taken, count) in _in_turn(tasks, measure, lambda f: f[0], seconds):
            rates[name].setdefault(size, []).append(size * count / taken)
    return Throughput(rates)


def _in_turn(tasks, measure, taken, seconds):
    """Yield (task, what measure(task, count) found) for each task in each of several rounds.

    taken: the seconds that a measurement took, from what it found. KIT_BUDGET in the environment
    is a factor for seconds: what is tested need not be as exact as what is learnt from.
    """
    budget = os.environ.get("KIT_BUDGET")
    seconds *= float(budget or 1)
    rounds = _ROUNDS if seconds > 2 else 3
    share = _SHARE * seconds / len(tasks) / rounds
    counts = {}
    with _progress(len(tasks) * (rounds + 1), shown=budget is None) as step:
        for task in tasks:  # how many fit into a share of the time?
            count, time_taken = 1, taken(measure(task, 1))
            while time_taken < share / 4:
                count *= 4
                time_taken = taken(measure(task, count))
            counts[task] = max(1, round(count * share / time_taken))
            step()
        for _ in range(rounds):
            for task in tasks:
                yield task, measure(task, counts[task])
                step()


@contextlib.contextmanager
def _progress(steps, shown):
    """Show a progress bar, in a notebook that somebody looks at, and give what moves it on.

    It is text, and in the end one line: a widget would be broken when the notebook is next opened.
    """
    if not shown or "ipykernel" not in sys.modules:
        yield lambda: None
        return
    drawn = time.monotonic()
    done = 0

    def draw():
        full = _BAR * done // steps
        bar = "█" * full + "░" * (_BAR - full)
        print(f"\rmeasuring {bar} {100 * done // steps:3} %", end="", flush=True)

    def step():
        nonlocal drawn, done
        done += 1
        if time.monotonic() - drawn > 0.2:  # each message to the browser takes some time, too
            draw()
            drawn = time.monotonic()

    draw()
    try:
        yield step
    finally:
        print("\rmeasured".ljust(_BAR + 17), flush=True)


class RoundTrips:
    """How long a message of 64 bytes took there and back.

    times: by the name of the mechanism, a list of seconds. A notebook shows it as a picture.
    """

    def __init__(self, times, prediction=()):
        self.times = times
        self.prediction = list(prediction)

    def median(self, name):
        """The median time of that mechanism, in seconds."""
        return statistics.median(self.times[name])

    def spread(self, name):
        """Nine tenths of the times lie between these two, in seconds."""
        cuts = statistics.quantiles(self.times[name], n=20, method="inclusive")
        return cuts[0], cuts[-1]

    @property
    def order(self):
        """The names, the fastest first."""
        return sorted(self.times, key=self.median)

    def beside(self, prediction):
        """The same beside the order that somebody had expected, the fastest first.

        Raises ValueError for a name that was not measured, or one that is there twice.
        """
        for name in prediction:
            if name not in self.times or prediction.count(name) > 1:
                known = ", ".join(self.times)
                raise ValueError(f"{name!r} was not measured, or is there twice: the names are "
                                 f"{known}")
        return RoundTrips(self.times, prediction)

    def place(self, name):
        """The place at which somebody had expected that mechanism, as text; "–" if at none."""
        return str(self.prediction.index(name) + 1) if name in self.prediction else "–"

    def __repr__(self):
        lines = ["There and back, 64 bytes: median (nine tenths of the times)"]
        for number, name in enumerate(self.order, 1):
            low, high = self.spread(name)
            line = f"{number}. {name}: {micro(self.median(name))} ({micro(low)} to {micro(high)})"
            lines.append(f"{line}, expected at {self.place(name)}" if self.prediction else line)
        return "\n".join(lines)

    def _repr_mimebundle_(self, include=None, exclude=None):
        from pipe_helpers.mechanisms import pictures

        return pictures.bundle(pictures.round_trips(self), repr(self))


class Throughput:
    """How many bytes a second went one way.

    rates: by the name of the mechanism and the size of a message, a list of bytes per second,
    one for each round. A notebook shows it as a picture.
    """

    def __init__(self, rates):
        self.rates = rates

    def median(self, name, size):
        """The median rate in bytes per second."""
        return statistics.median(self.rates[name][size])

    def __repr__(self):
        lines = ["One way, MB/s: median (lowest to highest) by the size of a message"]
        for name, sizes in self.rates.items():
            found = ", ".join(
                f"{size_text(size)}: {mega(self.median(name, size))} "
                f"({mega(min(rates))} to {mega(max(rates))})"
                for size, rates in sizes.items()
            )
            lines.append(f"{name}: {found}")
        return "\n".join(lines)

    def _repr_mimebundle_(self, include=None, exclude=None):
        from pipe_helpers.mechanisms import pictures

        return pictures.bundle(pictures.throughput(self), repr(self))
