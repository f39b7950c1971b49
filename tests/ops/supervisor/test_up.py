"""All programs under one parent: found leaders or said how, restarted, ended in order."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from buyer.config import BuyerSettings
from ops.config import UpSettings
from ops.supervisor import up
from ops.supervisor.child import ChildProcess, ChildProgram
from ops.supervisor.server_folder import embedded_server, find_url, known_url
from redeemer.config import RedeemerSettings
from shared.clock import SystemClock
from shared.config import parse
from shared.domain.errors import BadConfig, RefusedForSafety
from shared.process import service_runner
from shared.redis.client import connect_redis
from tests.ops.supervisor.stage import Stage
from tests.waiting import PATIENCE_S, wait_until

ROOT = Path(__file__).resolve().parents[3]
LEADER = "0x" + "1a" * 20
CLOCK = SystemClock()


@pytest.fixture(autouse=True)
def _no_leaders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of whoever runs the tests out."""
    for name in ("TRACKED_WALLETS", "TRACKED_WALLET", "REDIS_URL", "HEALTH_PORT", "LOG_FORMAT"):
        monkeypatch.delenv(name, raising=False)


def nobody(_name: str, _line: str) -> None:
    """Take a program's lines and show them to nobody."""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.end()


def test_no_leaders_says_how_to_give_them_and_where_to_find_them() -> None:
    with pytest.raises(BadConfig, match=r"(?s)make run LEADERS=.*leaderboard.*make demo"):
        up.main(parse(UpSettings, []))


def test_leaders_come_from_either_variable_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKED_WALLETS", f"{LEADER},{LEADER.upper().replace('X', 'x')}")
    monkeypatch.setenv("TRACKED_WALLET", LEADER)

    assert parse(UpSettings, []).leaders == (LEADER,)


@pytest.mark.pitfall(62)
@pytest.mark.parametrize(
    ("live", "dry_run", "mode"), [(True, False, "live"), (True, True, "paper"), (False, True, "paper")]
)
def test_what_is_announced_as_live_spends_real_money(*, live: bool, dry_run: bool, mode: str) -> None:
    given = {"live": live, "dry_run": dry_run}

    if live != dry_run:
        assert parse(UpSettings, [], **given).mode == mode
    assert service_runner._mode_of(parse(BuyerSettings, [], **given)) == mode
    assert service_runner._mode_of(parse(RedeemerSettings, [], **given)) == mode


@pytest.mark.parametrize(
    ("words", "redeems"),
    [
        ({"WALLET_TYPE": "deposit"}, False),
        ({"WALLET_TYPE": "deposit", "RELAYER_API_KEY": "k", "RELAYER_API_KEY_ADDRESS": LEADER}, True),
        ({"WALLET_TYPE": "safe"}, True),
    ],
)
def test_who_could_not_redeem_real_money_is_left_out(
    monkeypatch: pytest.MonkeyPatch, words: dict[str, str], *, redeems: bool
) -> None:
    for name, value in words.items():
        monkeypatch.setenv(name, value)
    live = parse(UpSettings, ["--live", "--no-dry-run"], tracked_wallets=LEADER)
    paper = parse(UpSettings, [], tracked_wallets=LEADER)

    names = [child.name for child in up.children(live, nobody, CLOCK)]

    assert names == [name for name, _ in up.PROGRAMS if redeems or name not in up.REDEEMING]
    assert len(up.children(paper, nobody, CLOCK)) == len(up.PROGRAMS)


def test_our_own_server_is_started_only_when_nobody_named_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse(UpSettings, []).embeds_server

    monkeypatch.setenv("REDIS_URL", "redis://db:6379/0")
    assert not parse(UpSettings, []).embeds_server


def test_each_program_is_told_the_server_the_leaders_and_a_port_of_its_own() -> None:
    settings = parse(UpSettings, [], tracked_wallets=LEADER, redis_url="redis://h:1/0", health_port=9100)

    told = up.environment(settings, 2, "my.env")

    assert told["REDIS_URL"] == "redis://h:1/0"
    assert told["TRACKED_WALLETS"] == LEADER
    assert told["HEALTH_PORT"] == "9102"
    assert told["HYBRID_ENV_FILE"] == "my.env"
    assert told["RUNTIME_SECONDS"] == "0", "the parent ends the run, in order"


def test_every_program_under_up_exists() -> None:
    for _, module in up.PROGRAMS:
        path = ROOT / Path(*module.split("."))
        assert (path / "__main__.py").exists() or path.with_suffix(".py").exists(), module


def test_logs_kept_in_files_are_set_aside_when_they_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "_KEEP_LOG_BYTES", 5)
    write = up.to_files(tmp_path)

    for line in ("first", "second"):
        write("buyer", line)

    assert (tmp_path / "buyer.log").read_text() == "second\n"
    assert (tmp_path / "buyer.log.1").read_text() == "first\n"


@pytest.mark.process
def test_programs_end_in_order_when_told(stage: Stage) -> None:
    """S5."""
    stage.run(detector="wait", buyer="wait", redeemer="wait")
    wait_until(lambda: all("waiting" in stage.did(name) for name in ("detector", "buyer", "redeemer")))

    stage.end()

    assert stage.error is None
    ended = [line for line in stage.order() if line.endswith("ended")]
    assert ended == ["detector ended", "buyer ended", "redeemer ended"]


@pytest.mark.process
def test_a_crashed_and_a_killed_program_come_back(stage: Stage) -> None:
    stage.run(detector="crash-once", buyer="wait")
    wait_until(lambda: "waiting" in stage.did("detector") and "waiting" in stage.did("buyer"))

    os.kill(stage.pid("buyer"), signal.SIGKILL)

    wait_until(lambda: stage.did("buyer").count("waiting") == 2)
    assert stage.pipeline.snapshot()["detector"]["starts"] == 2


