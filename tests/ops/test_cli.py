"""The command line: plain lines, the right exit codes, help with examples."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.supervisor.embedded_redis import free_port
from shared.code_version import code_version
from shared.domain import exit_codes
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
_RUNNING = ("up", "demo", "status", "redis", "capture", "pause", "flatten", "kill", "resume", "service", "version")
COMMANDS = (
    *_RUNNING,
    "docs",
    "why",
    "why-not",
    "wallet",
    "sweep",
    "sweep-worker",
    "audit",
    "follow",
    "unfollow",
    "leaders",
    "web",
    "positions",
    "trades",
    "pnl",
    "config",
    "controls",
    "sell",
)


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in {"service", "version", "docs"}])
def test_help_shows_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])

    assert result.exit_code == 0
    assert f"Example: hybrid {command}" in result.output


def test_a_command_that_names_a_module_names_one_with_a_main() -> None:
    source = (ROOT / "ops" / "commands" / "run.py").read_text(encoding="utf-8")
    named = re.findall(r'_(?:run|call)\("([\w.]+)"', source)

    assert {"demo.demo", "docs_generator", "run_service"} <= set(named)
    assert [name for name in named if not callable(getattr(import_module(f"ops.{name}"), "main", None))] == []


def test_every_command_and_every_exit_code_is_listed() -> None:
    output = CliRunner().invoke(app, ["--help"]).output

    assert all(f"  {command} " in output for command in COMMANDS)
    assert all(meaning.split(":")[0] in output for meaning in exit_codes.MEANINGS.values())


def hybrid(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from ops.cli import main; main()", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


@pytest.mark.process
def test_a_bad_address_is_one_plain_line_and_2() -> None:
    result = hybrid("up", "--leaders", "0x12")

    assert result.returncode == exit_codes.BAD_CONFIG
    assert result.stderr.startswith("hybrid: TRACKED_WALLETS='0x12'")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.process
def test_no_server_is_one_plain_line_and_3() -> None:
    result = hybrid("kill", "--why", "odd fills", "--redis-url", f"redis://127.0.0.1:{free_port()}/0")

    assert result.returncode == exit_codes.DEPENDENCY_MISSING
    assert "Traceback" not in result.stderr
    assert "hybrid redis" in result.stderr


@pytest.mark.process
def test_a_capture_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").write_text("precious")

    result = hybrid("capture", str(tmp_path / "old.jsonl"), "--once", "--redis-url", "redis://127.0.0.1:1/0")

    assert result.returncode in {exit_codes.BAD_CONFIG, exit_codes.DEPENDENCY_MISSING}
    assert (tmp_path / "old.jsonl").read_text() == "precious"


def test_the_version_is_said_without_a_command() -> None:
    result = CliRunner().invoke(app, ["--version"])

    assert (result.exit_code, result.output.strip()) == (0, code_version())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_and_choices(shell: str) -> None:
    """As the scripts of `hybrid --install-completion` ask it."""
    asked = {"_HYBRID_COMPLETE": f"complete_{shell}", "COMP_WORDS": "hybrid po", "COMP_CWORD": "1"}
    asked |= {"_TYPER_COMPLETE_ARGS": "hybrid po", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}

    result = CliRunner().invoke(app, [], env=asked, prog_name="hybrid")

    assert "positions" in result.output
