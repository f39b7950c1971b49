"""`.env` is read by `make run` and `hybrid up`, as .env.example says, and by whoever looks for their server."""

import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.config import UpSettings
from ops.docs_generator import settings_sections
from ops.supervisor import up
from ops.supervisor.env_file import find_env_file
from ops.supervisor.server_folder import find_url
from shared.config import parse
from shared.domain.errors import BadConfig

ROOT = Path(__file__).resolve().parents[3]
LEADER = "0x" + "1a" * 20


@pytest.fixture(autouse=True)
def _a_folder_of_our_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TRACKED_WALLETS", "TRACKED_WALLET", "REDIS_URL", "DATA_DIR", "HYBRID_ENV_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def hybrid_up(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[UpSettings, str | None]]:
    """Give a function that types `hybrid up`, and returns what would be run and the file that the programs are told."""
    ran: list[tuple[UpSettings, str | None]] = []

    def record(settings: UpSettings, *, env_file: str | None = None) -> int:
        ran.append((settings, env_file))
        return 0

    monkeypatch.setattr(up, "main", record)
    monkeypatch.setattr("shared.process.service_runner.leave", sys.exit)

    def type_it(*words: str) -> tuple[UpSettings, str | None]:
        result = CliRunner().invoke(app, ["up", *words])
        if isinstance(result.exception, BadConfig):
            raise result.exception
        assert result.exit_code == 0, result.output
        return ran[-1]

    return type_it


@pytest.mark.pitfall(63)
def test_hybrid_up_reads_dot_env_and_tells_its_programs(hybrid_up: Callable[..., Any]) -> None:
    Path(".env").write_text(f"TRACKED_WALLETS={LEADER}\nREDIS_URL=redis://db:6379/1\nDATA_DIR=data\nSTAKE_USDC=20\n")

    settings, file = hybrid_up()

    assert settings.leaders == (LEADER,)
    assert settings.redis_url == "redis://db:6379/1"
    assert not settings.embeds_server
    assert settings.data_dir == Path("data")
    assert up.environment(settings, 1, file)["HYBRID_ENV_FILE"] == ".env"


@pytest.mark.pitfall(63)
def test_the_example_filled_in_is_what_make_run_needs(hybrid_up: Callable[..., Any]) -> None:
    example = (ROOT / ".env.example").read_text()
    Path(".env").write_text(example.replace("\nTRACKED_WALLETS=\n", f"\nTRACKED_WALLETS={LEADER}\n"))

    settings, _ = hybrid_up()

    settings.check_leaders()
    assert "make run: install ##" not in example
    assert "\t@$(BIN)/hybrid up $(if" in (ROOT / "Makefile").read_text(), "make run is hybrid up in this folder"


def test_every_line_of_the_example_may_be_opened(hybrid_up: Callable[..., Any]) -> None:
    example = (ROOT / ".env.example").read_text()
    names = {name.upper() for section in settings_sections() for name in section.fields}
    opened = [
        line.removeprefix("# ") for line in example.splitlines() if line.removeprefix("# ").split("=")[0] in names
    ]
    Path(".env").write_text("\n".join(opened) + f"\nTRACKED_WALLETS={LEADER}\n")

    assert len(opened) == len(names)
    hybrid_up()


def test_environment_beats_dot_env_and_a_flag_beats_both(
    monkeypatch: pytest.MonkeyPatch, hybrid_up: Callable[..., Any]
) -> None:
    Path(".env").write_text(f"TRACKED_WALLETS={LEADER}\nDATA_DIR=data\n")
    other, third = "0x" + "2b" * 20, "0x" + "3c" * 20

    monkeypatch.setenv("TRACKED_WALLETS", other)
    assert hybrid_up()[0].leaders == (other,)
    assert hybrid_up("--leaders", third, "--data-dir", "elsewhere")[0].leaders == (third,)
    assert hybrid_up("--data-dir", "elsewhere")[0].data_dir == Path("elsewhere")


@pytest.mark.pitfall(63)
def test_the_log_format_of_dot_env_counts_on_a_terminal_too(
    monkeypatch: pytest.MonkeyPatch, hybrid_up: Callable[..., Any]
) -> None:
    monkeypatch.delenv("LOG_FORMAT", raising=False)
    monkeypatch.setattr("sys.stderr", Terminal())
    assert up.environment(parse(UpSettings, []), 1)["LOG_FORMAT"] == "text"

    Path(".env").write_text("LOG_FORMAT=json\n")
    settings, file = hybrid_up()

    assert "LOG_FORMAT" not in up.environment(settings, 1, file), "each program reads it in the file"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.pitfall(63)
def test_a_typo_in_dot_env_stops_hybrid_up(hybrid_up: Callable[..., Any]) -> None:
    Path(".env").write_text(f"TRACKED_WALLETS={LEADER}\nSTAKE_USD=20\n")

    with pytest.raises(BadConfig, match=r"^STAKE_USD \(.env, line 2\): .*did you mean STAKE_USDC"):
        hybrid_up()


def test_another_file_is_read_instead_and_none_when_its_name_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").touch()

    assert find_env_file() == ".env"
    assert find_env_file(Path("mine.env")) == "mine.env"
    monkeypatch.setenv("HYBRID_ENV_FILE", "theirs.env")
    assert find_env_file() == "theirs.env"
    monkeypatch.setenv("HYBRID_ENV_FILE", "")
    assert find_env_file() is None


def test_no_file_is_no_error() -> None:
    assert find_env_file() is None
    assert find_url() == "redis://127.0.0.1:6379/0"


def test_an_operators_command_finds_the_server_of_dot_env_whatever_else_is_wrong_in_it() -> None:
    Path(".env").write_text("STAKE_USD=5\nnot a line\nREDIS_URL=redis://db:6379/1\nMAX_DAY_USDC=oops\n")

    assert find_url() == "redis://db:6379/1"


def test_the_server_of_a_folder_that_dot_env_names_is_found() -> None:
    Path(".env").write_text("DATA_DIR=data\n")
    Path("data").mkdir()
    Path("data/redis.url").write_text("redis://127.0.0.1:7777/0\n")

    assert find_url() == "redis://127.0.0.1:7777/0"


@pytest.mark.parametrize("broken", [b"\xff\xfe", b""])
def test_a_file_that_cannot_be_read_does_not_keep_an_operator_from_the_usual_server(broken: bytes) -> None:
    Path(".env").write_bytes(broken)

    assert find_url() == "redis://127.0.0.1:6379/0"
