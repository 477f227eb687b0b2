"""The set-up files agree, make sets up what it says, and nothing stray lies at top level."""
import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # comes with pytest there

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from processes import wait_until

from pipe_helpers.chapters import copy

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))

PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
TOP_LEVEL = {
    ".ci",
    ".dockerignore",
    ".github",
    ".gitignore",
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "README.md",
    "classroom",
    "environment.yml",
    "notebooks",
    "pipe_helpers",
    "pyproject.toml",
    "requirements.lock",
    "site",
    "tests",
}
# Where conda-forge calls it otherwise. Its matplotlib brings a window toolkit as well.
CONDA_NAME = {"matplotlib": "matplotlib-base"}


# ---------------------------------------------------------------- what is needed


def learners():
    return [Requirement(line) for line in PROJECT["dependencies"]]


def all_needs():
    """What anybody needs, with the tests' tools and what the package is built with."""
    extras = PROJECT["optional-dependencies"].values()
    lines = [line for extra in extras for line in extra] + PYPROJECT["build-system"]["requires"]
    return learners() + [Requirement(line) for line in lines]


def conda_bound(entry):
    """("name", ">=version" or "") of an entry of environment.yml, which may have no other form."""
    found = re.fullmatch(r"([a-z0-9][a-z0-9._-]*)(>=\d+(?:\.\d+)*)?", entry)
    if not found:
        raise ValueError(f"environment.yml: {entry!r} is neither `name` nor `name>=version`")
    return found[1], found[2] or ""


def test_environment_yml_has_what_a_learner_needs_with_the_bounds_of_pyproject():
    *entries, by_pip = CONDA["dependencies"]
    assert by_pip == {"pip": ["-e ."]}  # the kit itself, when conda has brought the rest
    assert [conda_bound(entry) for entry in entries] == [
        ("python", PROJECT["requires-python"]),
        ("pip", ""),
        *((CONDA_NAME.get(need.name, need.name), str(need.specifier)) for need in learners()),
    ]


@pytest.mark.parametrize("entry", [
    "jupyterlab~=4.2", "jupyterlab >=4.2", "jupyterlab=4.2", "jupyterlab>=4.2;python<3.11",
    "jupyterlab[all]", "jupyterlab>=4.2,<5", "Jupyterlab", ">=4.2", "jupyterlab>=", ""])
def test_an_entry_in_pips_way_or_in_a_form_unknown_here_is_refused(entry):
    with pytest.raises(ValueError, match="neither"):
        conda_bound(entry)


def test_conda_gets_everything_from_conda_forge():
    assert CONDA["channels"] == ["conda-forge", "nodefaults"]


def test_every_dependency_has_a_lower_bound_and_no_upper_one():
    for need in all_needs():
        assert re.fullmatch(r">=[\d.]+", str(need.specifier)), need


def test_a_learner_need_not_install_what_only_tests_import():
    tools = {canonicalize_name(Requirement(line).name)
             for line in PROJECT["optional-dependencies"]["test"]}
    assert {"nbgrader", "nbval", "playwright", "pytest", "ruff"} <= tools
    assert not tools & {need.name for need in learners()}


def test_the_workflow_runs_make_test_on_both_systems_and_every_python():
    make = WORKFLOW["jobs"]["make"]
    assert make["strategy"]["matrix"] == {
        "os": ["ubuntu-latest", "macos-latest"], "python": PYTHONS}
    assert make["steps"][-1] == {"run": "make test"}
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


def test_the_workflow_runs_the_tests_with_the_newest_versions_and_with_conda():
    assert WORKFLOW["jobs"]["newest"]["steps"][-1] == {"run": "make test NEWEST=1"}
    steps = WORKFLOW["jobs"]["conda"]["steps"]
    assert "environment.yml" in [step.get("with", {}).get("environment-file") for step in steps]
    assert [step["run"] for step in steps[-2:]] == [
        'python -m pip install --editable ".[site,test]"', "python -m pytest"]


