"""Answers to the exercises for test_exercises.py: typical mistakes, and right ones of many styles.

MISTAKES: {exercise: {what is wrong: (source, words of the hint)}}. OTHER_STYLES: {exercise:
{style: source}}. The imports that a learner would have at the top are in PRELUDE.
"""

PRELUDE = """\
import asyncio, contextlib, errno, functools, io, os, pathlib, select, selectors, stat, subprocess
import sys, threading, time, uuid
from pipe_helpers import time_limit
"""

# A right answer, as a learner might write it: the mistakes at ask_in_time are changes of it.
ASK_IN_TIME = """
def ask_in_time(folder, number, text, seconds):
    deadline = time.monotonic() + seconds
    name = f"reply.{os.getpid()}"
    path = f"{folder}/{name}"
    request = f"\\n{number} {name} {len(text)} ".encode() + text + b"\\n"
    fds = []
    os.mkfifo(path, mode=0o600)
    try:
        fds.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        fds.append(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        fds.append(os.open(f"{folder}/requests", os.O_WRONLY | os.O_NONBLOCK))
        os.write(fds[2], request)
        watch = select.poll()
        watch.register(fds[0], select.POLLIN)
        rest = b""
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not watch.poll(1000 * left):
                raise TimeoutError(f"no answer in {seconds} s")
            *lines, rest = (rest + os.read(fds[0], 512)).split(b"\\n")
            for line in lines:
                which, answer = line.split(b" ", 1)
                if int(which) == number:
                    return answer
    finally:
        for fd in fds:
            os.close(fd)
        os.unlink(path)
"""

HANDLE_ONCE = """
def handle_once(answers, request, work):
    number, text = request.split(b" ", 1)
    if number in answers:
        former, answer = answers[number]
        if former != text:
            raise ValueError("this number was another request's")
        return answer
    answer = work(text)
    answers[number] = (text, answer)
    return answer
"""

# By the rules of the task it still takes what stands before the first newline.
TAKE_REQUESTS = """
def take_requests(fd):
    data, texts = b"", []
    while piece := os.read(fd, 512):
        data += piece
    for line in data.split(b"\\n")[:-1]:
        length, space, text = line.partition(b" ")
        if space and int(length) == len(text):
            texts.append(text)
    return texts
"""

CALL_WITH_RETRIES = """
def call_with_retries(ask, text, seconds):
    deadline = time.monotonic() + seconds
    request = uuid.uuid4().hex.encode() + b" " + text
    pause = 0.02
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no answer within {seconds} s")
        try:
            return ask(request, min(0.05, left))
        except OSError:
            left = deadline - time.monotonic()
            time.sleep(max(0, min(pause, left)))
            pause = 2 * pause
"""


def changed(source, *changes):
    """source with each of changes made, (old text, new text)."""
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


MISTAKES = {
    "make_pipe": {
        "no second call": ("""
def make_pipe(path):
    os.mkfifo(path, 0o600)
""", "The second call raised FileExistsError"),
        "looks first": ("""
def make_pipe(path):
    if not os.path.exists(path):
        os.mkfifo(path, 0o600)
    elif not stat.S_ISFIFO(os.stat(path).st_mode):
        raise FileExistsError(path)
""", "just before your os.mkfifo, and it raised"),
        "looks first, mkfifo imported by name": ("""
from os import mkfifo
def make_pipe(path):
    if not os.path.exists(path):
        mkfifo(path, 0o600)
    elif not stat.S_ISFIFO(os.stat(path).st_mode):
        raise FileExistsError(path)
""", "just before your os.mkfifo, and it raised"),
        "takes any file": ("""
def make_pipe(path):
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        pass
""", "There was a regular file at the path, and it said nothing"),
        "refuses regular files only": ("""
def make_pipe(path):
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if stat.S_ISREG(os.stat(path).st_mode):
            raise
""", "There was a folder at the path, and it said nothing"),
        "removes what is there": ("""
def make_pipe(path):
    if os.path.exists(path):
        os.unlink(path)
    os.mkfifo(path, 0o600)
""", "put a new pipe in the place of the old one"),
        "removes what is no pipe": ("""
def make_pipe(path):
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            os.unlink(path)
            os.mkfifo(path, 0o600)
            raise FileExistsError(path)
""", "put a pipe in its place"),
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
        os.mkfifo(path + "_pipe", 0o600)
    except FileExistsError:
        pass
""", "nothing at the path"),
        "waits before": ("""
def make_pipe(path):
    time.sleep(0.2)
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise
""", "nothing was there to wait for"),
        "any mode": ("""
def make_pipe(path):
    try:
        os.mkfifo(path)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise
""", "asked for is 0o600"),
        "a slip in the error branch": ("""
def make_pipe(path):
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise FileExistError(path)
""", "it raised NameError"),
        "ends the program": ("""
def make_pipe(path):
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            sys.exit("not a pipe")
""", "it raised SystemExit"),
        "another error": ("""
def make_pipe(path):
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise ValueError("not a pipe")
""", "it raised ValueError"),
        "looks, then mknod": ("""
def make_pipe(path):
    if os.path.lexists(path):
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise FileExistsError(path)
    else:
        os.mknod(path, stat.S_IFIFO | 0o600)
""", "just before your os.mknod"),
        "looks, then a shell": ("""
def make_pipe(path):
    if os.path.lexists(path):
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise FileExistsError(path)
    else:
        subprocess.run(["mkfifo", "-m", "600", path], check=True)
""", "just before you started another program"),
        "looks, then rename": ("""
def make_pipe(path):
    if os.path.lexists(path):
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise FileExistsError(path)
        return
    os.mkfifo(path + ".new", 0o600)
    os.rename(path + ".new", path)
""", "just before your os.mkfifo. It put a new pipe in the place of the old one"),
        "a shell without quotes": ("""
def make_pipe(path):
    if os.system(f"mkfifo -m 600 {path} 2>/dev/null") and not pathlib.Path(path).is_fifo():
        raise FileExistsError(path)
""", "It raised FileExistsError: it's my_pipe"),
        "sets the mode of what is there": ("""
def make_pipe(path):
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise
        os.chmod(path, 0o600)
""", "changed the mode of the pipe that was there"),
        "touches what is there": ("""
def make_pipe(path):
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise
        os.utime(path)
""", "or changed its time"),
        "writes to it to see whether it works": ("""
def make_pipe(path):
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise
        fd = os.open(path, os.O_RDWR)
        os.write(fd, b"x")
        os.close(fd)
""", "or changed its time"),
        "opens it to look": ("""
def make_pipe(path):
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            if not stat.S_ISFIFO(os.fstat(fd).st_mode):
                raise
        finally:
            os.close(fd)
""", "It opened what is at the path"),
        "leaves the umask": ("""
def make_pipe(path):
    os.umask(0o177)
    try:
        os.mkfifo(path)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise
""", "the umask is another"),
        "remembers what it made": ("""
made = set()
def make_pipe(path):
    if path in made:
        return
    made.add(path)
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise
""", "nothing at the path"),
        "the first path only": ("""
def make_pipe(path, paths=[]):
    paths.append(path)
    try:
        os.mkfifo(paths[0], 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(paths[0]).st_mode):
            raise
""", "nothing at the path"),
        "hides that the folder is missing": ("""
def make_pipe(path):
    try:
        os.mkfifo(path, 0o600)
    except OSError:
        if os.path.lexists(path) and not stat.S_ISFIFO(os.stat(path).st_mode):
            raise
""", "so there is no pipe, and it said nothing"),
        "makes the folder": ("""
def make_pipe(path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise
""", "was missing, and your function made it"),
        "files and folders only": ("""
def make_pipe(path):
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if os.path.isfile(path) or os.path.isdir(path):
            raise
""", "There was a socket at the path, and it said nothing"),
        "a link to nothing": ("""
def make_pipe(path):
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if os.path.exists(path) and not stat.S_ISFIFO(os.stat(path).st_mode):
            raise
""", "There was a link at the path, and it said nothing"),
        "empty files are removed": ("""
def make_pipe(path):
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if os.path.isfile(path) and not os.path.getsize(path):
            os.unlink(path)
            os.mkfifo(path, 0o600)
        elif not stat.S_ISFIFO(os.stat(path).st_mode):
            raise
""", "put a pipe in its place"),
        "returns the path": ("""
def make_pipe(path):
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise
    return path
""", "a function that returns nothing"),
        "leaves a folder": ("""
import tempfile
def make_pipe(path):
    new = os.path.join(tempfile.mkdtemp(dir=os.path.dirname(path) or "."), "pipe")
    os.mkfifo(new, 0o600)
    try:
        os.link(new, path)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise
    finally:
        os.unlink(new)
""", "Beside the path that was given it left"),
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
""", "(ENOENT)"),
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
""", "It opened the pipe and returned None"),
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
""", "made something there"),
        "leaves one open": ("""
def try_open_writer(path):
    os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    return None
""", "left a descriptor open"),
        "a slip for the other errors": ("""
def try_open_writer(path):
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return None
        raise eror
""", "it raised NameError"),
        "all others as one": ("""
def try_open_writer(path):
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return None
        raise FileNotFoundError(path)
""", "NOTDIR"),
        "only the missing file is told": ("""
def try_open_writer(path):
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError:
        return None
""", "NOTDIR"),
        "looks for the file only": ("""
def try_open_writer(path):
    if not os.path.exists(path):
        raise FileNotFoundError(path)
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None
""", "NOTDIR"),
        "folders are no pipe for it": ("""
def try_open_writer(path):
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except IsADirectoryError:
        return None
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
""", "(EISDIR)"),
        "what it may not open is None": ("""
def try_open_writer(path):
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except PermissionError:
        return None
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
""", "(EACCES)"),
        "a look, then it waits": ("""
def try_open_writer(path):
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return None
    return os.open(path, os.O_WRONLY)
""", "The reader left just before your function opened"),
        "a look, then both directions": ("""
def try_open_writer(path):
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return None
    return os.open(path, os.O_RDWR)
""", "open for both directions: then your own"),
        "a look left open": ("""
def try_open_writer(path):
    try:
        os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
""", "Beside the descriptor that it returned, it left a descriptor open"),
        "a reader of its own": ("""
def try_open_writer(path):
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return os.open(path, os.O_WRONLY)
    finally:
        os.close(reader)
""", "yourself"),
        "asks with a byte": ("""
def try_open_writer(path):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        os.write(fd, b"\\0")
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return None
    return fd
""", "something else is what the reader got"),
        "remembers the descriptor": ("""
known = {}
def try_open_writer(path):
    if path not in known:
        try:
            known[path] = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return None
    return known[path]
""", "was open before the call"),
        "remembers that nobody reads": ("""
def try_open_writer(path, silent=set()):
    if path in silent:
        return None
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        silent.add(path)
""", "after a call that found none, and it returned None"),
        "tries for a while": ("""
def try_open_writer(path):
    for _ in range(10):
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        time.sleep(0.03)
""", "It is not to wait: try once"),
        "an alarm that stays": ("""
import signal
def try_open_writer(path):
    def late(*_):
        raise TimeoutError
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        return os.open(path, os.O_WRONLY)
    except TimeoutError:
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
""", "the handler of SIGALRM is another"),
        "a thread that waits on": ("""
def try_open_writer(path):
    found = []
    thread = threading.Thread(target=lambda: found.append(os.open(path, os.O_WRONLY)), daemon=True)
    if not os.path.exists(path):
        raise FileNotFoundError(2, "no pipe", path)
    thread.start()
    thread.join(0.02)
    return found[0] if found else None
""", "a thread of yours still runs"),
        "makes it writable": ("""
def try_open_writer(path):
    os.chmod(path, 0o622)
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
""", "It changed the mode of the pipe"),
        "a file object": ("""
def try_open_writer(path):
    try:
        return open(os.open(path, os.O_WRONLY | os.O_NONBLOCK), "wb", buffering=0)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
""", "It returned a FileIO"),
        "opened for reading": ("""
def try_open_writer(path):
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
""", "can't be written to"),
        "takes 0 for nothing": ("""
def try_open_writer(path):
    fd = None
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
    return fd or None
""", "It opened the pipe and returned None"),
        "asks select for room": ("""
def try_open_writer(path):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return None
        raise
    _, writable, _ = select.select([], [fd], [], 0)
    if fd in writable:
        return fd
    return None
""", "and the pipe is full. It opened the pipe and returned None"),
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
""", "which the caller had open, is closed"),
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
""", "it runs in a loop, at the cost of a processor"),
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
        "pieces of 8192, not counted": ("""
def send_all(fd, data):
    for start in range(0, len(data), 8192):
        os.write(fd, data[start:start + 8192])
""", "not the message any more after byte"),
        "pieces of 64 KiB, not counted": ("""
def send_all(fd, data):
    for start in range(0, len(data), 65536):
        os.write(fd, data[start:start + 65536])
""", "not the message any more after byte"),
        "once more only": ("""
def send_all(fd, data):
    count = os.write(fd, data)
    if count < len(data):
        os.write(fd, data[count:])
""", "may do a part"),
        "at most 1 MiB": ("""
def send_all(fd, data):
    data = data[:1 << 20]
    while data:
        data = data[os.write(fd, data):]
""", "may do a part"),
        "recursion for each piece": ("""
def send_all(fd, data):
    data = memoryview(data)  # no copies, which on a busy machine would take long
    if data:
        send_all(fd, data[os.write(fd, data[:512]):])
""", "It raised RecursionError"),
        "strips": ("""
def send_all(fd, data):
    data = data.rstrip()
    while data:
        data = data[os.write(fd, data):]
""", "are to go as they are"),
        "adds a newline": ("""
def send_all(fd, data):
    if data and not data.endswith(b"\\n"):
        data += b"\\n"
    while data:
        data = data[os.write(fd, data):]
""", "are to go as they are"),
        "up to the first NUL": ("""
def send_all(fd, data):
    data = data.split(b"\\0")[0]
    while data:
        data = data[os.write(fd, data):]
""", "are to go as they are"),
        "text on the way": ("""
def send_all(fd, data):
    data = data.decode(errors="replace").encode()
    while data:
        data = data[os.write(fd, data):]
""", "are to go as they are"),
        "line by line": ("""
def send_all(fd, data):
    for line in data.splitlines():
        line += b"\\n"
        while line:
            line = line[os.write(fd, line):]
""", "are to go as they are"),
        "stays nonblocking": ("""
def send_all(fd, data):
    os.set_blocking(fd, False)
    while data:
        select.select([], [fd], [])
        data = data[os.write(fd, data):]
""", "O_NONBLOCK is set"),
        "stays nonblocking after an error": ("""
def send_all(fd, data):
    os.set_blocking(fd, False)
    while data:
        select.select([], [fd], [])
        data = data[os.write(fd, data):]
    os.set_blocking(fd, True)
""", "The reader had gone. After the call, O_NONBLOCK is set"),
        "naps of 0.1 ms": ("""
def send_all(fd, data):
    os.set_blocking(fd, False)
    try:
        while data:
            try:
                data = data[os.write(fd, data):]
            except BlockingIOError:
                time.sleep(0.0001)
    finally:
        os.set_blocking(fd, True)
""", "look less often"),
        "tries without a pause": ("""
def send_all(fd, data):
    os.set_blocking(fd, False)
    try:
        while data:
            try:
                data = data[os.write(fd, data):]
            except BlockingIOError:
                pass
    finally:
        os.set_blocking(fd, True)
""", "it runs in a loop, at the cost of a processor"),
        "gives up after 0.6 s": ("""
def send_all(fd, data):
    while data:
        if not select.select([], [fd], [], 0.6)[1]:
            return
        data = data[os.write(fd, data[:512]):]
""", "the pipe stayed full, and meanwhile it returned"),
        "gives up after 1 s": ("""
def send_all(fd, data):
    while data:
        if not select.select([], [fd], [], 1)[1]:
            raise TimeoutError
        data = data[os.write(fd, data[:512]):]
""", "the pipe stayed full, and meanwhile it raised"),
        "a thread that goes on": ("""
def send_all(fd, data):
    def send(rest):
        while rest:
            rest = rest[os.write(fd, rest):]
    threading.Thread(target=send, args=(data,), daemon=True).start()
""", "a thread of yours still runs"),
        "remembers what it sent": ("""
def send_all(fd, data, sent=set()):
    if data in sent:
        return
    sent.add(data)
    while data:
        data = data[os.write(fd, data):]
""", "are to go as they are"),
        "remembers the rest": ("""
rest = b""
def send_all(fd, data):
    global rest
    rest += data
    while rest:
        rest = rest[os.write(fd, rest):]
""", "data[count:]"),
        "another error": ("""
def send_all(fd, data):
    try:
        while data:
            data = data[os.write(fd, data):]
    except BrokenPipeError:
        raise RuntimeError("the reader has gone")
""", "it raised RuntimeError"),
        "a slip when the reader goes": ("""
def send_all(fd, data):
    try:
        while data:
            data = data[os.write(fd, data):]
    except BrokenPipeError as error:
        raise eror
""", "it raised NameError"),
        "closes after an error": ("""
def send_all(fd, data):
    try:
        while data:
            data = data[os.write(fd, data):]
    except BrokenPipeError:
        os.close(fd)
        raise
""", "which the caller had open, is closed"),
        "leaves a copy": ("""
def send_all(fd, data):
    copy = os.dup(fd)
    while data:
        data = data[os.write(copy, data):]
    os.close(copy)
""", "it left a descriptor open"),
        "gives the count": ("""
def send_all(fd, data):
    total = len(data)
    while data:
        data = data[os.write(fd, data):]
    return total
""", "a function that returns nothing"),
        "an interrupt ends it": ("""
def send_all(fd, data):
    while data:
        count = os.write(fd, data)
        if count < len(data):
            raise InterruptedError
        data = data[count:]
""", "It raised InterruptedError"),
        "waits until all is read": ("""
import array
import fcntl
import termios
def send_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]
    waiting = array.array("i", [1])
    while waiting[0]:
        fcntl.ioctl(fd, termios.FIONREAD, waiting)
        if waiting[0]:
            time.sleep(0.01)
""", "and it still waited"),
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
""", "before the writer had closed: more"),
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
""", "before the writer had closed: more"),
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
""", "After the call, it left a descriptor open"),
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
        "another error in the error's branch": ("""
