"""A hub as classroom/README.md says, in a clone of its own, with real users; needs root.

    with Hub(learners=2) as hub:            # some minutes: it sets up two environments
        anna, berta = hub.learners
        anna.token()                        # a key to the hub's interface
        hub.stop()                          # and then nothing of it runs any more

Users, groups and folders that were made are removed at the end.
"""
import contextlib
import grp
import http.cookiejar
import json
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

from lab_browser import Lab, put_settings, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOBODY = 65534
LONGEST = 600  # seconds for a set-up


def missing():
    """Return what is missing for a hub, in one line, or None."""
    if os.geteuid() != 0:
        return "only root can make users, and start servers as them"
    for name in ("useradd", "chpasswd", "node", "npm", "make", "git"):
        if not shutil.which(name):
            return f"there is no {name}"
    if not python_for_all():
        return "no Python that other users can start: install Debian's python3 and python3-venv"
    return None


def python_for_all():
    """Return a Python that any user can start, with venv, or None."""
    for python in (os.path.realpath(sys.executable), "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            code = "import ensurepip, sys; sys.exit(sys.version_info < (3, 10))"
            if subprocess.run([python, "-c", code], user=NOBODY, cwd="/").returncode == 0:
                return python
    return None


def run(*words, **options):
    """Run a command, and return what it printed. Fails, telling that, if the command does."""
    done = subprocess.run(words, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=LONGEST, **options)
    assert done.returncode == 0, f"{words}: {done.stdout}"
    return done.stdout


def pss(pid):
    """The memory of a process in MB; what several share counts in parts [proc(5), smaps]."""
    try:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:  # it has ended
        return 0
    return int(text.partition("Pss:")[2].split()[0]) / 1024


@dataclass
class Learner:
    """A user of this machine, and of a hub. .name, .password, .uid, .home, .folder: the copy."""

    hub: object
    name: str
    password: str

    def __post_init__(self):
        self.uid = pwd.getpwnam(self.name).pw_uid
        self.home = pathlib.Path(pwd.getpwnam(self.name).pw_dir)
        self.folder = self.home / "named-pipes"
        self._before = self._owned()  # by a former user, who had the same number

    def temporary_files(self):
        """What this user has in the folders for temporary files: {path: type as stat has it}."""
        return {path: kind for path, kind in self._owned().items() if path not in self._before}

    def _owned(self):
        folders = filter(os.path.isdir, ("/tmp", "/dev/shm", "/dev/mqueue"))
        return {path: kind for folder in folders
                for path, kind in owned_by(self.uid, folder).items()}

    def run(self, *words, **options):
        """Run a command as this user, at home."""
        options = {"cwd": self.home, **options}
        return run(*words, user=self.uid, group=pwd.getpwuid(self.uid).pw_gid,
                   extra_groups=os.getgrouplist(self.name, pwd.getpwuid(self.uid).pw_gid),
                   env={"HOME": str(self.home), "PATH": os.environ["PATH"]}, **options)

    def processes(self):
        """The command lines of this user's processes, as {PID: words}."""
        found = {}
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended
                if folder.stat().st_uid == self.uid:
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().split(b"\0")
        return found

    def token(self):
        """A key to the hub's interface, for the password."""
        # The hub knows only users who have logged in once. Its page of tokens starts no server.
        cookies = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
        page = f"{self.hub.address}hub/login?next=%2Fhub%2Ftoken"
        browser.open(page, timeout=120).close()
        form = {"username": self.name, "password": self.password, "_xsrf": next(
            cookie.value for cookie in cookies if cookie.name == "_xsrf")}
        browser.open(page, urllib.parse.urlencode(form).encode(), timeout=120).close()
        asked = {"auth": {"username": self.name, "password": self.password}}
        return self.hub.ask("POST", f"users/{self.name}/tokens", asked)["token"]

    def start_server(self, token):
        """Start the server, and wait until it answers. Returns the seconds."""
        begun = time.perf_counter()

        def asked():  # the hub starts so many at once, and has the others ask again
            try:
                self.hub.ask("POST", f"users/{self.name}/server", token=token)
                return True
            except urllib.error.HTTPError as error:
                assert error.code == 429, error.read()

        def answers():
            return self.hub.ask("GET", f"users/{self.name}", token=token)["servers"] \
                .get("", {}).get("ready")

        wait_until(asked, "the hub starts the server", 600)
        wait_until(answers, lambda: f"{self.name}'s server answers: {self.hub.log_text()}", 600)
        return time.perf_counter() - begun

    def stop_server(self, token):
        """Stop the server, and wait until it has ended, and the hub and its proxy know."""
        self.hub.ask("DELETE", f"users/{self.name}/server", token=token)
        wait_until(lambda: not self.processes(), lambda: f"ended: {self.processes()}", 60)
        wait_until(lambda: not self.hub.ask("GET", f"users/{self.name}", token=token)["servers"],
                   lambda: f"the hub knows of the end: {self.hub.log_text()}", 60)


class Seat(Lab):
    """A learner at a browser: a page of its own, which reaches the hub by the teacher's link."""

    def __init__(self, browser, learner):
        self.learner, self.folder = learner, learner.folder
        self.address = learner.hub.address
        self.page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
        self.page.set_default_timeout(90_000)

    def open(self, chapter):
        """Follow the link to a chapter, and log in if the hub asks for that."""
        self.page.goto(f"{self.address}hub/user-redirect/lab/tree/{chapter}")
        if name := self.page.locator("#username_input").all():
            name[0].fill(self.learner.name)
            self.page.fill("#password_input", self.learner.password)
            self.page.click("#login_submit")
        self.wait_opened()


class Hub:
    """A running hub; a context manager.

    .upstream is a repository with the kit's files as they are here, .kit the clone of it in which
    the hub runs, .learners its users, .teacher one more, of the group teachers, .address ends in /.
    """

    def __init__(self, learners=2):
        self.count = learners

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.base = pathlib.Path(tempfile.mkdtemp(prefix="class_hub_")).resolve()
            stack.callback(shutil.rmtree, self.base)
            self.base.chmod(0o755)
            self.upstream, self.kit = self.base / "upstream", self.base / "kit"
            self._make_users(stack)
            self._clone()
            self.log = self.base / "log"
            ports = free_ports(3)
            self.address = f"http://127.0.0.1:{ports[0]}/"
            self.options = (
                f"--JupyterHub.bind_url={self.address} --JupyterHub.hub_port={ports[1]}"
                f" --ConfigurableHTTPProxy.api_url=http://127.0.0.1:{ports[2]}")
            self.make("--version")
            self.start()
            stack.callback(self.stop)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        self._stack.close()

    def _make_users(self, stack):
        for group in ("learners", "teachers"):
            if group not in {each.gr_name for each in grp.getgrall()}:
                run("groupadd", group)
                stack.callback(run, "groupdel", group)
        mark = secrets.token_hex(2)
        self.learners = [self._make_user(stack, f"kit{mark}-{number:02}", "learners")
                         for number in range(1, self.count + 1)]
        self.teacher = self._make_user(stack, f"kit{mark}-teacher", "teachers")

    def _make_user(self, stack, name, group):
        run("useradd", "--create-home", "--key", "HOME_MODE=0700", "--shell", "/bin/bash",
            "--groups", group, name)
        stack.callback(run, "userdel", "--remove", name)
        password = secrets.token_hex(8)
        subprocess.run(["chpasswd"], input=f"{name}:{password}", text=True, check=True)
        learner = Learner(self, name, password)
        stack.callback(end_all_of, learner)
        put_settings(learner.home)
        run("chown", "-R", f"{name}:", str(learner.home))
        return learner

    def _clone(self):
        """A clone as a teacher has it; what is not committed here comes along."""
        names = run("git", "-c", "safe.directory=*", "ls-files", cwd=ROOT).splitlines()
        for name in filter(os.path.isfile, (ROOT / name for name in names)):
            target = self.upstream / name.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, target)
        run("git", "init", "--quiet", cwd=self.upstream)
        self.commit("The kit")
        run("git", "clone", "--quiet", str(self.upstream), str(self.kit))
        run("chmod", "-R", "go+rX", str(self.kit))  # whatever the umask is here

    def commit(self, message):
        """Commit all that has changed in the upstream repository."""
        run("git", "add", "--all", cwd=self.upstream)
        run("git", "-c", "user.name=kit", "-c", "user.email=kit@localhost", "commit", "--quiet",
            f"--message={message}", cwd=self.upstream)

    def make(self, options):
        """Run make hub with these options of JupyterHub, and wait for its end."""
        return run("make", "hub", f"PYTHON={python_for_all()}", f"ARGS={options}", cwd=self.kit,
                   env=self._environment())

    def _environment(self):
        return {name: value for name, value in os.environ.items()
                if not name.startswith(("MAKE", "JUPYTER", "IPYTHON", "KIT_", "VIRTUAL_ENV"))}

    def start(self):
        """Start the hub by make hub, and wait until it answers."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["make", "hub", f"ARGS={self.options}"], cwd=self.kit, env=self._environment(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

        def answers():
            assert self.process.poll() is None, f"the hub has ended: {self.log_text()}"
            with contextlib.suppress(OSError):
                return self.ask("GET", "")

        wait_until(answers, lambda: f"the hub answers: {self.log_text()}", 120)

    def stop(self):
        """Stop the hub as Ctrl-C does, and wait until it has ended. Returns its exit status."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        try:
            return self.process.wait(90)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise

    def log_text(self):
        """The last lines that the hub has written."""
        return self.log.read_text(errors="replace")[-3000:]

    def ask(self, method, path, content=None, token=None):
        """Ask the hub's interface, and return what it answers, from JSON."""
        request = urllib.request.Request(
            f"{self.address}hub/api/{path}", method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={"Authorization": f"token {token}"} if token else {})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read() or "null")


def end_all_of(learner):
    """Kill whatever a user still runs."""
    for pid in learner.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not learner.processes(), "a user's processes are gone", 30)


def free_ports(count):
    """Ports that nobody listens at, all different."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def owned_by(uid, folder):
    """What a user owns in a folder, and below what is theirs there: {path: type as stat has it}."""
    found = {}
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        with contextlib.suppress(OSError):  # it has gone meanwhile
            status = os.lstat(path)
            if status.st_uid == uid:
                found[path] = stat.S_IFMT(status.st_mode)
                if stat.S_ISDIR(status.st_mode):
                    found |= owned_by(uid, path)
    return found
