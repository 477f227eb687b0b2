"""Give nbval its sanitizing file whatever folder pytest is called from, and kernels that start."""
import os
import queue
import subprocess
import sys
import time
from pathlib import Path

# A part of the time for what is measured, and no progress bar: see pipe_helpers/mechanisms.
os.environ.setdefault("KIT_BUDGET", "0.03")

SANITIZE = Path(__file__).resolve().parent.parent / "tests" / "nbval_sanitize.cfg"


def kernel_manager_class():
    """A KernelManager that meets its kernel at Unix sockets, and that does not wait for nothing.

    jupyter_client listens for 0.2 s whether a new kernel has more to say, and looks every 0.1 s
    whether a killed one has ended. nbval needs no silence, and a process that has been killed can
    be waited for.
    """
    from jupyter_client import BlockingKernelClient, KernelManager
    from kernels import at_unix_sockets

    class Client(BlockingKernelClient):
        def wait_for_ready(self, timeout):
            deadline = time.monotonic() + timeout
            while self.is_alive() and time.monotonic() < deadline:
                self.kernel_info()
                try:
                    self.get_shell_msg(timeout=1)
                    # Heard here, too, it is at last: what was said before is lost.
                    return self.get_iopub_msg(timeout=0.1)
                except queue.Empty:
                    pass
            raise RuntimeError(f"the kernel has ended, or did not answer for {timeout} s")

    class Manager(KernelManager):
        def __init__(self, **options):
            super().__init__(client_factory=Client, **at_unix_sockets(), **options)

        def shutdown_kernel(self, now=False, restart=False):
            if now and self.has_kernel:
                self.provisioner.process.kill()
                self.provisioner.process.wait()
            super().shutdown_kernel(now=now, restart=restart)

    return Manager


def pytest_configure(config):
    # nbval reads a path relative to the current folder, and only when the first cell runs.
    # It takes any text for a list of rules, also one in which it finds no rule at all.
    if not config.pluginmanager.hasplugin("nbval"):
        return
    os.environ["KIT_STATE"] = ""  # whatever this learner has solved, and nothing is noted
    import nbval.kernel
    from nbval.plugin import get_sanitize_patterns

    nbval.kernel.KernelManager = kernel_manager_class()
    text = SANITIZE.read_text(encoding="utf-8")
    rules = len(get_sanitize_patterns(text))
    if rules == 0 or rules != text.count("regex:"):
        raise ValueError(f"{SANITIZE}: each 'regex: …' line needs a 'replace: …' line after it")
    config.option.nbval_sanitize_with = str(SANITIZE)


# What these chapters show are Linux's own numbers and requests, and their text says so.
LINUX_ONLY = {
    "04_write.ipynb",
    "08_when_it_goes_wrong.ipynb",
    "09_a_server_for_many.ipynb",
    "more/a_client_that_gives_up.ipynb",
    "10_in_the_wild.ipynb",
    "more/a_finished_server.ipynb",
    "more/asyncio.ipynb",
    "more/asyncio_server.ipynb",
    "more/both_directions.ipynb",
    "more/files_that_are_not_files.ipynb",
    "more/helpers_and_idioms.ipynb",
    "more/how_a_server_ends.ipynb",
    "more/jobserver.ipynb",
    "more/long_messages.ipynb",
    "more/looking_by_hand.ipynb",
    "more/nonblocking_writes.ipynb",
    "more/other_systems.ipynb",
    "more/poll.ipynb",
    "more/problems.ipynb",
    "more/size_of_a_pipe.ipynb",
    "more/started_by_a_message.ipynb",
    "more/the_second_hunt.ipynb",
    "more/threads_and_tests.ipynb",
    "more/two_machines_in_one.ipynb",
    "more/who_is_there.ipynb",
    "more/zero_copy.ipynb",
    "myths.ipynb",
    "reference.ipynb",
}

# What must succeed in a shell, or a chapter shows other things than are stored: commands may not
# be there, and containers and some distributions forbid namespaces.
NEEDS = {
    "10_in_the_wild.ipynb": "command -v timeout",
    "more/from_the_shell.ipynb": "command -v bash && command -v gzip",
    "more/two_machines_in_one.ipynb": "command -v nsenter && unshare --user --map-root-user --net "
    "ip link add name cable type veth peer name other",
}

collect_ignore = [
    name for name, command in NEEDS.items()
    if subprocess.run(["sh", "-c", command], capture_output=True).returncode != 0
]
if sys.platform != "linux":
    collect_ignore = sorted(LINUX_ONLY.union(collect_ignore))
