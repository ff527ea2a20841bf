"""Float layers of a plan: convolutions and matrix products."""

from __future__ import annotations

from functools import partial
from math import prod

import numpy as np

from xnorsim.exact.native.conversions import need
from xnorsim.exact.native.draft import Bound, Draft, Step, ending
from xnorsim.exact.native.layout import Arrays, Form, Held, floats_of, held, matrix
from xnorsim.kernels.buffers import aligned
from xnorsim.kernels.direct import LONGEST, direct_convolution, direct_product
from xnorsim.kernels.floats import convolution
from xnorsim.kernels.minimal import columns, minimal_convolution, pays
from xnorsim.kernels.program import Command, bands_command, lines_command
from xnorsim.network import ops
from xnorsim.network.graph import Node, by_role, scheme
from xnorsim.network.precision import BIPOLAR, FLOAT32

__all__ = ["planned_conv", "planned_dense"]

Array = np.ndarray
Norm = tuple[Array, Array] | None
OWN = "FMA of xnorsim"


def planned_conv(draft: Draft, node: Node, op: ops.Conv) -> bool:
    """A convolution of float images by float weights or by +-1; False if it is none of these."""
    plain, roles = by_role(node)
    padded = any(map(any, op.padding))
    if (
        not _is_floats(draft, node)
        or len(op.kernel) != 2
        or roles.keys() - {"weight", "alpha", "bias"}
        or (padded and op.pad_value)
    ):
        return False
    signs = scheme(draft.graph, node).weight == BIPOLAR
    source = _source(draft, plain[0])
    rows = source.form is Form.ROWS or prod(draft.spec(plain[0]).shape[2:]) == 1
    pointwise = prod((*op.kernel, *op.stride, op.groups)) == 1 and not padded
    if rows and pointwise and not signs and "alpha" not in roles:
        weight = draft.weights(node.parameters["weight"]).reshape(op.out_channels, -1)
        return _add_product(draft, node, source, weight)
    return _add_conv(draft, node, op, source, signs=signs)


def planned_dense(draft: Draft, node: Node, op: ops.Dense) -> bool:
    """A product of a float matrix and float weights; False if it is none."""
    plain, roles = by_role(node)
    if (
        not _is_floats(draft, node)
        or len(draft.spec(plain[0]).shape) != 2
        or scheme(draft.graph, node).weight != FLOAT32
        or roles.keys() - {"weight", "bias"}
        or op.transpose_input
        or not op.alpha == op.beta == 1
    ):
        return False
    weight = draft.weights(node.parameters["weight"])
    by_filter = weight if op.transpose_weight else weight.T
    return _add_product(draft, node, need(draft, plain[0], Form.PLAIN), by_filter)


def _is_floats(draft: Draft, node: Node) -> bool:
    """Whether a layer multiplies float32 by constants, floats or +-1, and writes float32."""
    plain, _ = by_role(node)
    if len(plain) != 1 or "weight" not in node.parameters:
        return False
    used = scheme(draft.graph, node)
    tensors = (draft.spec(plain[0]), draft.spec(node.outputs[0]))
    return used.weight in (FLOAT32, BIPOLAR) and all(item.encoding == FLOAT32 for item in tensors)


def _source(draft: Draft, tensor: str) -> Held:
    """What is held of a tensor, rows if they are: a convolution reads both."""
    forms = draft.forms[tensor]
    return forms.get(Form.ROWS) or need(draft, tensor, Form.PLAIN)


def _bias(draft: Draft, node: Node) -> Array | None:
    name = node.parameters.get("bias")
    return None if name is None else draft.weights(name).astype(np.float32).reshape(-1)


def _normed(draft: Draft, node: Node) -> tuple[Norm, tuple[str, ...], str]:
    """What a layer's sums are multiplied by and added to at once: its bias, or the normalization
    right behind it; the layers that this takes in, and the tensor that is left."""
    bias, (name,) = _bias(draft, node), node.outputs
    if bias is not None:
        bias = np.broadcast_to(bias, draft.spec(name).shape[1])
        return (np.ones_like(bias), bias), (node.name,), name
    end = ending(draft, name, signs=False)
    if end.nodes and isinstance(end.nodes[0].op, ops.BatchNorm):
        a, b = (np.asarray(link.operand) for link in end.links[:2])
        channels = draft.spec(name).shape[1]
        norm = (np.broadcast_to(a, channels), np.broadcast_to(b, channels))
        return norm, (node.name, end.nodes[0].name), end.nodes[0].outputs[0]
    return None, (node.name,), name


