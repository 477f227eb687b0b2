"""The learner's own copy of the chapters: given out blank, renewed, and never taken away.

A notebook that is given out carries in its metadata which chapter it is and a fingerprint of its
cells. As long as the cells match that, the learner has changed nothing, and the file may be
replaced or removed. There is no list beside the notebooks, so none can disagree with them after a
crash. Every file is whole at every moment: it is written under another name first.
"""
import contextlib
import hashlib
import json
import os
import pathlib
import secrets
import stat
import sys
import time
from dataclasses import dataclass, field

from pipe_helpers.kit import INCOMPLETE, KIT, PACKAGE

MARK = "named_pipes_kit"  # in a notebook's metadata
PROGRESS = "practise.ipynb"  # shows, among other things, what the learner has done
TEMPORARY = ".given_"
LEFT_OVER = 60  # seconds: no run takes as long for one file


@dataclass
class Done:
    """What was done to a copy: names of notebooks, and (path, why) of what could not be done.

    newer: changed by the learner, while the kit's is another now. unread: no notebook any more,
    as far as can be told. not_files: a link or a folder in a notebook's place.
    """

    given: list = field(default_factory=list)
    renewed: list = field(default_factory=list)
    removed: list = field(default_factory=list)
    newer: list = field(default_factory=list)
    unread: list = field(default_factory=list)
    not_files: list = field(default_factory=list)
    failed: list = field(default_factory=list)


def chapters(kit=KIT):
    """The kit's notebooks, as a dict {name below notebooks/: path}, in order.

    Raises FileNotFoundError if there is none.
    """
    folder = kit / "notebooks"
    names = sorted(path.relative_to(folder) for path in folder.rglob("*.ipynb"))
    found = {name.as_posix(): folder / name for name in names
             if not any(part.startswith(".") for part in name.parts)}
    if not found:
        raise FileNotFoundError(f"no chapters in {folder}: {INCOMPLETE}")
    return found


def place(kit=KIT):
    """The path of this user's copy: work/ in the clone, or named-pipes at home.

    Raises PermissionError if this user can't write there.
    """
    folders = [pathlib.Path(os.path.expanduser("~"), "named-pipes")]
    if kit != PACKAGE:  # what is in the package goes with it when it is uninstalled
        folders.insert(0, kit / "work")
    for folder in folders:
        if _is_ours(folder):
            return folder
    raise PermissionError(f"{' and '.join(map(str, folders))} can't be written: name a folder for"
                          " your chapters with --folder")


def _is_ours(folder):
    try:
        status = folder.stat()
    except FileNotFoundError:
        return os.access(folder.parent, os.W_OK | os.X_OK)
    except OSError:
        return False
    # In a clone that a group can write to, work/ is that of whoever came first.
    return stat.S_ISDIR(status.st_mode) and os.geteuid() in (0, status.st_uid) and \
        os.access(folder, os.W_OK | os.X_OK)


def renew(folder, kit=KIT):
    """Make the copy in a folder, or renew what the learner has not changed in it.

    Returns Done. A notebook that could not be written stays as it was, and the rest is still done.
    Raises FileNotFoundError if the kit has no chapters.
    """
    done, kits = Done(), chapters(kit)
    folders = {(folder / name).parent for name in kits}
    ready = [each for each in sorted(folders | {folder}) if _make_folder(each, folder, done)]
    for name, source in kits.items():
        if (folder / name).parent in ready:
            with _told(done, folder / name):
                _renew_one(folder / name, name, source, done)
    for path in [path for each in ready for path in sorted(each.glob("*.ipynb"))]:
        name = path.relative_to(folder).as_posix()
        if name not in kits and _is_given(path, name):
            with _told(done, path):
                path.unlink()
                done.removed.append(name)
    return done


def put_progress(folder, notebook):
    """Put the page that shows the progress, a notebook as a dict, into a copy.

    One that the learner has changed stays as it is, and so does whatever else has its name.
    Raises OSError if it can't be written.
    """
    target, text = folder / PROGRESS, _marked(notebook, PROGRESS)
    if _is_given(target, PROGRESS):
        _write(target, text, target.lstat())
    else:
        _write(target, text)


def fresh(folder, name, kit=KIT):
    """Put a fresh copy of a chapter beside the learner's own, and return its path.

    name: as chapters() has it. Nothing is overwritten: the second is called NAME_fresh_2.
    Raises OSError if it can't be written, KeyError if there is no such chapter.
    """
    text = _blank(_read(chapters(kit)[name]), name)
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while not _write(path := _fresh_name(target, number), text):
        number += 1
    return path


def _fresh_name(target, number):
    return target.with_name(f"{target.stem}_fresh{f'_{number}' if number > 1 else ''}.ipynb")


