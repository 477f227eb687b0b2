"""What is in a pipe, told from the recorded calls: what was written and has not been read."""
import math
from dataclasses import dataclass

from pipe_helpers.lab.challenges import left
from pipe_helpers.recording.calls import size_of


@dataclass(frozen=True)
class Piece:
    """What is left of one write: its bytes from begin to end, of size in all.

    number: which write it was, from 0. data: its first bytes, as far as they were recorded.
    """

    number: int
    data: bytes
    size: int
    begin: int
    end: int

    @property
    def text(self):
        """What is left, decoded, for a person to read."""
        return decoded(self.data[self.begin : self.end], self.end - self.begin)

    @property
    def read(self):
        """What has been read of it already, in the same way."""
        return decoded(self.data[: self.begin], self.begin)

    def short(self, most):
        """The text in about so many characters: if longer, its two ends and the count of bytes."""
        size = self.end - self.begin
        text = decoded(self.data[self.begin : self.end])
        if len(text) <= most and self.end <= len(self.data):
            return text
        count = f" ({size:,})"
        return shortened(text, max(3, most - len(count))) + count


def decoded(data, size=None):
    """Bytes as text: � for what is no character, ↵ for the end of a line.

    size: how many there were, if the record of them may be shorter.
    """
    text = bytes(data).decode(errors="replace").replace("\n", "↵")
    text = "".join(char if char.isprintable() else "�" for char in text)
    return text if size in (None, len(data)) else f"{text}… ({size:,} bytes)"


def shortened(text, most):
    """Text of at most so many characters: if longer, its middle is left out."""
    if len(text) <= most:
        return text
    head = most * 2 // 3
    return f"{text[:head]}…{text[len(text) - (most - 1 - head):]}"


def contents(history, pipe, waiting):
    """What is in a pipe that is open, a tuple of `Piece`, the next to be read first.

    waiting: how many bytes the kernel says there are. None if the calls do not tell which: then
    writes, or reads, of two processes went on at the same time, or somebody else had a hand in
    it, or was killed within a call.
    """
    life = _last_life(history, pipe)
    if waiting is None or not life or life[0] < math.inf:
        return None
    _, writes, reads, unknown = life
    written, begin = _end(writes), _end(reads)
    going = [call for call in unknown if call.name == "write" and call.pid not in history.ended]
    if going:
        writes = [*writes, (going[0], written, written + size_of(going[0].args[1]))]
    known = written <= begin + waiting <= _end(writes)
    if not known or _together(writes, going[1:]) or _together(reads):
        return None
    return _pieces(writes, begin, begin + waiting)


def lost(history, pipe):
    """What was in a pipe when the last process closed it, a tuple of `Piece`.

    () if there was nothing, if somebody has opened it since, or if nobody can tell: who alone
    had one end does not know what was done at the other.
    """
    life = _last_life(history, pipe)
    if not life or life[0] == math.inf:
        return ()
    _, writes, reads, unknown = life
    if not writes or {"read", "write"} - _ends_since(history, pipe, writes[0][0].entered):
        return ()
    if unknown or _together(writes) or _together(reads):
        return ()
    return _pieces(writes, _end(reads), _end(writes))


def _last_life(history, pipe):
    """Of the last time that a pipe was in use: its end, writes and reads, and what is unknown."""
    found = None
    for (name, since, until), (writes, reads) in zip(history.lives(), history.streams()):
        if name == pipe:
            unknown = [call for call, of in history.writes + history.reads
                       if of == pipe and call.left is None and since <= call.entered <= until]
            found = until, writes, reads, unknown
    return found


def _ends_since(history, pipe, moment):
    """The ends of a pipe that the processes of this history had, at that moment or later."""
    return {hold.end for hold in history.holds
            if hold.pipe == pipe and not hold.failed and hold.until > moment}


def _end(places):
    return places[-1][2] if places else 0


def _together(places, more=()):
    """Whether calls of two processes overlap, so that nobody knows whose bytes came first."""
    calls = sorted([call for call, _, _ in places] + list(more), key=lambda call: call.entered)
    return any(left(one) > other.entered for one, other in zip(calls, calls[1:]))


def _pieces(writes, begin, end):
    return tuple(
        Piece(number, bytes(call.args[1]), size_of(call.args[1]),
              max(first, begin) - first, min(after, end) - first)
        for number, (call, first, after) in enumerate(writes)
        if max(first, begin) < min(after, end))
