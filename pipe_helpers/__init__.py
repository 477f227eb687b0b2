"""What the chapters import: start the other program, bound a wait, work in a folder of one's own.

Each name is imported from its module when it is first used, so that a chapter pays only for
what it needs (PEP 562). The packages are layers, each of which imports from those before it:
keeping, recording, processes; then notebook, lab, exercises, practising and mechanisms, of which
none imports another. remembering and showing are below these five; programs stands alone.
chapters, which has the learner's copy of the notebooks, is above all.
"""
import sys

from pipe_helpers.lazy import lazy_names

if sys.platform == "win32":  # pip installs the kit there all the same
    raise ImportError("Windows has no POSIX named pipes: run `wsl --install`, and install the kit"
                      " in the Linux that it installs")

_MODULE_OF = {
    "PipeLab": "lab.widget",
    "Puppet": "processes.puppet",
    "Relay": "processes.relay",
    "ends": "processes.ends",
    "launch": "processes.console",
    "launch_reader": "processes.console",
    "launch_writer": "processes.console",
    "leftovers": "notebook.workspace",
    "practise": "practising.practise",
    "predict": "notebook.questions",
    "replay": "notebook.replay",
    "time_limit": "notebook.time_limit",
    "timeline": "recording.timeline",
    "trace": "recording.trace",
    "type_in_terminals": "notebook.terminals",
    "workspace": "notebook.workspace",
}

__all__ = list(_MODULE_OF)
__getattr__ = lazy_names(__name__, _MODULE_OF)


def __dir__():
    return sorted({*globals(), *__all__})
