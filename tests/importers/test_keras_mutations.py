"""Configs and HDF5 files with something wrong in them: read, or refused as the input's fault."""

from __future__ import annotations

import copy
import json
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xnorsim.errors import InputError
from xnorsim.importers.keras import read_graph

CASES = ("w_nested_twice", "keras3_nested", "l_quantseparable2d", "s_pad_crop_up", "q_dorefa_a4",
         "a_layers", "m_merge", "keras3_sequential", "s_zeropad_binaryconv")  # fmt: skip

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2, 3, 7, 2**31, 2**70]),
    st.sampled_from([1e308, -0.0, 0.5, float("nan"), float("inf")]),
    st.sampled_from(["", "same", "valid", "causal", "linear", "input_1", "SteSign", "\0", "a/b"]),
    st.just([]),
    st.just({}),
    st.sampled_from([[None], [1, 2], [[1, 2], [3]], ["conv2d", 0, 0], ["x", -1, 5], [[[[]]]]]),
    st.sampled_from(
        [{"class_name": "function", "config": None}, {"class_name": 3}, {"class_name": "__tuple__"},
         {"class_name": "DoReFa", "config": {"k_bit": 300}}, {"args": [], "kwargs": 3},
         {"class_name": "__keras_tensor__", "config": {"keras_history": [1, 2]}}]
    ),
)  # fmt: skip


def paths(value: Any, at: tuple = ()) -> list[tuple]:
    """Where everything in a config lies."""
    found = [at] if at else []
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            found += paths(item, (*at, key))
    return found


def changed(config: Any, at: tuple, how: str, value: Any) -> Any:
    """The config with one thing replaced, removed or doubled."""
    result = copy.deepcopy(config)
    holder = result
    for key in at[:-1]:
        holder = holder[key]
    if how == "remove":
        del holder[at[-1]]
    elif how == "double" and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[at[-1]]))
    else:
        holder[at[-1]] = value
    return result


@pytest.mark.parametrize("name", CASES)
@given(draw=st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_config_is_read_or_refused(
    data: Path, tmp_path: Path, name: str, draw: st.DataObject
) -> None:
    config = json.loads((data / "keras" / name / "config.json").read_text())
    for _ in range(draw.draw(st.integers(1, 2))):
        at = draw.draw(st.sampled_from(paths(config)))
        how = draw.draw(st.sampled_from(["replace", "replace", "remove", "double"]))
        config = changed(config, at, how, draw.draw(ODD))
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    weights = data / "keras" / name / "weights.npz"
    for given_weights in (None, weights if weights.exists() else None):
        for allow_unknown in (False, True):
            with suppress(InputError):  # anything else is a fault of ours
                read_graph(path, weights=given_weights, allow_unknown=allow_unknown)


@pytest.mark.parametrize("name", ["w_nested_twice", "keras3_nested"])
def test_a_damaged_hdf5_file_is_read_or_refused(data: Path, tmp_path: Path, name: str) -> None:
    content = (data / "keras" / name / "model.h5").read_bytes()
    path, chance = tmp_path / "model.h5", random.Random(11)
    for trial in range(80):
        damaged = bytearray(content)
        for _ in range(chance.choice((1, 3, 30))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.randrange(len(damaged))] if trial % 3 == 0 else damaged)
        with suppress(InputError):
            for parameter in read_graph(path).parameters.values():
                if parameter.load is not None:
                    parameter.load()


def test_a_damaged_archive_of_weights_is_read_or_refused(data: Path, tmp_path: Path) -> None:
    folder = data / "keras" / "w_shared_layer"
    content = (folder / "weights.npz").read_bytes()
    path, chance = tmp_path / "w.npz", random.Random(12)
    for trial in range(80):
        damaged = bytearray(content)
        for _ in range(chance.choice((1, 3, 30))):
            # headers of members stand at the start, the list of them at the end
            at = chance.choice((chance.randrange(300), -1 - chance.randrange(300)))
            damaged[at] = chance.randrange(256)
        path.write_bytes(damaged[: chance.randrange(len(damaged))] if trial % 5 == 0 else damaged)
        with suppress(InputError):
            graph = read_graph(folder / "config.json", weights=path)
            for parameter in graph.parameters.values():
                if parameter.load is not None:
                    parameter.load()
