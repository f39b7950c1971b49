"""Each program as a systemd unit, on paper and live: accepted by systemd, locked down, and started as its lines say."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from buyer.config import BuyerSettings
from ops.supervisor.up import ALERTS, PROGRAMS, WEB
from redeemer.config import RedeemerSettings
from shared.domain import exit_codes
from shared.setting_names import KNOWN
from tests.ops.compose_file import settings_in
from tests.ops.systemd_units import (
    LIVE,
    NAMES,
    ONE_PROCESS,
    ROOT,
    SIGNING,
    SILENT,
    UNITS,
    installed,
    read_lines,
    said,
    systemd_analyze,
)

TARGET = "hybrid-signals.target"
MOST_EXPOSED = 2.0
"""Of 10, as `systemd-analyze security` counts."""
FORMS = [(name, False) for name in NAMES] + [(name, True) for name in SIGNING]


def started(name: str, *, live: bool = False) -> list[str]:
    """Return the words after `python -m`."""
    (line,) = said(name, live=live)["ExecStart"]
    return shlex.split(line.partition(" -m ")[2])


@pytest.mark.process
@pytest.mark.parametrize("live", [False, True], ids=["paper", "live"])
def test_systemd_accepts_every_unit_without_a_word(tmp_path: Path, *, live: bool) -> None:
    analyze, folder = systemd_analyze(), installed(tmp_path / "units", live=live)
    units = [folder / name for name in (*NAMES, ONE_PROCESS.name, TARGET)]

    result = subprocess.run([analyze, "verify", *units], capture_output=True, text=True, timeout=60, check=False)

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.process
@pytest.mark.parametrize(("name", "live"), [*FORMS, (ONE_PROCESS.name, False)])
def test_systemd_finds_a_unit_hardly_exposed(tmp_path: Path, name: str, *, live: bool) -> None:
    analyze, folder = systemd_analyze(), installed(tmp_path / "units", live=live)
    words = [analyze, "security", "--offline=true", "--no-pager", folder / name]

    result = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)

    (level,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", result.stdout)
    assert float(level) <= MOST_EXPOSED


def test_every_program_of_hybrid_up_has_its_unit() -> None:
    assert {started(name)[0] for name in NAMES} == {module for _, module in (*PROGRAMS, ALERTS, WEB)}
    assert {*SIGNING, *SILENT} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_runs_unprivileged_ends_in_time_and_lets_refusals_stay_down(name: str) -> None:
    unit = said(name)

    assert unit["User"] == ["hybrid"]
    assert unit["TimeoutStopSec"] == ["15"]
    assert unit["Restart"] == ["on-failure"]
    assert {int(code) for code in unit["RestartPreventExitStatus"][0].split()} == {
        exit_codes.BAD_CONFIG,
        exit_codes.REFUSED_FOR_SAFETY,
    }
    assert {"MemoryMax", "LimitNOFILE", "StateDirectory", "EnvironmentFile"} <= set(unit)


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_comes_and_goes_with_the_target(name: str) -> None:
    unit = said(name)

    assert unit["PartOf"] == unit["WantedBy"] == [TARGET]
    assert ("@" in name) == (unit.get("DefaultInstance") == ["1"])


def test_the_target_and_the_one_process_never_run_beside_each_other() -> None:
    assert ("Conflicts", ONE_PROCESS.name) in read_lines(UNITS / TARGET)


def test_the_units_are_as_locked_down_as_the_one_process() -> None:
    common = read_lines(UNITS / "hybrid-.service.d" / "10-common.conf")
    own = {"Description", "ExecStart", "User", "MemoryMax", "LimitNOFILE", "SyslogIdentifier", "WantedBy"}

    assert [line for line in read_lines(ONE_PROCESS) if line[0] not in own and line not in common] == []


def test_several_buyers_have_names_of_their_own() -> None:
    assert "CONSUMER=buyer-%i" in said("hybrid-buyer@.service")["Environment"]


@pytest.mark.parametrize("name", SILENT)
def test_who_never_signs_is_told_nothing_that_leads_to_a_key(name: str) -> None:
    taken = {word for line in said(name)["UnsetEnvironment"] for word in line.split()}

    assert taken == settings_in(ROOT / "deploy" / "without-keys.env").keys()
    assert not (LIVE / f"{name}.d").exists()


@pytest.mark.parametrize("name", SIGNING)
def test_live_a_unit_says_both_words_and_reads_the_key_that_systemd_hands_it(name: str) -> None:
    unit, (module, *flags) = said(name, live=True), started(name, live=True)
    settings = BuyerSettings if module == "buyer" else RedeemerSettings

    assert [module] == started(name)
    assert unit["LoadCredential"] == ["signing-key:/etc/hybrid/signing-key"]
    assert flags == ["--live", "--no-dry-run", "--private-key-file=${CREDENTIALS_DIRECTORY}/signing-key"]
    assert {"live", "dry_run", "private_key_file"} <= settings.model_fields.keys()


@pytest.mark.parametrize("name", SIGNING)
def test_live_a_key_of_the_environment_is_taken_away(name: str) -> None:
    assert said(name, live=True)["UnsetEnvironment"] == ["PRIVATE_KEY"]


def test_nothing_is_live_before_the_drop_ins_are_laid_beside_the_units() -> None:
    files = [file for file in UNITS.rglob("*") if file.is_file()]

    assert not [file for file in files if "--live" in file.read_text() or "LoadCredential" in file.read_text()]
    assert sorted(folder.name.removesuffix(".d") for folder in LIVE.iterdir()) == sorted(SIGNING)


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_names_only_settings_that_somebody_reads(name: str) -> None:
    given = {word.partition("=")[0] for line in said(name)["Environment"] for word in line.split()}

    assert given - KNOWN == {"PYTHONUNBUFFERED", "MALLOC_ARENA_MAX"}


def test_the_commands_of_the_first_lines_name_units_that_are_there() -> None:
    text = (UNITS / TARGET).read_text()

    told = {name.replace("@1", "@") + ".service" for name in re.findall(r"(hybrid-[\w]+@?1?)(?= |\n)", text)}
    assert {name for name in told if "signals" not in name} == set(NAMES) - {
        "hybrid-web.service",
        "hybrid-alerts.service",
    }
