"""What the operating system offers: pipes, sockets, message queues and shared memory."""
import ctypes
import errno
import itertools
import mmap
import os
import socket
import struct
import subprocess

from pipe_helpers.mechanisms.end import LONGEST, End, InUse, free_name, some


class _Descriptors(End):
    """An end that reads from one descriptor and writes to another."""

    def __init__(self, reading, writing):
        self._reading, self._writing = reading, writing
        self._view = memoryview(b"")

    def send(self, data):
        sent = os.write(self._writing, data)
        while sent < len(data):  # interrupted by a signal [pipe(7)]
            sent += os.write(self._writing, memoryview(data)[sent:])

    def receive(self, size):
        if len(self._view) != size:  # memory is asked for once, not for each message
            self._view = memoryview(bytearray(size))
        got = some(os.readv(self._reading, [self._view]))
        while got < size:
            got += some(os.readv(self._reading, [self._view[got:]]))
        return self._view

    def close(self):
        os.close(self._reading)
        os.close(self._writing)


class NamedPipe(_Descriptors):
    """Two named pipes, one for each direction."""

    name = "named pipe"

    def __init__(self):
        self.args = self.paths = [free_name("there"), free_name("back")]
        for path in self.paths:
            os.mkfifo(path, 0o600)

    def connect(self):
        there, back = self.args
        writing = os.open(there, os.O_WRONLY)  # both sides open them in the same order
        super().__init__(os.open(back, os.O_RDONLY), writing)

    @classmethod
    def join(cls, there, back):
        reading = os.open(there, os.O_RDONLY)
        return _Descriptors(reading, os.open(back, os.O_WRONLY))


class OrdinaryPipe(_Descriptors):
    """Two ordinary pipes. Their ends must be inherited, and so the other process is a child."""

    name = "ordinary pipe"

    def __init__(self):
        self._theirs = [None, None]
        self._theirs[0], writing = os.pipe()
        reading, self._theirs[1] = os.pipe()
        super().__init__(reading, writing)
        self.args = list(map(str, self._theirs))

    def start_child(self, command):
        return subprocess.Popen(command, pass_fds=self._theirs)

    def connect(self):
        for fd in self._theirs:
            os.close(fd)

    @classmethod
    def join(cls, reading, writing):
        return _Descriptors(int(reading), int(writing))


# ---------------------------------------------------------------- sockets


class _Socket(End):
    def __init__(self, connection):
        self._socket = connection
        self._view = memoryview(b"")
        if connection.family == socket.AF_INET:  # a short message is not to wait for another
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        self._socket.sendall(data)

    def receive(self, size):
        if len(self._view) != size:
            self._view = memoryview(bytearray(size))
        got = some(self._socket.recv_into(self._view))
        while got < size:
            got += some(self._socket.recv_into(self._view[got:]))
        return self._view

    def close(self):
        self._socket.close()


class UnixSocket(_Socket):
    """A stream socket whose address is a path."""

    name = "Unix socket"

    def __init__(self):
        self.args = self.paths = [free_name("socket")]
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.args[0])
        self._listener.listen(1)

    def connect(self):
        with self._listener:
            super().__init__(self._listener.accept()[0])

    @classmethod
    def join(cls, path):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(path)
        return _Socket(connection)


class TcpSocket(_Socket):
    """A TCP connection to an address that means this machine."""

    name = "TCP"

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        self.args = [str(self._listener.getsockname()[1])]

    def connect(self):
        with self._listener:
            super().__init__(self._listener.accept()[0])

    @classmethod
    def join(cls, port):
        return _Socket(socket.create_connection(("127.0.0.1", int(port))))


# ---------------------------------------------------------------- a message queue


def _queue_library():
    """The C library's message queues: Python's own library has none. None where there are none,
    as on macOS."""
    for name in (None, "librt.so.1"):  # in the latter before glibc 2.34
        try:
            library = ctypes.CDLL(name, use_errno=True)
            library.mq_open  # noqa: B018
        except (OSError, AttributeError):
            continue
        library.mq_send.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint]
        library.mq_receive.argtypes = [
            ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p]
        library.mq_receive.restype = ctypes.c_ssize_t
        return library
    return None


