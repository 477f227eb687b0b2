"""Send one message, "Hello from pid [4243]", through a named pipe.

The pipe is made if there is none. The program waits until a reader opens the other end.
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


def write_message(path, message):
    fd = os.open(path, os.O_WRONLY)       # waits for a reader
    try:
        os.write(fd, message.encode())    # so short a message is written whole or not at all
    finally:
        os.close(fd)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("pipe", nargs="?", default="my_pipe", help="its path (my_pipe)")
    path = arguments.parse_args().pipe
    try:
        make_pipe(path)
        write_message(path, f"Hello from pid [{os.getpid()}]")
    except BrokenPipeError:
        sys.exit(f"{path!r}: the reader closed the pipe before the message was written")
    except OSError as error:
        sys.exit(f"{path!r}: {error.strerror or error}")
    except KeyboardInterrupt:
        sys.exit(130)                     # what a shell reports after Ctrl-C


if __name__ == "__main__":
    main()
