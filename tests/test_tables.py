"""Each field of the two tables, of read and of write, is what the model of a FIFO does."""
import errno
import os
import re

import nbformat
import pytest
from save_notebooks import NOTEBOOKS

from pipe_helpers.practising.model import PAGE, PAGES, PIPE_BUF, Hand, World, settled

FULL = PAGE * PAGES
ERRORS = {errno.EPIPE: "BrokenPipeError", errno.EAGAIN: "BlockingIOError"}


def fields(cell):
    """{(row, column): the field without its link} of the table in that cell of the page."""
    notebook = nbformat.read(NOTEBOOKS / "tables.ipynb", as_version=4)
    [source] = [each.source for each in notebook.cells if each.id == cell]
    lines = [line for line in source.splitlines() if line.startswith("|")]
    heads, _, *rows = [[part.strip() for part in line.strip("|").split(" | ")] for line in lines]
    return {(row[0], head): re.fullmatch(r"\[(.+)\]\([^)]+\)", field)[1]
            for row in rows for head, field in zip(heads[1:], row[1:])}


def world(reader, writer, waiting):
    """A FIFO in which bytes wait. reader, writer: the flags of who has its ends open, or None."""
    begun = World([Hand(), Hand(), Hand()])
    for who, call in [(0, ("mkfifo", "it")), (2, ("open", "it", os.O_RDWR)),
                      (0, ("open", "it", reader)), (1, ("open", "it", writer)),
                      (2, ("write", 3, bytes(waiting))), (2, ("close", 3))]:
        if None not in call and call != ("write", 3, b""):
            [begun] = settled(begun.pressed(who, *call))
    return begun


def done(before, who, *call):
    """What the call does then: "waits", the name of its error, or what it returns."""
    [after] = settled(before.pressed(who, *call))
    hand = after.hands[who]
    if hand.call is not None:
        return "waits", hand.call.written
    value, error = hand.outcome
    return ERRORS[error] if error else value, None


READ = fields("read")
WRITE = fields("write")


@pytest.mark.parametrize("state, column", READ, ids=" / ".join)
def test_a_field_of_the_table_of_read(state, column):
    flags = os.O_RDONLY | (os.O_NONBLOCK if column == "nonblocking" else 0)
    waiting = {"fewer than n bytes": 5, "n bytes or more": 25}.get(state, 0)
    for writer in (os.O_WRONLY, None) if waiting else (None if "no" in state else os.O_WRONLY,):
        found, _ = done(world(flags, writer, waiting), 0, "read", 3, 10)
        told = {b"": 'b""', bytes(5): "all of them", bytes(10): "n bytes"}.get(found, found)
        assert READ[state, column] == told


@pytest.mark.parametrize("state, column", WRITE, ids=" / ".join)
def test_a_field_of_the_table_of_write(state, column):
    flags = os.O_WRONLY | (os.O_NONBLOCK if "nonblocking" in column else 0)
    size = PIPE_BUF + 1000 if "large" in column else PIPE_BUF - 1000
    room = {"room for a part": 500, "full": 0}.get(state, FULL)
    if state == "room for a part" and size > PIPE_BUF:
        room = PIPE_BUF  # Linux puts a part into whole pages only
    reader = None if state == "no reader" else os.O_RDONLY
    found, written = done(world(reader, flags, FULL - room), 1, "write", 3, bytes(size))
    if found == "waits":
        told = "a part, waits, then the rest" if written else "waits, then all"
    elif isinstance(found, int):
        told = "all" if found == size else "a part"
    else:
        told = found
    assert WRITE[state, column] == told
