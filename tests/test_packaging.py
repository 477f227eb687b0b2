"""The set-up files agree with one another, and nothing stray lies at top level."""
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # comes with pytest there

from packaging.requirements import Requirement
from rattler import MatchSpec

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))

PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
TOP_LEVEL = {
    ".ci",
    ".github",
    ".gitignore",
    "LICENSE",
    "Makefile",
    "README.md",
    "environment.yml",
    "notebooks",
    "pipe_helpers",
    "pyproject.toml",
    "tests",
}
# Where conda-forge calls it otherwise. Its matplotlib brings a window toolkit as well.
PIP_ONLY = {"axe-playwright-python"}  # not on conda-forge
CONDA_NAME = {"matplotlib": "matplotlib-base", "playwright": "playwright-python"}


def conda_entries():
    return [entry for entry in CONDA["dependencies"] if isinstance(entry, str)]


def conda_by_pip():
    """Return what environment.yml has pip install."""
    [by_pip] = [entry for entry in CONDA["dependencies"] if not isinstance(entry, str)]
    assert list(by_pip) == ["pip"]
    return by_pip["pip"]


def conda_bounds():
    """Return {name: version bound} of environment.yml without what only conda lists."""
    specs = [MatchSpec(entry, strict=True) for entry in conda_entries()]
    return {spec.name.normalized: str(spec.version or "") for spec in specs}


def pip_bounds():
    """Return {conda's name: version bound} of every dependency in pyproject.toml."""
    extras = PROJECT.get("optional-dependencies", {})
    lines = PROJECT["dependencies"] + [line for extra in extras.values() for line in extra]
    needs = [Requirement(line) for line in lines]
    return {CONDA_NAME.get(need.name, need.name): str(need.specifier) for need in needs}


def test_environment_yml_and_pyproject_name_the_same_packages_and_bounds():
    conda = conda_bounds()
    assert conda.pop("python") == PROJECT["requires-python"]
    conda.pop("pip")
    by_pip = [Requirement(line) for line in conda_by_pip() if not line.startswith("-e")]
    assert {need.name for need in by_pip} == PIP_ONLY
    assert conda | {need.name: str(need.specifier) for need in by_pip} == pip_bounds()


def test_conda_gets_everything_from_conda_forge_and_the_kit_itself_by_pip():
    assert CONDA["channels"][0] == "conda-forge"
    assert set(CONDA["channels"]) <= {"conda-forge", "nodefaults"}
    assert conda_by_pip()[0] == "-e ."


@pytest.mark.parametrize("entry", conda_entries())
def test_an_entry_of_environment_yml_is_a_conda_match_spec(entry):
    spec = MatchSpec(entry, strict=True)
    assert entry.startswith(spec.name.normalized)


def test_the_match_spec_parser_refuses_pips_way_of_writing():
    with pytest.raises(Exception, match="(?i)version|spec|parse"):
        MatchSpec("jupyterlab~>4.2;python<3.11", strict=True)


def test_every_dependency_has_a_lower_bound_and_no_upper_one():
    for name, bound in pip_bounds().items():
        assert re.fullmatch(r">=[\d.]+", bound), f"{name}{bound}"


def test_the_workflow_runs_make_test_on_both_systems_and_every_python_and_once_with_conda():
    make, conda = WORKFLOW["jobs"]["make"], WORKFLOW["jobs"]["conda"]
    assert make["strategy"]["matrix"]["python"] == PYTHONS
    assert make["strategy"]["matrix"]["os"] == ["ubuntu-latest", "macos-latest"]
    assert make["steps"][-1] == {"run": "make test"}
    files = [step.get("with", {}).get("environment-file") for step in conda["steps"]]
    assert "environment.yml" in files
    assert conda["steps"][-1] == {"run": "python -m pytest"}
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


def test_nothing_stray_lies_at_top_level():
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode == 0:
        names = {path.split("/")[0] for path in listing.stdout.split("\0") if path}
    else:  # an unpacked archive has no git: look at the folder, less what .gitignore names
        ignored = {".venv", ".pytest_cache", ".hypothesis", "__pycache__", ".ipynb_checkpoints"}
        names = {path.name for path in ROOT.iterdir()} - ignored
    assert names == TOP_LEVEL


def test_the_license_covers_the_code_and_the_text():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "BSD 3-Clause License" in text and "CC BY 4.0" in text
    assert PROJECT["license"] == "BSD-3-Clause AND CC-BY-4.0"


def make_targets():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE).group(1).split())


def test_every_make_command_of_the_readme_exists():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^\s*|`)make ([a-z]+)", text, re.MULTILINE))
    assert {"lab", "test"} <= named
    assert named <= make_targets()


def test_make_help_lists_every_target_a_person_would_call():
    shown = run_make("help", cwd=ROOT).stdout
    named = set(re.findall(r"^make (\w+)", shown, re.MULTILINE))
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


@pytest.fixture
def bare_clone(tmp_path):
    """A folder with a space in its name that holds what `make setup` reads, and no .venv."""
    folder = tmp_path / "new clone"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml"):
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
        cwd=bare_clone,
        PIP_CONFIG_FILE="/dev/null",
        PIP_NO_INDEX="1",  # as without a network
    )
    assert run.returncode != 0
    assert "pip could not install" in run.stderr
    assert not (bare_clone / ".venv").exists()
