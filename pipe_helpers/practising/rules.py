"""The rules that decide what a call does: when each of them decides, and the cell that shows it."""
import errno
import os
from dataclasses import dataclass
from typing import Callable

WAITS = None  # in place of the outcome of a call that has not returned
R, W = os.O_RDONLY, os.O_WRONLY
MANY = b"." * 2_000_000  # more than a pipe holds, also where a page has 64 KiB


@dataclass
class Event:
    """A call, and what became of it when some process, perhaps another, was told to make one.

    before, after: the `World` before that call was entered, and when all was settled. who: the
    number of the process whose call it is. name, args: the call. pressed: (who, name, args) of
    the call that was entered now. outcome: (value, number of the error), or WAITS. past: the
    events before it.
    """

    before: object
    after: object
    who: int
    name: str
    args: tuple
    pressed: tuple
    outcome: "tuple | None"
    past: list

    @property
    def new(self):
        """Whether it is the call itself that was entered now; else it has waited until now."""
        return self.pressed == (self.who, self.name, self.args)

    @property
    def number(self):
        """The number of the FIFO in the worlds."""
        if self.name == "open":
            return self.before.names[self.args[0]]
        return self.before.hands[self.who].fds[self.args[0]][0]

    @property
    def flags(self):
        return self.args[1] if self.name == "open" else \
            self.before.hands[self.who].fds[self.args[0]][1]

    @property
    def access(self):
        return self.flags & os.O_ACCMODE

    @property
    def nonblocking(self):
        return bool(self.flags & os.O_NONBLOCK)

    @property
    def pipe(self):
        return self.before.pipes[self.number]

    @property
    def value(self):
        return self.outcome and self.outcome[0]

    @property
    def error(self):
        return self.outcome and self.outcome[1]

    @property
    def inside(self):
        """The bytes that were in the pipe."""
        return b"".join(page.data for page in self.pipe.pages)

    def sources(self):
        """Who wrote what the read has returned: the number of a process for each whole write."""
        return [event.who for event in self.past if event.name == "write" and event.new
                and event.number == self.number and event.args[1] in self.value]

    def was(self, name, **known):
        """The earlier events of that name at the same pipe, with these values."""
        return [event for event in self.past if event.name == name and event.number == self.number
                and all(getattr(event, key) == value for key, value in known.items())]


@dataclass(frozen=True)
class Rule:
    """name: by which answers are noted; it never changes. title: in a few words.

    sentence: the rule. see: the name and the address of the cell that shows it, seen from the
    folder of the chapters. decides: told an `Event`, whether this rule decides it.
    """

    name: str
    title: str
    sentence: str
    see: tuple
    decides: Callable


def _open_waits(event):
    return _opens(event) and event.outcome is WAITS


def _open_returns(event):
    return _opens(event) and event.value is not None


def _opens(event):
    return event.name == "open" and event.new and not event.nonblocking


def _open_freed(event):
    return event.name == "open" and not event.new and event.outcome is not WAITS


def _both_freed(event):
    waited = [hand for hand in event.before.hands if hand.call and hand.call.name == "open"]
    return _open_freed(event) and len(waited) == 2


def _same_end(event):
    return (event.name == "open" and not event.new and event.outcome is WAITS
            and event.pressed[1] == "open" and event.pressed[2] == event.args)


def _wrong_end(event):
    return event.error == errno.EBADF


def _write_returns(event):
    return event.name == "write" and event.value == len(event.args[1]) and not event.nonblocking


def _write_waits(event):
    return event.name == "write" and event.new and event.outcome is WAITS


def _read_waits(event):
    return event.name == "read" and event.new and event.outcome is WAITS


def _reads(event):
    return event.name == "read" and event.new and bool(event.value)


def _at_most(event):
    return _reads(event) and len(event.inside) > event.args[1]


def _what_is_there(event):
    return _reads(event) and len(event.inside) < event.args[1] and len(event.sources()) == 1


def _no_boundaries(event):
    return _reads(event) and len(event.inside) < event.args[1] and len(event.sources()) > 1


def _read_freed(event):
    return event.name == "read" and not event.new and bool(event.value)


def _end_of_file(event):
    return event.name == "read" and event.new and event.value == b"" and not event.nonblocking


def _end_freed(event):
    return event.name == "read" and not event.new and event.value == b""


def _bytes_stay(event):
    return _reads(event) and not event.pipe.writers


def _broken(event):
    return event.name == "write" and event.new and event.error == errno.EPIPE


def _reader_leaves(event):
    return event.name == "write" and not event.new and event.outcome is not WAITS


