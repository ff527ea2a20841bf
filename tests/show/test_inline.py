"""Figures show themselves in IPython, whatever it knew of figures before."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from matplotlib.figure import Figure

from xnorsim.show.inline import teach_shell

formatters = pytest.importorskip("IPython.core.formatters")


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The formatter of pictures of a shell that has never seen pyplot."""
    png = formatters.PNGFormatter()
    display = SimpleNamespace(formatters={"image/png": png})
    shell = SimpleNamespace(display_formatter=display)
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: shell)
    return png


def test_a_figure_is_a_picture(pictures: Any) -> None:
    assert pictures(Figure()) is None
    teach_shell()
    teach_shell()  # a second time changes nothing
    assert pictures(Figure(figsize=(1, 1))).startswith(b"\x89PNG")


def test_what_the_shell_does_already_stays(pictures: Any) -> None:
    pictures.for_type(Figure, lambda figure: b"by pyplot")
    teach_shell()
    assert pictures(Figure()) == b"by pyplot"


def test_nothing_happens_without_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: None)
    teach_shell()
    monkeypatch.delitem(sys.modules, "IPython")
    teach_shell()
    assert "IPython" not in sys.modules
