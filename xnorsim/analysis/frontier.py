"""Accuracy against cost: the zoo's networks on one machine, and those that no other beats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from xnorsim.analysis.costs import analyze
from xnorsim.analysis.models import load_profiles
from xnorsim.errors import UsageError, choices
from xnorsim.network.precision import MAC_CLASSES
from xnorsim.zoo import CARDS, ZOO, names

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from xnorsim.analysis.models import Profile
    from xnorsim.show.report import Report

__all__ = ["frontier", "frontier_figure"]

DATASET = "ImageNet"
"""The data set whose accuracies are compared: most of the networks have one there."""

_COSTS = ("latency_s", "energy_j", "memory_bytes")
_RANGED = ("latency_s", "energy_j")
_TOO_LARGE = "predicted as if they fitted"
"""The end of the note that `analyze` has for a network that the machine's memory does not hold."""


def frontier(
    profile: Profile,
    *,
    networks: Iterable[str] | None = None,
    predictor: str = "roofline",
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Published ImageNet accuracy of the zoo's networks beside what is predicted on a machine.

    Parameters
    ----------
    profile : name or file of a hardware profile
    networks : names of the zoo; all unless told
    predictor, threads : as of `analyze`, whose totals the predictions are
    progress : called with (networks done, in all)

    Returns a table with one row a network, by falling accuracy: top1 and top5 [%] and their
    `accuracy_source`, the class of most MACs as `precision`, `latency_s` and `energy_j` with their
    `_low` and `_high` ends, `memory_bytes` (weights as stored, binary ones in words, and the most
    activations at a time) and whether that `fits` into the machine's, the `predictor` with the
    program that it assumes, and for each cost whether no network is at least as accurate for less
    (`on_front_latency_s`, ...). For costs with a range there is more: `front_share_...`, the share
    of draws of the machine's numbers, the same for all networks, at which it is on the front, and
    `may_be_on_front_...`, whether no network at least as accurate costs less even where that one is
    at its high end and this one at its low end. `attrs` says profile, predictor and threads, and in
    `notes` what was left out and why.

    Raises:
        InputError: no such network, profile or predictor; or no network with such an accuracy.
    """
    import numpy as np
    import pandas as pd

    machines = load_profiles(profile or ())
    if len(machines) != 1:
        raise UsageError(f"a frontier is on one profile, and {len(machines)} were given: give one")
    chosen = _known(names() if networks is None else networks)
    rated = [name for name in chosen if _is_rated(name)]
    if not rated:
        raise UsageError(f"none of {', '.join(chosen) or 'no networks'} has a published accuracy "
                         f"on {DATASET}")  # fmt: skip
    rows, draws = [], {}
    for done, name in enumerate(rated):
        if progress:
            progress(done, len(rated))
        report = analyze(name, profile=machines[0], predictor=predictor, threads=threads)
        rows.append({"network": name, **_accuracy(name), **_costs(report)})
        draws[name] = report.predictions[0].draws
    found = pd.DataFrame(rows).set_index("network")
    found = found.sort_values("top1", ascending=False, kind="stable")
    for cost in _COSTS:
        found[f"on_front_{cost}"] = _on_front(found, cost)
    for cost in _RANGED:
        samples = np.array([draws[name][cost] for name in found.index])
        found[f"front_share_{cost}"] = _front_share(found["top1"].to_numpy(), samples)
        found[f"may_be_on_front_{cost}"] = _may_be_on_front(found, cost)
    found.attrs = {
        "profile": machines[0].name,
        "predictor": rows[0]["predictor"],
        "threads": threads,
        "dataset": DATASET,
        "notes": _notes(found, [name for name in chosen if name not in rated]),
    }
    return found


def frontier_figure(
    profile: Profile | pd.DataFrame, *, metric: str | None = None, **options: Any
) -> Figure:
    """Draw accuracy over predicted latency, energy and memory, and the networks on each front.

    Parameters
    ----------
    profile : as of `frontier`, which `options` are for too; or the table that it returned
    metric : "latency", "energy" or "memory"; a panel for each that is known unless told

    Raises:
        InputError: as `frontier`; UsageError for another metric, or an energy that is not known.
    """
    import pandas as pd

    from xnorsim.show.frontier import check_metric
    from xnorsim.show.frontier import frontier_figure as drawn

    check_metric(metric)
    table = profile if isinstance(profile, pd.DataFrame) else frontier(profile, **options)
    return drawn(table, metric)


def _known(given: Iterable[str]) -> list[str]:
    given = list(dict.fromkeys((given,) if isinstance(given, str) else given))
    lost = [f"'{name}': {choices(name, ZOO)}" for name in given if name not in ZOO]
    if lost:
        raise UsageError("no such network in the zoo: " + "; ".join(lost))
    return given


def _is_rated(name: str) -> bool:
    return bool(CARDS[name].accuracy) and CARDS[name].dataset == DATASET


def _accuracy(name: str) -> dict[str, Any]:
    first = CARDS[name].accuracy[0]
    return {"top1": first.top1, "top5": first.top5, "accuracy_source": first.source}


def _costs(report: Report) -> dict[str, Any]:
    (prediction,), needed = report.predictions, report.totals
    bits = needed["stored_bits_padded"] + needed["peak_activation_bits"]
    return {
        "precision": str(max(MAC_CLASSES, key=lambda item: needed[f"{item}_macs"])),
        "macs": needed["macs"],
        "binary_share": needed["binary_share"],
        **prediction.totals,
        "memory_bytes": bits / 8,
        "fits": not any(note.endswith(_TOO_LARGE) for note in report.assumptions["notes"]),
        "predictor": prediction.predictor,
    }


def _on_front(found: pd.DataFrame, cost: str) -> Any:
    """Whether no other network is as accurate or more for less; where the cost is known."""
    import numpy as np

    from xnorsim.explore.fronts import front

    points = found[[cost]].assign(loss=-found["top1"]).to_numpy(float)
    known = np.flatnonzero(np.isfinite(points).all(axis=1))
    chosen = np.zeros(len(found), dtype=bool)
    chosen[known[front(points[known], known)]] = True
    return chosen


def _front_share(top1: Any, samples: Any) -> Any:
    """In which share of the samples [networks, samples] of a cost each network is on the front.

    Of two that are the same the first is, as in `_on_front`.
    """
    import numpy as np

    beaten = np.zeros(samples.shape, dtype=bool)
    for place, (accuracy, cost) in enumerate(zip(top1, samples, strict=True)):
        is_better = accuracy > top1
        is_first = (accuracy == top1) & (place < np.arange(len(top1)))
        beaten |= (accuracy >= top1)[:, np.newaxis] & (cost < samples)
        beaten |= (is_better | is_first)[:, np.newaxis] & (cost == samples)
    return np.where(np.isfinite(samples).all(axis=1), 1 - beaten.mean(axis=1), np.nan)


def _may_be_on_front(found: pd.DataFrame, cost: str) -> Any:
    """Whether no network at least as accurate costs less, whatever the ends of both ranges."""
    import numpy as np

    top1, low, high = (found[name].to_numpy() for name in ("top1", f"{cost}_low", f"{cost}_high"))
    rivals = top1[:, np.newaxis] >= top1
    beaten = (rivals & (high[:, np.newaxis] < low)).any(axis=0)
    return np.isfinite(low) & ~beaten


def _notes(found: pd.DataFrame, unrated: list[str]) -> list[str]:
    sources = Counter(source.split()[0].strip(",") for source in found["accuracy_source"])
    told = ", ".join(f"{source} ({count})" for source, count in sources.most_common())
    notes = [f"accuracies are as published, by {told}"]
    for cost in ("latency_s", "energy_j"):
        if bool(found[cost].isna().to_numpy().any()):
            notes.append(f"{cost}: the profile or the predictor does not tell it")
    if not bool(found["fits"].to_numpy().all()):
        large = ", ".join(map(str, found.index[~found["fits"].to_numpy(bool)]))
        notes.append(f"weights and activations do not fit, {_TOO_LARGE}: {large}")
    if unrated:
        notes.append(f"without a published accuracy on {DATASET}: {', '.join(unrated)}")
    return notes
