"""How Sphinx makes the website: `make site`. No notebook is run, their stored outputs are shown."""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "Named pipes, live"
html_title = project
html_theme = "furo"
html_copy_source = True  # the button for the notebook downloads it
html_sourcelink_suffix = ""
html_show_copyright = False
html_static_path = ["static"]
html_css_files = ["site.css"]
highlight_language = "text"  # of a block in the text that names none
pygments_dark_style = "a11y-dark"
html_theme_options = {"top_of_page_buttons": []}
templates_path = ["templates"]
# GitHub's own variable, which says whose pages are made. Without it no page has a Binder button.
html_context = {"repository": os.environ.get("GITHUB_REPOSITORY", "")}

include_patterns = ["index.md", "notebooks/**.ipynb", "notebooks/teaching/*.md"]
extensions = ["myst_nb", "pages"]
nb_execution_mode = "off"
smartquotes = False  # they would stand in code, too
myst_heading_anchors = 4
myst_heading_slug_func = "pages.slug"
suppress_warnings = [
    "myst.header",  # a page may go from # to ###
    "toc.not_included",  # solutions: only links lead there
    "misc.highlighting_failure",  # a cell may hold a program in another language
]
