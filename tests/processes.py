"""What several tests look for in processes, and an interrupt that comes at a chosen moment."""
import os
import pathlib
import subprocess
import sys
import time

from pipe_helpers.processes import asleep


def wait_until(condition, what, seconds=10):
    """Return condition()'s first true value. Fails, telling what was awaited, after seconds."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.002)
    return value


def process_state(pid):
    """The letter by which ps tells the state of a process, "X" if it is gone."""
    if os.path.exists("/proc/self/stat"):
        try:
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return "X"
    ps = ["ps", "-o", "stat=", "-p", str(pid)]
    return subprocess.run(ps, capture_output=True, text=True).stdout.strip()[:1] or "X"


def process_is_alive(pid):
    """True unless the process is gone, or dead and only waiting for its parent to notice."""
    return process_state(pid) not in "ZX"


def children(of):
    """A process's children, dead ones that nobody has waited for included: {PID: name}."""
    ps = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,comm="], capture_output=True, text=True)
    rows = [line.split(None, 2) for line in ps.stdout.splitlines()]
    return {int(pid): name for pid, parent, name in rows if int(parent) == of and name != "ps"}


def wait_asleep(pid):
    """Wait until a process sleeps."""
    assert asleep.wait_asleep(lambda: asleep.sample(pid), 10), f"not within 10 s: {pid} is asleep"


class Interrupt(BaseException):
    pass


def interrupted_at(step, work):
    """Do work with an interrupt after the call of C code of that number: (result, whether).

    That is where the handler of a signal may run.
    """
    left = step

    def count(frame, event, argument):
        nonlocal left
        if event == "c_return" and argument is not sys.setprofile:
            left -= 1
            if not left:
                raise Interrupt

    try:
        sys.setprofile(count)
        return work(), left <= 0
    except Interrupt:
        return None, True
    finally:
        sys.setprofile(None)
