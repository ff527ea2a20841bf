"""The map K of XNOR-Net's inputs: what each position's sums are scaled by.

Source: Rastegari et al., "XNOR-Net", section 3.2, equation 11: K = A * k, with A the mean of |I|
over channels and k the box filter of 1 / taps.
"""

from __future__ import annotations

import numpy as np

from xnorsim.kernels.patches import Window

__all__ = ["box_mean"]

BLOCK = 2**14
"""Numbers of which the magnitudes are summed at a time: float32 sums depend on where they break."""


def box_mean(image: np.ndarray, groups: int, window: Window, after: tuple[int, int]) -> np.ndarray:
    """K of a float32 image (batch, channels, height, width): (groups, positions of all images).

    The padding, `after` the end of each axis and before as in `window`, counts as zeros.
    """
    w = window
    pads = ((0, 0), (0, 0), (w.top, after[0]), (w.left, after[1]))
    A = np.pad(_mean_magnitude(image, groups), pads)
    total = np.zeros((*A.shape[:2], w.out_height, w.out_width), np.float32)
    for tap in np.ndindex(w.kernel_height, w.kernel_width):
        y, x = tap[0] * w.dilation_y, tap[1] * w.dilation_x
        last = y + w.stride_y * (w.out_height - 1), x + w.stride_x * (w.out_width - 1)
        total += A[:, :, y : last[0] + 1 : w.stride_y, x : last[1] + 1 : w.stride_x]
    total /= np.float32(w.kernel_height * w.kernel_width)
    return np.ascontiguousarray(total.swapaxes(0, 1).reshape(groups, -1))


def _mean_magnitude(image: np.ndarray, groups: int) -> np.ndarray:
    """A, with the channels of each block of numbers summed from the first to the last."""
    batch, channels, *size = image.shape
    cut = image.reshape(batch, groups, channels // groups, *size)
    step = max(1, BLOCK * cut.shape[2] // max(image.size, 1))
    total = np.zeros((batch, groups, *size), np.float32)
    for first in range(0, cut.shape[2], step):
        total += np.abs(cut[:, :, first : first + step]).sum(axis=2, dtype=np.float32)
    total /= np.float32(cut.shape[2])
    return total
