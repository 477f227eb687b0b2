"""Print what the helpers cost, as ratios: python tests/tools/bench.py [SECTION ...] [N ...]

Sections: launch, import, record, puppet, notebooks, learners, lab, fast, serve; by default all.
And class, only when named: a real hub with 1, 5, 10 and 20 learners, or with N ("class 1 5"),
each time all at once. It needs root, and takes some minutes more than the learners do.
Rounds are taken in turn (A B A B), so that a busy moment of the machine hits both; medians.
"""
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from pipe_helpers import Puppet, launch_writer, trace, workspace  # noqa: E402

WRITER = ROOT / "pipe_helpers" / "programs" / "write_to_named_pipe.py"
ROUNDS = 61
GOAL = 1.2  # launch to first byte read, at most, against a bare subprocess.Popen


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


def in_turn(measures, rounds=ROUNDS):
    """The median of each measure, in milliseconds. The first round does not count."""
    rounds = [[measure() for measure in measures] for _ in range(rounds)]
    return [1000 * statistics.median(column) for column in zip(*rounds[1:])]


def row(what, taken, reference, note=""):
    print(f"{what:46} {taken:6.1f} ms  {reference:6.1f} ms  {taken / reference:5.2f}  {note}")


def launch_section():
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


def import_section():
    for name in ("pipe_helpers", "pipe_helpers.processes.console"):
        kit, reference = in_turn(
            [lambda: import_time(name), lambda: import_time("subprocess, json")]
        )
        row(f"import {name}, bare: subprocess, json", kit, reference)


def record_section():
    """A write to /dev/null, recorded and not: milliseconds for a thousand of each."""
    fd = os.open("/dev/null", os.O_WRONLY)

    def thousand():
        begun = time.perf_counter()
        for _ in range(1000):
            os.write(fd, b"Hello")
        return time.perf_counter() - begun

    def recorded():
        with trace():
            return thousand()

    kit, reference = in_turn([recorded, thousand])
    os.close(fd)
    row("1000 recorded calls, bare: not recorded", kit, reference)


def puppet_section():
    """From telling a puppet to open and close a pipe until it has done so, for a hundred."""
    with workspace(), Puppet("puppet") as puppet:

        os.mkfifo("my_pipe")
        flags = os.O_RDONLY | os.O_NONBLOCK

        def told():
            begun = time.perf_counter()
            for _ in range(100):
                puppet.close(puppet.open("my_pipe", flags).result()).result()
            return time.perf_counter() - begun

        def here():
            begun = time.perf_counter()
            for _ in range(100):
                os.close(os.open("my_pipe", flags))
            return time.perf_counter() - begun

        kit, reference = in_turn([told, here])
    row("200 calls of a puppet, bare: calls of our own", kit, reference)


def run_notebooks(paths):
    begun = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-c", ROOT / "pyproject.toml"]
    command += ["--rootdir", ROOT, "-p", "no:cacheprovider", "-n2", *paths]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def notebooks_section():
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    chapters = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    with tempfile.TemporaryDirectory() as folder:
        trivial = []
        for path in chapters:
            chapter = nbformat.read(path, 4)
            count = sum(cell.cell_type == "code" for cell in chapter.cells)
            cells = [new_code_cell("pass", execution_count=n + 1) for n in range(count)]
            trivial.append(pathlib.Path(folder, path.name))
            nbformat.write(new_notebook(cells=cells, metadata=chapter.metadata), trivial[-1])
        kit, reference = in_turn(
            [lambda: run_notebooks(chapters), lambda: run_notebooks(trivial)], rounds=11)
    row("all chapters, bare: as many cells of pass", kit, reference)


LEARNER = """
import os
from pipe_helpers import launch_writer, workspace
with workspace():
    os.mkfifo("my_pipe")
    for _ in range(10):
        program = launch_writer()
        fd = os.open("my_pipe", os.O_RDONLY)
        os.read(fd, 512)
        os.close(fd)
        program.wait()
"""


def learners_section():
    """Ten programs launched by each of several learners at once: time per learner."""

    def learners(count):
        begun = time.perf_counter()
        started = [
            subprocess.Popen([sys.executable, "-c", LEARNER], cwd=ROOT) for _ in range(count)
        ]
        assert not any([process.wait() for process in started])
        return (time.perf_counter() - begun) / count

    one, four, sixteen = in_turn([lambda n=n: learners(n) for n in (1, 4, 16)], rounds=11)
    row("4 learners at once, each, bare: 1 learner", four, one)
    row("16 learners at once, each, bare: 1 learner", sixteen, one)


