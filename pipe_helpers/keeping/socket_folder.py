"""Where a folder can lie in which a Unix socket is to have a path."""
import os
import tempfile

_LONGEST = 104  # bytes of sun_path on macOS, with the NUL; Linux has 108 [unix(7)]


def short_parent(below):
    """The system's temporary folder, or /tmp if that is too long for the path of a Unix socket.

    below: the longest path of a socket that is to be made below it.
    """
    parent = os.path.realpath(tempfile.gettempdir())
    return parent if len(os.fsencode(os.path.join(parent, below))) < _LONGEST else "/tmp"
