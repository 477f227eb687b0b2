"""What to try in the lab, and how to tell from the recorded calls alone that it has been done."""
import math
import os
from dataclasses import dataclass
from typing import Callable

from pipe_helpers.recording.calls import size_of

# Nanoseconds. A call that need not wait takes microseconds, and no hand presses two buttons within
# this time: two calls that overlap for longer did wait.
_WAITED = 2_000_000


def left(call):
    """When a call left: infinity if it has not yet."""
    return math.inf if call.left is None else call.left


def end_of(flags):
    """The end that open(2) gives for these flags: "read", "write" or "both"."""
    return {os.O_RDONLY: "read", os.O_WRONLY: "write"}.get(flags & os.O_ACCMODE, "both")


@dataclass(frozen=True, eq=False)
class Hold:
    """An end of a pipe in the hands of a process: from a call of open until a call of close.

    since: when that open was entered. got: when it left. closing: when close was entered. until:
    when that left, or when the process ended; infinity while it is open. failed: the open had no
    success, so nothing was held, but between since and until the pipe was in use [fifo(7)].
    """

    pid: int
    pipe: str
    end: str
    opening: object
    since: int
    got: float
    closing: float = math.inf
    until: float = math.inf
    failed: bool = False


class History:
    """What processes did with named pipes, told by their calls alone.

    calls: a list of `Call`. pids: the processes there are, those with no call, too. ended: a
    dict {pid: when} of those that have ended, in nanoseconds of CLOCK_MONOTONIC.
    holds: a list of `Hold`. opens, writes, reads: lists of (call, name of the pipe), in the
    order in which they were entered.
    """

    def __init__(self, calls, pids=(), ended=None):
        self.calls = sorted(calls, key=lambda call: call.entered)
        self.pids = set(pids) | {call.pid for call in calls}
        self.ended = ended or {}
        self.holds, self.opens, self.writes, self.reads = [], [], [], []
        self._held = {}  # {(pid, fd): position in holds}
        for call in self.calls:
            getattr(self, f"_note_{call.name}", lambda call: None)(call)

    def _note_open(self, call):
        pipe, flags = call.args[:2]
        self.opens.append((call, pipe))
        failed = call.left is None or call.error is not None
        end = self.ended.get(call.pid, math.inf)
        until = min(left(call), end) if failed else end
        if not failed:
            self._held[call.pid, call.result] = len(self.holds)
        self.holds.append(Hold(call.pid, pipe, end_of(flags), call, call.entered, left(call),
                               until=until, failed=failed))

    def _note_close(self, call):
        if call.error == "cancelled":
            return
        at = self._held.pop((call.pid, call.args[0]), None)
        if at is not None:
            hold = self.holds[at]
            until = min(left(call), hold.until)
            self.holds[at] = Hold(hold.pid, hold.pipe, hold.end, hold.opening, hold.since,
                                  hold.got, call.entered, until)

    def _note_write(self, call):
        self.writes.append((call, self._pipe_of(call)))

    def _note_read(self, call):
        self.reads.append((call, self._pipe_of(call)))

    def _pipe_of(self, call):
        at = self._held.get((call.pid, call.args[0]))
        return None if at is None else self.holds[at].pipe

    def lives(self):
        """The times in which a pipe was in use without a break: (pipe, since, until).

        Between two of them the kernel forgets the pipe and the bytes that are in it. Who waits
        in open uses it as well.
        """
        lives = []
        for hold in sorted(self.holds, key=lambda hold: (hold.pipe, hold.since)):
            if lives and lives[-1][0] == hold.pipe and hold.since <= lives[-1][2]:
                lives[-1][2] = max(lives[-1][2], hold.until)
            else:
                lives.append([hold.pipe, hold.since, hold.until])
        return lives

    def streams(self):
        """For each life of a pipe the places of writes and reads in its stream of bytes.

        Pairs (writes, reads) of lists of (call, first byte, byte after the last).
        """
        for pipe, since, until in self.lives():
            yield tuple(
                _places([call for call, of in transfers
                         if of == pipe and since <= call.entered <= until], size)
                for transfers, size in ((self.writes, _written), (self.reads, _was_read))
            )


def _places(calls, size):
    places, at = [], 0
    for call in calls:
        if size(call):
            places.append((call, at, at + size(call)))
            at += size(call)
    return places


def _written(call):
    return call.result or 0


def _was_read(call):
    return size_of(call.result) if call.result else 0


def _opened_after_a_wait(history):
    for call, pipe in history.opens:
        if call.error or call.left is None:
            continue
        end = end_of(call.args[1])
        others = [hold for hold in history.holds
                  if hold.pipe == pipe and hold.pid != call.pid and hold.end not in (end, "both")]
        alone = not any(hold.since <= call.entered < hold.until for hold in others)
        freed = any(call.entered + _WAITED < hold.since < call.left and not hold.failed
                    for hold in others)
        if end != "both" and alone and freed:
            return True
    return False


def _in_two_pieces(history):
    for writes, reads in history.streams():
        for write, first, after in writes:
            parts = [read for read, begins, ends in reads if begins < after and ends > first]
            arrived = any(ends >= after for _, _, ends in reads)
            if arrived and len(parts) > 1 and len({read.pid for read in parts}) == 1:
                return write.error is None
    return False


def _two_in_one(history):
    for writes, reads in history.streams():
        for _, begins, ends in reads:
            if sum(begins <= first and after <= ends for _, first, after in writes) > 1:
                return True
    return False


def _freed_by_one_read(history):
    for write, pipe in history.writes:
        if write.left is None or write.error or write.result < size_of(write.args[1]):
            continue
        since = [read for read, of in history.reads
                 if of == pipe and write.entered < read.entered < write.left and read.result]
        if len(since) == 1 and since[0].entered > write.entered + _WAITED:
            return True
    return False


