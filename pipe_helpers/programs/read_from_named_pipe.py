"""Receive one message through a named pipe and print it with the reader's own PID.

The pipe is made if there is none. The program waits until a writer opens the other end, and
reads until every writer has closed it.
"""
import argparse
import os
import stat
import sys


def make_pipe(path):
    try:
        os.mkfifo(path)
    except FileExistsError:
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            raise OSError("it exists and is not a named pipe") from None


def read_message(path):
    fd = os.open(path, os.O_RDONLY)       # waits for a writer
    try:
        message = b""
        while piece := os.read(fd, 512):  # b"" is the end of file: the last writer has closed
            message += piece
    finally:
        os.close(fd)
    return message.decode(errors="replace")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("pipe", nargs="?", default="my_pipe", help="its path (my_pipe)")
    path = arguments.parse_args().pipe
    try:
        make_pipe(path)
        message = read_message(path)
    except OSError as error:
        sys.exit(f"{path!r}: {error.strerror or error}")
    except KeyboardInterrupt:
        sys.exit(130)                     # what a shell reports after Ctrl-C
    if not message:
        sys.exit(f"{path!r}: the writer closed the pipe without sending a message")
    print(f"I pid [{os.getpid()}] received a message => {message}")


if __name__ == "__main__":
    main()
