"""Tell from outside, without opening it, who holds which end of a FIFO and who waits on it."""
import fcntl
import html
import os
import stat
import sys
import termios
import time
from dataclasses import dataclass

from pipe_helpers.processes import asleep
from pipe_helpers.processes.console import running_programs
from pipe_helpers.processes.puppet import running_puppets

_END = {os.O_RDONLY: "read", os.O_WRONLY: "write", os.O_RDWR: "both"}
_ROLES = {"write_to_named_pipe.py": "writer", "read_from_named_pipe.py": "reader"}

# System calls that can wait on a FIFO, by their number in /proc/PID/syscall <asm/unistd.h>.
_READS, _WRITES, _OPEN, _CREAT, _OPENAT, _OPENAT2 = {
    "x86_64": ({0: "read", 19: "read"}, {1: "write", 20: "write"}, 2, 85, 257, 437),
    "aarch64": ({63: "read", 65: "read"}, {64: "write", 66: "write"}, None, None, 56, 437),
    "riscv64": ({63: "read", 65: "read"}, {64: "write", 66: "write"}, None, None, 56, 437),
}.get(os.uname().machine, ({}, {}, None, None, None, None))
_TRANSFERS = {**_READS, **_WRITES}
_AT_FDCWD = 0xFFFFFF9C  # -100 as 32 bits
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD in <linux/sched.h>, in the flags of proc_pid_stat(5)
# In another process these names mean its own descriptors: here they would mean ours.
_OWN_NAMES = (b"/proc/self", b"/proc/thread-self", b"/dev/fd", b"/dev/std")


@dataclass(frozen=True)
class End:
    """One end of a FIFO, as one process holds it or waits for it.

    role: "notebook" for this process, "writer" or "reader" for the programs of the lesson, the
    role of a puppet, "writer's child" for a process that one of them forked, the file name of
    another launched program, else the command name. pid: the process ID.
    end: "read", "write" or "both". fd: its descriptor, None for who is still in open.
    asleep: "open", "read" or "write" if it sleeps in that call, None if not, "?" if the system
    does not tell.
    """

    role: str
    pid: int
    end: str
    fd: "int | None"
    asleep: "str | None"

    @property
    def end_text(self):
        return "both ends" if self.end == "both" else f"{self.end} end"

    @property
    def fd_text(self):
        """ "fd 3"; nothing for the notebook, whose numbers differ from one kernel to the next."""
        unstable = self.role in ("notebook", "notebook's child")
        return "" if self.fd is None or unstable else f"fd {self.fd}"

    @property
    def state_text(self):
        if self.fd is None:
            return "asleep in open"
        if self.asleep == "?":
            return "open, may be asleep"
        return f"open, asleep in {self.asleep}" if self.asleep else "open"


class Ends:
    """What `ends` has found; shows itself as a table.

    rows: a list of `End`, the notebook's first, then by role. bytes_waiting: how many bytes are
    in the pipe, None if this process holds no end. notes: what could not be found out, as lines.
    """

    def __init__(self, path, rows, bytes_waiting, notes):
        self.path = path
        self.rows = rows
        self.bytes_waiting = bytes_waiting
        self.notes = notes

    def __repr__(self):
        cells = [self._cells(row) for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*cells)]
        lines = [self._title]
        for row in cells:  # the PID last: its length must not move the other columns
            *padded, pid = [text.ljust(width) for text, width in zip(row, widths)]
            lines.append("    " + "  ".join(text for text in padded if text) + "  " + pid.rstrip())
        return "\n".join(lines + self.notes)

    def _repr_html_(self):
        lines = [f"<p>{html.escape(self._title)}</p>"]
        if self.rows:
            names = "who", "end", "fd", "state", "process"
            heads = "".join(f"<th>{name}</th>" for name in names)
            lines += ["<table>", f"<tr>{heads}</tr>"]
            for row in self.rows:
                cells = "".join(f"<td>{html.escape(text)}</td>" for text in self._cells(row))
                lines.append(f"<tr>{cells}</tr>")
            lines.append("</table>")
        lines += [f"<p>{html.escape(note)}</p>" for note in self.notes]
        return "\n".join(lines)

    @property
    def _title(self):
        title = self.path
        if self.bytes_waiting is not None:
            bytes_wait = "byte waits" if self.bytes_waiting == 1 else "bytes wait"
            title += f": {self.bytes_waiting} {bytes_wait} to be read"
        if not self.rows and sys.platform == "linux":
            title += ": nobody is seen to hold an end or to wait for one"
        return title

    @staticmethod
    def _cells(row):
        return row.role, row.end_text, row.fd_text, row.state_text, f"pid {row.pid}"