def _not_final(event):
    return (event.name == "read" and event.new and event.value != b""
            and bool(event.was("read", value=b"", who=event.who)))


def _vanished(event):
    """Its bytes had been lost before: nobody had the pipe open."""
    if event.name != "read" or not event.new or event.value:
        return False
    lost = [number for number, past in enumerate(event.past) if past.name == "close"
            and past.number == event.number and past.inside
            and not past.after.pipes[event.number].readers + past.after.pipes[event.number].writers]
    return bool(lost) and not any(past.name == "write" and past.number == event.number
                                  for past in event.past[lost[-1]:])


def _no_reader_yet(event):
    return event.name == "open" and event.error == errno.ENXIO


def _open_at_once(event):
    return (event.name == "open" and event.nonblocking and event.access == R
            and not event.pipe.writers)


def _reader_is_there(event):
    return (event.name == "open" and event.nonblocking and event.access == W
            and event.error is None)


def _nothing_yet(event):
    return event.name == "read" and event.error == errno.EAGAIN


def _end_nonblocking(event):
    return event.name == "read" and event.nonblocking and event.value == b""


def _bytes_nonblocking(event):
    return event.name == "read" and event.nonblocking and bool(event.value)


def _full_nonblocking(event):
    return event.name == "write" and event.error == errno.EAGAIN


def _part(event):
    return (event.name == "write" and event.new and event.nonblocking
            and event.value is not None and event.value < len(event.args[1]))


def _last_writer(event):
    """A read that goes on waiting, though a writer has closed."""
    if event.name != "read" or event.new or event.outcome is not WAITS:
        return False
    who, name, args = event.pressed
    number, flags = event.before.hands[who].fds[args[0]] if name == "close" else (None, R)
    return number == event.number and flags & os.O_ACCMODE == W


def _shared(event):
    """Another reader, at the same time, has had bytes that this one does not get."""
    return event.name == "read" and event.new and any(
        past.who != event.who and past.value and past.before.pipes[event.number].readers > 1
        for past in event.was("read"))


def _two_sources(event):
    return _reads(event) and len(event.inside) < event.args[1] and len(set(event.sources())) > 1


def _a_reader_is_left(event):
    return _write_returns(event) and any(past.after.pipes[past.number].readers > 0
                                         for past in event.was("close", access=R))


def _keeps(event):
    """A read that waits, since the process itself has the write end open, and no other."""
    return _read_waits(event) and event.pipe.writers == 1 and any(
        number == event.number and flags & os.O_ACCMODE == W
        for number, flags in event.before.hands[event.who].fds.values())


def _circle(event):
    """An open that waits for a process which waits in open for this one: server 0 and a client."""
    if not _open_waits(event):
        return False
    for who, hand in enumerate(event.before.hands):
        if hand.call and hand.call.name == "open" and 0 in (who, event.who):
            pipes = {hand.call.args[0], event.args[0]}
            if pipes == {"requests", f"reply.{who or event.who}"}:
                return True
    return False


def _answer_open_waits(event):
    return _open_waits(event) and event.who == 0 and event.args[0] != "requests"


def _client_gone(event):
    return _broken(event) and event.who == 0


def _own_pipe(event):
    """A client that reads, while the only answer is in the pipe of the other."""
    return (event.name == "read" and event.new and event.who > 0 and event.value is None
            and any(past.name == "write" and past.who == 0 and past.number != event.number
                    for past in event.past))


def _sleeping_server(event):
    """A request that is sent while the server sleeps in open."""
    return (_write_returns(event) and event.who > 0 and event.before.hands[0].call is not None
            and event.before.hands[0].call.name == "open")


_OPEN, _WRITE, _READ, _CLOSE = (f"{name}.ipynb#cell-id=" for name in (
    "03_open", "04_write", "05_read", "06_close"))
_MANY, _WITHOUT = "09_a_server_for_many.ipynb#cell-id=", "more/nonblocking_writes.ipynb#cell-id="

