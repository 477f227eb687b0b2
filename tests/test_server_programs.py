"""The server for many and its client keep their promises, whatever the others do."""
import ast
import errno
import os
import pathlib
import select
import signal
import subprocess
import sys

import pytest
from processes import wait_asleep

import pipe_helpers.programs

PROGRAMS = pathlib.Path(pipe_helpers.programs.__file__).parent
SERVER = PROGRAMS / "serve_many.py"
CLIENT = PROGRAMS / "ask_server.py"
BOTH = pytest.mark.parametrize("program", [SERVER, CLIENT], ids=["server", "client"])

pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.fixture
def serve(python):
    """Start a server in the current folder, and return when it serves."""
    def serve(program=SERVER, **options):
        server = python("", program, **options)
        assert server.stdout.readline() == f"I pid [{server.pid}] serve '.'\n"
        return server

    return serve


@pytest.fixture
def ask(python):
    """Start a client; with made=True, return when its reply pipe is there."""
    def ask(*words, made=False, until=None, **options):
        client = python("", CLIENT, *words, **options)
        if made:
            until(lambda: os.path.exists(f"reply.{client.pid}"), "the client makes its pipe")
        return client

    return ask


def end_of(process, *signals):
    """Status, output and errors; signals: to be sent before, two of them at the same moment."""
    if len(signals) > 1:
        signals = [signal.SIGSTOP, *signals, signal.SIGCONT]
    for number in signals:
        process.send_signal(number)
    output, errors = process.communicate(timeout=10)
    return process.returncode, output, errors


def answered(server, client, text):
    return 0, f"I pid [{client.pid}] received an answer from pid [{server.pid}] => {text}\n", ""


def write(data, path="requests"):
    """One write that does not wait: a request, or what a client sends in the place of one."""
    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    assert os.write(fd, data) == len(data)
    os.close(fd)


