"""Reports as one HTML page: summary, layers, figures, and the sources of every number."""

from xnorsim.show.page.rendering import check_extra, page

__all__ = ["check_extra", "page"]
