"""Which exercises are solved, in a folder of the learner's own."""
import json
import os
import pathlib

NOTHING = ""  # KIT_STATE set to this: nothing is kept, as when the notebooks are tested
_SUFFIX = ".solved"


def state_folder():
    """The path of the folder, or None if nothing is to be kept.

    It is KIT_STATE, or else named-pipes-kit below the folder for such things [XDG Base Directory
    Specification, XDG_STATE_HOME]. In it is an empty file for each solved exercise.
    """
    folder = os.environ.get("KIT_STATE")
    if folder == NOTHING:
        return None
    if folder is None:
        # The specification says to ignore a relative path.
        state = os.environ.get("XDG_STATE_HOME", "")
        home = pathlib.Path(os.path.expanduser("~"), ".local", "state")
        folder = (pathlib.Path(state) if os.path.isabs(state) else home) / "named-pipes-kit"
    return pathlib.Path(folder)


def solved():
    """The names of the exercises that have been solved, a set. Empty if nothing can be read."""
    folder = state_folder()
    if folder is None:
        return set()
    return {path.stem for path in folder.glob(f"*{_SUFFIX}")} | _solved_before(folder)


def _solved_before(folder):
    """What versions before these files have noted."""
    try:
        names = json.loads((folder / "progress.json").read_text(encoding="utf-8"))["solved"]
        return {name for name in names if isinstance(name, str)}
    except (OSError, ValueError, TypeError, KeyError):
        return set()


def note(name):
    """Note that an exercise is solved. Returns None, or in a line why that was not possible."""
    folder = state_folder()
    if folder is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}{_SUFFIX}").touch()
    except OSError as error:
        return f"(This could not be noted in {folder}: {error.strerror}. It counts all the same.)"
    return None
