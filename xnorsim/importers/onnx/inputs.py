"""The sizes of a network's inputs: as the file states them, and as the caller sets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx

from xnorsim.errors import ModelError, ShapeError, UsageError, choices
from xnorsim.importers.onnx.tensors import encoding_of, states_size
from xnorsim.network.graph import MAX_ELEMENTS, TensorSpec

__all__ = ["Inputs", "resolve_inputs"]

LARGEST_DIMENSION = 2**31 - 1

Dimensions = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the network reads.

    `symbols` are the sizes of the file's symbolic dimensions; `batch` is (as in the file, as set)
    where it was changed; `overridden` says whether a size that the file states was changed.
    """

    specs: Mapping[str, TensorSpec]
    symbols: Mapping[str, int]
    batch: tuple[int, int] | None = None
    overridden: bool = False


def resolve_inputs(
    file: str,
    inputs: Sequence[onnx.ValueInfoProto],
    given: Mapping[str, Sequence[int]],
    batch: int | None,
) -> Inputs:
    """The inputs with every dimension known.

    Raises:
        UsageError: shapes for inputs that are not there, of another rank, or sizes below 1.
        ShapeError: a dimension that is neither stated nor set; impossible dimensions.
        ModelError: an input that is not a tensor.
    """
    stated = {item.name: _stated(file, item) for item in inputs}
    for name in given:
        if name not in stated:
            raise UsageError(f"{file}: no input '{name}': {choices(name, stated)}")
    if batch is not None and batch < 1:
        raise UsageError(f"batch {batch} is below 1")
    chosen, symbols = {}, {}
    for name, (dimensions, _) in stated.items():
        chosen[name] = _chosen(file, name, dimensions, given.get(name), batch)
        _bind(file, name, dimensions, chosen[name], symbols)
    specs, overridden, rebatched = {}, False, None
    for name, (dimensions, encoding) in stated.items():
        shape = _filled(file, name, chosen[name], symbols)
        specs[name] = _checked(file, name, TensorSpec(shape, encoding))
        changed = [
            (old, new)
            for old, new in zip(dimensions or (), shape, strict=False)
            if isinstance(old, int) and old != new
        ]
        overridden |= bool(changed)
        if dimensions and rebatched is None:
            old = dimensions[0] if isinstance(dimensions[0], int) else 1
            rebatched = (old, shape[0]) if old != shape[0] else None
    return Inputs(specs, symbols, rebatched, overridden)


def _stated(file: str, item: onnx.ValueInfoProto):
    """(dimensions, encoding); a symbolic dimension is its name, or "?"; None: rank unknown."""
    if item.type.WhichOneof("value") != "tensor_type":
        found = item.type.WhichOneof("value") or "nothing"
        raise ModelError(f"{file}: input '{item.name}' is no tensor but {found}: not supported")
    tensor = item.type.tensor_type
    encoding = encoding_of(f"{file}: input '{item.name}'", tensor.elem_type)
    if not tensor.HasField("shape"):
        return None, encoding
    dimensions = tuple(
        dim.dim_value if states_size(dim) else dim.dim_param or "?" for dim in tensor.shape.dim
    )
    for axis, size in enumerate(dimensions):
        if isinstance(size, int) and not 1 <= size <= LARGEST_DIMENSION:
            raise ShapeError(
                f"{file}: dimension {axis} of input '{item.name}' is {size}: it must be from 1 "
                f"to {LARGEST_DIMENSION}"
            )
    return dimensions, encoding


def _chosen(
    file: str,
    name: str,
    dimensions: Dimensions | None,
    given: Sequence[int] | None,
    batch: int | None,
) -> Dimensions | None:
    result = dimensions
    if given is not None:
        result = tuple(int(size) for size in given)
        if dimensions is not None and len(result) != len(dimensions):
            raise UsageError(
                f"{file}: the shape given for input '{name}' has {len(result)} dimensions; the "
                f"file's {_text(dimensions)} has {len(dimensions)}"
            )
        if any(not 1 <= size <= LARGEST_DIMENSION for size in result):
            raise UsageError(
                f"{file}: the shape {list(result)} given for input '{name}' has a dimension that "
                f"is not from 1 to {LARGEST_DIMENSION}"
            )
    if batch is None or not result:
        return result
    if given is not None and result[0] != batch:
        raise UsageError(
            f"{file}: batch {batch} contradicts the shape {list(result)} given for input '{name}'"
        )
    return (batch, *result[1:])


def _bind(
    file: str,
    name: str,
    dimensions: Dimensions | None,
    chosen: Dimensions | None,
    symbols: dict[str, int],
) -> None:
    for symbol, size in zip(dimensions or (), chosen or (), strict=False):
        if not isinstance(symbol, str) or symbol == "?" or not isinstance(size, int):
            continue
        if symbols.setdefault(symbol, size) != size:
            raise UsageError(
                f"{file}: dimension '{symbol}' is {symbols[symbol]} in one input and {size} in "
                f"'{name}': the file gives it one size"
            )


def _filled(
    file: str, name: str, dimensions: Dimensions | None, symbols: Mapping[str, int]
) -> tuple[int, ...]:
    if dimensions is None:
        raise ShapeError(
            f"{file}: input '{name}' has no shape in the file: give it, with sizes for D0, D1, "
            f"..., as --input-shape {name}=D0,D1,..."
        )
    sizes = [symbols.get(size, size) if isinstance(size, str) else size for size in dimensions]
    open_ones = [(axis, size) for axis, size in enumerate(sizes) if isinstance(size, str)]
    if open_ones:
        which = ", ".join(
            f"{axis}" + (f" ('{size}')" if size != "?" else "") for axis, size in open_ones
        )
        example = ",".join(
            str(size) if isinstance(size, int) else str(_likely(axis, len(sizes)))
            for axis, size in enumerate(sizes)
        )
        alone = [axis for axis, _ in open_ones] == [0]
        also = " or --batch 1; from Python batch=1" if alone else ""
        plural = "s" if len(open_ones) > 1 else ""
        raise ShapeError(
            f"{file}: dimension{plural} {which} of input '{name}' {_text(dimensions)} must be "
            f"set, for example: --input-shape {name}={example}{also}"
        )
    return tuple(size for size in sizes if isinstance(size, int))


def _likely(axis: int, rank: int) -> int:
    """A size to show as an example: of an image, or 1."""
    return 224 if rank == 4 and axis >= 2 else 1


def _text(dimensions: Dimensions) -> str:
    return f"[{', '.join(map(str, dimensions))}]"


def _checked(file: str, name: str, spec: TensorSpec) -> TensorSpec:
    if spec.elements > MAX_ELEMENTS:
        raise ShapeError(
            f"{file}: input '{name}' {list(spec.shape)} has {spec.elements} elements (at most "
            f"{MAX_ELEMENTS})"
        )
    return spec