def read_message(path):
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        raise Missing(path)
    with open(fd, "rb") as file:
        return file.read()
""", "The error that is to come is FileNotFoundError"),
        "hides errors": ("""
def read_message(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
""", "There is no file at the path, and it returned b''"),
        "makes what is missing": ("""
def read_message(path):
    if not os.path.exists(path):
        os.mkfifo(path)
    with open(path, "rb") as file:
        return file.read()
""", "and it waits. Let the error come through"),
        "cat": ("""
def read_message(path):
    return subprocess.run(["cat", path], capture_output=True, stdin=subprocess.DEVNULL).stdout
""", "There is no file at the path, and it returned b''"),
        "a thread": ("""
def read_message(path):
    found = []
    thread = threading.Thread(target=lambda: found.append(open(path, "rb").read()))
    thread.start()
    thread.join()
    return found[0]
""", "The error that is to come is FileNotFoundError"),
        "recursion": ("""
def read_message(path):
    def rest(fd):
        piece = os.read(fd, 4096)
        return piece and piece + rest(fd)
    fd = os.open(path, os.O_RDONLY)
    try:
        return rest(fd)
    finally:
        os.close(fd)
""", "It raised RecursionError"),
        "closes, but not after an error": ("""
def read_message(path):
    fd, data = os.open(path, os.O_RDONLY), b""
    while piece := os.read(fd, 512):
        data += piece
    os.close(fd)
    return data
""", "There is a folder at the path. After the error, it left a descriptor open"),
        "closes after an Exception only": ("""
def read_message(path):
    fd, data = os.open(path, os.O_RDONLY), b""
    try:
        while piece := os.read(fd, 512):
            data += piece
    except Exception:
        os.close(fd)
        raise
    os.close(fd)
    return data
""", "It was interrupted while it read. After that, it left a descriptor open"),
        "swallows the interrupt": ("""
def read_message(path):
    data = b""
    with open(path, "rb", buffering=0) as file:
        try:
            while piece := file.read(512):
                data += piece
        except KeyboardInterrupt:
            pass
    return data
""", "Let KeyboardInterrupt come through"),
        "text and back": ("""
def read_message(path):
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        return file.read().encode()
""", "\\xbd\\x1a"),
        "one newline is all newlines": ("""
def read_message(path):
    with open(path, encoding="latin-1") as file:
        return file.read().encode("latin-1")
""", "returned b'\\xc3"),
        "remembers": ("""
def read_message(path, pieces=[]):
    with open(path, "rb") as file:
        pieces.append(file.read())
    return b"".join(pieces)
""", "and the message is b'Hello from pid [4242]'"),
        "until the newline": ("""
def read_message(path):
    with open(path, "rb") as file:
        return file.readline()
""", "before the writer had closed: more"),
        "65,536 bytes": ("""
def read_message(path):
    with open(path, "rb") as file:
        return file.read(65_536)
""", "returned 65,536 bytes"),
        "a hundred reads": ("""
def read_message(path):
    with open(path, "rb", buffering=0) as file:
        return b"".join(file.read(4096) for _ in range(100))
""", "returned 100 bytes"),
        "gives up": ("""
def read_message(path):
    with open(path, "rb", buffering=0) as file:
        data = b""
        while select.select([file], [], [], 1)[0] and (piece := file.read(512)):
            data += piece
        return data
""", "a writer had the pipe open and was silent, and meanwhile it returned"),
        "gives up when no writer comes": ("""
def read_message(path):
    with time_limit(1):
        file = open(path, "rb")
    with file:
        return file.read()
""", "no writer came, and meanwhile it raised TimeoutError"),
        "looks without a rest": ("""
def read_message(path):
    fd, data = os.open(path, os.O_RDONLY), b""
    os.set_blocking(fd, False)
    try:
        while True:
            try:
                if not (piece := os.read(fd, 512)):
                    return data
                data += piece
            except BlockingIOError:
                time.sleep(0.0001)
    finally:
        os.close(fd)
""", "Let the call itself wait"),
        "gives the last message for an empty one": ("""
last = b""
def read_message(path):
    global last
    with open(path, "rb") as file:
        last = file.read() or last
    return last
""", "A writer closed without a word, and it returned b'one'"),
        "removes the name": ("""
def read_message(path):
    with open(path, "rb") as file:
        data = file.read()
    os.unlink(path)
    return data
""", "It removed the pipe's name"),
        "changes the mode": ("""
def read_message(path):
    os.chmod(path, 0o666)
    with open(path, "rb") as file:
        return file.read()
""", "It changed the pipe itself"),
        "leaves a handler": ("""
def read_message(path):
    import signal
    signal.signal(signal.SIGALRM, lambda *_: None)
    with open(path, "rb") as file:
        return file.read()
""", "the handler of SIGALRM is another"),
        "leaves a thread": ("""
def read_message(path):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    with open(path, "rb") as file:
        return file.read()
""", "a thread of yours still runs"),
        "a bytearray": ("""
def read_message(path):
    data = bytearray()
    with open(path, "rb", buffering=0) as file:
        while piece := file.read(22):
            data += piece
    return data
""", "It returned a bytearray"),
        "stops at POLLHUP": ("""
def read_message(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        data = b""
        while True:
            [(_, event)] = poller.poll()
            if event & select.POLLHUP:
                return data
            data += os.read(fd, 4096)
    finally:
        os.close(fd)
""", "and closed at once, and it returned"),
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
        "splits at what text calls a line": ("""
def messages(fd):
    rest = b""
    while piece := os.read(fd, 512):
        rest += piece
        lines = rest.splitlines(keepends=True)
        rest = b"" if lines[-1].endswith(b"\\n") else lines.pop()
        for line in lines:
            yield line.rstrip(b"\\r\\n")
    if rest:
        raise EOFError
""", "only the newline is cut off"),
        "strips": ("""
def messages(fd):
    with open(fd, "rb", closefd=False) as file:
        for line in file:
            if not line.endswith(b"\\n"):
                raise EOFError
            yield line.strip()
""", "only the newline is cut off"),
        "text and back": ("""
def messages(fd):
    with open(fd, encoding="utf-8", newline="\\n", closefd=False) as file:
        while line := file.readline():
            if line[-1] != "\\n":
                raise EOFError
            yield line[:-1].encode()
""", "It raised UnicodeDecodeError"),
        "ends at an empty message": ("""
def messages(fd):
    with open(fd, "rb", closefd=False) as file:
        while line := file.readline():
            if not line.endswith(b"\\n"):
                raise EOFError
            if line == b"\\n":
                return
            yield line[:-1]
""", "came to an end while the writer"),
        "another error": ("""
def messages(fd):
    rest = b""
    while piece := os.read(fd, 512):
        *whole, rest = (rest + piece).split(b"\\n")
        yield from whole
    if rest:
        raise EndOfFile("in the middle")
""", "The error that is to come is EOFError"),
        "a ValueError": ("""
def messages(fd):
    rest = b""
    while piece := os.read(fd, 512):
        *whole, rest = (rest + piece).split(b"\\n")
        yield from whole
    if rest:
        raise ValueError("in the middle")
""", "The error that is to come is EOFError"),
        "an error after spaces is none": ("""
def messages(fd):
    rest = b""
    while piece := os.read(fd, 512):
        *whole, rest = (rest + piece).split(b"\\n")
        yield from whole
    if rest.strip():
        raise EOFError
""", "disappeared"),
        "an error at every end": ("""
def messages(fd):
    rest = b""
    while piece := os.read(fd, 512):
        *whole, rest = (rest + piece).split(b"\\n")
        yield from whole
    raise EOFError
""", "It raised EOFError"),
        "remembers the rest": ("""
rest = b""
def messages(fd):
    global rest
    while piece := os.read(fd, 512):
        *whole, rest = (rest + piece).split(b"\\n")
        yield from whole
    if rest:
        raise EOFError
""", "and the message is b'one'"),
        "a default that remembers": ("""
def messages(fd, rest=bytearray()):
    while piece := os.read(fd, 512):
        rest += piece
        while b"\\n" in rest:
            at = rest.index(b"\\n")
            yield bytes(rest[:at])
            del rest[:at + 1]
    if rest:
        raise EOFError
""", "and the message is b'one'"),
        "closes the descriptor": ("""
def messages(fd):
    with open(fd, "rb") as file:
        for line in file:
            if not line.endswith(b"\\n"):
                raise EOFError
            yield line[:-1]
""", "which the caller had open, is closed"),
        "closes the descriptor after an error": ("""
def messages(fd):
    rest = b""
    while piece := os.read(fd, 512):
        *whole, rest = (rest + piece).split(b"\\n")
        yield from whole
    if rest:
        os.close(fd)
        raise EOFError
""", "which the caller had open, is closed"),
        "leaves O_NONBLOCK": ("""
def messages(fd):
    os.set_blocking(fd, False)
    rest = b""
    while True:
        select.select([fd], [], [])
        if not (piece := os.read(fd, 512)):
            break
        *whole, rest = (rest + piece).split(b"\\n")
        yield from whole
    if rest:
        raise EOFError
""", "O_NONBLOCK is set"),
        "a descriptor more": ("""
def messages(fd):
    file = os.dup(fd)
    rest = b""
    while piece := os.read(file, 512):
        *whole, rest = (rest + piece).split(b"\\n")
        yield from whole
    if rest:
        raise EOFError
""", "it left a descriptor open"),
        "gives up": ("""
def messages(fd):
    rest = b""
    while select.select([fd], [], [], 1.5)[0]:
        if not (piece := os.read(fd, 512)):
            break
        *whole, rest = (rest + piece).split(b"\\n")
        yield from whole
    if rest:
        raise EOFError
""", "and meanwhile it raised EOFError"),
        "a hundred": ("""
def messages(fd):
    with open(fd, "rb", closefd=False) as file:
        for _ in range(100):
            line = file.readline()
            if not line:
                return
            if not line.endswith(b"\\n"):
                raise EOFError
            yield line[:-1]
""", "came to an end while the writer"),
        "recursion": ("""
def messages(fd, rest=b""):
    piece = os.read(fd, 512)
    if not piece and rest:
        raise EOFError
    if piece:
        *whole, rest = (rest + piece).split(b"\\n")
        yield from whole
        yield from messages(fd, rest)
""", "It raised RecursionError"),
        "65,536 bytes at most": ("""
def messages(fd):
    with open(fd, "rb", closefd=False) as file:
        while line := file.readline(65_536):
            if not line.endswith(b"\\n") and len(line) < 65_536:
                raise EOFError
            yield line.removesuffix(b"\\n")
""", "a piece of the message"),
        "looks without a rest": ("""
def messages(fd):
    rest = b""
    while True:
        while not select.select([fd], [], [], 0)[0]:
            time.sleep(0.0001)
        if not (piece := os.read(fd, 512)):
            break
        *whole, rest = (rest + piece).split(b"\\n")
        yield from whole
    if rest:
        raise EOFError
""", "Let the call itself wait"),
        "a bytearray": ("""
def messages(fd):
    message = bytearray()
    while byte := os.read(fd, 1):
        if byte == b"\\n":
            yield message
            message = bytearray()
        else:
            message += byte
    if message:
        raise EOFError
""", "It yielded a bytearray"),
        "opens it once more by /proc": ("""
def messages(fd):
    # an open file of our own, so that the caller's fd is not touched
    with open(f"/proc/self/fd/{fd}", "rb") as pipe:
        for line in pipe:
            if not line.endswith(b"\\n"):
                raise EOFError("unfinished message")
            yield line[:-1]
""", "Before the call a writer wrote"),
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
""", "A whole message was written"),
        "both directions": ("""
def serve(path, handle):
    with open(path, "r+b", buffering=0) as file:
        for line in io.BufferedReader(file):
            handle(line[:-1])
""", "drop the piece at end of file"),
        "keeps a write end for ever": ("""
def serve(path, handle):
    fd = os.open(path, os.O_RDONLY)
    keep = os.open(path, os.O_WRONLY)
    rest = b""
    try:
        while True:
            *whole, rest = (rest + os.read(fd, 512)).split(b"\\n")
            for message in whole:
                handle(message)
    finally:
        os.close(fd)
        os.close(keep)
""", "drop the piece at end of file"),
        "looks now and then, and forgets nothing": ("""
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
""", "drop the piece at end of file"),
        "asyncio, with a write end for ever": ("""
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
""", "It raised LimitOverrunError"),
        "opens the next before it closes the last": ("""
def serve(path, handle):
    file = open(path, "rb", buffering=0)
    while True:
        for line in io.BufferedReader(io.FileIO(file.fileno(), closefd=False)):
            if line.endswith(b"\\n"):
                handle(line[:-1])
        following = open(path, "rb", buffering=0)
        file.close()
        file = following
""", "the open waits for yet another writer"),
        "hands on the piece at end of file": ("""
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    try:
        while True:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                if rest:
                    handle(rest)
                rest = b""
                keep = os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message)
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""", "Keep a piece until its newline"),
        "keeps the write end after the second writer": ("""
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    try:
        while True:
            piece = os.read(fd, 512)
            if not piece:
                rest = b""
                keep = keep or os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message)
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""", "drop the piece at end of file"),
        "ends at an unfinished message": ("""
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    try:
        while True:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                if rest:
                    raise EOFError(rest)
                keep = os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message)
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""", "It raised EOFError: b'par'"),
        "strips": ("""
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    try:
        while True:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                rest = b""
                keep = os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message.strip())
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""", "only the newline is cut off"),
        "text and back": ("""
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    try:
        while True:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                rest = b""
                keep = os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message.decode(errors="replace").encode())
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""", "and the message was b'\\r"),
        "leaves out empty ones": ("""
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    try:
        while True:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                rest = b""
                keep = os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                if message:
                    handle(message)
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""", "It was left out"),
        "swallows the errors of handle": ("""
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    try:
        while True:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                rest = b""
                keep = os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                try:
                    handle(message)
                except Exception:
                    pass
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""", "it was called again"),
        "takes an error of handle for its own": ("""
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    try:
        while True:
          try:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                rest = b""
                keep = os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message)
          except BlockingIOError:
            time.sleep(0.01)
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""", "handle raised BlockingIOError, and it waits on"),
        "returns at an EOFError of handle": ("""
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    try:
        while True:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                rest = b""
                keep = os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message)
    except EOFError:
        pass
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""", "handle raised EOFError, and it returned None"),
        "wraps the errors of handle": ("""
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    try:
        while True:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                rest = b""
                keep = os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message)
    except Exception as error:
        raise RuntimeError("serve") from error
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""", "and it raised RuntimeError"),
        "leaves the descriptor after an error": ("""
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    while True:
        piece = os.read(fd, 512)
        if keep is not None:
            os.close(keep)
            keep = None
        if not piece:
            rest = b""
            keep = os.open(path, os.O_WRONLY)
        *whole, rest = (rest + piece).split(b"\\n")
        for message in whole:
            handle(message)
""", "After that, it left a descriptor open"),
        "a descriptor more for each writer": ("""
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    try:
        while True:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
                os.dup(fd)
            if not piece:
                rest = b""
                keep = os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message)
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""", "After that, it left a descriptor open"),
        "closes after an Exception only": ("""
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    try:
        while True:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                rest = b""
                keep = os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message)
    except Exception:
        if keep is not None:
            os.close(keep)
        os.close(fd)
        raise
""", "After that, it left a descriptor open"),
        "remembers": ("""
rest = b""
def serve(path, handle):
    global rest
    fd, keep = os.open(path, os.O_RDONLY), None
    try:
        while True:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                rest = b""
                keep = os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message)
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""", "It called handle with b'and a piece"),
        "65,536 bytes at most": ("""
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    try:
        while True:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                rest = b""
                keep = os.open(path, os.O_WRONLY)
            rest = rest[-65_536:]
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message)
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""", "and the message was 69,999 bytes"),
        "gives up": ("""
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    try:
        while True:
            if not select.select([fd], [], [], 1)[0]:
                raise TimeoutError
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                rest = b""
                keep = os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message)
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""", "and meanwhile it raised TimeoutError"),
        "gives up when no writer comes": ("""
def serve(path, handle):
    keep, rest = None, b""
    with time_limit(1.5):
        fd = os.open(path, os.O_RDONLY)
    try:
        while True:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                rest = b""
                keep = os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message)
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""", "no writer came, and meanwhile it raised TimeoutError"),
        "a hundred messages": ("""
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    seen = 0
    try:
        while True:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                rest = b""
                keep = os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message)
                seen += 1
                if seen == 100:
                    return
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""", "end of file is not for ever"),
        "naps too short": ("""
def serve(path, handle):
    fd, rest = os.open(path, os.O_RDONLY | os.O_NONBLOCK), b""
    try:
        while True:
            try:
                piece = os.read(fd, 512)
            except BlockingIOError:
                piece = None
            if piece is None:
                time.sleep(0.0001)
            elif not piece:
                rest = b""
                time.sleep(0.0001)
            else:
                *whole, rest = (rest + piece).split(b"\\n")
                for message in whole:
                    handle(message)
    finally:
        os.close(fd)
""", "Let the call itself wait"),
        "cat again and again": ("""
def serve(path, handle):
    while True:
        with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as cat:
            try:
                for line in cat.stdout:
                    if line.endswith(b"\\n"):
                        handle(line[:-1])
            except BaseException:
                cat.kill()
                raise
""", "keep the pipe open"),
        "changes the mode": ("""
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    os.chmod(path, 0o666)
    try:
        while True:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                rest = b""
                keep = os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message)
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""", "It changed the pipe itself"),
        "recursion": ("""
def serve(path, handle):
    fd = os.open(path, os.O_RDONLY)
    try:
        more(path, handle, fd, b"")
    finally:
        os.close(fd)
def more(path, handle, fd, rest):
    piece = os.read(fd, 512)
    if not piece:
        rest, keep = b"", os.open(path, os.O_WRONLY)
        try:
            piece = os.read(fd, 512)
        finally:
            os.close(keep)
    *whole, rest = (rest + piece).split(b"\\n")
    for message in whole:
        handle(message)
    more(path, handle, fd, rest)
""", "It raised RecursionError"),
        "swallows StopIteration": ("""
def serve(path, handle):
    r = os.open(path, os.O_RDONLY)
    w = None
    try:
        rest = b""
        while True:
            chunk = os.read(r, 65536)
            if w is not None:
                os.close(w)
                w = None
            if not chunk:
                rest = b""
                w = os.open(path, os.O_WRONLY)
                continue
            *complete, rest = (rest + chunk).split(b"\\n")
            list(map(handle, complete))
    finally:
        if w is not None:
            os.close(w)
        os.close(r)
""", "handle raised StopIteration"),
        "ends when handle returns False": ("""
def serve(path, handle):
    r = os.open(path, os.O_RDONLY)
    try:
        rest = b""
        while True:
            chunk = os.read(r, 65536)
            if not chunk:
                rest = b""
                w = os.open(path, os.O_WRONLY)
                try:
                    chunk = os.read(r, 65536)
                finally:
                    os.close(w)
            *done, rest = (rest + chunk).split(b"\\n")
            for message in done:
                if handle(message) is False:
                    return
    finally:
        os.close(r)
""", "end of file is not for ever"),
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
        "text and back": ("""
def ask(requests, replies, question):
    with open(requests, "w") as questions:
        print(question.decode(), file=questions)
    with open(replies) as answers:
        return answers.readline().rstrip("\\n").encode()
""", "It raised UnicodeDecodeError"),
        "strips": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer.strip()
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "do not strip"),
        "strips the end": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer.rstrip()
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "do not strip"),
        "text in between": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer.decode("latin-1").splitlines()[0].encode("latin-1")
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "returned 1 bytes"),
        "two writes": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question)
            os.write(to, b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer[:-1]
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "must go in one write"),
        "a writable file with two writes": ("""
def ask(requests, replies, question):
    with open(requests, "wb", buffering=0) as questions, open(replies, "rb") as answers:
        questions.writelines([question, b"\\n"])
        answer = answers.readline()
    if not answer.endswith(b"\\n"):
        raise EOFError
    return answer[:-1]
""", "must go in one write"),
        "returns the piece": ("""
def ask(requests, replies, question):
    with open(requests, "wb", buffering=0) as questions, open(replies, "rb") as answers:
        questions.write(question + b"\\n")
        return answers.readline().removesuffix(b"\\n")
""", "The server left before its answer was at its end, and it returned b''"),
        "an error for no answer only": ("""
def ask(requests, replies, question):
    with open(requests, "wb", buffering=0) as questions, open(replies, "rb") as answers:
        questions.write(question + b"\\n")
        answer = answers.readline()
        if not answer:
            raise EOFError
        return answer.removesuffix(b"\\n")
""", "at its end, after b'fo', and it returned"),
        "another error": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                if not piece:
                    raise ServerLeft(answer)
                answer += piece
            return answer[:-1]
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "The error that is to come is EOFError"),
        "a ConnectionError": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                if not piece:
                    raise ConnectionError
                answer += piece
            return answer[:-1]
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "The error that is to come is EOFError"),
        "reads for ever at end of file": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                answer += piece
            return answer[:-1]
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "waits on, or tries again"),
        "hides the broken pipe": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            try:
                os.write(to, question + b"\\n")
            except BrokenPipeError:
                return None
            answer = b""
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer[:-1]
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "and it returned None"),
        "a broken pipe becomes EOFError": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            try:
                os.write(to, question + b"\\n")
            except OSError as error:
                raise EOFError from error
            answer = b""
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer[:-1]
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "The error that is to come is BrokenPipeError"),
        "leaves them open after an error": ("""
def ask(requests, replies, question):
    to, back = os.open(requests, os.O_WRONLY), os.open(replies, os.O_RDONLY)
    os.write(to, question + b"\\n")
    answer = b""
    while not answer.endswith(b"\\n"):
        if not (piece := os.read(back, 512)):
            raise EOFError
        answer += piece
    os.close(to)
    os.close(back)
    return answer[:-1]
""", "After the EOFError it left 2 descriptors open"),
        "leaves requests open without replies": ("""
def ask(requests, replies, question):
    to, back = os.open(requests, os.O_WRONLY), os.open(replies, os.O_RDONLY)
    try:
        os.write(to, question + b"\\n")
        answer = b""
        while not answer.endswith(b"\\n"):
            if not (piece := os.read(back, 512)):
                raise EOFError
            answer += piece
        return answer[:-1]
    finally:
        os.close(to)
        os.close(back)
""", "After the FileNotFoundError it left a descriptor open"),
        "makes the missing pipe": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    try:
        if not os.path.exists(replies):
            os.mkfifo(replies)
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer[:-1]
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "waits on, or tries again"),
        "a descriptor open": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer[:-1]
        finally:
            pass
    finally:
        os.close(to)
