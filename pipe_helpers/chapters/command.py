"""The commands by which a learner comes to the chapters: `named-pipes lab`, `copy` and `fresh`.

And two for a class: `share`, by which a learner lets a teacher see what they have done, and
`class`, by which the teacher sees it.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import shlex
import sys

from pipe_helpers.chapters import class_table, copy, progress
from pipe_helpers.kit import KIT, NOTEBOOKS
from pipe_helpers.remembering import sharing

FIRST = "00_start_here.ipynb"
HIDDEN = ".lab"  # in the copy: what JupyterLab notes of it
CONFIGURATION = NOTEBOOKS / ".jupyter" / "jupyter_lab_config.py"


def main(words=None):
    """Do what the words of the command line say, by default this process's. Ends the process."""
    if sys.stdout.errors == "strict":  # a path may hold letters that it can't write
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(
        prog="named-pipes", description="The chapters on named pipes, in a copy of your own.",
        epilog="In a clone, make lab and make fresh CHAPTER=03 do the same.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, told in (
        ("lab", "make or renew your copy, and open it in JupyterLab, whose options it takes, too"),
        ("hub", "the same, as the server of a learner, which JupyterHub starts (Spawner.cmd)"),
        ("copy", "make or renew your copy: what you have changed stays"),
        ("fresh", "put a fresh copy of a chapter beside yours"),
    ):
        command = commands.add_parser(name, help=told, description=told, allow_abbrev=False)
        command.add_argument("--folder", help="where your copy is (default: named-pipes at home,"
                                              " or work in a clone that can be written)")
    command.add_argument("chapter", help="its number or name: 03, 03_open, poll")
    told = "let your teacher see which exercises, challenges and questions you have done"
    command = commands.add_parser("share", help=told, description=told, allow_abbrev=False)
    command.add_argument("share_with", nargs="?", metavar="FOLDER", help="the folder of the class;"
                         " without it you are told with whom you share")
    command.add_argument("--end", action="store_true", help="share no longer: your file goes")
    told = "show who of a class has done what, of those who share it"
    command = commands.add_parser("class", help=told, description=told, allow_abbrev=False)
    command.add_argument("shared_in", metavar="FOLDER", help="the folder of the class")
    given, options = parser.parse_known_args(words)
    if options and given.command not in ("lab", "hub"):
        parser.error(f"unknown: {' '.join(options)}")
    folder = given.command
    try:
        if given.command == "share":
            print(share(given.share_with, given.end))
            sys.exit()
        if given.command == "class":
            print(*class_table.table(given.shared_in), sep="\n")
            sys.exit()
        folder = pathlib.Path(given.folder or copy.place()).resolve()
        if given.command == "fresh":
            print(f"A fresh copy: {copy.fresh(folder, chapter_named(given.chapter))}")
            sys.exit()
        done = copy.renew(folder)
        print(*in_words(done, folder, given.folder and folder), sep="\n", flush=True)
        if given.command in ("lab", "hub") and any(folder.glob("*.ipynb")):
            show_progress(folder)
            start_jupyterlab(folder, options, given.command == "hub")
        sys.exit(bool(done.failed))
    except OSError as error:
        sys.exit(f"{error.filename or folder}: {error.strerror}" if error.strerror else str(error))
    except (LookupError, ValueError, RuntimeError) as error:
        sys.exit(error.args[0])
    except KeyboardInterrupt:
        sys.exit(130)


def share(folder, end):
    """Share the notes with the class of that folder, or end it. Returns what is so, as a line."""
    if end:
        ended = sharing.end()
        return f"You share nothing any more: your file in {ended} is gone." if ended else \
            "You share nothing."
    if folder:
        sharing.share(folder)
    now = sharing.folder()
    return f"You share what you have done, in {now}, until named-pipes share --end." if now else \
        "You share nothing. To share: named-pipes share FOLDER"


def chapter_named(word):
    """The chapter that a learner calls 03, 3, open, 03_open, poll or more/poll.ipynb.

    Raises LookupError, with the names that there are.
    """
    names = list(copy.chapters())
    wanted = word.removesuffix(".ipynb")
    for form in (
        lambda name: name, lambda name: name.rpartition("/")[2],
        lambda name: re.sub(r"\A\d+_", "", name),
        lambda name: name.partition("_")[0], lambda name: name.partition("_")[0].removeprefix("0"),
    ):
        found = [name for name in names if form(name.removesuffix(".ipynb")) == wanted]
        if len(found) == 1:
            return found[0]
    known = ", ".join(name[:-len(".ipynb")] for name in names if not name.startswith("solutions/"))
    told = f"There is no chapter {word!r}." if word else "Which chapter?"
    raise LookupError(f"{told} There are: {known}")