def _end_of_file(history):
    return any(_is_end_of_file(read) for read, _ in history.reads)


def _is_end_of_file(read):
    return read.left is not None and not read.error and not read.result and read.args[1] > 0


def _broken(history):
    return any("EPIPE" in (write.error or "") for write, _ in history.writes)


def _lost(history):
    for (pipe, since, until), (writes, reads) in zip(history.lives(), history.streams()):
        if until == math.inf or not writes:
            continue
        failed = any(call.error for call, of in history.writes
                     if of == pipe and since <= call.entered <= until)
        if not failed and writes[-1][2] > (reads[-1][2] if reads else 0):
            return True
    return False


def _no_reader(history):
    return any("ENXIO" in (call.error or "") for call, _ in history.opens)


def _end_after_the_last_writer(history):
    writers = [hold for hold in history.holds if hold.end == "write" and not hold.failed]
    for last in writers:
        for first in writers:
            together = first.pid != last.pid and first.pipe == last.pipe and \
                max(first.got, last.got) < first.closing and first.until < last.closing
            if together and _not_ended_between(history, first, last):
                return True
    return False


def _not_ended_between(history, first, last):
    """Whether a reader found no end of file while only the last writer was left, and then did."""
    reads = [read for read, pipe in history.reads if pipe == last.pipe]
    for read in reads:
        if read.entered < last.closing and left(read) > first.until:
            for end in reads:
                if end.pid == read.pid and end.entered >= read.entered and \
                        _is_end_of_file(end) and end.left > last.closing:
                    return True
    return False


def _deadlock_and_out(history):
    waits = [(call, pipe) for calls in (history.opens, history.writes, history.reads)
             for call, pipe in calls if left(call) - call.entered > _WAITED]
    for one, pipe in waits:
        for other, other_pipe in waits:
            if one.pid == other.pid or pipe == other_pipe or one.entered > other.entered:
                continue
            stuck = left(one) > other.entered + _WAITED
            over = one.left is not None and other.left is not None
            freed = over and not (one.error and other.error)
            if stuck and freed and _all_wait(history, other.entered, waits):
                return True
    return False


def _all_wait(history, moment, waits):
    """Whether no process was left, a moment later, that could have freed another."""
    there = {pid for pid in history.pids if history.ended.get(pid, math.inf) > moment}
    return there <= {call.pid for call, _ in waits
                     if call.entered <= moment and left(call) > moment + _WAITED}


@dataclass(frozen=True)
class Challenge:
    """name: by which it is noted as done; it never changes. chapter: to which it belongs.

    title: what to do, in a few words. task: in a sentence. hint: how. done: told a `History`,
    whether it has been done.
    """

    name: str
    chapter: str
    title: str
    task: str
    hint: str
    done: Callable


CHALLENGES = (
    Challenge(
        "wake_open", "03_open",
        "make open block, and free it",
        "Let one process sleep in open, and wake it by what another process does.",
        "Open one end, and wait until the state says blocked. Then open the other end.",
        _opened_after_a_wait,
    ),
    Challenge(
        "two_pieces", "05_read",
        "send one message, received in two pieces",
        "The writer makes one write, and the reader needs two reads to get all of it.",
        "A read returns at most the number of bytes that it asks for: ask for fewer than there "
        "are, twice.",
        _in_two_pieces,
    ),
    Challenge(
        "two_in_one", "05_read",
        "receive two messages in one read",
        "The writer makes two writes, and one read returns the bytes of both.",
        "Write twice before the reader reads, and then ask for more bytes than both have.",
        _two_in_one,
    ),
    Challenge(
        "fill_and_free", "04_write",
        "fill the pipe until write blocks, and free it with one read",
        "Let the writer sleep in write because there is no room, and wake it by a single read.",
        "Write more bytes than the pipe can hold, 70000 for instance. Room comes by the page of "
        "4,096 bytes, so let the read ask for many: 65536.",
        _freed_by_one_read,
    ),
    Challenge(
        "end_of_file", "05_read",
        "make a reader see end of file",
        "Let a read return b'', no bytes at all.",
        "That is what read returns when the pipe is empty and no process has it open for writing.",
        _end_of_file,
    ),
    Challenge(
        "broken_pipe", "04_write",
        "break a pipe",
        "Let a write fail with BrokenPipeError.",
        "Open both ends, close the reader's, and write.",
        _broken,
    ),
    Challenge(
        "lost_bytes", "06_close",
        "lose bytes without any error",
        "Send bytes that nobody ever receives, though no write fails.",
        "The kernel keeps the bytes as long as some process has the pipe open. Write, do not "
        "read, and close both ends.",
        _lost,
    ),
    Challenge(
        "enxio", "03_open",
        "get ENXIO",
        "Let an open fail with ENXIO.",
        "A writer that does not wait (O_NONBLOCK) fails in open while there is no reader.",
        _no_reader,
    ),
    Challenge(
        "last_writer", "06_close",
        "two writers, and end of file only after the last",
        "Let one of two writers close, show that the reader sees no end of file yet, and then "
        "that it does.",
        "Add a second writer, and open all three. Close one writer, and let the reader read: it "
        "waits. Close the other.",
        _end_after_the_last_writer,
    ),
    Challenge(
        "deadlock", "08_when_it_goes_wrong",
        "a deadlock with two pipes, and the way out",
        "Let writer and reader wait for each other, each in a call on another pipe, and get them "
        "out without ending either of them.",
        "Add the second pipe. The writer opens my_pipe, the reader opens answers: each waits for "
        "the other. Cancel one of the two calls, and do first what the other process waits for.",
        _deadlock_and_out,
    ),
)
