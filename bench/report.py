"""The HTML report of ResNet-50 on four machines, and of a network of 500 layers on six: time, size.

Beside it, in the same run, what one would write without it: the layer table by pandas' Styler and
bars of the latencies by plotly's own to_html, one figure a machine, in a file that needs nothing
else either. The candidates take turns, each in a process of its own: "analysis" is the prediction
that both need, "page" what comes after it up to the written file, "whole" the process with all its
imports.

    python bench/report.py             needs jinja2 and plotly: pip install 'xnorsim[html]'
"""

from __future__ import annotations

import importlib.util
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

REPEATS = 5
MB = 10**6

_START = """
import json, sys, time
import xnorsim as xs
from xnorsim.zoo.builder import Builder

def deep(blocks):
    b = Builder("deep", input=(1, 3, 64, 64))
    x = b.relu(b.batch_norm(b.conv(b.input, 32, 3, padding=1, bias=False)))
    for i in range(blocks):
        y = b.relu(b.batch_norm(b.conv(x, 32, 3, padding=1, bias=False, name=f"stage.{i}.conv")))
        x = b.add(x, y)
    return b.graph(b.dense(b.flatten(b.global_average_pool(x)), 10), source="made up")

start = time.perf_counter()
report = xs.analyze({model}, binarize="xnor", profile={profiles}, predictor="instructions")
analysis = time.perf_counter() - start
"""

_OURS = """
report.save_html(sys.argv[1])
"""

_PEER = """
import plotly.express as px

costs = report.costs.reset_index()
parts = [report.layers.style.format(precision=3).to_html()]
for number, (name, rows) in enumerate(costs.groupby("profile", sort=False)):
    figure = px.bar(rows, x="layer", y="latency_s", color="bound", title=name)
    parts.append(figure.to_html(full_html=False, include_plotlyjs=number == 0))
    parts.append(rows.style.format(precision=3).to_html())
with open(sys.argv[1], "w") as stream:
    stream.write("<!doctype html><meta charset=utf-8>" + "".join(parts))
"""

_END = """
seconds = time.perf_counter() - start
print("RESULT" + json.dumps({"analysis": analysis, "page": seconds - analysis,
                             "layers": len(report.table)}))
"""

FOUR = ["raspberry-pi-4b", "haswell", "apple-m1", "cortex-m7"]
SIX = [*FOUR, "zen-3", "raspberry-pi-5"]
NETWORKS = {
    "ResNet-50 on 4": ('"resnet50"', FOUR, 5.0, 6.0),
    "500 layers on 6": ("deep(100)", SIX, 15.0, None),
}
"""Each with the aim for its whole time [s], and for its size [MB]."""
WRITERS = {"xnorsim": _OURS, "pandas and plotly": _PEER}


def run(network: str, writer: str, path: Path) -> dict[str, float]:
    """One process that analyzes and writes: seconds by part, and the size of the file [byte]."""
    model, profiles, *_ = NETWORKS[network]
    start = _START.replace("{model}", model).replace("{profiles}", repr(profiles))
    begin = time.perf_counter()
    command = [sys.executable, "-c", start + WRITERS[writer] + _END, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    whole = time.perf_counter() - begin
    line = next(row for row in done.stdout.splitlines() if row.startswith("RESULT"))
    found = json.loads(line.removeprefix("RESULT"))
    return {**found, "whole": whole, "size": path.stat().st_size}


def main() -> int:
    missing = [name for name in ("jinja2", "plotly") if importlib.util.find_spec(name) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}: pip install 'xnorsim[html]'", file=sys.stderr)
        return 2
    names = [(network, writer) for network in NETWORKS for writer in WRITERS]
    samples: dict[tuple[str, str], list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(REPEATS):
            for name in names:
                samples[name].append(run(*name, Path(folder) / "report.html"))
    versions = ", ".join(f"{name} {version(name)}" for name in ("jinja2", "pandas", "plotly"))
    print(f"Python {platform.python_version()}, {versions}; {REPEATS} runs: median (least .. most)")
    missed = []
    for network, (_, _, seconds, size) in NETWORKS.items():
        for writer in WRITERS:
            print(line(f"{network}, {writer}", samples[network, writer]))
        ours = samples[network, "xnorsim"]
        if statistics.median(item["whole"] for item in ours) > seconds:
            missed.append(f"{network}: not within {seconds:g} s")
        if size and ours[0]["size"] > size * MB:
            missed.append(f"{network}: larger than {size:g} MB")
    print("aim: ResNet-50 within 5 s and 6 MB, 500 layers within 15 s, imports and analysis too")
    print("\n".join(missed), file=sys.stderr, end="\n" if missed else "")
    return 1 if missed else 0


def line(name: str, found: list[dict[str, float]]) -> str:
    """A candidate's seconds by part, and the size of its file."""
    cells = []
    for key in ("analysis", "page", "whole"):
        times = [item[key] for item in found]
        middle = statistics.median(times)
        cells.append(f"{key} {middle:.2f} s ({min(times):.2f} .. {max(times):.2f})")
    layers = int(found[0]["layers"])
    return f"{name:34} {', '.join(cells)}, {found[0]['size'] / MB:.2f} MB, {layers} layers"


if __name__ == "__main__":
    sys.exit(main())