""", "left a descriptor open"),
        "two reads": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            answer = b""
            for _ in range(2):
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer[:-1]
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "no end of file comes"),
        "4,096 bytes": ("""
def ask(requests, replies, question):
    with open(requests, "wb", buffering=0) as questions, open(replies, "rb") as answers:
        questions.write(question + b"\\n")
        answer = answers.readline(4096)
        if not answer:
            raise EOFError
        return answer.removesuffix(b"\\n")
""", "before the answer was at its end"),
        "gives up": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                if not select.select([back], [], [], 1)[0]:
                    raise EOFError
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer[:-1]
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "and meanwhile it raised EOFError"),
        "gives up before the server comes": ("""
def ask(requests, replies, question):
    with time_limit(1.5):
        to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer[:-1]
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "the server had not come, and meanwhile it raised TimeoutError"),
        "does not wait for the server": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY | os.O_NONBLOCK)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer[:-1]
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "It raised OSError"),
        "remembers": ("""
answers = {}
def ask(requests, replies, question):
    if question in answers:
        return answers[question]
    with open(requests, "wb", buffering=0) as questions, open(replies, "rb") as file:
        questions.write(question + b"\\n")
        answer = file.readline()
        if not answer.endswith(b"\\n"):
            raise EOFError
        answers[question] = answer[:-1]
        return answer[:-1]
""", "before the server had answered"),
        "a default that remembers": ("""
def ask(requests, replies, question, answer=bytearray()):
    to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return bytes(answer[:-1])
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "before the server had answered"),
        "looks without a rest": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                while not select.select([back], [], [], 0)[0]:
                    time.sleep(0.0001)
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer[:-1]
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "Let the call itself wait"),
        "changes the mode": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    os.chmod(replies, 0o666)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer[:-1]
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "It changed the pipe itself"),
        "reads its own question": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_RDWR)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer[:-1]
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "waits on, or tries again"),
        "removes a name": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer[:-1]
        finally:
            os.close(back)
            os.unlink(replies)
    finally:
        os.close(to)
""", "It removed the name of a pipe"),
        "leaves a timer": ("""
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            import signal
            signal.setitimer(signal.ITIMER_REAL, 60)
            os.write(to, question + b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer[:-1]
        finally:
            os.close(back)
    finally:
        os.close(to)
""", "a timer runs"),
        "recursion": ("""
def ask(requests, replies, question):
    def rest(file):
        piece = os.read(file.fileno(), 512)
        if not piece:
            raise EOFError
        return piece if piece.endswith(b"\\n") else piece + rest(file)
    with open(requests, "wb", buffering=0) as to, open(replies, "rb", buffering=0) as back:
        to.write(question + b"\\n")
        return rest(back)[:-1]
""", "It raised RecursionError"),
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
        "whole milliseconds": ("""
def read_with_deadline(path, seconds):
    end = time.monotonic() + seconds
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        data = b""
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while poll.poll(int(max(0, end - time.monotonic()) * 1000)):
            piece = os.read(fd, 65536)
            if not piece:
                return data
            data += piece
        raise TimeoutError
    finally:
        os.close(fd)
""", "`int` and `round` lose a part of a millisecond"),
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
""", "After the TimeoutError, it left a descriptor open"),
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
        "strips": ("""
