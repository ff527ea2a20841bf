"""The values of a network's parameters: drawn, and always the same ones for the same names."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

__all__ = ["constant", "he_normal", "near_one", "seeded", "small"]

_DRAWN = 2**16
"""Numbers drawn at a time."""


def seeded(network: str, parameter: str, seed: int = 0) -> np.random.Generator:
    """A generator that depends on the three names alone: not on the process or the order."""
    import numpy as np

    digest = hashlib.sha256(f"{network}/{parameter}/{seed}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def he_normal(generator: np.random.Generator, shape: tuple[int, ...], fan_in: int) -> np.ndarray:
    """Weights of variance 2 / fan_in, which keeps a ReLU network's activations in range.

    Source: He, Zhang, Ren, Sun, Delving Deep into Rectifiers, ICCV 2015, equation 10.
    """
    import numpy as np

    result = np.empty(shape, np.float32)
    flat = result.reshape(-1)
    for start in range(0, flat.size, _DRAWN):  # all at once, in float64, would take thrice as much
        block = flat[start : start + _DRAWN]
        block[...] = generator.standard_normal(block.size) * (2 / fan_in) ** 0.5
    return result


def near_one(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """0.5 to 1.5: a scale or a variance, never 0 or negative."""
    return _float32(generator.uniform(0.5, 1.5, shape))


def small(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Around 0 with deviation 0.1: a bias, a shift or a mean."""
    return _float32(generator.standard_normal(shape) * 0.1)


def constant(generator: np.random.Generator, shape: tuple[int, ...], value: float) -> np.ndarray:
    """`value` throughout: what no training changes."""
    import numpy as np

    return np.full(shape, value, np.float32)


def _float32(values: np.ndarray) -> np.ndarray:
    import numpy as np

    return values.astype(np.float32)
