"""What the chapters import: start the other program, bound a wait, work in a folder of one's own.

Each name is imported from its module when it is first used, so that a chapter pays only for
what it needs (PEP 562). No module is called as a name here: importing it would hide the name.
"""
from importlib import import_module

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


def __getattr__(name):
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
