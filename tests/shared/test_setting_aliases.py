"""Settings of the earlier system are understood by their old names; ours win."""

from pathlib import Path

import pytest

from buyer.config import BuyerSettings
from detector.config import DetectorSettings
from shared.config import parse
from shared.domain.errors import BadConfig
from shared.setting_aliases import ALIASES
from shared.setting_names import KNOWN
from shared.unknown_settings import unknown_in_environment, unknown_in_file

PAIRS = sorted(ALIASES.items())


@pytest.fixture(autouse=True)
def _nobodys_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of whoever runs the tests out."""
    for name in (*ALIASES, *ALIASES.values(), "HYBRID_ENV_FILE"):
        monkeypatch.delenv(name, raising=False)


def value(ours: str, argv: list[str]) -> float:
    return getattr(parse(DetectorSettings, argv), ours.lower())


@pytest.mark.parametrize(("old", "ours"), PAIRS)
def test_an_old_name_in_the_environment_sets_ours_and_is_named_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], old: str, ours: str
) -> None:
    monkeypatch.setenv(old, "3.5")

    assert value(ours, []) == 3.5
    assert capsys.readouterr().err == f"python -m detector: {old} is taken for {ours}, its name here\n"


@pytest.mark.parametrize(("old", "ours"), PAIRS)
def test_an_old_name_in_a_file_sets_ours(tmp_path: Path, old: str, ours: str) -> None:
    file = tmp_path / "my.env"
    file.write_text(f"{old}=3.5\n")

    assert value(ours, ["--env-file", str(file)]) == 3.5


@pytest.mark.parametrize(("old", "ours"), PAIRS)
def test_an_old_name_as_a_flag_sets_ours_however_it_is_written(old: str, ours: str) -> None:
    kebab = f"--{old.lower().replace('_', '-')}"

    for argv in ([kebab, "3.5"], [f"{kebab}=3.5"], [f"--{old.lower()}", "3.5"]):
        assert value(ours, argv) == 3.5


def test_flag_beats_environment_beats_file_for_an_old_name_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "my.env"
    file.write_text("ACTIVITY_TARGET_RPS=3\n")
    monkeypatch.setenv("ACTIVITY_TARGET_RPS", "4")
    argv = ["--env-file", str(file)]

    assert parse(DetectorSettings, argv).data_api_rate_per_s == 4
    assert parse(DetectorSettings, [*argv, "--activity-target-rps", "5"]).data_api_rate_per_s == 5


def test_ours_wins_where_both_are_set_wherever_that_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "my.env"
    file.write_text("DATA_API_RATE_PER_S=2\n")
    monkeypatch.setenv("ACTIVITY_TARGET_RPS", "4")
    argv = ["--env-file", str(file), "--activity-target-rps", "5"]

    assert parse(DetectorSettings, argv).data_api_rate_per_s == 2
    assert "ACTIVITY_TARGET_RPS is passed over: DATA_API_RATE_PER_S is set" in capsys.readouterr().err


def test_a_wrong_value_under_an_old_name_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIVITY_TARGET_RPS", "many")

    with pytest.raises(BadConfig, match=r"^DATA_API_RATE_PER_S='many': "):
        parse(DetectorSettings, [])


def test_a_program_without_the_setting_passes_an_old_name_over_and_has_no_such_flag(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUBGRAPH_TARGET_RPS", "4")

    parse(BuyerSettings, [])

    assert capsys.readouterr().err == ""
    with pytest.raises(BadConfig, match="--subgraph-target-rps: python -m buyer has no such flag"):
        parse(BuyerSettings, ["--subgraph-target-rps", "4"])


def test_an_empty_old_name_is_unset(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ACTIVITY_TARGET_RPS", "")

    parse(DetectorSettings, [])

    assert capsys.readouterr().err == ""


def test_old_names_are_no_typos_and_lead_to_settings_that_exist() -> None:
    assert set(ALIASES.values()) <= KNOWN
    assert not ALIASES.keys() & KNOWN
    assert unknown_in_file(ALIASES, KNOWN) == unknown_in_environment(ALIASES, KNOWN) == []
