"""What Python's libraries make of it: multiprocessing, ZeroMQ and XML-RPC."""
import hashlib
import multiprocessing
import os
import threading
import time
from multiprocessing.connection import Client, Listener
from xmlrpc.client import Binary, ServerProxy
from xmlrpc.server import SimpleXMLRPCServer

from pipe_helpers.mechanisms.end import CHECK, DONE, ORDER, STOP, TAKE, End, free_name, same, some


class MultiprocessingPipe(End):
    """What multiprocessing.Pipe gives, got by a name: objects are pickled."""

    name = "multiprocessing Pipe"

    def __init__(self):
        self.args = self.paths = [free_name("listener")]
        self._listener = Listener(self.args[0], "AF_UNIX")

    def connect(self):
        self._connection = self._listener.accept()
        self._listener.close()  # removes the path
        self.paths = ()

    @classmethod
    def join(cls, path):
        end = cls.__new__(cls)
        end._connection = Client(path, "AF_UNIX")
        return end

    def send(self, data):
        self._connection.send(bytes(data))

    def receive(self, size):
        return self._connection.recv()

    def close(self):
        self._connection.close()


class MultiprocessingQueue(End):
    """Two of multiprocessing's queues. They are inherited, so the other process is a child."""

    name = "multiprocessing Queue"

    def __init__(self):
        # "spawn", because a copy of a notebook's kernel, with its threads, may hang.
        self._context = multiprocessing.get_context("spawn")
        self._writing, self._reading = self._context.Queue(), self._context.Queue()

    def start_child(self, command):
        child = self._context.Process(
            target=_serve_queues, args=[self._writing, self._reading], daemon=True)
        child.start()
        return child

    def send(self, data):
        self._writing.put(bytes(data))

    def receive(self, size):
        return self._reading.get()

    def close(self):
        for queue in (self._writing, self._reading):
            queue.close()
            # The other process has ended: what it has not taken by now would be waited for.
            queue.cancel_join_thread()


def _serve_queues(reading, writing):
    def end_with_parent():  # this process keeps both queues open: it would see no end of file
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    end = MultiprocessingQueue.__new__(MultiprocessingQueue)
    end._reading, end._writing = reading, writing
    end.serve()


class ZeroMQ(End):
    """A pair of ZeroMQ sockets, as Jupyter has them between its programs."""

    name = "ZeroMQ"

    def __init__(self):
        self.args = self.paths = [free_name("zeromq")]
        self._prepare("bind", self.args[0])

    @classmethod
    def join(cls, path):
        end = cls.__new__(cls)
        end._prepare("connect", path)
        return end

    def _prepare(self, how, path):
        import zmq

        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PAIR)
        getattr(self._socket, how)(f"ipc://{path}")

    def send(self, data):
        self._socket.send(data)

    def receive(self, size):
        return self._socket.recv()

    def stop(self):
        import zmq

        # Without waiting: while no other process is connected, a pair would wait for one.
        self._socket.send(ORDER.pack(STOP, 0, 0), zmq.NOBLOCK)

    def close(self):
        self._context.destroy(linger=1000)  # milliseconds for what has not been sent yet


class RemoteCall(End):
    """XML-RPC of the standard library: an argument goes there, a result comes back."""

    name = "remote call"

    def __init__(self):
        self.args = self.paths = [free_name("port")]
        os.mkfifo(self.args[0], 0o600)

    def meet(self):
        with open(self.args[0], "rb") as pipe:  # waits for the number of the port
            line = pipe.readline()
        some(len(line))
        self._server = ServerProxy(f"http://127.0.0.1:{int(line)}")
        self.remove_names()

    @classmethod
    def join(cls, path):
        end = cls.__new__(cls)
        end._pipe = path
        return end

    def round_trips(self, data, count):
        times = []
        for _ in range(count):
            begun = time.perf_counter()
            back = self._server.echo(Binary(data)).data
            times.append(time.perf_counter() - begun)
        same(back, data)
        return times

    def one_way(self, messages, what=TAKE):
        call = self._server.check if what == CHECK else self._server.take
        for message in messages:
            call(Binary(message))
        return self._server.digest().data if what == CHECK else DONE

    def stop(self):
        self._server.stop()

    def close(self):
        self._server("close")()

    def serve(self):
        digest = hashlib.sha256()
        stopped = []
        server = SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False)

        def echo(data):
            return data

        def take(data):
            return True

        def check(data):
            digest.update(data.data)
            return True

        def digest_of_all():
            nonlocal digest
            answer, digest = digest.digest(), hashlib.sha256()
            return Binary(answer)

        def stop():
            stopped.append(True)
            return True

        for function in (echo, take, check, stop):
            server.register_function(function)
        server.register_function(digest_of_all, "digest")
        with open(self._pipe, "w") as pipe:
            print(server.server_address[1], file=pipe)
        while not stopped:
            server.handle_request()
