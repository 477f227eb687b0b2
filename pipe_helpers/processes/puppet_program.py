"""The program behind a Puppet: it makes one system call at a time, as it is told.

    python puppet_program.py SOCKET ROLE

SOCKET is the path of the notebook's Unix socket; ROLE is for whoever lists processes. The main
thread makes the calls; another takes the commands, so that one can arrive while a call blocks.
"""
import fcntl
import gc
import os
import queue
import resource
import signal
import socket
import struct
import sys
import termios
import threading
import time
from multiprocessing.connection import Connection


class Cancelled(BaseException):
    """Raised in the main thread by SIGUSR1 while it makes a call."""


class Hand:
    """Makes the calls. control: the connection to the notebook."""

    def __init__(self, control):
        self._control = control
        self._sending = threading.Lock()  # both threads report
        self._commands = queue.SimpleQueue()
        self._idle = threading.Event()
        self._idle.set()
        self._armed = []  # not empty while SIGUSR1 may raise

    def listen(self):
        """Take commands until the notebook tells the end, or is gone; then end."""
        main = threading.main_thread().ident
        try:
            while (command := self._control.recv()) != "end":
                if command[0] == "level":
                    number, fd = command[1]
                    self._report(("answer", number, _level(fd)))
                    continue
                if command != "cancel":
                    self._idle.clear()
                    self._commands.put(command)
                    continue
                # Again and again: a signal that comes just before the call does not end it.
                while not self._idle.is_set():
                    signal.pthread_kill(main, signal.SIGUSR1)
                    self._idle.wait(0.01)
        except (EOFError, OSError):
            # The notebook is gone. The console ends this process and removes what it keeps for
            # it; had we ended first, the console would end with us and leave that behind.
            time.sleep(0.5)
        os._exit(0)  # the main thread may be asleep in a call

    def work(self):
        while True:
            name, args = self._commands.get()
            self._make(name, args)

    def _make(self, name, args):
        if name == "write" and isinstance(args[1], int):
            args = args[0], b"." * args[1]
        function, args = getattr(os, name), [[value] for value in args]
        results, error = [], None
        self._report(time.monotonic_ns())
        try:
            try:
                self._armed.append(True)
                # One step in C from the system call to the list: Python runs signal handlers
                # before it or after it, so a result can't get lost between the two.
                results.extend(map(function, *args))
            except Exception as problem:
                error = problem
            self._armed.clear()
        except Cancelled:
            pass
        left = time.monotonic_ns()
        self._idle.set()
        self._report((left, results, error))

    def on_cancel(self, *_):
        """The handler of SIGUSR1."""
        if self._armed:
            self._armed.clear()  # so that it is raised once, and inside the outer try only
            raise Cancelled

    def _report(self, what):
        try:
            with self._sending:
                self._control.send(what)
        except OSError:  # the notebook is gone: listen() deals with that
            pass


def _level(fd):
    """How many bytes wait in the pipe of a descriptor, and how many it can hold, or None."""
    try:
        waiting, = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))
        # What it can hold is known on Linux only [F_GETPIPE_SZ in fcntl(2)].
        size = getattr(fcntl, "F_GETPIPE_SZ", None)
        return waiting, None if size is None else fcntl.fcntl(fd, size)
    except OSError:  # closed meanwhile
        return None


def connect(address):
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(address)
        # Out of the way: the first descriptor that open returns is 3, as in any program.
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        floor = 200 if limit == resource.RLIM_INFINITY else min(200, limit - 1)
        return Connection(fcntl.fcntl(control, fcntl.F_DUPFD_CLOEXEC, floor))


def main(address):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # only the notebook frees a blocked call
    gc.disable()  # a Cancelled raised inside a destructor would be lost
    control = connect(address)
    hand = Hand(control)
    signal.signal(signal.SIGUSR1, hand.on_cancel)
    try:
        threading.Thread(target=hand.listen, daemon=True).start()
    except RuntimeError as error:  # the limit of processes counts threads, too [setrlimit(2)]
        sys.exit(f"{error}: as many run as this user or this machine may have (ulimit -u)")
    control.send("ready")
    hand.work()


if __name__ == "__main__":
    main(sys.argv[1])
