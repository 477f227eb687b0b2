"""The program behind a Relay: it stands between clients and a server, and passes on what comes.

    python relay_program.py SOCKET ROLE

SOCKET is the path of the notebook's Unix socket; ROLE is for whoever lists processes.
"""
import itertools
import os
import select
import signal
import socket
import struct
import sys
import time
from collections import deque
from multiprocessing.connection import Connection

_MOST = 1 << 20  # bytes kept for one way of a line: then the sender waits, as in a network
_KEPT = 40  # bytes of data in the record, as in recorder.py
_CONNECTING = 5  # seconds


class Way:
    """One direction of a line. to: "server" or "client", whose socket is target.

    items: [number in the record, bytes that are still to go], and b"" for the end of file.
    ended: source has told its end, or is closed. deaf: what comes is lost.
    """

    def __init__(self, relay, to, source, target):
        self.relay, self.to, self.source, self.target = relay, to, source, target
        self.items, self.ended, self.deaf = deque(), False, False

    @property
    def waits_for(self):
        """Yield a socket, an event of poll, and what to do then."""
        if self.source and not self.ended and sum(len(data) for _, data in self.items) < _MOST:
            yield self.source, select.POLLIN, self.take
        if self.items and not self.deaf and not self.relay.holds[self.to]:
            yield self.target, select.POLLOUT, self.give

    def take(self):
        try:
            data = self.source.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:  # the other side was killed, or has reset the line
            data = b""
        self.ended = not data
        if not self.deaf:
            self.items.append([self.relay.note_taken(self.to, data), memoryview(data)])

    def give(self):
        try:
            while self.items:
                number, data = self.items[0]
                if data:
                    self.items[0][1] = data = data[self.target.send(data):]
                else:
                    self.target.shutdown(socket.SHUT_WR)
                if not data:
                    self.items.popleft()
                    self.relay.note_gone(number)
        except BlockingIOError:
            pass
        except OSError as error:
            self.lose(type(error).__name__, error.errno)

    def lose(self, why, number=None):
        """Nothing goes this way any more."""
        self.deaf = True
        while self.items:
            self.relay.note_gone(self.items.popleft()[0], [why, number])


