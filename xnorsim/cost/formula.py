"""The paper's model: operation counts and nothing else.

Source: Rastegari, Ordonez, Redmon, Farhadi, "XNOR-Net", ECCV 2016 (arXiv 1603.05279), section
4.1 "Efficiency analysis"; the same in CACM 63(12), 2020. A machine does 64 binary operations or
one high-precision operation a clock. Memory, packing, K and BN are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["BINARY_OPS_PER_CLOCK", "BWN_CLOCKS_PER_MAC", "clocks", "speedup"]

BINARY_OPS_PER_CLOCK = 64
"""Binary operations in one clock of the paper's CPU: the width of a register."""

BWN_CLOCKS_PER_MAC = 0.5
"""A Binary-Weight-Network does the additions of a MAC and not its multiplication: the paper's
"~2x" computation saving (its figure 1)."""


def speedup(channels: ArrayLike, taps: ArrayLike) -> NDArray[np.float64]:
    """S = 64 c N_W / (c N_W + 64): a binary convolution over a high-precision one.

    Parameters
    ----------
    channels : input channels c of a filter
    taps : N_W, width x height of the filter

    The number of output positions cancels. One high-precision operation an output is counted.

    >>> speedup([256, 3], [9, 1]).round(2).tolist()
    [62.27, 2.87]
    """
    work = np.asarray(channels, dtype=float) * np.asarray(taps, dtype=float)
    return BINARY_OPS_PER_CLOCK * work / (work + BINARY_OPS_PER_CLOCK)


def clocks(columns: Mapping[str, NDArray]) -> NDArray[np.float64]:
    """Clocks of each layer on the paper's machine, from the columns of a layer table.

    Binary layers: binary_macs / 64 and one high-precision operation an output element. Other
    layers: one clock a MAC, half a clock with binary weights. Operations that are not MACs are
    left out, as in the paper.
    """
    binary = columns["binary_macs"]
    outputs = np.where(binary > 0, columns["output_elements"], 0)
    high_precision = columns["fp_macs"] + columns["int8_macs"] + columns["other_macs"]
    return (
        binary / BINARY_OPS_PER_CLOCK
        + outputs
        + columns["bwn_macs"] * BWN_CLOCKS_PER_MAC
        + high_precision
    )
