"""Each outside thing has its owners, and nobody else touches it."""

import ast

import pytest

from tests.owners import CLIENT_MAKERS, COMMAND_LINE_OWNERS, ENVIRONMENT_OWNERS, OWNERS, REDIS_OWNERS, owned
from tests.source_tree import all_nodes, dotted, imports, shipped, tree, uses

pytestmark = pytest.mark.slow


def is_part(module: str, of: str) -> bool:
    return module == of or module.startswith(of + ".")


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
