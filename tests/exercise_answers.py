"""Answers to the exercises for test_exercises.py: typical mistakes, and right ones of many styles.

MISTAKES: {exercise: {what is wrong: (source, words of the hint)}}. OTHER_STYLES: {exercise:
{style: source}}. The imports that a learner would have at the top are in PRELUDE.
"""

PRELUDE = """\
import asyncio, errno, functools, io, os, pathlib, select, selectors, stat, subprocess, sys
import threading, time
from pipe_helpers import time_limit
"""

MISTAKES = {
    "make_pipe": {
        "no second call": ("""
def make_pipe(path):
    os.mkfifo(path)
""", "The second call raised FileExistsError"),
        "looks first": ("""
def make_pipe(path):
    if not os.path.exists(path):
        os.mkfifo(path)
    elif not stat.S_ISFIFO(os.stat(path).st_mode):
        raise FileExistsError(path)
""", "made the pipe just before your os.mkfifo"),
        "looks first, mkfifo imported by name": ("""
from os import mkfifo
def make_pipe(path):
    if not os.path.exists(path):
        mkfifo(path)
    elif not stat.S_ISFIFO(os.stat(path).st_mode):
        raise FileExistsError(path)
""", "made the pipe just before your os.mkfifo"),
        "takes any file": ("""
def make_pipe(path):
    try:
        os.mkfifo(path)
    except FileExistsError:
        pass
""", "There was a regular file at the path, and it said nothing"),
        "refuses regular files only": ("""
def make_pipe(path):
    try:
        os.mkfifo(path)
    except FileExistsError:
        if stat.S_ISREG(os.stat(path).st_mode):
            raise
""", "There was a folder at the path, and it said nothing"),
        "removes what is there": ("""
def make_pipe(path):
    if os.path.exists(path):
        os.unlink(path)
    os.mkfifo(path)
""", "put a new pipe in the place of the old one"),
        "removes what is no pipe": ("""
def make_pipe(path):
    try:
        os.mkfifo(path)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            os.unlink(path)
            os.mkfifo(path)
            raise FileExistsError(path)
""", "destroyed it"),
        "a regular file": ("""
def make_pipe(path):
    open(path, "a").close()
""", "What it made is a regular file"),
        "decimal mode": ("""
def make_pipe(path):
    try:
        os.mkfifo(path, mode=600)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise
""", "octal"),
        "a name of its own": ("""
def make_pipe(path):
    try:
        os.mkfifo(path + "_pipe")
    except FileExistsError:
        pass
""", "nothing at the path"),
    },
    "try_open_writer": {
        "waits": ("""
def try_open_writer(path):
    return os.open(path, os.O_WRONLY)
""", "With O_NONBLOCK"),
        "lets the error out": ("""
def try_open_writer(path):
    return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
""", "catch that one error"),
        "catches every OSError": ("""
def try_open_writer(path):
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None
""", "hid that"),
        "both directions": ("""
def try_open_writer(path):
    return os.open(path, os.O_RDWR)
""", "yourself"),
        "gives False": ("""
def try_open_writer(path):
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return False
""", "it returned False instead of None"),
        "gives True": ("""
def try_open_writer(path):
    try:
        os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        return True
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
""", "It returned True. Asked for is a descriptor"),
        "forgets return": ("""
def try_open_writer(path):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
""", "A reader has the pipe open, and it returned None"),
        "closes it": ("""
def try_open_writer(path):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return None
    os.close(fd)
    return fd
""", "can't be written to"),
        "makes a file": ("""
def try_open_writer(path):
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CREAT)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
""", "made a regular file"),
        "leaves one open": ("""
def try_open_writer(path):
    os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    return None
""", "left a descriptor open"),
    },
    "send_all": {
        "one write": ("""
def send_all(fd, data):
    os.write(fd, data)
""", "may do a part"),
        "sends all again": ("""
def send_all(fd, data):
    count = 0
    while count < len(data):
        count += os.write(fd, data)
""", "data[count:]"),
        "never gets on": ("""
def send_all(fd, data):
    while data:
        count = os.write(fd, data)
        if count == len(data):
            break
""", "data[count:]"),
        "one too many": ("""
def send_all(fd, data):
    while data:
        count = os.write(fd, data)
        data = data[count + 1:]
""", "not the message any more after byte"),
        "closes": ("""
def send_all(fd, data):
    while data:
        data = data[os.write(fd, data):]
    os.close(fd)
""", "It closed the descriptor"),
        "hides the broken pipe": ("""
def send_all(fd, data):
    try:
        while data:
            data = data[os.write(fd, data):]
    except OSError:
        pass
""", "as if all were sent"),
        "tries for ever": ("""
def send_all(fd, data):
    while data:
        try:
            data = data[os.write(fd, data):]
        except OSError:
            continue
""", "tries for ever"),
        "no end for nothing": ("""
def send_all(fd, data):
    done = False
    while not done:
        data = data[os.write(fd, data) if data else 0:]
        if not data and done is not None:
            done = len(data) > 0
""", "runs in a loop"),
        "text": ("""
def send_all(fd, data):
    while data:
        data = data[os.write(fd, data.decode()):]
""", "It raised TypeError"),
        "large chunks, not counted": ("""
def send_all(fd, data):
    for start in range(0, len(data), 100_000):
        os.write(fd, data[start:start + 100_000])
""", "not the message any more after byte"),
    },
    "read_message": {
        "22 bytes": ("""
def read_message(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 22)
    finally:
        os.close(fd)
""", "returned 22 bytes, and the message has 24"),
        "one read": ("""
def read_message(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 1_000_000)
    finally:
        os.close(fd)
""", "returned 11 bytes, and the message has 22"),
        "until a short read": ("""
def read_message(path):
    fd = os.open(path, os.O_RDONLY)
    data = b""
    while True:
        piece = os.read(fd, 4)
        data += piece
        if len(piece) < 4:
            break
    os.close(fd)
    return data
""", "returned 11 bytes, and the message has 22"),
        "does not wait": ("""
def read_message(path):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    data = b""
    while piece := os.read(fd, 512):
        data += piece
    os.close(fd)
    return data
""", "before the message had come"),
        "text": ("""
def read_message(path):
    with open(path) as file:
        return file.read()
""", "It returned text"),
        "forgets return": ("""
def read_message(path):
    with open(path, "rb") as file:
        print(file.read())
""", "It returned None"),
        "leaves it open": ("""
def read_message(path):
    fd = os.open(path, os.O_RDONLY)
    data = b""
    while piece := os.read(fd, 512):
        data += piece
    return data
""", "It left a descriptor open. Close it"),
        "no end": ("""
def read_message(path):
    fd = os.open(path, os.O_RDONLY)
    data = b""
    while True:
        data += os.read(fd, 512)
""", "again and again: stop there"),
        "both directions": ("""
def read_message(path):
    fd = os.open(path, os.O_RDWR)
    data = b""
    while piece := os.read(fd, 512):
        data += piece
    os.close(fd)
    return data
""", "holds a write end of the pipe itself"),
        "strips": ("""
def read_message(path):
    with open(path, "rb") as file:
        return file.read().strip()
""", "do not strip"),
        "empty is an error": ("""
def read_message(path):
    with open(path, "rb") as file:
        data = file.read()
    if not data:
        raise EOFError("nothing")
    return data
""", "it raised EOFError"),
    },
    "messages": {
        "one read": ("""
def messages(fd):
    while piece := os.read(fd, 512):
        yield piece
""", "The newline marks the end"),
        "forgets the rest": ("""
def messages(fd):
    while piece := os.read(fd, 512):
        for message in piece.split(b"\\n")[:-1]:
            yield message
""", "what was left of the last read"),
        "yields the beginning": ("""
def messages(fd):
    while piece := os.read(fd, 512):
        for message in piece.split(b"\\n"):
            yield message
""", "behind the last newline"),
        "holds back": ("""
def messages(fd):
    data = b""
    while piece := os.read(fd, 512):
        data += piece
    yield from data.splitlines()
""", "keeps it back"),
        "one for each read": ("""
def messages(fd):
    while piece := os.read(fd, 512):
        yield piece.rstrip(b"\\n")
""", "as one message"),
        "leaves out empty ones": ("""
def messages(fd):
    rest = b""
    while piece := os.read(fd, 512):
        *whole, rest = (rest + piece).split(b"\\n")
        for message in whole:
            if message:
                yield message
""", "It was left out"),
        "text": ("""
def messages(fd):
    with open(fd, newline="\\n") as file:
        for line in file:
            yield line[:-1]
""", "The messages are bytes"),
        "drops the unfinished": ("""
def messages(fd):
    rest = b""
    while piece := os.read(fd, 512):
        *whole, rest = (rest + piece).split(b"\\n")
        yield from whole
""", "disappeared"),
        "yields the unfinished": ("""
def messages(fd):
    rest = b""
    while piece := os.read(fd, 512):
        *whole, rest = (rest + piece).split(b"\\n")
        yield from whole
    if rest:
        yield rest
""", "as if it were whole"),
        "no end": ("""
def messages(fd):
    rest = b""
    while True:
        *whole, rest = (rest + os.read(fd, 512)).split(b"\\n")
        yield from whole
""", "again and again: stop there"),
        "prints": ("""
def messages(fd):
    for line in os.fdopen(fd, "rb"):
        print(line)
        break
""", "as a generator, with `yield`"),
        "one byte too few": ("""
def messages(fd):
    rest = b""
    while piece := os.read(fd, 512):
        *whole, rest = (rest + piece).split(b"\\n")
        for message in whole:
            yield message[:-1]
""", "a piece of the message"),
    },
    "serve": {
        "ends": ("""
def serve(path, handle):
    with open(path, "rb") as file:
        for line in file:
            handle(line[:-1])
""", "end of file is not for ever"),
        "burns": ("""
def serve(path, handle):
    fd = os.open(path, os.O_RDONLY)
    rest = b""
    while True:
        *whole, rest = (rest + os.read(fd, 512)).split(b"\\n")
        for message in whole:
            handle(message)
""", "at the cost of a processor"),
        "opens anew": ("""
def serve(path, handle):
    while True:
        with open(path, "rb") as file:
            for line in file:
                handle(line[:-1])
""", "keep the pipe open"),
        "opens anew with os.open": ("""
def serve(path, handle):
    while True:
        fd = os.open(path, os.O_RDONLY)
        rest = b""
        while piece := os.read(fd, 512):
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message)
        os.close(fd)
""", "keep the pipe open"),
        "one for each read": ("""
def serve(path, handle):
    fd = os.open(path, os.O_RDONLY)
    keep = os.open(path, os.O_WRONLY)
    while True:
        handle(os.read(fd, 512).rstrip(b"\\n"))
""", "those are several messages"),
        "newline": ("""
def serve(path, handle):
    fd = os.open(path, os.O_RDONLY)
    keep = os.open(path, os.O_WRONLY)
    for line in os.fdopen(fd, "rb"):
        handle(line)
""", "no part of the message"),
        "forgets the rest": ("""
def serve(path, handle):
    fd = os.open(path, os.O_RDONLY)
    keep = os.open(path, os.O_WRONLY)
    while True:
        for message in os.read(fd, 512).split(b"\\n")[:-1]:
            handle(message)
""", "the message was b'three'"),
        "pieces": ("""
def serve(path, handle):
    fd = os.open(path, os.O_RDONLY)
    keep = os.open(path, os.O_WRONLY)
    while True:
        for message in os.read(fd, 512).split(b"\\n"):
            if message:
                handle(message)
""", "Keep a piece until its newline"),
        "text": ("""
def serve(path, handle):
    fd = os.open(path, os.O_RDONLY)
    keep = os.open(path, os.O_WRONLY)
    for line in os.fdopen(fd, "r"):
        handle(line[:-1])
""", "The messages are bytes"),
        "handles the end of file": ("""
def serve(path, handle):
    fd, rest = os.open(path, os.O_RDONLY), b""
    while True:
        data = os.read(fd, 512)
        *whole, rest = (rest + data).split(b"\\n")
        for message in whole if data else [data]:
            handle(message)
""", 'called handle with b""'),
        "waits for the end": ("""
def serve(path, handle):
    while True:
        with open(path, "rb") as file:
            for message in file.read().splitlines():
                handle(message)
""", "handle was not called"),
    },
    "ask": {
        "opposite order": ("""
def ask(requests, replies, question):
    with open(replies, "rb") as answers, open(requests, "wb") as questions:
        questions.write(question + b"\\n")
        questions.flush()
        return answers.readline()[:-1]
""", "Open them in the same order"),
        "no newline": ("""
def ask(requests, replies, question):
    with open(requests, "wb") as questions, open(replies, "rb") as answers:
        questions.write(question)
        questions.flush()
        return answers.readline()[:-1]
""", "the newline tells it"),
        "not flushed": ("""
def ask(requests, replies, question):
    with open(requests, "wb") as questions, open(replies, "rb") as answers:
        questions.write(question + b"\\n")
        return answers.readline()[:-1]
""", "wrote no question"),
        "one pipe": ("""
def ask(requests, replies, question):
    fd = os.open(requests, os.O_RDWR)
    os.write(fd, question + b"\\n")
    return os.read(fd, 512)
""", "its own question"),
        "until end of file": ("""
def ask(requests, replies, question):
    with open(requests, "wb", buffering=0) as questions, open(replies, "rb") as answers:
        questions.write(question + b"\\n")
        return answers.read()[:-1]
""", "no end of file comes"),
        "one read": ("""
def ask(requests, replies, question):
    with open(requests, "wb", buffering=0) as questions:
        questions.write(question + b"\\n")
        with open(replies, "rb", buffering=0) as answers:
            return answers.read(512).rstrip(b"\\n")
""", "before the answer was at its end"),
        "newline": ("""
def ask(requests, replies, question):
    with open(requests, "wb", buffering=0) as questions, open(replies, "rb") as answers:
        questions.write(question + b"\\n")
        return answers.readline()
""", "with the newline"),
        "leaves them open": ("""
def ask(requests, replies, question):
    to, back = os.open(requests, os.O_WRONLY), os.open(replies, os.O_RDONLY)
    os.write(to, question + b"\\n")
    answer = b""
    while not answer.endswith(b"\\n"):
        answer += os.read(back, 512)
    return answer[:-1]
""", "left 2 descriptors open"),
        "text": ("""
def ask(requests, replies, question):
    with open(requests, "wb", buffering=0) as questions, open(replies) as answers:
        questions.write(question + b"\\n")
        return answers.readline()[:-1]
""", "It returned text"),
        "does not wait": ("""
def ask(requests, replies, question):
    with open(requests, "wb", buffering=0) as questions:
        questions.write(question + b"\\n")
        fd = os.open(replies, os.O_RDONLY | os.O_NONBLOCK)
        return os.read(fd, 512)
""", "It did not wait for the answer"),
        "only asks": ("""
def ask(requests, replies, question):
    with open(requests, "wb", buffering=0) as questions:
        questions.write(question + b"\\n")
        time.sleep(3)
""", "open replies for reading"),
    },
    "read_with_deadline": {
        "no deadline": ("""
def read_with_deadline(path, seconds):
    with open(path, "rb") as file:
        return file.read()
""", "waits on long after the deadline"),
        "waits in read": ("""
def read_with_deadline(path, seconds):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        if not select.select([fd], [], [], seconds)[0]:
            raise TimeoutError
        os.set_blocking(fd, True)
        if select.poll().register(fd, select.POLLIN):
            pass
        data = b""
        while piece := os.read(fd, 512):
            data += piece
        return data
    finally:
        os.close(fd)
""", "The deadline is one for all"),
        "does not wait at all": ("""
def read_with_deadline(path, seconds):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        data = b""
        while piece := os.read(fd, 512):
            data += piece
        return data
    finally:
        os.close(fd)
""", "before a writer had come"),
        "gives None": ("""
def read_with_deadline(path, seconds):
    try:
        with time_limit(seconds), open(path, "rb") as file:
            return file.read()
    except TimeoutError:
        return None
""", "No writer came, and it returned None"),
        "gives up at once": ("""
def read_with_deadline(path, seconds):
    raise TimeoutError("no writer")
""", "It gave up before a writer had come"),
        "one deadline for each read": ("""
def read_with_deadline(path, seconds):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        data = b""
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while poll.poll(1000 * seconds):
            piece = os.read(fd, 512)
            if not piece:
                return data
            data += piece
        raise TimeoutError
    finally:
        os.close(fd)
""", "The deadline is one for all"),
        "one read": ("""
def read_with_deadline(path, seconds):
    with time_limit(seconds):
        fd = os.open(path, os.O_RDONLY)
        try:
            return os.read(fd, 512)
        finally:
            os.close(fd)
""", "returned 11 bytes"),
        "busy": ("""
def read_with_deadline(path, seconds):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    data, deadline = b"", time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            data += os.read(fd, 512)
        except BlockingIOError:
            pass
    os.close(fd)
    raise TimeoutError
""", "at the cost of a processor"),
        "leaves it open": ("""
def read_with_deadline(path, seconds):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with time_limit(seconds):
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        data = b""
        while poll.poll():
            piece = os.read(fd, 512)
            if not piece:
                os.close(fd)
                return data
            data += piece
""", "After the TimeoutError it left a descriptor open"),
        "a piece for the whole": ("""
def read_with_deadline(path, seconds):
    data = b""
    try:
        with time_limit(seconds), open(path, "rb", buffering=0) as file:
            while piece := file.read(512):
                data += piece
            return data
    except TimeoutError:
        if data:
            return data
        raise
""", "returned a piece of it as if it were"),
    },
}

