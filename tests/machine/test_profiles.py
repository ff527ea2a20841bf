"""The bundled profiles, their schema, and how quantities are listed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from xnorsim.machine.profile import (
    check_profile,
    load_profile,
    profile_names,
    profile_schema,
    profile_text,
    quantities,
)
from xnorsim.machine.schema import HardwareProfile, dimension_of, quantity_fields

BUNDLED = profile_names()


def test_the_profiles_are_there() -> None:
    assert set(BUNDLED) >= {
        "apple-m1", "cortex-m4f", "cortex-m7", "haswell", "neoverse-n1", "paper-64ops", "pixel-1",
        "raspberry-pi-3b-plus", "raspberry-pi-4b", "raspberry-pi-5", "skylake-sp",
        "x86-avx512-vpopcnt", "zen-3", "zen-4",
    }  # fmt: skip


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_profile_is_right_and_named_as_its_file(name: str) -> None:
    assert check_profile(name) == ()
    assert load_profile(name).name == name


@pytest.mark.parametrize("name", BUNDLED)
def test_a_guess_shows_its_arithmetic(name: str) -> None:
    silent = [row.path for row in quantities(load_profile(name)) if row.basis == "estimated"
              and not row.note]  # fmt: skip
    assert silent == []


@pytest.mark.parametrize("name", BUNDLED)
def test_sources_can_be_found(name: str) -> None:
    lost = [
        key
        for key, text in load_profile(name).sources.items()
        if not re.search(r"https?://|\b[a-z0-9-]+(\.[a-z0-9-]+)+/\S", text)
    ]
    assert lost == []


@pytest.mark.parametrize("name", BUNDLED)
def test_quantities_lists_every_quantity_once(name: str) -> None:
    profile = load_profile(name)
    rows = quantities(profile)
    assert len({row.path for row in rows}) == len(rows)
    assert len(rows) == len(list(quantity_fields(profile.model_dump(by_alias=True))))
    assert all(row.source in profile.sources for row in rows)


@pytest.mark.parametrize("name", BUNDLED)
def test_a_profile_written_is_read_as_the_same(name: str, tmp_path: Path) -> None:
    path = tmp_path / "written.yaml"
    path.write_text(profile_text(load_profile(name)), encoding="utf-8")
    assert load_profile(path) == load_profile(name)


def test_quantities_gives_the_range_that_applies() -> None:
    rows = {row.path: row for row in quantities(load_profile("raspberry-pi-4b"))}
    assert rows["memories.L1.energy"][1:6] == (
        "1.2 pJ/byte", "0.6 pJ/byte", "2.4 pJ/byte", "estimated", "horowitz",
    )  # fmt: skip
    assert rows["clock"][1:4] == ("1.5 GHz", "1.5 GHz", "1.5 GHz")
    assert rows["cores"][1:4] == ("4", "4", "4")
    paper = {row.path: row for row in quantities(load_profile("paper-64ops"))}
    assert paper["throughput.binarize"][1:4] == ("unlimited", "", "")


def structure_faults(value: Any, schema: dict[str, Any], root: dict[str, Any], path: str) -> Any:
    """The part of JSON Schema that our schema uses, checked: an independent reading of it."""
    known = {
        "$defs", "$ref", "$schema", "additionalProperties", "anyOf", "const", "default",
        "description", "enum", "examples", "items", "minItems", "minLength", "minProperties",
        "minimum", "pattern", "properties", "required", "title", "type",
    }  # fmt: skip
    assert set(schema) <= known, f"{path}: keywords this check does not know: {set(schema) - known}"
    if "$ref" in schema:
        yield from structure_faults(value, root["$defs"][schema["$ref"].split("/")[-1]], root, path)
    if "anyOf" in schema:
        each = [list(structure_faults(value, s, root, path)) for s in schema["anyOf"]]
        if all(each):
            yield f"{path}: fits none of anyOf"
    types = {
        "object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
        "number": (int, float), "null": type(None),
    }  # fmt: skip
    if "type" in schema and not isinstance(value, types[schema["type"]]):
        yield f"{path}: not {schema['type']}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{path}: not {schema['const']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: not in {schema['enum']}"
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{path}: below {schema['minimum']}"
    if "minLength" in schema and len(value) < schema["minLength"]:
        yield f"{path}: too short"
    if "minItems" in schema and len(value) < schema["minItems"]:
        yield f"{path}: too few"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: not {schema['pattern']}"
    if isinstance(value, dict):
        yield from (f"{path}: {k} missing" for k in schema.get("required", ()) if k not in value)
        for key, item in value.items():
            below = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            if below is False:
                yield f"{path}: {key} unknown"
            else:
                yield from structure_faults(item, below, root, f"{path}.{key}")
    if isinstance(value, list):
        for item in value:
            yield from structure_faults(item, schema.get("items", {}), root, f"{path}[]")


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_profiles_fit_the_json_schema(name: str, project: Path) -> None:
    schema = profile_schema()
    value = yaml.safe_load((project / "hwprofiles" / f"{name}.yaml").read_text(encoding="utf-8"))
    assert list(structure_faults(value, schema, schema, name)) == []


def branch(**change: Any) -> dict[str, Any]:
    busy = {"value": "1 cycle", "source": "cacm", "basis": "published"}
    return {"ports": ["B"], "uops": 1, "busy": busy} | change


def test_the_json_schema_takes_instructions(project: Path) -> None:
    schema = profile_schema()
    value = yaml.safe_load((project / "hwprofiles" / "paper-64ops.yaml").read_text("utf-8"))
    value.update(instructions={"branch": branch()})
    assert list(structure_faults(value, schema, schema, "")) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda p: p.pop("clock"), "required"),
        (lambda p: p.update(colour="red"), "no other keys"),
        (lambda p: p.update(kind="array"), "one kind for now"),
        (lambda p: p["clock"].pop("source"), "required in a quantity"),
        (lambda p: p["clock"].update(basis="guess"), "four bases"),
        (lambda p: p["memories"][0].update(speed=1), "no other keys in a list"),
        (lambda p: p.update(memories="none"), "a list"),
        (lambda p: p.update(memories=[]), "at least one"),
        (lambda p: p.update(instructions={"vector_xor": {}}), "no other classes"),
        (lambda p: p.update(instructions={"branch": branch(uops=0)}), "at least one"),
        (lambda p: p.update(instructions={"branch": branch(ports=[])}), "at least one port"),
        (lambda p: p.update(instructions={"branch": branch(ports=[""])}), "a name"),
    ],
)
def test_the_json_schema_refuses(change: Any, why: str, project: Path) -> None:
    schema = profile_schema()
    value = yaml.safe_load((project / "hwprofiles" / "paper-64ops.yaml").read_text("utf-8"))
    change(value)
    assert list(structure_faults(value, schema, schema, "")) != [], why


def test_the_json_schema_is_json_and_explains_itself() -> None:
    schema = json.loads(json.dumps(profile_schema()))
    assert schema["title"] == "xnorsim hardware profile"
    for section in ("Throughput", "Energy", "Memory", "Instruction", "Instructions", "Quantity"):
        properties = schema["$defs"][section]["properties"]
        silent = {k for k, v in properties.items() if "description" not in v}
        assert silent <= {"name"}, section


def test_quantities_are_checked_when_a_profile_is_built_in_python(project: Path) -> None:
    value = yaml.safe_load((project / "hwprofiles" / "paper-64ops.yaml").read_text("utf-8"))
    value["clock"]["value"] = "2 KiB"
    with pytest.raises(ValueError, match=r"clock.value.*does not measure"):
        HardwareProfile.model_validate(value)


def test_a_path_without_a_quantity_has_no_dimension() -> None:
    assert dimension_of(("memories", 0, "size")).units == ("byte",)
    for path in (("name",), ("memories",), ("clock", "value"), ("nowhere", "else")):
        with pytest.raises(KeyError):
            dimension_of(path)