class MessageQueue(End):
    """Two POSIX message queues, as the system makes them if not told otherwise [mq_overview(7)].

    Called by ctypes, which adds about a microsecond to each call.
    """

    name = "message queue"
    longest = 8192  # what users without privileges may ask for

    @classmethod
    def exists(cls):
        if _queue_library() is None:
            return False
        try:
            end = cls()
        except InUse:
            return True
        except OSError:  # a kernel without them
            return False
        end.close()
        return True

    def __init__(self):
        writing = self._make("there")
        try:
            self._prepare(writing, self._make("back"))
        except BaseException:
            os.close(writing)
            raise
        self.args = list(map(str, [os.getpid(), self._writing, self._reading]))

    @classmethod
    def join(cls, pid, there, back):
        end = cls.__new__(cls)
        # On Linux it is a descriptor like any other, by which /proc leads to what it stands for.
        end._prepare(*(os.open(f"/proc/{pid}/fd/{fd}", os.O_RDWR) for fd in (back, there)))
        return end

    def _prepare(self, writing, reading):
        self._library = _queue_library()
        self._buffer = ctypes.create_string_buffer(self.longest)
        self._writing, self._reading = writing, reading

    @staticmethod
    def _make(kind):
        library, name = _queue_library(), f"/{free_name(kind)}".encode()
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        queue = library.mq_open(name, flags, ctypes.c_uint(0o600), None)
        if queue < 0:
            number = ctypes.get_errno()
            if number == errno.EMFILE:  # which has nothing to do with files here [mq_open(3)]
                raise InUse(
                    number, "All message queues of this user together may not take more memory "
                    "(ulimit -q): wait until others have measured, then run the cell again",
                    os.fsdecode(name))
            raise OSError(number, os.strerror(number), os.fsdecode(name))
        # At once: else that of a kernel that is killed stays until the machine is started anew.
        library.mq_unlink(name)
        return queue

    def send(self, data):
        while self._library.mq_send(self._writing, bytes(data), len(data), 0) < 0:
            _raise_unless_interrupted("mq_send")

    def receive(self, size):
        while True:
            got = self._library.mq_receive(self._reading, self._buffer, self.longest, None)
            if got >= 0:
                return memoryview(self._buffer)[:got].cast("B")
            _raise_unless_interrupted("mq_receive")

    def close(self):
        self._library.mq_close(self._writing)
        self._library.mq_close(self._reading)


def _raise_unless_interrupted(call):
    number = ctypes.get_errno()
    if number != errno.EINTR:
        raise OSError(number, f"{call}: {os.strerror(number)}")


# ---------------------------------------------------------------- shared memory


class SharedMemory(End):
    """A file that both processes map into their memory, and named pipes to take turns by.

    Each direction has four places for a message. A number in the one pipe says how long the
    message is that lies in the next place, a byte in the other that a place is free again.
    """

    name = "shared memory"
    _PLACES = 4
    _LENGTH = struct.Struct("=I")

    def __init__(self):
        self.args = self.paths = [free_name("memory"), *(free_name("turn") for _ in range(4))]
        with open(self.paths[0], "xb") as file:
            file.truncate(2 * self._PLACES * LONGEST)
        for path in self.paths[1:]:
            os.mkfifo(path, 0o600)

    def connect(self):
        self._prepare(*self.args, writes=[True, False, False, True])

    @classmethod
    def join(cls, *args):
        end = cls.__new__(cls)
        end._prepare(*args, writes=[False, True, True, False])
        return end

    def _prepare(self, memory, *pipes, writes):
        """pipes: filled and freed of the way there, filled and freed of the way back."""
        with open(memory, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)
        fds = [
            os.open(path, os.O_WRONLY if to_write else os.O_RDONLY)
            for path, to_write in zip(pipes, writes)
        ]
        there, back = range(self._PLACES), range(self._PLACES, 2 * self._PLACES)
        if writes[0]:
            self._filled, self._freed, self._their_filled, self._we_freed = fds
        else:
            self._their_filled, self._we_freed, self._filled, self._freed = fds
            there, back = back, there
        self._places, self._their_places = itertools.cycle(there), itertools.cycle(back)
        self._free = self._PLACES
        self._got = bytearray()

    def send(self, data):
        if not self._free:
            self._free = some(len(os.read(self._freed, self._PLACES)))
        self._free -= 1
        start = next(self._places) * LONGEST
        self._memory[start : start + len(data)] = data
        os.write(self._filled, self._LENGTH.pack(len(data)))

    def receive(self, size):
        length = os.read(self._their_filled, self._LENGTH.size)
        some(len(length))
        start = next(self._their_places) * LONGEST
        data = self._memory[start : start + self._LENGTH.unpack(length)[0]]
        os.write(self._we_freed, b"f")
        return data

    def close(self):
        for fd in (self._filled, self._freed, self._their_filled, self._we_freed):
            os.close(fd)
        self._memory.close()
