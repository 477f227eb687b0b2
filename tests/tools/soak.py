"""Run all notebooks against their stored outputs many times, and print every difference.

    python tests/tools/soak.py [N]        (make soak N=100)

Two notebooks run at a time for each processor. Every second run has every processor kept busy by
other processes besides. Each run has a folder of its own for temporary files, in which nothing may
be left. Nothing is tried again. The exit status is 1 if any run differs.
"""
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 600  # seconds for one run, else it hangs
LEAVING = 10  # seconds that what a killed kernel started has, to end and to remove its folders


@contextlib.contextmanager
def busy_processors():
    busy = [sys.executable, "-S", "-c", "while True: pass"]
    processes = [subprocess.Popen(busy) for _ in range(os.cpu_count())]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def left_in(folder):
    """What is still in a folder after LEAVING seconds, at once if that is nothing."""
    deadline = time.monotonic() + LEAVING
    while True:
        names = [name for name in os.listdir(folder) if not name.startswith("pytest-of-")]
        if not names or time.monotonic() > deadline:
            return names
        time.sleep(0.02)


def run_notebooks(paths=("notebooks",)):
    """Run them once. Returns how many cells were as stored, and the report if any was not."""
    # IPython, where its folder at home can't be written, would leave another for each kernel.
    with (
        tempfile.TemporaryDirectory(prefix="soak_", ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryDirectory(prefix="soak_ipython_", ignore_cleanup_errors=True) as ipython,
    ):
        try:
            tests = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-c", "pyproject.toml",
                 "-p", "no:cacheprovider", f"--numprocesses={2 * os.cpu_count()}", *paths],
                cwd=ROOT, env={**os.environ, "TMPDIR": folder, "IPYTHONDIR": ipython}, text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                timeout=LONGEST,
            )
        except subprocess.TimeoutExpired as error:
            return 0, f"{(error.output or b'').decode()}\nnot ended after {LONGEST} s\n"
        left = left_in(folder)
    passed = re.search(r"(\d+) passed", tests.stdout)
    report = tests.stdout if tests.returncode else ""
    if left:
        report += f"left in the folder for temporary files: {', '.join(left)}\n"
    return int(passed[1]) if passed else 0, report


def main(count):
    cells = differing = 0
    for number in range(1, count + 1):
        busy = number % 2 == 0
        begun = time.monotonic()
        with busy_processors() if busy else contextlib.nullcontext():
            passed, report = run_notebooks()
        cells += passed
        differing += bool(report)
        state = "busy" if busy else "quiet"
        print(f"run {number}, {state}: {passed} cells as stored, {time.monotonic() - begun:.1f} s")
        print(report, end="", flush=True)
    print(f"{count} runs, {count // 2} of them with busy processors: {cells} cells as stored, "
          f"{differing} runs with a difference")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 10))
