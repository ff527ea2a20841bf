"""Float convolutions of libraries, each at its best known setting: numpy, ONNX Runtime, PyTorch.

Scales and a normalization are folded into weights and bias, as these libraries' users do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from xnorsim.errors import MissingExtraError
from xnorsim.kernels.float_problems import check, filling, output_shape
from xnorsim.kernels.problem import Problem, Ready, checked
from xnorsim.kernels.threads import blas_control, blas_threads
from xnorsim.network.ops import Conv

__all__ = ["READY", "blas_convolution", "folded"]

Array = np.ndarray


def folded(problem: Problem) -> tuple[Array, Array]:
    """Weights and bias, float32, that hold alpha and the normalization: w * alpha * a, and b."""
    filters = problem.op.out_channels
    factor = np.ones(filters, np.float32) if problem.alpha is None else problem.alpha
    a, b = problem.norm or (np.float32(1), np.zeros(filters, np.float32))
    weight = problem.weight * np.reshape(factor * a, (-1, 1, 1, 1))
    return weight.astype(np.float32), np.asarray(b, np.float32)


def blas_convolution(problem: Problem, threads: int) -> Callable[[Array, Array], None]:
    """`run(image, out)` by im2col and numpy's matrix product, into buffers that are kept.

    `out` is float32 (batch, filters, height, width) without gaps.
    """
    weight, bias = folded(problem)
    groups, filters = problem.op.groups, len(weight)
    matrix = weight.reshape(groups, filters // groups, weight[0].size)
    shift = _added_to(output_shape(problem)[2:], bias)
    if _is_plain(problem.op):
        columns, added = partial(_where_it_lies, groups), bool(bias.any())
    else:
        matrix = np.concatenate([matrix, bias.reshape(groups, -1, 1)], axis=2)
        columns, added = _gathering(problem), False

    def run(image: Array, out: Array) -> None:
        sums = out.reshape(len(out), *matrix.shape[:2], prod(out.shape[2:]))
        with blas_threads(threads):
            np.matmul(matrix, columns(image), out=sums)
        if added:
            np.add(out, shift, out=out)

    return run


def _added_to(size: Sequence[int], bias: Array) -> Array:
    """The bias as numpy adds it fastest to maps of this size: (filters, 1, 1), or in full.

    Maps that its buffer holds several of are added at once, for which it first writes each number
    of the bias as often as a map needs it: that took as long as the sums.
    """
    shift = bias[:, None, None]
    if prod(size) > np.getbufsize():
        return shift
    return np.ascontiguousarray(np.broadcast_to(shift, (len(bias), *size)))


def _where_it_lies(groups: int, image: Array) -> Array:
    """The image as columns (batch, groups, depth, positions)."""
    batch, channels, *size = image.shape
    return image.reshape(batch, groups, channels // groups, prod(size))


def _gathering(problem: Problem) -> Callable[[Array], Array]:
    """What copies windows into columns (batch, groups, depth + 1, positions).

    Their last row holds ones, for the product to add the bias: a pass of its own took up to a tenth
    of the product's time.
    """
    op, (batch, channels, *size) = problem.op, problem.shape
    (top, bottom), (left, right) = op.padding
    out_size = output_shape(problem)[2:]
    padded = np.zeros((batch, channels, size[0] + top + bottom, size[1] + left + right), np.float32)
    inside = padded[:, :, top : top + size[0], left : left + size[1]]
    depth = problem.weight[0].size
    columns = np.ones((batch, op.groups, depth + 1, prod(out_size)), np.float32)
    shape = (batch, op.groups, channels // op.groups, *op.kernel, *out_size)
    rows = columns[:, :, :depth].reshape(shape)
    windows = _windows(padded, op, out_size).reshape(shape)

    def gather(image: Array) -> Array:
        inside[...] = image
        np.copyto(rows, windows)
        return columns

    return gather


def _is_plain(op: Conv) -> bool:
    """Whether columns are the image itself: 1x1, stride 1, no padding."""
    return prod(op.kernel) == prod(op.stride) == 1 and not any(map(any, op.padding))


def _windows(padded: Array, op: Conv, out_size: Sequence[int]) -> Array:
    """A view of a padded image: (batch, channels, *kernel, *positions)."""
    steps = padded.strides[2:]
    return as_strided(
        padded,
        (*padded.shape[:2], *op.kernel, *out_size),
        (
            *padded.strides[:2],
            *(step * dilation for step, dilation in zip(steps, op.dilation, strict=True)),
            *(step * stride for step, stride in zip(steps, op.stride, strict=True)),
        ),
        writeable=False,
    )


def _numpy(problem: Problem, threads: int) -> Ready:
    check(problem, threads)
    settings = {
        "columns": "the image" if _is_plain(problem.op) else "a strided view copied to a buffer",
        "bias": "a pass" if _is_plain(problem.op) else "a row of ones in the columns",
        "product": "matmul of each image into the results",
        "threads": blas_control(),
    }
    run = filling(problem, blas_convolution(problem, threads))
    return Ready(run, threads, {"numpy": np.__version__, "blas": _blas_version()}, settings)


def _blas_version() -> str:
    built: Any = np.show_config(mode="dicts")
    blas = built["Build Dependencies"]["blas"]
    return f"{blas['name']} {blas['version']}"


def _onnxruntime(problem: Problem, threads: int) -> Ready:
    check(problem, threads)
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise MissingExtraError("onnxruntime", "onnxruntime", "this baseline") from error
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    spinning = str(int(threads > 1))  # threads that stand ready; a single one has none to wait for
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    session = ort.InferenceSession(
        _conv_model(problem), options, providers=["CPUExecutionProvider"]
    )

    def run(image: Array) -> Array:
        # IOBinding into a kept buffer took as long
        plain = np.ascontiguousarray(checked(image, problem.shape))
        result: Any = session.run(None, {"image": plain})[0]
        return result

    settings = {"execution": "sequential", "optimization": "all", "spinning": spinning}
    return Ready(run, threads, {"onnxruntime": ort.__version__}, settings)


def _conv_model(problem: Problem) -> bytes:
    """An ONNX model of one Conv node."""
    from onnx import TensorProto, helper, numpy_helper

    op, (weight, bias) = problem.op, folded(problem)
    kinds = {"image": problem.shape, "result": output_shape(problem)}
    image, result = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in kinds.items()
    )
    node = helper.make_node(
        "Conv",
        ["image", "weight", "bias"],
        ["result"],
        kernel_shape=op.kernel,
        strides=op.stride,
        dilations=op.dilation,
        group=op.groups,
        pads=[before for before, _ in op.padding] + [after for _, after in op.padding],
    )
    parameters = [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")]
    graph = helper.make_graph([node], "convolution", [image], [result], parameters)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return model.SerializeToString()


def _torch(problem: Problem, threads: int) -> Ready:
    check(problem, threads)
    try:
        torch: Any = import_module("torch")
    except ImportError as error:
        raise MissingExtraError("torch", "torch", "this baseline") from error
    op, (weight, bias) = problem.op, map(torch.from_numpy, folded(problem))
    (top, bottom), (left, right) = op.padding
    even = top == bottom and left == right
    pads = (top, left) if even else 0

    def run(image: Array) -> Array:
        torch.set_num_threads(threads)
        given = torch.from_numpy(np.ascontiguousarray(checked(image, problem.shape)))
        with torch.inference_mode():
            if not even:
                given = torch.nn.functional.pad(given, (left, right, top, bottom))
            return torch.nn.functional.conv2d(
                given, weight, bias, op.stride, pads, op.dilation, op.groups
            ).numpy()

    return Ready(run, threads, {"torch": torch.__version__}, {"mode": "inference"})


READY: dict[str, Callable[[Problem, int], Ready]] = {
    "numpy": _numpy,
    "onnxruntime": _onnxruntime,
    "torch": _torch,
}
"""What makes each library ready, as `Kernel.ready` does."""
