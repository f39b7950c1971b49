"""Our packages as a reader of their source sees them: files, imports, names used and calls made."""

import ast
import gc
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

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
    with uncollected():
        return ast.parse((ROOT / file).read_text(encoding="utf-8"), file)


@contextmanager
def uncollected() -> Generator[None]:
    """Keep the garbage collector out: it would go through all trees again for every few nodes of a new one."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


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


def calls(file: str) -> Iterator[tuple[int, str]]:
    """Yield every dotted name that is called in `file`, with its line."""
    found = (node for node in all_nodes(file) if isinstance(node, ast.Call))
    return ((node.lineno, dotted(node.func)) for node in found)
