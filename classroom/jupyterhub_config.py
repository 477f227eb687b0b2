"""A class on one machine: `make hub` starts JupyterHub with this. README.md beside it says how.

What your machine needs besides (a certificate, say) stands in local_config.py beside this file,
which git leaves alone. It is read last.
"""
import grp
import os
import pwd
import resource
import signal
import stat
import sys
from pathlib import Path

from jupyterhub.spawner import LocalProcessSpawner

HERE = Path(__file__).resolve().parent
KIT = HERE.parent
STATE = HERE / ".state"  # the hub's own: who is logged in, its keys
GIB = 1024 ** 3


def closed_to_learners(path):
    """The first folder on the way to a path that a learner can't enter, or None."""
    for folder in reversed(path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None


# Where a kernel of a learner has its socket; JupyterLab puts a UUID and a number into it.
SOCKET = f".local/share/jupyter/runtime/kernel-{'0' * 36}-ipc-0"
ROOM = 107  # bytes for the name of a socket [unix(7)]


class Spawner(LocalProcessSpawner):
    """Starts a learner's JupyterLab as that learner, with limits that each process inherits.

    Its kernels are reached by sockets in the file system, if their names have room at that home.
    Else by ports: then two servers that look for free ones at once can find the same, and the
    kernel that comes second never starts.
    """

    def get_args(self):
        socket = Path(pwd.getpwnam(self.user.name).pw_dir, SOCKET)
        has_room = len(os.fsencode(socket)) <= ROOM
        return super().get_args() + ["--KernelManager.transport=ipc"] * has_room

    def make_preexec_fn(self, name):
        become = super().make_preexec_fn(name)

        def limited():
            # Not an address space: numpy reserves more of that than it uses.
            resource.setrlimit(resource.RLIMIT_DATA, (GIB, GIB))
            resource.setrlimit(resource.RLIMIT_NPROC, (1000, 1000))  # threads, of all they run
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            become()

        return limited


# The hub ends what it starts by SIGINT, which nohup and a shell's & leave ignored [POSIX, 2.12].
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

c = get_config()  # noqa: F821 (JupyterHub defines it)

python = KIT / ".venv" / "bin" / "python"
for place in (python, python.resolve()):
    if os.geteuid() == 0 and (closed := closed_to_learners(place)):
        sys.exit(f"Learners can't enter {closed}, and {place} is below it. Have the kit in /srv,"
                 " say, and name a Python for all: make hub PYTHON=/usr/bin/python3")
groups = {group.gr_name for group in grp.getgrall()}
if "learners" not in groups:
    sys.exit("There is no group of learners: groupadd learners")

STATE.mkdir(mode=0o700, exist_ok=True)
c.JupyterHub.bind_url = "http://:8000"
c.JupyterHub.db_url = f"sqlite:///{STATE / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(STATE / "proxy.pid")
c.ConfigurableHTTPProxy.command = [str(HERE / "node_modules/.bin/configurable-http-proxy")]

# Who may log in: this machine's users, by their passwords, if they are in one of these groups.
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.allowed_groups = {"learners", "teachers"} & groups
c.PAMAuthenticator.admin_groups = {"teachers"} & groups

# Each has a copy of the chapters at home: it is made, or renewed, whenever their server starts.
c.JupyterHub.spawner_class = Spawner
c.Spawner.cmd = [str(python), "-m", "pipe_helpers.chapters", "hub"]
c.Spawner.args = [
    # A kernel that no browser shows ends after 20 minutes without work: it has 100 MB.
    "--MappingKernelManager.cull_idle_timeout=1200", "--MappingKernelManager.cull_interval=60",
]
c.Spawner.environment = {
    # Its kernel comes without the debugger, which has 8 MB and which no chapter uses.
    "JUPYTER_PATH": str(HERE / "jupyter"),
    "OPENBLAS_NUM_THREADS": "1",  # else numpy has a thread, and memory, for each processor
    # What was freed goes back to the system: 10 MB less for a kernel that has drawn pictures.
    "MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_TRIM_THRESHOLD_": "262144",
}
c.Spawner.start_timeout = c.Spawner.http_timeout = 180  # seconds, when the whole class logs in

# Who is away for an hour: their server ends, and starts again when they come back.
c.JupyterHub.services = [{
    "name": "cull-idle",
    "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"],
}]
c.JupyterHub.load_roles = [{
    "name": "cull-idle",
    "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    "services": ["cull-idle"],
}]

load_subconfig(str(HERE / "local_config.py"))  # noqa: F821 (nothing, if it is not there)
