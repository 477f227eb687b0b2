"""What the website's pages have besides what MyST-NB makes of a notebook, as a Sphinx extension."""
import json
import re
import shutil
from pathlib import Path

import stored
from docutils import nodes
from sphinx.transforms import SphinxTransform

README = stored.ROOT / "README.md"


def slug(heading):
    """Return a heading's anchor as JupyterLab names it, which links in the notebooks use."""
    return heading.replace(" ", "-")


def bring_notebooks(app):
    """Copy the notebooks to where Sphinx looks: it wants all pages below one folder."""
    target = app.srcdir / "notebooks"
    shutil.rmtree(target, ignore_errors=True)
    # With their times: what has not changed is not read anew.
    shutil.copytree(stored.NOTEBOOKS, target, ignore=shutil.ignore_patterns(".*", "*.py"))


def with_readme(text, repository):
    """Fill the first page's lines `README: heading` with that section, MORE with a list of pages.

    (The directive include would take the links for links from README.md's own place.)
    """
    readme = README.read_text(encoding="utf-8")
    # What is not on the website is only named, and pictures from elsewhere are only told.
    readme = re.sub(r"!\[([^]]*)\]\(https:[^)]+\)", r"\1", readme)
    readme = re.sub(r"\[([^]]+)\]\((?!notebooks/|https:)[^)]+\)", r"\1", readme)
    if not repository:  # then nobody knows where a link to Binder leads
        readme = re.sub(r"^.*OWNER/NAME.*\n", "", readme, flags=re.MULTILINE)
    sections = dict(re.findall(r"^#+ (.+)\n(?s:(.+?))(?=^#|\Z)", readme, re.MULTILINE))
    text = re.sub(r"^README: (.+)$", lambda found: sections[found[1]], text, flags=re.MULTILINE)
    more = re.findall(r"\((notebooks/more/\w+)\.ipynb\)", readme)  # in the order of the book
    return text.replace("MORE", "\n".join(more)).replace("OWNER/NAME", repository)


def with_made(text, build):
    """Turn the first page's lines `MADE: file words` into links to slides and book, once made."""
    def link(found):
        return f'- <a href="{found[1]}">{found[2]}</a>' if (build / found[1]).exists() else ""

    return re.sub("^MADE: (.+?) (.+)$", link, text, flags=re.MULTILINE)


def beside(app, page, template, context, doctree):
    """Tell the template of a chapter, or of its page for teachers, what else there is of it."""
    chapter = Path(page).name
    slides = f"slides/{chapter}.html"
    if (app.srcdir / "build" / slides).exists():
        context["slides"] = "../" * page.count("/") + slides
    teaching = f"notebooks/teaching/{chapter}"
    if page != teaching and teaching in app.env.found_docs:
        context["teaching"] = teaching


def bring_made(app, error):
    """Copy slides and book, once made, to the website."""
    for name in ("slides", "book"):
        if (app.srcdir / "build" / name).exists():
            shutil.rmtree(app.outdir / name, ignore_errors=True)
            shutil.copytree(app.srcdir / "build" / name, app.outdir / name)
    index = app.outdir / "slides" / "index.html"
    if index.exists():  # only here there is a website to go back to
        back = '</ol>\n<p><a href="../index.html">To the website</a></p>'
        index.write_text(index.read_text(encoding="utf-8").replace("</ol>", back), encoding="utf-8")


def prepare(app, page, source):
    """Give a notebook's stored outputs the form that suits a page, before it is read."""
    if page == app.config.root_doc:
        app.env.note_reread()  # the README may have changed, and what has been made
        text = with_readme(source[0], app.config.html_context["repository"])
        source[0] = with_made(text, app.srcdir / "build")
    if page.startswith(("notebooks/solutions/", "notebooks/teaching/")):
        app.env.metadata[page]["nosearch"] = True  # they would come before the chapter itself
    if Path(app.env.doc2path(page)).suffix != ".ipynb":
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        if "question" in cell["metadata"].get("tags", []):
            cell["metadata"]["tags"].append("remove-input")  # the call that asks it
        for output in cell.get("outputs", []):
            html = "".join(output.get("data", {}).get("text/html", ""))
            if stored.ENDED in html:
                output["data"] = {"text/html": stored.STILL}
            elif html:
                output["data"]["text/html"] = re.sub(r'(href="[^":]+)\.ipynb', r"\1.html", html)
            about = output.get("metadata", {}).get("image/png", {})
            if "alt" in about:  # width and height MyST-NB takes from there, but not this
                cell["metadata"]["mystnb"] = {"image": {"alt": about["alt"]}}
    source[0] = json.dumps(notebook)


class Anchors(SphinxTransform):
    """Put the anchor cell-id=ID before each cell, to which links in the notebooks lead."""

    default_priority = 800  # before MyST-Parser follows the links within a page (879)

    def apply(self):
        path = Path(self.env.doc2path(self.env.docname))
        if path.suffix != ".ipynb":
            return
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        names = {number: f"cell-id={cell['id']}" for number, cell in enumerate(cells, 1)}
        for node in list(self.document.findall(nodes.Element)):
            # MyST-NB counts lines from 10,000 times the number of the cell.
            name = names.pop((node.line or 0) // 10_000, None)
            if name:
                node.parent.insert(node.parent.index(node), nodes.target(ids=[name]))
                self.document.myst_slugs[name] = (node.line, name, "")  # a link may lead here


def setup(app):
    app.connect("builder-inited", bring_notebooks)
    app.connect("source-read", prepare)
    app.connect("html-page-context", beside)
    app.connect("build-finished", bring_made)
    app.add_transform(Anchors)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
