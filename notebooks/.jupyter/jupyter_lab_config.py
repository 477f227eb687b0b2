"""How `named-pipes lab` shows the chapters: nothing on the screen to dismiss.

Which folder, and what is opened first, the command says.
"""
import logging
import os
import re
import shutil
import sys
import webbrowser
from pathlib import Path

import zmq
from jupyter_server.services.kernels.kernelmanager import MappingKernelManager


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
# What is no chapter is not listed; links lead to it all the same.
c.ContentsManager.hide_globs = ["__pycache__", "*.pyc", "*~", ".*", "solutions"]

# custom/custom.css beside this file; of the user's own there is then none (tornado_settings is the
# only way to say where it is).
c.LabApp.custom_css = True
c.ServerApp.tornado_settings = {"static_custom_path": [str(Path(__file__).parent / "custom")]}

# The terminal tells what goes wrong, and nothing else. A kernel warns if its TCP is not encrypted.
if hasattr(MappingKernelManager, "transport_encryption") and zmq.has("curve"):
    c.MappingKernelManager.transport_encryption = "auto"
for name in ("ServerApp", "tornado.general"):
    logging.getLogger(name).addFilter(lambda record: not re.search(
        "Notebook .* is not trusted|websocket_ping_timeout", record.getMessage()
    ))
