"""One layer run by the reference, its result's specs taken from the shape rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorsim.exact.call import Call
from xnorsim.exact.engines import engine
from xnorsim.exact.reference import run
from xnorsim.network import ops
from xnorsim.network.graph import TensorSpec
from xnorsim.network.precision import ENCODINGS
from xnorsim.network.shapes import output_specs

BLAS = engine("blas")


def f32(*values: Any) -> np.ndarray:
    return np.array(values, np.float32)


def spec_of(array: np.ndarray) -> TensorSpec:
    return TensorSpec(array.shape, ENCODINGS[array.dtype.name])


def results(op: ops.Op, *inputs: Any, **parameters: Any) -> tuple[np.ndarray, ...]:
    """All results of `op`; each is checked to be what the shape rules say."""
    arrays = tuple(np.asarray(item) for item in inputs)
    named = {role: np.asarray(item) for role, item in parameters.items()}
    specs = output_specs(
        op, *map(spec_of, arrays), **{role: spec_of(item) for role, item in named.items()}
    )
    found = run(op, Call(arrays, specs, BLAS, named))
    assert [spec_of(item) for item in found] == list(specs)
    return found


def result(op: ops.Op, *inputs: Any, **parameters: Any) -> np.ndarray:
    """The only result of `op`."""
    (found,) = results(op, *inputs, **parameters)
    return found
