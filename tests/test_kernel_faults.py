"""A kernel that is interrupted, restarted or killed at any of the five steps leaves nothing.

What a time limit does in a kernel is in test_guard.py. That all ends with the process, however
that ends, is in test_console.py, test_workspaces.py and test_puppet.py; here it is a kernel, with
a program, its workspace, a trace and a puppet alive, and the cell of a learner that waits.
"""
import os
import signal

import kills
import pytest
from jupyter_core.utils import ensure_event_loop
from processes import interrupted_at, wait_asleep

from pipe_helpers import Puppet, time_limit, workspace
from pipe_helpers.keeping.one_go import to_its_end
from pipe_helpers.processes.console import running_programs
from pipe_helpers.processes.puppet import running_puppets

# The order matters: the kernel has ended when it is looked for what is left.
pytestmark = pytest.mark.usefixtures("left")

BEFORE = """
    import os, stat
    from pipe_helpers import Puppet, launch_writer, trace, workspace
    workspace()
    recorded = trace().__enter__()
    writer = launch_writer("other", trace=recorded)
    writer.wait_blocked()
    puppet = Puppet("puppet")
    opening = puppet.open("other", os.O_WRONLY)
    puppet.wait_blocked()
    def descriptors():  # but for files and folders: IPython's history comes and goes
        kinds = []
        for fd in map(int, os.listdir("/dev/fd")):
            try:
                kinds.append(stat.S_IFMT(os.fstat(fd).st_mode))
            except OSError:
                pass  # the one by which /dev/fd itself was listed
        return sorted(kind for kind in kinds if kind not in (stat.S_IFREG, stat.S_IFDIR))
    before = descriptors()
"""
# What the learner's cell does then. Each prints "now" and waits: in one of the calls that can
# wait, or, behind one that can't, for a program. The last word is the call that is to be seen.
STEPS = {
    "mkfifo": ("""
        os.mkfifo("my_pipe")
        print("now")
        writer.wait(60)
    """, "writer.wait(60)"),
    "open": ("""
        os.mkfifo("my_pipe")
        print("now")
        fd = os.open("my_pipe", os.O_RDONLY)
    """, 'os.open("my_pipe", os.O_RDONLY)'),
    "write": ("""
        os.mkfifo("my_pipe")
        fd = os.open("my_pipe", os.O_RDWR)
        try:
            print("now")
            os.write(fd, bytes(1_000_000))
        finally:
            os.close(fd)
    """, "os.write(fd, bytes(1_000_000))"),
    "read": ("""
        os.mkfifo("my_pipe")
        fd = os.open("my_pipe", os.O_RDWR)
        try:
            print("now")
            os.read(fd, 22)
        finally:
            os.close(fd)
    """, "os.read(fd, 22)"),
    "close": ("""
        os.mkfifo("my_pipe")
        fd = os.open("my_pipe", os.O_RDONLY | os.O_NONBLOCK)
        os.close(fd)
        print("now")
        opening.wait(60)
    """, "opening.wait(60)"),
}


@pytest.fixture(scope="module", autouse=True)
def event_loop():
    """What a kernel's client opens in this process once, and keeps, is there from the first."""
    ensure_event_loop()


@pytest.mark.parametrize("step", STEPS)
def test_a_kernel_is_interrupted_restarted_and_killed_at_a_step(
        left, kernel, until, alive, own_folder, step):
    def ours(kernel_pid):  # the kernel's client has descriptors, and a file, as long as it lives
        return [line for line in left(kernel_pid)
                if line.startswith("process") or "named_pipes" in line]

    def begin():
        output, error = kernel.run(BEFORE + "    print(os.getpid(), writer.pid, puppet.pid)")
        assert error is None, error
        kernel.begin(STEPS[step][0], until="now\n")
        pid, *others = map(int, output.split())
        wait_asleep(pid)
        assert len(ours(pid)) > len(others)
        return pid, others

    pid, _ = begin()
    kernel.interrupt()
    error, traceback = kernel.end()
    assert error == "KeyboardInterrupt" and STEPS[step][1] in traceback
    output, error = kernel.run("""
        print((now := descriptors()) == before or (before, now), writer.running, puppet.blocked)
    """)  # an interrupt of the cell is not for the others
    assert (output, error) == ("True True open\n", None)
    # The learner runs the cells again, from the first.
    pid, others = begin()
    kernel.restart(now=True)
    until(lambda: not any(map(alive, [pid, *others])), "kernel, writer and puppet are gone")
    kernel.wait_for_ready()
    new, _ = kernel.run("import os; print(os.getpid())")
    until(lambda: ours(int(new)) == [], "nothing but the new kernel is left")
    pid, others = begin()
    os.kill(pid, signal.SIGKILL)
    until(lambda: not any(map(alive, [pid, *others])), "kernel, writer and puppet are gone")
    until(lambda: ours(pid) == [], "nothing is left")


if os.path.isdir("/proc/self"):
    def test_a_process_killed_while_it_launches_checks_or_makes_puppets_leaves_nothing():
        assert kills.kills(9) == []  # a thousand: python tests/tools/kills.py 1000


# ---- an interrupt while something is made

def test_an_interrupt_after_any_step_of_workspace_leaves_nothing_when_it_is_run_again(left, until):
    former = os.getcwd()
    for step in range(1, 1000):
        with time_limit(10):
            workspace()  # which the next call closes
            _, interrupted = interrupted_at(step, workspace)
            workspace().close()  # the learner runs the cell again
        os.chdir(former)
        until(lambda: left() == [], f"nothing is left after an interrupt at step {step}", 3)
        if not interrupted:
            break
    assert 10 < step < 999


def test_an_interrupt_after_any_step_of_making_a_puppet_leaves_none(own_folder, left, until):
    for step in range(1, 1000):
        puppet, interrupted = interrupted_at(step, lambda: Puppet("puppet"))
        if puppet is not None:
            puppet.end()
        until(lambda: running_programs() == running_puppets() == os.listdir(own_folder) == [],
              f"nothing is left after an interrupt at step {step}", 3)
        if not interrupted:
            break
    assert 4 < step < 999


def test_work_is_done_once_to_its_end_after_whatever_step_an_interrupt_comes(until):
    for step in range(1, 1000):
        done = []
        _, interrupted = interrupted_at(step, lambda: to_its_end(lambda: done.append("done")))
        until(lambda: done == ["done"], f"the work is done after an interrupt at step {step}", 3)
        if not interrupted:
            break
    assert 4 < step < 999
