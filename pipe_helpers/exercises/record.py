"""Which exercises are solved, in a small file of the learner's own."""
import json
import os
import pathlib

NOTHING = ""  # KIT_STATE set to this: nothing is kept, as when the notebooks are tested


def state_file():
    """The path of the file, or None if nothing is to be kept.

    It is progress.json in the folder KIT_STATE, or else in named-pipes-kit below the folder for
    such things [XDG Base Directory Specification, XDG_STATE_HOME].
    """
    folder = os.environ.get("KIT_STATE")
    if folder == NOTHING:
        return None
    if folder is None:
        # The specification says to ignore a relative path.
        state = os.environ.get("XDG_STATE_HOME", "")
        home = pathlib.Path(os.path.expanduser("~"), ".local", "state")
        folder = (pathlib.Path(state) if os.path.isabs(state) else home) / "named-pipes-kit"
    return pathlib.Path(folder) / "progress.json"


def solved():
    """The names of the exercises that have been solved, a set. Empty if nothing can be read."""
    path = state_file()
    try:
        names = json.loads(path.read_text(encoding="utf-8"))["solved"] if path else []
        return {name for name in names if isinstance(name, str)}
    except (OSError, ValueError, TypeError, KeyError):
        return set()


def note(name):
    """Note that an exercise is solved. Returns None, or in a line why that was not possible."""
    path = state_file()
    names = solved()
    if path is None or name in names:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Renamed into place: another notebook may read it just now.
        new = path.with_name(f".{path.name}.{os.getpid()}")
        new.write_text(json.dumps({"solved": sorted({*names, name})}) + "\n", encoding="utf-8")
        os.replace(new, path)
    except OSError as error:
        return f"(This could not be noted in {path}: {error.strerror}. It counts all the same.)"
    return None
