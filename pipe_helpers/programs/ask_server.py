"""Ask the server of a folder, and print its answer. serve_many.py tells what a request looks like.

The exit status is 0 with an answer, 3 if no server runs there, 4 if the server leaves without an
answer, 5 if there is no answer in time, and 1 if anything else is wrong.
"""
import argparse
import errno
import os
import pathlib
import secrets
import select
import signal
import stat
import sys
import time

STATUS = {ConnectionRefusedError: 3, BrokenPipeError: 4, TimeoutError: 5}


def open_pipe(path, flags):
    fd = os.open(path, flags | os.O_NONBLOCK)           # does not wait for the other program
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(f"{path} is not a named pipe")
    return fd


def open_requests():
    try:
        return open_pipe("requests", os.O_WRONLY)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENXIO):  # no pipe, or no reader
            raise ConnectionRefusedError("no server is running there") from None
        raise


def wait_for_answer(requests, replies, request, number, seconds):
    deadline = time.monotonic() + seconds
    ready = select.poll()
    ready.register(replies, select.POLLIN)
    ready.register(requests, select.POLLOUT)            # there is room for the request
    rest = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no answer within {seconds:g} s")
        events = dict(ready.poll(left * 1000))
        try:
            lines = (rest + os.read(replies, 65536)).split(b"\n")
            rest = lines.pop()
        except BlockingIOError:                         # nothing has come
            lines = []
        for line in lines:
            words = line.decode(errors="replace").split(" ", 2)
            if words[0] == number and len(words) == 3:  # else it answers another question
                return words[1], words[2]
        event = events.get(requests, 0)
        if event & (select.POLLERR | select.POLLHUP):   # comes unasked (POLLHUP on macOS)
            raise BrokenPipeError("the server has left without an answer")
        if event & select.POLLOUT:
            try:
                os.write(requests, request)             # whole or not at all
                ready.modify(requests, 0)               # wait for POLLERR only
            except BlockingIOError:                     # another client has taken the room
                pass


def ask(text, seconds):
    name = f"reply.{os.getpid()}"
    # Nobody can guess the number, so nobody can have the server send a false answer to us.
    number = str(secrets.randbelow(10**9))
    request = f"\n{number} {name} {len(text)} ".encode() + text + b"\n"
    if len(request) > select.PIPE_BUF or b"\n" in text:
        raise OSError(f"a request is one line of at most {select.PIPE_BUF} bytes")
    try:
        if not pathlib.Path(name).is_fifo():            # left by a killed client of this PID
            os.mkfifo(name, mode=0o600)                 # only its owner may read and write
        replies = open_pipe(name, os.O_RDONLY)          # before the server looks for a reader
        open_pipe(name, os.O_WRONLY)                    # our own: it keeps end of file away
        return wait_for_answer(open_requests(), replies, request, number, seconds)
    finally:
        if pathlib.Path(name).is_fifo():
            os.unlink(name)                             # the end of the process closes the pipes


def ignore(number, frame):
    pass


def stop(number, frame):
    signal.signal(signal.SIGINT, ignore)                # a second one must not break `finally`
    signal.signal(signal.SIGTERM, ignore)
    if number == signal.SIGINT and os.isatty(2):
        os.write(2, b"\n")                  # the terminal shows ^C; what follows needs a line
    sys.exit(128 + number)                              # what a shell reports after a signal


def main(folder, text, seconds):
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    try:
        os.chdir(folder)
        pid, answer = ask(os.fsencode(text), seconds)
    except OSError as error:
        print(f"{folder!r}: {error}", file=sys.stderr)
        sys.exit(STATUS.get(type(error), 1))
    print(f"I pid [{os.getpid()}] received an answer from pid [{pid}] => {answer}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Ask the server of a folder.")
    arguments.add_argument("text", help="one line")
    arguments.add_argument("folder", nargs="?", default=".", help="where the pipes are (.)")
    arguments.add_argument("--seconds", type=float, default=5, help="how long to wait (5)")
    words = arguments.parse_args()
    main(words.folder, words.text, words.seconds)
