"""A network written down layer by layer.

    b = Builder("tiny", input=(1, 3, 32, 32))
    x = b.relu(b.conv(b.input, 16, 3, padding=1))
    x = b.dense(b.flatten(b.global_average_pool(x)), 10)
    graph = b.graph(x, source="...")

Each method adds one layer and returns the name of the tensor it writes, which is the layer's own
name. Shapes come from network/shapes.py. Parameters are described only: their values are drawn
when they are loaded, always the same ones for the same network, parameter and seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Literal

from xnorsim.errors import UsageError
from xnorsim.network import ops
from xnorsim.network.assembly import Assembly, stored
from xnorsim.network.binary import binary_parameters
from xnorsim.network.extents import same_padding
from xnorsim.network.graph import Graph, Parameter, Stored, TensorSpec
from xnorsim.network.precision import BIPOLAR, FLOAT32, Encoding, Scaling, Scheme
from xnorsim.zoo.drawing import constant, he_normal, near_one, seeded, small

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Builder", "constant", "he_normal", "near_one", "seeded", "small"]

Size = int | Sequence[int]
"""One number for every spatial axis, or one each."""

Border = Size | Literal["same"]
"""Padding before and after; "same" gives ceil(size / stride) positions, as TensorFlow's SAME."""


class Builder:
    """A network in the making. Methods name their layer `name`, or by kind and number."""

    def __init__(self, name: str, input: Sequence[int], seed: int = 0) -> None:
        self.name = name
        self.seed = seed
        self._assembly = Assembly(name)
        self.input = self._assembly.input("input", input)
        self._quantized: dict[str, Encoding] = {}

    def shape(self, tensor: str) -> tuple[int, ...]:
        """The shape of a tensor so far.

        Raises:
            UsageError: no such tensor.
        """
        return self._assembly.shape(tensor)

    def graph(self, *outputs: str, source: str = "", notes: tuple[str, ...] = ()) -> Graph:
        """The network with the given outputs.

        Raises:
            ModelError, ShapeError: as network.graph.check.
        """
        metadata = {"format": "zoo", "source": source}
        return self._assembly.graph(outputs, metadata=metadata, notes=notes)

    def layer(
        self,
        op: ops.Op,
        *inputs: str,
        parameters: Mapping[str, tuple[tuple[int, ...], partial]] | None = None,
        name: str | None = None,
        of: str = "",
    ) -> str:
        """Add any layer with one result; `parameters` maps a role to a shape and its values.

        Values are drawn by partial(function, ...) called with (generator, shape). It may be part
        `of` another layer: its input quantizer.

        Raises:
            UsageError: an input that does not exist.
            ModelError: a name given twice.
            ShapeError: operands that do not fit.
        """
        name = name or self._numbered(op)
        made = {
            role: self._parameter(f"{name}.{role}", shape, values)
            for role, (shape, values) in (parameters or {}).items()
        }
        return self._assembly.layer(op, *inputs, name=name, parameters=made, layer=of)

    def conv(
        self,
        x: str,
        out_channels: int,
        kernel: Size,
        *,
        stride: Size = 1,
        padding: Border = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        name: str | None = None,
    ) -> str:
        """A convolution; `padding` is the same before and after, or "same"."""
        windows = self._windows(x, kernel, stride, padding, dilation)
        op = ops.Conv(out_channels, *windows, groups)
        in_channels = self.shape(x)[1] // max(groups, 1)
        parameters = _linear((out_channels, in_channels, *op.kernel), out_channels, bias)
        return self.layer(op, x, parameters=parameters, name=name)

    def binary_conv(
        self,
        x: str,
        out_channels: int,
        kernel: Size,
        *,
        stride: Size = 1,
        padding: Border = 0,
        dilation: Size = 1,
        scaling: Scaling = Scaling.NONE,
        unsigned: str = "",
        one_alpha: bool = False,
        pad_value: int = 0,
        name: str | None = None,
    ) -> str:
        """A convolution with +-1 weights and no bias, over +-1 (see `sign`) or over numbers.

        With scaling alpha its sums are multiplied by mean|W| of the float weights that the signs
        are taken of: of each filter, or `one_alpha` for all. With alpha_k they are multiplied by
        K too, which is formed of `unsigned`, the tensor that the input is the sign of. A +-1 input
        is padded with `pad_value`.

        Raises:
            UsageError: scaling alpha_k without `unsigned`.
        """
        windows = self._windows(x, kernel, stride, padding, dilation)
        op = ops.Conv(out_channels, *windows, pad_value=pad_value)
        shape = (out_channels, self.shape(x)[1], *op.kernel)
        return self._binary(op, x, shape, scaling, name, unsigned, one_alpha)

    def binary_dense(
        self,
        x: str,
        features: int,
        *,
        scaling: Scaling = Scaling.NONE,
        unsigned: str = "",
        one_alpha: bool = False,
        name: str | None = None,
    ) -> str:
        """A fully connected layer with +-1 weights and no bias, as `binary_conv`."""
        in_features = self.shape(x)[-1]
        op = ops.Dense(in_features, features, transpose_weight=True)
        return self._binary(op, x, (features, in_features), scaling, name, unsigned, one_alpha)

    def _binary(
        self,
        op: ops.Weighted,
        x: str,
        shape: tuple[int, ...],
        scaling: Scaling,
        name: str | None,
        unsigned: str,
        one_alpha: bool,
    ) -> str:
        if (scaling is Scaling.ALPHA_K) is not bool(unsigned):
            raise UsageError(
                f"{self.name}: scaling {scaling}: alpha_k, and no other, takes `unsigned`, which K "
                "is formed of"
            )
        name = name or self._numbered(op)
        drawn, values = _linear(shape, shape[0], bias=False)["weight"]
        weight = self._parameter(f"{name}.weight", drawn, values)
        made = binary_parameters(f"{name}.weight", weight, op, scaling)
        if one_alpha:
            title, alpha = made["alpha"]
            made["alpha"] = (title, _shared(alpha))
        read = self._quantized.get(x, self._assembly.spec(x).encoding)
        inputs, roles = ((x, unsigned), ("", "unsigned")) if unsigned else ((x,), ())
        return self._assembly.layer(
            op, *inputs, name=name, parameters=made, scheme=Scheme(BIPOLAR, read, scaling),
            roles=roles,
        )  # fmt: skip

    def dense(self, x: str, features: int, *, bias: bool = True, name: str | None = None) -> str:
        """A fully connected layer over the last axis; weight (features, in_features)."""
        in_features = self.shape(x)[-1]
        op = ops.Dense(in_features, features, transpose_weight=True)
        parameters = _linear((features, in_features), features, bias)
        return self.layer(op, x, parameters=parameters, name=name)

    def batch_norm(
        self,
        x: str,
        *,
        epsilon: float = 1e-5,
        scale: bool = True,
        shift: bool = True,
        name: str | None = None,
    ) -> str:
        """Normalization by stored statistics: scale, shift, mean and variance a channel.

        Without `scale` or `shift` it has no such parameter: Keras calls them gamma and beta.
        """
        shape = self.shape(x)[1:2]
        draws = {"scale": near_one, "shift": small, "mean": small, "variance": near_one}
        given = {"scale": scale, "shift": shift, "mean": True, "variance": True}
        parameters = {role: (shape, partial(draws[role])) for role in draws if given[role]}
        return self.layer(ops.BatchNorm(epsilon), x, parameters=parameters, name=name)

    def relu(self, x: str, *, name: str | None = None) -> str:
        """max(x, 0)."""
        return self.layer(ops.Activation(ops.Function.RELU), x, name=name)

    def sign(self, x: str, *, of: str = "", name: str | None = None) -> str:
        """+1 where x >= 0, else -1: what the layer `of` that name reads, or a layer by itself."""
        name = name or (f"{of}.sign" if of else None)
        return self.layer(ops.Sign(), x, name=name, of=of)

    def quantize(
        self, x: str, to: Encoding, *, scale: float, of: str = "", name: str | None = None
    ) -> str:
        """round(x / scale) in the range of `to`, times scale; layers that read it multiply `to`.

        `of` as for `sign`.
        """
        name = name or (f"{of}.quantize" if of else self._numbered("quantize"))
        made = self._parameter(f"{name}.scale", (), partial(constant, value=scale))
        held = {"scale": (f"{name}.scale", made)}  # one number, which both read
        add = partial(self._assembly.layer, parameters=held, layer=of)
        result = add(
            ops.Dequantize(FLOAT32), add(ops.Quantize(to), x, name=f"{name}.codes"), name=name
        )
        self._quantized[result] = to
        return result

    def softmax(self, x: str, *, axis: int = -1, name: str | None = None) -> str:
        """Softmax over one axis."""
        return self.layer(ops.Softmax(axis % len(self.shape(x))), x, name=name)

    def lrn(
        self, x: str, size: int, *, alpha: float, beta: float, bias: float, name: str | None = None
    ) -> str:
        """Local response normalization: x / (bias + alpha / size * sum of squares) ** beta."""
        return self.layer(ops.LocalResponseNorm(size, alpha, beta, bias), x, name=name)

    def dropout(self, x: str, *, name: str | None = None) -> str:
        """The input itself: networks here are at inference."""
        return self.layer(ops.Identity(), x, name=name or self._numbered("dropout"))

    def max_pool(
        self,
        x: str,
        kernel: Size,
        *,
        stride: Size | None = None,
        padding: Border = 0,
        ceil_mode: bool = False,
        name: str | None = None,
    ) -> str:
        """The largest of each window; `stride` is the kernel unless given."""
        op = self._pool(ops.Reduction.MAX, x, kernel, stride, padding, ceil_mode)
        return self.layer(op, x, name=name)

    def average_pool(
        self,
        x: str,
        kernel: Size,
        *,
        stride: Size | None = None,
        padding: Border = 0,
        ceil_mode: bool = False,
        name: str | None = None,
    ) -> str:
        """The mean of each window, padding left out; `stride` is the kernel unless given."""
        op = self._pool(ops.Reduction.MEAN, x, kernel, stride, padding, ceil_mode)
        return self.layer(op, x, name=name)

    def global_average_pool(self, x: str, *, name: str | None = None) -> str:
        """The mean of each channel, spatial axes kept as 1."""
        return self.average_pool(x, self.shape(x)[2:], name=name)

    def add(self, x: str, y: str, *, name: str | None = None) -> str:
        """x + y, broadcast: a residual connection."""
        return self.layer(
            ops.Elementwise(ops.Operator.ADD), x, y, name=name or self._numbered("add")
        )

    def concat(self, *tensors: str, axis: int = 1, name: str | None = None) -> str:
        """Tensors joined along an axis, by default the channels."""
        return self.layer(ops.Concat(axis), *tensors, name=name)

    def flatten(self, x: str, *, name: str | None = None) -> str:
        """(batch, everything else)."""
        batch, *rest = self.shape(x)
        op = ops.Reshape((batch, prod(rest)))
        return self.layer(op, x, name=name or self._numbered("flatten"))

    def _pool(
        self,
        reduction: ops.Reduction,
        x: str,
        kernel: Size,
        stride: Size | None,
        padding: Border,
        ceil_mode: bool,
    ) -> ops.Pool:
        windows = self._windows(x, kernel, kernel if stride is None else stride, padding, 1)
        return ops.Pool(reduction, *windows, ceil_mode)

    def _windows(
        self, x: str, kernel: Size, stride: Size, padding: Border, dilation: Size
    ) -> tuple[tuple[int, ...], tuple[int, ...], ops.Padding, tuple[int, ...]]:
        """Kernel, stride, padding and dilation, a number or a pair for each spatial axis."""
        size = self.shape(x)[2:]
        kernels, strides, dilations = (_sizes(s, len(size)) for s in (kernel, stride, dilation))
        if not isinstance(padding, str):
            pads = tuple((p, p) for p in _sizes(padding, len(size)))
        elif padding == "same":
            pads = tuple(map(same_padding, size, kernels, strides, dilations))
        else:
            raise UsageError(f"{self.name}: padding '{padding}': numbers or 'same' are valid")
        return kernels, strides, pads, dilations

    def _numbered(self, op: ops.Op | str) -> str:
        return self._assembly.numbered(op if isinstance(op, str) else ops.kind(op))

    def _parameter(self, name: str, shape: tuple[int, ...], values: partial) -> Parameter:
        return stored(name, shape, partial(_draw, values, shape, self.name, name, self.seed))


def _draw(
    values: partial, shape: tuple[int, ...], network: str, parameter: str, seed: int
) -> np.ndarray:
    return values(seeded(network, parameter, seed), shape)


def _shared(alpha: Parameter) -> Parameter:
    """One scale for every filter, the mean of theirs: they are as many weights each."""
    (part,) = alpha.stored
    one = Stored(part.key, TensorSpec((1,), FLOAT32), part.is_scale)
    assert alpha.load is not None  # the builder draws every value
    return Parameter(alpha.spec, (one,), partial(_mean_for_all, alpha.load))


def _mean_for_all(load: Callable[[], np.ndarray]) -> np.ndarray:
    import numpy as np

    alphas = load()
    return np.full_like(alphas, alphas.mean(dtype=np.float64))


def _linear(
    weight: tuple[int, ...], outputs: int, bias: bool
) -> dict[str, tuple[tuple[int, ...], partial]]:
    parameters = {"weight": (weight, partial(he_normal, fan_in=prod(weight[1:])))}
    return parameters | ({"bias": ((outputs,), partial(small))} if bias else {})


def _sizes(size: Size, axes: int) -> tuple[int, ...]:
    return (size,) * axes if isinstance(size, int) else tuple(size)
