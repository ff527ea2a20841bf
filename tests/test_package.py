"""The package as others meet it: its names, its imports, and the wheel outside the checkout."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from hashlib import sha256
from importlib import metadata, util
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import xnorsim

HEAVY = ("numpy", "pandas", "scipy", "matplotlib", "onnx", "pint", "networkx", "pydantic", "yaml")


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command that must succeed, with nothing of this checkout in its path."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{done.stderr}"
    return done.stdout


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", xnorsim.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(xnorsim, name) is not None
    assert dir(xnorsim) == sorted(xnorsim.__all__)


def test_lazy_table_and_typed_imports_say_the_same() -> None:
    tree = ast.parse(Path(xnorsim.__file__).read_text())
    typed = {
        alias.asname or alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("xnorsim.")
        for alias in node.names
    }
    assert typed == xnorsim._PUBLIC
    assert sorted([*typed, "__version__"]) == sorted(xnorsim.__all__)


def test_unknown_name_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match=r"'xnorsim' has no attribute 'analyse'"):
        _ = xnorsim.analyse


@pytest.mark.parametrize("first", ["import xnorsim.explore.knobs", "xnorsim.explore"])
def test_a_room_is_called_as_the_public_function_of_its_name(project: Path, first: str) -> None:
    code = f"""
import xnorsim
{first}
try:
    xnorsim.explore("resnet18", profile="no-board")
except xnorsim.XnorsimError as fault:
    print(fault)
print(xnorsim.explore.knobs.MIXED)
"""
    told = run(sys.executable, "-c", code, cwd=project)
    assert told.startswith("no profile is named 'no-board'")
    assert told.endswith("mixed\n")


# --- imports -------------------------------------------------------------------------------------


def test_import_loads_no_heavy_library(project: Path) -> None:
    code = f"import sys, xnorsim; print(*sorted({set(HEAVY)} & sys.modules.keys()))"
    assert run(sys.executable, "-c", code, cwd=project).split() == []


def imported_modules(project: Path) -> dict[str, set[str]]:
    """Top-level modules from outside that xnorsim imports anywhere -> the files that do."""
    found: dict[str, set[str]] = {}
    for path in sorted((project / "xnorsim").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names and top != "xnorsim":
                    found.setdefault(top, set()).add(path.relative_to(project).as_posix())
    return found


def requirements(project: Path) -> dict[str, list[Requirement]]:
    """What pyproject.toml asks for: by extra, "core" and "build" included."""
    table = tomllib.loads((project / "pyproject.toml").read_text())
    groups = {
        "build": table["build-system"]["requires"],
        "core": table["project"]["dependencies"],
        **table["project"]["optional-dependencies"],
    }
    found = {group: [Requirement(text) for text in texts] for group, texts in groups.items()}
    return {
        group: [need for need in needs if need.name != "xnorsim"]  # an extra that has another
        for group, needs in found.items()
    }


def test_every_import_is_a_declared_dependency(project: Path) -> None:
    declared = {
        canonicalize_name(requirement.name)
        for group, found in requirements(project).items()
        if group not in ("build", "test", "dev", "bench")
        for requirement in found
    }
    owners = metadata.packages_distributions()
    undeclared = {
        module: sorted(files)
        for module, files in imported_modules(project).items()
        if not declared & {canonicalize_name(name) for name in owners.get(module, [module])}
    }
    assert undeclared == {}


def test_constraints_pin_what_the_scripts_install(project: Path) -> None:
    pins: dict[str, list[Requirement]] = {}
    for line in (project / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            pin = Requirement(line)
            pins.setdefault(canonicalize_name(pin.name), []).append(pin)
    exact = all(str(pin.specifier).startswith("==") for found in pins.values() for pin in found)
    assert exact, "a range would install another version tomorrow"
    scripts = ("build", "core", "test", "dev", "bench")
    wanted = [need for group in scripts for need in requirements(project)[group]]
    stale = [
        str(need)
        for need in wanted
        if not pins.get(canonicalize_name(need.name))
        or not all(
            need.specifier.contains(str(pin.specifier).removeprefix("=="))
            for pin in pins[canonicalize_name(need.name)]
        )
    ]
    assert stale == [], "run scripts/lock"


# --- the wheel -----------------------------------------------------------------------------------


def build(target: str, source: Path, folder: Path) -> Path:
    """Builds `source` as a wheel or sdist into `folder`, with the backend of this environment."""
    run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder, cwd=source)
    (file,) = folder.iterdir()
    return file


@pytest.fixture(scope="module")
def wheel(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", project, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts folder of a new environment with the wheel in it.

    The dependencies are those of the environment the tests run in: a path file lends its packages,
    but not what its own path files point at, so the checkout stays out of sight.
    """
    if util.find_spec("pip") is None:
        pytest.skip("pip is not installed here, so the wheel cannot be installed")
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    python = next(folder.glob("[bS]*/python*"))
    pip = [sys.executable, "-m", "pip", "--python", python]
    run(*pip, "install", "-q", "--no-deps", "--no-index", wheel, cwd=folder)
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    (packages,) = run(python, "-c", code, cwd=folder).splitlines()
    (ours,) = run(sys.executable, "-c", code, cwd=folder).splitlines()
    (Path(packages) / "dependencies.pth").write_text(ours)
    return python.parent


