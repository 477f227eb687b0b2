"""What /proc tells of a FIFO: who holds which end of it, and who is in a call on it."""
import functools
import os
import pathlib
import sys
from dataclasses import dataclass
from typing import Callable

from pipe_helpers.processes import asleep

END = {os.O_RDONLY: "read", os.O_WRONLY: "write", os.O_RDWR: "both"}

# System calls that can wait on a FIFO, by their number in /proc/PID/syscall <asm/unistd.h>.
_READS, _WRITES, _OPEN, _CREAT, _OPENAT, _OPENAT2 = {
    "x86_64": ({0: "read", 19: "read"}, {1: "write", 20: "write"}, 2, 85, 257, 437),
    "aarch64": ({63: "read", 65: "read"}, {64: "write", 66: "write"}, None, None, 56, 437),
    "riscv64": ({63: "read", 65: "read"}, {64: "write", 66: "write"}, None, None, 56, 437),
}.get(os.uname().machine, ({}, {}, None, None, None, None))
_TRANSFERS = {**_READS, **_WRITES}
_AT_FDCWD = 0xFFFFFF9C  # -100 as 32 bits
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD in <linux/sched.h>, in the flags of proc_pid_stat(5)
_CAP_DAC_OVERRIDE = 1 << 1  # <linux/capability.h>
# In another process these names mean its own descriptors: here they would mean ours.
_OWN_NAMES = (b"/proc/self", b"/proc/thread-self", b"/dev/fd", b"/dev/std")


@dataclass(frozen=True)
class Caller:
    """A thread in a call on the FIFO. look: tells whether it sleeps there, as `asleep` wants it.

    name: "open", "read" or "write". fd: its descriptor; None in open, where end is known instead.
    """

    pid: int
    name: str
    fd: "int | None"
    end: "str | None"
    look: Callable


class Search:
    """One look through all processes for the FIFO of this identity (st_dev, st_ino).

    known: PIDs of which only the descriptors are wanted.

    held: a dict {pid: {fd: end}}. callers: a list of `Caller`. hidden: PIDs of processes whose
    descriptors can't be seen. silent: PIDs of those whose descriptors, but not their calls, can
    be seen.
    """

    def __init__(self, fifo, known=()):
        self._fifo = fifo
        self._known = known
        self.held = {}
        self.callers = []
        self.hidden = set()
        self.silent = set()
        for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()):
            try:
                self._look_into(pid)
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has ended
            except PermissionError:
                if not _without_descriptors(pid):
                    self.hidden.add(pid)

    def _look_into(self, pid):
        hidden = False
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                if self._is_fifo(f"/proc/{pid}/fd/{name}"):
                    flags = field(f"/proc/{pid}/fdinfo/{name}", "flags:")
                    end = END.get(int(flags, 8) & os.O_ACCMODE)
                    if end and not int(flags, 8) & os.O_PATH:
                        self.held.setdefault(pid, {})[int(name)] = end
            except FileNotFoundError:
                pass  # closed meanwhile
            except PermissionError:  # a security module's: the others may be looked at
                hidden = True
        if hidden:
            self.hidden.add(pid)
        if hidden or pid in self._known:
            return
        for tid in map(int, os.listdir(f"/proc/{pid}/task")):
            try:
                if caller := self._caller(pid, tid):
                    self.callers.append(caller)
            except PermissionError:
                self.silent.add(pid)
            except OSError:  # the thread has ended, or the kernel is built without the file
                if not os.path.exists("/proc/self/syscall"):
                    self.silent.add(pid)
        if not _TRANSFERS:  # the numbers of this processor's calls are not known
            self.silent.add(pid)

    def _caller(self, pid, tid):
        """The `Caller` for a thread that is in a call on the FIFO, or None."""
        line = text(f"/proc/{pid}/task/{tid}/syscall")
        number, *args = line.split()
        if not args or not number.isdecimal():  # "running", or asleep outside a call
            return None
        look = functools.partial(_look, pid, tid, line)
        number, args = int(number), [int(arg, 16) for arg in args]
        name, fd = _TRANSFERS.get(number), args[0]
        if name:
            if fd not in self.held.get(pid, {}):
                return None
            return Caller(pid, name, fd, None, look)
        if number not in (_OPEN, _CREAT, _OPENAT, _OPENAT2):
            return None
        if look() is None:  # not the sleep of a FIFO: a disk, perhaps, that we would wait for, too
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
        end = END.get(flags & os.O_ACCMODE)
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
        return Caller(pid, "open", None, end, look)

    def _is_fifo(self, path):
        return identity(os.stat(path)) == self._fifo


def _look(pid, tid, line):
    """What stays the same while a thread sleeps in the call of which its syscall tells line."""
    try:
        now = text(f"/proc/{pid}/task/{tid}/syscall")
    except OSError:
        return None
    return asleep.sample(pid, tid) if now == line else None


def identity(status):
    """What tells one file from another, whatever their names."""
    return status.st_dev, status.st_ino


def _without_descriptors(pid):
    """True for a thread of the kernel, or a process that has ended: what is left holds no end."""
    try:
        state, *_, flags = text(f"/proc/{pid}/stat").rpartition(")")[2].split()[:7]
    except OSError:
        return True
    return state in "ZX" or bool(int(flags) & _KERNEL_THREAD)


def others_may_open(path, status):
    """Tell whether the permissions of a FIFO and of the folders above let another user open it.

    The group is not looked at: an access list may name others [acl(5)]. By another name the FIFO
    may be in other folders. Whoever owns the FIFO or a folder may change its permissions. True if
    it can't be told.
    """
    doors = [(status, 0o066)]
    try:
        if status.st_nlink == 1:
            above = pathlib.Path(os.path.realpath(path)).parents
            doors += [(os.stat(folder), 0o011) for folder in above]
    except OSError:  # moved meanwhile, or in a folder that we could not enter ourselves
        return True
    return all(door.st_mode & bits or door.st_uid not in (0, os.getuid()) for door, bits in doors)


def is_protected(pid):
    """True for a process that no permission stops, and for one of this user's that is hidden."""
    try:
        status = text(f"/proc/{pid}/status")
    except OSError:  # it has ended
        return False
    words = {name: words.split() for name, _, words in
             (line.partition(":") for line in status.splitlines())}
    return bool(int(words["CapEff"][0], 16) & _CAP_DAC_OVERRIDE) or str(os.getuid()) in words["Uid"]


def _memory(pid, address, size):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(size)  # less, if what follows is not mapped


def field(path, name):
    """The first word behind name, which begins a line of the file."""
    for line in text(path).splitlines():
        if line.startswith(name):
            return line.split()[1]
    raise FileNotFoundError(f"{path} has no {name}")


def text(path):
    """What is in the file."""
    with open(path, errors="replace") as file:
        return file.read()
