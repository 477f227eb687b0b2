"""Notes of what the learner has done, in a folder of their own: a small file for each."""
import json
import os
import pathlib

NOTHING = ""  # KIT_STATE set to this: nothing is kept, as when the notebooks are tested


def folder():
    """The path of the folder, or None if nothing is to be kept.

    It is KIT_STATE, or else named-pipes-kit below the folder for such things [XDG Base Directory
    Specification, XDG_STATE_HOME]. In it is a file for each thing done: NAME.KIND.
    """
    named = os.environ.get("KIT_STATE")
    if named == NOTHING:
        return None
    if named is None:
        # The specification says to ignore a relative path.
        state = os.environ.get("XDG_STATE_HOME", "")
        home = pathlib.Path(os.path.expanduser("~"), ".local", "state")
        named = (pathlib.Path(state) if os.path.isabs(state) else home) / "named-pipes-kit"
    return pathlib.Path(named)


def noted(kind):
    """What has been noted of a kind, as a dict {name: text}. Empty if nothing can be read.

    kind: "solved" for an exercise, "done" for a challenge, "answered" for a question,
    "practised" for a rule.
    """
    where = folder()
    if where is None:
        return {}
    notes = dict.fromkeys(_solved_before(where), "") if kind == "solved" else {}
    for path in where.glob(f"*.{kind}"):
        try:
            notes[path.stem] = path.read_text(encoding="utf-8", errors="replace")
        except OSError:  # no longer there, or not to be read
            pass
    return notes


def _solved_before(where):
    """The exercises that versions before these files have noted."""
    try:
        names = json.loads((where / "progress.json").read_text(encoding="utf-8"))["solved"]
        return {name for name in names if isinstance(name, str)}
    except (OSError, ValueError, TypeError, KeyError):
        return set()


def keep(kind, name, text=""):
    """Keep in the folder that a thing has been done, with a short text that `noted` returns.

    Kept again, it has the new text. Returns None, or in a line why it could not be kept.
    """
    where = folder()
    if where is None:
        return None
    try:
        where.mkdir(parents=True, exist_ok=True)
        (where / f"{name}.{kind}").write_text(text, encoding="utf-8")
    except OSError as error:
        return f"(This could not be noted in {where}: {error.strerror}. It counts all the same.)"
    return None
