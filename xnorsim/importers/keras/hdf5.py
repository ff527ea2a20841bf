"""HDF5 files of Keras, read with care: nothing outside the file is opened, nothing is unpickled.

Only hard links are followed (an external or soft link may lead anywhere), only numeric datasets
stored in the file itself are taken, and attributes are text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xnorsim.errors import InputError, MissingExtraError, ModelError

if TYPE_CHECKING:
    import h5py
    import numpy as np

__all__ = [
    "DEFLATE_RATIO",
    "attribute_text",
    "dataset_values",
    "opened",
    "stored_weights",
    "weights_group",
]

LONGEST_LIST = 2**16
"""Names in one attribute."""

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
        raise ModelError(f"{path}: damaged: {type(fault).__name__}: {fault}") from fault


def attribute_text(where: str, item: h5py.Group, key: str) -> str | None:
    """An attribute that holds one text; None if there is none."""
    if key not in item.attrs:
        return None
    texts = _texts(where, item, key)
    if len(texts) != 1:
        raise ModelError(f"{where}: attribute '{key}' holds {len(texts)} texts, not one")
    return texts[0]


def _texts(where: str, item: h5py.Group, key: str) -> list[str]:
    """The texts of an attribute: fixed or variable length, one or a list."""
    import h5py
    import numpy as np

    found = item.attrs.get_id(key)
    count = prod(found.shape)
    if count == 0:
        return []
    kind = h5py.check_string_dtype(found.dtype)
    if (kind is None and found.dtype.kind not in "SU") or count > LONGEST_LIST:
        raise ModelError(
            f"{where}: attribute '{key}' holds {count} values of type {found.dtype}: not a text or "
            f"a list of at most {LONGEST_LIST}"
        )
    values = np.asarray(item.attrs[key]).reshape(-1).tolist()
    return [value if isinstance(value, str) else bytes(value).decode() for value in values]


def _names(where: str, item: h5py.Group, key: str) -> list[str]:
    """A list of names; Keras cuts long ones into "<key>0", "<key>1" and so on."""
    if key in item.attrs:
        return _texts(where, item, key)
    names: list[str] = []
    part = 0
    while f"{key}{part}" in item.attrs:
        names += _texts(where, item, f"{key}{part}")
        part += 1
    return names


def _member(where: str, group: h5py.Group, name: str) -> Any:
    """What lies under a path in `group`, by hard links alone."""
    import h5py

    item: Any = group
    for step in [step for step in name.split("/") if step]:
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
        return group if isinstance(group, h5py.Group) else None
    listed = "layer_names" in file.attrs or "layer_names0" in file.attrs
    return file if listed else None


def stored_weights(
    where: str, group: h5py.Group
) -> Iterator[tuple[str, str, tuple[int, ...], str]]:
    """(layer, name of the weight, shape, path in the file) for each; no value is read.

    Raises:
        ModelError: a weight that is missing, not a dataset of floats, or not in this file.
    """
    import h5py

    for layer in _names(where, group, "layer_names"):
        part = _member(where, group, layer)
        if not isinstance(part, h5py.Group):
            raise ModelError(f"{where}: '{layer}' is no group of weights")
        for name in _names(where, part, "weight_names"):
            here = f"{where}: weight '{name}' of layer '{layer}'"
            dataset = _member(here, part, name)
            _check_dataset(here, dataset)
            yield layer, name, tuple(dataset.shape), str(dataset.name)


def _check_dataset(where: str, dataset: Any) -> None:
    import h5py

    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
        raise ModelError(f"{where}: it is no array")
    if dataset.dtype.kind not in "fiu":
        raise ModelError(f"{where}: its type is {dataset.dtype}: weights are numbers")
    if dataset.external or dataset.is_virtual:
        raise ModelError(f"{where}: its values lie in another file, which is not opened")


def dataset_values(path: Path, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The values of a dataset that has this shape, as the file has them.

    Raises:
        ModelError: the file has changed or is damaged, or it holds fewer bytes than the shape asks.
    """
    where = f"{path}: dataset '{name}'"
    with opened(path) as file:
        dataset = _member(where, file, name)
        _check_dataset(where, dataset)
        if tuple(dataset.shape) != shape:
            raise ModelError(f"{where}: its shape is {list(dataset.shape)}, not {list(shape)}")
        held = dataset.id.get_storage_size() * (DEFLATE_RATIO if dataset.chunks else 1)
        if dataset.nbytes > held:
            raise ModelError(f"{where}: {dataset.nbytes} bytes of values, the file holds {held}")
        return dataset[()]
