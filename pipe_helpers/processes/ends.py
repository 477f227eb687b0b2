"""Tell from outside, without opening it, who holds which end of a FIFO and who waits on it."""
import fcntl
import html
import os
import stat
import sys
import termios
from dataclasses import dataclass

from pipe_helpers.processes import asleep, proc
from pipe_helpers.processes.console import running_programs
from pipe_helpers.processes.puppet import running_puppets

_ROLES = {"write_to_named_pipe.py": "writer", "read_from_named_pipe.py": "reader"}


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
    some 20 ms with 300 processes, and 5 ms more if somebody is in a call on it.

    Who holds an end is told by /proc/PID/fd and fdinfo; who is asleep, by /proc/PID/syscall
    (proc_pid_syscall(5)), which the system may keep from us (ptrace_scope of the Yama module),
    and for puppets by their own log. Who is asleep in open is known by the path alone: if that
    has since been given to another FIFO, all but puppets are told with the new one.

    `notes` counts the processes that can't be looked into, where one of them may be missing in
    the table: another user's, if the permissions of the FIFO and of the folders above let it be
    opened; root's, and protected ones of this user, if nobody is seen at one end and nobody
    sleeps in open, for that tells that the other end is not held. Processes of other
    containers, and those hidden by the mount option hidepid, are not seen at all.

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
    fifo = proc.identity(status)
    puppets = {puppet.pid: puppet for puppet in running_puppets()}
    search = proc.Search(fifo, puppets)
    callers = [*search.callers, *_callers(puppets, fifo, search.held)]
    sleeping = asleep.which_sleep([caller.look for caller in callers])
    sleepers = [caller for caller, sleeps in zip(callers, sleeping) if sleeps]
    rows = _rows(search, sleepers, puppets)
    notes = _notes(search, rows, proc.others_may_open(path, status))
    return Ends(path, rows, _bytes_waiting(search, fifo), notes)


def _callers(puppets, fifo, held):
    """A `proc.Caller` for each puppet that is in a call on the FIFO: its own log tells that."""
    for pid, puppet in puppets.items():
        press = puppet.under_way
        if press and press.name == "open" and press.fifo == fifo:
            end = proc.END.get(press.args[1] & os.O_ACCMODE)
            yield proc.Caller(pid, "open", None, end, press.look)
        elif press and press.name in ("read", "write") and press.args[0] in held.get(pid, {}):
            yield proc.Caller(pid, press.name, press.args[0], None, press.look)


def _rows(search, sleepers, puppets):
    roles = {program.pid: _ROLES.get(program.name, program.name.removesuffix(".py"))
             for program in running_programs()}
    roles.update({puppet.pid: puppet.role for puppet in puppets.values()})
    roles[os.getpid()] = "notebook"
    rows = []
    for pid, fds in search.held.items():
        for fd, end in fds.items():
            calls = {each.name for each in sleepers if (each.pid, each.fd) == (pid, fd)}
            unknown = "?" if pid in search.silent else None
            state = " and ".join(sorted(calls)) or unknown
            rows.append(End(_role(pid, roles), pid, end, fd, state))
    for sleeper in sleepers:
        if sleeper.fd is None:
            rows.append(End(_role(sleeper.pid, roles), sleeper.pid, sleeper.end, None, "open"))
    return sorted(rows, key=lambda row: (
        row.role != "notebook", row.role, row.end, row.state_text, row.fd or 0, row.pid
    ))


def _role(pid, roles):
    if pid in roles:
        return roles[pid]
    try:
        parent = int(proc.field(f"/proc/{pid}/status", "PPid:"))
        # A forked child runs the same command; a started one, another.
        commands = {proc.text(f"/proc/{each}/cmdline") for each in (pid, parent)}
        if parent in roles and len(commands) == 1:
            return f"{roles[parent]}'s child"
        return proc.text(f"/proc/{pid}/comm").rstrip("\n")
    except OSError:  # it has just ended
        return "ended"


def _bytes_waiting(search, fifo):
    for fd in search.held.get(os.getpid(), {}):
        count = bytearray(4)
        try:
            if fifo == proc.identity(os.fstat(fd)):
                fcntl.ioctl(fd, termios.FIONREAD, count)
                return int.from_bytes(count, sys.byteorder)
        except OSError:  # closed meanwhile by another thread
            pass
    return None


def _notes(search, rows, others_may_open):
    opens = any(row.fd is None for row in rows)
    both_held = {"read", "write"} <= {
        end for row in rows if row.fd is not None
        for end in (("read", "write") if row.end == "both" else (row.end,))
    }
    notes = []
    hidden = sum(not (opens or both_held) if proc.is_protected(pid) else others_may_open
                 for pid in search.hidden)
    if hidden:
        whose = (
            "process, another user's or a protected one,"
            if hidden == 1
            else "processes, other users' or protected ones,"
        )
        notes.append(f"{hidden} {whose} could not be looked into")
    silent = 0 if both_held else len(search.silent - search.held.keys())  # then no open waits
    if silent:
        processes = "process does" if silent == 1 else "processes do"
        notes.append(f"{silent} {processes} not tell whether they wait in open")
    return notes
