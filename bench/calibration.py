"""Whether a calibration repeats: two of this machine, and how far their predictions differ.

The predictions are those of our own kernels for the layers of a few networks; nothing is timed but
micro-benchmarks. The aim is less than 5% on every layer; the differences of single quantities are
shown too. It takes three minutes, and wants the machine for itself.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xnorsim import analyze
from xnorsim.analysis.calibration import calibrate_and_tell
from xnorsim.machine.profile import load_profile
from xnorsim.machine.quantity import Quantity, resolve
from xnorsim.machine.schema import HardwareProfile, quantity_fields

AIM = 0.05
NETWORKS = (("resnet18", "none"), ("resnet18", "xnor"), ("resnet18", "bwn"), ("alexnet", "xnor"))
SHOWN = 10


def latencies(profile: str, network: str, binarize: str) -> dict[str, float]:
    report = analyze(network, profile=profile, binarize=binarize, predictor="instructions:own")
    layers = report.costs.reset_index()
    return dict(zip(layers["layer"].astype(str), layers["latency_s"].to_numpy(), strict=True))


def values(profile: HardwareProfile) -> dict[str, float]:
    found = {}
    for path, data, dimension in quantity_fields(profile.model_dump(by_alias=True)):
        found[".".join(map(str, path))] = resolve(Quantity(**data), dimension).value
    return found


def compared(files: Sequence[Path]) -> float:
    """Print how far the predictions by two profiles differ; the largest difference of a layer."""
    one, two = (values(load_profile(file)) for file in files)
    change = {name: abs(np.log(two[name] / one[name])) for name in one if one[name] > 0}
    for name in sorted(change, key=lambda name: -change[name])[:SHOWN]:
        print(f"  {name:<40} {one[name]:12.5g} {two[name]:12.5g}")
    worst = 0.0
    for network, binarize in NETWORKS:
        first, second = (latencies(str(file), network, binarize) for file in files)
        change = {name: abs(second[name] / first[name] - 1) for name in first if first[name] > 0}
        layer = max(change, key=lambda name: change[name])
        total = abs(sum(second.values()) / sum(first.values()) - 1)
        print(
            f"{network} {binarize}: {len(change)} layers, median "
            f"{np.median(list(change.values())):.1%}, most {change[layer]:.1%} ({layer}), "
            f"sum {total:.1%}"
        )
        worst = max(worst, change[layer])
    return worst


def main(given: Sequence[str]) -> int:
    """Calibrate twice, or take the two profiles that are given."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(name) for name in given]
        for number in range(len(files), 2):
            files.append(Path(folder) / f"calibration-{number}.yaml")
            found = calibrate_and_tell(files[-1])
            print(f"{files[-1].stem}: {found.seconds:.0f} s", *found.warnings, sep="; ")
        worst = compared(files)
    print(f"largest difference {worst:.1%}, aim {AIM:.0%}")
    return int(worst > AIM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
