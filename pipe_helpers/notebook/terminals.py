"""Command lines for the terminals that are open beside the chapter."""
import asyncio
import json
import os
import threading
import urllib.request
from pathlib import Path


def type_in_terminals(*commands):
    """Print command lines, and type each into a terminal of JupyterLab; the learner presses Enter.

    The terminals are those that were opened last, the first of them for the first command. What
    stood in a terminal's line goes. Under another server than Jupyter's own, of which this kernel
    can't be told the address, it only prints; a line says so if there are too few terminals.
    Blocks for some milliseconds, at most for 5 seconds.
    """
    print(*commands, sep="\n")
    # The kernel's own event loop is running in this thread.
    thread = threading.Thread(target=_type, args=[commands])
    thread.start()
    thread.join()


def _type(commands):
    from jupyter_core.paths import jupyter_runtime_dir

    # jupyter_client tells a kernel who has started it, jupyter_server how it is reached.
    parent = os.environ.get("JPY_PARENT_PID")
    try:
        server = json.loads(Path(jupyter_runtime_dir(), f"jpserver-{parent}.json").read_text())
        headers = {"Authorization": f"token {server['token']}"}
        request = urllib.request.Request(f"{server['url']}api/terminals", headers=headers)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=5) as answer:
            names = [terminal["name"] for terminal in json.load(answer)]  # in order of their start
    except (OSError, ValueError):
        return
    if len(names) < len(commands):
        print(f"There are too few terminals: open {len(commands)}, then run this cell again.")
        return
    url = server["url"].replace("http", "ws", 1) + "terminals/websocket/"
    asyncio.run(asyncio.wait_for(_send(url, headers, names[-len(commands):], commands), 5))


async def _send(url, headers, names, commands):
    from tornado.httpclient import HTTPRequest
    from tornado.websocket import websocket_connect

    for name, command in zip(names, commands):
        connection = await websocket_connect(HTTPRequest(url + name, headers=headers))
        # Ctrl-U takes away what stands in the line [termios(3), VKILL].
        await connection.write_message(json.dumps(["stdin", f"\x15{command}"]))
        connection.close()
