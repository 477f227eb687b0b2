"""What the chapters import: start the other program, bound a wait, work in a folder of one's own.

Each name is imported from its module when it is first used, so that a chapter pays only for
what it needs (PEP 562). No module is called as a name here: importing it would hide the name.
"""
from pipe_helpers.lazy import lazy_names

_MODULE_OF = {
    "PipeLab": "pipelab",
    "Puppet": "puppet",
    "ends": "pipe_ends",
    "launch": "console",
    "launch_reader": "console",
    "launch_writer": "console",
    "leftovers": "workspaces",
    "predict": "questions",
    "time_limit": "guard",
    "timeline": "timelines",
    "trace": "tracing",
    "workspace": "workspaces",
}

__all__ = list(_MODULE_OF)
__getattr__ = lazy_names(__name__, _MODULE_OF)


def __dir__():
    return sorted({*globals(), *__all__})
