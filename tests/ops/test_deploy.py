"""The files that run us elsewhere: they parse, name what exists, stop in time, and keep their safety options."""

import configparser
import re
from pathlib import Path
from typing import Any, cast

import pytest
from supervisor.options import ServerOptions

from buyer.config import BuyerSettings
from ops.supervisor.up import ALERTS, PROGRAMS, WEB
from shared.domain import exit_codes
from shared.process.outlet import LAST_LINES_S
from shared.process.service_life import LAST_WORDS_S
from shared.process.service_runner import DRAIN_S
from shared.process.shutdown_signals import REFUSED_STAYS

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("detector", "buyer", "redeemer", "worker", "alerts", "web")
ENDS_WITHIN_S = 15


def module_exists(module: str) -> bool:
    path = ROOT / Path(*module.split("."))
    return path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def modules_in(text: str) -> list[str]:
    return re.findall(r"\bpython -m ([\w.]+)", text) + re.findall(r"python, -m, ([\w.]+)", text)


@pytest.fixture(scope="module")
def supervisor() -> dict[str, Any]:
    """Return supervisord's own reading of our file, by program."""
    options = ServerOptions()
    options.realize(["-c", str(ROOT / "supervisord.conf")])
    groups = cast("Any", options).process_group_configs
    return {process.name: process for group in groups for process in group.process_configs}


@pytest.fixture(scope="module")
def unit() -> configparser.SectionProxy:
    """Return the `[Service]` section of the systemd unit."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    parser.read(ROOT / "deploy" / "hybrid-signals.service")
    return parser["Service"]


@pytest.fixture(scope="module")
def compose() -> dict[str, str]:
    """Return each top-level part and each service of the compose file as text."""
    text = (ROOT / "docker-compose.yml").read_text()
    top = dict(re.findall(r"(?m)^([\w-]+):[^\n]*\n((?:(?:  .*|#.*)?\n)*)", text))
    return top | dict(re.findall(r"(?m)^  (\w+):\n((?:    .*\n|\n)*)", top["services"]))


def test_a_process_ends_within_what_every_form_allows(
    supervisor: dict[str, Any], unit: configparser.SectionProxy, compose: dict[str, str]
) -> None:
    """S5, S7."""
    assert DRAIN_S + LAST_WORDS_S + LAST_LINES_S < ENDS_WITHIN_S
    assert int(unit["TimeoutStopSec"]) == ENDS_WITHIN_S
    assert all(process.stopwaitsecs > ENDS_WITHIN_S for process in supervisor.values())
    assert "stop_grace_period: 20s" in compose["x-hardened"]


def test_supervisord_runs_the_programs_of_hybrid_up(supervisor: dict[str, Any]) -> None:
    modules = {name: process.command.rsplit(" ", 1)[1] for name, process in supervisor.items()}

    assert modules == dict([*PROGRAMS, ALERTS, WEB])
    off = [name for name, process in supervisor.items() if not process.autostart]
    assert sorted(off) == ["alerts", "web"], "off costs nothing"


@pytest.mark.parametrize("name", SERVICES)
def test_supervisord_stops_and_restarts_a_program_rightly(supervisor: dict[str, Any], name: str) -> None:
    process = supervisor[name]

    assert process.stopsignal.name == "SIGTERM"
    assert process.autorestart.__name__ == "RestartWhenExitUnexpected"
    assert process.environment["HYBRID_DIE_WITH_PARENT"] == "1"


STAY_DOWN = {exit_codes.BAD_CONFIG, exit_codes.REFUSED_FOR_SAFETY}


@pytest.mark.parametrize("name", SERVICES)
def test_supervisord_lets_refusals_stay_down_and_starts_everything_else_again(
    supervisor: dict[str, Any], name: str
) -> None:
    """It looks at exit codes only of what ran for `startsecs`, so a refused program stays for longer."""
    process = supervisor[name]

    assert set(process.exitcodes) == {exit_codes.CLEAN, *STAY_DOWN}
    assert float(process.environment[REFUSED_STAYS]) > process.startsecs
    assert process.startretries >= 1000, "a server that is missing for long is waited for, as the other forms do"


def test_systemd_lets_refusals_stay_down_and_starts_everything_else_again(unit: configparser.SectionProxy) -> None:
    assert {int(code) for code in unit["RestartPreventExitStatus"].split()} == STAY_DOWN
    assert unit["Restart"] == "on-failure"
    assert "SuccessExitStatus" not in unit


def test_compose_brings_back_what_was_killed_and_lets_a_refused_program_stay(compose: dict[str, str]) -> None:
    """No restart policy knows exit codes: a refused program stays itself, without answering /readyz."""
    assert "restart: always" in compose["x-hardened"]
    assert f"{REFUSED_STAYS}=inf" in compose["x-service"]
    assert not any("environment:" in compose[name] for name in SERVICES), "one of its own would replace it"


def test_supervisord_ends_the_detector_first_and_the_worker_last(supervisor: dict[str, Any]) -> None:
    by_priority = sorted(supervisor.values(), key=lambda process: -process.priority)

    assert [process.name for process in by_priority] == list(SERVICES)


@pytest.fixture(scope="module")
def several() -> dict[str, list[Any]]:
    """Return supervisord's own reading of the file for several of each: group -> processes."""
    options = ServerOptions()
    options.realize(["-c", str(ROOT / "deploy" / "supervisord.several.conf")])
    return {group.name: group.process_configs for group in cast("Any", options).process_group_configs}


