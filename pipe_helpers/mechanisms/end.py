"""What every mechanism has in common: two ends, and what is done with them.

A mechanism is a class of ends. This process makes one, and with it whatever has a name. Its
`args` are what the other process must be told, to call `join` with them; `meet` waits for it.
From then on both have `send` and `receive`, and the other process serves (partner.py runs it).
"""
import hashlib
import itertools
import os
import struct
import time

LONGEST = 1 << 20  # bytes in a message, at most
READY = b"ready"  # the first message of the other process
DONE = b"done".ljust(32)  # its answer to messages one way, if it is not asked for their digest
ORDER = struct.Struct("=QQQ")  # what to do, bytes in each message, how many messages
ECHO, TAKE, CHECK, STOP = range(4)

_number = itertools.count()


class InUse(OSError):
    """This machine has the mechanism, but others use all of it now."""


def free_name(kind):
    """A name that no other end has, for a file in the working directory."""
    return f"{kind}_{os.getpid()}_{next(_number)}"


def some(count):
    """The count of bytes that a read returned. Raises EOFError for 0."""
    if not count:
        raise EOFError("the other process has closed its end, or has ended")
    return count


def same(got, sent):
    """Raise ValueError unless got is what was sent."""
    if bytes(got) != bytes(sent):
        raise ValueError(f"{len(sent)} bytes were sent, and what arrived differs from them")


class End:
    """One end of a mechanism, for both directions.

    send(data): sends bytes, or a view of bytes. Blocks while there is no room.
    receive(size): the next size bytes, or the next message, which is one of that size. Blocks
        until they are there. A view that is returned is valid until the next call. Where the
        mechanism tells that the other process has ended, it raises EOFError or OSError.
    close(): closes this end.
    """

    name = ""
    longest = LONGEST  # bytes in a message, at most
    args = ()
    paths = ()  # files by which the other process finds this one

    @classmethod
    def exists(cls):
        """Tell whether this machine has the mechanism."""
        return True

    def start_child(self, command):
        """Start the other process as a child, if it must be one. command runs partner.py."""
        return None

    def meet(self):
        """Wait until the other process has joined. Then the names are not needed any more."""
        self.connect()
        assert bytes(self.receive(len(READY))) == READY
        self.remove_names()

    def connect(self):
        pass

    def remove_names(self):
        for path in self.paths:
            os.unlink(path)
        self.paths = ()

    def round_trips(self, data, count):
        """Send data and wait until it comes back, count times. Returns the seconds of each."""
        send, receive, size, now = self.send, self.receive, len(data), time.perf_counter
        send(ORDER.pack(ECHO, size, count))
        times = []
        for _ in range(count):
            begun = now()
            send(data)
            back = receive(size)
            times.append(now() - begun)
        same(back, data)
        return times

    def one_way(self, messages, what=TAKE):
        """Send messages of one size and wait until the other process has got all of them.

        Returns its answer: DONE, or the SHA-256 digest of what it got if what is CHECK.
        """
        send = self.send
        send(ORDER.pack(what, len(messages[0]), len(messages)))
        for message in messages:
            send(message)
        return bytes(self.receive(len(DONE)))

    def stop(self):
        """Tell the other process to end."""
        self.send(ORDER.pack(STOP, 0, 0))

    def serve(self):
        """What the other process does: say that it is there, then follow orders until STOP."""
        send, receive = self.send, self.receive
        send(READY)
        while True:
            what, size, count = ORDER.unpack(receive(ORDER.size))
            if what == ECHO:
                for _ in range(count):
                    send(receive(size))
            elif what == TAKE:
                for _ in range(count):
                    receive(size)
                send(DONE)
            elif what == CHECK:
                digest = hashlib.sha256()
                for _ in range(count):
                    digest.update(receive(size))
                send(digest.digest())
            else:
                return
