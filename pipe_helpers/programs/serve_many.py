"""Answer the requests of many clients, each with its own text in capitals.

Clients write into the named pipe `requests` of the folder. Each takes its answer from a pipe of
its own, reply.PID. A request is one write of at most PIPE_BUF bytes, so it comes in one piece:

    newline, number, name of the reply pipe, length of the text in bytes, text, newline

The newline before it cuts off what another client has left in the middle; the length tells that
a text is whole. No client is waited for: who does not read loses the answer. Ctrl-C ends it.
"""
import argparse
import fcntl
import os
import pathlib
import select
import signal
import stat
import sys

NO_REQUEST = b"", b"\x02", b"\x0f"          # between two requests; SIGINT, SIGTERM
ending = []                                 # the signals that have come


def open_pipe(path):
    try:
        os.mkfifo(path, mode=0o600)         # only its owner may read and write
    except FileExistsError:
        pass                                # left by a server that was killed
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)     # does not wait for a client
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(f"{path} is not a named pipe")
    return fd


def answer(line):
    words = line.split(b" ", 3)
    if len(words) != 4 or len(line) > select.PIPE_BUF:
        raise ValueError("it is not a request")
    number, name, length, text = words
    if not number.isdigit() or not length.isdigit() or int(length) != len(text):
        raise ValueError("it is not a whole request")
    if not name.startswith(b"reply.") or not name[6:].isdigit():
        raise ValueError("it names no reply pipe")      # but perhaps ../a_file
    capitals = text.decode(errors="replace").upper()
    reply = f"{number.decode()} {os.getpid()} {capitals}".encode()[:select.PIPE_BUF - 1] + b"\n"
    # Without a reader this open fails (ENXIO), and does not wait. A link is not followed.
    fd = os.open(name, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            raise OSError("its reply pipe is not a named pipe")
        os.write(fd, reply)                 # whole or not at all: EAGAIN if there is no room
    finally:
        os.close(fd)


def serve(requests):
    rest = b""
    while not ending:                       # but what has been read is answered
        lines = (rest + os.read(requests, 65536)).split(b"\n")
        rest = lines.pop()                  # what has no newline yet
        if len(rest) > select.PIPE_BUF:
            lines.append(rest)              # no request is so long: do not keep it
            rest = b""
        for line in lines:
            if line in NO_REQUEST:
                continue
            try:
                answer(line)
            except (OSError, ValueError) as error:
                print(f"dropped {line[:40]}: {error}", file=sys.stderr)


def stop(number, frame):
    ending.append(number)                   # no exception: it would break off an answer
    if number == signal.SIGINT and os.isatty(2):
        os.write(2, b"\n")                  # the terminal shows ^C; what follows needs a line


def main(folder):
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    try:
        os.chdir(folder)
        lock = os.open("requests.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)    # held until this process ends
    except BlockingIOError:
        sys.exit(f"{folder!r}: another server is running there")
    except OSError as error:
        sys.exit(f"{folder!r}: {error}")
    try:
        requests = open_pipe("requests")
        # Our own write end: between two clients there is no end of file. A signal writes its
        # number into it, as a byte, and so wakes the read; a full pipe wakes it in any case.
        keep = os.open("requests", os.O_WRONLY | os.O_NONBLOCK)
        signal.set_wakeup_fd(keep, warn_on_full_buffer=False)
        os.set_blocking(requests, True)     # read sleeps until a request comes
        print(f"I pid [{os.getpid()}] serve {folder!r}", flush=True)
        serve(requests)
    except OSError as error:
        sys.exit(f"{folder!r}: {error}")
    finally:
        # A client that is just opening the pipe would wait for ever, if it were not for its
        # O_NONBLOCK. Only then does the end of the process close the pipe and the lock, so the
        # pipe that is removed is never the next server's.
        if pathlib.Path("requests").is_fifo():
            os.unlink("requests")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Answer the requests of many clients.")
    arguments.add_argument("folder", nargs="?", default=".", help="where the pipes are (.)")
    main(arguments.parse_args().folder)
