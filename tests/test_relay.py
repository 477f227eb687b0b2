"""A relay passes on, holds, drops and cuts as it is told, loses nothing else, leaves nothing."""
import os
import random
import signal
import socket
import threading
import time

import pytest
from processes import interrupted_at, wait_asleep

from pipe_helpers import Relay, leftovers, timeline, trace
from pipe_helpers.processes.console import running_programs
from pipe_helpers.processes.relay import running_relays


class Server:
    """A listening socket of the test, a relay before it, and the connections through it."""

    def __init__(self, unix):
        self.listener = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        self.listener.bind("server" if unix else ("127.0.0.1", 0))
        self.listener.listen()
        self.listener.settimeout(10)
        name = self.listener.getsockname()
        self.relay = Relay("server", "network") if unix else Relay(name[1])
        self.open = [self.listener]

    def client(self):
        client = socket.socket(self.listener.family)
        self.open.append(client)
        client.settimeout(10)
        at = self.relay.at
        client.connect(at if isinstance(at, str) else ("127.0.0.1", at))
        return client

    def accept(self):
        end, _ = self.listener.accept()
        end.settimeout(10)
        self.open.append(end)
        return end

    def line(self):
        return self.client(), self.accept()

    def close(self):
        self.relay.end()
        for each in self.open:
            each.close()


@pytest.fixture(params=["tcp", "unix"])
def server(request, own_folder):
    server = Server(request.param == "unix")
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def tcp(own_folder):
    server = Server(unix=False)
    try:
        yield server
    finally:
        server.close()


def received(end, count):
    data = b""
    while len(data) < count and (piece := end.recv(1 << 16)):
        data += piece
    return data


def test_a_megabyte_of_odd_pieces_arrives_whole_both_ways_at_once(server):
    client, end = server.line()
    data = random.Random(1).randbytes(1_000_003)

    def send(through):
        sizes, at = random.Random(2), 0
        while at < len(data):
            at += through.send(data[at:at + sizes.randrange(1, 30_000)])
        through.shutdown(socket.SHUT_WR)

    threads = [threading.Thread(target=send, args=(each,)) for each in (client, end)]
    for thread in threads:
        thread.start()
    got = []
    reading = threading.Thread(target=lambda: got.append(received(client, len(data) + 1)))
    reading.start()
    assert received(end, len(data) + 1) == data  # and then the end of file
    reading.join()
    assert got == [data]
    for thread in threads:
        thread.join()
    for to in "to server", "to client":
        calls = [call for call in server.relay.calls if call.args[0] == to]
        assert sum(call.args[1].size for call in calls) == len(data)
        assert all(call.left and not call.error for call in calls)


def test_what_is_held_arrives_late_in_order_and_the_end_of_file_with_it(server):
    client, end = server.line()
    server.relay.requests.hold()
    for piece in b"one ", b"two ", b"three":
        client.send(piece)
    client.shutdown(socket.SHUT_WR)
    deadline = time.monotonic() + 10
    while server.relay.requests.held != b"one two three" and time.monotonic() < deadline:
        pass
    end.settimeout(0.05)
    with pytest.raises(TimeoutError):
        end.recv(1)
    end.settimeout(10)
    end.send(b"the other way")
    assert client.recv(100) == b"the other way"
    server.relay.requests.pass_on()
    assert received(end, 100) == b"one two three"
    assert server.relay.requests.held == b""
    held = [call for call in server.relay.calls if call.args[0] == "to server"]
    assert all(call.waited >= 1 for call in held[:-1])


def test_a_client_whose_requests_are_held_does_not_reach_the_server(tcp):
    tcp.relay.requests.hold()
    client = tcp.client()
    client.send(b"hello")
    assert tcp.relay.requests.wait_held() == b"hello"
    tcp.listener.settimeout(0.05)
    with pytest.raises(TimeoutError):
        tcp.listener.accept()
    tcp.listener.settimeout(10)
    gone = tcp.client()
    gone.send(b"lost")
    gone.close()
    deadline = time.monotonic() + 10
    while tcp.relay.requests.held != b"hellolost" and time.monotonic() < deadline:
        pass
    assert tcp.relay.requests.drop() == 9
    tcp.relay.requests.pass_on()
    client.send(b"again")
    assert tcp.accept().recv(100) == b"again"
    assert [call.error for call in tcp.relay.calls if call.args[1]] == ["dropped", "dropped", None]


def test_when_too_much_is_held_the_sender_waits(server):
    client, end = server.line()
    server.relay.answers.hold()
    end.settimeout(0.2)
    data, sent = bytes(1 << 16), 0
    with pytest.raises(TimeoutError):
        while sent < 64 << 20:
            sent += end.send(data)
    assert len(server.relay.answers.held) >= 1 << 20
    wait_asleep(server.relay.pid)
    server.relay.answers.pass_on()
    assert len(received(client, sent)) == sent


