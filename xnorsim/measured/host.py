"""Facts of the machine this runs on, as the kernel tells them: no root, nothing measured.

Every reader takes the folder that holds /proc and /sys. Files that are absent (other systems,
containers) leave a fact unknown: "", None or (), or a fallback that the Host names.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from xnorsim.measured.activity import energies, read_text
from xnorsim.measured.caches import Cache, cpu_list, read_caches

__all__ = ["Host", "data_caches", "machine", "read_host"]

_ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class Host:
    """The machine, and what of it this process may use.

    `features` are the flags of /proc/cpuinfo, sorted; `caches` those that the first CPU uses, by
    level, and `caches_from` tells how they are known. `cpus` are those this process may run on,
    `cores` the physical cores among them, `quota` how many CPUs its control group may use at once
    (None: no limit), `memory` the least of the machine's and the control group's [byte]. `rapl`
    names the energy counters that can be read.
    """

    model: str
    vendor: str
    architecture: str
    microarchitecture: str
    features: tuple[str, ...]
    caches: tuple[Cache, ...]
    caches_from: str
    cpus: tuple[int, ...]
    cores: int
    quota: float | None
    memory: int | None
    virtual: bool | None
    system: str
    python: str
    versions: Mapping[str, str]
    governor: str
    rapl: tuple[str, ...]


def read_host(root: Path = _ROOT) -> Host:
    """This machine; with another `root`, the one whose /proc and /sys lie there."""
    cpus = _cpus(root)
    info = _cpu_info(root, cpus[0])
    architecture = _architecture(info)
    features = tuple(sorted((info.get("flags") or info.get("Features", "")).split()))
    caches, caches_from = read_caches(root, cpus[0], info.get("cache size", ""))
    return Host(
        model=_model(info),
        vendor=_vendor(info),
        architecture=architecture,
        microarchitecture=_microarchitecture(info, architecture, features),
        features=features,
        caches=caches,
        caches_from=caches_from,
        cpus=cpus,
        cores=_cores(root, cpus),
        quota=_quota(root),
        memory=_memory(root),
        virtual=_virtual(root, architecture, features),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions=_versions(),
        governor=read_text(root / f"{_CPU}/cpu{cpus[0]}/cpufreq/scaling_governor"),
        rapl=tuple(energies(root)),
    )


def machine(host: Host) -> Host:
    """What makes a host the same one, with the same libraries: not the CPUs lent to a process."""
    return replace(host, cpus=(), cores=0, quota=None, governor="")


def data_caches(host: Host) -> tuple[Cache, ...]:
    """The caches that hold data, the first level first."""
    return tuple(cache for cache in host.caches if cache.kind != "instruction")


_CPU = "sys/devices/system/cpu"
_LIBRARIES = ("xnorsim", "numpy", "scipy", "numba", "llvmlite", "onnxruntime", "torch")


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


# --- which CPU -----------------------------------------------------------------------------------

_IMPLEMENTERS = {
    "0x41": "ARM",
    "0x43": "Cavium",
    "0x46": "Fujitsu",
    "0x48": "HiSilicon",
    "0x4e": "NVIDIA",
    "0x51": "Qualcomm",
    "0x61": "Apple",
    "0xc0": "Ampere",
}
_PARTS = {
    ("0x41", "0xd03"): "cortex_a53",
    ("0x41", "0xd05"): "cortex_a55",
    ("0x41", "0xd07"): "cortex_a57",
    ("0x41", "0xd08"): "cortex_a72",
    ("0x41", "0xd09"): "cortex_a73",
    ("0x41", "0xd0a"): "cortex_a75",
    ("0x41", "0xd0b"): "cortex_a76",
    ("0x41", "0xd0c"): "neoverse_n1",
    ("0x41", "0xd40"): "neoverse_v1",
    ("0x41", "0xd41"): "cortex_a78",
    ("0x41", "0xd49"): "neoverse_n2",
    ("0x41", "0xd4f"): "neoverse_v2",
}
"""(implementer, part) of ARM's MIDR: Linux, arch/arm64/include/asm/cputype.h."""

_AMD = (
    (0x17, (0x00, 0x2F), "zen"),
    (0x17, (0x50, 0x5F), "zen"),
    (0x17, (0x30, 0x4F), "zen2"),
    (0x17, (0x60, 0x7F), "zen2"),
    (0x17, (0x90, 0x91), "zen2"),
    (0x17, (0xA0, 0xAF), "zen2"),
    (0x19, (0x00, 0x0F), "zen3"),
    (0x19, (0x20, 0x5F), "zen3"),
    (0x19, (0x10, 0x1F), "zen4"),
    (0x19, (0x60, 0xAF), "zen4"),
    (0x1A, (0x00, 0x2F), "zen5"),
    (0x1A, (0x40, 0x4F), "zen5"),
    (0x1A, (0x60, 0x7F), "zen5"),
)
"""(family, models): Linux, arch/x86/kernel/cpu/amd.c, bsp_init_amd."""


def _cpu_info(root: Path, cpu: int) -> dict[str, str]:
    """The block of one CPU in /proc/cpuinfo, with what is said of all; of the first if it has none.

    ARM boards close with a block of the board, whose "Model" is not a CPU's.
    """
    blocks = [
        {key.strip(): value.strip() for key, value in (line.split(":", 1) for line in lines)}
        for block in re.split(r"\n\s*\n", read_text(root / "proc/cpuinfo"))
        if (lines := [line for line in block.splitlines() if ":" in line])
    ]
    cores = [block for block in blocks if "processor" in block]
    own = [block for block in cores if block["processor"] == str(cpu)]
    return (own or cores or [{}])[0]


