"""The binary form of a float layer's weights: signs, and one scale a filter.

Source: Rastegari et al., "XNOR-Net", section 3.1: B = sign(W) with sign(0) = +1, and
alpha = mean|W| over a filter, minimize |W - alpha B|.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from xnorsim.errors import ModelError
from xnorsim.network.graph import Parameter, Stored, TensorSpec
from xnorsim.network.ops import Conv, Dense, Weighted
from xnorsim.network.precision import BIPOLAR, FLOAT32, Scaling

if TYPE_CHECKING:
    import numpy as np

__all__ = ["alphas", "binary_parameters", "filters", "finite", "signs"]

Load = Callable[[], "np.ndarray"]


def filters(op: Weighted) -> int:
    """How many filters a layer has: one alpha each."""
    return op.out_features if isinstance(op, Dense) else op.out_channels


def signs(weight: np.ndarray) -> np.ndarray:
    """+1 where w >= 0 (so for -0.0 too), else -1; the same shape as int8."""
    import numpy as np

    result = (weight >= 0).view(np.int8)
    result *= 2
    result -= 1
    return result


def alphas(weight: np.ndarray, op: Weighted) -> np.ndarray:
    """mean|W| of each filter, float32 [filters]; the sum is taken in float64."""
    import numpy as np

    magnitude = np.abs(weight)
    if isinstance(op, Dense):
        axes: tuple[int, ...] = (1,) if op.transpose_weight else (0,)
    elif isinstance(op, Conv):
        axes = tuple(range(1, weight.ndim))
    else:  # (in_channels, out_channels / groups, *kernel): a filter lies across its group's inputs
        magnitude = magnitude.reshape(op.groups, -1, *weight.shape[1:])
        axes = (1, *range(3, magnitude.ndim))
    return magnitude.mean(axis=axes, dtype=np.float64).astype(np.float32).reshape(-1)


def binary_parameters(
    name: str, weight: Parameter, op: Weighted, scaling: Scaling
) -> dict[str, tuple[str, Parameter]]:
    """The parameters that take the place of float weights, as (name, parameter) by role.

    "weight" is +-1, one bit an element; with a scaling "alpha" is float32 [filters]. `name` is
    the float weight's. Values are computed when they are loaded, and a float weight that is not
    finite is then a ModelError.
    """
    made = {"weight": ("binary", TensorSpec(weight.spec.shape, BIPOLAR), signs)}
    if scaling is not Scaling.NONE:
        spec = TensorSpec((filters(op),), FLOAT32)
        made["alpha"] = ("alpha", spec, partial(alphas, op=op))
    stored = "+".join(part.key for part in weight.stored)  # what shares these, shares signs
    result = {}
    for role, (suffix, spec, function) in made.items():
        load = None if weight.load is None else partial(_computed, name, weight.load, function)
        made_of = (Stored(f"{stored}.{suffix}", spec),)
        result[role] = (f"{name}.{suffix}", Parameter(spec, made_of, load, weight.placeholder))
    return result


def _computed(name: str, load: Load, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return function(finite(f"weight '{name}'", load()))


def finite(where: str, values: np.ndarray) -> np.ndarray:
    """The same values, which may be decoded lazily and are looked at only now.

    Raises:
        ModelError: some are NaN or infinite.
    """
    import numpy as np

    if values.size and not (np.isfinite(values.min()) and np.isfinite(values.max())):
        count = values.size - int(np.isfinite(values).sum())
        raise ModelError(
            f"{where}: {count} of its {values.size} values are NaN or infinite instead of numbers"
        )
    return values
