"""Reading and costing a ResNet-50 of 100 MB, side by side with onnx-tool on the same file.

The file is the light ResNet-50 of the onnx wheel with its ConstantOfShape weights replaced by
stored random ones. Each run is a process of its own, the candidates in turn, so that a busy moment
of the machine falls on all of them. "work" is the time without imports: for onnx-tool loading,
shape_infer and profile; for xnorsim `analyze`, or `read_graph` alone. "process" is everything
from start to end of the process, and "peak" its largest resident set.

    python bench/onnx_import.py            needs onnx-tool: pip install 'xnorsim[bench]'
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

REPEATS = 5
LEAST_SPEEDUP = 5.0
LARGEST_PEAK = 2.5
"""Times the file's size, plus 250 MB."""

MB = 10**6

_END = """
import json, re
# not getrusage: its maximum is inherited from the process that started this one
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
print("RESULT" + json.dumps({"work": time.perf_counter() - start, "peak": peak, "macs": macs}))
"""

CANDIDATES = {
    "onnx-tool": """
import sys, time, onnx_tool
start = time.perf_counter()
model = onnx_tool.Model(sys.argv[1])
model.graph.shape_infer(None)
model.graph.profile()
macs = int(model.graph.macs[0] if hasattr(model.graph.macs, "__len__") else model.graph.macs)
""",
    "xnorsim analyze": """
import sys, time
import xnorsim
xnorsim.analyze
import pandas, onnx, xnorsim.importers.onnx, xnorsim.work.table
start = time.perf_counter()
macs = int(xnorsim.analyze(sys.argv[1]).totals["macs"])
""",
    "xnorsim read_graph": """
import sys, time
from xnorsim.importers.onnx import read_graph
start = time.perf_counter()
graph = read_graph(sys.argv[1])
macs = None
""",
}


def write_model(path: Path) -> None:
    """The light ResNet-50 with its weights stored, as exporters write them."""
    light = Path(onnx.__file__).parent / "backend/test/data/light/light_resnet50.onnx"
    model = onnx.load(light)
    random = np.random.default_rng(0)
    shapes = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    fills = [node for node in model.graph.node if node.op_type == "ConstantOfShape"]
    for node in fills:
        shape = tuple(int(size) for size in shapes[node.input[0]])
        values = random.standard_normal(shape, dtype=np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
        model.graph.node.remove(node)
    unused = {node.input[0] for node in fills}
    kept = [item for item in model.graph.initializer if item.name not in unused]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    inputs = [item for item in model.graph.input if item.name not in unused]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    onnx.save(model, path)


def run(script: str, path: Path) -> dict[str, float]:
    """One process: seconds of work and in all, peak memory [bytes], and the MACs it found."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script + _END, str(path)], check=True, capture_output=True, text=True
    )
    process = time.perf_counter() - start
    line = next(row for row in done.stdout.splitlines() if row.startswith("RESULT"))
    return json.loads(line.removeprefix("RESULT")) | {"process": process}


def main() -> int:
    if importlib.util.find_spec("onnx_tool") is None:
        print("onnx-tool is not installed: pip install 'xnorsim[bench]'", file=sys.stderr)
        return 2
    samples: dict[str, list[dict[str, float]]] = {name: [] for name in CANDIDATES}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "resnet50.onnx"
        write_model(path)
        size = path.stat().st_size
        for script in CANDIDATES.values():
            run(script, path)  # compiles bytecode and warms the disk cache
        for _ in range(REPEATS):
            for name, script in CANDIDATES.items():
                samples[name].append(run(script, path))
    return report(samples, size)


def report(samples: dict[str, list[dict[str, float]]], size: int) -> int:
    versions = ", ".join(f"{name} {version(name)}" for name in ("onnx", "onnx-tool", "numpy"))
    print(f"Python {sys.version.split()[0]}, {versions}; file {size / MB:.1f} MB; {REPEATS} runs")
    columns = ("work [s]", "min", "max", "process [s]", "min", "max", "peak [MB]", "MACs")
    print(f"{'':20}" + "".join(f"{name:>12}" for name in columns))
    for name, rows in samples.items():
        cells = []
        for key in ("work", "process"):
            times = [row[key] for row in rows]
            cells += [
                f"{value:.3f}" for value in (statistics.median(times), min(times), max(times))
            ]
        cells += [f"{max(row['peak'] for row in rows) / MB:.0f}", str(rows[0]["macs"])]
        print(f"{name:20}" + "".join(f"{cell:>12}" for cell in cells))
    medians = {
        name: {key: statistics.median(row[key] for row in rows) for key in ("work", "process")}
        for name, rows in samples.items()
    }
    speedup = {
        key: medians["onnx-tool"][key] / medians["xnorsim analyze"][key]
        for key in ("work", "process")
    }
    peak = max(row["peak"] for row in samples["xnorsim analyze"])
    limit = LARGEST_PEAK * size + 250 * MB
    print(
        f"xnorsim analyze against onnx-tool: {speedup['work']:.1f} times faster without imports, "
        f"{speedup['process']:.1f} with them (at least {LEAST_SPEEDUP:g}); peak {peak / MB:.0f} MB "
        f"(at most {limit / MB:.0f})"
    )
    return 0 if speedup["work"] >= LEAST_SPEEDUP and peak <= limit else 1


if __name__ == "__main__":
    sys.exit(main())