def pause_and_fill(server):
    """Stop the server, by SIGSTOP, and fill its pipe."""
    server.send_signal(signal.SIGSTOP)
    fd = os.open("requests", os.O_WRONLY | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(fd, b"\n" * select.PIPE_BUF)
    os.close(fd)


def good_answer(server, name, text=b"good", capitals=b"GOOD"):
    """A client that behaves, with the pipe of that name, gets its answer."""
    fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
    own = os.open(name, os.O_WRONLY)  # the server may not have closed it yet since the last answer
    try:
        write(request(name.encode(), text, 7))
        assert select.select([fd], [], [], 10)[0], "no answer within 10 s"
        assert os.read(fd, 65536) == b"7 %d %s\n" % (server.pid, capitals)
    finally:
        os.close(own)
        os.close(fd)


def complaints(server):
    """The lines that it writes on standard error; waits for the first."""
    told = ""
    while not told.endswith("\n"):
        assert select.select([server.stderr], [], [], 10)[0], "no complaint within 10 s"
        told += os.read(server.stderr.fileno(), 65536).decode()
    return told.splitlines()


def request(name, text=b"hello", number=1):
    return b"\n%d %s %d %s\n" % (number, name, len(text), text)


# ---- questions and answers

def test_clients_that_ask_at_once_get_each_the_own_answer_and_nothing_is_left(serve, ask, python):
    server = serve()
    texts = ["one", "Grüße", "", "2 words ", "x" * (select.PIPE_BUF - 50)]
    clients = [ask(text) for text in texts]
    for text, client in zip(texts, clients):
        assert end_of(client) == answered(server, client, text.upper())
    client = python("", "-m", "pipe_helpers.programs.ask_server", "hi", os.path.abspath("."))
    assert end_of(client) == answered(server, client, "HI")
    assert end_of(server, signal.SIGTERM) == (0, "", "")
    assert os.listdir() == ["requests.lock"]


def test_the_pipes_are_their_owners_only(serve, ask, until):
    server = serve()
    server.send_signal(signal.SIGSTOP)
    client = ask("hello", made=True, until=until)
    for path in ["requests", f"reply.{client.pid}"]:
        assert oct(os.stat(path).st_mode) == "0o10600"
    server.send_signal(signal.SIGCONT)
    assert end_of(client)[0] == 0


@pytest.mark.parametrize("words, status, cause", [
    (["hello"], 3, "no server is running there"),
    (["hello", "missing"], 1, "No such file or directory"),
    (["two\nlines"], 1, "one line"),
    (["x" * select.PIPE_BUF], 1, f"at most {select.PIPE_BUF} bytes"),
], ids=["no server", "no folder", "two lines", "too long"])
def test_what_cannot_be_asked_is_told_in_one_line(ask, words, status, cause):
    ended, output, errors = end_of(ask(*words))
    assert (ended, output, errors.count("\n")) == (status, "", 1) and cause in errors
    assert os.listdir() == []


@BOTH
def test_another_file_in_the_place_of_the_pipe_is_refused_untouched(python, program):
    pathlib.Path("requests").write_text("keep me")
    status, output, errors = end_of(python("", program, *["hello"] * (program is CLIENT)))
    assert (status, output) == (1, "") and "requests is not a named pipe" in errors
    assert pathlib.Path("requests").read_text() == "keep me"
    assert not list(pathlib.Path().glob("reply.*"))


def test_a_missing_folder_is_told_in_one_line(python):
    assert end_of(python("", SERVER, "missing")) == (
        1, "", "'missing': [Errno 2] No such file or directory: 'missing'\n")


def test_an_answer_that_is_longer_than_its_question_is_cut_to_be_written_in_one_piece(serve):
    os.mkfifo("reply.9")
    server = serve()
    text = "ŉ" * ((select.PIPE_BUF - 40) // 2)  # its capital takes three bytes in the place of two
    room = select.PIPE_BUF - len(b"7 %d \n" % server.pid)
    good_answer(server, "reply.9", text.encode(), text.upper().encode()[:room])


# ---- clients that misbehave

HOSTILE = {  # what is written, and what the server says to that
    "never opens its pipe": ([request(b"reply.1")], os.strerror(errno.ENXIO)),
    "has no pipe": ([request(b"reply.2")], "No such file"),
    "names a file": ([request(b"reply.3")], "is not a named pipe"),
    "names a link to a pipe": ([request(b"reply.4")], "symbolic links"),
    "names another folder": ([request(b"../reply.1")], "names no reply pipe"),
    "names a path in a reply": ([request(b"reply.1/../x")], "names no reply pipe"),
    "names what is not a reply": ([request(b"requests")], "names no reply pipe"),
    "a wrong length": ([b"\n1 reply.1 77 hello\n"], "not a whole request"),
    "no length": ([b"\n1 reply.1 -5 hello\n"], "not a whole request"),
    "half a request": ([request(b"reply.1")[:-3]], "not a whole request"),
    "half a request, and another half": ([request(b"reply.1")[:9], b"x\n"], "not a request"),
    "what is no request": ([b"hello\n\0\xff\n"], "not a request"),
    "a long line": ([request(b"reply.1", b"x" * select.PIPE_BUF)], "not a request"),
    "a line without an end": ([b"x" * 3000] * 7, "not a request"),
}


def test_whatever_a_client_sends_it_is_told_and_the_next_one_gets_its_answer(serve):
    os.mkfifo("reply.1")
    os.mkfifo("reply.9")
    pathlib.Path("reply.3").write_text("keep me")
    os.symlink("reply.1", "reply.4")
    server = serve()
    for what, (pieces, cause) in HOSTILE.items():
        for piece in pieces:
            write(piece)
        good_answer(server, "reply.9")
        told = complaints(server)
        assert all(line.startswith("dropped b'") and cause in line for line in told), (what, told)
        assert all(len(line) < 200 for line in told)
    for _ in range(2):
        write(b"x" * 3000)
    assert "not a request" in complaints(server)[0]  # before the line has an end: it is not kept
    good_answer(server, "reply.9")
    assert pathlib.Path("reply.3").read_text() == "keep me"
    assert end_of(server, signal.SIGTERM) == (0, "", "")


def test_a_client_that_never_reads_does_not_stop_the_server(serve):
    os.mkfifo("reply.1")
    os.mkfifo("reply.9")
    server = serve()
    deaf = os.open("reply.1", os.O_RDONLY | os.O_NONBLOCK)
    try:
        for _ in range(200):  # more than the pipe takes
            write(request(b"reply.1", b"x" * 400))
            good_answer(server, "reply.9")
        assert "temporarily unavailable" in complaints(server)[0]
        answers = b"".join(iter(lambda: os.read(deaf, 65536), b""))
        assert set(answers.split(b"\n")) == {b"1 %d %s" % (server.pid, b"X" * 400), b""}  # whole
    finally:
        os.close(deaf)


def test_a_client_killed_before_its_answer_does_not_stop_the_server(serve, ask, until):
    server = serve()
    server.send_signal(signal.SIGSTOP)
    killed = ask("hello", made=True, until=until)
    wait_asleep(killed.pid)
    assert end_of(killed, signal.SIGKILL)[0] == -signal.SIGKILL
    server.send_signal(signal.SIGCONT)
    os.mkfifo("reply.9")
    good_answer(server, "reply.9")
    assert [f"reply.{killed.pid}" in line for line in complaints(server)] == [True]


def test_many_clients_at_once_lose_no_answer_though_most_misbehave(python):
    many = python("", pathlib.Path(__file__).parent / "tools" / "many_clients.py", 20, 400)
    status, output, errors = end_of(many)
    assert (status, errors) == (0, "") and "each good client has its answers" in output


# ---- the client

def test_a_client_takes_the_answer_to_its_question_and_no_other(ask, until):
    os.mkfifo("requests")
    fd = os.open("requests", os.O_RDONLY | os.O_NONBLOCK)
    try:
        client = ask("hello", made=True, until=until)
        select.select([fd], [], [], 10)
        number, name, rest = os.read(fd, 512).strip().split(b" ", 2)
        assert (name, rest) == (b"reply.%d" % client.pid, b"5 hello")
        for answer in [b"1 2 WRONG\n\xff \n", number + b"\n\n" + number + b" 3 RI", b"GHT\n"]:
            wait_asleep(client.pid)  # it is no busy loop when the last writer has left
            write(answer, name)
        assert end_of(client)[1].endswith(" from pid [3] => RIGHT\n")
    finally:
        os.close(fd)


def test_a_client_gives_up_in_time_and_waits_for_room_before(serve, ask, until):
    server = serve()
    pause_and_fill(server)
    late = ask("hello", "--seconds", "0.1")
    assert end_of(late) == (5, "", "'.': no answer within 0.1 s\n")
    client = ask("hello", made=True, until=until)
    wait_asleep(client.pid)
    server.send_signal(signal.SIGCONT)
    assert end_of(client) == answered(server, client, "HELLO")
    server.send_signal(signal.SIGSTOP)
    client = ask("hello", made=True, until=until)
    wait_asleep(client.pid)
    server.kill()
    assert end_of(client) == (4, "", "'.': the server has left without an answer\n")
    assert not list(pathlib.Path().glob("reply.*"))
    # What SIGKILL has left hinders neither a client nor the next server.
    assert os.path.exists("requests")
    assert end_of(ask("hello"))[0] == 3
    server, client = serve(), ask("hello")
    assert end_of(client) == answered(server, client, "HELLO")


SIGNALS = pytest.mark.parametrize("numbers", [
    [signal.SIGINT], [signal.SIGTERM], [signal.SIGINT, signal.SIGTERM]
], ids=["SIGINT", "SIGTERM", "both"])


@SIGNALS
def test_an_interrupted_client_removes_its_pipe(ask, until, numbers):
    os.mkfifo("requests")
    server = os.open("requests", os.O_RDONLY | os.O_NONBLOCK)
    try:
        at_once = ask("hello", made=True, until=until)
        assert end_of(at_once, *numbers) == (128 + numbers[0], "", "")
        asleep = ask("hello", made=True, until=until)
        wait_asleep(asleep.pid)
        assert end_of(asleep, *numbers) == (128 + numbers[0], "", "")
        assert os.listdir() == ["requests"]
    finally:
        os.close(server)


def test_a_pipe_left_by_a_killed_client_is_used_and_room_that_is_gone_waited_for(
    serve, python, script
):
    server = serve()
    client = python("", script(f"""
        import os, runpy, sys
        os.mkfifo(f"reply.{{os.getpid()}}")
        real_write = os.write
        def no_room(*args):  # after poll has told that there is room
            os.write = real_write
            raise BlockingIOError
        os.write = no_room
        sys.argv = ["ask_server.py", "hello"]
        runpy.run_path({str(CLIENT)!r}, run_name="__main__")
    """))
    assert end_of(client) == answered(server, client, "HELLO")


# ---- one server, and its end

@SIGNALS
def test_a_signal_ends_the_server_cleanly(serve, ask, python, numbers):
    server = serve()
    assert end_of(python("", SERVER)) == (1, "", "'.': another server is running there\n")
    os.mkfifo("reply.1")
    write(request(b"reply.1")[:-1])  # not answered: it has no end
    wait_asleep(server.pid)
    assert end_of(server, *numbers) == (0, "", "")
    assert sorted(os.listdir()) == ["reply.1", "requests.lock"]
    assert end_of(ask("hello"))[0] == 3


def test_a_signal_between_a_request_and_its_answer_loses_none(serve, script):
    server = serve(script(f"""
        import os, runpy, signal, sys
        real_open = os.open
        def signal_here(path, *flags):
            if path == b"reply.9":
                os.kill(os.getpid(), signal.SIGTERM)
            return real_open(path, *flags)
        os.open = signal_here
        sys.argv = ["serve_many.py"]
        runpy.run_path({str(SERVER)!r}, run_name="__main__")
    """))
    os.mkfifo("reply.9")
    fd = os.open("reply.9", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write(request(b"reply.9", b"one", 1) + request(b"reply.9", b"two", 2))
        assert end_of(server) == (0, "", "")
        assert os.read(fd, 512) == b"1 %d ONE\n2 %d TWO\n" % (server.pid, server.pid)
    finally:
        os.close(fd)


def test_a_signal_while_the_pipe_is_full_ends_the_server_without_a_word(serve):
    server = serve()
    pause_and_fill(server)
    assert end_of(server, signal.SIGTERM, signal.SIGCONT) == (0, "", "")


def test_a_signal_that_does_not_interrupt_the_read_ends_the_server_too(serve, script):
    """As one that comes just before the read begins: the handler has no call to interrupt."""
    server = serve(script(f"""
        import os, runpy, signal, sys, threading
        def signal_here():  # another thread takes it
            sys.stdin.read()  # until the test waits for the end
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        threading.Thread(target=signal_here, daemon=True).start()
        sys.argv = ["serve_many.py"]
        runpy.run_path({str(SERVER)!r}, run_name="__main__")
    """), stdin=subprocess.PIPE)
    wait_asleep(server.pid)
    assert end_of(server) == (0, "", "")


@BOTH
def test_after_ctrl_c_the_terminal_is_at_a_new_line(python, until, program):
    os.mkfifo("requests")
    reader = os.open("requests", os.O_RDONLY | os.O_NONBLOCK)  # the client finds one
    screen, terminal = os.openpty()
    try:
        process = python("""
            import os, runpy, sys
            os.dup2(int(sys.argv.pop(1)), 2)
            sys.argv.pop(0)
            runpy.run_path(sys.argv[0], run_name="__main__")
        """, terminal, program, *["hello"] * (program is CLIENT), pass_fds=[terminal])
        if program is CLIENT:
            until(lambda: os.path.exists(f"reply.{process.pid}"), "the client makes its pipe")
        else:
            process.stdout.readline()
        assert end_of(process, signal.SIGINT)[0] == (130 if program is CLIENT else 0)
        assert select.select([screen], [], [], 10)[0], "nothing on the terminal within 10 s"
        assert os.read(screen, 100) == b"\r\n"
    finally:
        for fd in (reader, screen, terminal):
            os.close(fd)


# ---- how they are written

@BOTH
def test_a_program_is_short_and_plain_and_imports_the_standard_library_only(program):
    source = program.read_text()
    assert len(source.splitlines()) <= 120
    nodes = list(ast.walk(ast.parse(source)))
    assert not any(isinstance(node, (ast.Lambda, ast.NamedExpr, ast.ListComp, ast.ImportFrom))
                   for node in nodes)
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    assert names <= sys.stdlib_module_names
    subprocess.run([sys.executable, "-I", "-S", program, "--help"], check=True,
                   stdout=subprocess.DEVNULL)  # no site-packages, no PYTHONPATH
