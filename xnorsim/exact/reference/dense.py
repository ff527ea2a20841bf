"""Matrix products: dense layers (binary, Binary-Weight, float, integer) and products of tensors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xnorsim.exact.call import Call, once, operands, optional
from xnorsim.exact.encodings import dtype_of
from xnorsim.exact.reference.convolution import arithmetic_of, centred, number_sums
from xnorsim.exact.reference.dispatch import run
from xnorsim.exact.reference.scaling import scaled
from xnorsim.exact.reference.windows import filter_matrix
from xnorsim.network import ops

__all__: list[str] = []

Array = np.ndarray


@run.register
def _(op: ops.Dense, call: Call) -> tuple[Array, ...]:
    """y = (alpha * (x W) [* alpha of each filter] [* K]) + beta * bias, in this order."""
    data, weight = operands(call, "input", "weight")
    if op.transpose_input:
        data = data.T
    arithmetic = arithmetic_of(call, data, weight, op.in_features)
    data = centred(call, "input", data, -2)
    weight = centred(call, "weight", weight, -2 if op.transpose_weight else -1)

    def filters() -> Array:
        by_filter = weight if op.transpose_weight else weight.T
        return filter_matrix(by_filter[:, :, None], 1, arithmetic)

    made = once(call, "filters", filters)
    rows = data.reshape(-1, op.in_features)
    columns = arithmetic.store(rows).astype(arithmetic.stored, copy=False)
    sums = np.empty((1, op.out_features, len(rows)), arithmetic.result)
    arithmetic.multiply(made, columns.T[None], op.in_features, sums, call.tile)
    return (_finished(sums[0].T, call, op).reshape(call.outputs[0].shape),)


def _finished(sums: Array, call: Call, op: ops.Dense) -> Array:
    """The sums (rows, filters) with Gemm's factors; a bias may be a matrix, and comes last."""
    kind = dtype_of(call.outputs[0].encoding)
    bias = optional(call, "bias")
    rest = {role: value for role, value in call.parameters.items() if role != "bias"}
    if np.issubdtype(kind, np.integer):
        result = sums if op.alpha == 1 else (op.alpha * sums).astype(sums.dtype)
    else:
        result = scaled(sums, replace(call, inputs=_rows(call, op), parameters=rest), op)
        if op.alpha != 1:
            result = result * result.dtype.type(op.alpha)
    if bias is not None:
        shaped = np.broadcast_to(bias, call.outputs[0].shape).reshape(result.shape)
        factor = result.dtype.type(op.beta)
        result = result + (shaped if op.beta == 1 else shaped * factor)
    return result.astype(kind, copy=False)


def _rows(call: Call, op: ops.Dense) -> tuple[Array, ...]:
    """The inputs as rows of features, as `scaled` wants those that K is made of."""
    return tuple(item.reshape(-1, op.in_features) for item in call.inputs)


@run.register
def _(op: ops.MatMul, call: Call) -> tuple[Array, ...]:
    left, right = operands(call, "left", "right")
    stored = number_sums(left, right).stored
    left, right = centred(call, "input", left, -2), centred(call, "weight", right, -1)
    product = np.asarray(
        np.matmul(left.astype(stored, copy=False), right.astype(stored, copy=False))
    )
    kind = dtype_of(call.outputs[0].encoding)
    if np.issubdtype(kind, np.integer):  # an accumulator wraps around, where a float would not
        product = product.astype(np.int64, copy=False)
    return (product.astype(kind, copy=False),)