def test_each_week_all_is_made_tested_and_published_and_the_hub_tried():
    weekly = yaml.safe_load((ROOT / ".github/workflows/weekly.yml").read_text(encoding="utf-8"))
    made, published, hub = [weekly["jobs"][name] for name in ("make", "publish", "hub")]
    assert [step["run"] for step in made["steps"] if "run" in step][1:] == [
        "make slides book", "make site",
        'make test ARGS="--numprocesses=0 tests/test_site.py tests/test_paper.py"']
    assert made["env"]["KIT_PAPER"] == "all" and made["env"]["KIT_SITE"]
    assert published["needs"] == "make"
    assert hub["steps"][-1]["run"].startswith("sudo make class-test ")
    assert {"push", "schedule"} < set(weekly[True])  # YAML 1.1 takes "on" for yes


def test_the_proxy_of_the_hub_is_locked_with_no_address_of_an_index():
    wanted, lock = [json.loads((ROOT / "classroom" / name).read_text(encoding="utf-8"))
                    for name in ("package.json", "package-lock.json")]
    assert lock["packages"][""]["dependencies"] == wanted["dependencies"]
    assert all("resolved" not in each for each in lock["packages"].values())
    for name, version in wanted["dependencies"].items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version


# ---------------------------------------------------------------- the lock

LOCKED = re.compile(r"([a-z0-9-]+)==([\w.!+]+)(?: ; (.+))?")
SYSTEMS = {"linux": "Linux", "darwin": "Darwin"}


def locked(python, system):
    """{name: [Requirement, ...]} of what the lock has for a Python, as "3.10.4", on a system."""
    found = {}
    about = {"python_full_version": python, "python_version": python.rpartition(".")[0],
             "sys_platform": system, "platform_system": SYSTEMS[system], "os_name": "posix",
             "implementation_name": "cpython", "platform_python_implementation": "CPython"}
    for line in LOCK.splitlines():
        need = None if line.lstrip().startswith("#") else Requirement(line)
        if need and (need.marker is None or need.marker.evaluate(about)):
            found.setdefault(need.name, []).append(need)
    return found


def test_the_lock_has_exact_versions_and_no_address_of_an_index():
    lines = [line for line in LOCK.splitlines() if not line.startswith("#")]
    assert lines and [line for line in lines if not LOCKED.fullmatch(line)] == []
    assert "://" not in LOCK


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", [f"{each}.{micro}" for each in PYTHONS for micro in (0, 9)])
def test_the_lock_has_one_version_of_each_dependency_on_every_python_and_system(python, system):
    versions = locked(python, system)
    assert [name for name, several in versions.items() if len(several) > 1] == []
    for need in all_needs():
        assert need.name in versions, f"{need.name}: run `make lock`"
        [pin] = versions[need.name]
        assert next(iter(pin.specifier)).version in need.specifier, f"{need}: run `make lock`"


def test_what_make_has_installed_is_what_is_locked():
    ready = Path(sys.prefix, "ready[site,test]")
    if not ready.is_file() or "newest" in ready.read_text(encoding="utf-8").split():
        pytest.skip("this Python is not the one of .venv, or has the newest versions")
    versions = locked(".".join(map(str, sys.version_info[:3])), sys.platform)
    pins = {f"{pin}".partition(";")[0].strip() for each in versions.values() for pin in each}
    installed = {f"{canonicalize_name(each.name)}=={each.version}"
                 for each in importlib.metadata.distributions(path=[sysconfig.get_path("purelib")])
                 if each.name not in (PROJECT["name"], "pip", "setuptools")}
    assert sorted(installed - pins) == []


# ---------------------------------------------------------------- what pip installs without a clone

# Of no use to a learner: the tests' part, and what Python and Jupyter leave behind.
NOT_INSTALLED = ("conftest.py", "__pycache__", ".ipynb_checkpoints")
WITHOUT_A_CLONE = """
from pathlib import Path
from pipe_helpers import predict
from pipe_helpers.chapters import command, copy
predict("03_open", 1)
print(command.CONFIGURATION.is_file(), copy.place() == Path.home() / "named-pipes")
command.main(["copy"])
"""