def read_with_deadline(path, seconds):
    with time_limit(seconds), open(path, "rb") as file:
        return file.read().strip()
""", "do not strip it"),
        "text on the way": ("""
def read_with_deadline(path, seconds):
    with time_limit(seconds), open(path, errors="replace") as file:
        return file.read().encode()
""", "', and the message is b' \\r"),
        "newlines of text": ("""
def read_with_deadline(path, seconds):
    with time_limit(seconds), open(path, encoding="latin-1") as file:
        return file.read().encode("latin-1")
""", "', and the message is b' \\r"),
        "one line": ("""
def read_with_deadline(path, seconds):
    with time_limit(seconds), open(path, "rb") as file:
        return file.readline()
""", "returned 3 bytes"),
        "at most 64 KiB": ("""
def read_with_deadline(path, seconds):
    with time_limit(seconds), open(path, "rb") as file:
        return file.read(65536)
""", "returned 65,536 bytes"),
        "nothing is no message": ("""
def read_with_deadline(path, seconds):
    with time_limit(seconds):
        while True:
            with open(path, "rb") as file:
                if data := file.read():
                    return data
""", "as if it had not seen the end of file"),
        "looks, and misses an empty message": ("""
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
                time.sleep(0.01)
        raise TimeoutError
    finally:
        os.close(fd)
""", "as if it had not seen the end of file"),
        "twice the deadline": ("""
def read_with_deadline(path, seconds):
    with time_limit(2 * seconds), open(path, "rb") as file:
        return file.read()
""", "waits on long after the deadline"),
        "half the deadline": ("""
def read_with_deadline(path, seconds):
    with time_limit(seconds / 2), open(path, "rb") as file:
        return file.read()
""", "it gave up after 0.1"),
        "from the first byte": ("""
def read_with_deadline(path, seconds):
    with time_limit(seconds):
        file = open(path, "rb", buffering=0)
    with file:
        with time_limit(seconds):
            data = file.read(1)
        with time_limit(seconds):
            return data + file.readall()
""", "after its deadline. The time runs"),
        "opens with one, reads with another": ("""
def read_with_deadline(path, seconds):
    with time_limit(seconds):
        file = open(path, "rb")
    with file, time_limit(seconds):
        return file.read()
""", "after its deadline. The time runs"),
        "naps of 0.1 ms": ("""
def read_with_deadline(path, seconds):
    end, data, came = time.monotonic() + seconds, b"", False
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    try:
        while time.monotonic() < end:
            if not poll.poll(0):
                time.sleep(0.0001)
                continue
            piece = os.read(fd, 512)
            if not piece:
                return data
            data += piece
        raise TimeoutError
    finally:
        os.close(fd)
""", "look less often"),
        "an alarm that stays": ("""
import signal
def read_with_deadline(path, seconds):
    def late(*_):
        raise TimeoutError
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    with open(path, "rb") as file:
        return file.read()
""", "a timer runs"),
        "a handler that stays": ("""
import signal
def read_with_deadline(path, seconds):
    def late(*_):
        raise TimeoutError
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with open(path, "rb") as file:
            return file.read()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
""", "the handler of SIGALRM is another"),
        "a thread that stays": ("""
def read_with_deadline(path, seconds):
    found = []
    def read():
        with open(path, "rb") as file:
            found.append(file.read())
    if not os.path.exists(path):
        raise FileNotFoundError(2, "no pipe", path)
    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise TimeoutError
    return found[0]
""", "a thread of yours still runs"),
        "a process that stays": ("""
def read_with_deadline(path, seconds):
    if not os.path.exists(path):
        raise FileNotFoundError(2, "no pipe", path)
    cat = subprocess.Popen(["cat", path], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        return cat.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        cat.stdout.close()
        raise TimeoutError from None
""", "was not waited for"),
        "remembers the last bytes": ("""
def read_with_deadline(path, seconds, data=bytearray()):
    deadline = time.monotonic() + seconds
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0 and poll.poll(1000 * left):
            piece = os.read(fd, 512)
            if not piece:
                return bytes(data)
            data += piece
        raise TimeoutError
    finally:
        os.close(fd)
""", "', and the message is b' \\r"),
        "one deadline for all calls": ("""
ends = []
def read_with_deadline(path, seconds):
    ends.append(time.monotonic() + seconds)
    deadline = ends[0]
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        data = b""
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0 and poll.poll(1000 * left):
            piece = os.read(fd, 512)
            if not piece:
                return data
            data += piece
        raise TimeoutError
    finally:
        os.close(fd)
""", "it gave up after 0.0"),
        "a second at most": ("""
def read_with_deadline(path, seconds):
    with time_limit(min(seconds, 1)), open(path, "rb") as file:
        return file.read()
""", "It gave up before a writer had come"),
        "whole seconds": ("""
import math
def read_with_deadline(path, seconds):
    with time_limit(math.ceil(seconds)), open(path, "rb") as file:
        return file.read()
""", "waits on long after the deadline"),
        "hides that there is no pipe": ("""
def read_with_deadline(path, seconds):
    try:
        with time_limit(seconds), open(path, "rb") as file:
            return file.read()
    except OSError:
        raise TimeoutError from None
""", "it raised TimeoutError"),
        "makes the pipe": ("""
def read_with_deadline(path, seconds):
    if not os.path.exists(path):
        os.mkfifo(path)
    with time_limit(seconds), open(path, "rb") as file:
        return file.read()
""", "it made something there"),
        "a descriptor stays after a late one": ("""
def read_with_deadline(path, seconds):
    deadline = time.monotonic() + seconds
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    data = b""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(1000 * left):
            if not data:
                os.close(fd)
            raise TimeoutError
        piece = os.read(fd, 512)
        if not piece:
            os.close(fd)
            return data
        data += piece
""", "After the TimeoutError, it left a descriptor open"),
        "recursion for each read": ("""
def read_with_deadline(path, seconds):
    def rest(fd):
        piece = os.read(fd, 64)
        return piece and piece + rest(fd)
    with time_limit(seconds):
        fd = os.open(path, os.O_RDONLY)
        try:
            return rest(fd)
        finally:
            os.close(fd)
""", "it raised RecursionError"),
        "another error": ("""
def read_with_deadline(path, seconds):
    try:
        with time_limit(seconds), open(path, "rb") as file:
            return file.read()
    except TimeoutError:
        raise OSError("too late") from None
""", "it raised OSError"),
        "looks at the clock in silence only": ("""
def read_with_deadline(path, seconds):
    deadline = time.monotonic() + seconds
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        parts = []
        while True:
            ready, _, _ = select.select([fd], [], [], 0.15)
            if not ready:
                if time.monotonic() >= deadline:
                    raise TimeoutError("deadline passed")
                continue
            try:
                chunk = os.read(fd, 65536)
            except BlockingIOError:
                continue
            if not chunk:
                return b"".join(parts)
            parts.append(chunk)
    finally:
        os.close(fd)
""", "The deadline is one for all"),
        "one read after POLLHUP": ("""
def read_with_deadline(path, seconds):
    deadline = time.monotonic() + seconds
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        data = bytearray()
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            for _, event in poller.poll(left * 1000):
                if event & select.POLLIN:
                    data += os.read(fd, 4096)
                if event & select.POLLHUP:
                    return bytes(data)
    finally:
        os.close(fd)
""", "and closed at once, and it returned"),
        "keeps the parts of a call that failed": ("""
def read_with_deadline(path, seconds, parts=[]):
    deadline = time.monotonic() + seconds
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([fd], [], [], left)[0]:
                continue
            try:
                chunk = os.read(fd, 65536)
            except BlockingIOError:
                continue
            if chunk:
                parts.append(chunk)
            else:
                data = b"".join(parts)
                parts.clear()
                return data
        raise TimeoutError("too late")
    finally:
        os.close(fd)
""", "and the message is b'Another message.'"),
    },
    "answer": {
        "waits for a reader": ("""
def answer(path, data):
    try:
        fd = os.open(path, os.O_WRONLY)
    except OSError:
        return False
    try:
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            return False
        return os.write(fd, data) == len(data)
    except OSError:
        return False
    finally:
        os.close(fd)
""", "has no reader, and it waits"),
        "lets errors out": ("""
def answer(path, data):
    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        os.write(fd, data)
        return True
    finally:
        os.close(fd)
""", "The pipe has no reader, and it raised OSError"),
        "catches ENXIO only": ("""
def answer(path, data):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return False
        raise
    try:
        os.write(fd, data)
    finally:
        os.close(fd)
    return True
""", "There is nothing at the path, and it raised FileNotFoundError"),
        "returns nothing": ("""
def answer(path, data):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        os.write(fd, data)
        os.close(fd)
    except OSError:
        return False
""", "the call returned None: return True"),
        "None for no": ("""
def answer(path, data):
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(fd, data)
            return True
        finally:
            os.close(fd)
""", "returned None instead of False"),
        "both directions": ("""
def answer(path, data):
    try:
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return os.write(fd, data) == len(data)
    except OSError:
        return False
    finally:
        os.close(fd)
""", "a pipe has a reader: your own process"),
        "makes a file": ("""
def answer(path, data):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CREAT)
    except OSError:
        return False
    try:
        return stat.S_ISFIFO(os.fstat(fd).st_mode) and os.write(fd, data) > 0
    except OSError:
        return False
    finally:
        os.close(fd)
""", "your function made a file there"),
        "tries for a while": ("""
def answer(path, data):
    for _ in range(10):
        try:
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError:
            time.sleep(0.01)
    else:
        return False
    try:
        return os.write(fd, data) > 0
    except OSError:
        return False
    finally:
        os.close(fd)
""", "It is not to wait: try once"),
        "waits in write": ("""
def answer(path, data):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        os.set_blocking(fd, True)
        return os.write(fd, data) > 0
    except OSError:
        return False
    finally:
        os.close(fd)
""", "keeps os.write from waiting, too"),
        "lets a full pipe out": ("""
def answer(path, data):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        os.write(fd, data)
        return True
    except BrokenPipeError:
        return False
    finally:
        os.close(fd)
""", "pipe is full, and it raised BlockingIOError"),
        "a byte at a time": ("""
def answer(path, data):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        for byte in data:
            os.write(fd, bytes([byte]))
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
""", "A part of it went into the pipe"),
        "in blocks": ("""
def answer(path, data):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        with open(fd, "wb", buffering=0) as file:
            if not stat.S_ISFIFO(os.fstat(fd).st_mode):
                return False
            for start in range(0, len(data), 512):
                block = data[start:start + 512]
                if file.write(block) != len(block):
                    return False
    except OSError:
        return False
    return True
""", "A part of it went into the pipe"),
        "writes into any file": ("""
def answer(path, data):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return os.write(fd, data) == len(data)
    except OSError:
        return False
    finally:
        os.close(fd)
""", "There was a regular file at the path, and your function wrote to it"),
        "empties files": ("""
def answer(path, data):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_TRUNC)
    except OSError:
        return False
    try:
        return stat.S_ISFIFO(os.fstat(fd).st_mode) and os.write(fd, data) == len(data)
    except OSError:
        return False
    finally:
        os.close(fd)
""", "your function emptied it"),
        "refuses regular files only": ("""
def answer(path, data):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return not stat.S_ISREG(os.fstat(fd).st_mode) and os.write(fd, data) == len(data)
    except OSError:
        return False
    finally:
        os.close(fd)
""", "Only a named pipe is written to"),
        "leaves a file open": ("""
def answer(path, data):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            return False
    except OSError:
        return False
    try:
        return os.write(fd, data) == len(data)
    except OSError:
        return False
    finally:
        os.close(fd)
""", "There is a regular file at the path. After the call, it left a descriptor open"),
        "looks before": ("""
def answer(path, data):
    try:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            return False
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return os.write(fd, data) == len(data)
    except OSError:
        return False
    finally:
        os.close(fd)
""", "os.fstat, after os.open"),
        "looks at the name after": ("""
def answer(path, data):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return pathlib.Path(path).is_fifo() and os.write(fd, data) == len(data)
    except OSError:
        return False
    finally:
        os.close(fd)