RULES = {rule.name: rule for rule in (
    Rule("open-waits", "an open that waits",
         "An open waits until some process opens the other end of the pipe.",
         ("open", f"{_OPEN}waits-blocked"), _open_waits),
    Rule("open-returns", "an open that finds the other end",
         "An open returns at once if the other end is open, or if a process waits in its open of "
         "the other end.",
         ("open", f"{_OPEN}waits-free"), _open_returns),
    Rule("open-freed", "an open that is freed",
         "An open that waits returns when some process opens the other end.",
         ("open", f"{_OPEN}waits-free"), _open_freed),
    Rule("same-end", "two opens of the same end",
         "An open waits for the other end. A process that opens the same end does not help it.",
         ("open", f"{_OPEN}first-reader"), _same_end),
    Rule("wrong-end", "the wrong end",
         "A read end can only be read from, and a write end can only be written to. Else the call "
         "fails with EBADF, at once.",
         ("open", f"{_OPEN}direction-write"), _wrong_end),
    Rule("write-returns", "a write with room",
         "A write returns as soon as all its bytes are in the pipe. Nobody need have read them.",
         ("write", f"{_WRITE}cafe"), _write_returns),
    Rule("write-waits", "a write without room",
         "A write that finds no room for all its bytes waits. It returns when the last of them is "
         "in the pipe.",
         ("write", f"{_WRITE}one-more"), _write_waits),
    Rule("read-waits", "a read of an empty pipe",
         "A read waits while the pipe is empty and some process has it open for writing.",
         ("read", f"{_READ}read-blocks"), _read_waits),
    Rule("at-most", "a read that asks for less",
         "A read returns at most as many bytes as it asks for. The rest stays in the pipe.",
         ("read", f"{_READ}up-to-n"), _at_most),
    Rule("what-is-there", "a read that asks for more",
         "A read returns what is there. It waits for the first byte, never for the last.",
         ("read", f"{_READ}up-to-n"), _what_is_there),
    Rule("no-boundaries", "several writes before one read",
         "A pipe keeps no mark between two writes. One read may return the bytes of both.",
         ("read", f"{_READ}boundaries"), _no_boundaries),
    Rule("read-freed", "a read that is freed",
         "A read that waits returns when there are bytes: as many as there are then, at most what "
         "it asks for.",
         ("read", f"{_READ}text-short-read"), _read_freed),
    Rule("end-of-file", "end of file",
         'End of file: a read returns b"" at once if the pipe is empty and no process has it open '
         "for writing.",
         ("read", f"{_READ}end"), _end_of_file),
    Rule("end-freed", "end of file for a read that waits",
         'A read that waits returns b"" when the last process that had the pipe open for writing '
         "closes it.",
         ("close", f"{_CLOSE}last-second-close"), _end_freed),
    Rule("bytes-stay", "the writer goes first",
         "Bytes stay in the pipe when the writer has closed, as long as a reader has it open. End "
         "of file comes after the last of them.",
         ("close", f"{_CLOSE}survive"), _bytes_stay),
    Rule("broken", "a broken pipe",
         "A write to a pipe that no process has open for reading fails with BrokenPipeError, at "
         "once.",
         ("write", f"{_WRITE}broken"), _broken),
    Rule("reader-leaves", "the reader leaves a write that waits",
         "If the last reader closes while a write waits that has written a part, the write returns "
         "the number of the bytes of that part. Only the next write fails.",
         ("Long messages", "more/long_messages.ipynb#cell-id=short-left"), _reader_leaves),
    Rule("not-final", "after end of file",
         "There is end of file only while no process has the pipe open for writing. When a new "
         "writer has opened it, reads return its bytes, or wait for them, as before.",
         ("read", f"{_READ}not-final"), _not_final),
    Rule("vanished", "bytes that nobody has read",
         "Bytes that nobody has read are gone when the last process has closed the pipe.",
         ("close", f"{_CLOSE}vanish-next"), _vanished),
    Rule("no-reader-yet", "a nonblocking open for writing without a reader",
         "A nonblocking open for writing fails with ENXIO if no process has the pipe open for "
         "reading.",
         ("open", f"{_OPEN}nonblock-write"), _no_reader_yet),
    Rule("open-at-once", "a nonblocking open for reading without a writer",
         "A nonblocking open for reading returns at once, whether there is a writer or not.",
         ("open", f"{_OPEN}nonblock-read"), _open_at_once),
    Rule("reader-is-there", "a nonblocking open for writing with a reader",
         "A nonblocking open for writing returns at once if a reader has the pipe open, or waits "
         "in its open.",
         ("A server for many", f"{_MANY}text-cures"), _reader_is_there),
    Rule("nothing-yet", "a nonblocking read with a silent writer",
         "A nonblocking read never waits. While the pipe is empty and a process has it open for "
         "writing, it fails with BlockingIOError: there is nothing yet.",
         ("open", f"{_OPEN}nonblock-silent"), _nothing_yet),
    Rule("end-nonblocking", "a nonblocking read without a writer",
         'A nonblocking read, too, returns b"" if the pipe is empty and no process has it open for '
         "writing.",
         ("open", f"{_OPEN}nonblock-read"), _end_nonblocking),
    Rule("bytes-nonblocking", "a nonblocking read of bytes",
         "A nonblocking read returns what is there, at most what it asks for, as any read does.",
         ("open", f"{_OPEN}nonblock-bytes"), _bytes_nonblocking),
    Rule("full-nonblocking", "a nonblocking write without room",
         "A nonblocking write never waits. If the pipe is full, it fails with BlockingIOError.",
         ("Nonblocking writes", f"{_WITHOUT}nonblock-full"), _full_nonblocking),
    Rule("part", "a nonblocking write with room for a part",
         "A nonblocking write of very many bytes writes as many as there is room for, and returns "
         "their number.",
         ("Nonblocking writes", f"{_WITHOUT}nonblock-large"), _part),
    Rule("both-freed", "two opens that are freed at once",
         "All that wait in open return when some process opens the other end.",
         ("open", f"{_OPEN}first-both"), _both_freed),
    Rule("last-writer", "one of two writers closes",
         "End of file comes when the last writer has closed. As long as one is left, a read "
         "waits.",
         ("close", f"{_CLOSE}last-first-close"), _last_writer),
    Rule("shared", "two readers",
         "Readers share the bytes: each byte goes to the first that reads it, and to no other.",
         ("Two readers", "more/two_readers.ipynb#cell-id=readers"), _shared),
    Rule("two-sources", "the bytes of two writers",
         "The bytes of all writers go into one pipe, in the order in which they were written, "
         "without a mark between them.",
         ("write", f"{_WRITE}text-several"), _two_sources),
    Rule("a-reader-is-left", "one of two readers closes",
         "A pipe is broken when the last reader has closed. As long as one is left, writers can "
         "write.",
         ("write", f"{_WRITE}text-broken-explained"), _a_reader_is_left),
    Rule("keeps", "a server with a write end of its own",
         "A reader that has the write end open, too, never meets end of file: its read waits for "
         "the next client.",
         ("A server for many", f"{_MANY}stays"), _keeps),
    Rule("circle", "a server and a client that wait for each other",
         "Two processes that open two pipes in opposite order wait for each other, until another "
         "process opens one of them.",
         ("When it goes wrong", "08_when_it_goes_wrong.ipynb#cell-id=deadlock"), _circle),
    Rule("answer-waits", "a client that does not open its pipe",
         "An open for the answer waits until the client opens its pipe. Until then the server "
         "answers nobody.",
         ("A server for many", f"{_MANY}never-opens"), _answer_open_waits),
    Rule("client-gone", "a client that has left",
         "A write to a client that has closed its pipe fails with BrokenPipeError.",
         ("A server for many", f"{_MANY}leaves"), _client_gone),
    Rule("own-pipe", "an answer for another client",
         "Each pipe has its own bytes. A client that reads its own pipe gets no answer that is "
         "for another client.",
         ("A server for many", f"{_MANY}text-own"), _own_pipe),
    Rule("sleeping-server", "a request to a server that sleeps",
         "A write returns when the kernel has the bytes. That the server sleeps, and in which "
         "call, does not matter.",
         ("A server for many", f"{_MANY}next"), _sleeping_server),
)}

# {level: (its title, the rules that it asks for)}. Where several rules fit, the first decides.
LEVELS = {
    1: ("open", ("same-end", "open-freed", "wrong-end", "open-waits", "open-returns")),
    2: ("write and read", ("no-boundaries", "at-most", "what-is-there", "read-freed", "read-waits",
                           "write-waits", "write-returns")),
    3: ("close and end of file", ("vanished", "not-final", "end-freed", "bytes-stay",
                                  "end-of-file", "reader-leaves", "broken")),
    4: ("nonblocking", ("no-reader-yet", "open-at-once", "reader-is-there", "nothing-yet",
                        "end-nonblocking", "bytes-nonblocking", "full-nonblocking", "part")),
    5: ("three processes", ("both-freed", "last-writer", "end-freed", "shared", "two-sources",
                            "a-reader-is-left")),
    6: ("a server", ("circle", "answer-waits", "keeps", "client-gone", "own-pipe",
                     "sleeping-server", "no-reader-yet", "no-boundaries", "end-of-file")),
}


def decides(rule, level, event):
    """Whether it is the rule of that name by which a level decides an event."""
    return RULES[rule].decides(event) and rule == next(
        name for name in LEVELS[level][1] if RULES[name].decides(event))
