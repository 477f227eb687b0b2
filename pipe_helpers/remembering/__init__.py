"""What the learner has done, noted beyond the end of the kernel."""
from pipe_helpers.remembering import notes, sharing


def note(kind, name, text=""):
    """Note that a thing has been done, for the learner and for a class with which they share it.

    Returns None, or in a line why it could not be noted. kind, name, text: as of `notes.keep`.
    """
    remark = notes.keep(kind, name, text)
    if remark is None:
        sharing.renew()
    return remark
