"""The lab for a pair: one process here, at a named pipe that somebody else uses as well."""
import errno
import os
import stat
import sys
from dataclasses import replace

from pipe_helpers.keeping.keeper import forget, keep
from pipe_helpers.lab.model import LabModel, end_for
from pipe_helpers.processes.ends import ends

_OTHER = {"write": "read", "read": "write"}


class PairModel(LabModel):
    """One process, a writer or a reader, and a named pipe at a path that the other side knows.

    kind: "writer" or "reader". path: of the pipe, absolute or relative to the current folder.
    The lab makes the pipe if nothing has that path. Who has made it removes it at the end, at the
    latest with this process, unless something else has the path by then.

    Raises ValueError for another kind, FileExistsError if something else than a pipe has the path,
    and the OSError of mkfifo, which tells what to do. Otherwise as `LabModel`, without challenges.
    """

    def __init__(self, kind, path, on_change=lambda: None):
        if kind not in LabModel.kinds:
            raise ValueError(f'a lab for a pair is for a "writer" or a "reader", not {kind!r}')
        path = os.fsdecode(path)
        if path in LabModel.names:  # which way the bytes go does not depend on the name here
            path = os.path.join(os.curdir, path)
        self.kinds, self.names = (kind,), (path,)
        self._cwd = os.getcwd()
        self._path = os.path.join(self._cwd, path)  # the puppet's, also after an os.chdir
        self._made = None  # (st_dev, st_ino) of the pipe, if it was made here
        self._opened = None  # of the one that was opened last
        super().__init__(on_change)

    def _take_place(self):
        pass

    def _clear_place(self):
        pass

    @property
    def folder(self):
        """The folder to which the path is relative."""
        return self._cwd

    def _make_pipe(self, path):
        for _ in range(3):  # the other side may make or remove it at any moment
            try:
                os.mkfifo(path)
            except FileExistsError:
                if _identity(path):
                    return
                if os.path.lexists(path):
                    raise OSError(errno.EEXIST, "This is no named pipe: choose a path that nothing "
                                  "has, or that of a pipe", path) from None
            except OSError as error:
                raise _told(error, path) from None
            else:
                self._forget()
                self._made = _identity(path)
                keep(self._name)
                return
        raise OSError(errno.ENOENT, "The pipe comes and goes: choose another path", path)

    @property
    def _name(self):
        """The pipe, as the keeper knows it: by its number, since another may get its path."""
        return f"fifo {self._made[1]} {self._path}"

    def _leave_place(self):
        if self._made and _identity(self._path) == self._made:
            os.unlink(self._path)
        self._forget()

    def _forget(self):
        if self._made:
            forget(self._name)
            self._made = None

    def _note_challenges(self, history):
        pass

    def _done_before(self):
        return frozenset()

    def why_no_more(self, kind):
        """Why nothing can be added: the other process is the other side's."""
        if self.pipes and not self.ended:
            return "this lab has one process and one pipe: the other side has its own"
        return super().why_no_more(kind)

    @property
    def begun(self):
        """What to say before anything has happened."""
        who = "made here, and is removed when this lab ends" if self._made else "there already"
        return f"ready. The pipe was {who}"

    def look(self):
        """As `LabModel.look`. Of other processes it tells who is seen at the pipe.

        Blocks for some 20 ms more [ends].
        """
        with self._lock:
            seen = super().look()
            if self.ended:
                return replace(seen, pipes=tuple(map(_left, seen.pipes)))
            process, = seen.processes
            others = process.woken_by or ("the other side",) * process.blocked
            return replace(seen, waits=True,  # what others do is told by looking again
                           processes=(replace(process, woken_by=others),),
                           pipes=tuple(map(self._with_others, seen.pipes)))

    def _press(self, process, *call):
        press = super()._press(process, *call)
        if press.name == "open":
            self._opened = press.fifo
        return press

    def _with_others(self, pipe):
        process, now = self.processes[0], _identity(self._path)
        busy = process.puppet.under_way
        held = process.fd(pipe.name) is not None
        text = pipe.text
        if (held or busy) and self._opened != now:
            text += (". The path does not lead to this pipe any more: "
                     f"{'cancel' if busy else 'close'}, then press "
                     f"{'open' if now else 'start over'}")
        elif now is None:
            text = "nothing has this path any more: start over makes the pipe again"
        elif not held and not busy:
            text = "not open here, so what is in it is not known"
        try:
            rows = [row for row in ends(self._path).rows if row.pid != process.puppet.pid]
        except (OSError, ValueError):
            rows = []
        others = {end: [row for row in rows if row.end in (end, "both")] for end in _OTHER}
        mine, theirs = end_for(process.kind, pipe.name), _OTHER[end_for(process.kind, pipe.name)]
        words = {end: [f"pid {row.pid}" + " (in open)" * (row.fd is None) for row in others[end]]
                 for end in others}
        if words[theirs] or sys.platform == "linux":
            words[theirs] = [", ".join(words[theirs]) or "nobody seen"]
        own = [getattr(pipe, f"{mine}_end")]
        words[mine] = [each for each in own if each != "closed" or not words[mine]] + words[mine]
        is_open = any(row.fd is not None for row in others[theirs])
        return replace(pipe, text=text, **{f"{theirs}_open": is_open}, **{
            f"{end}_end": ", ".join(words[end]) or "not known here" for end in words})


def _left(pipe):
    """The pipe as it is to be seen once this side has gone: what others do is not known."""
    return replace(pipe, text="this lab has ended: what others do here is not known",
                   read_end="not known here", write_end="not known here")


def _identity(path):
    """The (st_dev, st_ino) of the pipe that has the path, or None."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISFIFO(status.st_mode) else None


def _told(error, path):
    folder = os.path.dirname(path)
    why = {
        errno.ENOENT: f"There is no folder {folder}: make it first, or choose another path",
        errno.EACCES: f"You may make nothing in {folder}: choose a folder that both may use",
    }.get(error.errno, f"No pipe can be made there ({error.strerror}): choose another path")
    return OSError(error.errno, why, path)