def test_several_detectors_and_buyers_run_beside_all_programs_of_the_first_file(
    supervisor: dict[str, Any], several: dict[str, list[Any]]
) -> None:
    names = [process.name for processes in several.values() for process in processes]

    assert sorted(several) == sorted([*SERVICES, "more-detectors", "more-buyers"])
    assert len(set(names)) == len(names)
    assert set(supervisor) < set(names)
    assert {Path(process.command.split()[0]).resolve() for each in several.values() for process in each} == {
        (ROOT / ".venv/bin/python").resolve()
    }


def test_several_buyers_have_names_and_logs_of_their_own(several: dict[str, list[Any]]) -> None:
    buyers = [*several["buyer"], *several["more-buyers"]]

    names = [process.environment.get("CONSUMER", BuyerSettings.model_fields["consumer"].default) for process in buyers]
    assert names == [f"buyer-{place}" for place in range(len(buyers))]
    logs = [process.stderr_logfile for processes in several.values() for process in processes]
    assert len(set(logs)) == len(logs)
    assert {str(Path(log).resolve().parent) for log in logs} == {str(ROOT / "var" / "log")}


@pytest.mark.parametrize(("more", "first"), [("more-detectors", "detector"), ("more-buyers", "buyer")])
def test_each_further_one_is_run_as_the_first(several: dict[str, list[Any]], more: str, first: str) -> None:
    """But for its name and log."""
    (base,) = several[first]
    own: dict[str, Any] = {"name": "", "uid": None, "command": "", "environment": {}, "stderr_logfile": ""}

    for process in several[more]:
        assert {**vars(process), **own} == {**vars(base), **own}
        assert process.command.rpartition(" -m ")[2] == base.command.rpartition(" -m ")[2]
        assert dict(process.environment.items() - {("CONSUMER", process.name)}) == base.environment


def test_supervisorctl_reaches_supervisord() -> None:
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";",))
    parser.read(ROOT / "supervisord.conf")

    assert parser["supervisorctl"]["serverurl"] == "unix://" + parser["unix_http_server"]["file"]
    assert "rpcinterface:supervisor" in parser


def test_the_folder_of_supervisords_logs_is_there() -> None:
    assert (ROOT / "var" / "log").is_dir()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Type", "simple"),
        ("User", "hybrid"),
        ("KillSignal", "SIGTERM"),
        ("Restart", "on-failure"),
        ("MemoryMax", "2G"),
        ("RestartSec", "5"),
        ("StandardError", "journal"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("CapabilityBoundingSet", ""),
    ],
)
def test_s7_the_unit_says(unit: configparser.SectionProxy, name: str, value: str) -> None:
    """S7."""
    assert unit[name] == value


def test_s7_the_unit_limits_memory_and_files_and_reads_an_environment_file(unit: configparser.SectionProxy) -> None:
    """S7."""
    assert {"MemoryMax", "LimitNOFILE", "EnvironmentFile", "RestartPreventExitStatus"} <= set(unit)


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_locked_down_and_judged_by_readyz(compose: dict[str, str], name: str) -> None:
    assert "<<: *service" in compose[name]
    assert "<<: *hardened" in compose["x-service"]
    assert "/readyz" in compose["x-service"]
    assert 'user: "10001:10001"' in compose["x-service"]


@pytest.mark.parametrize(
    "option", ["read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "stop_signal: SIGTERM"]
)
def test_every_container_has(compose: dict[str, str], option: str) -> None:
    assert option in compose["x-hardened"]


def test_the_containers_server_is_durable(compose: dict[str, str]) -> None:
    assert '--appendonly, "yes", --appendfsync, always, --maxmemory-policy, noeviction' in compose["redis"]
    assert "<<: *hardened" in compose["redis"]
    assert "ports:" not in compose["redis"], "nobody outside needs it"


def test_the_demo_follows_the_leaders_of_its_seed() -> None:
    from simulator.core.clock import WallClock  # noqa: PLC0415 - this test only
    from simulator.core.settings import Settings  # noqa: PLC0415 - this test only
    from simulator.gateway.app import App  # noqa: PLC0415 - this test only

    demo = (ROOT / "deploy" / "demo.env").read_text()

    world = App(Settings(seed=7), WallClock()).world

    assert f"TRACKED_WALLETS={','.join(leader.address for leader in world.leaders)}\n" in demo


@pytest.mark.parametrize(
    "file",
    [
        "supervisord.conf",
        "docker-compose.yml",
        "deploy/hybrid-signals.service",
        "deploy/supervisord.several.conf",
    ],
)
def test_every_module_they_start_exists(file: str) -> None:
    modules = modules_in((ROOT / file).read_text())

    assert modules
    assert [module for module in modules if not module_exists(module)] == []
