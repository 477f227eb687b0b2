"""Command lines for the terminals that are open beside the chapter."""
import asyncio
import contextlib
import json
import os
import threading
import urllib.request
from pathlib import Path


def type_in_terminals(*commands):
    """Print command lines, and type each into a terminal of JupyterLab; the learner presses Enter.

    The terminals are those that were opened last, the first of them for the first command. What
    stood in a terminal's line goes. If there are too few, a line says so. Where there is no Jupyter
    server that can be reached from here, it only prints. Blocks for some milliseconds, at most for
    10 seconds.
    """
    print(*commands, sep="\n")
    # The kernel's own event loop is running in this thread.
    thread = threading.Thread(target=_type, args=[commands])
    thread.start()
    thread.join()


def _type(commands):
    with contextlib.suppress(Exception):  # then the lines are copied from what is printed
        server = _server()
        headers = {"Authorization": f"token {server['token']}"}
        request = urllib.request.Request(f"{server['url']}api/terminals", headers=headers)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=5) as answer:
            names = [terminal["name"] for terminal in json.load(answer)]  # in order of their start
        if len(names) < len(commands):
            print(f"There are too few terminals: open {len(commands)}, then run this cell again.")
            return
        url = server["url"].replace("http", "ws", 1) + "terminals/websocket/"
        asyncio.run(asyncio.wait_for(_send(url, headers, names[-len(commands):], commands), 5))


def _server():
    """What the server of this kernel has noted for its other processes: address, token."""
    from jupyter_core.paths import jupyter_runtime_dir

    # jupyter_client tells a kernel who has started it.
    name = f"jpserver-{os.environ['JPY_PARENT_PID']}.json"
    return json.loads(Path(jupyter_runtime_dir(), name).read_text())


async def _send(url, headers, names, commands):
    from tornado.httpclient import HTTPRequest
    from tornado.websocket import websocket_connect

    for name, command in zip(names, commands):
        connection = await websocket_connect(HTTPRequest(url + name, headers=headers))
        # Ctrl-U takes away what stands in the line [termios(3), VKILL].
        await connection.write_message(json.dumps(["stdin", f"\x15{command}"]))
        connection.close()
