"""Send one message, "Hello from pid [4243]", through a named pipe.

The pipe is made if there is none. The program waits for a reader.
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


def write_text(path, text):
    fd = open_pipe(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())         # so short a message is written whole or not at all
    finally:
        os.close(fd)


def main(path):
    try:
        write_text(path, f"Hello from pid [{os.getpid()}]")
    except BrokenPipeError:
        sys.exit(f"{path!r}: the reader closed the pipe before the message was written")
    except OSError as error:
        sys.exit(f"{path!r}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)                       # what a shell reports after Ctrl-C


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Send one message through a named pipe.")
    arguments.add_argument("pipe", nargs="?", default="my_pipe", help="its path (my_pipe)")
    main(arguments.parse_args().pipe)
