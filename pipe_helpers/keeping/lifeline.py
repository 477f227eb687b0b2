"""A pipe that tells another process when this one ends."""
import atexit
import os


class Lifeline:
    """An ordinary pipe whose write end this process alone keeps open.

    Whoever reads from `reader` sees end of file when `cut()` is called or this process ends,
    however it ends: the kernel closes the descriptors of a killed process, too [pipe(7)].
    """

    _uncut = set()

    def __init__(self):
        self.reader, writer = os.pipe()
        # A file object, since closing it twice does no harm, and an interrupt can't divide it.
        self._writer = open(writer, "wb", buffering=0)
        self._uncut.add(self)

    def write(self, data):
        """Send bytes. Blocks while the pipe is full. BrokenPipeError if nobody can read them."""
        while data:
            data = data[self._writer.write(data):]

    def cut(self):
        """Close the write end. A second call does nothing."""
        self._writer.close()
        self._uncut.discard(self)


def _cut_all():
    for lifeline in list(Lifeline._uncut):
        lifeline.cut()


# A forked child would keep the write ends open, and the readers waiting, after our end.
os.register_at_fork(after_in_child=_cut_all)
atexit.register(_cut_all)  # Python warns of files that nobody closed
