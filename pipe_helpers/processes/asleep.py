"""Tell from outside whether a process sleeps: two looks that find it in one and the same sleep."""
import math
import subprocess
import sys
import time

PAUSE = 0.005  # seconds between two looks


def sample(pid, tid=None):
    """None if the main thread of pid is awake or gone, else what stays the same while it sleeps.

    tid: on Linux, the thread to look at instead.

    One sample may catch a process in a nap between two calls: only two equal ones, PAUSE apart,
    say that it sleeps. On Linux the count of its voluntary context switches tells a second nap
    from the first [proc_pid_status(5)]. Without that count, in some sandboxes and elsewhere than
    on Linux, the state alone is known: then two naps, one at each look, pass for one sleep.
    There `ps` tells the state; one sample takes 20 ms.
    """
    if sys.platform != "linux":
        time.sleep(0.015)
        command = ["ps", "-o", "stat=", "-p", str(pid)]
        state = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True
        ).stdout
        return "asleep" if state[:1] in ("S", "I") else None
    try:
        with open(f"/proc/{pid}/task/{tid or pid}/status") as file:
            return _mark(file)
    except OSError:  # it has ended
        return None


def _mark(lines):
    fields = dict(line.split(":", 1) for line in lines)
    if fields["State"].split()[0] != "S":
        return None
    return fields.get("voluntary_ctxt_switches", "asleep")  # gVisor had no count for long


class Watch:
    """Tells, look by look, for how long a process or thread has slept.

    looking: a function that returns None if it is awake, else what stays the same while it
    sleeps, as `sample` does. naps: in how many different sleeps the looks have found it.
    """

    def __init__(self, looking):
        self.naps = 0
        self._looking = looking
        self._mark = self._since = None

    def look(self):
        """Look once. Return for how many seconds it is known to have slept without a break.

        0 if it is awake, or in another sleep than at the last look; from PAUSE on it is blocked.
        """
        begun = time.monotonic()
        mark = self._looking()
        if mark is None or mark != self._mark:
            self.naps += mark is not None
            self._mark, self._since = mark, time.monotonic()
            return 0
        return begun - self._since


def which_sleep(looking):
    """For each function in looking (see `Watch`) whether that one sleeps: a list of bool.

    Blocks for PAUSE, however many they are; not at all if none is asleep at the first look.
    """
    watches = [Watch(each) for each in looking]
    for watch in watches:
        watch.look()
    if any(watch.naps for watch in watches):
        time.sleep(PAUSE)
    return [watch.naps > 0 and watch.look() >= PAUSE for watch in watches]


def wait_asleep(looking, timeout=None, over=time.sleep):
    """Wait until it sleeps, and return True; False after timeout seconds (None: never).

    looking: see `Watch`. over: waits for the seconds that it is given, from one look to the next;
    if it returns True, perhaps sooner, there is nothing more to wait for, and the answer is
    False. Looks at least twice, whatever the timeout.
    """
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    watch = Watch(looking)
    watch.look()
    while not over(PAUSE):
        late = time.monotonic() >= deadline
        if watch.look() >= PAUSE:
            return True
        if late:
            return False
    return False
