"""A command imports what it needs: no name here, no wait and no memory for it."""

import subprocess
import sys

import pytest

COMMANDS = "import sys; from ops.cli import main; sys.argv = ['hybrid', {words}]; main()"
SHOW = "import atexit, sys; atexit.register(lambda: print(*sorted(sys.modules), sep='\\n', file=sys.stderr)); "
SERVER = {"redis", "shared.messages", "shared.config"}
SCREEN = {"rich"}
SERVICES = {"buyer", "detector", "redeemer", "backtest", "simulator", "ops"}
REAL_MONEY = {"coincurve", "eth_account", "eth_hash", "buyer.venue.polymarket", "buyer.composition_live"}
PROCESS = {"structlog", "prometheus_client", "pydantic_settings", "shared.process.service_runner"}
UPSTREAMS = {"requests", "urllib3", "websockets"}

pytestmark = pytest.mark.process


def imported(code: str) -> set[str]:
    """Return every module that a process of its own imports for `code`, and every package above it."""
    told = subprocess.run([sys.executable, "-c", SHOW + code], capture_output=True, text=True, check=True)
    return set(told.stderr.split())


@pytest.mark.parametrize("words", ["'--help'", "'version'"])
def test_what_asks_no_server_imports_neither_redis_nor_a_screen(words: str) -> None:
    found = imported(COMMANDS.format(words=words))

    assert "ops.cli" in found
    assert not found & (SERVER | SCREEN | PROCESS | UPSTREAMS | (SERVICES - {"ops"}))


def test_help_imports_no_pydantic() -> None:
    assert "pydantic" not in imported(COMMANDS.format(words="'--help'"))


def test_a_look_at_the_pipeline_imports_nothing_that_runs_one() -> None:
    found = imported("import ops.operator.status, ops.supervisor.server_folder")

    assert not found & (PROCESS | UPSTREAMS | {"rq", "detector", "redeemer", "buyer.composition", "buyer.strategy"})


@pytest.mark.parametrize("service", ["detector", "buyer", "redeemer"])
def test_a_service_imports_nothing_of_another(service: str) -> None:
    found = imported(f"import {service}.__main__")

    assert not found & ((SERVICES - {service}) | SCREEN | {"typer"})


@pytest.mark.parametrize("service", ["detector.__main__", "buyer.__main__", "redeemer.__main__", "redeemer.worker"])
def test_on_paper_nothing_is_imported_that_signs(service: str) -> None:
    assert not imported(f"import {service}") & REAL_MONEY


def test_a_program_with_a_log_can_still_draw() -> None:
    assert "rich.console" in imported("import shared.logs, rich.console")


@pytest.mark.parametrize("service", ["detector.__main__", "buyer.__main__"])
def test_only_the_redeemer_imports_a_queue_of_jobs(service: str) -> None:
    assert "rq" not in imported(f"import {service}")
