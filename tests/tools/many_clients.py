"""Many clients at once, good and bad: python tests/tools/many_clients.py [CLIENTS REQUESTS]

A hundred clients and 10,000 requests by default. Six of ten clients misbehave, each tenth in
another way; every good one gets its answers from the server for many, or this ends with an error.
Each client is a process of its own (forked, so that it takes a moment only).
"""
import contextlib
import glob
import itertools
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from pipe_helpers.programs import ask_server, serve_many  # noqa: E402

SECONDS = 60  # what a good client waits for an answer, on a machine that is busy
# The same answers as those of serve_many, by one thread as well; a client has a connection.
SOCKET_SERVER = """
import os, selectors, socket
def answer(connection):
    lines = (rests[connection] + connection.recv(65536)).split(b"\\n")
    rests[connection] = lines.pop()
    for line in lines:
        words = line.split(b" ", 2)
        if len(words) != 3 or not words[0].isdigit() or int(words[1]) != len(words[2]):
            continue
        capitals = words[2].decode(errors="replace").upper()
        connection.send(f"{words[0].decode()} {os.getpid()} {capitals}\\n".encode())
    if not lines:
        ready.unregister(connection)
        connection.close()
        del rests[connection]
def accept(server):
    connection, _ = server.accept()
    connection.setblocking(False)
    rests[connection] = b""
    ready.register(connection, selectors.EVENT_READ, answer)
rests, ready = {}, selectors.DefaultSelector()
server = socket.socket(socket.AF_UNIX)
server.bind("socket")
server.listen(1000)
ready.register(server, selectors.EVENT_READ, accept)
print("ready", flush=True)
while True:
    for key, _ in ready.select():
        key.data(key.fileobj)
"""


@contextlib.contextmanager
def server(*words):
    """Run a server in the current folder; at the end SIGTERM. What it complains of: complaints."""
    with open("complaints", "w") as complaints:
        process = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE,
                                   stderr=complaints)
        try:
            process.stdout.readline()  # it serves
            yield process
        finally:
            process.terminate()
            process.communicate()


def crowd(jobs):
    """Seconds that the jobs take, each in a process that begins when all are there.

    Raises RuntimeError if one of them has failed.
    """
    gate, opener = os.pipe()
    pids = []
    for job in jobs:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.close(opener)
                os.read(gate, 1)  # end of file: all are there
                job()
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        pids.append(pid)
    begun = time.perf_counter()
    os.close(opener)
    os.close(gate)
    statuses = [os.waitpid(pid, 0)[1] for pid in pids]
    if any(statuses):
        raise RuntimeError(f"{sum(map(bool, statuses))} of {len(statuses)} clients have failed")
    return time.perf_counter() - begun


def held(process):
    """How many descriptors it has open (Linux)."""
    return len(os.listdir(f"/proc/{process.pid}/fd")) if os.path.isdir("/proc/self/fd") else 0


@contextlib.contextmanager
def reply_pipe(*flags):
    """The name of a reply pipe of this process, and what it has opened of it."""
    name = f"reply.{os.getpid()}"
    os.mkfifo(name)
    try:
        yield name, [ask_server.open_pipe(name, each) for each in flags]
    finally:
        os.unlink(name)


def request(number, name, text):
    return f"\n{number} {name} {len(text)} {text}\n".encode()


def asks(count):
    """A client that behaves."""
    with reply_pipe(os.O_RDONLY, os.O_WRONLY) as (name, (replies, _)):
        requests = ask_server.open_requests()
        for number in map(str, range(1000, 1000 + count)):
            text = f"hello {number}"
            answer = ask_server.wait_for_answer(
                requests, replies, request(number, name, text), number, SECONDS)
            assert answer[1] == text.upper()


def asks_by_socket(count):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("socket")
        for number in map(str, range(1000, 1000 + count)):
            text = f"hello {number}"
            connection.send(f"{number} {len(text)} {text}\n".encode())
            assert connection.recv(65536).decode().split(" ", 2)[2] == text.upper() + "\n"


def writes(*requests):
    fd = os.open("requests", os.O_WRONLY)  # with the server there, it does not wait
    for each in requests:
        os.write(fd, each)
    os.close(fd)


def dies(count):
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            os.mkfifo(f"reply.{os.getpid()}")
            ask_server.open_pipe(f"reply.{os.getpid()}", os.O_RDONLY)
            writes(request(1, f"reply.{os.getpid()}", "hello"))
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(pid, 0)
        os.unlink(f"reply.{pid}")


def never_opens(count):
    with reply_pipe() as (name, _):
        writes(*[request(1, name, "hello")] * count)


def never_reads(count):
    with reply_pipe(os.O_RDONLY) as (name, _):  # a hundred of these are more than the pipe takes
        writes(*[request(1, name, "x" * (select.PIPE_BUF - 50))] * count)


def lies(count):
    names = ["reply.1", "reply.2", "../reply.1", "requests", *glob.glob("reply.*")]  # and others'
    for name in itertools.islice(itertools.cycle(names), count):
        writes(request(1, name, "hello"))


def tears(count):
    for _ in range(count):
        writes(request(1, f"reply.{os.getpid()}", "hello")[:-3])


def never_ends(count):
    writes(*[b"x" * (select.PIPE_BUF + 1)] * count)


BAD = [dies, never_opens, never_reads, lies, tears, never_ends]


def load_pipes(clients, requests, bad=()):
    """Seconds for that many requests, in all, of clients at once, a tenth of each bad kind.

    In the current folder, of which nothing may be left but what was there. Raises an error if a
    good client gets another answer than its own, or none.
    """
    count = requests // clients
    kinds = [*bad, *[asks] * (10 - len(bad))]
    jobs = [lambda kind=kinds[each % 10]: kind(count) for each in range(clients)]
    pathlib.Path("reply.1").write_text("keep me")
    os.symlink("reply.1", "reply.2")
    with server(serve_many.__file__) as process:
        before = held(process)
        taken = crowd(jobs)
        crowd([lambda: asks(1)])
        assert held(process) == before
    assert process.returncode == 0 and pathlib.Path("reply.1").read_text() == "keep me"
    os.unlink("reply.1")
    os.unlink("reply.2")
    assert sorted(os.listdir()) == ["complaints", "requests.lock"]
    return taken


def load_socket(clients, requests):
    """The same with the Unix socket, and no bad clients."""
    with server("-c", SOCKET_SERVER):
        taken = crowd([lambda: asks_by_socket(requests // clients)] * clients)
    os.unlink("socket")
    return taken


def main(clients=100, requests=10_000):
    from pipe_helpers import workspace

    with workspace():
        taken = load_pipes(int(clients), int(requests), BAD)
        dropped = pathlib.Path("complaints").read_text().count("\n")
    print(f"{taken:.2f} s: each good client has its answers, and {dropped} requests were dropped")


if __name__ == "__main__":
    main(*sys.argv[1:])
