"""`hybrid config`: each value with where it comes from, and no secret."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.cli import app

SECRET = "s3cret-of-metrics"


def settings(*words: str) -> dict[str, dict[str, Any]]:
    result = CliRunner().invoke(app, ["config", "--program", "buyer", "--json", *words])
    assert result.exit_code == 0, result.output
    return {row["name"]: row for row in json.loads(result.stdout)["settings"]}


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.env"
    file.write_text("STAKE_USDC=1\nMAX_DAY_USDC=30\nMAX_STAKE_USDC=40\n")
    monkeypatch.setenv("STAKE_USDC", "2")
    monkeypatch.setenv("MAX_STAKE_USDC", "41")

    found = settings("--env-file", str(file), "--stake-usdc", "3")

    shown = {name: (row["value"], row["source"]) for name, row in found.items()}
    assert shown["STAKE_USDC"] == ("3", "flag")
    assert shown["MAX_STAKE_USDC"] == ("41", "environment")
    assert shown["MAX_DAY_USDC"] == ("30", f"file {file}")
    assert shown["MAX_TOTAL_USDC"] == ("500", "default")


def test_a_secret_is_hidden_and_of_a_url_only_where_it_leads_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_TOKEN", SECRET)
    monkeypatch.setenv("RPC_URL", f"https://node.example/v2/{SECRET}")

    result = CliRunner().invoke(app, ["config"])

    assert result.exit_code == 0, result.output
    assert SECRET not in result.output
    assert settings()["METRICS_TOKEN"]["value"] == "(hidden)"
    assert settings()["RPC_URL"]["value"] == "https://node.example/***"


def test_only_what_was_changed_is_shown_where_that_is_asked_for() -> None:
    assert settings("--changed", "--stake-usdc", "3").keys() == {"STAKE_USDC"}


def test_flags_need_a_program_that_takes_them() -> None:
    assert CliRunner().invoke(app, ["config", "--stake-usdc", "3"]).exit_code == 2