# Each is a program of two roles, ping and pong, with two named pipes and a count of round trips.
# ping prints the seconds that they took; the first trip, not counted, waits until both are there.
IN_C = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}
int main(int count, char **words) {
    char message[64] = {0};
    int trips = atoi(words[4]);
    double begun = 0;
    if (strcmp(words[1], "ping") == 0) {
        int there = open(words[2], O_WRONLY), back = open(words[3], O_RDONLY);
        for (int trip = 0; trip <= trips; trip++) {
            if (trip == 1) begun = now();
            if (write(there, message, 64) != 64 || read(back, message, 64) != 64) return 1;
        }
        printf("%f\n", now() - begun);
    } else {
        int there = open(words[2], O_RDONLY), back = open(words[3], O_WRONLY);
        for (int trip = 0; trip <= trips; trip++)
            if (read(there, message, 64) != 64 || write(back, message, 64) != 64) return 1;
    }
    return 0;
}
"""
IN_PYTHON = """
import os, sys, time
def ping(there, back, trips):
    there, back, message = os.open(there, os.O_WRONLY), os.open(back, os.O_RDONLY), bytes(64)
    read, write = os.read, os.write
    write(there, message), read(back, 64)
    begun = time.perf_counter()
    for _ in range(int(trips)):
        write(there, message)
        read(back, 64)
    print(time.perf_counter() - begun)
def pong(there, back, trips):
    there, back = os.open(there, os.O_RDONLY), os.open(back, os.O_WRONLY)
    read, write = os.read, os.write
    for _ in range(int(trips) + 1):
        write(back, read(there, 64))
globals()[sys.argv[1]](*sys.argv[2:])
"""
TAKES = """
import os
def main():
    fd, buffer = os.open("there", os.O_RDONLY), [bytearray(65536)]
    while os.readv(fd, buffer):
        pass
main()
"""
GIVES = """
import os
def main():
    fd, data = os.open("there", os.O_WRONLY), bytes(65536)
    for _ in range(32768):
        os.write(fd, data)
main()
"""


TRIPS = 10_000


def round_trips(command, processors):
    """Seconds that the round trips of two programs took, each on one of the processors."""
    processes = []
    for role, processor in zip(("pong", "ping"), processors):
        def stay(processor=processor):
            os.sched_setaffinity(0, [processor])

        processes.append(subprocess.Popen(
            [*command, role, "there", "back", str(TRIPS)], stdout=subprocess.PIPE,
            preexec_fn=stay if hasattr(os, "sched_setaffinity") else None))
    (_, seconds) = [process.communicate()[0] for process in processes]
    assert not any(process.returncode for process in processes)
    return float(seconds)


def together(*commands):
    """Seconds from the start of these programs until all have ended."""
    begun = time.perf_counter()
    processes = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for command in commands]
    assert not any([process.wait() for process in processes])
    return time.perf_counter() - begun


def fast_section():
    """Named pipes in Python and in C: round trips, and 2 GiB one way."""
    python = [sys.executable, "-S", "-E", "-c"]
    with workspace():
        os.mkfifo("there")
        os.mkfifo("back")
        if shutil.which("cc"):
            pathlib.Path("trips.c").write_text(IN_C)
            subprocess.run(["cc", "-O2", "-o", "trips", "trips.c"], check=True)
            can = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
            pairs = {"on one processor": (can[0], can[0])}
            if len(can) > 1:
                pairs["on two processors"] = (can[0], can[1])
            for where, pair in pairs.items():
                kit, reference = in_turn([
                    lambda: round_trips([*python, IN_PYTHON], pair),
                    lambda: round_trips(["./trips"], pair),
                ], rounds=11)
                row(f"{TRIPS} round trips {where}, bare: in C", kit, reference)
        kit, reference = in_turn([
            lambda: together([*python, TAKES], [*python, GIVES]),
            lambda: together(
                ["dd", "if=there", "of=/dev/null", "bs=65536"],
                ["dd", "if=/dev/zero", "of=there", "bs=65536", "count=32768"]),
        ], rounds=11)
        row("2 GiB one way in Python, bare: dd | dd", kit, reference)


def first_cell_after(**options):
    """Seconds from the start of JupyterLab until the first chapter's first cell has run."""
    from lab_browser import Lab

    with Lab(**options) as lab:
        lab.open("00_start_here.ipynb")
        first = next(number for number, cell in enumerate(lab.cells()) if cell.code)
        lab.run_cell(first)
        lab.wait_cell(first, lambda cell: re.search(r"\d", cell.prompt), "the first cell has run")
        return time.perf_counter() - lab.begun


def lab_section():
    stored = ROOT / "notebooks"
    kit, reference = in_turn(
        [first_cell_after, lambda: first_cell_after(plain=True, chapters=stored)], rounds=11)
    row("make lab to first cell, bare: jupyter lab", kit, reference)


def serve_section():
    """A hundred clients at once that ask 10,000 times, in all, and 60 of them misbehave or none."""
    from many_clients import BAD, load_pipes, load_socket

    with workspace():
        good, bad, socket = in_turn([
            lambda: load_pipes(100, 10_000),
            lambda: load_pipes(100, 10_000, BAD),
            lambda: load_socket(100, 10_000),
        ], rounds=11)
    note = f"{10_000_000 / good:.0f} and {10_000_000 / socket:.0f} requests a second"
    row("10000 requests, bare: by Unix socket", good, socket, note)
    row("60 of 100 clients misbehave, bare: none", bad, good)


