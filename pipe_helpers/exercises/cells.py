"""What the notebook's cells say of a function: whether it is what the learner takes it for."""
import ast
import difflib
import inspect
import re
import sys
import textwrap
import warnings

_FUNCTIONS = ast.FunctionDef, ast.AsyncFunctionDef
_ALIKE = 0.8  # of difflib's ratio, from which on a name is another one misspelt


def not_the_newest(fn, name):
    """A sentence if a cell was run since that should have made another function of fn, or None.

    name: that of the exercise. Where there is no IPython, or fn is from no cell, always None.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    made = _made_by(fn)
    if shell is None or made is None:
        return None
    newer = []  # of each newer cell the functions that it defines
    for raw in reversed(shell.history_manager.input_hist_raw):
        if "def" not in raw:
            continue
        functions = _functions_in(raw, shell)
        if functions is None and re.search(rf"^[ \t]*(async +)?def +{name}\b", raw, re.M):
            return (f"This is the function as it was before: the cell with `def {name}` was run "
                    "again and failed (SyntaxError). Mend that first.")
        if made == (functions or {}).get(name):
            return _renamed(fn, name, newer, shell)
        if name in (functions or {}) and shell.user_ns.get(name) is fn:
            return (f"This is the function as it was before: a newer cell with `def {name}` has "
                    "not changed it. Did that cell end with an error? Mend that first.")
        newer += functions or {}
    return None


def _made_by(fn):
    """The statement that has defined fn, in a form that can be compared, or None."""
    try:
        node = ast.parse(textwrap.dedent(inspect.getsource(fn))).body[0]
        return ast.dump(node) if isinstance(node, _FUNCTIONS) else None
    except Exception:  # no source, or that of a lambda; an attribute may be code, too
        return None


def _functions_in(raw, shell):
    """{name: statement} of what a cell defines, or None if it can't be run at all."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = shell.transform_cell(raw)
            compile(code, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    return {node.name: ast.dump(node) for node in ast.walk(ast.parse(code))
            if isinstance(node, _FUNCTIONS)}


def _renamed(fn, name, newer, shell):
    """A sentence if a newer cell defines what looks like the same function under another name."""
    used = getattr(getattr(fn, "__code__", None), "co_names", ())
    for other in difflib.get_close_matches(name, newer, 1, _ALIKE):
        if other not in used and callable(shell.user_ns.get(other)):
            return (f"A newer cell defines `{other}`, and the check has tried `{name}`, which is "
                    f"older. If you mean the newer one, call it `{name}`.")
    return None
