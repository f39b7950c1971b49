"""What the doctor says of this machine, our settings, the server, the way out, and the account."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import create_server

import pytest
import requests
import trustme
from eth_account import Account

from ops.setup import doctor
from ops.setup.check_runner import DoctorCheck, run_checks
from ops.setup.checks.node import judge_node
from ops.setup.domain.check_line import CheckLine, exit_code_of, failed, passed
from shared.clock import SystemClock
from shared.domain.exit_codes import BAD_CONFIG, CRASH, DEPENDENCY_MISSING, REFUSED_FOR_SAFETY
from shared.http.client import Upstream
from shared.redis.client import connect_redis
from shared.redis.followed_leaders import FollowedLeader, follow_leader
from simulator import Settings, Simulator, WallClock, serve
from tests.ops.setup.local_venue import KEY, examined, settle_in, told, venue_settings
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.simulator]
CLOCK = SystemClock()
Set = Callable[..., None]


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with serve(Settings(fills_per_minute=600, speed=4, resolve_after_s=36_000), WallClock()) as world:
        yield world


@pytest.fixture(autouse=True)
def given(sim: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Set:
    """Give what sets one more setting; the rest is the local venue's."""
    settle_in(monkeypatch, tmp_path, {**venue_settings(sim), "TRACKED_WALLETS": sim.leaders[0].address})

    def set_them(**settings: str) -> None:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)

    return set_them


def one(lines: list[CheckLine], name: str) -> CheckLine:
    (found,) = told(lines, name)
    return found


def test_checks_run_side_by_side_and_none_hides_another() -> None:
    never = threading.Event()

    def crash() -> list[CheckLine]:
        raise RuntimeError("a bug")

    lines = run_checks(
        [
            DoctorCheck("hangs", lambda: [passed("hangs", str(never.wait(PATIENCE_S)))]),
            DoctorCheck("crashes", crash),
            DoctorCheck("holds", lambda: [passed("holds", "well")]),
        ],
        CLOCK,
        0.5,
    )
    never.set()

    assert [(line.name, line.state, line.code) for line in lines] == [
        ("hangs", "fail", DEPENDENCY_MISSING),
        ("crashes", "fail", CRASH),
        ("holds", "ok", 0),
    ]
    assert "a bug" in lines[1].found


def test_the_exit_code_is_what_a_start_would_meet_first() -> None:
    missing, bad = failed("node", "away", "wait"), failed("settings", "wrong", "right it", BAD_CONFIG)
    refused = failed("region", "blocked", "none", REFUSED_FOR_SAFETY)

    assert exit_code_of([passed("a", "b")]) == 0
    assert exit_code_of([refused, missing, bad]) == BAD_CONFIG
    assert exit_code_of([refused, missing]) == DEPENDENCY_MISSING
    assert exit_code_of([refused]) == REFUSED_FOR_SAFETY


@pytest.mark.parametrize(
    ("settings", "words", "code"),
    [
        ({"HYBRID_STAKE_USD": "5"}, "STAKE_USDC", BAD_CONFIG),
        ({"STAKE_USDC": "a lot"}, "STAKE_USDC='a lot'", BAD_CONFIG),
        ({"STAKE_USDC": "60"}, "MAX_MARKET_USDC", BAD_CONFIG),
        ({"LIVE": "true"}, "contradict", REFUSED_FOR_SAFETY),
    ],
)
def test_a_wrong_setting_is_said_and_everything_else_is_looked_at(
    given: Set, settings: dict[str, str], words: str, code: int
) -> None:
    given(**settings)

    lines = examined()

    wrong = told(lines, "settings")
    assert any(line.state == "fail" and words in f"{line.found} {line.fix}" for line in wrong), wrong
    assert exit_code_of(wrong) == code
    assert one(lines, "data api").state == one(lines, "node").state == "ok"


def test_a_file_of_settings_that_others_can_read_and_that_holds_a_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "my.env"
    file.write_text(f"PRIVATE_KEY={KEY}\n")
    file.chmod(0o644)

    wrong = told(examined(env_file=str(file)), "settings")

    assert exit_code_of(wrong) == REFUSED_FOR_SAFETY
    assert KEY not in str([str(line) for line in wrong])


def test_nobody_to_follow_says_how_to_follow_somebody(given: Set) -> None:
    given(TRACKED_WALLETS="")

    assert "hybrid init" in one(examined(), "leaders").fix


def test_leaders_of_a_file_and_of_nobody_yet_are_leaders_too(sim: Simulator, given: Set, tmp_path: Path) -> None:
    file = tmp_path / "leaders.txt"
    file.write_text(f"{sim.leaders[1].address} a whale\n")
    given(TRACKED_WALLETS="", LEADERS_FILE=str(file))
    assert sim.leaders[1].address in one(examined(), "leader").found

    given(LEADERS_FILE="", START_EMPTY="true")
    assert one(examined(), "leaders").state == "ok"


@pytest.mark.server
def test_whom_the_running_server_was_told_to_follow_is_asked_about(sim: Simulator, given: Set, valkey_url: str) -> None:
    given(TRACKED_WALLETS="", REDIS_URL=valkey_url)
    with connect_redis(valkey_url) as redis:
        follow_leader(redis, sim.leaders[2].address, FollowedLeader("whale", 1, "me"))

    assert sim.leaders[2].address in one(examined(), "leader").found


def test_a_named_server_that_is_away_is_missing(given: Set) -> None:
    given(REDIS_URL="redis://127.0.0.1:1/0")

    line = one(examined(), "server")

    assert (line.state, line.code) == ("fail", DEPENDENCY_MISSING)


