"""The weights that go with a config: found by layer and name, read when they are loaded."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xnorsim.errors import InputError, ModelError, choices
from xnorsim.importers.keras.hdf5 import (
    DEFLATE_RATIO,
    MOST_WEIGHTS,
    dataset_values,
    stored_weights,
    weights_group,
)
from xnorsim.importers.keras.names import LONGEST_NAME
from xnorsim.importers.stamps import Stamp, check_unchanged, stamp

if TYPE_CHECKING:
    import h5py
    import numpy as np

__all__ = [
    "Tensor",
    "Weights",
    "arranged",
    "by_position",
    "floats",
    "from_hdf5",
    "from_npz",
    "index",
    "lookup",
]

Load = Callable[[], "np.ndarray"]


@dataclass(frozen=True, slots=True)
class Tensor:
    """One array of a weights file: the key it has there, its shape, and how to get its values."""

    key: str
    shape: tuple[int, ...]
    load: Load


@dataclass(frozen=True, slots=True)
class Weights:
    """A weights file: tensors by layer, with their names split at "/" and without ":0". Layers are
    `ordered` where the file has them as the network does."""

    file: str
    tensors: Mapping[str, tuple[tuple[tuple[str, ...], Tensor], ...]]
    ordered: bool


LONGEST_HEADER = 2**14
"""[bytes] What an array says of itself in an .npz."""

MOST_STEPS = 16
"""Parts of a key: models within models, a layer (it may have slashes), and its weight."""

LONGEST_KEYS = 2**25
"""Characters of all keys, each as often as it is cut: those of large networks come to 2**20."""

_NUMBERED = re.compile(r":\d+$")


def index(file: str, entries: Iterable[tuple[str, str, Tensor]], ordered: bool) -> Weights:
    """Weights from (layer, name in the layer, tensor)."""
    found: dict[str, list[tuple[tuple[str, ...], Tensor]]] = {}
    for layer, name, tensor in entries:
        parts = tuple(_NUMBERED.sub("", name).split("/"))
        found.setdefault(layer, []).append((parts, tensor))
    return Weights(file, {layer: tuple(items) for layer, items in found.items()}, ordered)


def by_position(weights: Weights, layers: Sequence[str]) -> Weights | None:
    """The weights under the names of `layers`, the network's own that have any, in order.

    Keras loads a file of weights so: numbers in names differ from one session to the next. None
    where the names are those of the file, or where the numbers of layers differ.
    """
    differ = not set(layers) <= set(weights.tensors)
    if not weights.ordered or not differ or len(layers) != len(weights.tensors):
        return None
    tensors = dict(zip(layers, weights.tensors.values(), strict=True))
    return replace(weights, tensors=tensors)


def lookup(weights: Weights, layer: str, path: Sequence[str], roles: Sequence[str]) -> Tensor:
    """The weight of a layer by its role ("kernel"). `path` is (model, outer, ..., layer): files
    name weights from the outermost layer, from the layer itself, or from the model.

    Raises:
        ModelError: there is none, or there are several.
    """
    for start in (*range(1, len(path)), 0):
        found = _found(weights, path[start:], roles)
        if len(found) == 1:
            return found[0]
    top = weights.tensors.get(path[1], ())
    held = ", ".join("/".join(parts) for parts, _ in top[:10])
    if not top:
        held = f"nothing for layer '{path[1]}': {choices(path[1], weights.tensors)}"
    raise ModelError(
        f"{weights.file}: no single weight '{roles[0]}' for layer '{layer}'; the file has {held}"
    )


def _found(weights: Weights, path: Sequence[str], roles: Sequence[str]) -> list[Tensor]:
    """What the file has of these roles under the first of `path`."""
    top = weights.tensors.get(path[0], ())
    matches = [(parts[:-1], tensor) for parts, tensor in top if parts[-1] in roles]
    if len(path) > 1 or len(matches) > 1:  # of an inner model: the name before the role tells
        matches = [(parts, tensor) for parts, tensor in matches if parts[-1:] == (path[-1],)]
    return [tensor for _, tensor in matches]


def from_hdf5(source: Stamp, file: h5py.File) -> Weights | None:
    """The weights of an open HDF5 file; None if it lists none. `source` was taken before."""
    path = source.path
    group = weights_group(path.name, file)
    if group is None:
        return None
    return index(
        path.name,
        (
            (layer, name, Tensor(where, shape, partial(dataset_values, source, where, shape)))
            for layer, name, shape, where in stored_weights(path.name, group)
        ),
        ordered=True,
    )


def from_npz(path: Path) -> Weights:
    """The weights of an .npz with keys "layer/weight" or "layer/layer/kernel:0".

    Raises:
        ModelError: not an archive of arrays, arrays of objects, or more than a network has.
    """
    source = stamp(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MOST_WEIGHTS:
                raise ModelError(f"{path}: {len(members)} arrays: more than {MOST_WEIGHTS}")
            cuts = sum(len(info.filename) * info.filename.count("/") for info in members)
            if cuts > LONGEST_KEYS:
                raise ModelError(f"{path}: {len(members)} arrays with keys too long for as many")
            entries = [entry for info in members for entry in _named(source, archive, info)]
    except InputError:
        raise
    except Exception as fault:  # zipfile, zlib and numpy each raise their own
        raise ModelError(f"{path}: damaged: {type(fault).__name__}: {fault!s:.200}") from fault
    return index(path.name, entries, ordered=False)


def _named(
    source: Stamp, archive: zipfile.ZipFile, info: zipfile.ZipInfo
) -> Iterator[tuple[str, str, Tensor]]:
    """One array under each way to cut its key: names of layers may have slashes themselves."""
    key = info.filename.removesuffix(".npy")
    steps = key.split("/")
    if len(steps) > MOST_STEPS or len(key) > LONGEST_NAME:
        raise ModelError(
            f"{source.path}: a key of {len(key)} characters in {len(steps)} parts, {key!r:.80}: "
            f"more than {LONGEST_NAME} in {MOST_STEPS}"
        )
    shape = _npy_shape(f"{source.path.name}: array {key!r:.80}", archive, info)
    tensor = Tensor(key, shape, partial(_npz_values, source, key, shape))
    for cut in range(1, len(steps)):
        yield "/".join(steps[:cut]), "/".join(steps[cut:]), tensor


def _npy_shape(where: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[int, ...]:
    """The shape in an array's header; its values have to be as long as the archive says."""
    from numpy.lib import format as npy

    if info.file_size > DEFLATE_RATIO * (info.compress_size + 1):
        raise ModelError(f"{where}: {info.compress_size} bytes cannot hold {info.file_size}")
    with archive.open(info) as packed:
        stream = BytesIO(packed.read(LONGEST_HEADER))
    major, _ = npy.read_magic(stream)
    read: Any = npy.read_array_header_1_0 if major == 1 else npy.read_array_header_2_0
    shape, _, dtype = read(stream)
    values = info.file_size - stream.tell()
    if dtype.kind not in "fiu":
        raise ModelError(f"{where}: its type is {dtype}: weights are numbers")
    if prod(shape) * dtype.itemsize != values:
        raise ModelError(f"{where}: {values} bytes do not hold {list(shape)} of {dtype}")
    return tuple(shape)


