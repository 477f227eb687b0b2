"""The other process: python partner.py MODULE CLASS [ARGUMENT...]

It joins an end of that class, as far as the arguments tell where, and serves until it is told to
stop or the process that started it is gone.
"""
import os
import sys
from importlib import import_module

# The folder of pipe_helpers in the place of this one: this is a program, not yet a package.
sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main(module, name, *args):
    try:
        end = getattr(import_module(module), name).join(*args)
        end.serve()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the other process has ended: so does this one


if __name__ == "__main__":
    main(*sys.argv[1:])
