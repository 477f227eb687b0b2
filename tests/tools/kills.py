"""Kill a process at random moments and tell what is left: python tests/tools/kills.py [N]

N times (100 by default) a process launches programs, checks a function and makes puppets, and is
killed by SIGKILL in the middle of one of them. Then no process and no file of it may be left.
Linux only: a process is known as its own by TMPDIR in the environment it was started with.
"""
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 20  # seconds for all to be gone, on a machine that is very busy
LONGEST = 0.15  # seconds until the kill, at most

KERNEL = """
import itertools, os, sys, tempfile, threading
from pipe_helpers import Puppet, launch, launch_reader, launch_writer, workspace
from pipe_helpers.exercises import check

def make_pipe(path):
    if os.fork() == 0:
        threading.Event().wait()  # a child that the function leaves
    os.mkfifo(path)

def launches():
    with workspace():
        os.mkfifo("my_pipe")
        launch_writer(), launch_reader()
        launch("sh", "-c", "sleep 60 & cat my_pipe")
        launch("setsid", "sleep", "60").kill()
        launch("setsid", "sleep", "60")

def checks():
    check(make_pipe)

def puppets():
    with Puppet("one") as one, workspace():
        one.mkfifo("my_pipe")

works = [launches, checks, puppets]
tempfile.gettempdir()  # tries the folder with a file, once
print(flush=True)
for work in itertools.cycle(works[int(sys.argv[1]):] + works):
    work()
"""


def left(folder):
    """What is left of a process whose temporary folder that was, a line each."""
    wanted, found = os.fsencode(f"TMPDIR={folder}"), []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if wanted in pathlib.Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                words = pathlib.Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ")
                found.append(f"process {name}: {words.decode(errors='replace')[:200]}")
        except OSError:  # it has ended, or is another user's
            pass
    return found + [f"file {name}" for name in os.listdir(folder)]


def kill_one(number, seconds):
    """Let a process begin with the work of that number and kill it: what is left in the end."""
    folder = tempfile.mkdtemp(prefix="kills_")
    environment = {**os.environ, "TMPDIR": folder, "PYTHONPATH": str(ROOT), "KIT_STATE": ""}
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL, str(number)], env=environment, cwd="/",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )
    try:
        kernel.stdout.readline()
        time.sleep(seconds)  # any moment will do
        assert kernel.poll() is None, f"it ended by itself: {kernel.returncode}"
    finally:
        kernel.kill()
        kernel.wait()
        kernel.stdout.close()
    deadline = time.monotonic() + LIMIT
    while (found := left(folder)) and time.monotonic() < deadline:
        time.sleep(0.005)
    if not found:
        shutil.rmtree(folder)
    return found


def kills(count):
    """Kill that many, and return what was left: a list of lines."""
    found = []
    for number in range(count):
        found += kill_one(number % 3, random.uniform(0, LONGEST))
    return found


if __name__ == "__main__":
    count = int(sys.argv[1]) if sys.argv[1:] else 100
    found = kills(count)
    print(f"{count} kills, {len(found)} things left", *found, sep="\n")
    sys.exit(bool(found))