""", "os.stat tells what has the name now"),
        "a look, then it waits": ("""
def answer(path, data):
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        fd = os.open(path, os.O_WRONLY)
    except OSError:
        return False
    try:
        os.set_blocking(fd, False)
        return stat.S_ISFIFO(os.fstat(fd).st_mode) and os.write(fd, data) == len(data)
    except OSError:
        return False
    finally:
        os.close(fd)
""", "Only the open itself can tell whether somebody reads"),
        "lets a broken pipe out": ("""
def answer(path, data):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            return False
        os.write(fd, data)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
""", "left just before your function wrote, and it raised BrokenPipeError"),
        "the errors that are named only": ("""
def answer(path, data):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENOENT, errno.EISDIR):
            return False
        raise
    try:
        return stat.S_ISFIFO(os.fstat(fd).st_mode) and os.write(fd, data) == len(data)
    except (BlockingIOError, BrokenPipeError):
        return False
    finally:
        os.close(fd)
""", "that it may not open, and it raised PermissionError"),
    },
    "take_requests": {
        "one read": ("""
def take_requests(fd):
    texts = []
    for line in os.read(fd, 4096).split(b"\\n")[:-1]:
        length, space, text = line.partition(b" ")
        if space and int(length) == len(text):
            texts.append(text)
    return texts
""", "Read on until end of file"),
        "text": ("""
def take_requests(fd):
    with open(fd, errors="replace", newline="\\n", closefd=False) as file:
        lines = file.read().split("\\n")[:-1]
    texts = []
    for line in lines:
        length, space, text = line.partition(" ")
        if space and int(length) == len(text.encode()):
            texts.append(text)
    return texts
""", "The texts are bytes"),
        "a generator": (changed(
            TAKE_REQUESTS,
            ('data, texts = b"", []', 'data = b""'),
            ("texts.append(text)\n    return texts", "yield text")), "Asked for is a list"),
        "lines with their length": ("""
def take_requests(fd):
    data = b""
    while piece := os.read(fd, 512):
        data += piece
    lines = data.split(b"\\n")[:-1]
    return [line for line in lines if b" " in line and int(line.split()[0]) == len(line) - 2]
""", "are no part of the text"),
        "splits at every space": ("""
def take_requests(fd):
    data, texts = b"", []
    while piece := os.read(fd, 512):
        data += piece
    for line in data.split(b"\\n")[:-1]:
        words = line.split()
        if len(words) > 1 and int(words[0]) == len(b" ".join(words[1:])):
            texts.append(b" ".join(words[1:]))
    return texts
""", "A whole request was lost"),
        "strips": (changed(TAKE_REQUESTS, ("append(text)", "append(text.strip())")),
            "spaces and all"),
        "leaves out empty ones": (changed(
            TAKE_REQUESTS,
            ("length, space, text", "length, _, text"),
            ("if space and", "if text and")), "A text may be empty"),
        "counts letters": (changed(
            TAKE_REQUESTS, ("len(text)", 'len(text.decode(errors="ignore"))')),
            "A whole request was lost"),
        "drops what a read has cut": ("""
def take_requests(fd):
    texts = []
    while piece := os.read(fd, 4096):
        for line in piece.split(b"\\n")[:-1]:
            length, space, text = line.partition(b" ")
            if space and length.isdigit() and int(length) == len(text):
                texts.append(text)
    return texts
""", "keep that piece for the next read"),
        "drops what a large read has cut": ("""
def take_requests(fd):
    texts = []
    while piece := os.read(fd, 65536):
        for line in piece.split(b"\\n")[:-1]:
            length, space, text = line.partition(b" ")
            if space and length.isdigit() and int(length) == len(text):
                texts.append(text)
    return texts
""", "keep that piece for the next read"),
        "believes every line": ("""
def take_requests(fd):
    data = b""
    while piece := os.read(fd, 512):
        data += piece
    return [line.split(b" ", 1)[1] for line in data.split(b"\\n")[:-1] if b" " in line]
""", "It returned [b'', b'good bye'], and the list is [b'good bye']. In a whole"),
        "glues pieces": ("""
def take_requests(fd):
    data, texts = b"", []
    while piece := os.read(fd, 512):
        data += piece
    data = data.replace(b"\\n", b"")
    while data:
        length, _, data = data.partition(b" ")
        texts.append(data[:int(length)])
        data = data[int(length):]
    return texts
""", "It returned [b'8 good bye'], and the list is [b'good bye']. In a whole"),
        "believes the length": ("""
def take_requests(fd):
    data, texts = b"", []
    while piece := os.read(fd, 512):
        data += piece
    while b" " in data:
        length, _, rest = data.partition(b" ")
        length = int(length.split(b"\\n")[-1])
        texts.append(rest[:length])
        data = rest[length + 1:]
    return texts
""", "It returned [b'\\n8 good bye\\n'], and the list is [b'good bye']. In"),
        "a length is enough": ("""
def take_requests(fd):
    data, texts = b"", []
    while piece := os.read(fd, 512):
        data += piece
    for line in data.split(b"\\n")[:-1]:
        if line:
            length, _, text = line.partition(b" ")
            if int(length) == len(text):
                texts.append(text)
    return texts
""", "Seven pieces of several writers came, and one request"),
        "takes the last without its newline": (changed(TAKE_REQUESTS, ("[:-1]", "")),
            "Behind the last newline no request is whole"),
        "uses up the newline": ("""
import re
def take_requests(fd):
    data = b""
    while piece := os.read(fd, 512):
        data += piece
    return [text for length, text in re.findall(rb"\\n(\\d+) ([^\\n]*)\\n", data)
            if int(length) == len(text)]
""", "A whole request was lost, the one with b'good bye'"),
        "takes pairs of newlines": ("""
def take_requests(fd):
    data, texts = b"", []
    while piece := os.read(fd, 512):
        data += piece
    for part in data.split(b"\\n\\n"):
        length, space, text = part.strip(b"\\n").partition(b" ")
        if space and int(length) == len(text):
            texts.append(text)
    return texts
""", "It raised ValueError: invalid literal"),
        "closes it": ("""
def take_requests(fd):
    texts = []
    with open(fd, "rb") as file:
        for line in file:
            length, space, text = line.partition(b" ")
            if space and line.endswith(b"\\n") and int(length) == len(text) - 1:
                texts.append(text[:-1])
    return texts
""", "which the caller had open, is closed"),
        "remembers": (changed(
            TAKE_REQUESTS,
            ("\ndef take_requests", "\ntexts = []\ndef take_requests"),
            ('data, texts = b"", []', 'data = b""')),
            "It returned the texts of an earlier call once more"),
        "no end": ("""
def take_requests(fd):
    data = b""
    while True:
        data += os.read(fd, 512)
""", "again and again: stop there"),
        "whatever int takes": ("""
def take_requests(fd):
    data, texts = b"", []
    while piece := os.read(fd, 512):
        data += piece
    for line in data.split(b"\\n")[:-1]:
        try:
            length, text = line.split(b" ", 1)
            if int(length) == len(text):
                texts.append(text)
        except ValueError:
            continue
    return texts
""", "It returned [b'', b'b', b'c', b'e', b'good bye']"),
        "lets int raise": ("""
def take_requests(fd):
    with open(fd, "rb", closefd=False) as file:
        *lines, _ = file.read().split(b"\\n")
    pairs = [line.split(b" ", 1) for line in lines if b" " in line]
    return [text for length, text in pairs if int(length) == len(text)]
""", "Then a request came. It raised ValueError: invalid literal"),
        "cleans the length": (changed(
            TAKE_REQUESTS, ("space and int(", "space and length.strip().isdigit() and int(")),
            "It returned [b'c', b'good bye'], and the list is [b'good bye']. A length in digits"),
        "looks for a request in a line": ("""
import re
def take_requests(fd):
    data = b""
    while piece := os.read(fd, 512):
        data += piece
    found = re.findall(rb"([0-9]+) ([^\\n]*)(?=\\n)", data)
    return [text for length, text in found if int(length) == len(text)]
""", "It returned [b'', b'a', b'b', b'c', b'd', b'e', b'good bye']"),
        "cuts a longer line": (changed(
            TAKE_REQUESTS,
            ("int(length) == len(text)",
             "length.isdigit() and len(text[:int(length)]) == int(length)"),
            ("append(text)", "append(text[:int(length)])")),
            "It returned [b'hello', b'', b'good bye']"),
        "takes what stands before the first newline": ("""
def take_requests(fd):
    with open(fd, "rb", closefd=False) as file:
        lines = file.read().split(b"\\n")
    lines.pop()
    texts = []
    for line in lines:
        length, space, text = line.partition(b" ")
        if space and length.isdigit() and int(length) == len(text):
            texts.append(text)
    return texts
""", "and before the first of all there is none"),
        "as if a newline had come before": ("""
def take_requests(fd):
    texts, line = [], b""
    while byte := os.read(fd, 1):
        if byte != b"\\n":
            line += byte
            continue
        length, space, text = line.partition(b" ")
        if space and length.isdigit() and int(length) == len(text):
            texts.append(text)
        line = b""
    return texts
""", "and before the first of all there is none"),
    },
    "ask_in_time": {
        "waits for the server in its open": (changed(ASK_IN_TIME, (
            "path, os.O_RDONLY | os.O_NONBLOCK", "path, os.O_RDONLY")),
            "It waits before it has asked"),
        "a name for all clients": (changed(ASK_IN_TIME, ("reply.{os.getpid()}", "reply.1")),
                                   "that no other client has"),
        "sends the path": (changed(ASK_IN_TIME, ("{number} {name}", "{number} {path}")),
                           "and wants the name alone"),
        "no newline before it": (changed(ASK_IN_TIME, ('f"\\n{number}', 'f"{number}')),
                                 "and the request is"),
        "opens its pipe when it has asked": (changed(
            ASK_IN_TIME,
            ("        os.write(fds[2], request)\n", ""),
            ("        fds.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK))\n", """
        to = os.open(f"{folder}/requests", os.O_WRONLY | os.O_NONBLOCK)
        os.write(to, request)
        os.close(to)
        fds.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
""")), "could not open the client's pipe at once"),
        "splits at each space": (changed(
            ASK_IN_TIME, ("answer = line.split(b' ', 1)".replace("'", '"'),
                          "answer, *_ = line.split() + [b'']")),
            "and the answer is b' 8 \\x00"),
        "takes the first answer": (changed(ASK_IN_TIME, ("int(which) == number", "line")),
                                   "It returned b'no', and no line with its number"),
        "no write end of its own": (changed(ASK_IN_TIME, (
            "        fds.append(os.open(path, os.O_WRONLY | os.O_NONBLOCK))\n", ""),
            ("fds[2]", "fds[1]")), "poll reports the end again and again"),
        "looks into one read only": (changed(
            ASK_IN_TIME, ("*lines, rest = (rest + os.read(fds[0], 512))",
                          "lines = os.read(fds[0], 4096)"),
            ("which, answer = line.split", "which, _, answer = line.partition"),
            ('b" ", 1)', 'b" ")'), ("int(which) == number", 'which == b"%d" % number')),
            "One read returns what is there"),
        "each large read for itself": (changed(
            ASK_IN_TIME, ("*lines, rest = (rest + os.read(fds[0], 512))",
                          "*lines, rest = os.read(fds[0], 1 << 16)")),
            "The server wrote b'61', then b'7 no\\n7', and your function returned b'no'"),
        "keeps the end of one read only": (changed(
            ASK_IN_TIME, ("*lines, rest = (rest + os.read(fds[0], 512))",
                          "piece = os.read(fds[0], 1 << 16)\n"
                          "            *lines, _ = (rest + piece)"),
            ("            for line", "            rest = piece.split(b\"\\n\")[-1]\n"
                                     "            for line"),
            ("which, answer = line.split", "which, _, answer = line.partition"),
            ('b" ", 1)', 'b" ")'), ("int(which) == number", 'which == b"%d" % number')),
            "b'7 no\\n7', then b' 7 y', then b'es\\n', and your function waits on"),
        "needs no newline": (changed(
            ASK_IN_TIME, ("*lines, rest = (rest + os.read(fds[0], 512)).split(b\"\\n\")",
                          "rest += os.read(fds[0], 1 << 16)\n"
                          "            lines = rest.split(b\"\\n\")"),
            ("which, answer = line.split", "which, space, answer = line.partition"),
            ('b" ", 1)', 'b" ")'),
            ("int(which) == number", 'space and int(which) == number')),
            "then b' 7 y', and your function returned b'7 y'"),
        "whole milliseconds": (changed(ASK_IN_TIME, ("1000 * left", "int(1000 * left)")),
                               "`int` and `round` lose a part of a millisecond"),
        "gives None": (changed(ASK_IN_TIME, ('raise TimeoutError(f"no answer in {seconds} s")',
                                             "return None")),
                       "No answer came, and it returned None"),
        "seconds for milliseconds": (changed(ASK_IN_TIME, ("1000 * left", "left")),
                                     "poll wants milliseconds"),
        "waits in read": (changed(
            ASK_IN_TIME, ("if left <= 0 or not watch.poll(1000 * left):", "if left <= 0:"),
            ("rest = b\"\"\n", "rest = b\"\"\n        os.set_blocking(fds[0], True)\n")),
            "waits on long after its"),
        "leaves its pipe when it gives up": (changed(
            ASK_IN_TIME, ("        os.unlink(path)\n", ""),
            ("                    return answer",
             "                    os.unlink(path)\n                    return answer")),
            "After the TimeoutError its pipe reply.PID was still there"),
        "leaves a descriptor open": (changed(ASK_IN_TIME, ("in fds:", "in fds[:2]:")),
                                     "a descriptor was left open"),
        "the whole time for each wait": (changed(ASK_IN_TIME, ("1000 * left", "1000 * seconds"),
                                                 ("left <= 0 or ", "")),
                                         "The deadline is one for all"),
        "asks in two writes": (changed(ASK_IN_TIME, (
            "os.write(fds[2], request)",
            "os.write(fds[2], request[:20])\n        os.write(fds[2], request[20:])")),
            "a piece of the request came"),
        "waits for a server": (changed(ASK_IN_TIME, (
            "requests\", os.O_WRONLY | os.O_NONBLOCK))",
            "requests\", os.O_WRONLY))\n        os.set_blocking(fds[2], False)")),
            "No server has opened requests, and it waits"),
        "makes its pipe before try": (changed(
            ASK_IN_TIME, ("    os.mkfifo(path, mode=0o600)\n", ""), (
                "    fds = []\n", "    os.mkfifo(path)\n"
                "    to = os.open(f\"{folder}/requests\", os.O_WRONLY | os.O_NONBLOCK)\n"
                "    fds = []\n"),
            ("        fds.append(os.open(f\"{folder}/requests\", os.O_WRONLY | os.O_NONBLOCK))\n",
             "        fds.append(to)\n")), "After the error its pipe reply.PID was still there"),
    },
    "open_regular": {
        "simply opens": ("""