def _architecture(info: Mapping[str, str]) -> str:
    if "flags" in info:
        return "x86_64"
    if "CPU implementer" in info:
        return "aarch64" if info.get("CPU architecture") == "8" else "arm"
    return {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())


def _model(info: Mapping[str, str]) -> str:
    if name := info.get("model name", ""):
        return name
    if "CPU part" in info:
        identity = info.get("CPU implementer", ""), info["CPU part"]
        return _PARTS.get(identity, f"{_vendor(info)} part {info['CPU part']}")
    return platform.processor()


def _vendor(info: Mapping[str, str]) -> str:
    implementer = info.get("CPU implementer", "")
    return info.get("vendor_id", "") or _IMPLEMENTERS.get(implementer, implementer)


def _microarchitecture(info: Mapping[str, str], architecture: str, features: tuple) -> str:
    """By the CPU's numbers where they are in the tables, else the best of archspec's by features.

    The numbers come first: a hypervisor hides features, and the rest fit an older machine.
    """
    identity = info.get("CPU implementer", ""), info.get("CPU part", "")
    if identity in _PARTS:
        return _PARTS[identity]
    if info.get("vendor_id") == "AuthenticAMD":
        family, model = int(info.get("cpu family", 0)), int(info.get("model", 0))
        for of, (first, last), name in _AMD:
            if family == of and first <= model <= last:
                return name
    return _by_features(architecture, _vendor(info), identity[1], {*features})


def _by_features(architecture: str, vendor: str, part: str, features: set[str]) -> str:
    """The newest of archspec's microarchitectures of which nothing is missing; "" if none is."""
    try:
        from archspec.cpu import TARGETS
    except ImportError:
        return ""
    if "ssse3" in features:
        features = features | {"sse3"}  # which /proc/cpuinfo calls pni
    fitting = [
        target
        for target in TARGETS.values()
        if target.family.name == architecture
        and target.vendor == vendor
        and target.features <= features
        and (not part or target.cpu_part == part)
    ]
    newest = max(fitting, key=lambda t: (len(t.ancestors), len(t.features)), default=None)
    return newest.name if newest else ""


def _virtual(root: Path, architecture: str, features: tuple[str, ...]) -> bool | None:
    """Whether under a hypervisor: x86 has a flag for it; elsewhere None unless one is named."""
    if architecture == "x86_64" and features:
        return "hypervisor" in features
    named = ("sys/hypervisor/type", "proc/device-tree/hypervisor")
    return True if any((root / name).exists() for name in named) else None


# --- what of it may be used ----------------------------------------------------------------------


def _cpus(root: Path) -> tuple[int, ...]:
    status = read_text(root / "proc/self/status")
    if found := re.search(r"^Cpus_allowed_list:\s*(\S+)", status, re.MULTILINE):
        return cpu_list(found[1])
    return tuple(range(os.cpu_count() or 1))


def _cores(root: Path, cpus: tuple[int, ...]) -> int:
    """Physical cores among CPUs: those that share one are its hardware threads."""
    siblings = {
        read_text(root / f"{_CPU}/cpu{cpu}/topology/thread_siblings_list") or str(cpu)
        for cpu in cpus
    }
    return len(siblings)


def _groups(root: Path, controller: str) -> list[Path]:
    """The folders of a controller for this process's control group and all those above it.

    In a container the path may be that of the host and absent: then what is there is its root.
    """
    found = []
    for line in read_text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        tops = (f"sys/fs/cgroup/{controllers}", f"sys/fs/cgroup/{controller}")
        for top in {*tops} if controllers else ("sys/fs/cgroup", "sys/fs/cgroup/unified"):
            parts = [part for part in path.split("/") if part not in ("", "..")]
            found += [root.joinpath(top, *parts[:depth]) for depth in range(len(parts) + 1)]
    return found


def _quota(root: Path) -> float | None:
    """CPUs that may be used at once: cpu.max of version 2, cpu.cfs_quota_us of version 1."""
    limits = []
    for folder in _groups(root, "cpu"):
        quota, _, period = read_text(folder / "cpu.max").partition(" ")
        if not quota:
            quota = read_text(folder / "cpu.cfs_quota_us")
            period = read_text(folder / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit():  # no limit is "max", or -1
            limits.append(int(quota) / int(period))
    return min(limits, default=None)


def _memory(root: Path) -> int | None:
    limits = [
        int(text)
        for folder in _groups(root, "memory")
        for name in ("memory.max", "memory.limit_in_bytes")
        if (text := read_text(folder / name)).isdigit()
    ]
    if found := re.search(r"^MemTotal:\s*(\d+) kB", read_text(root / "proc/meminfo"), re.MULTILINE):
        limits.append(int(found[1]) * 1024)
    elif root == _ROOT:
        limits += _memory_elsewhere()
    return min(limits, default=None)


def _memory_elsewhere() -> list[int]:
    """Of a system without /proc."""
    try:
        import psutil
    except ImportError:
        return []
    return [psutil.virtual_memory().total]