@pytest.mark.process
def test_bad_config_of_one_stops_all_and_says_why(stage: Stage) -> None:
    stage.run(detector="wait", buyer="misconfigured")

    wait_until(lambda: stage.error is not None)

    assert isinstance(stage.error, BadConfig)
    assert "buyer ended with 2" in str(stage.error)
    assert "STAKE_USDC='x'" in str(stage.error)
    assert not any(child.running for child in stage.children)
    assert stage.lines == [("buyer", "buyer: STAKE_USDC='x': Input should be a valid decimal")]


@pytest.mark.process
def test_all_work_done_ends_the_parent_too(stage: Stage) -> None:
    stage.run(detector="done", buyer="done")

    wait_until(stage.ended)

    assert stage.error is None


@pytest.mark.process
def test_a_program_that_does_not_listen_is_killed_and_named(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.supervisor.pipeline._END_S", 0.3)
    stage.run(detector="deaf")
    wait_until(lambda: "deaf" in stage.did("detector"))

    stage.end()

    assert "detector" in str(stage.error)
    assert not stage.children[0].running


@pytest.mark.server
def test_the_embedded_server_is_found_by_its_folder_and_runs_once(tmp_path: Path) -> None:
    with embedded_server(tmp_path, CLOCK) as server:
        assert known_url(tmp_path) == server.url
        assert find_url(None, tmp_path) == server.url
        with pytest.raises(RefusedForSafety, match="server runs already"), embedded_server(tmp_path, CLOCK):
            pass

    assert known_url(tmp_path) is None


@pytest.mark.server
def test_a_server_left_by_a_killed_parent_is_ended_and_its_data_kept(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-m", "ops.cli", "redis", "--data-dir", str(tmp_path), "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    left = parent.stdout.readline().strip()
    with connect_redis(left) as redis:
        redis.set("kept", "yes")
    parent.kill()
    parent.communicate(timeout=PATIENCE_S)

    with embedded_server(tmp_path, CLOCK) as server, connect_redis(server.url) as redis:
        assert server.url != left
        assert redis.get("kept") == "yes"


@pytest.mark.pitfall(30)
def test_only_who_signs_inherits_what_leads_to_a_key() -> None:
    given: dict[str, str] = {"tracked_wallets": LEADER, "redis_url": "redis://h:1/0"}
    paper = parse(UpSettings, [], **given)
    live = parse(UpSettings, ["--live", "--no-dry-run"], **given)

    assert [name for name, _ in up.PROGRAMS if up.signs(paper, name)] == []
    assert [name for name, _ in up.PROGRAMS if up.signs(live, name)] == ["buyer", "redeemer", "worker"]


@pytest.mark.pitfall(30)
@pytest.mark.process
@pytest.mark.parametrize("signs", [True, False])
def test_a_program_that_signs_nothing_is_started_without_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, signs: bool
) -> None:
    (tmp_path / "asks_for_keys.py").write_text("import os, sys; sys.stderr.write(str('API_SECRET' in os.environ))")
    monkeypatch.setenv("API_SECRET", "hunter2")
    lines: list[str] = []
    program = ChildProgram("it", "asks_for_keys", {"PYTHONPATH": str(tmp_path)}, signs=signs)
    child = ChildProcess(program, lambda _, line: lines.append(line), SystemClock())

    child.start()
    wait_until(lambda: not child.running)
    child.finish_reading()

    assert lines == [str(signs)]


def test_a_descriptor_is_no_place_for_a_password_that_several_programs_need() -> None:
    with pytest.raises(BadConfig, match="PRIVATE_KEY_PASSWORD_COMMAND"):
        up.refuse_descriptor({"PRIVATE_KEY_PASSWORD_FD": "3"})
    up.refuse_descriptor({})


def test_alerts_are_run_where_they_are_asked_for_or_an_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off costs nothing: there is no process."""

    def names(**given: object) -> list[str]:
        return [name for name, _ in up.programs(parse(UpSettings, [], **given))]

    assert names() == ["detector", "buyer", "redeemer", "worker"]
    assert names(alerts=True)[-1] == "alerts"
    for setting in ("ALERT_URLS", "TELEGRAM_TOKEN", "HEARTBEAT_URL"):
        with monkeypatch.context() as there:
            there.setenv(setting, "https://somewhere.example/x")
            assert names()[-1] == "alerts"


def test_only_alerts_are_told_where_a_person_is_and_they_are_told_no_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ALERT_URLS", "json://somewhere/secret")
    monkeypatch.setenv("PRIVATE_KEY", "0x" + "1" * 64)
    monkeypatch.setenv("WALLET_TYPE", "eoa")  # redeemed without a relayer's key
    settings = parse(UpSettings, [], live=True, dry_run=False)

    told = {child.name: child.program.environment() for child in up.children(settings, up.to_files(tmp_path), CLOCK)}

    assert {name for name, each in told.items() if each["ALERT_URLS"]} == {"alerts"}
    assert {name for name, each in told.items() if each.get("PRIVATE_KEY")} == {"buyer", "redeemer", "worker"}


@pytest.mark.process
def test_alerts_that_refuse_to_run_end_nobody_else(stage: Stage) -> None:
    stage.run(optional=("alerts",), buyer="wait", alerts="misconfigured")

    wait_until(lambda: "alerts" in stage.pipeline._done, "it refused")

    assert stage.pid("buyer")
    assert stage.pipeline.ready()
    assert not stage.ended()