@pytest.mark.parametrize("side", ["client", "server", "both"])
@pytest.mark.parametrize("reset", [False, True])
def test_a_cut_tells_the_side_that_is_meant_and_what_is_held_is_lost(tcp, side, reset):
    client, end = tcp.line()
    tcp.relay.requests.hold()
    client.send(b"lost")
    tcp.relay.requests.wait_held()
    tcp.relay.cut(side, reset=reset)
    for name, here in ("client", client), ("server", end):
        if side in (name, "both"):
            if reset:
                with pytest.raises(ConnectionResetError):
                    here.recv(1)
            else:
                assert here.recv(1) == b""
        else:
            here.settimeout(0.05)
            with pytest.raises(TimeoutError):
                here.recv(1)
    assert tcp.relay.calls[0].error == "cut"
    wait_asleep(tcp.relay.pid)  # it does not run in a loop, whoever has hung up
    tcp.relay.requests.pass_on()
    again, end = tcp.line()
    again.send(b"a new line")
    assert end.recv(100) == b"a new line"


def test_a_reset_needs_tcp_and_a_side_has_a_name(server):
    if server.listener.family == socket.AF_UNIX:
        with pytest.raises(ValueError, match="can't be reset"):
            server.relay.cut(reset=True)
    with pytest.raises(ValueError, match="client.*server.*both"):
        server.relay.cut("left")


def test_a_server_that_refuses_gives_the_client_an_end_of_file(tcp):
    tcp.listener.close()
    client = tcp.client()
    assert client.recv(1) == b""
    tcp.relay.requests.hold()
    client = tcp.client()
    client.send(b"hello")
    tcp.relay.requests.wait_held()
    tcp.relay.requests.pass_on()
    assert client.recv(1) == b""
    assert tcp.relay.calls[-1].error.startswith("ConnectionRefusedError")


def test_a_killed_server_and_a_client_that_leaves_free_the_line(tcp):
    for first in "client", "server":
        client, end = tcp.line()
        here, there = (client, end) if first == "client" else (end, client)
        here.close()
        assert there.recv(1) == b""
        for _ in range(3):  # the last ones into a line that has gone
            try:
                there.send(b"x")
            except OSError:
                pass
        there.close()
    client, end = tcp.line()
    client.send(b"hello")
    assert end.recv(100) == b"hello"
    wait_asleep(tcp.relay.pid)


def test_the_picture_has_a_lane_for_the_network_and_no_end_of_file(tcp):
    with trace() as t:
        client, end = tcp.line()
        tcp.relay.requests.hold()
        os.write(client.fileno(), b"hello\n")
        tcp.relay.requests.wait_held()
        tcp.relay.requests.drop()
        client.close()
    drawn = timeline(tcp.relay.lanes(t))
    assert drawn.text.splitlines()[2].startswith("network, pid")
    assert drawn.bars[1].label[:2] == ("pass", "to server")
    assert drawn.bars[1].call.error == "dropped"
    assert len(drawn.bars) == 2


def test_a_relay_says_what_it_can_not_do(tcp):
    with pytest.raises(OSError, match="in use"):
        Relay(1, tcp.relay.at)
    with pytest.raises(OSError):
        Relay(1, "no_folder/network")
    with pytest.raises(TimeoutError, match="holds nothing that goes to the client"):
        tcp.relay.answers.wait_held(0.01)
    assert f"<relay_program.py, pid {tcp.relay.pid}, running>" in leftovers()
    os.kill(tcp.relay.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="has ended: make a new Relay"):
        tcp.relay.requests.wait_held()
    with pytest.raises(RuntimeError, match="has ended: make a new Relay"):
        tcp.relay.requests.hold()
    tcp.relay.end()
    assert (tcp.relay.running, running_relays()) == (False, [])
    assert not [each for each in leftovers() if "relay" in each]


def test_a_killed_notebook_leaves_no_relay_and_no_socket(own_folder, python, until, alive):
    notebook = python("""
        import time
        from pipe_helpers import Relay
        relays = Relay(1), Relay("server", "network")
        print(*(relay.pid for relay in relays), flush=True)
        time.sleep(60)
    """)
    pids = list(map(int, notebook.stdout.readline().split()))
    assert os.path.exists("network") and all(map(alive, pids))
    notebook.kill()
    until(lambda: not any(map(alive, pids)), "the relays are gone", 3)
    until(lambda: not os.path.exists("network"), "the socket is gone", 3)
    until(lambda: os.listdir(own_folder) == [], "no temporary folder is left", 3)


def test_an_interrupt_after_any_step_leaves_no_relay_and_one_that_works(left, until):
    for step in range(1, 1000):
        relay, interrupted = interrupted_at(step, lambda: Relay("server", "network"))
        if relay is not None:
            relay.end()
        until(lambda: running_programs() == running_relays() == os.listdir() == [],
              f"nothing is left after an interrupt at step {step}", 3)
        if not interrupted:
            break
    assert 4 < step < 999
    with Relay(1) as relay:
        for step in range(1, 1000):
            _, interrupted = interrupted_at(step, relay.answers.hold)
            if not interrupted:
                break
        assert 4 < step < 999
        assert relay.answers.held == b""
