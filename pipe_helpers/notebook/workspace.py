"""A folder of the chapter's own, so that its pipes and files meet nobody else's."""
import atexit
import os
import pathlib
import stat
import sys
import tempfile

from pipe_helpers.processes.console import running_programs
from pipe_helpers.keeping.folder import KeptFolder


class workspace:
    """A private folder (0700), made the working directory; it is gone when the work is done.

    `with workspace() as path:` removes it at the end of the block, and goes back to where the
    block began. A plain `workspace()`, as chapters have it in their first cell, removes it when
    this process ends, however it ends. Called again, it has the place of the former one, which
    goes when the cell has run; where there are no cells, at the next call or with the process:
    the call itself can't know whether it stands in a `with`, which leaves the former one alone.

    At its end the programs that `launch` started in it and that still run are killed, and the
    former working directory is the current one again. path is absolute, a pathlib.Path.

    In a notebook it brings the cell magic %%program, another name of %%writefile. A restarted
    kernel does not know it, so a cell run too early cannot write a program among the chapters.

    Raises OSError if no temporary folder can be made [mkdtemp in tempfile].
    """

    _from_plain_call = None  # the last one that no with statement has entered

    def __init__(self):
        _put_away_what_was_replaced()
        try:
            self._former = os.getcwd()
        except FileNotFoundError:  # removed meanwhile
            self._former = tempfile.gettempdir()
        self._owner = os.getpid()
        self._replaced = None
        self._folder = KeptFolder("named_pipes_")
        try:
            self.path = pathlib.Path(self._folder.path)
            os.chdir(self.path)
            atexit.register(self.close)
            if "IPython" in sys.modules and (shell := sys.modules["IPython"].get_ipython()):
                shell.magics_manager.register_alias("program", "writefile", "cell")
                shell.events.register("post_run_cell", _put_away_what_was_replaced)
            self._replaced, workspace._from_plain_call = workspace._from_plain_call, self
        except BaseException:  # an interrupt
            self.close()
            raise

    def close(self):
        """End the programs started here, go back, and remove the folder. Waits for all three."""
        if os.getpid() != self._owner:  # a forked child leaves its parent's folder alone
            return
        self._put_replaced_away()
        try:
            os.chdir(self._former)
        except OSError:  # removed meanwhile
            os.chdir(tempfile.gettempdir())
        self._remove()

    def _put_replaced_away(self):
        if self._replaced is not None and os.getpid() == self._owner:
            self._former = self._replaced._former
            self._replaced._remove()
            self._replaced = None

    def _remove(self):
        for program in running_programs():
            if pathlib.Path(program.cwd).is_relative_to(self._folder.path):
                program.kill()
        self._folder.remove()
        atexit.unregister(self.close)  # last: after an interrupt the next call does all again
        if workspace._from_plain_call is self:
            workspace._from_plain_call = None

    def __enter__(self):
        if workspace._from_plain_call is self:  # that was no plain call, and replaces none
            workspace._from_plain_call, self._replaced = self._replaced, None
        return self.path

    def __exit__(self, *exception):
        self.close()

    def __fspath__(self):
        return str(self.path)

    def __repr__(self):
        return f"<workspace {self.path}>"


def _put_away_what_was_replaced(*result_of_a_cell):
    if workspace._from_plain_call is not None:
        workspace._from_plain_call._put_replaced_away()


def leftovers():
    """Return what the chapter has not put away yet, a line of text each; [] if there is nothing.

    That is: programs that run, descriptors of this process that are open on a named pipe of the
    file system on which the working directory is, and named pipes in that. The last cell of a
    chapter asserts that it is empty. The processes of a PipeLab do not count: it is there to be
    used when the chapter has run. Raises FileNotFoundError if the working directory is gone.
    """
    found = [repr(program) for program in running_programs() if program.listed]
    for fd in sorted(map(int, os.listdir("/dev/fd"))):
        try:
            status = os.fstat(fd)
        except OSError:  # the descriptor by which /dev/fd itself was listed
            continue
        # An ordinary pipe is a FIFO to fstat, too, but on no device that holds files.
        if stat.S_ISFIFO(status.st_mode) and status.st_dev == os.stat(".").st_dev:
            found.append(f"descriptor {fd}, open on a named pipe")
    for entry in os.scandir("."):
        if stat.S_ISFIFO(entry.stat(follow_symlinks=False).st_mode):
            found.append(f"the named pipe {entry.name}")
    return found
