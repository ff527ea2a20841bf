"""The arithmetic of shapes: sizes in, sizes out. Nothing here knows a layer kind or an encoding.

Windows follow ONNX (operators Conv, MaxPool, ConvTranspose) and PyTorch (Conv2d, MaxPool2d), which
agree; broadcasting, matrix products and slices follow numpy.
"""

from __future__ import annotations

from collections.abc import Sequence

from xnorsim.errors import ShapeError

__all__ = [
    "axis_index",
    "broadcast",
    "concat_shape",
    "matmul_shape",
    "reduce_shape",
    "repeats_to",
    "same_padding",
    "slice_length",
    "transposed_output",
    "window_extent",
    "window_output",
]

Shape = tuple[int, ...]


def window_extent(kernel: int, dilation: int) -> int:
    """Elements from the first to the last tap: dilation * (kernel - 1) + 1.

    >>> window_extent(3, 2)
    5
    """
    return dilation * (kernel - 1) + 1


def window_output(
    size: int,
    kernel: int,
    stride: int,
    padding: tuple[int, int],
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """Window positions along one axis, for convolutions and pools.

    floor((size + before + after - extent) / stride) + 1, extent = dilation * (kernel - 1) + 1.
    With `ceil_mode` the quotient is rounded up, so that a last window may hang over the end; it
    still has to start inside the input or the padding before it, or else it (one window, however
    wide the padding after the input is) is dropped.

    >>> window_output(224, 11, 4, (2, 2)), window_output(5, 2, 2, (0, 0), ceil_mode=True)
    (55, 3)

    Raises:
        ShapeError: kernel, stride or dilation below 1, or a window larger than the padded input.

    Source: PyTorch, torch.nn.Conv2d and MaxPool2d ("Shape" and `ceil_mode`); ONNX, MaxPool-22.
    """
    _at_least_one(kernel=kernel, stride=stride, dilation=dilation)
    padded, extent = size + sum(padding), window_extent(kernel, dilation)
    if extent > padded:
        raise ShapeError(
            f"a window of {extent} (kernel {kernel}, dilation {dilation}) is larger than the "
            f"padded input of {padded} (size {size}, padding {padding[0]} + {padding[1]})"
        )
    if not ceil_mode:
        return (padded - extent) // stride + 1
    positions = -((extent - padded) // stride) + 1
    last_start = (positions - 1) * stride
    return positions if last_start < size + padding[0] else positions - 1


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Padding before and after for ceil(size / stride) windows; an odd one is larger at the end.

    >>> same_padding(224, 3, 2), same_padding(7, 3, 2)
    ((0, 1), (1, 1))

    Source: TensorFlow, tf.nn, "Notes on padding".
    """
    step = max(stride, 1)  # one below is refused with the layer's shapes
    total = max((-(-size // step) - 1) * step + window_extent(kernel, dilation) - size, 0)
    return total // 2, total - total // 2


def transposed_output(
    size: int,
    kernel: int,
    stride: int,
    padding: tuple[int, int],
    dilation: int = 1,
    output_padding: int = 0,
) -> int:
    """Size of a transposed convolution's result along one axis: what a convolution would shrink.

    stride * (size - 1) + extent + output_padding - before - after.

    >>> transposed_output(7, 4, 2, (1, 1))
    14

    Raises:
        ShapeError: kernel, stride or dilation below 1, or nothing is left of the result.

    Source: ONNX, ConvTranspose-22; PyTorch, torch.nn.ConvTranspose2d.
    """
    _at_least_one(kernel=kernel, stride=stride, dilation=dilation)
    result = stride * (size - 1) + window_extent(kernel, dilation) + output_padding - sum(padding)
    if result < 1:
        raise ShapeError(
            f"padding {padding[0]} + {padding[1]} leaves a result of {result} (size {size}, "
            f"kernel {kernel}, stride {stride})"
        )
    return result


def _at_least_one(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise ShapeError(f"{name} must be at least 1, not {number}")


def axis_index(axis: int, rank: int) -> int:
    """`axis` counted from the front; negative ones count from the back.

    Raises:
        ShapeError: there is no such axis.
    """
    if not -rank <= axis < rank:
        raise ShapeError(f"axis {axis} is out of range for {rank} dimensions")
    return axis % rank


def broadcast(*shapes: Sequence[int]) -> Shape:
    """The shape that all `shapes` stretch to: aligned at the last axis, 1 stretches to anything.

    >>> broadcast((8, 1, 6), (7, 1))
    (8, 7, 6)

    Raises:
        ShapeError: two sizes of an axis differ, and neither is 1.

    Source: numpy, "Broadcasting"; ONNX, "Multidirectional broadcasting".
    """
    rank = max(map(len, shapes), default=0)
    result = [1] * rank
    for shape in shapes:
        for axis, size in enumerate(shape, start=rank - len(shape)):
            if size == 1 or size == result[axis]:
                continue
            if result[axis] != 1:
                shown = " and ".join(str(list(s)) for s in shapes)
                raise ShapeError(f"shapes {shown} do not broadcast: {result[axis]} against {size}")
            result[axis] = size
    return tuple(result)


def matmul_shape(left: Sequence[int], right: Sequence[int]) -> Shape:
    """(..., m, k) @ (..., k, n) -> (..., m, n); a vector has no m or no n, and neither has the
    result.

    >>> matmul_shape((8, 12, 197, 64), (8, 12, 64, 197))
    (8, 12, 197, 197)

    Raises:
        ShapeError: the inner sizes differ, the leading axes do not broadcast, or one is a scalar.

    Source: numpy.matmul; ONNX, MatMul-13.
    """
    if not left or not right:
        raise ShapeError(f"{list(left)} @ {list(right)}: a matrix product takes no scalars")
    inner = right[-2] if len(right) > 1 else right[0]
    if left[-1] != inner:
        raise ShapeError(
            f"{list(left)} @ {list(right)}: the inner sizes {left[-1]} and {inner} differ"
        )
    rows, columns = left[-2:-1], right[-1:] if len(right) > 1 else ()
    return (*broadcast(left[:-2], right[:-2]), *rows, *columns)


def slice_length(size: int, start: int, end: int, step: int) -> int:
    """Elements of start:end:step out of `size`; bounds beyond the ends are clipped.

    >>> slice_length(10, -3, 2**63 - 1, 1), slice_length(10, 9, -(2**63), -2)
    (3, 5)

    Raises:
        ShapeError: step 0.

    Source: numpy's slicing; ONNX, Slice-13.
    """
    if step == 0:
        raise ShapeError("a slice's step must not be 0")
    return len(range(*slice(start, end, step).indices(size)))


def concat_shape(shapes: Sequence[Shape], axis: int) -> Shape:
    """The shape of `shapes` joined along `axis`.

    >>> concat_shape([(1, 64, 8, 8), (1, 32, 8, 8)], axis=1)
    (1, 96, 8, 8)

    Raises:
        ShapeError: no shapes, or two that differ in rank or outside `axis`.
    """
    if not shapes:
        raise ShapeError("nothing to join")
    index = axis_index(axis, len(shapes[0]))

    def rest(shape: Shape) -> Shape:
        return shape[:index] + shape[index + 1 :]

    for shape in shapes:
        if len(shape) != len(shapes[0]) or rest(shape) != rest(shapes[0]):
            raise ShapeError(f"{list(shape)} does not fit {list(shapes[0])} outside axis {index}")
    joined = sum(shape[index] for shape in shapes)
    return (*shapes[0][:index], joined, *shapes[0][index + 1 :])


def reduce_shape(shape: Shape, axes: Sequence[int], keepdims: bool) -> Shape:
    """`shape` with `axes` reduced to 1, or removed.

    >>> reduce_shape((1, 512, 7, 7), (2, 3), keepdims=False)
    (1, 512)

    Raises:
        ShapeError: an axis out of range.
    """
    gone = {axis_index(axis, len(shape)) for axis in axes}
    if keepdims:
        return tuple(1 if axis in gone else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in gone)


def repeats_to(shape: Shape, target: Shape) -> bool:
    """Whether whole repetitions of `shape`, aligned at the last axis, fill `target`.

    >>> repeats_to((1, 3), (2, 4, 3)), repeats_to((2, 3), (4, 3)), repeats_to((2,), (3,))
    (True, True, False)
    """
    extra = len(target) - len(shape)
    return extra >= 0 and all(
        to == size or (size > 0 and to % size == 0)
        for to, size in zip(target[extra:], shape, strict=True)
    )
