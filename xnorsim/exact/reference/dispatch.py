"""`run`: what each layer kind means. The modules beside this one have the rules."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import TypeVar

import numpy as np

from xnorsim.errors import UnsupportedOpError, choices
from xnorsim.exact.call import Call
from xnorsim.network import ops

__all__ = ["chosen", "run"]

T = TypeVar("T")
Word = TypeVar("Word", bound=str)


@singledispatch
def run(op: ops.Op, call: Call) -> tuple[np.ndarray, ...]:
    """The results of `op` on the arrays of `call`, in the order of its outputs.

    Each result has the shape and the type of its spec in `call.outputs`. Floats are computed in
    float32 (float64 for float64; narrower floats are rounded at the end), in the order of
    operations that each rule states; binary and integer products are exact.

    Raises:
        InputError: what the layer reads cannot be: the message says what, and run_node's which.
        UnsupportedOpError: no rule for this kind.
    """
    raise UnsupportedOpError(f"reference.run has no rule for {type(op).__name__}")


@run.register
def _(op: ops.Unknown, call: Call) -> tuple[np.ndarray, ...]:
    raise UnsupportedOpError(
        f"{op.operator} (domain {op.domain or 'ai.onnx'}) is unknown: it can be passed over when "
        "counting, but not run"
    )


def chosen(table: Mapping[Word, T], word: Word, what: str) -> T:
    """What `table` has for a word of an op, which is the name of a `what`.

    Raises:
        UnsupportedOpError: nothing; the message has the words that there are.
    """
    if word not in table:
        raise UnsupportedOpError(f"no {what} '{word}': {choices(word, table)}")
    return table[word]
