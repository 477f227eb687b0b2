"""A private folder that does not outlive the process that made it."""
import errno
import os
import shutil
import subprocess
import tempfile

from pipe_helpers.keeping.lifeline import Lifeline
from pipe_helpers.keeping.one_go import in_one_go

_ROOM = 8192  # bytes that must fit into a new folder


def private_folder(prefix, parent=None):
    """Make a folder (0700) below parent, by default the system's temporary folder: its path.

    Raises OSError if that is not possible, or if no file can be written in it.
    """
    if parent is None:
        parent = tempfile.gettempdir()
    try:
        path = tempfile.mkdtemp(prefix=prefix, dir=parent)
        try:
            check_room(path)
        except BaseException:
            os.rmdir(path)
            raise
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):  # not the fault of that folder
            raise
        raise OSError(
            error.errno,
            f"No temporary files can be kept there ({error.strerror}): mend that, or set TMPDIR "
            "to another folder and start JupyterLab anew",
            parent,
        ) from None
    return path


def check_room(folder):
    """Raise OSError if no file can be written in folder now."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:  # without a name, on Linux
        if file.write(bytes(_ROOM)) < _ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class KeptFolder:
    """A folder (0700) under the system's temporary one, removed at the latest with this process.

    A small shell waits on a lifeline and removes the folder when it is cut: by `remove`, or by
    the end of this process, SIGKILL included. path is free of symbolic links. parent: where
    to make it instead.
    """

    def __init__(self, prefix, parent=None):
        in_one_go("a temporary folder", lambda: self._make(prefix, parent), KeptFolder.remove)

    def _make(self, prefix, parent):
        self.path = os.path.realpath(private_folder(prefix, parent))
        try:
            self._lifeline = Lifeline()
            try:
                self._keeper = subprocess.Popen(
                    ["sh", "-c", 'read -r _; rm -rf -- "$1"', "sh", self.path],
                    stdin=self._lifeline.reader,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # an interrupt of the notebook is not for the keeper
                    cwd="/",
                )
            except BaseException:
                self._lifeline.cut()
                raise
            finally:
                os.close(self._lifeline.reader)
        except BaseException:
            os.rmdir(self.path)
            raise
        return self

    def remove(self):
        """Remove the folder with all that is in it, and wait until it is gone."""
        self._lifeline.cut()
        self._keeper.wait()
        shutil.rmtree(self.path, ignore_errors=True)  # in case somebody killed the keeper
