"""Tell from outside whether a process sleeps."""
import subprocess
import sys
import time

PAUSE = 0.005  # seconds between two samples


def sample(pid, tid=None):
    """None if the main thread of pid is awake or gone, else what stays the same while it sleeps.

    tid: on Linux, the thread to look at instead.

    One sample may catch a process in a nap between two calls: only two equal ones, PAUSE apart,
    say that it sleeps. On Linux the count of its voluntary context switches tells a second nap
    from the first [proc_pid_status(5)]; elsewhere `ps` knows the state alone, and takes 20 ms.
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
            lines = dict(line.split(":", 1) for line in file)
    except OSError:  # it has ended
        return None
    return lines["voluntary_ctxt_switches"] if lines["State"].split()[0] == "S" else None