CHAPTERS = ["00_start_here.ipynb", "03_open.ipynb", "05_read.ipynb", "08_when_it_goes_wrong.ipynb"]


def class_section(counts):
    """So many learners at a real hub, all at once: their servers' start, chapters, and memory.

    Medians of all learners. Memory as PSS: what several processes share counts in parts; of the
    four kernels, that which has the most, and all that a learner's processes have.
    """
    import asyncio

    from class_hub import Hub, missing, pss

    if reason := missing():
        sys.exit(f"no hub here: {reason}")
    with Hub(max(counts)) as hub:
        alone = {}
        for count in counts:
            learners = hub.learners[:count]
            tokens = [learner.token() for learner in learners]
            taken = asyncio.run(at_once(learners, tokens))
            taken |= {"server, MB": [], "a kernel, MB": [], "all, MB": []}
            for learner in learners:
                found = {pid: (pss(pid), b" ".join(words))
                         for pid, words in learner.processes().items()}
                taken["server, MB"].append(max(
                    size for size, words in found.values() if b"singleuser" in words))
                taken["a kernel, MB"].append(max(
                    size for size, words in found.values() if b"ipykernel" in words))
                taken["all, MB"].append(sum(size for size, _ in found.values()))
            for what, values in taken.items():
                value = statistics.median(values)
                one = alone.setdefault(what, value)
                print(f"{f'{count} learners, each: {what}':46} {value:6.1f}     {one:6.1f}"
                      f"     {value / one:5.2f}", flush=True)
            for learner, token in zip(learners, tokens):
                learner.stop_server(token)


async def at_once(learners, tokens):
    """Start the learners' servers, and run the chapters in each. Seconds, by what took them."""
    import asyncio

    taken = {}
    taken["server, s"] = await asyncio.gather(*(
        asyncio.to_thread(learner.start_server, token)
        for learner, token in zip(learners, tokens)))
    for name in CHAPTERS:
        taken[f"{name[:2]}, s"] = await asyncio.gather(*(
            run_on_hub(learner, token, name) for learner, token in zip(learners, tokens)))
    return taken


async def run_on_hub(learner, token, name):
    """Seconds from asking for a kernel until all cells of a chapter have run in it."""
    import json
    import uuid

    from tornado.httpclient import AsyncHTTPClient, HTTPRequest
    from tornado.websocket import websocket_connect

    begun = time.perf_counter()
    address = f"{learner.hub.address}user/{learner.name}/api/kernels"
    headers = {"Authorization": f"token {token}"}
    answer = await AsyncHTTPClient().fetch(HTTPRequest(
        address, method="POST", headers=headers, body="{}", request_timeout=300))
    kernel = json.loads(answer.body)["id"]
    channels = await websocket_connect(HTTPRequest(
        f"ws{address[4:]}/{kernel}/channels", headers=headers,
        connect_timeout=300, request_timeout=300))
    for cell in json.loads((ROOT / "notebooks" / name).read_text())["cells"]:
        if cell["cell_type"] == "code":
            asked = uuid.uuid4().hex
            await channels.write_message(json.dumps({
                "channel": "shell", "parent_header": {}, "metadata": {}, "buffers": [],
                "header": {"msg_id": asked, "msg_type": "execute_request", "username": "",
                           "session": asked, "version": "5.3"},
                "content": {"code": "".join(cell["source"]), "allow_stdin": False,
                            "stop_on_error": False}}))
            replied = False
            while not replied:
                message = await channels.read_message()
                assert message is not None, (
                    f"{learner.name}: no kernel any more in {name}, cell {cell['id']} "
                    f"({channels.close_code} {channels.close_reason}): {learner.hub.log_text()}")
                if isinstance(message, str):  # a picture's bytes come apart
                    message = json.loads(message)
                    replied = message["msg_type"] == "execute_reply" \
                        and message["parent_header"].get("msg_id") == asked
    channels.close()
    return time.perf_counter() - begun


SECTIONS = {
    "launch": launch_section,
    "import": import_section,
    "record": record_section,
    "puppet": puppet_section,
    "notebooks": notebooks_section,
    "learners": learners_section,
    "lab": lab_section,
    "fast": fast_section,
    "serve": serve_section,
}


def main(words):
    print(f"{'medians, rounds in turn':46} {'kit':>9}  {'bare':>9}  ratio")
    names = [word for word in words if not word.isdigit()]
    for name in names or SECTIONS:
        if name == "class":
            class_section([int(word) for word in words if word.isdigit()] or [1, 5, 10, 20])
        else:
            SECTIONS[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
