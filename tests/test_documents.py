"""What the documents name exists: files, sections, classes, and each word of the glossary once."""

import ast
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from itertools import product
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from backtest.__main__ import app as backtest_app
from backtest.export import app as export_app
from ops.cli import app as hybrid_app
from shared.setting_names import KNOWN

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
OURS = (
    "backtest",
    "benchmarks",
    "buyer",
    "deploy",
    "detector",
    "docs",
    "findings",
    "ops",
    "redeemer",
    "shared",
    "simulator",
    "tests",
)
EARLIER = {
    "HybridDetector",
    "RateGate",
    "DataApiActivitySource",
    "OrderbookSubgraphSource",
    "process_actionable",
    "MarketPriceFeed",
    "RedeemWorker",
    "ServiceRunner",
    "run_service",
}
"""The names of the system before this one, which its table must lead on from."""
DOCUMENTS = ("README.md", *sorted(page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").glob("*.md")))


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def named_paths(text: str) -> set[str]:
    """Return what stands in backticks and looks like a path of ours, each of `a/{b,c}` by itself."""
    spans = re.findall(rf"`((?:{'|'.join(OURS)})/[^`\s]*)`", text)
    return {path for span in spans for path in unfolded(span)}


def unfolded(span: str) -> Iterator[str]:
    parts = [part.split(",") for part in re.split(r"[{}]", span)]
    return ("".join(chosen) for chosen in product(*parts))


def exists(path: str) -> bool:
    """Say whether it is a file or folder of ours; a module may be named without its ending."""
    return any((ROOT / written).exists() for written in (path, f"{path}.py")) or ("*" in path and any(ROOT.glob(path)))


def sections(text: str) -> set[str]:
    return set(re.findall(r"^##+ ([\d.]*\d)", text, re.MULTILINE))


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of each row of each table, without headings."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    headings = re.findall(r"^(\|.*\|)\n\|-", text, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line not in headings]


@pytest.mark.pitfall(63)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_path_that_a_page_names_exists(name: str) -> None:
    assert sorted(path for path in named_paths(page(name)) if not exists(path)) == []


@pytest.mark.pitfall(63)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_between_pages_leads_to_a_file(name: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page(name))
    inside = [link for link in links if "://" not in link]

    assert [link for link in inside if not ((ROOT / name).parent / link).exists()] == []


def folder_lines() -> list[str]:
    """Return the line of each folder of the packages in the map: its path, and the sentence it begins with."""
    packages = ("backtest", "buyer", "detector", "ops", "redeemer", "shared", "simulator")
    found = sorted(path for package in packages for path in (ROOT / package).rglob("__init__.py"))
    names = [file.parent.relative_to(ROOT).as_posix() for file in found]
    sentences = [(ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").splitlines() for file in found]
    return [
        f"| `{name}/` | {sentence[0]} |" if "/" in name else f"**`{name}/`** {sentence[0]}"
        for name, sentence in zip(names, sentences, strict=True)
    ]


def test_the_map_of_the_architecture_shows_every_folder_by_its_own_sentence() -> None:
    lines = set(page("docs/architecture.md").splitlines())

    assert [line for line in folder_lines() if line not in lines] == []


def shown_commands() -> list[str]:
    """Return every command that a block of a page shows, without its comment and what comes after a pipe."""
    blocks = (block for name in DOCUMENTS for block in re.findall(r"(?ms)^```\w*\n(.*?)^```", page(name)))
    lines = {line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()}
    return sorted(line for line in lines if re.match(r"(\.venv/bin/)?(hybrid|python -m|make) ", line))


def test_commands_are_shown() -> None:
    assert len(shown_commands()) > 15


def flags_in(line: str) -> set[str]:
    return {word.partition("=")[0] for word in shlex.split(line) if word.startswith("--")}


def words_of(line: str) -> list[str]:
    return shlex.split(line.removeprefix(".venv/bin/"))


TYPER_PROGRAMS = {"backtest": backtest_app, "backtest.export": export_app}


def is_quick(line: str) -> bool:
    """Say whether its help can be had without a process of its own."""
    words = words_of(line)
    return words[:2] != ["hybrid", "service"] and (words[0] != "python" or words[2] in TYPER_PROGRAMS)


@pytest.mark.pitfall(63)
@pytest.mark.parametrize("line", [line for line in shown_commands() if is_quick(line)])
def test_each_command_that_a_page_shows_is_known_with_its_flags(line: str) -> None:
    assert flags_in(line) - known_flags(words_of(line)) == set()


def known_flags(words: list[str]) -> set[str]:
    """Return the flags of `make TARGET` (none), `hybrid COMMAND` or `python -m MODULE`."""
    match words:
        case ["make", target, *_]:
            assert f"\n{target}:" in page("Makefile")
            return set()
        case ["hybrid", command, *_]:
            return helped_flags(hybrid_app, command)
        case _:
            return helped_flags(TYPER_PROGRAMS[words[2]])


def helped_flags(program: typer.Typer, *command: str) -> set[str]:
    shown = CliRunner().invoke(program, [*command, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    return set(re.findall(r"--[a-z][a-z-]*", shown.output))


@pytest.mark.process
@pytest.mark.pitfall(63)
@pytest.mark.parametrize("line", [line for line in shown_commands() if not is_quick(line)])
def test_each_program_that_a_page_shows_is_known_with_its_flags(line: str) -> None:
    words = words_of(line)
    program = ["-m", words[2]] if words[0] == "python" else ["-m", "ops.run_service"]

    shown = subprocess.run([sys.executable, *program, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert flags_in(line) - set(re.findall(r"--[a-z][a-z-]*", shown.stdout)) == set()


def test_every_reference_to_the_venue_leads_to_a_section_of_its_page() -> None:
    known = sections(page("docs/venue.md"))
    wrong = [
        f"{file.relative_to(ROOT)}: {number}"
        for package in OURS
        for file in (ROOT / package).rglob("*")
        if file.suffix in {".py", ".lua", ".sol"} and file != Path(__file__)
        for number in referred(file.read_text(encoding="utf-8"))
        if number not in known
    ]

    assert wrong == []


def referred(text: str) -> Iterator[str]:
    """Yield each section that is referred to; what is no number stands for itself and is wrong."""
    plain = re.sub(r"\s+(?:// |# )?", " ", text)
    for found in re.finditer(r"venue reference(?: (\S+?)(?: (?:and|to) (\d[\d.]*))?)?[.,;:)\s\"`]*(?= |$)", plain):
        yield from (number.rstrip('.,;:)"') for number in found.groups(default="") if number)
        if found.group(1) is None:
            yield "no section"


def test_each_fact_of_the_venue_has_a_version_a_dated_source_and_a_test() -> None:
    rows = table_rows(page("docs/venue.md"))
    incomplete = [
        row[0]
        for row in rows
        if not all(row) or not re.search(r"20\d\d", cell_of(row, "source")) or not named_paths(cell_of(row, "held by"))
    ]

    assert (len(rows) > 60, incomplete) == (True, [])


def cell_of(row: list[str], heading: str) -> str:
    """Return a cell of a fact: of four columns, or of seven where clients guess otherwise."""
    columns = {4: ("source", "held by"), 7: ("source", "held by", "what we do")}[len(row)]
    return row[columns.index(heading) - len(columns)]


def test_the_venues_page_says_what_clients_guess_and_what_we_do() -> None:
    guessed = [row for row in table_rows(page("docs/venue.md")) if len(row) == 7]

    assert len(guessed) >= 15
    assert any("**wrong**" in row[1] for row in guessed)


def test_each_word_of_the_glossary_stands_there_once_with_the_file_it_lives_in() -> None:
    rows = table_rows(page("docs/glossary.md"))
    words = Counter(word.strip().lower() for row in rows for word in row[0].split(","))

    assert ([row for row in rows if not named_paths(row[2])], {word for word in words if words[word] > 1}) == (
        [],
        set(),
    )


def imported_names() -> list[str]:
    """Return what the second column of the tables names with its module, as `package.module.Thing.method`."""
    dotted = rf"`((?:{'|'.join(OURS)})\.[\w.]+)`"
    return sorted({name for row in table_rows(page("docs/migration.md")) for name in re.findall(dotted, row[1])})


def test_the_table_of_migration_names_what_the_earlier_system_had() -> None:
    things = {name.rpartition(".")[2] for name in imported_names()}

    assert things >= EARLIER


@pytest.mark.parametrize("name", imported_names())
def test_each_thing_that_migration_names_is_there(name: str) -> None:
    module, attributes = split_name(name)

    thing: object = import_module(module)
    for attribute in attributes:
        thing = getattr(thing, attribute)

    assert thing is not None


def split_name(name: str) -> tuple[str, list[str]]:
    """Return the longest part of `name` that is a module, and the attributes behind it."""
    module, attributes = name, list[str]()
    while not exists(module.replace(".", "/")):
        module, _, last = module.rpartition(".")
        attributes.insert(0, last)
    return module, attributes


def test_each_setting_that_migration_leads_to_is_one_of_ours() -> None:
    rows = table_rows(page("docs/migration.md").partition("## Settings")[2].partition("## Modules")[0])
    todays = [re.findall(r"`([A-Z_]+)`", row[1])[0] for row in rows]

    assert (len(todays) >= 3, [name for name in todays if name not in KNOWN]) == (True, [])