@pytest.mark.server
@pytest.mark.parametrize(("live", "state"), [("false", "warn"), ("true", "fail")])
def test_a_server_that_forgets_is_doubted_on_paper_and_refused_live(
    given: Set, valkey_url: str, live: str, state: str
) -> None:
    given(REDIS_URL=valkey_url, LIVE=live, DRY_RUN="true" if live == "false" else "false")

    lines = told(examined(), "server")

    assert any(line.state == state and "appendonly" in line.found for line in lines)


def test_parts_of_a_ledger_without_their_manifest_are_not_started_from(tmp_path: Path) -> None:
    parts = tmp_path / "valkey" / "appendonlydir"
    parts.mkdir(parents=True)
    (parts / "appendonly.aof.1.incr.aof").write_bytes(b"*1\r\n")

    line = one(examined(), "server")

    assert line.state == "fail"
    assert "manifest" in line.found


@pytest.mark.parametrize(
    ("url", "words"),
    [("https://no-such-host.invalid/data", "DNS"), ("http://127.0.0.1:1/data", "TCP"), ("https://127.0.0.1:1", "TCP")],
)
def test_a_fault_on_the_way_is_named_by_its_step(given: Set, url: str, words: str) -> None:
    given(DATA_API_URL=url)

    line = one(examined(), "data api")

    assert line.state == "fail"
    assert f"DATA_API_URL: {words}" in line.found


def test_a_certificate_that_nobody_knows_is_said(given: Set) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    with create_server(("127.0.0.1", 0)) as bound:

        def serve_once() -> None:
            line, _ = bound.accept()
            try:
                context.wrap_socket(line, server_side=True).close()
            except OSError:
                line.close()

        thread = threading.Thread(target=serve_once, daemon=True)
        thread.start()
        given(GAMMA_URL=f"https://localhost:{bound.getsockname()[1]}")

        line = one(examined(), "gamma")

        thread.join(PATIENCE_S)
    assert "TLS: the certificate of localhost does not hold" in line.found
    assert "SSL_CERT_FILE" in line.fix


def test_a_node_of_another_chain_is_no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_ethereum(*_asked: object, **_how: object) -> dict[str, str]:
        return {"result": "0x1"}

    node = Upstream("rpc", "http://127.0.0.1:1", [], clock=CLOCK, stop=threading.Event())
    monkeypatch.setattr(node, "post", of_ethereum)

    (line,) = judge_node("node", "RPC_URL", node, CLOCK, words="", blocks_at_once=10, leader="0x" + "1" * 40)

    assert (line.state, line.code) == ("fail", BAD_CONFIG)
    assert "chain 1" in line.found


@pytest.mark.parametrize(("live", "state"), [("false", "warn"), ("true", "fail")])
def test_a_region_that_may_not_trade_stops_real_money_alone(sim: Simulator, given: Set, live: str, state: str) -> None:
    place = {"blocked": True, "country": "US", "region": "NY"}
    requests.post(f"{sim.urls['control_url']}/region", json=place, timeout=PATIENCE_S)
    given(LIVE=live, DRY_RUN="true" if live == "false" else "false")

    line = one(examined(), "region")

    requests.post(f"{sim.urls['control_url']}/region", json={}, timeout=PATIENCE_S)
    assert (line.state, "US NY" in line.found) == (state, True)


def test_the_account_is_checked_as_a_live_start_checks_it(sim: Simulator, given: Set, tmp_path: Path) -> None:
    wallet = sim.fund(Account.from_key(KEY).address, "100", kind="safe")
    file = tmp_path / "key.txt"
    file.write_text(KEY)
    file.chmod(0o600)
    given(PRIVATE_KEY_FILE=str(file), WALLET_TYPE="safe")

    lines = examined()

    names = ("key", "wallet", "account", "money", "sells", "orders feed")
    assert {name: one(lines, name).state for name in names} == dict.fromkeys(names, "ok")
    assert wallet.lower() in one(lines, "wallet").found.lower()

    requests.post(
        f"{sim.urls['control_url']}/account", json={"wallet": wallet, "closed_only": True}, timeout=PATIENCE_S
    )
    closed = one(examined(), "account")
    assert (closed.state, closed.code) == ("fail", REFUSED_FOR_SAFETY)


def test_another_type_than_the_money_is_in_says_which(given: Set, tmp_path: Path) -> None:
    file = tmp_path / "key.txt"
    file.write_text("22" * 32)
    file.chmod(0o600)
    given(PRIVATE_KEY_FILE=str(file), WALLET_TYPE="proxy")

    lines = examined()

    assert one(lines, "money").state == "fail"
    assert "is 0" in one(lines, "money").found
    assert any("relayer" in line.found for line in told(lines, "redeeming"))
    file.chmod(0o644)
    assert one(examined(), "account").code == REFUSED_FOR_SAFETY


def test_json_says_the_same_as_the_lines() -> None:
    said: list[str] = []

    code = doctor.main(None, as_json=True, limit_s=4, tell=said.append)

    report = json.loads(said[0])
    assert (report["event"], report["mode"], report["exit_code"]) == ("DOCTOR", "paper", code)
    assert {"name", "state", "found", "fix"} == set(report["checks"][0])


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # of apprise, as it looks through all its plugins
@pytest.mark.parametrize(("urls", "state"), [("ntfy://topic json://127.0.0.1/x", "ok"), ("ntfy:topic", "fail")])
def test_places_that_alarms_go_to_are_read_and_not_shown(given: Set, urls: str, state: str) -> None:
    given(ALERT_URLS=urls)

    line = one(examined(30), "alerts")  # apprise imports a hundred services

    assert (line.state, "topic" in str(line)) == (state, False), str(line)
