"""Every kind of layer has every rule; what is missing is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from xnorsim.errors import XnorsimError
from xnorsim.exact import reference
from xnorsim.network import ops
from xnorsim.network.shapes import output_specs
from xnorsim.work.counts import count

RULES: dict[str, Any] = {
    "shapes.output_specs": output_specs,
    "counts.count": count,
    "reference.run": reference.run,
}


def missing(function: Any) -> list[str]:
    """The kinds for which `function` would fall back to its default."""
    default: Callable[..., Any] = function.dispatch(object)
    return [kind.__name__ for kind in ops.KINDS if function.dispatch(kind) is default]


@pytest.mark.parametrize("name", RULES)
def test_every_kind_has_a_rule(name: str) -> None:
    assert not missing(RULES[name]), f"{name} has no rule for {missing(RULES[name])}"


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_for_a_kind(name: str) -> None:
    strays = set(RULES[name].registry) - {object, *ops.KINDS}
    assert not strays


@pytest.mark.parametrize("name", RULES)
def test_the_default_raises(name: str) -> None:
    with pytest.raises(XnorsimError, match=rf"{name.rpartition('.')[2]}.*NoLayer"):
        RULES[name](type("NoLayer", (), {})(), None)