class Relay:
    """control: the connection to the notebook."""

    def __init__(self, control):
        self.holds = {"server": False, "client": False}
        self._control = control
        self._numbers = itertools.count()
        self._listener = self._server = self._path = None
        self._lines = []  # [socket of the client, socket of the server or None, its two `Way`]

    def work(self):
        """Do what is told and pass on what comes, until the notebook tells the end or is gone."""
        while True:
            waits = {self._listener: {select.POLLIN: self._accept}} if self._listener else {}
            for *_, ways in self._lines:
                for file, event, do in (each for way in ways for each in way.waits_for):
                    waits.setdefault(file, {})[event] = do
            # Last: what happened before a command was given is dealt with before it.
            waits[self._control] = {select.POLLIN: self._obey}
            ready, files = select.poll(), {file.fileno(): file for file in waits}
            for fd, file in files.items():
                ready.register(fd, sum(waits[file]))
            events = dict(ready.poll())
            for fd, file in files.items():
                for event, do in waits[file].items():
                    if events.get(fd, 0) & (event | select.POLLHUP | select.POLLERR):
                        do()
            self._end_lines()

    def note_taken(self, to, data):
        number = next(self._numbers)
        shown = {"size": len(data), "head": data[:_KEPT].decode("latin-1")}
        self._note({"n": number, "entered": time.monotonic_ns(), "name": "pass",
                    "args": [f"to {to}", shown]})
        return number

    def note_gone(self, number, error=None):
        how = {"error": error} if error else {}
        self._note({"n": number, "left": time.monotonic_ns(), **how})

    def _note(self, event):
        self._send({"pid": os.getpid(), **event})

    def _send(self, what):
        try:
            self._control.send(what)
        except OSError:  # the notebook is gone: _obey deals with that
            pass

    def _accept(self):
        try:
            while True:
                client, _ = self._listener.accept()
                client.setblocking(False)
                ways = Way(self, "server", client, None), Way(self, "client", None, client)
                self._lines.append([client, None, ways])
                if not self.holds["server"]:
                    self._connect(self._lines[-1])
        except BlockingIOError:  # there are no more
            pass
        except OSError:  # no descriptor is left: without a pause this would be a busy loop
            time.sleep(0.01)

    def _connect(self, line):
        """Connect to the server: what the client does, does not reach it while that is held."""
        client, _, (to_server, to_client) = line
        server = socket.socket(*_family(self._server))
        try:
            server.settimeout(_CONNECTING)
            server.connect(_address(self._server))
            server.setblocking(False)
        except OSError as error:
            server.close()
            to_server.lose(type(error).__name__, error.errno)
            to_client.ended = True
            self._cut_off(client, reset=False)
            return
        line[1] = server
        to_server.target = to_client.source = server

    def _obey(self):
        try:
            command = self._control.recv()
        except (EOFError, OSError):
            self._leave()
            time.sleep(0.5)  # as in puppet_program.py
            os._exit(0)
        if command == "end":
            self._leave()
            os._exit(0)
        name, (number, value) = command
        try:
            answer = getattr(self, name)(*value), None
        except OSError as error:
            answer = None, error
        self._send(("answer", number, answer))

    def _leave(self):
        if self._path and os.path.exists(self._path[0]):
            if os.stat(self._path[0]).st_ino == self._path[1]:
                os.unlink(self._path[0])

    def _end_lines(self):
        for line in list(self._lines):
            client, server, ways = line
            if all(way.ended and not way.items for way in ways):
                client.close()
                server and server.close()
                self._lines.remove(line)

    @staticmethod
    def _cut_off(end, reset):
        try:
            if reset:  # close sends RST in place of FIN then [SO_LINGER in socket(7)]
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.close()
            else:
                end.shutdown(socket.SHUT_WR)
        except OSError:  # it has gone by itself
            pass

    # ---- what the notebook tells; an OSError is the answer, too

    def listen(self, server, at):
        listener = socket.socket(*_family(at))
        if isinstance(at, int):  # also right after another relay has used it [socket(7)]
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(_address(at))
        listener.listen()
        listener.setblocking(False)
        if isinstance(at, str):
            at = os.path.abspath(at)
            self._path = at, os.stat(at).st_ino
        self._server, self._listener = server, listener
        return self._path or listener.getsockname()[1]

    def hold(self, to):
        self.holds[to] = True

    def pass_on(self, to):
        self.holds[to] = False
        for line in self._lines:
            way, back = line[2]
            if to == "server" and line[1] is None and not way.deaf:
                if way.ended and not any(data for _, data in way.items):
                    way.lose("dropped")  # the request was, and the client has left
                    back.ended = True
                else:
                    self._connect(line)

    def drop(self, to):
        """Throw away what is held; the end of file is not a thing that can get lost."""
        dropped = 0
        for way in self._ways(to):
            for item in [item for item in way.items if item[1]]:
                way.items.remove(item)
                self.note_gone(item[0], ["dropped", None])
                dropped += len(item[1])
        return dropped

    def cut(self, side, reset):
        for client, server, (to_server, to_client) in self._lines:
            to_server.lose("cut")
            to_client.lose("cut")
            if side != "server":
                self._cut_off(client, reset)
                to_server.ended |= reset
            if side != "client" and server:
                self._cut_off(server, reset)
            to_client.ended |= server is None or reset and side != "client"

    def held(self, to):
        return b"".join(bytes(data) for way in self._ways(to) for _, data in way.items)

    def _ways(self, to):
        return [way for *_, ways in self._lines for way in ways if way.to == to]


def _family(address):
    return (socket.AF_INET if isinstance(address, int) else socket.AF_UNIX,)


def _address(address):
    return ("127.0.0.1", address) if isinstance(address, int) else address


def main(address):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # only the notebook ends it
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(address)
        control = Connection(control.detach())
    control.send("ready")
    Relay(control).work()


if __name__ == "__main__":
    main(sys.argv[1])