def ends(path):
    """Tell who holds which end of the FIFO at path, who is asleep on it, how many bytes wait.

    It only looks: the FIFO is not opened, so a process blocked in open stays blocked. It goes
    by what the file is (st_dev, st_ino), so ends opened by another name count, too. Blocks for
    some 10 ms with 300 processes.

    Who holds an end is told by /proc/PID/fd and fdinfo; who is asleep, by /proc/PID/syscall
    (proc_pid_syscall(5)), which the system may keep from us (ptrace_scope of the Yama module),
    and for puppets by their own log. `notes` counts the processes that can't be looked into;
    those of other containers, and those hidden by the mount option hidepid, are not seen at
    all. Who is asleep in open is known by the path alone: if that has since been given to
    another FIFO, all but puppets are told with the new one.

    Returns `Ends`; elsewhere than on Linux one without rows, which says so. Raises
    FileNotFoundError for a path with nothing there, ValueError for another kind of file.
    """
    path = os.fsdecode(path)
    try:
        status = os.stat(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(error.errno, "Nothing is there: mkfifo it first", path) from None
    if not stat.S_ISFIFO(status.st_mode):
        raise ValueError(f"{path} is not a named pipe, so it has no ends")
    if sys.platform != "linux":
        return Ends(path, [], None, ["who holds its ends can be seen on Linux only, in /proc"])
    return _Search((status.st_dev, status.st_ino)).ends(path)


class _Search:
    """One look through all processes for the FIFO of this identity (st_dev, st_ino)."""

    def __init__(self, fifo):
        self._fifo = fifo
        self._held = {}  # {pid: {fd: end}}
        self._sleepers = []  # _Sleeper, not yet sampled a second time
        self._hidden = 0  # processes whose descriptors can't be seen
        self._silent = set()  # PIDs whose descriptors, but not their calls, can be seen

    def ends(self, path):
        puppets = {puppet.pid: puppet for puppet in running_puppets()}
        for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()):
            try:
                self._look_into(pid, puppets)
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has ended
            except PermissionError:
                self._hidden += not _without_descriptors(pid)
        if self._sleepers:
            time.sleep(asleep.PAUSE)
        sleepers = [sleeper for sleeper in self._sleepers if sleeper.sleeps_on()]
        for puppet in puppets.values():
            sleepers += self._of_puppet(puppet)
        return Ends(path, self._rows(sleepers, puppets), self._bytes_waiting(), self._notes())

    def _look_into(self, pid, puppets):
        hidden = False
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                if self._is_fifo(f"/proc/{pid}/fd/{name}"):
                    flags = _field(f"/proc/{pid}/fdinfo/{name}", "flags:")
                    end = _END.get(int(flags, 8) & os.O_ACCMODE)
                    if end and not int(flags, 8) & os.O_PATH:
                        self._held.setdefault(pid, {})[int(name)] = end
            except FileNotFoundError:
                pass  # closed meanwhile
            except PermissionError:  # a security module's: the others may be looked at
                hidden = True
        self._hidden += hidden
        if hidden or pid in puppets:
            return
        for tid in map(int, os.listdir(f"/proc/{pid}/task")):
            try:
                if sleeper := self._sleeper(pid, tid):
                    self._sleepers.append(sleeper)
            except PermissionError:
                self._silent.add(pid)
            except OSError:  # the thread has ended, or the kernel is built without the file
                if not os.path.exists("/proc/self/syscall"):
                    self._silent.add(pid)
        if not _TRANSFERS:  # the numbers of this processor's calls are not known
            self._silent.add(pid)

    def _sleeper(self, pid, tid):
        """The `_Sleeper` for a thread that is in a call on the FIFO, or None."""
        line = _read(f"/proc/{pid}/task/{tid}/syscall")
        number, *args = line.split()
        if not args or not number.isdecimal():  # "running", or asleep outside a call
            return None
        number, args = int(number), [int(arg, 16) for arg in args]
        name, fd = _TRANSFERS.get(number), args[0]
        if name:
            if fd not in self._held.get(pid, {}):
                return None
            return _Sleeper(pid, tid, name, fd, None, line, asleep.sample(pid, tid))
        if number not in (_OPEN, _CREAT, _OPENAT, _OPENAT2):
            return None
        mark = asleep.sample(pid, tid)
        if mark is None:  # not the sleep of a FIFO: a disk, perhaps, that we would wait for, too
            return None
        if number in (_OPEN, _CREAT):
            folder, path, flags = _AT_FDCWD, *args[:2]
        else:
            folder, path, flags = args[:3]
        if number == _CREAT:
            flags = os.O_WRONLY
        if number == _OPENAT2:  # the third argument points to a struct that begins with them
            flags = int.from_bytes(_memory(pid, flags, 8), sys.byteorder)
        path = _memory(pid, path, os.pathconf("/", "PC_PATH_MAX")).split(b"\0")[0]
        end = _END.get(flags & os.O_ACCMODE)
        if end is None or path.startswith(_OWN_NAMES):
            return None
        if path.startswith(b"/"):
            base = f"/proc/{pid}/root"
        elif folder & 0xFFFFFFFF == _AT_FDCWD:
            base = f"/proc/{pid}/task/{tid}/cwd/"
        else:
            base = f"/proc/{pid}/fd/{folder & 0xFFFFFFFF}/"
        try:
            if not self._is_fifo(os.fsencode(base) + path):
                return None
        except OSError:  # the name is gone: which FIFO it was can't be told
            return None
        return _Sleeper(pid, tid, "open", None, end, line, mark)

    def _of_puppet(self, puppet):
        press = puppet.under_way
        if press is None or press.call is None:
            return
        fd = end = None
        if press.name == "open" and press.fifo == self._fifo:
            end = _END.get(press.call.args[1] & os.O_ACCMODE)
        elif press.name in ("read", "write"):
            fd = press.call.args[0]
            if fd not in self._held.get(puppet.pid, {}):
                return
        else:
            return
        if puppet.blocked and puppet.under_way is press:
            yield _Sleeper(puppet.pid, puppet.pid, press.name, fd, end, None, None)

    def _rows(self, sleepers, puppets):
        roles = {program.pid: _program_role(program.name) for program in running_programs()}
        roles.update({puppet.pid: puppet.role for puppet in puppets.values()})
        roles[os.getpid()] = "notebook"
        rows = []
        for pid, fds in self._held.items():
            for fd, end in fds.items():
                calls = {each.name for each in sleepers if (each.pid, each.fd) == (pid, fd)}
                unknown = "?" if pid in self._silent else None
                state = " and ".join(sorted(calls)) or unknown
                rows.append(End(_role(pid, roles), pid, end, fd, state))
        for sleeper in sleepers:
            if sleeper.fd is None:
                role = _role(sleeper.pid, roles)
                rows.append(End(role, sleeper.pid, sleeper.end, None, "open"))
        return sorted(rows, key=lambda row: (
            row.role != "notebook", row.role, row.end, row.state_text, row.fd or 0, row.pid
        ))

    def _bytes_waiting(self):
        for fd in self._held.get(os.getpid(), {}):
            count = bytearray(4)
            try:
                if self._fifo == _identity(os.fstat(fd)):
                    fcntl.ioctl(fd, termios.FIONREAD, count)
                    return int.from_bytes(count, sys.byteorder)
            except OSError:  # closed meanwhile by another thread
                pass
        return None

    def _notes(self):
        notes = []
        if self._hidden:
            whose = (
                "process, another user's or a protected one,"
                if self._hidden == 1
                else "processes, other users' or protected ones,"
            )
            notes.append(f"{self._hidden} {whose} could not be looked into")
        silent = len(self._silent - self._held.keys())
        if silent:
            processes = "process does" if silent == 1 else "processes do"
            notes.append(f"{silent} {processes} not tell whether they wait in open")
        return notes

    def _is_fifo(self, path):
        return _identity(os.stat(path)) == self._fifo


