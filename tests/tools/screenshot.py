"""Take pictures of the chapters as they run in JupyterLab.

    python tests/tools/screenshot.py                       the picture in README.md
    python tests/tools/screenshot.py --all FOLDER          every chapter, a window at a time
    python tests/tools/screenshot.py --all FOLDER --dark 03_open.ipynb      one chapter, dark theme

Needs Playwright and Chromium, as the browser tests do.
"""
import argparse
import sys

from lab_browser import ROOT, Lab, missing

PICTURE = ROOT / "notebooks" / "images" / "00_start_here.png"
LINE = "received a message => Hello from pid"


def take_picture(path):
    """Save the first chapter, after all its cells have run, around the line it works toward."""
    with Lab() as lab:
        lab.open()
        lab.collapse_sidebar()
        lab.run_all()
        lab.select(next(i for i, cell in enumerate(lab.cells()) if LINE in cell.output))
        path.parent.mkdir(exist_ok=True)
        lab.screenshot(path)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def take_all(folder, chapters, theme):
    """Run chapters and save them whole. Tells which cells show an error."""
    with Lab() as lab:
        lab.open()
        lab.theme(theme)  # first, because a diagram keeps the colours it was drawn in
        for chapter in chapters:
            lab.open(chapter)
            lab.collapse_sidebar()
            if any(cell.code for cell in lab.cells()):  # the glossary has none
                lab.run_all()
            paths = lab.screenshots(folder, f"{chapter.removesuffix('.ipynb')}_{theme}")
            errors = [cell.prompt for cell in lab.cells() if cell.error]
            print(f"{chapter}: {len(paths)} pictures; errors in {' '.join(errors) or 'no cell'}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--all", metavar="FOLDER", help="where the pictures go")
    arguments.add_argument("--dark", action="store_true", help="in the dark theme")
    arguments.add_argument("chapters", nargs="*", help="names in notebooks/ (all)")
    given = arguments.parse_args()
    if reason := missing():
        sys.exit(reason)
    if given.all:
        chapters = given.chapters or sorted(path.name for path in ROOT.glob("notebooks/*.ipynb"))
        take_all(given.all, chapters, "dark" if given.dark else "light")
    else:
        take_picture(PICTURE)


if __name__ == "__main__":
    main()
