"""Show a live widget, and a still output in its place once its kernel lives no more."""
from IPython.display import display

_VIEW = "application/vnd.jupyter.widget-view+json"
_ALIVE, _ENDED = "kit-alive", "kit-ended"
# A cell's outputs are siblings: the widget, the line, the still output. JupyterLab marks the view
# of a widget whose kernel has ended; on a page opened later there is a panel with an error.
_LIVING = f".jp-OutputArea-child:has(.{_ALIVE}:not(.jupyter-widgets-disconnected))"
_LINE = f".jp-OutputArea-child:has(.{_ENDED})"
_DEAD = f".jp-OutputArea-child:has(> .lm-Panel):has(+ * .{_ENDED}):not({_LIVING})"
_STYLE = (f"<style>{_LIVING} + {_LINE}, {_LIVING} + {_LINE} + .jp-OutputArea-child, {_DEAD}"
          " { display: none }</style>")


def show(live, still, ended="", about=None):
    """Show a live widget and a still output, of which JupyterLab lets one be seen.

    It is the widget as long as its kernel lives, also after the page was loaded again; the still
    output after a restart, and whenever the notebook is opened later. Both are seen where styles
    are dropped but widgets are drawn. GitHub, exported pages, and notebooks that JupyterLab does
    not trust, draw no widget: the still output stands there alone.

    live: a widget of ipywidgets. still: a dict of MIME types, as `display(still, raw=True)` takes
    it. ended: a line of HTML above the still output, such as what to do to have the widget back.
    about: the metadata of still, such as the size of a picture.

    Returns the still output's handle: .update(still, raw=True) renews it. Whoever shuts a kernel
    down and starts no other still sees the widget until the page is loaded again.
    """
    live.add_class(_ALIVE)
    # Without the text that stands for a widget: an untrusted notebook would show that.
    display({_VIEW: live._repr_mimebundle_()[_VIEW]}, raw=True)
    display({"text/html": f'{_STYLE}<div class="{_ENDED}">{ended}</div>'}, raw=True)
    return display(still, raw=True, metadata=about, display_id=True)
