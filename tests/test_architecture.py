"""The shape that must not bend: who may import whom, without a cycle, in folders that a reader can take in."""

import ast
from collections import Counter
from functools import cache
from graphlib import TopologicalSorter

import pytest

from tests.source_tree import MAY_IMPORT, ROOT, dotted, files, imports, tree

pytestmark = pytest.mark.slow

MOST_FILES = 16
OF_COMMANDS = {"benchmarks": 24}
"""A module for each command that people type, and nothing else: one reads its list, not its files."""
MAY_ALSO_IMPORT = {"ops/demo/demo.py": {"simulator"}}
"""The demo brings its own venue; nobody else may lean on the judge."""


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_it_may(package: str) -> None:
    """Services never import each other, nothing imports `ops`, the simulator imports nothing of ours."""
    wrong = [
        str(imported)
        for file in files()
        if file.startswith(package + "/")
        for imported in imports(file)
        if imported.package in MAY_IMPORT.keys() - MAY_IMPORT[package] - MAY_ALSO_IMPORT.get(file, set())
    ]

    assert wrong == []


def test_no_folder_holds_more_than_a_reader_can_take_in() -> None:
    """About fifteen files a folder, tests and simulator included, not counting `__init__`."""
    counts = Counter(
        file.rpartition("/")[0] for file in (*files(), *files_of_tests()) if not file.endswith("__init__.py")
    )

    assert {folder: count for folder, count in counts.items() if count > OF_COMMANDS.get(folder, MOST_FILES)} == {}


def files_of_tests() -> tuple[str, ...]:
    return tuple(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py"))


def test_no_module_is_part_of_an_import_cycle() -> None:
    """Imports for type checking and inside functions included: each module can be read after those it names."""
    order = TopologicalSorter({name: imported_modules(file) - {name} for name, file in modules().items()})

    order.prepare()


@cache
def modules() -> dict[str, str]:
    return {file.removesuffix(".py").removesuffix("/__init__").replace("/", "."): file for file in files()}


def imported_modules(file: str) -> set[str]:
    """Return the modules of ours that a file names, those it takes whole from their package too."""
    named = {f"{imported.module}.{name}" for imported in imports(file) for name in imported.names}
    return (named | {imported.module for imported in imports(file)}) & modules().keys()


def test_importing_builds_nothing() -> None:
    """No module opens a connection or starts a thread when it is imported."""
    starters = {"connect", "Redis.from_url", "Thread", "threading.Thread", "logs.configure", "subprocess.Popen"}
    wrong = [
        f"{file}:{statement.lineno}"
        for file in files()
        for statement in tree(file).body
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr)
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and dotted(node.func) in starters
    ]

    assert wrong == []


def test_every_package_says_what_it_is_for() -> None:
    silent = [file for file in files() if file.endswith("__init__.py") and ast.get_docstring(tree(file)) is None]

    assert silent == []
