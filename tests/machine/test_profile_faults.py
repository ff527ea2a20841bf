"""Every fault a profile may have: found, all at once, at its line, with what is valid."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorsim.errors import ProfileError
from xnorsim.machine.document import MAX_BYTES
from xnorsim.machine.profile import check_profile, load_profile

GOOD = """\
schema: 1
name: toy
kind: cpu
description: one of everything
sources:
  book: "A Book, chapter 1"
clock: {value: 2 GHz, source: book, basis: datasheet}
cores: {value: 2, source: book, basis: datasheet}
simd:
  bits: {value: 64 bit, source: book, basis: datasheet}
throughput:
  binary: {value: 1 vector/cycle, source: book, basis: measured}
  bwn: {value: 1 vector/cycle, source: book, basis: measured}
  int8: {value: 1 vector/cycle, source: book, basis: measured}
  fp32: {value: 1 vector/cycle, low: 0.5 vector/cycle, source: book, basis: measured}
  elementwise: {value: 1 vector/cycle, source: book, basis: measured}
  binarize: {unlimited: true, source: book, basis: published}
scalar:
  fp32_latency: {value: 4 cycle, source: book, basis: published}
  loads_per_cycle: {value: 2 op/cycle, source: book, basis: published}
core:
  execution: out-of-order
  issue_width: {value: 3 op/cycle, source: book, basis: measured}
  efficiency: {value: 0.9, low: 0.8, source: book, basis: measured}
instructions:
  vector_logic:
    ports: [F0, F1]
    uops: 1
    busy: {value: 1 cycle, source: book, basis: measured}
    latency: {value: 3 cycle, source: book, basis: published}
  vector_store: {ports: [S], uops: 2, busy: {value: 2 cycle, source: book, basis: published}}
memories:
  - name: L1
    size: {value: 32 KiB, source: book, basis: datasheet}
    bandwidth: {value: 16 byte/cycle, source: book, basis: datasheet}
    energy: {value: 1 pJ/byte, source: book, basis: estimated}
  - name: DRAM
    size: {value: 1 GiB, source: book, basis: datasheet}
    bandwidth: {value: 4 GB/s, source: book, basis: datasheet}
    shared_bandwidth: {value: 6 GB/s, source: book, basis: datasheet}
    overlap: {value: 0.5, low: 0, source: book, basis: published}
    energy: {value: 100 pJ/byte, source: book, basis: estimated}
overhead:
  layer: {value: 0 s, source: book, basis: estimated}