def _npz_values(source: Stamp, key: str, shape: tuple[int, ...]) -> np.ndarray:
    import numpy as np

    where = f"{source.path}: array {key!r:.80}"
    check_unchanged(where, source)
    try:
        with np.load(source.path, allow_pickle=False) as file:
            values = file[key]
    except Exception as fault:  # zipfile, zlib and numpy each raise their own
        raise ModelError(f"{where}: {type(fault).__name__}: {fault!s:.200}") from fault
    if values.shape != shape:
        raise ModelError(f"{where} is {list(values.shape)}, not {list(shape)}")
    return values


def floats(where: str, load: Load) -> np.ndarray:
    """The values as float32; `where` is how errors name them.

    Raises:
        ModelError: numbers beyond what float32 holds.
    """
    import numpy as np

    values = load()
    with np.errstate(over="ignore"):
        result = values.astype(np.float32, copy=False)
    if result is not values and (np.isinf(result) & ~np.isinf(values)).any():
        largest = np.abs(values[np.isfinite(values)]).max()
        raise ModelError(f"{where}: it has values up to {largest:.3g}: float32 cannot hold them")
    return result


def arranged(load: Load, order: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    """The values, their axes permuted by `order`, under a new shape."""
    import numpy as np

    return np.ascontiguousarray(load().transpose(order)).reshape(shape)
