"""How each challenge of the lab is done, in steps: for the model and for the buttons alike.

"writer: write Hello" presses that button; "writer is blocked in write" and "writer is ready" wait
for a state; "add reader" and "add pipe" press those buttons. A pipe or a mode stands at the end:
"reader: open answers", "writer: open my_pipe without waiting".
"""
import re

BOTH_OPEN = ["writer: open", "writer is blocked in open", "reader: open", "writer is ready",
             "reader is ready"]
PLAYS = {
    "make open block, and free it": [
        "reader: open", "reader is blocked in open", "writer: open", "reader is ready"],
    "send one message, received in two pieces": [
        *BOTH_OPEN, "writer: write Hello", "writer is ready", "reader: read 3", "reader is ready",
        "reader: read 3", "reader is ready"],
    "receive two messages in one read": [
        *BOTH_OPEN, "writer: write one", "writer is ready", "writer: write two",
        "writer is ready", "reader: read 512", "reader is ready"],
    "fill the pipe until write blocks, and free it with one read": [
        *BOTH_OPEN, "writer: write 70000 bytes", "writer is blocked in write",
        "reader: read 65536", "writer is ready"],
    "make a reader see end of file": [
        *BOTH_OPEN, "reader: read 5", "reader is blocked in read", "writer: close",
        "reader is ready"],
    "break a pipe": [
        *BOTH_OPEN, "reader: close", "reader is ready", "writer: write Hello", "writer is ready"],
    "lose bytes without any error": [
        *BOTH_OPEN, "writer: write Hello", "writer is ready", "writer: close", "writer is ready",
        "reader: close", "reader is ready"],
    "get ENXIO": ["writer: open my_pipe without waiting", "writer is ready"],
    "two writers, and end of file only after the last": [
        "add writer", *BOTH_OPEN, "writer 2: open", "writer 2 is ready", "writer: close",
        "writer is ready", "reader: read 5", "reader is blocked in read", "writer 2: close",
        "reader is ready"],
    "a deadlock with two pipes, and the way out": [
        "add pipe", "writer: open my_pipe", "writer is blocked in open", "reader: open answers",
        "reader is blocked in open", "reader: cancel", "reader is ready",
        "reader: open my_pipe", "writer is ready", "reader is ready"],
}


def parsed(step):
    """Return a step as ("press", who, action, value), ("is", who, state) or ("add", what)."""
    if found := re.fullmatch(r"add (\w+)", step):
        return "add", found[1]
    if found := re.fullmatch(r"(\w+(?: 2)?) is (.*)", step):
        return "is", *found.groups()
    who, action, value = re.fullmatch(r"(\w+(?: 2)?): (\w+) ?(.*)", step).groups()
    return "press", who, action, value
