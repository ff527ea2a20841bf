"""HDF5 files of Keras, read with care: nothing outside the file is opened, nothing is unpickled.

Only hard links are followed (an external or soft link may lead anywhere), only numeric datasets
stored in the file itself are taken, and attributes are text.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xnorsim.errors import InputError, MissingExtraError, ModelError
from xnorsim.importers.keras.limits import at_most
from xnorsim.importers.keras.names import LONGEST_NAME
from xnorsim.importers.stamps import Stamp, check_unchanged

if TYPE_CHECKING:
    import h5py
    import numpy as np

__all__ = [
    "DEFLATE_RATIO",
    "MOST_WEIGHTS",
    "attribute_text",
    "dataset_values",
    "opened",
    "stored_weights",
    "weights_group",
]

MOST_WEIGHTS = 2**14
"""Weights of a file, and names in one list. Networks of a thousand layers have some thousands."""

MOST_STEPS = 64
"""Groups on the way to a weight."""

LARGEST_TEXTS = 2**27
"""[bytes] What a list of texts without a fixed length may come to."""

DEFLATE_RATIO = 1032
"""No deflated byte holds more than so many. Source: zlib's technical details."""


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """The file, open for reading; whatever h5py raises about it is a ModelError.

    Raises:
        MissingExtraError: h5py is not installed.
        ModelError: not an HDF5 file, or damaged.
    """
    try:
        import h5py
    except ImportError as fault:
        raise MissingExtraError("h5py", "keras", f"Reading {path.name}") from fault
    try:
        with h5py.File(path, "r") as file:
            yield file
    except InputError:
        raise
    except Exception as fault:  # h5py raises OSError, KeyError, RuntimeError and others
        raise ModelError(f"{path}: damaged: {type(fault).__name__}: {fault!s:.200}") from fault


def attribute_text(
    where: str, item: h5py.Group, key: str, longest: int = LONGEST_NAME
) -> str | None:
    """An attribute that holds one text of at most `longest` bytes; None if there is none."""
    if key not in item.attrs:
        return None
    texts = _texts(where, item, key, longest)
    if len(texts) != 1:
        raise ModelError(f"{where}: attribute '{key}' holds {len(texts)} texts, not one")
    return texts[0]


def _texts(where: str, item: h5py.Group, key: str, longest: int = LONGEST_NAME) -> list[str]:
    """The texts of an attribute: fixed or variable length, one or a list."""
    import h5py
    import numpy as np

    found = item.attrs.get_id(key)
    if found.shape is None or not prod(found.shape):
        return []
    count = prod(found.shape)
    kind = h5py.check_string_dtype(found.dtype)
    if (kind is None and found.dtype.kind != "S") or count > MOST_WEIGHTS:
        raise ModelError(
            f"{where}: attribute '{key}' holds {count} values of type {found.dtype}: not a text or "
            f"a list of at most {MOST_WEIGHTS}"
        )
    _check_length(where, key, found.dtype.itemsize if found.dtype.kind == "S" else 0, longest)
    values: Any = np.empty(found.shape, found.dtype)
    try:
        with at_most(LARGEST_TEXTS):
            found.read(values)
    except (MemoryError, OSError) as fault:  # they may be one long text, over and over
        raise ModelError(
            f"{where}: attribute '{key}' holds {count} texts of more than {LARGEST_TEXTS} bytes, "
            "or damaged ones"
        ) from fault
    texts = [bytes(text) for text in values.reshape(-1)]
    _check_length(where, key, max(map(len, texts)), longest)
    return [text.decode() for text in texts]


def _check_length(where: str, key: str, length: int, longest: int) -> None:
    if length > longest:
        raise ModelError(
            f"{where}: attribute '{key}' holds a text of {length} bytes: more than {longest}"
        )


def _names(where: str, item: h5py.Group, key: str) -> list[str]:
    """A list of names; Keras cuts long ones into "<key>0", "<key>1" and so on.

    Raises:
        ModelError: a name that stands there twice, or more than `MOST_WEIGHTS`.
    """
    if key in item.attrs:
        names = _texts(where, item, key)
    else:
        names, part = [], 0
        while f"{key}{part}" in item.attrs and len(names) <= MOST_WEIGHTS:
            names += _texts(where, item, f"{key}{part}")
            part += 1
    again = next((name for name, count in Counter(names).items() if count > 1), None)
    if again is not None:
        raise ModelError(f"{where}: attribute '{key}' has '{again}' more than once")
    return names


def _member(where: str, group: h5py.Group, name: str) -> Any:
    """What lies under a path in `group`, by hard links alone."""
    import h5py

    item: Any = group
    steps = [step for step in name.split("/") if step]
    if len(steps) > MOST_STEPS:
        raise ModelError(f"{where}: {name!r:.80} has {len(steps)} parts: more than {MOST_STEPS}")
    for step in steps:
        link = item.get(step, getlink=True) if isinstance(item, h5py.Group) else None
        if link is None:
            raise ModelError(f"{where}: there is no '{name}' in group '{group.name}'")
        if not isinstance(link, h5py.HardLink):
            raise ModelError(
                f"{where}: '{name}' is a {type(link).__name__}: links to other places are not "
                "followed"
            )
        item = item[step]
    return item