@dataclass(frozen=True)
class _Sleeper:
    """A thread in a call on the FIFO. line and mark: what the first sample has shown."""

    pid: int
    tid: int
    name: str
    fd: "int | None"
    end: "str | None"
    line: "str | None"
    mark: "str | None"

    def sleeps_on(self):
        """Whether it has slept since the first sample: a call that is merely slow has not."""
        if self.mark is None:
            return False
        try:
            line = _read(f"/proc/{self.pid}/task/{self.tid}/syscall")
        except OSError:
            return False
        return line == self.line and asleep.sample(self.pid, self.tid) == self.mark


def _role(pid, roles):
    if pid in roles:
        return roles[pid]
    try:
        parent = int(_field(f"/proc/{pid}/status", "PPid:"))
        # A forked child runs the same command; a started one, another.
        if parent in roles and _read(f"/proc/{pid}/cmdline") == _read(f"/proc/{parent}/cmdline"):
            return f"{roles[parent]}'s child"
        return _read(f"/proc/{pid}/comm").rstrip("\n")
    except OSError:  # it has just ended
        return "ended"


def _program_role(name):
    return _ROLES.get(name, name.removesuffix(".py"))


def _identity(status):
    return status.st_dev, status.st_ino


def _without_descriptors(pid):
    """True for a thread of the kernel, or a process that has ended: what is left holds no end."""
    try:
        state, *_, flags = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()[:7]
    except OSError:
        return True
    return state in "ZX" or bool(int(flags) & _KERNEL_THREAD)


def _memory(pid, address, size):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(size)  # less, if what follows is not mapped


def _field(path, name):
    for line in _read(path).splitlines():
        if line.startswith(name):
            return line.split()[1]
    raise FileNotFoundError(f"{path} has no {name}")


def _read(path):
    with open(path, errors="replace") as file:
        return file.read()