@pytest.mark.slow
def test_wheel_holds_the_package_the_profiles_and_nothing_else(wheel: Path, project: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        licenses = [name for name in archive.namelist() if name.endswith("licenses/LICENSE")]
    found = (project / "xnorsim").rglob("*")
    files = [p for p in found if p.is_file() and p.parent.name != "__pycache__"]
    expected = {p.relative_to(project).as_posix() for p in files}
    profiles = {p.name for p in (project / "hwprofiles").glob("*.yaml")}
    assert profiles, "a checkout has profiles"
    assert names == expected | {f"xnorsim/hwprofiles/{name}" for name in profiles}
    assert licenses


@pytest.mark.slow
def test_sdist_builds_the_same_wheel(wheel: Path, project: Path, tmp_path: Path) -> None:
    (tmp_path / "sdist").mkdir()
    (tmp_path / "wheel").mkdir()
    with tarfile.open(build("sdist", project, tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = (p.parent for p in tmp_path.glob("xnorsim-*/pyproject.toml"))
    again = build("wheel", source, tmp_path / "wheel")
    assert again.name == wheel.name
    assert digests(again) == digests(wheel)


def digests(wheel: Path) -> dict[str, str]:
    """Name -> SHA-256 of every file in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


@pytest.mark.slow
def test_installed_package_finds_its_profiles(
    installed: Path, project: Path, tmp_path: Path
) -> None:
    code = "import xnorsim; print(xnorsim.__file__, *xnorsim.profile_names(), sep='\\n')"
    where, *names = run(installed / "python", "-c", code, cwd=tmp_path).splitlines()
    assert Path(where).is_relative_to(installed.parent), "must not be the checkout's package"
    assert sorted(names) == sorted(p.stem for p in (project / "hwprofiles").glob("*.yaml"))


@pytest.mark.slow
def test_installed_package_loads_every_profile(installed: Path, tmp_path: Path) -> None:
    code = (
        "import xnorsim\n"
        "for name in xnorsim.profile_names(): print(name, xnorsim.load_profile(name).name)"
    )
    lines = run(installed / "python", "-c", code, cwd=tmp_path).splitlines()
    assert lines
    assert all(asked == got for asked, got in map(str.split, lines))


@pytest.mark.slow
def test_installed_program_tells_its_version(installed: Path, tmp_path: Path) -> None:
    assert xnorsim.__version__ in run(installed / "xnorsim", "--version", cwd=tmp_path)
    assert not list(tmp_path.iterdir()), "asking for the version writes nothing"
