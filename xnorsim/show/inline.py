"""Figures show themselves where a cell ends with one, without `%matplotlib inline` before.

IPython learns to draw a figure when pyplot is loaded, and nothing here loads it.
"""

from __future__ import annotations

import io
import sys
from typing import Any

_FIGURE = "matplotlib.figure", "Figure"


def teach_shell() -> None:
    """Let the IPython around us, if there is one, draw figures; a way it already has stays."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        return
    pictures = shell.display_formatter.formatters["image/png"]
    try:
        pictures.lookup_by_type(".".join(_FIGURE))
    except KeyError:
        pictures.for_type_by_name(*_FIGURE, _png)


def _png(figure: Any) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi="figure")
    return picture.getvalue()