def build(source, into, target):
    """Build the sdist or the wheel by the installed hatchling, which needs no network."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "--target", target, "--directory",
                    into], cwd=source, check=True, capture_output=True, timeout=60)
    [made] = into.iterdir()
    return made


def files(folder, *unwanted):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and not set(path.relative_to(folder).parts) & set(unwanted)}


def test_the_wheel_has_the_notebooks_and_gives_the_copy_that_the_clone_gives(tmp_path):
    clone = tmp_path / "clone"
    for name in ("notebooks", "pipe_helpers"):
        shutil.copytree(ROOT / name, clone / name)
    for name in (".gitignore", "LICENSE", "pyproject.toml"):
        shutil.copy(ROOT / name, clone)
    left = clone / "notebooks" / ".ipynb_checkpoints" / "03_open-checkpoint.ipynb"
    left.parent.mkdir(exist_ok=True)
    left.touch()
    wheel = build(clone, tmp_path / "made", "wheel")
    shutil.unpack_archive(build(clone, tmp_path / "source", "sdist"), tmp_path / "unpacked")
    [unpacked] = (tmp_path / "unpacked").iterdir()
    assert build(unpacked, tmp_path / "remade", "wheel").read_bytes() == wheel.read_bytes()

    site = tmp_path / "a venv" / "site-packages"
    shutil.unpack_archive(wheel, site, "zip")
    assert sorted(path.name for path in site.iterdir()) == [
        f"named_pipes_kit-{PROJECT['version']}.dist-info", "pipe_helpers"]
    installed = files(site / "pipe_helpers", "notebooks")
    assert installed == files(clone / "pipe_helpers", *NOT_INSTALLED)
    assert files(site / "pipe_helpers" / "notebooks") == files(clone / "notebooks", *NOT_INSTALLED)

    home = tmp_path / "a home"
    home.mkdir()
    run = subprocess.run(
        [sys.executable, "-B", "-c", WITHOUT_A_CLONE], cwd=home, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(site), "HOME": str(home)}, timeout=60)
    assert run.returncode == 0, run.stderr
    assert "True True\nYour chapters: " in run.stdout
    copy.renew(tmp_path / "work")
    assert files(home) == {f"named-pipes/{name}": text
                           for name, text in files(tmp_path / "work").items()}


def test_on_windows_the_first_import_says_what_to_do():
    code = "import sys; sys.platform = 'win32'; import pipe_helpers"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "wsl --install" in run.stderr.splitlines()[-1]


# ---------------------------------------------------------------- what lies at top level


def test_nothing_stray_lies_at_top_level():
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode == 0:
        names = {path.split("/")[0] for path in listing.stdout.split("\0") if path}
    else:  # an unpacked archive has no git: look at the folder, less what .gitignore names
        ignored = {".venv", ".pytest_cache", ".hypothesis", ".ruff_cache", "__pycache__",
                   ".ipynb_checkpoints", "work"}
        names = {path.name for path in ROOT.iterdir()} - ignored
    assert names == TOP_LEVEL


def test_the_license_covers_the_code_and_the_text():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "BSD 3-Clause License" in text and "CC BY 4.0" in text
    assert PROJECT["license"] == "BSD-3-Clause AND CC-BY-4.0"


def test_the_citation_and_the_changelog_are_of_this_version():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    [version, date] = re.search(r"^## (\S+), (\d{4}-\d\d-\d\d)$", changes, re.MULTILINE).groups()
    assert version == str(CITATION["version"]) == PROJECT["version"]
    assert date == str(CITATION["date-released"])


def test_the_citation_has_the_form_of_cff_1_2():
    assert CITATION["cff-version"] == "1.2.0" and CITATION["type"] == "software"
    assert CITATION["message"] and CITATION["title"] and CITATION["abstract"]
    assert CITATION["authors"] and all(list(each) == ["name"] for each in CITATION["authors"])
    assert set(CITATION) <= {"cff-version", "message", "type", "title", "abstract", "authors",
                             "version", "date-released", "license", "keywords"}


def test_the_authors_guide_names_every_file_of_tests_and_every_variable_of_the_kit():
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = {path.name for path in (ROOT / "tests").glob("test_*.py")}
    assert set(re.findall(r"^\| `(test_\w+\.py)` \|", guide, re.MULTILINE)) == files
    code = [path for folder in ("notebooks", "pipe_helpers", "tests")
            for path in (ROOT / folder).rglob("*.py")] + [ROOT / "Makefile", ROOT / ".ci/run"]
    read = {name for path in code
            for name in re.findall(r"\bKIT_[A-Z]+(?:_[A-Z]+)*\b", path.read_text("utf-8"))}
    assert set(re.findall(r"^\| `(KIT_\w+)` \|", guide, re.MULTILINE)) == read


def test_ruff_finds_nothing():
    run = subprocess.run([sys.executable, "-m", "ruff", "check", "--no-cache", "--quiet", "."],
                         cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr


def make_targets():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE).group(1).split())


@pytest.mark.parametrize("name, some", [
    ("README.md", {"lab", "test", "hub"}), ("CONTRIBUTING.md", {"lab", "test", "class-test"}),
    ("classroom/README.md", {"hub", "class-test"})])
def test_every_make_command_that_a_text_names_exists(name, some):
    text = (ROOT / name).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^\s*|`)make ([a-z-]+)", text, re.MULTILINE))
    assert some <= named <= make_targets()


def test_make_help_lists_every_target_a_person_would_call():
    shown = run_make("help", cwd=ROOT).stdout
    named = set(re.findall(r"^make ([a-z-]+)", shown, re.MULTILINE))
    assert named == make_targets() - {"help", "setup"}


def run_make(*arguments, cwd, **environment):
    # Under `make test` this make would take over the outer one's arguments.
    inherited = {key: os.environ[key] for key in os.environ if not key.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments],
        cwd=cwd,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


SET_UP = ("Makefile", "pyproject.toml", "requirements.lock")


@pytest.fixture
def bare_clone(tmp_path):
    """A folder with a space in its name that holds what `make setup` reads, and no .venv."""
    folder = tmp_path / "new clone"
    (folder / "pipe_helpers" / "chapters").mkdir(parents=True)
    (folder / "pipe_helpers" / "__init__.py").touch()
    (folder / "pipe_helpers" / "chapters" / "__main__.py").touch()
    for name in SET_UP:
        (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def one_line(run):
    """Return the only line on stderr, less what make itself adds."""
    lines = [line for line in run.stderr.splitlines() if not re.match(r"g?make(\[\d\])?: ", line)]
    assert run.returncode != 0 and len(lines) == 1, run.stderr
    return lines[0]


def test_an_old_python_is_refused_in_one_line(bare_clone, tmp_path):
    old = tmp_path / "old python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    line = one_line(run_make("setup", f"PYTHON={old}", cwd=bare_clone))
    assert "3.10" in line and str(old) in line and "PYTHON=" in line
    assert not (bare_clone / ".venv").exists()


def test_a_python_without_venv_is_refused_in_one_line(bare_clone, tmp_path):
    stripped = tmp_path / "stripped"  # as on Debian without python3-venv
    stripped.write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1; esac\n')
    stripped.chmod(0o755)
    line = one_line(run_make("lab", f"PYTHON={stripped}", cwd=bare_clone))
    assert "apt install python3-venv" in line
    assert not (bare_clone / ".venv").exists()


def test_windows_without_wsl_is_refused_in_one_line(bare_clone):
    assert "wsl --install" in one_line(run_make("lab", cwd=bare_clone, OS="Windows_NT"))
    path = f"{bare_clone}:{os.environ['PATH']}"
    uname = bare_clone / "uname"
    for system in ("MINGW64_NT-10.0", "MSYS_NT-10.0", "CYGWIN_NT-10.0"):
        uname.write_text(f"#!/bin/sh\necho {system}\n")
        uname.chmod(0o755)
        assert "wsl --install" in one_line(run_make("lab", cwd=bare_clone, PATH=path))


def test_an_install_that_fails_leaves_no_environment(bare_clone):
    run = run_make(
        "setup",
        f"PYTHON={sys.executable}",
        "UV=",
        cwd=bare_clone,
        PIP_CONFIG_FILE="/dev/null",
        PIP_NO_INDEX="1",  # as without a network
    )
    assert run.returncode != 0
    assert "pip could not install" in run.stderr
    assert not (bare_clone / ".venv").exists()


# ---------------------------------------------------------------- set-up in two parts

# In uv's place and in pip's: notes how it was called, and installs what make looks at.
INSTALLER = """#!/bin/sh
echo "$*" >>"$NOTES/calls"
echo "$PIP_CONSTRAINT $PIP_BUILD_CONSTRAINT $UV_CONSTRAINT $UV_BUILD_CONSTRAINT" >>"$NOTES/locks"
clone=$(pwd -P)
cd .venv/lib/python*/site-packages || exit
case $FAULT in
no\\ network) exit 1;;
full\\ disk) mkdir half_a_package; exit 1;;
long) mkdir half_a_package; : >"$NOTES/begun"; exec sleep 60;;
esac
echo "$clone" >kit.pth
touch pytest.py
"""
# A .venv is made in a moment if it needs no pip.
PYTHON = """#!/bin/sh
[ "$1 $2" = "-m venv" ] || exec "{python}" "$@"
"{python}" -m venv --without-pip "$3" && cp "{tools}/pip.py" "$3"/lib/python*/site-packages
"""
PIP = 'import os, sys\nos.execvp("installer", ["installer", "pip", *sys.argv[1:]])\n'
UV = '#!/bin/sh\nexec installer uv "$@"\n'
RM = """#!/bin/sh
[ "$FAULT" != "another user's" ] || { echo 'rm: Permission denied' >&2; exit 1; }
PATH=${PATH#*:}
exec rm "$@"
"""


class Clone:
    """A bare clone and what stands for Python, uv and pip: make(), and what was installed."""

    def __init__(self, folder, tools, options=()):
        self.folder, self.notes, self.options = folder, tools, options
        texts = {"installer": INSTALLER, "uv": UV, "pip.py": PIP, "rm": RM,
                 "python": PYTHON.format(python=sys.executable, tools=tools)}
        for name, text in texts.items():
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)

    def words(self, *arguments):
        return [*arguments, f"PYTHON={self.notes / 'python'}", *self.options]

    def environment(self, fault=""):
        return {"PATH": f"{self.notes}:{os.environ['PATH']}", "NOTES": str(self.notes),
                "FAULT": fault, "HOME": str(self.notes)}

    def make(self, *arguments, fault=""):
        """Return what the installer was called with meanwhile, and the run of make."""
        before = self.noted("calls")
        run = run_make(*self.words(*arguments), cwd=self.folder, **self.environment(fault))
        return self.noted("calls")[len(before):], run

    def made(self, *arguments):
        """As make, when it must succeed: what of the kit was installed, each time."""
        calls, run = self.make(*arguments)
        assert run.returncode == 0, run.stdout + run.stderr
        return [call.split()[-1] for call in calls]

    def noted(self, what):
        path = self.notes / what
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture(params=["uv", "pip"])
def clone(bare_clone, tmp_path, request):
    (tmp_path / "tools").mkdir()
    return Clone(bare_clone, tmp_path / "tools", ["UV="] if request.param == "pip" else [])


@pytest.fixture
def with_uv(bare_clone, tmp_path):
    (tmp_path / "tools").mkdir()
    return Clone(bare_clone, tmp_path / "tools")


def test_uv_installs_where_it_is_and_pip_elsewhere(clone):
    [call], run = clone.make("lab")
    assert run.returncode == 0, run.stderr
    assert call.split()[0] == ("pip" if clone.options else "uv")
    assert call.endswith(" --editable .")


def test_lab_installs_the_learners_part_and_test_adds_the_rest_once(clone):
    assert clone.made("lab") == ["."]
    (clone.folder / ".venv" / "kept").touch()
    assert clone.made("test") == [".[site,test]"]
    assert clone.made("test") == clone.made("lab") == clone.made("lab") == []
    assert (clone.folder / ".venv" / "kept").exists()


@pytest.mark.parametrize("target", ["test", "notebooks", "screenshot", "bench", "soak"])
def test_what_authors_call_installs_everything_at_once(with_uv, target):
    calls, _ = with_uv.make(target)
    assert [call.split()[-1] for call in calls] == [".[site,test]"]
    assert with_uv.made("lab") == []


def test_the_versions_are_those_of_the_lock_unless_the_newest_are_wanted(clone):
    clone.made("lab")
    assert clone.made("test", "NEWEST=1") == [".[site,test]"]
    assert clone.noted("locks") == [" ".join(["requirements.lock"] * 4), " " * 3]
    assert clone.made("test", "NEWEST=1") == []
    assert clone.made("lab") == ["."]  # back to the lock


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements.lock"])
def test_set_up_is_redone_when_a_file_that_it_follows_has_changed(with_uv, name):
    with_uv.made("lab")
    (with_uv.folder / ".venv" / "old").touch()
    with open(with_uv.folder / name, "a") as file:
        file.write("\n# changed\n")
    assert with_uv.made("lab") == ["."]
    assert not (with_uv.folder / ".venv" / "old").exists()


def test_set_up_is_redone_when_the_clone_has_moved_or_python_does_not_find_it(with_uv):
    with_uv.made("lab")
    with_uv.folder = with_uv.folder.rename(with_uv.folder.with_name("moved clone"))
    assert with_uv.made("lab") == ["."]
    [pth] = with_uv.folder.glob(".venv/lib/python*/site-packages/kit.pth")
    assert pth.read_text() == "../../../..\n"  # and so a path that is not ASCII does no harm
    pth.unlink()
    assert with_uv.made("lab") == ["."]


@pytest.mark.parametrize("fault", ["no network", "full disk"])
def test_a_set_up_that_fails_is_told_in_one_line_and_leaves_no_environment(clone, fault):
    _, run = clone.make("lab", fault=fault)
    line = one_line(run)
    assert "could not install what the kit needs" in line and "network" in line
    assert not (clone.folder / ".venv").exists()


def test_without_a_network_make_test_leaves_the_learners_part_ready(clone):
    clone.made("lab")
    _, run = clone.make("test", fault="no network")
    assert "could not install what the kit needs" in one_line(run)
    assert clone.made("lab") == []
    assert clone.made("test") == [".[site,test]"]


def test_another_users_environment_is_left_alone_and_that_is_told_in_one_line(with_uv):
    with_uv.made("lab")
    calls, run = with_uv.make("test", fault="another user's")
    assert calls == [] and "another user's" in one_line(run)
    assert with_uv.made("lab") == []


def test_half_of_the_tests_part_does_not_count_as_ready(clone):
    clone.made("lab")
    assert clone.make("test", fault="full disk")[1].returncode != 0
    assert clone.made("test") == [".[site,test]"]
    assert not list(clone.folder.glob(".venv/lib/python*/site-packages/half_a_package"))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("before", ["nothing", "the learners' part"])
def test_an_interrupted_set_up_does_not_count_as_ready(with_uv, name, before):
    if before != "nothing":
        with_uv.made("lab")
    inherited = {key: os.environ[key] for key in os.environ if not key.startswith("MAKE")}
    make = subprocess.Popen(
        ["make", *with_uv.words("test")], cwd=with_uv.folder, start_new_session=True,
        env=inherited | with_uv.environment("long"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        wait_until((with_uv.notes / "begun").exists, "the installation has begun", seconds=30)
        os.killpg(make.pid, getattr(signal, name))
        assert make.wait(timeout=30) != 0
        wait_until(lambda: not group_lives(make.pid), "the end of all its processes")
    finally:
        if group_lives(make.pid):
            os.killpg(make.pid, signal.SIGKILL)
    if before == "nothing" and name != "SIGKILL":
        assert not (with_uv.folder / ".venv").exists()
    assert with_uv.made("test") == [".[site,test]"]
    assert not list(with_uv.folder.glob(".venv/lib/python*/site-packages/half_a_package"))


def group_lives(pid):
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_lock_is_made_by_uv_for_every_python_and_without_uv_the_way_is_told(with_uv):
    with_uv.made("lab")
    calls, run = with_uv.make("lock")
    assert run.returncode == 0 and len(calls) == 1 and calls[0].startswith("uv pip compile ")
    assert {"--universal", "--all-extras", "--upgrade"} <= set(calls[0].split())
    assert f"--python-version {PYTHONS[0]} " in calls[0]
    _, run = with_uv.make("lock", "UV=no-such-uv")
    assert "pip install uv" in one_line(run)
