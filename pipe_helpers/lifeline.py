"""A pipe that tells another process when this one ends."""
import os


class Lifeline:
    """An ordinary pipe whose write end this process alone keeps open.

    Whoever reads from `reader` sees end of file when `cut()` is called or this process ends,
    however it ends: the kernel closes the descriptors of a killed process, too [pipe(7)].
    """

    _uncut = set()

    def __init__(self):
        self.reader, self._writer = os.pipe()
        self._uncut.add(self)

    def cut(self):
        """Close the write end. A second call does nothing."""
        if self in self._uncut:
            self._uncut.remove(self)
            os.close(self._writer)


def _forget_lifelines():
    # A forked child would keep the write ends open, and the readers waiting, after our end.
    for lifeline in list(Lifeline._uncut):
        lifeline.cut()


os.register_at_fork(after_in_child=_forget_lifelines)