energy:
  node: {value: 28 nm, source: book, basis: datasheet}
  voltage: {value: 0.9 V, source: book, basis: datasheet}
  binary_mac: {value: 1 pJ, source: book, basis: estimated}
  bwn_mac: {value: 2 pJ, source: book, basis: estimated}
  int8_mac: {value: 3 pJ, source: book, basis: estimated}
  fp32_mac: {value: 4 pJ, source: book, basis: estimated}
  fp_op: {value: 5 pJ, source: book, basis: estimated}
  binarize: {value: 6 pJ, source: book, basis: estimated}
  static: {value: 1 W, source: book, basis: estimated}
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "toy.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def edited(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, f"{old!r} stands {GOOD.count(old)} times in the good profile"
    return GOOD.replace(old, new)


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_the_good_profile_is_good(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert check_profile(path) == ()
    assert load_profile(path).name == "toy"


ONE_FAULT = [
    # replaced, by what, where the fault is (text on its line), its path, what the message must say
    ("clock: {value: 2 GHz", "clock: {value: 2 GHx", "GHx", "clock.value", "unknown unit 'GHx'"),
    ("clock: {value: 2 GHz", "clock: {value: 2 KiB", "2 KiB", "clock.value", "does not measure"),
    ("clock: {value: 2 GHz", "clock: {value: 2.4e9", "2.4e9", "clock.value", "has no unit"),
    ("clock: {value: 2 GHz", "clock: {value: 2.4e+9", "2.4e+9", "clock.value", "has no unit"),
    ("clock: {value: 2 GHz", "clock: {value: 2000000000", "clock", "clock.value", "has no unit"),
    ("clock: {value: 2 GHz", "clock: {value: .nan", "clock", "clock.value", "finite"),
    ("clock: {value: 2 GHz", "clock: {value: .inf", "clock", "clock.value", "finite"),
    ("clock: {value: 2 GHz", "clock: {value: nan GHz", "clock", "clock.value", "number unit"),
    ("clock: {value: 2 GHz", "clock: {value: true", "clock", "clock.value", "not a quantity"),
    ("clock: {value: 2 GHz", "clock: {value: [2 GHz]", "clock", "clock.value", "not a quantity"),
    ("clock: {value: 2 GHz", "clock: {value: -2 GHz", "clock", "clock.value", "negative"),
    ("clock: {value: 2 GHz", "clock: {value: 0 GHz", "clock", "clock.value", "greater than 0"),
    ("clock: {value: 2 GHz", "clock: {value: null", "clock", "clock", "missing a value"),
    ("clock: {value: 2 GHz,", "clock: {unlimited: true,", "clock", "clock.unlimited", "limit"),
    ("{value: 2 GHz, s", "{value: 2 GHz, low: 3 GHz, s", "clock", "clock.low", "above the value"),
    ("{value: 2 GHz, s", "{value: 2 GHz, high: 1 GHz, s", "clock", "clock.high", "below the value"),
    ("{value: 2 GHz, s", "{value: 2 GHz, low: -1 GHz, s", "clock", "clock.low", "negative"),
    ("{value: 2 GHz, s", "{value: 2 GHz, lowe: 1 GHz, s", "clock", "clock.lowe", "mean low"),
    ("{value: 2 GHz, source: book, b", "{value: 2 GHz, b", "clock", "clock.source", "is missing"),
    ("{value: 2 GHz, source: book,", "{value: 2 GHz, source: boc,", "clock", "clock.source",
     "valid: book"),
    ("{value: 2 GHz, source: book,", "{value: 2 GHz, source: 3,", "clock", "clock.source",
     "valid string"),
    ("2 GHz, source: book, basis: datasheet", "2 GHz, source: book", "clock",
     "clock.basis", "is missing"),
    ("2 GHz, source: book, basis: datasheet", "2 GHz, source: book, basis: guess", "guess",
     "clock.basis", "got 'guess'; valid: 'measured', 'datasheet', 'published' or 'estimated'"),
    ("clock: {value: 2 GHz, source: book, basis: datasheet}", "clock: 2 GHz", "clock: 2",
     "clock", r"must be \{value, source, basis\} \(got '2 GHz'\)"),
    ("clock: {value: 2 GHz, source: book, basis: datasheet}\n", "", "schema", "clock", "missing"),
    ("cores: {value: 2,", "cores: {value: 2.5,", "2.5", "cores.value", "whole number"),
    ("cores: {value: 2,", "cores: {value: 2, low: 1,", "low: 1,", "cores.low", "exact number"),
    ("cores: {value: 2,", "cores: {value: 2 Hz,", "2 Hz", "cores.value", "plain number"),
    ("bits: {value: 64 bit,", "bits: {value: 64,", "value: 64,", "simd.bits.value", "has no unit"),
    ("{value: 16 byte/cycle,", "{value: 16 byte/cycle, low: 1 GB/s,", "16 byte",
     "memories[0].bandwidth.low", "unit of the value, byte/cycle"),
    ("{value: 16 byte/cycle,", "{value: 16 bit/volt,", "volt",
     "memories[0].bandwidth.value", "byte/cycle"),
    ("{unlimited: true,", "{unlimited: true, value: 1 vector/cycle,", "unlimited",
     "throughput.binarize.value", "beside 'unlimited: true'"),
    ("{unlimited: true,", "{unlimited: perhaps,", "unlimited",
     "throughput.binarize.unlimited", "boolean"),
    ("kind: cpu", "kind: array", "kind", "kind", "got 'array'; valid: 'cpu'"),
    ("schema: 1", "schema: 2", "schema", "schema", "got 2; valid: 1"),
    ("name: toy", "name: Toy Box", "name", "name", "got 'Toy Box'"),
    ("kind: cpu", "kind: cpu\ncolour: red", "colour", "colour", "unknown key"),
    ("  int8: {", "  int9: {", "int9", "throughput.int9", "did you mean int8"),
    ("  book: ", "  other: unread\n  book: ", "other", "sources.other", "not used"),
    ("sources:\n  book: \"A Book, chapter 1\"", "sources: {}", "sources", "sources",
     "at least 1 item"),
    ("  vector_store:", "  vector_stor:", "vector_stor", "instructions.vector_stor",
     r"unknown key \(did you mean vector_store"),
    ("ports: [S]", "ports: []", "ports: []", "instructions.vector_store.ports",
     r"at least one port \(got \[\]"),
    ("ports: [S]", "ports: S", "ports: S", "instructions.vector_store.ports", "valid tuple"),
    ("ports: [S]", "ports: ['']", "ports: ['']", "instructions.vector_store.ports[0]",
     "at least 1 character"),
    ("ports: [S]", "ports: [0]", "ports: [0]", "instructions.vector_store.ports[0]",
     r"valid string \(got 0\)"),
    ("[F0, F1]", "[F0, F0]", "[F0, F0]", "instructions.vector_logic.ports[1]", "occurs twice"),
    ("uops: 2", "uops: 0", "uops: 0", "instructions.vector_store.uops", r"equal to 1 \(got 0\)"),
    ("uops: 2", "uops: 1.5", "uops: 1.5", "instructions.vector_store.uops", "integer"),
    ("uops: 2", "uops: 2.0", "uops: 2.0", "instructions.vector_store.uops", "integer"),
    ("uops: 2", "uops: true", "uops: true", "instructions.vector_store.uops", "integer"),
    ("    uops: 1\n", "", "  vector_logic", "instructions.vector_logic.uops", "is missing"),
    ("{value: 2 cycle,", "{value: 2 s,", "2 s,", "instructions.vector_store.busy.value",
     "cycle"),
    ("{value: 2 cycle,", "{value: 0 cycle,", "0 cycle", "instructions.vector_store.busy.value",
     "greater than 0"),
    ("{value: 2 cycle, source: book", "{value: 2 cycle, source: boc", "2 cycle",
     "instructions.vector_store.busy.source", "valid: book"),
    ("latency: {value: 3 cycle,", "latency: {value: 3 cycle, low: 4 cycle,", "latency: {value: 3",
     "instructions.vector_logic.latency.low", "above the value"),
    ("{value: 3 op/cycle,", "{unlimited: true,", "issue_width", "core.issue_width.unlimited",
     "has a limit"),
    ("execution: out-of-order", "execution: inorder", "execution", "core.execution",
     "got 'inorder'; valid: 'in-order' or 'out-of-order'"),
    ("  execution: out-of-order\n", "", "core:", "core.execution", "is missing"),
    ("{value: 0.9, low: 0.8,", "{value: 1.01,", "1.01", "core.efficiency.value",
     "not be above 1 .got 1.01"),
    ("{value: 0.9, low: 0.8,", "{value: 0.9, high: 1.2,", "high: 1.2", "core.efficiency.high",
     "not be above 1 .got 1.2"),
    ("{value: 0.9, low: 0.8,", "{value: 0,", "value: 0,", "core.efficiency.value",
     "greater than 0"),
    ("{value: 0.9, low: 0.8,", "{value: 90 cycle,", "90 cycle", "core.efficiency.value",
     "without a unit"),
    ("{value: 0.9, low: 0.8,", "{unlimited: true,", "efficiency", "core.efficiency.unlimited",
     "has a limit"),
    ("{value: 0.5, low: 0,", "{value: 1.5,", "1.5", "memories[1].overlap.value",
     "not be above 1 .got 1.5"),
    ("{value: 0.5, low: 0,", "{value: -0.5,", "-0.5", "memories[1].overlap.value", "negative"),
    ("  - name: L1\n", "  - name: L1\n    overlap: {value: 1, source: book, basis: estimated}\n",
     "overlap: {value: 1", "memories[0].overlap", "no level is nearer"),
    ("- name: DRAM", "- name: L1", "name: L1\n    size: {value: 1 G",
     "memories[1].name", "occurs twice"),
    ("size: {value: 1 GiB,", "size: {value: 32.0 KiB,", "size: {value: 32.0 KiB",
     "memories[1].size.value", "above that of the level before it .got .32.0 KiB."),
    ("  int8_mac: {value: 3 pJ, source: book, basis: estimated}\n", "", "energy:\n  node",
     "energy.int8_mac", "missing.*all or none.*given: binary_mac, bwn_mac, fp32_mac, fp_op, bin"),
    ("  static: {value: 1 W", "  instruction: {value: 1 W, source: book, basis: published}\n"
     "  static: {value: 1 W", "instruction: {", "energy.instruction.value", "joule"),
    ("    energy: {value: 1 pJ/byte, source: book, basis: estimated}\n", "", "- name: L1",
     "memories[0].energy", "has an energy section"),
    ("cores: {value: 2,", "clock: 1\ncores: {value: 2,", "clock: 1", "clock", "first on line 7"),
    ("cores: {value: 2,", "7: x\ncores: {value: 2,", "7: x", "", "keys must be text"),
    ("description: one of everything", "description: !!python/object/apply:os.system [ls]",
     "description", "description", "tags are refused.*python/object/apply:os.system"),
    ("description: one of everything", "description: !mine x", "description", "description",
     r"tags are refused, and nothing is built \(got !mine\)"),
    ("description: one of everything", "description: !!binary aGk=", "description", "description",
     "got !!binary"),
    ("description: one of everything", "description: !!int x", "description", "description",
     "not a plain int"),
    ("description: one of everything", "description: &a x", "description", "", "anchors.*&a"),
    ("description: one of everything", "description: *a", "description", "", r"anchors.*\*a"),
    ("kind: cpu", "kind: cpu\n<<: {a: 1}", "<<", "", "keys must be text"),
    ("kind: cpu", "kind: [cpu", "description", "", "not YAML"),
    ("kind: cpu", "kind: cpu\n---\nkind: cpu", "---", "", "second document"),
    ("kind: cpu", "kind: " + "[" * 5000, "kind", "", "deeper than"),
    ("kind: cpu", "kind: a\x00b", "kind", "", "not YAML text"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "path", "message"), ONE_FAULT)
def test_one_fault(tmp_path: Path, old: str, new: str, line: str, path: str, message: str) -> None:
    text = edited(old, new)
    file = write(tmp_path, text)
    faults = check_profile(file)
    mine = [fault for fault in faults if fault.path == path]
    assert len(mine) == 1, "\n".join(map(str, faults))
    assert mine[0].file == str(file)
    assert mine[0].line == line_of(text, line)
    with pytest.raises(ProfileError, match=message):
        load_profile(file)


ALONE = [
    # A fault in the form of the file is the only one reported: there is nothing else to check.
    (b"", 1, "empty"),
    (b"# nothing but a comment\n", 1, "empty"),
    (b"- a\n- b\n", 1, "mapping of sections.*got a list"),
    (b"just text\n", 1, "mapping of sections.*'just text'"),
    (b"a: b\n\xff\xfe\n", 2, "not text in UTF-8.*0xff"),
    (b"\x89PNG\r\n\x1a\n\x00\x00", 1, "not text in UTF-8"),
    (b"\x00" * 64, 1, "not YAML text"),
    (b"a: b\n" + b"#" * MAX_BYTES, 1, "too large"),
    (b"a: b\n\tc: d\n", 2, "not YAML"),
    (b"%YAML 9.9\n---\na: b\n", 1, "not YAML"),
    (b"? [a]\n: b\n", 1, "keys must be text"),
]


@pytest.mark.parametrize(("content", "line", "message"), ALONE)
def test_a_file_that_is_no_profile(tmp_path: Path, content: bytes, line: int, message: str) -> None:
    file = write(tmp_path, content)
    first = check_profile(file)[0]
    assert (first.line, first.path) == (line, "")
    with pytest.raises(ProfileError, match=message):
        load_profile(file)


def test_six_faults_are_reported_together_with_their_lines(tmp_path: Path) -> None:
    text = (
        GOOD.replace("kind: cpu", "kind: gpu")
        .replace("clock: {value: 2 GHz", "clock: {value: -2 GHz")
        .replace(
            "binary: {value: 1 vector/cycle, source: book", "binary: {value: 1 GB, source: boc"
        )
        .replace("  int8: ", "  int9: ")
        .replace("  static: {value: 1 W, source: book, basis: estimated}\n", "")
    )
    found = {(f.path, f.line) for f in check_profile(write(tmp_path, text))}
    assert found == {
        ("kind", line_of(text, "kind:")),
        ("clock.value", line_of(text, "clock:")),
        ("throughput.binary.value", line_of(text, "binary:")),
        ("throughput.binary.source", line_of(text, "binary:")),
        ("throughput.int9", line_of(text, "int9:")),
        ("throughput.int8", line_of(text, "throughput:")),  # missing: at its section
        ("energy.static", line_of(text, "energy:\n  node")),
    }
    with pytest.raises(ProfileError, match="has 7 faults") as caught:
        load_profile(tmp_path / "toy.yaml")
    assert len(str(caught.value).splitlines()) == 8


def test_faults_of_instructions_are_reported_together(tmp_path: Path) -> None:
    text = (
        GOOD.replace("ports: [F0, F1]", "ports: ['', '']")
        .replace("uops: 1\n", "uops: 0\n")
        .replace("vector_store:", "vector_sotre:")
        .replace("3 op/cycle", "3 Hz")
        .replace("  execution: out-of-order\n", "")
    )
    found = {(f.path, f.line) for f in check_profile(write(tmp_path, text))}
    assert found == {
        ("core.execution", line_of(text, "core:")),
        ("core.issue_width.value", line_of(text, "issue_width")),
        ("instructions.vector_logic.ports[0]", line_of(text, "ports:")),
        ("instructions.vector_logic.ports[1]", line_of(text, "ports:")),
        ("instructions.vector_logic.uops", line_of(text, "uops: 0")),
        ("instructions.vector_sotre", line_of(text, "vector_sotre")),
    }


def without_instructions(text: str) -> str:
    return text[: text.index("core:\n")] + text[text.index("memories:\n") :]


def test_instructions_without_a_core(tmp_path: Path) -> None:
    text = GOOD[: GOOD.index("core:\n")] + GOOD[GOOD.index("instructions:\n") :]
    (found,) = check_profile(write(tmp_path, text))
    assert (found.path, found.line) == ("instructions", line_of(text, "instructions:"))
    assert "needs the profile's core section" in found.message


OPERATIONS = ("binary_mac", "bwn_mac", "int8_mac", "fp32_mac", "fp_op", "binarize")


def without_operations(text: str, *kept: str) -> str:
    """The profile without energies of operations but those kept."""
    starts = tuple(f"  {name}: {{value: {n} pJ" for n, name in enumerate(OPERATIONS, 1)
                   if name not in kept)  # fmt: skip
    return "".join(line for line in text.splitlines(True) if not line.startswith(starts))


def test_a_profile_without_energies_of_operations_is_good(tmp_path: Path) -> None:
    assert check_profile(write(tmp_path, without_operations(GOOD))) == ()


def test_each_energy_that_is_missing_beside_another_is_named(tmp_path: Path) -> None:
    text = without_operations(GOOD, "fp_op")
    found = check_profile(write(tmp_path, text))
    assert [f.path for f in found] == sorted(
        f"energy.{name}" for name in OPERATIONS if name != "fp_op"
    )
    assert {f.line for f in found} == {line_of(text, "energy:\n  node")}


def test_a_profile_without_instructions_is_good(tmp_path: Path) -> None:
    assert check_profile(write(tmp_path, without_instructions(GOOD))) == ()


@pytest.mark.parametrize(
    ("section", "path", "message"),
    [
        ("instructions: {}\n", "instructions", "at least one class"),
        ("instructions: {}\n", "instructions", "core section beside it"),
        ("instructions:\n  branch: 1\n", "instructions.branch", "a mapping of keys"),
        ("core:\n  execution: in-order\n"
         "  issue_width: {value: 1 op/cycle, source: book, basis: measured}\n", "core",
         "instructions section beside it"),
    ],
)  # fmt: skip
def test_half_an_instruction_section(tmp_path: Path, section: str, path: str, message: str) -> None:
    text = without_instructions(GOOD).replace("memories:\n", section + "memories:\n")
    found = check_profile(write(tmp_path, text))
    assert [f for f in found if f.path == path and message in f.message], found


def test_a_comma_that_cuts_a_note_is_explained(tmp_path: Path) -> None:
    text = edited("{value: 2 GHz, s", "{value: 2 GHz, note: one, two, s")
    with pytest.raises(ProfileError, match=r"unknown key.*comma needs quotes"):
        load_profile(write(tmp_path, text))


def test_faults_come_in_the_order_of_lines(tmp_path: Path) -> None:
    text = GOOD.replace("source: book", "source: boc")
    lines = [fault.line for fault in check_profile(write(tmp_path, text))]
    assert lines == sorted(lines)
    assert len(lines) == GOOD.count("source: book") + 1  # and one source that is not used


def test_a_source_named_in_a_note_is_used(tmp_path: Path) -> None:
    text = GOOD.replace("sources:\n", "sources:\n  second: another book\n").replace(
        "{value: 2 GHz, s", "{value: 2 GHz, note: less than in second, s"
    )
    assert check_profile(write(tmp_path, text)) == ()


def test_unknown_names_are_answered_with_near_and_all_choices() -> None:
    with pytest.raises(ProfileError, match=r"did you mean paper-64ops.*raspberry-pi-4b"):
        load_profile("paper-64op")
    with pytest.raises(ProfileError, match=r"\.\./paper-64ops.*cannot be read"):
        load_profile("../paper-64ops")


@pytest.mark.parametrize("path", ["absent.yaml", ".", "nul\0.yaml"])
def test_files_that_cannot_be_read(tmp_path: Path, path: str) -> None:
    with pytest.raises(ProfileError, match="cannot be read"):
        check_profile(tmp_path / path)


LINES = [str(line) for line in GOOD.splitlines(keepends=True)]
SNIPPETS = [
    "{", "}", "[", "]", "&a ", "*a", "!!set {}", "!x ", "? ", "- ", ": ", "<<: ", "|\n", "null",
    "1:30", "0x1F", "yes", "2026-11-22", "1_000", "9" * 5000, "1e400", "\t", "\x00", "---\n",
    "é", "'", '"', "#", "%", "@", "~", "-0", "{unlimited: true}", ".inf", "!!float x",
]  # fmt: skip


@settings(max_examples=100)
@given(
    damage=st.lists(
        st.tuples(
            st.integers(0, len(LINES) - 1),
            st.sampled_from(["drop", "twice", "cut", "put"]),
            st.integers(0, 80),
            st.sampled_from(SNIPPETS),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_damaged_profile_is_right_or_has_faults_and_nothing_else_happens(
    damage: list[tuple[int, str, int, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = list(LINES)
    for index, what, column, snippet in damage:
        line = lines[index]
        lines[index] = {
            "drop": "",
            "twice": line * 2,
            "cut": line[:column],
            "put": line[:column] + snippet + line[column:],
        }[what]
    path = write(tmp_path_factory.getbasetemp(), "".join(lines))
    faults = check_profile(path)
    if faults:
        assert all(1 <= fault.line <= "".join(lines).count("\n") + 1 for fault in faults)
        with pytest.raises(ProfileError):
            load_profile(path)
    else:
        assert load_profile(path).schema_version == 1


@given(content=st.binary(max_size=200))
def test_any_bytes_are_right_or_have_faults(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert check_profile(write(tmp_path_factory.getbasetemp(), content)) != ()
