"""Print what the helpers cost, as ratios: python tests/bench.py

Rounds are taken in turn (A B A B), so that a busy moment of the machine hits both; medians.
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pipe_helpers import launch_writer, workspace  # noqa: E402

WRITER = ROOT / "pipe_helpers" / "programs" / "write_to_named_pipe.py"
ROUNDS = 61
GOAL = 1.35  # launch to first byte read, at most, against a bare subprocess.Popen


def first_byte_after(start):
    """Seconds from the start of a writer to the first byte read from it."""
    begun = time.perf_counter()
    program = start()
    fd = os.open("my_pipe", os.O_RDONLY)
    os.read(fd, 1)
    taken = time.perf_counter() - begun
    os.close(fd)
    program.wait()
    return taken


def bare():
    return subprocess.Popen([sys.executable, WRITER, "my_pipe"])


def import_time(names):
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {names}"], cwd=ROOT, check=True)
    return time.perf_counter() - begun


def in_turn(measures):
    """The median of each measure, in milliseconds."""
    rounds = [[measure() for measure in measures] for _ in range(ROUNDS)]
    return [1000 * statistics.median(column) for column in zip(*rounds[1:])]


def row(what, taken, reference, note=""):
    print(f"{what:46} {taken:6.1f} ms  {reference:6.1f} ms  {taken / reference:5.2f}  {note}")


def main():
    print(f"{'median of ' + str(ROUNDS - 1):46} {'kit':>9}  {'bare':>9}  ratio")
    path = os.environ["PATH"]
    with workspace(), tempfile.TemporaryDirectory() as folder:
        os.mkfifo("my_pipe")
        for shell in ("dash", "bash"):
            if not shutil.which(shell, path=path):
                continue
            os.makedirs(f"{folder}/{shell}")
            os.symlink(shutil.which(shell, path=path), f"{folder}/{shell}/sh")
            os.environ["PATH"] = f"{folder}/{shell}{os.pathsep}{path}"
            kit, reference = in_turn(
                [lambda: first_byte_after(launch_writer), lambda: first_byte_after(bare)]
            )
            note = f"at most {GOAL}" if kit <= GOAL * reference else f"more than {GOAL}!"
            row(f"launch_writer to first byte, sh is {shell}", kit, reference, note)
        os.environ["PATH"] = path
    kit, reference = in_turn(
        [lambda: import_time("pipe_helpers"), lambda: import_time("subprocess, json")]
    )
    row("import pipe_helpers, bare: subprocess, json", kit, reference)
    kit, reference = in_turn(
        [lambda: import_time("pipe_helpers.console"), lambda: import_time("subprocess, json")]
    )
    row("import pipe_helpers.console, bare: the same", kit, reference)


if __name__ == "__main__":
    main()
