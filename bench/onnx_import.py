"""Reading and costing a ResNet-50 of 100 MB, side by side with onnx-tool on the same file.

The file is the light ResNet-50 of the onnx wheel with its ConstantOfShape weights replaced by
stored random ones. The candidates take turns, each in a process of its own, so that a busy moment
of the machine falls on all of them. A process imports, then does the whole work several times:
"first" is the first time (which also pays for what is made once, such as onnx's operator schemas),
"again" the median of the others. The work is, for onnx-tool, loading, shape_infer and profile; for
xnorsim `analyze`. "process" is everything from start to end of a process that does the work once,
and "peak" its largest resident set.

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
CALLS = 6
LEAST_SPEEDUP = 5.0
LARGEST_PEAK = 2.5
"""Times the file's size, plus 250 MB."""

MB = 10**6

_END = """
import json, re, sys, time
seconds = []
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    macs = work(sys.argv[1])
    seconds.append(time.perf_counter() - start)
# not getrusage: its maximum is inherited from the process that started this one
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
print("RESULT" + json.dumps({"seconds": seconds, "peak": peak, "macs": macs}))
"""

CANDIDATES = {
    "onnx-tool": """
import onnx_tool
def work(path):
    model = onnx_tool.Model(path)
    model.graph.shape_infer(None)
    model.graph.profile()
    return int(model.graph.macs[0])
""",
    "xnorsim": """
import xnorsim
xnorsim.analyze
import xnorsim.importers.onnx
def work(path):
    return xnorsim.analyze(path).totals["macs"]
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


def run(script: str, path: Path, times: int) -> dict[str, float]:
    """One process that does the work `times` times: seconds, peak memory [bytes], MACs."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script + _END, str(path), str(times)],
        check=True,
        capture_output=True,
        text=True,
    )
    process = time.perf_counter() - start
    line = next(row for row in done.stdout.splitlines() if row.startswith("RESULT"))
    found = json.loads(line.removeprefix("RESULT"))
    first, *others = found["seconds"]
    again = statistics.median(others) if others else first
    return {
        "first": first,
        "again": again,
        "process": process,
        "peak": found["peak"],
        "macs": found["macs"],
    }


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
            run(script, path, 1)  # compiles bytecode and warms the disk cache
        for _ in range(REPEATS):
            for name, script in CANDIDATES.items():
                once, often = run(script, path, 1), run(script, path, CALLS)
                samples[name].append({**once, "again": often["again"]})
    return report(samples, size)


def report(samples: dict[str, list[dict[str, float]]], size: int) -> int:
    versions = ", ".join(f"{name} {version(name)}" for name in ("onnx", "onnx-tool", "numpy"))
    print(f"Python {sys.version.split()[0]}, {versions}; file {size / MB:.1f} MB; {REPEATS} runs")
    print("median (lowest .. highest) of seconds")
    for name, rows in samples.items():
        cells = []
        for key in ("first", "again", "process"):
            times = [row[key] for row in rows]
            middle, low, high = statistics.median(times), min(times), max(times)
            cells.append(f"{key} {middle:.3f} ({low:.3f} .. {high:.3f})")
        peak = max(row["peak"] for row in rows) / MB
        print(f"{name:10} {', '.join(cells)}, peak {peak:.0f} MB, {rows[0]['macs']} MACs")
    ratios = {
        key: [
            peer[key] / own[key]
            for peer, own in zip(samples["onnx-tool"], samples["xnorsim"], strict=True)
        ]
        for key in ("first", "again", "process")
    }
    for key, values in ratios.items():
        spread = f"{min(values):.1f} .. {max(values):.1f}"
        print(f"times faster, {key}: {statistics.median(values):.1f} ({spread})")
    peak = max(row["peak"] for row in samples["xnorsim"])
    limit = LARGEST_PEAK * size + 250 * MB
    print(f"aims: {LEAST_SPEEDUP:g} times faster again; peak at most {limit / MB:.0f} MB")
    return 0 if statistics.median(ratios["again"]) >= LEAST_SPEEDUP and peak <= limit else 1


if __name__ == "__main__":
    sys.exit(main())
