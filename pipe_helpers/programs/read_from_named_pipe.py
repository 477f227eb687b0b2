"""Receive one message through a named pipe and print it with the reader's own PID.

The pipe is made if there is none. The program waits for a writer, and reads until all have closed.
"""
import argparse
import os
import stat
import sys


def open_pipe(path, flags):
    try:
        os.mkfifo(path, mode=0o600)         # only its owner may read and write
    except FileExistsError:
        pass                                # as a rule the other program has made it
    fd = os.open(path, flags)               # waits for the other program
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError("it is not a named pipe")
    return fd


def read_text(path):
    fd = open_pipe(path, os.O_RDONLY)
    try:
        message = b""
        while True:
            piece = os.read(fd, 512)
            if piece == b"":                # end of file: the last writer has closed
                break
            message = message + piece
    finally:
        os.close(fd)
    return message.decode(errors="replace")


def main(path):
    try:
        message = read_text(path)
    except OSError as error:
        sys.exit(f"{path!r}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)                       # what a shell reports after Ctrl-C
    if message == "":
        sys.exit(f"{path!r}: the writer closed the pipe without sending a message")
    print(f"I pid [{os.getpid()}] received a message => {message}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Receive one message through a named pipe.")
    arguments.add_argument("pipe", nargs="?", default="my_pipe", help="its path (my_pipe)")
    main(arguments.parse_args().pipe)