@contextlib.contextmanager
def _told(done, path):
    """Note what goes wrong with a path, in place of raising it."""
    try:
        yield
    except OSError as error:
        done.failed.append((error.filename or path, error.strerror))


def _make_folder(folder, root, done):
    """Make a folder of the copy, without what a killed run left in it. Tells if it is there."""
    if folder != root and folder.is_symlink():
        done.not_files.append(folder.relative_to(root).as_posix())
        return False
    with _told(done, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob(f"{TEMPORARY}*"):
            with contextlib.suppress(OSError):
                if time.time() - path.lstat().st_mtime > LEFT_OVER:
                    path.unlink()
        return True
    return False


def _renew_one(target, name, source, done):
    try:
        theirs = _read(source)
    except ValueError:
        done.failed.append((source, "this is no notebook"))
        return
    now = _fingerprint(theirs)
    try:
        status = target.lstat()
    except FileNotFoundError:
        if _write(target, _blank(theirs, name)):
            done.given.append(name)
        return
    if not stat.S_ISREG(status.st_mode):
        done.not_files.append(name)
        return
    try:
        own = _read(target)
    except ValueError:
        done.unread.append(name)
        return
    given, cells = _given(own, name), _fingerprint(own)
    if now in (given, cells) and not (given == cells and _is_of_another_python(own)):
        return
    if given == cells:
        if _write(target, _blank(theirs, name), status):
            done.renewed.append(name)
    elif not any(_is_given(path, name, now)
                 for path in target.parent.glob(f"{target.stem}_fresh*.ipynb")):
        done.newer.append(name)


def _read(path):
    """A notebook as a dict. Raises ValueError if the file holds none, OSError if not to be read."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        _fingerprint(notebook), notebook["metadata"].get(MARK)
        return notebook
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"no notebook: {path}") from error


def _is_of_another_python(notebook):
    """Tell whether it was given out under another Python, and not run yet.

    JupyterLab would put in this one's version, and ask whether to save that.
    """
    given = notebook["metadata"].get("language_info") or {}
    return given.get("version") != sys.version.split()[0] and \
        all(cell.get("execution_count") is None for cell in notebook["cells"])


def _given(notebook, name):
    """The fingerprint with which a notebook was given out as that chapter, or None."""
    mark = notebook["metadata"].get(MARK)
    return mark.get("cells") if isinstance(mark, dict) and mark.get("chapter") == name else None


def _is_given(path, name, cells=None):
    """Tell whether a file was given out as that chapter with these cells, or has them still."""
    try:
        own = _read(path) if stat.S_ISREG(path.lstat().st_mode) else None
        return own is not None and _given(own, name) == (cells or _fingerprint(own))
    except (OSError, ValueError):
        return False


def _fingerprint(notebook):
    """What a learner can change: the cells' types, sources and attachments.

    Cells without text are no change: JupyterLab adds one when the last cell has been run.
    """
    cells = [
        [cell["cell_type"], "".join(cell["source"]), cell.get("attachments") or {}]
        for cell in notebook["cells"]
    ]
    written = [cell for cell in cells if cell[1].strip() or cell[2]]
    return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()


def _blank(notebook, name):
    """The text of a notebook as it is given out: no outputs, and metadata as a kernel's are.

    JupyterLab fills in what is not there, and would ask at the end whether to save that.
    """
    cells = [
        cell | {"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else cell
        for cell in notebook["cells"]
    ]
    return _marked(notebook | {"cells": cells}, name)


def _marked(notebook, name):
    from ipykernel.ipkernel import IPythonKernel

    metadata = notebook["metadata"] | {
        "language_info": IPythonKernel.language_info,
        MARK: {"chapter": name, "cells": _fingerprint(notebook)},
    }
    text = json.dumps(notebook | {"metadata": metadata}, ensure_ascii=False, indent=1,
                      sort_keys=True)
    return text + "\n"


def _write(target, text, instead_of=None):
    """Write a file whole, or not at all. Tells whether it was written.

    instead_of: the status of the file that it replaces, if that is still the same. Without it no
    file is replaced, whoever has just made it.
    """
    temporary = target.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    try:
        with open(temporary, "x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if instead_of:
            found = target.lstat()
            if (found.st_ino, found.st_mtime_ns) != (instead_of.st_ino, instead_of.st_mtime_ns):
                return False
            os.replace(temporary, target)
            return True
        try:
            os.link(temporary, target)  # it fails where rename(2) would replace
        except FileExistsError:
            return False
        except OSError:  # a file system without links: FAT, say
            if os.path.lexists(target):
                return False
            os.rename(temporary, target)
        return True
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
