"""What was pressed in the lab, as programs: run in terminals, they do the same."""
import array
import fcntl
import os
import re
import signal
import subprocess
import sys
import termios

import pytest
from lab_plays import BOTH_OPEN, PLAYS
from processes import wait_asleep
from test_lab_model import play

from pipe_helpers.recording.calls import size_of

RUNS = {
    "a message while the reader waits, and one when it does not": [
        *BOTH_OPEN, "reader: read 512", "reader is blocked in read", "writer: write it's \"so\"",
        "reader is ready", "writer: write two", "writer is ready", "reader: read 1",
        "reader is ready", "reader: close", "reader is ready", "writer: write three",
        "writer is ready"],
    "a write that is cancelled, then a close and an open again": [
        *BOTH_OPEN, "writer: write 70000 bytes", "writer is blocked in write", "writer: cancel",
        "writer is ready", "writer: close", "writer is ready", "reader: read 65536",
        "reader is ready", "reader: read 5", "reader is ready", "writer: open", "writer is ready"],
    **{title: PLAYS[title] for title in (
        "fill the pipe until write blocks, and free it with one read", "get ENXIO",
        "two writers, and end of file only after the last",
        "a deadlock with two pipes, and the way out")},
}


class Terminal:
    """A program as in a terminal: what it has printed so far, and keys to press."""

    def __init__(self, path):
        self.process = subprocess.Popen(
            [sys.executable, "-u", path.name], cwd=path.parent, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = ""

    def shows(self, words):
        self.text += (self.process.stdout.read() or b"").decode()
        return words in self.text

    def enter(self, until):
        stdin = self.process.stdin
        stdin.write(b"\n")
        stdin.flush()
        waiting = array.array("i", [1])

        def taken():
            fcntl.ioctl(stdin, termios.FIONREAD, waiting)
            return not waiting[0]

        until(taken, "the program has taken the Enter")


def programs(text, folder):
    """Save the programs of a text as it says: {name: program}."""
    found = re.findall(r"^(\w+)\.py\n\n```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for name, program in found:
        (folder / f"{name}.py").write_text(program)
    return {name.replace("_", " "): program for name, program in found}


def result(call):
    """How a program prints what came of a call."""
    number = re.search(r"\(E\w+ (\d+)\)", call.error or "")
    if number:
        return f": [Errno {number[1]}] {os.strerror(int(number[1]))}"
    if call.error or call.name == "write" and call.result < size_of(call.args[1]):
        return ": cancelled"
    if call.name == "read" and size_of(call.result) > 64:
        return f": {size_of(call.result)} bytes\n"
    value = bytes(call.result) if call.name == "read" else call.result
    return "\n" if call.name == "close" else f": {value!r}\n"


@pytest.mark.parametrize("run", RUNS)
def test_the_programs_make_the_same_calls_with_the_same_results(lab, until, tmp_path, run):
    play(lab, RUNS[run], until)
    calls = lab._calls()
    sources = programs(lab.python, tmp_path)
    for pipe in re.search(r"^mkfifo (.*)$", lab.python, re.MULTILINE)[1].split():
        os.mkfifo(tmp_path / pipe)
    assert sum(source.count("= os.") + source.count("os.close(") for source in sources.values()) \
        == len(calls)
    events = sorted((when, number) for number, call in enumerate(calls, 1)
                    for when in (call.entered, call.left))
    terminals = {}
    try:
        for name in sources:
            terminals[name] = Terminal(tmp_path / f"{name.replace(' ', '_')}.py")
        for at, (when, number) in enumerate(events):
            call = calls[number - 1]
            terminal = terminals[call.role]
            told = f"{number} {call.name}{result(call)}"
            if when == call.left:
                if "cancelled" in told:
                    terminal.process.send_signal(signal.SIGINT)
                until(lambda: terminal.shows(told), f"{told!r}")
                continue
            before = sources[call.role].partition(f'print("{number} ')[0]
            before = re.split(r'print\("\d', before)[-1]
            if prompt := re.search(r'input\("(Enter when .*) "\)', before):
                until(lambda: terminal.shows(prompt[1]), prompt[1])
                terminal.enter(until)
            # It waits, or has returned already and waits for Enter; a last close ends it.
            if call.name != "close" and events[at + 1][1] != number or "cancelled" in told:
                wait_asleep(terminal.process.pid)
    finally:
        for terminal in terminals.values():
            terminal.process.kill()
            terminal.process.communicate()


def test_bytes_are_written_as_a_person_would_and_a_killed_process_is_told(lab, until):
    assert "press a button" in lab.python
    play(lab, [*BOTH_OPEN, f"writer: write {'ab' * 3000}", "writer is ready"], until)
    assert f'os.write(fd, b"{"ab" * 2048}" + b"?" * 1904)' in lab.python
    writer = lab.processes[0].puppet
    os.kill(writer.pid, signal.SIGKILL)
    until(lambda: lab.look() and lab._gone, "the writer is seen to have ended")
    play(lab, ["reader: read 5", "reader is ready"], until)
    assert "# in the lab, something ended this process here" in lab.python
    assert 'input("Enter when the writer has ended (step 4) ")' in lab.python
