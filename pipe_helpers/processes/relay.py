"""A process between clients and a server: the network, under the learner's hands."""
import contextlib
import os

from pipe_helpers.keeping.keeper import forget, keep
from pipe_helpers.keeping.one_go import in_one_go, to_its_end
from pipe_helpers.processes.link import Link
from pipe_helpers.recording.trace import calls_of

_running = set()
_ANSWER = 20  # seconds for an answer: five of them it may try to connect to the server


def running_relays():
    """Return the relays of this process that have not ended."""
    return [relay for relay in list(_running) if relay.running]


class Way:
    """What goes one way through a `Relay`, in all its lines."""

    def __init__(self, relay, to):
        self._relay, self._to = relay, to

    def hold(self):
        """From now on keep what comes, up to 1 MiB for each line: then the sender waits.

        While requests are held, a client that connects does not reach the server, either.
        """
        self._relay._ask("hold", self._to)

    def pass_on(self):
        """Pass on what is held, in the order in which it came, and all that comes later."""
        self._relay._ask("pass_on", self._to)

    def drop(self, timeout=10):
        """Wait until bytes are held, and lose them, not an end of file. Returns how many.

        Raises as `wait_held`.
        """
        self._relay._wait_held(self._to, timeout, nothing=False)
        return self._relay._ask("drop", self._to)

    @property
    def held(self):
        """The bytes that are held, line after line; b"" if there are none."""
        return self._relay._ask("held", self._to)

    def wait_held(self, timeout=10):
        """Wait until something is held, bytes or an end of file, and return `held`.

        Raises TimeoutError after timeout seconds (None: never), RuntimeError if the relay ends.
        """
        self._relay._wait_held(self._to, timeout, nothing=True)
        return self.held


class Relay:
    """An unrelated process that stands between clients and a server, as a network does.

        with Relay(port) as network:             # a client connects to network.at
            network.answers.hold()
            ...                                  # a client asks, the server answers
            network.answers.wait_held()          # the answer
            network.answers.pass_on()            # late

    server: where the server listens, at: where the relay is to listen itself. Each is the number
    of a TCP port of 127.0.0.1, or the path of a Unix socket; at=0 is a free port. role: what it
    is in the lesson. cwd: its working directory, by default the current one.

    It connects to the server for each client that connects to it (one `line`), and passes on
    bytes and the end of file, both ways. requests: the `Way` to the server. answers: the one to
    the client. Both can be told to hold what comes. If the server refuses, the client gets the
    end of file.

    at: the port or the path at which it listens. pid: its process ID. Starting takes about 0.1 s;
    RuntimeError if it does not start, OSError if it can't listen there or no process is left.
    It ends with end(), at the end of a `with` block, and with this process, however that ends.
    """

    def __init__(self, server, at=0, *, role="network", cwd=None):
        self.role = role
        self._events = []
        self._socket = None  # the number of the inode and the path of its Unix socket
        self.requests, self.answers = Way(self, "server"), Way(self, "client")
        server, at = (each if isinstance(each, int) else os.fsdecode(each) for each in (server, at))

        def link():
            self._link = Link("relay_program.py", role, cwd, True, self._hear)
            self.pid, self.cwd = self._link.pid, self._link.cwd
            _running.add(self)

        def begin():
            in_one_go(f"the relay {role}", link, lambda made: None, lambda made: self._link.watch())
            try:
                self.at = self._listen(server, at)
            except BaseException:
                self._end()
                raise

        in_one_go(f"the relay {role}", begin, undo=lambda made: self._end())

    def cut(self, side="both", *, reset=False):
        """Cut all lines that are there now; what they hold is lost. New ones are as before.

        side: who is told, "client", "server" or "both", by an end of file; or, if reset is true,
        by ConnectionResetError, which only TCP has. The other is told nothing.
        """
        if side not in ("client", "server", "both"):
            raise ValueError(f'cut has the sides "client", "server" and "both", not {side!r}')
        if reset and isinstance(self.at, str):
            raise ValueError("a Unix socket can't be reset: let the relay listen at a port")
        self._ask("cut", side, bool(reset))

    @property
    def running(self):
        """True until the relay has ended. Never blocks."""
        return not self._link.lost

    @property
    def calls(self):
        """A list of `Call`, one for each piece that came, in that order.

        Its name is "pass", its arguments are "to server" or "to client", and the bytes, of which
        none are the end of file. left is when it was sent on, None while it is held; error tells
        that it was lost: "dropped", "cut", or why nobody was there to take it.
        """
        if self.running:
            with contextlib.suppress(RuntimeError):  # it has just ended
                self._ask("held", "server")  # and all before that has been told
        with self._link.lock:
            return calls_of(self.role, list(self._events))

    def lanes(self, *traces):
        """The calls of traces for `timeline`, with what passed here as the second process.

        It begins with the first call of the first process of the first `trace`, mostly the
        notebook. Ends of file are left out.
        """
        first, *others = (calls for trace in traces for calls in trace.processes().values())
        here = [call for call in self.calls if call.args[1]]
        begin = first[0].entered
        # A server may sleep in its read before; it may also leave its last write only after.
        return [call for calls in (first, here, *others) for call in calls
                if call.entered >= begin
                or call.name == "read" and (call.left is None or call.left >= begin)]

    def end(self):
        """End the relay, and all its lines, and wait until it is gone. Returns its exit status.

        Calling it again does no harm. Blocks for some milliseconds; 2 s if the process is stopped.
        """
        return to_its_end(self._end)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.end()

    def __repr__(self):
        return f"<relay {self.role}, pid {self.pid}, {'running' if self.running else 'ended'}>"

    @property
    def _who(self):
        return f"{self.role}, pid {self.pid},"

    def _listen(self, server, at):
        listens = self._ask("listen", server, at)
        if isinstance(listens, int):
            return listens
        path, number = listens
        self._socket = number, path
        keep(f"fifo {number} {path}")
        return path

    def _end(self):
        status = self._link.end()
        if self._socket:
            (number, path), self._socket = self._socket, None
            forget(f"fifo {number} {path}")
            with contextlib.suppress(FileNotFoundError):  # the program itself has removed it
                if os.stat(path).st_ino == number:  # not if it was killed
                    os.unlink(path)
        return status

    def _ask(self, name, *value):
        # An interrupt within the telling would cut the command in two.
        answer = to_its_end(lambda: self._link.ask(name, value, _ANSWER))
        if answer is None:
            raise RuntimeError(
                f"{self._who} did not answer: is it stopped?" if self.running
                else f"{self._who} has ended: make a new Relay, and run the cells after that")
        result, error = answer
        if error is not None:
            raise error
        return result

    def _wait_held(self, to, timeout, nothing):
        """nothing: whether an end of file counts, too."""
        def holds():
            return any(call.left is None and call.args[0] == f"to {to}" and (
                nothing or call.args[1]) for call in calls_of(self.role, self._events))

        found = self._link.wait_for(holds, timeout)
        if not self.running:
            raise RuntimeError(f"{self._who} has ended: make a new Relay")
        if not found:
            raise TimeoutError(f"{self._who} holds nothing that goes to the {to} after "
                               f"{timeout:g} s: was it told to hold before that was sent?")

    def _hear(self, report):
        """Take an event; None: the process has ended."""
        if report is None:
            _running.discard(self)
        else:
            self._events.append(report)
