"""Where the notebooks are: beside this package in a clone, within it where pip put a wheel."""
import pathlib

PACKAGE = pathlib.Path(__file__).resolve().parent
# The folder that has notebooks/.
KIT = PACKAGE if (PACKAGE / "notebooks").is_dir() else PACKAGE.parent
NOTEBOOKS = KIT / "notebooks"
INCOMPLETE = ("a part of the kit is missing: clone it again, or, without a clone,"
              " `pip install --force-reinstall named-pipes-kit`")
