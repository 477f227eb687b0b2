"""A FIFO as POSIX and Linux have it, small enough to be read: what every call must do.

A `World` is one state of all there is: the FIFOs, their names, and for each hand (a process) its
descriptors and the call it is in. Where two blocked calls compete, the system promises no order;
so `settled` returns every world that some order leads to, and what is seen must be one of them.

Sources: fifo(7), pipe(7), open(2), write(2), read(2); for the pages, fs/pipe.c of Linux. Left out:
signals other than the cancelling of a call, F_SETPIPE_SZ, and a second name of one FIFO.
"""
import errno
import os
from dataclasses import dataclass, field

PAGE = os.sysconf("SC_PAGE_SIZE")
PIPE_BUF = 4096  # Linux, on every processor
PAGES = 16  # what a pipe holds, unless F_SETPIPE_SZ is used or the user has 1,024 pipes


@dataclass
class Page:
    start: int  # bytes that have been read, whose room does not come back
    data: bytes


@dataclass
class Pipe:
    """A FIFO. pages: what waits to be read. readers, writers: how often each end is held, which
    an open that still waits counts for, too. reader_opens, writer_opens: how often in all."""

    pages: list = field(default_factory=list)
    readers: int = 0
    writers: int = 0
    reader_opens: int = 0
    writer_opens: int = 0

    @property
    def waiting(self):
        return sum(len(page.data) for page in self.pages)

    def change_holders(self, flags, by):
        access = flags & os.O_ACCMODE
        self.readers += by * (access != os.O_WRONLY)
        self.writers += by * (access != os.O_RDONLY)
        if by > 0:
            self.reader_opens += access != os.O_WRONLY
            self.writer_opens += access != os.O_RDONLY
        if not self.readers and not self.writers:
            self.pages = []  # nobody has it open: what nobody has read is gone


@dataclass
class Call:
    """A call that a hand is in. begun: its first step is done, and it has had to wait."""

    name: str
    args: tuple
    begun: bool = False
    pipe: "int | None" = None
    opens: int = 0  # an open: how often the other end had been opened when it began to wait
    written: int = 0


@dataclass
class Hand:
    """A process. fds: {descriptor: (number of the FIFO, flags)}. outcome: of its last call."""

    fds: dict = field(default_factory=dict)
    call: "Call | None" = None
    outcome: "tuple | None" = None