def _add_product(draft: Draft, node: Node, source: Held, by_filter: Array) -> bool:
    """Rows by a matrix (filters, features): by our own kernel if its weights fit into the nearest
    cache and there are many rows, else by numpy's BLAS."""
    bias = _bias(draft, node)
    if bias is not None and bias.size not in (1, len(by_filter)):
        return False
    count = source.elements // by_filter.shape[1]
    if by_filter.shape[1] <= LONGEST and count > 1:
        norm, names, name = _normed(draft, node)
        target = floats_of(name, draft.spec(name), Form.ROWS)

        def bind_own(arrays: Arrays) -> Bound:
            x, out = (matrix(arrays[item], item, rows=True) for item in (source, target))
            own, width = direct_product(count, by_filter.astype(np.float32), norm, draft.threads)
            lines = out.reshape(1, -1, width, out.shape[1])
            return [lines_command(own, x.reshape(1, 1, *x.shape), lines, draft.threads)]

        draft.add(Step("matrix product", names, (source,), (target,), bind_own, OWN))
        return True
    (name,) = node.outputs
    target = floats_of(name, draft.spec(name), Form.ROWS)
    factor = np.ascontiguousarray(by_filter.T, np.float32)

    def bind(arrays: Arrays) -> Bound:
        x, out = (matrix(arrays[item], item, rows=True) for item in (source, target))

        def run() -> None:
            np.matmul(x, factor, out=out)
            if bias is not None:
                np.add(out, bias, out=out)

        return [run]

    draft.add(Step("matrix product", (node.name,), (source,), (target,), bind, "BLAS of numpy"))
    return True


def _add_conv(draft: Draft, node: Node, op: ops.Conv, source: Held, *, signs: bool) -> bool:
    """A convolution by our own kernels, with its bias or the normalization right behind it."""
    alpha = node.parameters.get("alpha")
    alpha = None if alpha is None else draft.weights(alpha).reshape(-1)
    norm, names, name = _normed(draft, node)
    weight = draft.weights(node.parameters["weight"]).astype(np.float32)
    shape, spec = draft.spec(node.inputs[0]).shape, draft.spec(name)
    few = op.groups == 1 and not signs and alpha is None and prod(weight.shape[1:]) <= LONGEST
    # to write rows takes the other kernel longer than to turn them afterwards
    target = floats_of(name, spec, Form.ROWS) if few else held(name, spec, Form.PLAIN)

    def bind(arrays: Arrays) -> Bound:
        x = _image(arrays[source], shape)
        if few:
            out = arrays[target].reshape(spec.shape[0], *spec.shape[2:], spec.shape[1])
            inside, command = _command_of(op, shape, out, weight, norm, draft.threads)
            return [partial(np.copyto, inside, x), command]
        batch, channels, height, width = shape
        settings = {"alpha": alpha, "norm": norm, "threads": draft.threads, "signs": signs}
        own = convolution(op, (batch, channels, height, width), weight, **settings)
        return [partial(own, x, arrays[target])]

    draft.add(Step("float convolution", names, (source,), (target,), bind, OWN))
    return True


def _command_of(
    op: ops.Conv, shape: tuple[int, ...], out: Array, weight: Array, norm: Norm, threads: int
) -> tuple[Array, Command]:
    """Room for an image, and the convolution of it to out: with fewer products where that pays."""
    width = out.shape[2]
    if pays(op) and (minimal := minimal_convolution(op, weight, norm, width)) is not None:
        padded, inside = _padded(op, shape, columns(op, width))
        return inside, bands_command(minimal, padded, out, threads)
    padded, inside = _padded(op, shape)
    own = direct_convolution(op, padded, weight, norm)
    return inside, lines_command(own, padded, out, threads)


def _padded(op: ops.Conv, shape: tuple[int, ...], least: int = 0) -> tuple[Array, Array]:
    """Room for an image with its padding, which is 0, in at least so many columns, and the image
    in it."""
    height, width = (length + sum(pads) for length, pads in zip(shape[2:], op.padding, strict=True))
    padded = aligned((*shape[:2], height, max(width, least)), np.float32)
    (top, _), (left, _) = op.padding
    return padded, padded[:, :, top : top + shape[2], left : left + shape[3]]


def _image(array: Array, shape: tuple[int, ...]) -> Array:
    """Planes or rows as an image (batch, channels, height, width), whatever its strides."""
    if array.shape == shape:
        return array
    batch, channels, *size = shape
    return array.reshape(batch, *size, channels).transpose(0, 3, 1, 2)
