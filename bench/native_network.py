"""Engine native on a whole binary network, side by side with onnxruntime in float32.

Ours is Bi-Real Net 18 of the zoo, the peer ResNet-18, which has as many multiplications: both at
224x224 and batch 1, with drawn weights. They take turns in one process, a few calls at a time so
that each has the caches to itself, and a busy moment of the machine falls on both; a ratio is taken
within each round, and stated are the median and the quartiles over the rounds. Then ours takes
turns with itself on two threads. Where the time goes is measured step by step, each step alone
after a whole run. Exits with 1 if a median misses its aim.

    python bench/native_network.py       needs pip install 'xnorsim[bench]'
"""

from __future__ import annotations

import os

# read when numpy is first imported
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from xnorsim.exact.execute import Session, execute, prepare
from xnorsim.exact.native.plan import calls
from xnorsim.kernels.onnx_network import ready
from xnorsim.measured.host import read_host
from xnorsim.measured.measure import interleaved
from xnorsim.measured.measurement import Measurement, ratio
from xnorsim.zoo import build

OURS, PEER = "bireal-net-18", "resnet18"
ROUNDS, CALLS = 21, 4
OVER_PEER, TWO_THREADS = 5.0, 1.6
"""How many times as fast ours is to be as the peer, and two threads as one."""


def image(network: str) -> dict[str, np.ndarray]:
    graph = build(network)
    (name,) = graph.inputs
    random = np.random.default_rng(0)
    return {name: random.standard_normal(graph.tensors[name].shape, np.float32)}


def repeated(work: Callable[[], object]) -> Callable[[], object]:
    return lambda: [work() for _ in range(CALLS)]


def native(threads: int) -> Session:
    """A session whose plan is made."""
    session = prepare(build(OURS), "native", hold=False, threads=threads)
    execute(session, image(OURS))
    return session


def by_kind(session: Session, x: Mapping[str, np.ndarray]) -> dict[str, tuple[int, float]]:
    """How many steps there are of each kind, and their time in all [s]: medians over rounds."""
    plan = session.plans[()]
    alone = [[run for run, _ in calls([(parts, 1)], 1)] for parts in plan.bound]
    spent: dict[str, list[float]] = defaultdict(lambda: [0.0] * ROUNDS)
    for number in range(ROUNDS):
        execute(session, x)
        for step, runs in zip(plan.steps, alone, strict=True):
            start = time.perf_counter()
            for run in runs:
                run()
            spent[step.kind][number] += time.perf_counter() - start
    kinds = [step.kind for step in plan.steps]
    return {kind: (kinds.count(kind), statistics.median(times)) for kind, times in spent.items()}


def ms(measured: Measurement) -> float:
    return 1e3 * measured.times.median / CALLS


def told(name: str, slow: Measurement, fast: Measurement, least: float) -> list[str]:
    """Print how many times as fast one is as another; what is missed."""
    found = ratio(slow, fast)
    print(
        f"{name}: {found.median:.2f} times (quartiles {found.p25:.2f} to {found.p75:.2f}; "
        f"{ms(slow):.2f} and {ms(fast):.2f} ms), at least {least:g}"
    )
    for measured in (slow, fast):
        for sign in measured.disturbed:
            print(f"  {measured.subject.kernel}: disturbed: {sign}")
    missed = f"{name}: {found.median:.2f}, less than {least:g}"
    return [missed] if found.median < least else []


def main() -> int:
    x, peer_x = image(OURS), next(iter(image(PEER).values()))
    one, peer, host = native(1), ready(build(PEER), 1), read_host()
    works = {
        "onnxruntime": repeated(partial(peer.run, peer_x)),
        "native": repeated(partial(execute, one, x)),
    }
    print(f"{host.model}; numpy {np.__version__}, onnxruntime {peer.versions['onnxruntime']}")
    found = interleaved(works, ROUNDS, host=host)
    late = told("one thread, over onnxruntime", found["onnxruntime"], found["native"], OVER_PEER)
    spent = by_kind(one, x)
    total = sum(seconds for _, seconds in spent.values())
    for kind, (count, seconds) in sorted(spent.items(), key=lambda item: -item[1][1]):
        print(f"  {kind:20} {count:3} steps {1e3 * seconds:8.3f} ms {seconds / total:6.1%}")
    if len(host.cpus) < 2:
        print("two threads: this process has one core")
    else:
        sessions = {"one": one, "two": native(2)}
        works = {name: repeated(partial(execute, session, x)) for name, session in sessions.items()}
        found = interleaved(works, ROUNDS, host=host)
        late += told("two threads over one", found["one"], found["two"], TWO_THREADS)
    for line in late:
        print(f"missed: {line}", file=sys.stderr)
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
