"""A private folder that does not outlive the process that made it."""
import os
import shutil
import subprocess
import tempfile

from pipe_helpers.lifeline import Lifeline


class KeptFolder:
    """A folder (0700) under the system's temporary one, removed at the latest with this process.

    A small shell waits on a lifeline and removes the folder when it is cut: by `remove`, or by
    the end of this process, SIGKILL included. path is free of symbolic links. parent: where
    to make it instead.
    """

    def __init__(self, prefix, parent=None):
        self.path = os.path.realpath(tempfile.mkdtemp(prefix=prefix, dir=parent))
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
            os.rmdir(self.path)
            raise
        finally:
            os.close(self._lifeline.reader)

    def remove(self):
        """Remove the folder with all that is in it, and wait until it is gone."""
        self._lifeline.cut()
        self._keeper.wait()
        shutil.rmtree(self.path, ignore_errors=True)  # in case somebody killed the keeper