@dataclass
class World:
    """names: {name: number of the FIFO that has it now}."""

    hands: list
    pipes: list = field(default_factory=list)
    names: dict = field(default_factory=dict)

    def pressed(self, who, name, *args):
        """The world after a hand has entered a call, and done nothing in it yet."""
        after = self._copy(who)
        after.hands[who].call = Call(name, args)
        after.hands[who].outcome = None
        return after

    def cancelled(self, who):
        """The world after the call that a hand waits in was cancelled: it keeps what it did."""
        after = self._copy(who)
        call = after.hands[who].call
        if call.name == "open":
            after.pipes[call.pipe].change_holders(call.args[1], -1)
        if call.written:
            after._leave(who, call.written)
        else:
            after._leave(who, error=errno.EINTR)
        return after

    def moved(self, who):
        """The world after the hand's call has done its next step; None if it must wait."""
        if self.hands[who].call is None:
            return None
        after = self._copy(who)
        call = after.hands[who].call
        getattr(after, f"_{call.name}")(who, call, *call.args)
        # To begin to wait is a step: from then on an open counts as holding its end.
        return None if after == self else after

    def _copy(self, who):
        """A copy in which a call of that hand may change anything. What it can't is shared."""
        hands = list(self.hands)
        hands[who] = _twin(hands[who], fds=dict(hands[who].fds),
                           call=hands[who].call and _twin(hands[who].call))
        pipes = [_twin(pipe, pages=[_twin(page) for page in pipe.pages]) for pipe in self.pipes]
        return World(hands, pipes, dict(self.names))

    def _leave(self, who, value=None, error=None):
        self.hands[who].call = None
        self.hands[who].outcome = (value, error)

    def _mkfifo(self, who, call, name):
        if name in self.names:
            return self._leave(who, error=errno.EEXIST)
        self.pipes.append(Pipe())
        self.names[name] = len(self.pipes) - 1
        self._leave(who)

    def _unlink(self, who, call, name):
        if name not in self.names:
            return self._leave(who, error=errno.ENOENT)
        del self.names[name]
        self._leave(who)

    def _open(self, who, call, name, flags):
        access = flags & os.O_ACCMODE
        if not call.begun:
            if name not in self.names:
                return self._leave(who, error=errno.ENOENT)
            pipe = self.pipes[self.names[name]]
            nonblock = flags & os.O_NONBLOCK
            if access == os.O_WRONLY and nonblock and not pipe.readers:
                return self._leave(who, error=errno.ENXIO)
            call.begun, call.pipe = True, self.names[name]
            pipe.change_holders(flags, +1)
            others = pipe.writers if access == os.O_RDONLY else pipe.readers
            if not nonblock and not others:  # by O_RDWR it has opened both
                call.opens = self._other_opens(call, access)
                return None
        elif self._other_opens(call, access) == call.opens:  # even one closed again will do
            return None
        fds = self.hands[who].fds
        fd = next(number for number in range(3, 999) if number not in fds)
        fds[fd] = call.pipe, flags
        self._leave(who, fd)

    def _other_opens(self, call, access):
        pipe = self.pipes[call.pipe]
        return pipe.writer_opens if access == os.O_RDONLY else pipe.reader_opens

    def _close(self, who, call, fd):
        number, flags = self.hands[who].fds.pop(fd)
        self.pipes[number].change_holders(flags, -1)
        self._leave(who)

    def _read(self, who, call, fd, size):
        number, flags = self.hands[who].fds[fd]
        pipe = self.pipes[number]
        if flags & os.O_ACCMODE == os.O_WRONLY:
            return self._leave(who, error=errno.EBADF)
        if size and not pipe.pages and pipe.writers:
            if flags & os.O_NONBLOCK:
                return self._leave(who, error=errno.EAGAIN)
            call.begun = True
            return None
        data = b""
        while pipe.pages and len(data) < size:
            page = pipe.pages[0]
            piece = page.data[: size - len(data)]
            data += piece
            page.start += len(piece)
            page.data = page.data[len(piece) :]
            if not page.data:  # room comes by the page
                del pipe.pages[0]
        self._leave(who, data)

    def _write(self, who, call, fd, data):
        number, flags = self.hands[who].fds[fd]
        pipe = self.pipes[number]
        if flags & os.O_ACCMODE == os.O_RDONLY:
            return self._leave(who, error=errno.EBADF)
        if data and not pipe.readers:
            if call.written:
                return self._leave(who, call.written)
            return self._leave(who, error=errno.EPIPE)
        if not call.begun:
            # Linux puts what is beyond whole pages into the last page, if all of it fits.
            odd = len(data) % PAGE
            if odd and pipe.pages:
                last = pipe.pages[-1]
                if last.start + len(last.data) + odd <= PAGE:
                    last.data += data[:odd]
                    call.written = odd
        while call.written < len(data) and len(pipe.pages) < PAGES:
            piece = data[call.written : call.written + PAGE]
            pipe.pages.append(Page(0, piece))
            call.written += len(piece)
        call.begun = True
        if call.written == len(data):
            self._leave(who, call.written)
        elif flags & os.O_NONBLOCK:
            if call.written:
                self._leave(who, call.written)
            else:
                self._leave(who, error=errno.EAGAIN)


def _twin(thing, **changed):
    """A copy of a dataclass instance, with some fields changed."""
    twin = object.__new__(type(thing))
    twin.__dict__.update(thing.__dict__, **changed)
    return twin


def settled(world):
    """Every world in which no call can go on any more, whatever the order of those that could."""
    moved = [after for who in range(len(world.hands)) if (after := world.moved(who))]
    if not moved:
        return [world]
    ends = []
    for after in moved:
        ends += [end for end in settled(after) if end not in ends]
    return ends
