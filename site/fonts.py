"""reveal.js and the fonts of slides and book, which two installed packages bring."""
import re
import shutil
from pathlib import Path

import matplotlib
import sphinx_revealjs

HERE = Path(__file__).resolve().parent
REVEAL = Path(sphinx_revealjs.__file__).parent / "_static/revealjs/dist"
FOLDERS = [REVEAL / "theme/fonts/source-sans-pro", Path(matplotlib.get_data_path(), "fonts/ttf")]


def copy(out):
    """Copy fonts.css into a folder, and the files that it names into fonts/ there."""
    shutil.copy(HERE / "fonts.css", out)
    (out / "fonts").mkdir()
    for name in re.findall(r'"fonts/(.+?)"', (HERE / "fonts.css").read_text(encoding="utf-8")):
        for folder in FOLDERS:
            if (folder / name).exists():
                shutil.copy(folder / name, out / "fonts")
