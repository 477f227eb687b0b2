"""How `named-pipes lab` shows the chapters: nothing on the screen to dismiss.

Which folder, and what is opened first, the command says.
"""
import os
import shutil
import sys
import webbrowser
from pathlib import Path


def has_graphical_browser():
    """Tell whether a browser would open in a window of its own, not in this terminal."""
    if sys.platform == "darwin":
        return True
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        name = os.path.basename(getattr(webbrowser.get(), "name", ""))
    except webbrowser.Error:
        return False
    return name not in ("www-browser", "links", "elinks", "lynx", "w3m")


def terminal_command():
    """Return the command of JupyterLab's terminals.

    A user's own ~/.bashrc or login profile (conda, pyenv) may put another python first on PATH, so
    the shell reads the environment's activation script in its place.
    """
    activate = Path(sys.prefix, "bin", "activate")
    if sys.prefix == sys.base_prefix or not activate.exists():
        return None
    bash = shutil.which("bash")
    if bash:
        return [bash, "--rcfile", str(activate), "-i"]
    # POSIX: an interactive sh reads the file that ENV names.
    return ["/usr/bin/env", f"ENV={activate}", "sh", "-i"]


c = get_config()  # noqa: F821 (Jupyter defines it)

c.ServerApp.open_browser = has_graphical_browser()
c.ServerApp.allow_root = True  # containers
c.ServerApp.answer_yes = True  # Ctrl-C ends it without a question
c.Application.log_level = "WARN"  # the address, and what goes wrong
if terminal_command():
    c.ServerApp.terminado_settings = {"shell_command": terminal_command()}

# Nothing but the chapter on the screen: no news, no update notice, no tabs of another project.
c.LabApp.news_url = None
# JupyterLab asks all the same whether to show news, unless overrides.json beside this file answers.
c.LabApp.app_settings_dir = str(Path(__file__).resolve().parent)
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
# Where the tests' tools are installed, nbgrader's menu (page_config.json) and servers stay away.
c.ServerApp.jpserver_extensions = {
    f"nbgrader.server_extensions.{name}": False
    for name in ("formgrader", "validate_assignment", "assignment_list", "course_list")
}
c.ContentsManager.hide_globs = ["__pycache__", "*.pyc", "*~", "conftest.py", ".*"]
