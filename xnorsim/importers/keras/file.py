"""From a path to the config in it, and to the weights that come with it."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xnorsim.errors import ModelError, UsageError
from xnorsim.importers.keras.hdf5 import attribute_text, opened
from xnorsim.importers.keras.weights import Weights, from_hdf5, from_npz
from xnorsim.importers.stamps import stamp

__all__ = ["Source", "is_hdf5", "is_keras_json", "read_source"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEAD = 2**16

LONGEST_CONFIG = 2**24
"""[bytes] Those of networks of a thousand layers take one or two million."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a network is read from."""

    path: Path
    form: str
    config: Any
    weights: Weights | None
    version: str


def is_keras_json(path: str | Path) -> bool:
    """Whether a file begins as the config of a Keras model does: a JSON object with classes."""
    try:
        with Path(path).open("rb") as stream:
            head = stream.read(_HEAD).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError:
        return False
    return head.startswith(b"{") and b'"class_name"' in head


def is_hdf5(path: str | Path) -> bool:
    """Whether a file has HDF5's signature: at its start, or at 512, 1024, 2048 and so on.

    Source: HDF5 file format specification, section II.A.
    """
    try:
        with Path(path).open("rb") as stream:
            end, at = Path(path).stat().st_size, 0
            while at + len(_SIGNATURE) <= end:
                stream.seek(at)
                if stream.read(len(_SIGNATURE)) == _SIGNATURE:
                    return True
                at = max(512, 2 * at)
    except OSError:
        return False
    return False


def read_source(path: Path, weights: Path | None) -> Source:
    """The config of a file, with the weights beside it or in it.

    Raises:
        ModelError: no config in it, or damaged.
        UsageError: weights for a file that has its own, or for none.
    """
    if is_hdf5(path):
        return _from_hdf5(path, weights)
    data = _json(path)
    version = ""
    if isinstance(data, dict):  # Keras 3 does not say which it is, but names modules
        version = data.get("keras_version") or ("3" if "module" in data else "")
    held = None if weights is None else _weights(weights)
    return Source(path, "Keras config", data, held, str(version))


def _json(path: Path) -> Any:
    if zipfile.is_zipfile(path):
        raise ModelError(
            f"{path}: an archive (.keras or .npz), not a config: give the config.json in it, or "
            "save the model as .h5"
        )
    size = stamp(path).size
    if size > LONGEST_CONFIG:
        raise ModelError(f"{path}: a config of {size} bytes: more than {LONGEST_CONFIG}")
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as fault:
        raise ModelError(
            f"{path}: not the config of a Keras model: {type(fault).__name__}: {fault!s:.200}"
        ) from fault


def _from_hdf5(path: Path, weights: Path | None) -> Source:
    source = stamp(path)
    with opened(path) as file:
        text = attribute_text(path.name, file, "model_config", LONGEST_CONFIG)
        if text is None:
            raise ModelError(
                f"{path}: no 'model_config' in it: it holds weights only, or is of another kind. "
                f"Give the config of the model (model.to_json()), and this file as its weights"
            )
        version = attribute_text(path.name, file, "keras_version")
        held = from_hdf5(source, file) if weights is None else None
    if weights is not None:
        held = _weights(weights)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise ModelError(f"{path}: 'model_config' is no JSON: {fault!s:.200}") from fault
    return Source(path, "Keras HDF5", data, held, version or "")


def _weights(path: Path) -> Weights:
    """The weights of an .npz or an HDF5 file, told apart by content."""
    if not path.is_file():
        raise UsageError(f"weights '{path}': no such file")
    if is_hdf5(path):
        source = stamp(path)
        with opened(path) as file:
            found = from_hdf5(source, file)
        if found is None:
            raise ModelError(f"{path}: no weights that Keras has listed by layer ('layer_names')")
        return found
    if zipfile.is_zipfile(path):
        return from_npz(path)
    with path.open("rb") as stream:
        head = stream.read(8)
    raise ModelError(f"{path}: weights are an .npz or an .h5 file; this begins with {head!r}")
