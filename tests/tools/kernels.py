"""Where the kernels of the tests, and of saving, are met."""
import uuid


def at_unix_sockets():
    """Options of a KernelManager, by which it meets its kernel at Unix sockets of their own.

    Of a TCP port, which is chosen because it is free, another program may make use before the
    kernel does. The kernel then ends, and nbval waits for it without an end. In /tmp the path of a
    socket is short enough [unix(7)].
    """
    path = f"/tmp/named_pipes_kernel_{uuid.uuid4().hex}.json"
    return {"transport": "ipc", "connection_file": path}