OTHER_STYLES = {
    "make_pipe": {
        "pathlib": """
def make_pipe(path):
    try:
        os.mkfifo(path)
    except OSError:
        assert pathlib.Path(path).is_fifo(), "no pipe"
""",
        "the shell's mkfifo": """
def make_pipe(path):
    made = subprocess.run(["mkfifo", path], capture_output=True)
    if made.returncode and subprocess.run(["test", "-p", path]).returncode:
        raise ValueError(made.stderr)
""",
        "looks, then handles the race": """
def make_pipe(path):
    if not os.path.lexists(path):
        try:
            os.mkfifo(path, 0o600)
        except FileExistsError:
            return make_pipe(path)
    if not stat.S_ISFIFO(os.lstat(path).st_mode):
        sys.exit("not a pipe")
""",
    },
    "try_open_writer": {
        "through open": """
def try_open_writer(path):
    try:
        file = open(path, "wb", buffering=0,
                    opener=lambda name, flags: os.open(name, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        if error.errno == errno.ENXIO:
            return None
        raise
    with file:
        return os.dup(file.fileno())
""",
        "blocking again": """
def try_open_writer(path):
    fd = None
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        os.set_blocking(fd, True)
    except OSError as error:
        if error.errno != 6:
            raise
    return fd
""",
    },
    "send_all": {
        "recursion": """
def send_all(fd, data):
    if data:
        send_all(fd, data[os.write(fd, data):])
""",
        "a file object": """
def send_all(fd, data):
    with open(fd, "wb", closefd=False) as file:
        file.write(data)
""",
        "memoryview": """
def send_all(fd, data):
    view, sent = memoryview(data), 0
    while sent < len(view):
        sent += os.write(fd, view[sent:])
""",
        "by the page": """
def send_all(fd, data):
    for start in range(0, len(data), select.PIPE_BUF):
        os.write(fd, data[start:start + select.PIPE_BUF])  # at most PIPE_BUF: all or nothing
""",
        "select": """
def send_all(fd, data):
    while data:
        select.select([], [fd], [])
        data = data[os.write(fd, data[:512]):]
""",
    },
    "read_message": {
        "open": """
def read_message(path):
    with open(path, "rb") as file:
        return file.read()
""",
        "pathlib": """
def read_message(path):
    return pathlib.Path(path).read_bytes()
""",
        "recursion": """
def read_message(path):
    def rest(fd):
        piece = os.read(fd, 4096)
        return piece and piece + rest(fd)
    fd = os.open(path, os.O_RDONLY)
    try:
        return rest(fd)
    finally:
        os.close(fd)
""",
        "text mode": """
def read_message(path):
    with open(path, encoding="latin-1", newline="") as file:
        return file.read().encode("latin-1")
""",
        "asyncio": """
def read_message(path):
    async def read():
        return await asyncio.to_thread(pathlib.Path(path).read_bytes)
    return asyncio.run(read())
""",
        "cat": """
def read_message(path):
    return subprocess.run(["cat", path], capture_output=True, stdin=subprocess.DEVNULL).stdout
""",
        "a thread": """
def read_message(path):
    found = []
    thread = threading.Thread(target=lambda: found.append(open(path, "rb").read()))
    thread.start()
    thread.join()
    return found[0]
""",
        "bytearray": """
def read_message(path):
    data = bytearray()
    with open(path, "rb", buffering=0) as file:
        while piece := file.read(22):
            data += piece
    return data
""",
    },
    "messages": {
        "a file object": """
def messages(fd):
    with open(fd, "rb", closefd=False) as file:
        for line in file:
            if not line.endswith(b"\\n"):
                raise EOFError(line)
            yield line[:-1]
""",
        "byte by byte": """
def messages(fd):
    message = b""
    while byte := os.read(fd, 1):
        if byte == b"\\n":
            yield message
            message = b""
        else:
            message += byte
    if message:
        raise EOFError
""",
        "an iterator": """
class messages:
    def __init__(self, fd):
        self.file = open(fd, "rb", closefd=False)
    def __iter__(self):
        return self
    def __next__(self):
        line = self.file.readline()
        if not line:
            raise StopIteration
        if line[-1:] != b"\\n":
            raise EOFError
        return line[:-1]
""",
        "text mode": """
def messages(fd):
    with open(fd, encoding="utf-8", newline="\\n", closefd=False) as file:
        while line := file.readline():
            if line[-1] != "\\n":
                raise EOFError
            yield line[:-1].encode()
""",
        "select": """
def messages(fd):
    rest = b""
    while True:
        select.select([fd], [], [])
        piece = os.read(fd, 100)
        if not piece:
            break
        rest += piece
        while b"\\n" in rest:
            message, _, rest = rest.partition(b"\\n")
            yield message
    if rest:
        raise EOFError
""",
    },
    "serve": {
        "both directions": """
def serve(path, handle):
    with open(path, "r+b", buffering=0) as file:
        for line in io.BufferedReader(file):
            handle(line[:-1])
""",
        "poll": """
def serve(path, handle):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    keep = os.open(path, os.O_WRONLY)
    poll, rest = select.poll(), b""
    poll.register(fd, select.POLLIN)
    while True:
        poll.poll()
        *whole, rest = (rest + os.read(fd, 512)).split(b"\\n")
        for message in whole:
            handle(message)
""",
        "asyncio": """
def serve(path, handle):
    async def main():
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe)
        while True:
            handle((await reader.readuntil(b"\\n"))[:-1])
    pipe = open(path, "rb", buffering=0)
    keep = open(path, "wb", buffering=0)
    asyncio.run(main())
""",
        "opens the next before it closes the last": """
def serve(path, handle):
    file = open(path, "rb", buffering=0)
    while True:
        for line in io.BufferedReader(io.FileIO(file.fileno(), closefd=False)):
            handle(line[:-1])
        following = open(path, "rb", buffering=0)
        file.close()
        file = following
""",
        "looks now and then": """
def serve(path, handle):
    fd, rest = os.open(path, os.O_RDONLY | os.O_NONBLOCK), b""
    while True:
        try:
            rest += os.read(fd, 512)
        except BlockingIOError:
            pass
        *whole, rest = rest.split(b"\\n")
        for message in whole:
            handle(message)
        time.sleep(0.01)
""",
    },
    "ask": {
        "file objects": """
def ask(requests, replies, question):
    with open(requests, "wb", buffering=0) as questions, open(replies, "rb") as answers:
        questions.write(question + b"\\n")
        return answers.readline()[:-1]
""",
        "text mode": """
def ask(requests, replies, question):
    with open(requests, "w") as questions:
        print(question.decode(), file=questions)
    with open(replies) as answers:
        return answers.readline().rstrip("\\n").encode()
""",
        "writes before it opens the other": """
def ask(requests, replies, question):
    with open(requests, "wb") as questions:
        questions.write(question + b"\\n")
        questions.flush()
        with open(replies, "rb") as answers:
            return answers.readline()[:-1]
""",
        "select": """
def ask(requests, replies, question):
    back = os.open(replies, os.O_RDONLY | os.O_NONBLOCK)
    to = os.open(requests, os.O_WRONLY)
    try:
        os.write(to, question + b"\\n")
        answer = b""
        poll = select.poll()
        poll.register(back, select.POLLIN)
        while not answer.endswith(b"\\n"):
            poll.poll()
            answer += os.read(back, 512)
        return answer[:-1]
    finally:
        os.close(to)
        os.close(back)
""",
        "threads": """
def ask(requests, replies, question):
    answers = []
    def listen():
        with open(replies, "rb") as file:
            answers.append(file.readline()[:-1])
    thread = threading.Thread(target=listen)
    thread.start()
    with open(requests, "wb") as file:
        file.write(question + b"\\n")
    thread.join()
    return answers[0]
""",
        "asyncio": """
def ask(requests, replies, question):
    def send():
        with open(requests, "wb") as file:
            file.write(question + b"\\n")
    def receive():
        with open(replies, "rb") as file:
            return file.readline()[:-1]
    async def both():
        return (await asyncio.gather(asyncio.to_thread(send), asyncio.to_thread(receive)))[1]
    return asyncio.run(both())
""",
    },
    "read_with_deadline": {
        "time_limit": """
def read_with_deadline(path, seconds):
    with time_limit(seconds), open(path, "rb") as file:
        return file.read()
""",
        "select": """
def read_with_deadline(path, seconds):
    end = time.monotonic() + seconds
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    pieces, writer_came = [], False
    try:
        while (left := end - time.monotonic()) > 0:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            if poll.poll(left * 1000):
                piece = os.read(fd, 512)
                if not piece:
                    return b"".join(pieces)
                pieces.append(piece)
        raise TimeoutError(path)
    finally:
        os.close(fd)
""",
        "selectors": """
def read_with_deadline(path, seconds):
    deadline, data = time.monotonic() + seconds, b""
    with open(path, "rb", buffering=0,
              opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file, \\
            selectors.PollSelector() as selector:
        selector.register(file, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0 and selector.select(left):
            if not (piece := file.read(512)):
                return data
            data += piece
    raise TimeoutError
""",
        "looks now and then": """
def read_with_deadline(path, seconds):
    end, data = time.monotonic() + seconds, b""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        while time.monotonic() < end:
            try:
                piece = os.read(fd, 512)
            except BlockingIOError:
                piece = None
            if piece:
                data += piece
            elif piece == b"" and data:
                return data
            else:
                time.sleep(0.005)
        raise TimeoutError
    finally:
        os.close(fd)
""",
        "alarm": """
import signal
def read_with_deadline(path, seconds):
    def late(*_):
        raise TimeoutError
    former = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return pathlib.Path(path).read_bytes()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
""",
        "a process of its own": """
def read_with_deadline(path, seconds):
    try:
        return subprocess.run(["cat", path], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=seconds).stdout
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
""",
    },
}
