"""Hosts from made-up /proc and /sys trees: x86, ARM, without cache folders, in containers."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from xnorsim.measured.activity import (
    Energy,
    cpu_times,
    energies,
    energy_between,
    load_average,
    read_activity,
)
from xnorsim.measured.caches import ASSUMED, Cache, cpu_list, read_caches
from xnorsim.measured.host import data_caches, read_host

ZEN3_FLAGS = "fpu sse sse2 ssse3 sse4_1 avx avx2 fma popcnt hypervisor"
X86 = """\
processor	: 0
vendor_id	: {vendor}
cpu family	: {family}
model		: {model}
model name	: A processor
cache size	: 512 KB
flags		: {flags}

processor	: 1
vendor_id	: {vendor}
cpu family	: {family}
model		: {model}
model name	: Another processor
cache size	: 512 KB
flags		: {flags}
"""
PI = """\
processor	: 0
Features	: fp asimd evtstrm crc32 cpuid
CPU implementer	: 0x41
CPU architecture: 8
CPU part	: 0xd08

processor	: 1
Features	: fp asimd evtstrm crc32 cpuid
CPU implementer	: 0x41
CPU architecture: 8
CPU part	: 0xd08

Revision	: c03111
Model		: Raspberry Pi 4 Model B Rev 1.1
"""
CACHE = "sys/devices/system/cpu/cpu0/cache"


def tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", "utf-8")
    return folder


def cache_files(index: int, level: int, kind: str, size: str, shared: str) -> dict[str, str]:
    values = {"level": str(level), "type": kind, "size": size, "shared_cpu_list": shared}
    values |= {"coherency_line_size": "64", "ways_of_associativity": "8"}
    return {f"{CACHE}/index{index}/{name}": text for name, text in values.items()}


def x86(vendor="AuthenticAMD", family=25, model=1, flags=ZEN3_FLAGS) -> dict[str, str]:
    return {
        "proc/cpuinfo": X86.format(vendor=vendor, family=family, model=model, flags=flags),
        "proc/self/status": "Name:\tpython\nCpus_allowed_list:\t0-1",
        "proc/meminfo": "MemTotal:       2048 kB\nMemFree: 1 kB",
    }


# --- whole machines ------------------------------------------------------------------------------


def test_an_x86_machine(tmp_path):
    files = (
        x86() | cache_files(0, 1, "Data", "32K", "0") | cache_files(1, 1, "Instruction", "32K", "0")
    )
    files |= cache_files(3, 3, "Unified", "32768K", "0-1") | cache_files(2, 2, "Unified", "1M", "0")
    cores = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    files |= {cores.format(0): "0-1", cores.format(1): "0-1"}
    files["sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"] = "powersave"
    host = read_host(tree(tmp_path, files))
    assert (host.model, host.vendor, host.architecture) == ("A processor", "AuthenticAMD", "x86_64")
    assert host.features == tuple(sorted(ZEN3_FLAGS.split()))
    assert (host.cpus, host.cores, host.quota) == ((0, 1), 1, None)
    assert (host.memory, host.virtual, host.governor) == (2 << 20, True, "powersave")
    assert host.caches_from == "/sys"
    assert data_caches(host) == (
        Cache(1, "data", 32 << 10, 64, 8, 1),
        Cache(2, "unified", 1 << 20, 64, 8, 1),
        Cache(3, "unified", 32 << 20, 64, 8, 2),
    )
    assert len(host.caches) == 4


def test_an_arm_board_whose_kernel_tells_no_caches(tmp_path):
    host = read_host(tree(tmp_path, {"proc/cpuinfo": PI}))
    assert (host.model, host.vendor, host.architecture) == ("cortex_a72", "ARM", "aarch64")
    assert host.microarchitecture == "cortex_a72"
    assert "asimd" in host.features
    assert host.virtual is None
    assert (host.caches, host.memory, host.governor, host.rapl) == (ASSUMED, None, "", ())
    assert host.caches_from.startswith("assumed")


def test_an_empty_tree_gives_a_host_all_the_same(tmp_path):
    host = read_host(tmp_path)
    assert host.microarchitecture == ""
    assert host.features == ()
    assert host.cpus
    assert host.cores == len(host.cpus)


def test_this_machine():
    host = read_host()
    assert host.architecture
    assert host.versions["numpy"]
    assert host == read_host()
    assert data_caches(host)[0].level == 1


def test_a_host_of_the_cpu_that_may_be_used(tmp_path):
    files = x86() | {"proc/self/status": "Cpus_allowed_list:\t1"}
    host = read_host(tree(tmp_path, files))
    assert (host.cpus, host.model) == ((1,), "Another processor")


# --- which microarchitecture ---------------------------------------------------------------------

AVX2 = (
    "mmx sse sse2 pni ssse3 sse4_1 sse4_2 popcnt aes pclmulqdq avx rdrand f16c movbe fma avx2 bmi1 "
    "bmi2 rdseed adx cx16 lahf_lm abm clflushopt xsavec xsaveopt xsave"
)


@pytest.mark.parametrize(
    ("vendor", "family", "model", "flags", "found"),
    [
        # the flags of a hypervisor that hides some: by features this would be older
        ("AuthenticAMD", 25, 1, ZEN3_FLAGS, "zen3"),
        ("AuthenticAMD", 25, 0x11, ZEN3_FLAGS, "zen4"),
        ("AuthenticAMD", 23, 0x31, ZEN3_FLAGS, "zen2"),
        ("AuthenticAMD", 26, 0x02, ZEN3_FLAGS, "zen5"),
        # not in the table, and not a feature that archspec would know it by
        ("AuthenticAMD", 99, 0, "fpu", ""),
        ("SomebodyElse", 6, 1, AVX2, ""),
    ],
)
def test_x86_by_its_numbers(tmp_path, vendor, family, model, flags, found):
    host = read_host(tree(tmp_path, x86(vendor, family, model, flags)))
    assert host.microarchitecture == found


def test_x86_by_its_features(tmp_path):
    pytest.importorskip("archspec")
    # Skylake's client cores have no flag of Skylake-SP's, and all of these
    host = read_host(tree(tmp_path, x86("GenuineIntel", 6, 94, AVX2)))
    assert host.microarchitecture == "skylake"


def test_without_archspec_what_no_number_tells_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "archspec.cpu", None)
    host = read_host(tree(tmp_path, x86("GenuineIntel", 6, 94, AVX2)))
    assert (host.microarchitecture, host.vendor) == ("", "GenuineIntel")


@pytest.mark.parametrize(
    ("implementer", "part", "vendor", "found"),
    [
        ("0x41", "0xd03", "ARM", "cortex_a53"),
        ("0x41", "0xd0c", "ARM", "neoverse_n1"),
        ("0x41", "0xfff", "ARM", ""),
        ("0x77", "0xd08", "0x77", ""),  # a part's number means nothing at another implementer
    ],
)
def test_arm_by_its_numbers(tmp_path, implementer, part, vendor, found):
    info = PI.replace("0x41", implementer).replace("0xd08", part)
    host = read_host(tree(tmp_path, {"proc/cpuinfo": info}))
    assert (host.vendor, host.microarchitecture) == (vendor, found)


@pytest.mark.parametrize(
    ("files", "virtual"),
    [
        (x86(), True),
        (x86(flags="fpu avx"), False),
        ({"proc/cpuinfo": PI}, None),
        ({"proc/cpuinfo": PI, "sys/hypervisor/type": "xen"}, True),
    ],
)
def test_virtual(tmp_path, files, virtual):
    assert read_host(tree(tmp_path, files)).virtual is virtual


# --- control groups ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "quota", "memory"),
    [
        # version 2: the least of the group and those above it
        (
            {
                "proc/self/cgroup": "0::/a/b",
                "sys/fs/cgroup/a/cpu.max": "150000 100000",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000",
                "sys/fs/cgroup/a/b/memory.max": "1000",
            },
            1.5,
            1000,
        ),
        # a container that sees its own group as the root, and the host's path
        ({"proc/self/cgroup": "0::/../x", "sys/fs/cgroup/cpu.max": "50000 100000"}, 0.5, 2 << 20),
        # version 1, both controllers in one folder; no limit of memory is a huge number
        (
            {
                "proc/self/cgroup": "4:memory:/m\n1:cpu,cpuacct:/c\n0::/",
                "sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_quota_us": "200000",
                "sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_period_us": "100000",
                "sys/fs/cgroup/memory/m/memory.limit_in_bytes": "9223372036854771712",
            },
            2.0,
            2 << 20,
        ),
        (
            {
                "proc/self/cgroup": "1:cpu:/",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            None,
            2 << 20,
        ),
        ({}, None, 2 << 20),
    ],
)
def test_control_groups(tmp_path, files, quota, memory):
    host = read_host(tree(tmp_path, x86() | files))
    assert (host.quota, host.memory) == (quota, memory)


# --- caches --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cpus"), [("0", (0,)), ("0-2,5", (0, 1, 2, 5)), ("", ()), ("7,9-9", (7, 9))]
)
def test_cpu_lists(text, cpus):
    assert cpu_list(text) == cpus


def test_a_cache_without_a_size_is_left_out(tmp_path):
    files = cache_files(0, 1, "Data", "48K", "0-3")
    files |= {f"{CACHE}/index1/level": "2", f"{CACHE}/index1/type": "Unified"}
    caches, known_from = read_caches(tree(tmp_path, files), 0)
    assert (caches, known_from) == ((Cache(1, "data", 48 << 10, 64, 8, 4),), "/sys")


def test_the_c_library_is_asked_next(tmp_path):
    told = {"SC_LEVEL1_DCACHE_SIZE": 65536, "SC_LEVEL1_DCACHE_LINESIZE": 128}
    caches, known_from = read_caches(tmp_path, 0, sysconf=lambda name: told.get(name, 0))
    assert (caches, known_from) == ((Cache(1, "data", 65536, 128, 0, 1),), "sysconf")


def knows_no_name(name: str) -> int:
    raise ValueError("unrecognized configuration name")


@pytest.mark.parametrize("sysconf", [None, knows_no_name, lambda name: 0, lambda name: -1])
def test_caches_are_assumed_where_nothing_tells(tmp_path, sysconf):
    caches, known_from = read_caches(tmp_path, 0, "8192 KB", sysconf)
    assert caches == (*ASSUMED, Cache(3, "unified", 8 << 20, 64, 0, 1))
    assert known_from == "assumed, but for the last level: 8192 KB of /proc/cpuinfo"
    assert read_caches(tmp_path, 0, "512 KB", sysconf)[0] == ASSUMED


# --- counters ------------------------------------------------------------------------------------

STAT = """\
cpu  9 9 9 9 9 9 9 9 9 9
cpu0 100 20 30 5000 7 1 2 40 6 0
cpu1 1000 200 300 5000 7 10 20 400 6 0
intr 5"""


def test_cpu_times_of_some_cpus(tmp_path):
    root = tree(tmp_path, {"proc/stat": STAT, "proc/loadavg": "1.25 0.5 0.1 1/90 77"})
    tick = read_activity([0], root).tick
    assert cpu_times([0], root) == pytest.approx((153 * tick, 40 * tick))
    assert cpu_times([0, 1], root) == pytest.approx((1683 * tick, 440 * tick))
    assert cpu_times([7], root) is None
    assert load_average(root) == 1.25


def test_no_counters(tmp_path):
    found = read_activity([0], tmp_path)
    assert (found.busy, found.steal, found.load, found.energy) == (None, None, None, {})


def test_energy(tmp_path):
    rapl = "sys/class/powercap/intel-rapl:"
    files = {
        f"{rapl}0/name": "package-0",
        f"{rapl}0/energy_uj": "9000000",
        f"{rapl}0/max_energy_range_uj": "10000000",
        f"{rapl}0:0/name": "core",
        f"{rapl}0:0/energy_uj": "500000",
        f"{rapl}0:0/max_energy_range_uj": "10000000",
        f"{rapl}0:1/name": "dram",  # its counter is root's alone
        f"{rapl}0:1/max_energy_range_uj": "10000000",
    }
    root = tree(tmp_path, files)
    before = energies(root)
    assert before == {"package-0": Energy(9, 10), "package-0/core": Energy(0.5, 10)}
    assert read_host(root).rapl == ("package-0", "package-0/core")
    after = {"package-0": Energy(1, 10), "package-0/core": Energy(0.75, 10)}
    assert energy_between(before, after) == {"package-0": 2, "package-0/core": 0.25}
    assert energy_between(before, {}) == {}


def test_hosts_compare_by_what_they_are(tmp_path):
    host = read_host(tree(tmp_path, x86()))
    assert host == read_host(tmp_path)
    assert host != replace(host, microarchitecture="zen4")
