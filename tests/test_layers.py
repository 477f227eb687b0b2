"""The packages of pipe_helpers are layers: each imports from those below it, never from above."""
import ast
from pathlib import Path

import pytest

HELPERS = Path(__file__).resolve().parent.parent / "pipe_helpers"
BELOW = {"keeping": set(), "programs": set(), "remembering": set(), "showing": set()}
BELOW["recording"] = {"keeping"}
BELOW["processes"] = {"keeping", "recording"}
for top in ("notebook", "lab", "exercises", "practising", "mechanisms"):
    BELOW[top] = {"keeping", "recording", "processes", "remembering", "showing"}
BELOW["chapters"] = set(BELOW)


def imported_packages(tree):
    """The packages of pipe_helpers that a module imports from, wherever in it that stands."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{each.name}" for each in node.names]
        if isinstance(node, ast.Import):
            names += [each.name for each in node.names]
    return {name.split(".")[1] for name in names if name.startswith("pipe_helpers.")}


def test_every_package_has_its_layer():
    packages = {path.parent.name for path in HELPERS.glob("*/__init__.py")}
    assert packages == set(BELOW)
    assert {path.name for path in HELPERS.glob("*.py")} == {"__init__.py", "kit.py", "lazy.py"}


@pytest.mark.parametrize(
    "path", sorted(HELPERS.glob("*/*.py")), ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_module_imports_from_its_own_package_and_from_layers_below(path):
    own = path.parent.name
    found = imported_packages(ast.parse(path.read_text(encoding="utf-8")))
    assert found <= {own, "kit", "lazy"} | BELOW[own]


def test_an_import_from_above_is_found():
    code = "def f():\n    from pipe_helpers.lab import page\nimport pipe_helpers.exercises\n"
    assert imported_packages(ast.parse(code)) == {"lab", "exercises"}