def weights_group(where: str, file: h5py.File) -> h5py.Group | None:
    """The group that lists the weights by layer, of a whole model or of weights only."""
    import h5py

    if "model_weights" in file:
        group = _member(where, file, "model_weights")
        if not isinstance(group, h5py.Group):
            raise ModelError(f"{where}: 'model_weights' is no group of weights")
        return group
    listed = "layer_names" in file.attrs or "layer_names0" in file.attrs
    return file if listed else None


def stored_weights(
    where: str, group: h5py.Group
) -> Iterator[tuple[str, str, tuple[int, ...], str]]:
    """(layer, name of the weight, shape, path in the file) for each; no value is read.

    Raises:
        ModelError: a weight that is missing, not a dataset of floats, or not in this file; or more
            than `MOST_WEIGHTS`.
    """
    import h5py

    count = 0
    for layer in _names(where, group, "layer_names"):
        part = _member(where, group, layer)
        if not isinstance(part, h5py.Group):
            raise ModelError(f"{where}: '{layer}' is no group of weights")
        for name in _names(where, part, "weight_names"):
            here = f"{where}: weight '{name}' of layer '{layer}'"
            dataset = _member(here, part, name)
            _check_dataset(here, dataset)
            count += 1
            if count > MOST_WEIGHTS:
                raise ModelError(f"{where}: more than {MOST_WEIGHTS} weights")
            yield layer, name, tuple(dataset.shape), str(dataset.name)


def _check_dataset(where: str, dataset: Any) -> None:
    import h5py

    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
        raise ModelError(f"{where}: it is no array")
    if dataset.dtype.kind not in "fiu":
        raise ModelError(f"{where}: its type is {dataset.dtype}: weights are numbers")
    if dataset.external or dataset.is_virtual:
        raise ModelError(f"{where}: its values lie in another file, which is not opened")
    if dataset.chunks:
        _check_chunks(where, dataset)


_FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32"}
"""What a chunk may have been through. Source: HDF5 reference manual, H5Z_filter_t."""

LEAST_CHUNK = 2**20
"""[bytes] Chunks may reach so far beyond a dataset, however small that is."""


def _check_chunks(where: str, dataset: Any) -> None:
    """Chunks about as large as the dataset, and no compression within compression."""
    listed = dataset.id.get_create_plist()
    used = [listed.get_filter(position)[0] for position in range(listed.get_nfilters())]
    if len(set(used)) != len(used) or not set(used) <= set(_FILTERS):
        shown = ", ".join(_FILTERS.get(code, f"filter {code}") for code in used)
        raise ModelError(
            f"{where}: it is compressed by {shown}: chunks may have been through each of "
            f"{', '.join(_FILTERS.values())} once"
        )
    counts = (-(-size // chunk) for size, chunk in zip(dataset.shape, dataset.chunks, strict=True))
    size = prod(counts) * prod(dataset.chunks) * dataset.dtype.itemsize
    if size > 2 * dataset.nbytes + LEAST_CHUNK:
        raise ModelError(
            f"{where}: chunks of {list(dataset.chunks)} take {size} bytes, and it has "
            f"{dataset.nbytes}: more than twice as much"
        )


def _check_inflated(where: str, dataset: Any) -> None:
    """Deflated chunks that hold no more than a chunk: HDF5 would unpack whatever is in them."""
    listed = dataset.id.get_create_plist()
    if 1 not in [listed.get_filter(position)[0] for position in range(listed.get_nfilters())]:
        return
    longest = prod(dataset.chunks) * dataset.dtype.itemsize + _CHECKSUM
    for part in dataset.iter_chunks():
        offset = tuple(axis.start for axis in part)
        skipped, packed = dataset.id.read_direct_chunk(offset)
        if skipped:
            raise ModelError(f"{where}: chunk {list(offset)} was not compressed as the others")
        if len(zlib.decompressobj().decompress(packed, longest + 1)) > longest:
            raise ModelError(f"{where}: chunk {list(offset)} unpacks to more than {longest} bytes")


_CHECKSUM = 4
"""[bytes] What fletcher32 adds."""


def dataset_values(source: Stamp, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The values of a dataset that has this shape, as the file has them.

    Raises:
        ModelError: the file has changed or is damaged, or it holds fewer bytes than the shape asks.
    """
    where = f"{source.path}: dataset '{name}'"
    check_unchanged(where, source)
    with opened(source.path) as file:
        dataset = _member(where, file, name)
        _check_dataset(where, dataset)
        if tuple(dataset.shape) != shape:
            raise ModelError(f"{where}: its shape is {list(dataset.shape)}, not {list(shape)}")
        stored = min(dataset.id.get_storage_size(), source.size)
        held = stored * (DEFLATE_RATIO if dataset.chunks else 1)
        if dataset.nbytes > held:
            raise ModelError(f"{where}: {dataset.nbytes} bytes of values, the file holds {held}")
        if dataset.chunks:
            _check_inflated(where, dataset)
        return dataset[()]