def in_words(done, folder, elsewhere=None):
    """What `renew` did, as lines for the learner. elsewhere: the folder, if the learner named it.
    """
    counts = [f"{len(names)} {what}" for names, what in (
        (done.given, "new"), (done.renewed, "renewed"), (done.removed, "no longer in the kit"),
    ) if names]
    lines = []
    if folder.is_dir():
        lines.append(f"Your chapters: {folder}" + (f" ({', '.join(counts)})" if counts else ""))
    for name in done.newer:
        lines.append(f"{name}: you have changed it, so it stays as it is. The kit has a newer one:"
                     f" {command_for_fresh(name, elsewhere)} puts it beside yours.")
    for name in done.unread:
        lines.append(f"{name} can't be read as a notebook, and stays as it is:"
                     f" {command_for_fresh(name, elsewhere)} puts a fresh one beside it.")
    for name in done.not_files:
        lines.append(f"{name} is a link or a folder or no file at all, and stays as it is.")
    for cause in dict.fromkeys(cause for _, cause in done.failed):
        first, *more = [path for path, why in done.failed if why == cause]
        lines.append(f"{first}{f' and {len(more)} more' if more else ''}: {cause}")
    return lines


def command_for_fresh(name, elsewhere=None):
    """The command that puts a fresh copy of a chapter beside the learner's, in that folder."""
    stem = name.removesuffix(".ipynb")
    word = stem.partition("_")[0] if re.match(r"\d+_", stem) else stem
    on_a_hub = "JUPYTERHUB_SERVICE_URL" in os.environ  # in its terminals, too
    from_make = pathlib.Path(sys.prefix) == KIT / ".venv" and not on_a_hub
    if from_make and not elsewhere:
        return f"make fresh CHAPTER={word}"
    words = [".venv/bin/named-pipes" if from_make else "named-pipes", "fresh", word]
    return shlex.join(words + (["--folder", str(elsewhere)] if elsewhere else []))


def show_progress(folder):
    """Put the progress into the copy's page, once there is any. It is told if that can't be."""
    try:
        page = progress.progress_page()
        if page.begun:
            copy.put_progress(folder, progress.notebook_of(page))
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)


def page_to_open(folder):
    """The address, on the server, of what is opened first.

    It is the page that shows the progress once there is any, with the tabs that were open last
    beside it; else these tabs, or the start.
    """
    if (folder / copy.PROGRESS).is_file() and progress.begun():
        return f"/lab/tree/{copy.PROGRESS}"
    for file in (folder / HIDDEN / "workspaces").glob("default-*.jupyterlab-workspace"):
        try:
            tabs = json.loads(file.read_text(encoding="utf-8"))["data"]
            if any((folder / tab.removeprefix("notebook:")).is_file()
                   for tab in tabs if tab.startswith("notebook:")):
                return "/lab"  # it shows the tabs that were open last
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # as if there were none
    return f"/lab/tree/{FIRST}"


def lay_out(layouts):
    """Let the chapter's table of contents be seen beside it, until the learner chooses otherwise.

    layouts: the folder in which JupyterLab keeps its layout. It would begin with its file browser,
    and no setting says otherwise.
    """
    if not any(layouts.glob("default-*")):
        from jupyterlab_server.workspaces_handler import WorkspacesManager

        WorkspacesManager(str(layouts)).save("default", json.dumps({
            "metadata": {"id": "default"},
            "data": {"layout-restorer:data": {
                "left": {"collapsed": False, "current": "@jupyterlab/toc:plugin", "widgets": []},
                "right": {"collapsed": True},
            }},
        }))


def start_jupyterlab(folder, options, for_hub=False):
    """Become JupyterLab, with the copy in that folder. Does not return; raises OSError.

    for_hub: as JupyterHub starts it for a learner, and tells it by the environment where and how.
    """
    layouts = folder / HIDDEN / "workspaces"
    with contextlib.suppress(OSError):  # a full disk, say
        lay_out(layouts)
    words = [
        sys.executable, "-m", "jupyterhub.singleuser" if for_hub else "jupyterlab",
        f"--config={CONFIGURATION}", f"--ServerApp.root_dir={folder}",
        f"--{'ServerApp' if for_hub else 'LabApp'}.default_url={page_to_open(folder)}",
        f"--LabApp.workspaces_dir={layouts}", *options,
    ]
    os.execve(sys.executable, words, environment(folder))


def environment(folder):
    """The environment in which JupyterLab and its terminals find this Python, and a home."""
    found = os.environ | {
        "PATH": os.pathsep.join([os.path.join(sys.prefix, "bin"), os.environ.get("PATH", "")]),
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    if sys.prefix != sys.base_prefix:
        found["VIRTUAL_ENV"] = sys.prefix
    home = os.path.expanduser("~")
    if not (os.path.isdir(home) and os.access(home, os.W_OK)):
        found["HOME"] = str(folder / HIDDEN / "home")
        os.makedirs(found["HOME"], exist_ok=True)
        print(f"Your home folder, {home}, can't be written: Jupyter uses {found['HOME']} instead",
              file=sys.stderr)
    return found
