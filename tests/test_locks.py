"""What each `make` target installs: what running needs, what reports need, what tests need; locked and hashed."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest

from tests.conftest import ROOT

RUN, REPORT, DEV = "requirements.lock", "requirements-report.lock", "requirements-dev.lock"
OURS = ("backtest", "buyer", "detector", "ops", "redeemer", "shared", "simulator")
QUARTER_BYTES = 275_000_000
"""What `make demo` may take at most; all that tests need takes four times as much."""
SLIM_BYTES = 190_000_000
"""What the packages of the slim image may take."""
TOOLS = ("setuptools", "pip")
NOT_IMPORTED = {
    "cyclonedx-bom": "a command: make sbom",
    "setuptools": "builds the package",
    "supervisor": "runs the services on a machine without containers (supervisord.conf)",
    "import-linter": "a command",
    "mkdocs-material": "a command: mkdocs",
    "pyright": "a command",
    "python-multipart": "the dashboard's forms are read with it by starlette",
    "pytest-timeout": "pytest loads it by itself",
    "pytest-xdist": "pytest loads it by itself",
    "ruff": "a command",
    "types-pyyaml": "read by the type checker",
    "types-requests": "read by the type checker",
    "uv": "a command",
}
"""What is declared and imported by no file of ours, and why."""


def pins(lock: str) -> dict[str, str]:
    """Return name -> version, with the marker that says where it counts."""
    lines = re.findall(r"(?m)^([\w.-]+)(?:\[[^]]*\])?==(.+?) \\$", (ROOT / lock).read_text())
    assert lines, lock
    return dict(lines)


def versions(lock: str) -> dict[str, str]:
    """Return name -> version, wherever it counts."""
    return {name: pin.split(" ;")[0] for name, pin in pins(lock).items()}


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=~!; ]", requirement, maxsplit=1)[0].lower()


def extras() -> dict[str, set[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = {extra: {name_of(each) for each in of} for extra, of in project["optional-dependencies"].items()}
    return {**found, "": {name_of(each) for each in project["dependencies"]}}


IMPORT = re.compile(r"(?m)^( *)(?:from (\w+)[\w.]* import |import (\w+))")


def imported(source: Path, *, anywhere: bool) -> Iterator[str]:
    """Give the top packages that a file imports: whenever it is imported itself, or `anywhere` in it."""
    for indent, package, module in IMPORT.findall(source.read_text(encoding="utf-8")):
        if anywhere or not indent:
            yield package or module


@cache
def distributions() -> dict[str, str]:
    """Return import name -> distribution."""
    return {package: names[0].lower().replace("_", "-") for package, names in packages_distributions().items()}


def needed(*, anywhere: bool) -> set[str]:
    """Return the distributions that our programs import."""
    files = [file for package in OURS for file in (ROOT / package).rglob("*.py")]
    packages = {name for file in files for name in imported(file, anywhere=anywhere)} - {
        *OURS,
        *sys.stdlib_module_names,
    }
    return {distributions()[package] for package in packages}


BY_NAME = re.compile(r"(?:import_module|importorskip)\(\"(\w+)")


def imported_anywhere(folders: tuple[str, ...]) -> set[str]:
    """Return every distribution that has a package which a file below these imports, by name at run time included."""
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    packages = {name for file in files for name in imported(file, anywhere=True)}
    packages |= {name for file in files for name in BY_NAME.findall(file.read_text(encoding="utf-8"))}
    owners = packages_distributions()
    return {owner.lower().replace("_", "-") for package in packages for owner in owners.get(package, ())}


@pytest.mark.slow
def test_every_declared_dependency_is_imported_or_has_a_reason() -> None:
    of = extras()
    shipped = {name for extra in ("", "simulator", "report", "web", "alerts", "build") for name in of[extra]}
    tried = of["dev"] | of["live"]
    ours, with_tests = imported_anywhere(OURS), imported_anywhere((*OURS, "benchmarks", "tests"))

    assert shipped - ours | tried - with_tests == NOT_IMPORTED.keys()


@pytest.mark.parametrize("lock", [RUN, REPORT, DEV])
def test_a_lock_pins_and_hashes_each_requirement_and_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()

    for block in re.split(r"(?m)^(?=[\w])", text)[1:]:
        assert "==" in block, block
        assert "--hash=sha256:" in block, block
    assert not re.search(r"://|@ |--index|--find-links|--trusted", text)


def test_the_locks_agree_so_that_one_adds_to_the_other() -> None:
    """`make demo` after `make test`, or before it, changes no version."""
    assert versions(RUN).items() <= versions(REPORT).items() <= versions(DEV).items()


def test_each_lock_holds_what_its_extras_name_and_the_small_one_nothing_else() -> None:
    of = extras()
    runs = of[""] | of["simulator"] | of["live"] | of["web"] | of["alerts"] | of["build"]

    assert runs <= set(pins(RUN))
    assert runs | of["report"] <= set(pins(REPORT))
    assert runs | of["report"] | of["dev"] <= set(pins(DEV))
    also = {"pyyaml"}  # alerts need it, too
    assert not ((of["report"] | of["dev"]) - runs - also) & set(pins(RUN)), (
        "no type checker, browser driver, node or plots"
    )


@pytest.mark.slow
def test_what_every_program_imports_is_what_running_installs() -> None:
    """Each module can be imported; what only a report draws with is imported where it is drawn."""
    assert needed(anywhere=False) - set(TOOLS) <= set(pins(RUN))
    assert needed(anywhere=True) - set(TOOLS) <= set(pins(REPORT))


def taken_by(names: Iterable[str]) -> int:
    """Return the bytes of what these distributions installed here."""
    files = [Path(str(path.locate())) for name in names for path in distribution(name).files or ()]
    return sum(file.stat().st_size for file in files if file.is_file())


def test_what_the_demo_installs_takes_a_quarter_of_what_tests_need() -> None:
    names = [name for name, where in pins(RUN).items() if ";" not in where]

    assert 50_000_000 < taken_by((*names, "pip")) < QUARTER_BYTES


def test_what_the_slim_image_installs_leaves_a_base_of_debian_and_python_its_place_in_350_megabytes() -> None:
    """`make image-sizes` measures the whole stage, our own files included."""
    names = [name for name, where in pins(RUN).items() if ";" not in where and name not in TOOLS]

    assert 50_000_000 < taken_by(names) < SLIM_BYTES


@pytest.mark.process
@pytest.mark.parametrize(
    ("target", "lock"),
    [("demo", RUN), ("run", RUN), ("install", RUN), ("install-report", REPORT), ("test", DEV), ("check", DEV)],
)
def test_a_target_installs_from_its_own_lock(tmp_path: Path, target: str, lock: str) -> None:
    for name in ("Makefile", "pyproject.toml", RUN, REPORT, DEV):
        shutil.copy(ROOT / name, tmp_path)

    told = subprocess.run(
        ["make", "--no-print-directory", "-n", target], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert re.findall(r"--require-hashes -r (\S+)", told.stdout) == [lock]


def test_every_make_target_that_somebody_is_told_to_run_exists() -> None:
    """In documents, files of settings and messages."""
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "supervisord.conf", ROOT / ".env.example"]
    files += [file for package in OURS for file in (ROOT / package).rglob("*.py")]
    told = {name for file in files for name in re.findall(r"(?:`|(?m:^ *))make ([a-z][a-z-]*)", file.read_text())}

    assert {"demo", "run", "install", "install-report", "test"} <= told
    assert told - targets == set()


@pytest.mark.process
@pytest.mark.parametrize(("image", "lock"), [("slim", RUN), ("report", REPORT)])
def test_a_bill_of_materials_lists_what_its_image_holds_with_its_hashes(tmp_path: Path, image: str, lock: str) -> None:
    """`make sbom` runs the same words: from the lock alone, nothing is asked of anybody."""
    words = re.findall(rf"\$\(BIN\)/(cyclonedx-py .* build/sbom-{image}\.json .*)", (ROOT / "Makefile").read_text())[0]
    file = tmp_path / "sbom.json"
    command = [part.replace(f"build/sbom-{image}.json", str(file)) for part in words.split()]

    subprocess.run([str(Path(sys.prefix) / "bin" / command[0]), *command[1:]], cwd=ROOT, check=True, timeout=60)

    bom = json.loads(file.read_text())
    listed = {part["name"].lower().replace("_", "-"): part["version"] for part in bom["components"]}
    locked = {name.lower().replace("_", "-"): found.partition(" ")[0] for name, found in pins(lock).items()}
    assert (bom["bomFormat"], bom["metadata"]["component"]["name"]) == ("CycloneDX", "hybrid-signals")
    assert listed == locked
    assert all("hashes" in str(part["externalReferences"]) for part in bom["components"])