def open_regular(path):
    return os.open(path, os.O_RDONLY)
""", "nobody writes, and it waits"),
        "returns a file object": ("""
def open_regular(path):
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError(path)
    return open(path, "rb")
""", "It returned a BufferedReader"),
        "returns what is in it": ("""
def open_regular(path):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ValueError(path)
        return os.read(fd, 512)
    finally:
        os.close(fd)
""", "It returned b'colour = blue\\n'"),
        "returns nothing": ("""
def open_regular(path):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise ValueError(path)
    os.set_blocking(fd, True)
""", "A regular file is at the path, and it returned None"),
        "asks whether the number is true": ("""
def open_regular(path):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if fd and stat.S_ISREG(os.fstat(fd).st_mode):
        os.set_blocking(fd, True)
        return fd
    os.close(fd)
    raise ValueError(path)
""", "It raised ValueError: it's settings.txt"),
        "closes it in finally": ("""
def open_regular(path):
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError(path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ValueError(path)
        return fd
    finally:
        os.close(fd)
""", "can't be read from"),
        "opens for both directions": ("""
def open_regular(path):
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError(path)
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise ValueError(path)
    os.set_blocking(fd, True)
    return fd
""", "open for writing, too"),
        "reads to try it": ("""
def open_regular(path):
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError(path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.read(fd, 1)
    os.set_blocking(fd, True)
    return fd
""", "Read nothing from it yourself"),
        "keeps O_NONBLOCK": ("""
def open_regular(path):
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError(path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise ValueError(path)
    return fd
""", "still has O_NONBLOCK"),
        "gives None for a pipe": ("""
def open_regular(path):
    if not stat.S_ISREG(os.stat(path).st_mode):
        return None
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(fd, True)
    return fd
""", "it returned None. Raise ValueError for all but regular files"),
        "raises another error": ("""
def open_regular(path):
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(f"{path} is not a regular file")
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(fd, True)
    return fd
""", "it raised OSError: it's settings.txt is not a regular file"),
        "leaves it open": ("""
def open_regular(path):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise ValueError(path)
    os.set_blocking(fd, True)
    return fd
""", "close it before you raise"),
        "opens before it looks": ("""
def open_regular(path):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise ValueError(path)
    os.set_blocking(fd, True)
    return fd
""", "Look before you open, too"),
        "refuses named pipes only": ("""
def open_regular(path):
    if stat.S_ISFIFO(os.stat(path).st_mode):
        raise ValueError(path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        raise ValueError(path)
    os.set_blocking(fd, True)
    return fd
""", "A folder is at the path"),
        "only folders and pipes": ("""
def open_regular(path):
    if pathlib.Path(path).is_fifo() or pathlib.Path(path).is_dir():
        raise ValueError(path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(fd, True)
    return fd
""", "A device is at the path"),
        "looks before and opens later": ("""
def open_regular(path):
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError(path)
    return os.open(path, os.O_RDONLY)
""", "took the place of the file, and it waits"),
        "looks by name both times": ("""
def open_regular(path):
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError(path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.stat(path).st_mode):
        os.close(fd)
        raise ValueError(path)
    os.set_blocking(fd, True)
    return fd
""", "it returned a descriptor of the pipe"),
        "opens twice": ("""
def open_regular(path):
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError(path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    regular = stat.S_ISREG(os.fstat(fd).st_mode)
    os.close(fd)
    if not regular:
        raise ValueError(path)
    return os.open(path, os.O_RDONLY)
""", "took the place of the file, and it waits"),
        "asks isfile": ("""
def open_regular(path):
    if not os.path.isfile(path):
        raise ValueError(path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise ValueError(path)
    os.set_blocking(fd, True)
    return fd
""", "There is no file at the path, and it raised ValueError"),
        "makes the file": ("""
def open_regular(path):
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(path)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CREAT)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise ValueError(path)
    os.set_blocking(fd, True)
    return fd
""", "and it made one"),
        "hides all errors": ("""
def open_regular(path):
    fd = None
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ValueError(path)
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise ValueError(path)
        os.set_blocking(fd, True)
        return fd
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(path) from error
""", "as if it were a folder, and it raised ValueError"),
    },
    "handle_once": {
        "always does it": (changed(HANDLE_ONCE, ("if number in answers:", "if False:")),
                           "The same request came again, and `work` was called once more."),
        "an empty answer is none": ("""
def handle_once(answers, request, work):
    number, text = request.split(b" ", 1)
    if number not in answers:
        answers[number] = [text, b""]
    if not answers[number][1]:
        answers[number][1] = work(text)
    return answers[number][1]
""", "The same request came again, and `work` was called once more. Its answer was empty"),
        "splits at each space": (changed(HANDLE_ONCE, (
            "number, text = request.split(b' ', 1)".replace("'", '"'),
            'number, text, *_ = request.split(b" ") + [b""]')), "and `work` got"),
        "gives the whole request": (changed(HANDLE_ONCE, ("work(text)", "work(request)")),
                                    "The text is b'10 apples', and `work` got b'ada-1"),
        "the number is an int": (changed(HANDLE_ONCE, ("answer = work", "int(number)\n    answer = "
                                                       "work")),
                                 "and it raised ValueError: invalid literal"),
        "returns nothing": ("""
def handle_once(answers, request, work):
    number, text = request.split(b" ", 1)
    if number not in answers:
        answers[number] = text, work(text)
""", "It returned None, and the answer is"),
        "returns all that it keeps": ("""
def handle_once(answers, request, work):
    number, text = request.split(b" ", 1)
    if number not in answers:
        answers[number] = (text, work(text))
        return answers[number][1]
    return answers[number]
""", "It returned (b'10 apples', b'110')"),
        "keeps them by their text": ("""
def handle_once(answers, request, work):
    number, text = request.split(b" ", 1)
    if text not in answers:
        answers[text] = work(text)
    return answers[text]
""", "A new request came, b'ben-1 10 apples', and `work` was not called"),
        "a dictionary of its own": ("""
kept = {}

def handle_once(answers, request, work):
    number, text = request.split(b" ", 1)
    if number in kept:
        if kept[number][0] != text:
            raise ValueError
    else:
        kept[number] = text, work(text)
    return kept[number][1]
""", "Another server has a dictionary of its own"),
        "knows a dictionary by what it is": ("""
kept = {}

def handle_once(answers, request, work):
    number, text = request.split(b" ", 1)
    mine = kept.setdefault(id(answers), {})
    if number in mine:
        if mine[number][0] != text:
            raise ValueError
    else:
        answers[number] = mine[number] = text, work(text)
    return mine[number][1]
""", "passed a copy of its dictionary"),
        "texts in a dictionary of its own": ("""
texts = {}

def handle_once(answers, request, work):
    number, text = request.split(b" ", 1)
    if texts.get(number, text) != text:
        raise ValueError("this number was another request's")
    if number not in answers:
        answers[number] = work(text)
        texts[number] = text
    return answers[number]
""", "In another server's dictionary the number is new"),
        "requests in a set of its own": ("""
done = set()

def handle_once(answers, request, work):
    number, text = request.split(b" ", 1)
    if number not in answers:
        answers[number] = work(text)
        done.add(request)
    if request not in done:
        raise ValueError("this number was another request's")
    return answers[number]
""", "the first got the text of the second, and it returned b'110'"),
        "compares decoded texts": (changed(
            HANDLE_ONCE, ("former != text", 'former.decode("utf-8", "replace") != '
                                            'text.decode("utf-8", "replace")')),
            "first with b'\\xff', now with b'\\xfe', and it returned b'110'. Compare the bytes"),
        "compares without spaces at the ends": (changed(
            HANDLE_ONCE, ("former != text", "former.strip() != text.strip()")),
            "now with b'10 apples ', and it returned b'110'. Compare"),
        "keeps them by the decoded number": (changed(
            HANDLE_ONCE, ("if number in", 'number = number.decode(errors="replace")\n'
                                          "    if number in")),
            "A new request came, b'\\xff-1 y', and it raised ValueError: this number"),
        "does not look at the text": ("""
def handle_once(answers, request, work):
    number, text = request.split(b" ", 1)
    if number not in answers:
        answers[number] = work(text)
    return answers[number]
""", "with another text, and it returned b'110'"),
        "keeps by the whole request": ("""
def handle_once(answers, request, work):
    number, text = request.split(b" ", 1)
    if request not in answers:
        answers[request] = work(text)
    return answers[request]
""", "with another text, and `work` was called"),
        "a request without a space has no text": (changed(
            HANDLE_ONCE, ('number, text = request.split(b" ", 1)',
                          'number, _, text = request.partition(b" ")')),
            "A request without a space came, b'ada-1', and `work` was called"),
        "keeps it before it is done": (changed(HANDLE_ONCE, (
            "    answer = work", "    answers[number] = (text, b'')\n    answer = work")),
            "keep the answer when there is one"),
        "makes an answer of an error": (changed(HANDLE_ONCE, ("    answer = work(text)\n", """
    try:
        answer = work(text)
    except Exception:
        return b"error"
""")), "`work` raised RuntimeError, and it returned b'error'"),
        "takes each KeyError for a new number": ("""
def handle_once(answers, request, work):
    number, text = request.split(b" ", 1)
    try:
        if number not in answers:
            answers[number] = (text, work(text))
        former, answer = answers[number]
    except KeyError:
        return b""
    if former != text:
        raise ValueError
    return answer
""", "`work` raised KeyError, and it returned b''"),
    },
    "call_with_retries": {
        "asks once": ("""
def call_with_retries(ask, text, seconds):
    return ask(uuid.uuid4().hex.encode() + b" " + text, min(0.05, seconds))
""", "`ask` raised TimeoutError, and it did not ask again"),
        "the text alone": (changed(CALL_WITH_RETRIES, ('uuid.uuid4().hex.encode() + b" " + text',
                                                       "text")),
                           "A request is a number, a space and the text"),
        "an empty answer is none": (changed(CALL_WITH_RETRIES, (
            "            return ask(request, min(0.05, left))\n", """
            if answer := ask(request, min(0.05, left)):
                return answer
""")), "`ask` returned an answer at once, and it never came back"),
        "only TimeoutError": (changed(CALL_WITH_RETRIES, ("except OSError", "except TimeoutError")),
                              "`ask` raised ConnectionResetError, and it did not ask again"),
        "a number for each try": (changed(
            CALL_WITH_RETRIES, ('    request = uuid.uuid4().hex.encode() + b" " + text\n', ""),
            ("        try:\n", '        try:\n            request = uuid.uuid4().hex.encode() + '
                               'b" " + text\n')), "asked again with another number"),
        "the PID alone": (changed(CALL_WITH_RETRIES, ("uuid.uuid4().hex.encode()",
                                                      'b"%d" % os.getpid()')),
                          "Two calls had the same number"),
        "counts": (changed(CALL_WITH_RETRIES, ("\ndef call", """
numbers = iter(range(1000))

def call"""), ("uuid.uuid4().hex.encode()", 'b"%d" % next(numbers)')),
                   "Two processes had the same number"),
        "the whole time for a try": (changed(CALL_WITH_RETRIES, ("min(0.05, left))", "left)")),
                                     "It gave a try 0.10 seconds"),
        "more than is left": (changed(CALL_WITH_RETRIES, ("min(0.05, left))", "0.05)")),
                              "Give it no more than is left"),
        "pauses of one length": (changed(CALL_WITH_RETRIES, ("pause = 2 * pause", "pass")),
                                 "Its pause number 2 took"),
        "sleeps on after the deadline": (changed(CALL_WITH_RETRIES, (
            "max(0, min(pause, left))", "pause")), "after its deadline"),
        "gives None": (changed(CALL_WITH_RETRIES, (
            'raise TimeoutError(f"no answer within {seconds} s")', "return None")),
            "Each try was refused, and it returned None"),
        "asks again whatever comes": (changed(CALL_WITH_RETRIES, ("except OSError",
                                                                  "except Exception")),
                                      "ValueError, which is a fault of the program, and it "
                                      "returned b'110'"),
    },
}

OTHER_STYLES = {
    "make_pipe": {
        "pathlib": """
def make_pipe(path):
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not pathlib.Path(path).is_fifo():
            raise
""",
        "the shell's mkfifo": """
def make_pipe(path):
    made = subprocess.run(["mkfifo", "-m", "600", path], capture_output=True)
    if made.returncode and subprocess.run(["test", "-p", path]).returncode:
        raise OSError(made.stderr)
""",
        "looks, then handles the race": """
def make_pipe(path):
    if not os.path.lexists(path):
        try:
            os.mkfifo(path, 0o600)
        except FileExistsError:
            return make_pipe(path)
    if not stat.S_ISFIFO(os.lstat(path).st_mode):
        raise OSError("not a pipe")
""",
        "twice in a loop": """
def make_pipe(path):
    for _ in range(2):
        try:
            return os.mkfifo(path, 0o600)
        except FileExistsError:
            if stat.S_ISFIFO(os.stat(path).st_mode):
                return None
    raise FileExistsError(errno.EEXIST, "not a pipe", path)
""",
        "mknod": """
def make_pipe(path):
    try:
        os.mknod(path, 0o600 | stat.S_IFIFO)
    except OSError as error:
        if error.errno != errno.EEXIST or not pathlib.Path(path).is_fifo():
            raise
""",
        "a link": """
import tempfile
def make_pipe(path):
    with tempfile.TemporaryDirectory(dir=os.path.dirname(path) or ".") as folder:
        new = os.path.join(folder, "new")
        os.mkfifo(new, 0o600)
        try:
            os.link(new, path)
        except FileExistsError:
            if not stat.S_ISFIFO(os.stat(path).st_mode):
                raise
""",
        "its own umask for a moment": """
def make_pipe(path):
    former = os.umask(0o177)
    try:
        os.mkfifo(path)
    except FileExistsError:
        if not pathlib.Path(path).is_fifo():
            raise
    finally:
        os.umask(former)
""",
        "a class of its own": """
class NotAPipe(FileExistsError):
    pass
def make_pipe(path):
    try:
        os.mkfifo(path, mode=0o600)
    except FileExistsError as error:
        if not stat.S_ISFIFO(os.lstat(path).st_mode):
            raise NotAPipe(path) from error
""",
        "asyncio": """
def make_pipe(path):
    async def make():
        await asyncio.to_thread(os.mkfifo, path, 0o600)
    try:
        asyncio.run(make())
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise
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
        "a class": """
class try_open_writer:
    def __new__(cls, path):
        try:
            return os.open(path, os.O_NONBLOCK | os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return None
            raise
""",
        "a thread": """
import concurrent.futures
def try_open_writer(path):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        try:
            return pool.submit(os.open, path, os.O_WRONLY | os.O_NONBLOCK).result()
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
""",
        "asyncio": """
def try_open_writer(path):
    async def attempt():
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        return asyncio.run(attempt())
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
    return None
""",
        "looks, then opens without waiting": """
def try_open_writer(path):
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
""",
        "another number": """
import fcntl
def try_open_writer(path):
    try:
        first = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return None
    try:
        return fcntl.fcntl(first, fcntl.F_DUPFD_CLOEXEC, 50)
    finally:
        os.close(first)
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
        "naps while it is full": """
def send_all(fd, data):
    os.set_blocking(fd, False)
    try:
        while data:
            try:
                data = data[os.write(fd, data):]
            except BlockingIOError:
                time.sleep(0.02)
    finally:
        os.set_blocking(fd, True)
""",
        "selectors": """
def send_all(fd, data):
    view = memoryview(data)
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_WRITE)
        while view:
            selector.select()
            view = view[os.write(fd, view[:select.PIPE_BUF]):]
""",
        "byte by byte": """
def send_all(fd, data):
    for number in range(len(data)):
        os.write(fd, data[number:number + 1])
""",
        "a copy of the descriptor": """
def send_all(fd, data):
    with os.fdopen(os.dup(fd), "wb", buffering=0) as file:
        while data:
            data = data[file.write(data):]
""",
        "a thread": """
import concurrent.futures
def send_all(fd, data):
    def send(rest):
        while rest:
            rest = rest[os.write(fd, rest):]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        pool.submit(send, data).result()
""",
        "cat": """
def send_all(fd, data):
    if subprocess.run(["cat"], input=data, stdout=fd, stderr=subprocess.DEVNULL).returncode:
        raise BrokenPipeError(errno.EPIPE, "cat could not write")
""",
        "writev": """
def send_all(fd, data):
    sent = 0
    while sent < len(data):
        sent += os.writev(fd, [data[sent:sent + 1000], data[sent + 1000:]])
""",
        "asyncio": """
def send_all(fd, data):
    async def send():
        rest = data
        while rest:
            rest = rest[await asyncio.to_thread(os.write, fd, rest[:50_000]):]
    asyncio.run(send())
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
        "a bytearray that becomes bytes": """
def read_message(path):
    data = bytearray()
    with open(path, "rb", buffering=0) as file:
        while piece := file.read(22):
            data += piece
    return bytes(data)
""",
        "cat": """
def read_message(path):
    with open(path, "rb") as file:
        return subprocess.run(["cat"], stdin=file, capture_output=True, check=True).stdout
""",
        "selectors": """
def read_message(path):
    fd, pieces = os.open(path, os.O_RDONLY), []
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(fd, selectors.EVENT_READ)
            while selector.select() and (piece := os.read(fd, 7)):
                pieces.append(piece)
    finally:
        os.close(fd)
    return b"".join(pieces)
""",
        "iter": """
def read_message(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        return b"".join(iter(lambda: os.read(fd, 1), b""))
    finally:
        os.close(fd)
""",
        "a class": """
class Reader:
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDONLY)
    def __enter__(self):
        return self
    def __exit__(self, *_):
        os.close(self.fd)
    def all(self):
        data = b""
        while piece := os.read(self.fd, 4096):
            data += piece
        return data
def read_message(path):
    with Reader(path) as reader:
        return reader.all()
""",
        "looks now and then": """
def read_message(path):
    with open(path, "rb", buffering=0) as file:
        os.set_blocking(file.fileno(), False)
        data = b""
        while (piece := file.read(512)) != b"":
            if piece is None:
                time.sleep(0.02)
            else:
                data += piece
        return data
""",
        "a pool": """
def read_message(path):
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: pathlib.Path(path).read_bytes()).result()
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
        "a file object by iteration": """
def messages(fd):
    file = io.FileIO(fd, closefd=False)
    for line in io.BufferedReader(file):
        if line[-1:] != b"\\n":
            raise EOFError("unfinished")
        yield line.removesuffix(b"\\n")
""",
        "an error of one's own": """
class Unfinished(EOFError):
    pass
def messages(fd):
    buffer = bytearray()
    while piece := os.read(fd, 65536):
        buffer.extend(piece)
        *whole, buffer = buffer.split(b"\\n")
        for message in whole:
            yield bytes(message)
    if buffer:
        raise Unfinished(len(buffer))
""",
        "selectors": """
def messages(fd):
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        data, more = b"", True
        while more:
            selector.select(0.5)
            if not selector.select(0):
                continue
            more = os.read(fd, 3000)
            data += more
            while (at := data.find(b"\\n")) >= 0:
                yield data[:at]
                data = data[at + 1:]
        if data:
            raise EOFError
""",
        "text mode that loses nothing": """
def messages(fd):
    with open(fd, encoding="latin-1", newline="\\n", closefd=False) as file:
        for line in file:
            if not line.endswith("\\n"):
                raise EOFError
            yield line[:-1].encode("latin-1")
""",
        "a dup": """
def messages(fd):
    with os.fdopen(os.dup(fd), "rb") as file:
        for line in iter(file.readline, b""):
            if not line.endswith(b"\\n"):
                raise EOFError
            yield line[:-1]
""",
    },
    "serve": {
        "a write end between two writers": """
def serve(path, handle):
    fd, keep, rest = os.open(path, os.O_RDONLY), None, b""
    try:
        while True:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                rest = b""
                keep = os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message)
    finally:
        if keep is not None:
            os.close(keep)
        os.close(fd)
""",
        "poll": """
def serve(path, handle):
    with contextlib.ExitStack() as open_files:
        file = open_files.enter_context(open(path, "rb", buffering=0))
        poll, rest, keep = select.poll(), b"", None
        poll.register(file, select.POLLIN)
        while True:
            poll.poll()
            piece = file.read(4096)
            if keep:
                keep.close()
                keep = None
            if piece:
                lines = (rest + piece).split(b"\\n")
                rest = lines.pop()
                for message in lines:
                    handle(message)
            else:
                rest = b""
                keep = open_files.enter_context(open(path, "wb", buffering=0))
""",
        "looks now and then": """
def serve(path, handle):
    fd, rest = os.open(path, os.O_RDONLY | os.O_NONBLOCK), b""
    try:
        while True:
            try:
                piece = os.read(fd, 512)
            except BlockingIOError:  # a writer is there, and silent
                time.sleep(0.02)
                continue
            if not piece:
                rest = b""
                time.sleep(0.02)
                continue
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                handle(message)
    finally:
        os.close(fd)
""",
        "asyncio": """
def serve(path, handle):
    async def main():
        fd = await asyncio.to_thread(os.open, path, os.O_RDONLY)
        try:
            rest = b""
            while True:
                piece = await asyncio.to_thread(os.read, fd, 4096)
                if not piece:
                    rest = b""
                    with open(path, "wb"):
                        piece = await asyncio.to_thread(os.read, fd, 4096)
                *whole, rest = (rest + piece).split(b"\\n")
                for message in whole:
                    handle(message)
        finally:
            os.close(fd)
    asyncio.run(main())
""",
        "a class": """
class Server:
    def __init__(self, path, handle):
        self.path, self.handle, self.message = path, handle, bytearray()
    def run(self):
        with open(self.path, "rb", buffering=0) as file:
            while True:
                self.take(file.read(1))
                if not self.more:
                    self.message.clear()
                    with open(self.path, "wb", buffering=0):
                        self.take(file.read(1))
    def take(self, byte):
        self.more = bool(byte)
        if byte == b"\\n":
            message = bytes(self.message)
            self.message.clear()
            self.handle(message)
        else:
            self.message += byte
def serve(path, handle):
    Server(path, handle).run()
""",
        "a thread and a queue": """
def serve(path, handle):
    import queue
    fd, messages = os.open(path, os.O_RDONLY), queue.Queue()
    end, ended = os.pipe()
    def read():
        rest, keep = b"", None
        while end not in select.select([fd, end], [], [])[0]:
            piece = os.read(fd, 512)
            if keep is not None:
                os.close(keep)
                keep = None
            if not piece:
                rest, keep = b"", os.open(path, os.O_WRONLY)
            *whole, rest = (rest + piece).split(b"\\n")
            for message in whole:
                messages.put(message)
        if keep is not None:
            os.close(keep)
    thread = threading.Thread(target=read)
    thread.start()
    try:
        while True:
            handle(messages.get())
    finally:
        os.write(ended, b".")
        thread.join()
        for each in fd, end, ended:
            os.close(each)
""",
        "a generator": """
def messages(path, fd):
    rest = b""
    while True:
        piece = os.read(fd, 100)
        if not piece:
            keep = os.open(path, os.O_WRONLY)
            try:
                rest, piece = b"", os.read(fd, 100)
            finally:
                os.close(keep)
        rest += piece
        while b"\\n" in rest:
            message, _, rest = rest.partition(b"\\n")
            yield message
def serve(path, handle):
    fd = os.open(path, os.O_RDONLY)
    try:
        for message in messages(path, fd):
            handle(message)
    finally:
        os.close(fd)
""",
    },
    "ask": {
        "file objects": """
def ask(requests, replies, question):
    with open(requests, "wb", buffering=0) as questions, open(replies, "rb") as answers:
        questions.write(question + b"\\n")
        answer = answers.readline()
        if not answer.endswith(b"\\n"):
            raise EOFError(answer)
        return answer[:-1]
""",
        "text mode": """
def ask(requests, replies, question):
    options = {"encoding": "latin-1", "newline": "\\n"}
    with open(requests, "w", **options) as questions, open(replies, **options) as answers:
        print(question.decode("latin-1"), file=questions, flush=True)
        answer = answers.readline().encode("latin-1")
        if not answer.endswith(b"\\n"):
            raise EOFError(answer)
        return answer[:-1]
""",
        "writes before it opens the other": """
def ask(requests, replies, question):
    with open(requests, "wb") as questions:
        questions.write(question + b"\\n")
        questions.flush()
        with open(replies, "rb") as answers:
            answer = answers.readline()
            if answer[-1:] != b"\\n":
                raise EOFError
            return answer[:-1]
""",
        "select": """
def ask(requests, replies, question):
    back = os.open(replies, os.O_RDONLY | os.O_NONBLOCK)
    to = None
    try:
        to = os.open(requests, os.O_WRONLY)
        os.write(to, question + b"\\n")
        answer = b""
        poll = select.poll()
        poll.register(back, select.POLLIN)
        while not answer.endswith(b"\\n"):
            poll.poll()
            piece = os.read(back, 512)
            if not piece:
                raise EOFError
            answer += piece
        return answer[:-1]
    finally:
        os.close(back)
        if to is not None:
            os.close(to)
""",
        "a pool": """
def ask(requests, replies, question):
    from concurrent.futures import ThreadPoolExecutor
    def listen():
        with open(replies, "rb") as file:
            return file.readline()
    with ThreadPoolExecutor() as pool:
        hearing = pool.submit(listen)
        with open(requests, "wb") as file:
            file.write(question + b"\\n")
        answer = hearing.result()
        if not answer.endswith(b"\\n"):
            raise EOFError
        return answer.removesuffix(b"\\n")
""",
        "asyncio": """
def ask(requests, replies, question):
    async def main():
        questions = await asyncio.to_thread(open, requests, "wb", buffering=0)
        with questions:
            answers = await asyncio.to_thread(open, replies, "rb")
            with answers:
                questions.write(question + b"\\n")
                return await asyncio.to_thread(answers.readline)
    answer = asyncio.run(main())
    if not answer.endswith(b"\\n"):
        raise EOFError
    return answer[:-1]
""",
        "writev": """
def ask(requests, replies, question):
    with contextlib.ExitStack() as ends:
        to = os.open(requests, os.O_WRONLY)
        ends.callback(os.close, to)
        back = os.open(replies, os.O_RDONLY)
        ends.callback(os.close, back)
        os.writev(to, [question, b"\\n"])
        pieces = [b""]
        while pieces[-1][-1:] != b"\\n":
            pieces.append(os.read(back, 4096))
            if not pieces[-1]:
                raise EOFError
        return b"".join(pieces)[:-1]
""",
        "a class, and byte by byte": """
class Server:
    def __init__(self, requests, replies):
        self.files = contextlib.ExitStack()
        with contextlib.ExitStack() as files:
            self.to = files.enter_context(open(requests, "wb", buffering=0))
            self.back = files.enter_context(open(replies, "rb", buffering=0))
            self.files = files.pop_all()
    def ask(self, question):
        self.to.write(question + b"\\n")
        answer = bytearray()
        while (byte := self.back.read(1)) != b"\\n":
            if not byte:
                raise EOFError(f"only {answer}")
            answer += byte
        return bytes(answer)
def ask(requests, replies, question):
    server = Server(requests, replies)
    with server.files:
        return server.ask(question)
""",
        "selectors": """
def ask(requests, replies, question):
    to = os.open(requests, os.O_WRONLY)
    try:
        back = os.open(replies, os.O_RDONLY)
        try:
            os.write(to, question + b"\\n")
            answer = b""
            while not answer.endswith(b"\\n"):
                with selectors.DefaultSelector() as selector:
                    selector.register(back, selectors.EVENT_READ)
                    selector.select()
                piece = os.read(back, 512)
                if not piece:
                    raise EOFError(answer)
                answer += piece
            return answer[:-1]
        finally:
            os.close(back)
    finally:
        os.close(to)
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
        "alarm": """
import signal
def read_with_deadline(path, seconds):
    def late(*_):
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise TimeoutError
    former = signal.signal(signal.SIGALRM, late)
    # Again and again: read_bytes does not hear of a signal that comes between two of its reads.
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.05)
    try:
        return pathlib.Path(path).read_bytes()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
""",
        "asyncio": """
def read_with_deadline(path, seconds):
    async def read():
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        data, loop = b"", asyncio.get_running_loop()
        try:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            while True:
                if poll.poll(0):
                    piece = os.read(fd, 4096)
                    if not piece:
                        return data
                    data += piece
                    await asyncio.sleep(0)
                else:
                    await asyncio.sleep(0.01)
        finally:
            os.close(fd)
    async def bounded():
        try:
            return await asyncio.wait_for(read(), seconds)
        except asyncio.TimeoutError:
            raise TimeoutError from None
    return asyncio.run(bounded())
""",
        "a class of its own": """
class Late(TimeoutError):
    pass
def read_with_deadline(path, seconds):
    try:
        with time_limit(seconds), open(path, "rb", buffering=0) as file:
            return file.readall()
    except TimeoutError:
        raise Late(seconds) from None
""",
        "looks now and then": """
def read_with_deadline(path, seconds):
    end, data = time.monotonic() + seconds, b""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    try:
        while (now := time.monotonic()) < end:
            if not poll.poll(0):
                time.sleep(min(0.02, end - now))
                continue
            piece = os.read(fd, 4096)
            if not piece:
                return data
            data += piece
        raise TimeoutError
    finally:
        os.close(fd)
""",
        "a process of its own": """
def read_with_deadline(path, seconds):
    os.stat(path)
    try:
        return subprocess.run(["cat", path], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=seconds).stdout
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
""",
        "epoll by the default selector": """
def read_with_deadline(path, seconds):
    deadline = time.monotonic() + seconds
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    pieces = []
    with open(fd, "rb", buffering=0) as file, selectors.DefaultSelector() as selector:
        selector.register(file, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise TimeoutError(f"{seconds} s")
            pieces.append(file.read(1000))
            if not pieces[-1]:
                return b"".join(pieces)
""",
    },
    "answer": {
        "an opener": """
def answer(path, data):
    def look(name, flags):
        fd = os.open(name, flags & ~(os.O_CREAT | os.O_TRUNC) | os.O_NONBLOCK)
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError("not a named pipe")
        return fd
    try:
        with open(path, "wb", buffering=0, opener=look) as file:
            return file.write(data) == len(data)
    except OSError:
        return False
""",
        "contextlib": """
def answer(path, data):
    with contextlib.ExitStack() as files:
        files.enter_context(contextlib.suppress(OSError))
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        files.callback(os.close, fd)
        if stat.S_ISFIFO(os.fstat(fd).st_mode):
            os.write(fd, data)
            return True
    return False
""",
        "a file object, buffered": """
def answer(path, data):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            with open(fd, "ab", buffering=8192, closefd=False) as file:
                if not stat.S_ISFIFO(os.stat(file.fileno()).st_mode):
                    return False
                file.write(data)
        finally:
            os.close(fd)
    except IOError:
        return False
    else:
        return True
""",
        "looks twice, and asks poll": """
def answer(path, data):
    try:
        if not pathlib.Path(path).is_fifo():
            return False
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return False
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    try:
        if not stat.S_ISFIFO(os.fstat(fd).st_mode) or not poll.poll(0):
            return False
        return os.writev(fd, [data[:3], data[3:]]) == len(data)
    except OSError as error:
        return False
    finally:
        os.close(fd)
""",
    },
    "take_requests": {
        "a rest between reads": """
def take_requests(fd):
    texts, rest = [], b"no line: "  # without a newline before it
    while True:
        piece = os.read(fd, 100)
        if not piece:
            return texts
        *lines, rest = (rest + piece).split(b"\\n")
        for line in lines:
            try:
                length, text = line.split(b" ", 1)
            except ValueError:
                continue
            if length.isdigit() and int(length) == len(text):
                texts.append(text)
""",
        "a pattern that looks ahead": """
import re
def take_requests(fd):
    data = b"".join(iter(lambda: os.read(fd, 1 << 16), b""))
    found = re.finditer(rb"(?<=\\n)([0-9]+) ([^\\n]*)(?=\\n)", data)
    return [text for length, text in map(re.Match.groups, found) if int(length) == len(text)]
""",
        "lines of a file": """
def take_requests(fd):
    texts = []
    with open(fd, "rb", closefd=False) as file:
        file.readline()
        for line in file:
            length, space, text = line[:-1].partition(b" ")
            if line.endswith(b"\\n") and line == b"%d %s\\n" % (len(text), text):
                texts.append(text)
    return texts
""",
        "a generator, and poll": """
def lines(fd):
    poll, line = select.poll(), bytearray()
    poll.register(fd, select.POLLIN)
    while poll.poll() and (byte := os.read(fd, 1)):
        if byte == b"\\n":
            yield bytes(line)
            line.clear()
        else:
            line += byte
def take_requests(fd):
    found, all_lines = [], lines(fd)
    next(all_lines, None)
    for line in all_lines:
        at = line.find(b" ")
        if at > 0 and str(len(line) - at - 1).encode() == line[:at]:
            found.append(line[at + 1:])
    return found
""",
    },
    "ask_in_time": {
        "as a learner might": ASK_IN_TIME,
        "select, both ends in one, ExitStack": """
def ask_in_time(folder, number, text, seconds):
    end = time.monotonic() + seconds
    pid = os.getpid()
    with contextlib.ExitStack() as stack:
        pipe = pathlib.Path(folder, f"reply.{pid}")
        os.mkfifo(pipe)
        stack.callback(pipe.unlink)
        fd = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        stack.callback(os.close, fd)
        with open(os.open(f"{folder}/requests", os.O_WRONLY | os.O_NONBLOCK), "wb", 0) as to:
            if to.write(b"\\n%d reply.%d %d %s\\n" % (number, pid, len(text), text)) is None:
                raise BlockingIOError("no room")
        data = b""
        while (left := end - time.monotonic()) > 0:
            if select.select([fd], [], [], left)[0]:
                data += os.read(fd, 1 << 16)
                for line in data.split(b"\\n")[:-1]:
                    if line.startswith(b"%d " % number):
                        return line[len(b"%d " % number):]
        raise TimeoutError(number)
""",
        "looks now and then": """
def ask_in_time(folder, number, text, seconds):
    end = time.monotonic() + seconds
    path = os.path.join(folder, "reply.%d" % os.getpid())
    os.mkfifo(path, 0o600)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            to = os.open(os.path.join(folder, "requests"), os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(to, b"\\n%d reply.%d %d %b\\n" % (number, os.getpid(), len(text), text))
            finally:
                os.close(to)
            data = b""
            while time.monotonic() < end:
                try:
                    data += os.read(fd, 4096)  # b"": nobody writes, not yet or no more
                except BlockingIOError:
                    pass
                while b"\\n" in data:
                    line, data = data.split(b"\\n", 1)
                    which, _, answer = line.partition(b" ")
                    if which == b"%d" % number:
                        return answer
                time.sleep(max(0, min(0.01, end - time.monotonic())))
            raise TimeoutError("no answer")
        finally:
            os.close(fd)
    finally:
        os.unlink(path)
""",
        "time_limit and a file object": """
def ask_in_time(folder, number, text, seconds):
    mine = f"{folder}/reply.{os.getpid()}"
    os.mkfifo(mine)
    fds = []
    try:
        with time_limit(seconds):
            fds.append(os.open(mine, os.O_RDONLY | os.O_NONBLOCK))
            fds.append(os.open(mine, os.O_WRONLY))
            fds.append(os.open(f"{folder}/requests", os.O_WRONLY | os.O_NONBLOCK))
            request = f"\\n{number} reply.{os.getpid()} {len(text)} ".encode()
            os.write(fds[2], request + text + b"\\n")
            os.set_blocking(fds[0], True)
            with open(fds[0], "rb", closefd=False) as file:
                for line in file:
                    if line.split(b" ")[0] == str(number).encode():
                        return line[line.index(b" ") + 1:-1]
    finally:
        for fd in fds:
            os.close(fd)
        os.unlink(mine)
""",
        "selectors, in a class of its own": """
class Late(TimeoutError):
    pass

class Client:
    def __init__(self, folder):
        self.name = f"reply.{os.getpid()}"
        self.path = f"{folder}/{self.name}"
        os.mkfifo(self.path)
        self.fds, self.rest = [], b""

    def open(self, path, flags):
        self.fds.append(os.open(path, flags | os.O_NONBLOCK))
        return self.fds[-1]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for fd in self.fds:
            os.close(fd)
        os.remove(self.path)

def ask_in_time(folder, number, text, seconds):
    end = time.monotonic() + seconds
    with Client(folder) as client, selectors.DefaultSelector() as selector:
        replies = client.open(client.path, os.O_RDONLY)
        client.open(client.path, os.O_WRONLY)
        requests = client.open(f"{folder}/requests", os.O_WRONLY)
        request = [b"", b" ".join([str(number).encode(), client.name.encode(),
                                   str(len(text)).encode(), text]), b""]
        os.write(requests, b"\\n".join(request))
        selector.register(replies, selectors.EVENT_READ)
        data = bytearray()
        while selector.select(max(0, end - time.monotonic())):
            data += os.read(replies, 1)
            if data.endswith(b"\\n"):
                which, answer = bytes(data[:-1]).split(b" ", 1)
                if which.decode() == str(number):
                    return answer
                data.clear()
    raise Late
""",
    },
    "open_regular": {
        "a function for the look": """
class NotRegular(ValueError):
    pass

def expect_regular(status, path):
    if stat.S_IFMT(status.st_mode) != stat.S_IFREG:
        raise NotRegular(f"{path!r} is not a regular file")

def open_regular(path):
    expect_regular(os.stat(path), path)
    fd = os.open(path, os.O_NONBLOCK)
    try:
        expect_regular(os.fstat(fd), path)
        os.set_blocking(fd, True)
    except BaseException:
        os.close(fd)
        raise
    return fd
""",
        "pathlib, ExitStack and fcntl": """
import fcntl
def open_regular(path):
    with contextlib.ExitStack() as stack:
        path = pathlib.Path(path)
        if not path.is_file():
            path.stat()
            raise ValueError(f"{path} is not a regular file")
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        stack.callback(os.close, fd)
        if not stat.S_ISREG(os.stat(fd).st_mode):
            raise ValueError(f"{path} is not a regular file any more")
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_NONBLOCK)
        stack.pop_all()
        return fd
""",
        "a file object on the way": """
def open_regular(path):
    def opener(name, flags):
        return os.open(name, flags | os.O_NONBLOCK)
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError(path)
    try:
        file = open(path, "rb", buffering=0, opener=opener)
    except IsADirectoryError:
        raise ValueError(path) from None
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError(path)
        os.set_blocking(file.fileno(), True)
        return os.dup(file.fileno())
""",
        "no open of a pipe at all, on Linux": """
def open_regular(path):
    if not hasattr(os, "O_PATH"):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ValueError(path)
    fd = os.open(path, getattr(os, "O_PATH", os.O_NONBLOCK))
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ValueError(path)
        if hasattr(os, "O_PATH"):
            return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
        os.set_blocking(fd, True)
        return os.dup(fd)
    finally:
        os.close(fd)
""",
    },
    "handle_once": {
        "as a learner might": HANDLE_ONCE,
        "asks forgiveness": """
def handle_once(answers, request, work):
    number, space, text = request.partition(b" ")
    if not space:
        raise ValueError(f"no text: {request!r}")
    try:
        former, answer = answers[number]
    except KeyError:
        answer = work(text)
        answers[number] = text, answer
        return answer
    if former == text:
        return answer
    raise ValueError(f"not the request of before: {request!r}")
""",
        "two entries, one for the texts": """
def handle_once(answers, request, work):
    at = request.index(b" ")
    number, text = request[:at], request[at + 1:]
    texts = answers.get("texts", {})
    if texts.get(number, text) != text:
        raise ValueError(number)
    if number not in answers:
        answers[number] = work(text)
        answers["texts"] = {**texts, number: text}
    return answers[number]
""",
    },
    "call_with_retries": {
        "as a learner might": CALL_WITH_RETRIES,
        "for and counts": """
calls = []

def call_with_retries(ask, text, seconds):
    end = time.monotonic() + seconds
    calls.append(text)
    number = f"{os.getpid()}-{len(calls)}-{time.time_ns()}"
    request = b" ".join([number.encode(), text])
    for attempt in range(1000):
        left = end - time.monotonic()
        if left <= 0:
            break
        try:
            return ask(request, left if left < 0.05 else 0.05)
        except (TimeoutError, ConnectionError):
            pass
        time.sleep(min(0.02 * 2 ** attempt, max(end - time.monotonic(), 0)))
    raise TimeoutError("no answer")
""",
        "sleeps until the end": """
def call_with_retries(ask, text, seconds):
    began = time.monotonic()
    def left():
        return began + seconds - time.monotonic()
    request = os.urandom(16).hex().encode() + b" " + text
    pause = threading.Event()
    wait = 0.02
    while left() > 0:
        with contextlib.suppress(OSError):
            return ask(request, min(left(), 0.05))
        pause.wait(max(0, min(wait, left())))
        wait *= 2
    raise TimeoutError
""",
    },
}
