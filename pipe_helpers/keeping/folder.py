"""A private folder that does not outlive the process that made it."""
import errno
import os
import shutil
import tempfile

from pipe_helpers.keeping.keeper import forget, keep
from pipe_helpers.keeping.one_go import in_one_go, to_its_end

_ROOM = 8192  # bytes that must fit into a new folder


def make_folder(prefix, parent=None):
    """Make a kept folder (0700) below parent, by default the system's temporary folder: its path.

    The path is free of symbolic links. Raises OSError if no folder can be made there, or if no
    file can be written in it. An interrupt may leave it, until this process ends: see KeptFolder.
    """
    if parent is None:
        parent = tempfile.gettempdir()
    # mkdtemp would make it before it is kept. This path is free, and mkdir refuses one that isn't.
    path = tempfile.mktemp(prefix=prefix, dir=os.path.realpath(parent))
    keep(path)
    try:
        os.mkdir(path, 0o700)
        try:
            check_room(path)
        except BaseException:
            os.rmdir(path)
            raise
    except BaseException as error:
        forget(path)
        if not isinstance(error, OSError) or error.errno in (errno.EMFILE, errno.ENFILE):
            raise  # not the fault of that folder
        raise OSError(
            error.errno,
            f"No temporary files can be kept there ({error.strerror}): mend that, or set TMPDIR "
            "to another folder and start JupyterLab anew",
            parent,
        ) from None
    return path


def remove_folder(path):
    """Remove a kept folder with all that is in it. What can't be removed now is kept."""
    shutil.rmtree(path, ignore_errors=True)
    if not os.path.lexists(path):
        forget(path)


def check_room(folder):
    """Raise OSError if no file can be written in folder now."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:  # without a name, on Linux
        if file.write(bytes(_ROOM)) < _ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class KeptFolder:
    """A folder (0700) under the system's temporary one, removed at the latest with this process.

    path is free of symbolic links. parent: where to make it instead. Raises as `make_folder`; an
    interrupt leaves nothing.
    """

    def __init__(self, prefix, parent=None):
        self.path = in_one_go(
            "a temporary folder", lambda: make_folder(prefix, parent), undo=remove_folder
        )

    def remove(self):
        """Remove the folder with all that is in it. A second call does nothing."""
        to_its_end(lambda: remove_folder(self.path))
