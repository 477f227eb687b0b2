"""Let many learners run all chapters at once on this machine, and print every difference.

    python tests/tools/learners.py [N]    (20 by default; each takes a minute of processor time)

Each has a home and a copy of the notebooks of their own; the folder for temporary files is one for
all, as on a server. At the end nothing may be left there. Nothing is tried again. The exit status
is 1 if any learner's cells differ from the stored ones.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from soak import ROOT, left_in

PATIENCE = 600  # seconds for a cell: N learners share the processors


def start(home, temporary):
    """Start pytest on a learner's own copy of the chapters, in the background."""
    unwanted = shutil.ignore_patterns("solutions", ".ipynb_checkpoints", "__pycache__")
    shutil.copytree(ROOT / "notebooks", home / "notebooks", ignore=unwanted)
    (home / "tests").mkdir()
    for name in ("pyproject.toml", "tests/nbval_sanitize.cfg"):
        shutil.copy(ROOT / name, home / name)
    environment = {"HOME": home, "TMPDIR": temporary, "PYTHONPATH": ROOT}
    with open(home / "report", "w") as report:
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-c", "pyproject.toml",
             "-p", "no:cacheprovider", "--numprocesses=0", f"--nbval-cell-timeout={PATIENCE}",
             "notebooks"],
            cwd=home, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
            stdout=report, stderr=subprocess.STDOUT,
        )


def main(count):
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="learners_", ignore_cleanup_errors=True) as folder:
        temporary = Path(folder, "tmp")
        temporary.mkdir()
        homes = [Path(folder, f"learner {number}") for number in range(1, count + 1)]
        learners = [start(home, temporary) for home in homes]
        try:
            statuses = [learner.wait() for learner in learners]
        finally:
            for learner in learners:
                learner.kill()
                learner.wait()
        left = left_in(temporary)
        reports = [Path(home, "report").read_text() for home in homes]
    cells = 0
    for home, status, report in zip(homes, statuses, reports):
        passed = re.search(r"(\d+) passed", report)
        cells += int(passed[1]) if passed else 0
        print(f"{home.name}: {report.splitlines()[-1] if report else 'nothing'}")
        if status:
            print(report)
    if left:
        print(f"left in the folder for temporary files: {', '.join(left)}")
    differing = sum(map(bool, statuses))
    print(f"{count} learners at once, {time.monotonic() - begun:.0f} s: {cells} cells as stored, "
          f"{differing} learners with a difference")
    return 1 if differing or left else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 20))
