"""Reading QuickNet from each of its formats and counting it, beside onnx-tool on its ONNX file.

The files: the configuration of Keras alone (66 kB), the same with float weights as HDF5 (53 MB),
and, for onnx-tool, which knows no binary operators, the float twin of the network as ONNX. The
candidates take turns, each in a process of its own that does the work several times: "first" is
the first time after the imports, "again" the median of the others, "read" the bytes that the first
time took from files.

    python bench/formats.py            needs onnx-tool: pip install 'xnorsim[bench]'
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import h5py
import numpy as np

import xnorsim as xs
from xnorsim.network.graph import Stored
from xnorsim.network.policy import as_float
from xnorsim.zoo import build

REPEATS = 5
CALLS = 6
MOST_SECONDS = 0.3
MB = 10**6
CONFIG = Path(__file__).parents[1] / "tests/data/larq/QuickNet.keras_config.json"

_END = """
import json, re, sys, time
def taken():
    return int(re.search(r"rchar: (\\d+)", open("/proc/self/io").read())[1])
seconds, before = [], taken()
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    macs = work(sys.argv[1])
    seconds.append(time.perf_counter() - start)
    if len(seconds) == 1:
        read = taken() - before
print("RESULT" + json.dumps({"seconds": seconds, "read": read, "macs": macs}))
"""

_OURS = """
import xnorsim
xnorsim.load_model, xnorsim.analyze
import xnorsim.importers.{module}
from xnorsim.work.table import layer_table, totals
def work(path):
    return totals(layer_table(xnorsim.load_model(path)))["macs"]
"""

_PEER = """
import onnx_tool
def work(path):
    model = onnx_tool.Model(path)
    model.graph.shape_infer(None)
    model.graph.profile()
    return int(model.graph.macs[0])
"""

CANDIDATES = {
    "onnx-tool, ONNX": (_PEER, "float.onnx"),
    "xnorsim, ONNX": (_OURS.format(module="onnx"), "float.onnx"),
    "xnorsim, Keras JSON": (_OURS.format(module="keras"), "model.json"),
    "xnorsim, Keras HDF5": (_OURS.format(module="keras"), "model.h5"),
}


def write_hdf5(path: Path) -> None:
    """The network of the configuration with random weights, as Keras 2 saves it."""
    random = np.random.default_rng(0)
    graph = xs.load_model(CONFIG)
    shapes = dict(map(_latent, (part for p in graph.parameters.values() for part in p.stored)))
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = CONFIG.read_text()
        file.attrs["keras_version"] = "2.15.0"
        weights = file.create_group("model_weights")
        names = sorted({key.rpartition("/")[0] for key in shapes})
        weights.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            own = [key for key in shapes if key.rpartition("/")[0] == name]
            group = weights.create_group(name)
            group.attrs["weight_names"] = [f"{key}:0".encode() for key in own]
            for key in own:
                values = random.standard_normal(shapes[key], dtype=np.float32)
                group.create_dataset(f"{key}:0", data=values)


def _latent(part: Stored) -> tuple[str, tuple[int, ...]]:
    """Name and shape in the file, where binary filters are float ones and have channels last."""
    name = part.key.removesuffix(".binary")
    if name == part.key:
        return name, part.spec.shape
    filters, channels, *kernel = part.spec.shape
    return name, (*kernel, channels, filters)


def write_files(folder: Path) -> None:
    (folder / "model.json").write_bytes(CONFIG.read_bytes())
    write_hdf5(folder / "model.h5")
    xs.export_onnx(as_float(build("quicknet")), folder / "float.onnx", weights="seed")


def run(script: str, path: Path) -> dict[str, float]:
    """One process that does the work CALLS times: seconds, bytes read, MACs."""
    command = [sys.executable, "-c", script + _END, str(path), str(CALLS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    line = next(row for row in done.stdout.splitlines() if row.startswith("RESULT"))
    found = json.loads(line.removeprefix("RESULT"))
    first, *others = found["seconds"]
    return {
        "first": first,
        "again": statistics.median(others),
        "read": found["read"],
        "macs": found["macs"],
    }


def main() -> int:
    if importlib.util.find_spec("onnx_tool") is None:
        print("onnx-tool is not installed: pip install 'xnorsim[bench]'", file=sys.stderr)
        return 2
    samples: dict[str, list[dict[str, float]]] = {name: [] for name in CANDIDATES}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder)
        sizes = {file: (folder / file).stat().st_size for _, file in CANDIDATES.values()}
        for _ in range(REPEATS):
            for candidate, (script, file) in CANDIDATES.items():
                samples[candidate].append(run(script, folder / file))
    versions = ", ".join(f"{name} {version(name)}" for name in ("h5py", "onnx", "onnx-tool"))
    print(f"Python {sys.version.split()[0]}, {versions}; {REPEATS} runs: median (least .. most)")
    for candidate, (_, file) in CANDIDATES.items():
        print(row(candidate, sizes[file], samples[candidate], samples["onnx-tool, ONNX"]))
    ours = [max(run["first"] for run in rows) for name, rows in samples.items() if "Keras" in name]
    print(f"aim: a configuration within {MOST_SECONDS} s, and no weights read from HDF5")
    return 0 if max(ours) < MOST_SECONDS else 1


def row(
    candidate: str, size: int, own: list[dict[str, float]], peer: list[dict[str, float]]
) -> str:
    """A candidate's line: seconds, what it read, and how many times faster than the peer."""
    cells = []
    for key in ("first", "again"):
        times = [item[key] for item in own]
        middle = statistics.median(times)
        cells.append(f"{key} {middle:.3f} s ({min(times):.3f} .. {max(times):.3f})")
    ratios = [other["again"] / item["again"] for item, other in zip(own, peer, strict=True)]
    cells.append(f"{statistics.median(ratios):.1f}x ({min(ratios):.1f} .. {max(ratios):.1f})")
    cells.append(f"read {own[0]['read'] / MB:.2f} of {size / MB:.1f} MB, {own[0]['macs']} MACs")
    return f"{candidate:20} {', '.join(cells)}"


if __name__ == "__main__":
    sys.exit(main())
