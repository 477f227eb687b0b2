"""What a learner shares of their notes with a class: one file in a folder, until they end it."""
import contextlib
import json
import os
import pathlib
import pwd
import secrets

from pipe_helpers.remembering import notes

KINDS = "solved", "done", "answered"
_MARK = "class"  # the note, of the kind "shared", that has the class's folder


def folder():
    """The folder of the class with which this learner shares their notes, or None."""
    named = notes.noted("shared").get(_MARK)
    return pathlib.Path(named) if named else None


def share(where):
    """Share the notes with a class: now, and whenever something new is noted.

    where: the class's folder. The file in it, NAME.json, can be read by its owner and its group;
    the folder says which group that is. Raises OSError if it can't be written, and RuntimeError
    if this learner keeps no notes.
    """
    if notes.folder() is None:
        raise RuntimeError("KIT_STATE is empty: nothing is noted here, so nothing can be shared.")
    where = pathlib.Path(where).resolve()
    _write(where)
    if remark := notes.keep("shared", _MARK, str(where)):
        raise RuntimeError(remark)


def end():
    """Share no longer: the file goes. Returns the class's folder, or None if there was none.

    Raises OSError if the file can't be removed; nothing new is put into it even so.
    """
    where = folder()
    if where:
        (notes.folder() / f"{_MARK}.shared").unlink()
        _file(where).unlink(missing_ok=True)
    return where


def renew():
    """Put into the class's file what has been noted since. Without a word if that can't be done."""
    where = folder()
    if where:
        with contextlib.suppress(OSError):
            _write(where)


def of_class(where):
    """What a class shares, as {learner: {kind: {name: text}}}. Raises OSError.

    A file that is not of the user whose name it has is told as such; one that holds no notes is
    left out.
    """
    found = {}
    for path in sorted(pathlib.Path(where).iterdir()):
        with contextlib.suppress(ValueError, TypeError, AttributeError):
            if path.suffix == ".json":
                kinds = json.loads(path.read_text(encoding="utf-8"))
                mine = {kind: dict(kinds.get(kind, {}).items()) for kind in KINDS}
                owner = _user(path.stat().st_uid)
                by = "" if owner == path.stem else f" (by {owner})"
                found[path.stem + by] = mine
    return found


def _user(uid):
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _file(where):
    return where / f"{_user(os.geteuid())}.json"


def _write(where):
    text = json.dumps({kind: notes.noted(kind) for kind in KINDS}, sort_keys=True)
    temporary = where / f".{secrets.token_hex(8)}"
    try:
        with open(temporary, "x", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o640)  # whatever the umask is
            file.write(text)
        os.replace(temporary, _file(where))
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
