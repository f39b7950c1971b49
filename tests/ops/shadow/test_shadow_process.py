"""A shadow beside a real buyer: it decides, buys and is paid, and touches nothing that is not its own."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, cast

import pytest
from redis import Redis
from typer.testing import CliRunner

from ops.cli import app
from ops.shadow.shadow_process import OWN_STREAMS, ShadowProcess
from ops.shadow.shadow_settings import read_changes, redeemer_settings, shadow_record, shadow_settings
from shared.clock import SystemClock
from shared.domain.errors import BadConfig, RefusedForSafety
from shared.ledger.port import open_lots
from shared.ledger.shadow_ledger import ShadowLedger, shadow_stream
from shared.messages.base import DECISIONS, REDEMPTIONS, SIGNALS
from shared.messages.decisions import BuyEngineDecision
from shared.messages.events import read_event
from shared.redis.client import connect_redis
from shared.redis.followed_leaders import FollowedLeader, follow_leader
from shared.redis.shadows import SHADOWS, begin_shadow, forget_shadow, known_shadows, shadow_life
from shared.redis.streams import ensure_group, publish_event, stream_tail, trim_stream
from simulator import Settings, Simulator, serve
from tests.amounts import D
from tests.buyer.builders import a_signal
from tests.ops.operator.announced_pipeline import announced
from tests.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.server, pytest.mark.simulator]
CLOCK = SystemClock()
SHARED = ("hs:markets", "hs:gate", "hs:shadow", "hs:lease:shadow:")
"""What a shadow may write: facts, budgets, and its own."""


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    quiet = Settings(fills_per_minute=0, leaders=1, markets=4, speed=20, resolve_after_s=86_400)
    with serve(quiet) as sim:
        for name in ("data_api_url", "gamma_url", "clob_url", "rpc_url", "clob_market_url"):
            monkeypatch.setenv(name.upper(), sim.urls[{"clob_market_url": "clob_ws_url"}.get(name, name)])
        yield sim


@pytest.fixture
def redis(valkey_url: str) -> Iterator[Redis]:
    with announced(valkey_url, "paper") as client:
        yield client


def signal_of(sim: Simulator, number: int = 0, **changes: Any) -> Any:
    """Return a buy that happened just now, of a market whose book stands."""
    market, now_ms = sim.markets[0], CLOCK.now_ms()
    price = (market.book.best(0)[1] or 0) * 100
    given = {
        "emitted_at_ms": now_ms,
        "leader": sim.leaders[0].address,
        "tx_hash": f"0x{number:064x}",
        "token_id": market.tokens[0],
        "shares": D(100),
        "usdc": 100 * price,
        "price": price,
        "traded_at_ms": now_ms - 1000,
        "seen_at_ms": now_ms,
    }
    return a_signal(**given | changes)


class RunningShadow:
    """A shadow on a thread."""

    def __init__(self, name: str, url: str, folder: Path, *changes: str) -> None:
        wanted = read_changes(changes)
        settings = shadow_settings(name, ["--run-dir", str(folder)], url, wanted)
        self.name, self.stop = name, threading.Event()
        payer = redeemer_settings(["--scan-every-s", "0.2"], url)
        record = shadow_record(name, settings, wanted, CLOCK.now_ms())
        self.process = ShadowProcess(record, settings, payer, CLOCK)
        self._thread = threading.Thread(target=self.process.run, args=(self.stop,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(self.process.ready, "the shadow decides")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()


def decisions(redis: Redis, name: str) -> list[BuyEngineDecision]:
    found = [read_event(entry.json) for entry in stream_tail(redis, shadow_stream(name, DECISIONS), 100)]
    return [event for event in found if isinstance(event, BuyEngineDecision)]


def everything_else(redis: Redis) -> dict[str, Any]:
    """Return all that stands on the server beside what a shadow may write, with the groups of the signals."""
    keys = [key for key in cast("Iterator[str]", redis.scan_iter()) if not key.startswith(SHARED)]
    groups = [group for group in redis.xinfo_groups(SIGNALS) if not str(group["name"]).startswith("shadow-")]
    return {"groups": groups, **{key: value_of(redis, key) for key in keys}}


def value_of(redis: Redis, key: str) -> Any:
    commands: dict[str, tuple[Any, ...]] = {
        "string": ("GET", key),
        "hash": ("HGETALL", key),
        "set": ("SMEMBERS", key),
        "stream": ("XRANGE", key, "-", "+"),
        "zset": ("ZRANGE", key, 0, -1, "WITHSCORES"),
        "list": ("LRANGE", key, 0, -1),
    }
    return cast("Any", redis).execute_command(*commands[str(redis.type(key))])


def test_a_shadow_buys_with_its_own_settings_and_touches_nothing_else(
    redis: Redis, valkey_url: str, venue: Simulator, tmp_path: Path
) -> None:
    follow_leader(redis, venue.leaders[0].address, FollowedLeader("whale", 1, "anna"))
    publish_event(redis, SIGNALS, signal_of(venue, 9))
    ensure_group(redis, SIGNALS, "buyer")
    redis.xreadgroup("buyer", "buyer-0", {SIGNALS: ">"})

    with RunningShadow("tight", valkey_url, tmp_path, "STAKE_USDC=7", "MAX_SLIPPAGE_TICKS=50"):
        signal = signal_of(venue, 1)
        publish_event(redis, SIGNALS, signal)
        before = everything_else(redis)
        wait_until(lambda: len(decisions(redis, "tight")) == 1, "a decision of the shadow")
        [decision] = decisions(redis, "tight")
        after = everything_else(redis)

    assert (decision.signal_id, decision.verdict, decision.mode) == (signal.id, "BUY", "paper")
    assert decision.outcome is not None
    assert D("6.5") < decision.outcome.usdc < D("7.5")
    assert after == before
    assert redis.xlen(DECISIONS) == 0
    assert [lot.condition_id for lot in open_lots(ShadowLedger(redis, "tight"))] == [venue.markets[0].condition_id]


def test_what_resolved_is_paid_into_the_shadows_ledger_alone(
    redis: Redis, valkey_url: str, venue: Simulator, tmp_path: Path
) -> None:
    follow_leader(redis, venue.leaders[0].address, FollowedLeader("whale", 1, "anna"))
    with RunningShadow("loose", valkey_url, tmp_path, "max_slippage_ticks=50"):
        publish_event(redis, SIGNALS, signal_of(venue))
        wait_until(lambda: open_lots(ShadowLedger(redis, "loose")), "a lot")

        venue.resolve(venue.markets[0].condition_id, (1, 0))

        wait_until(lambda: not open_lots(ShadowLedger(redis, "loose")), "the payout")

    said = json.loads(run_pnl(valkey_url, "--json"))
    [line] = said["shadows"]
    assert (line["name"], line["buys"], line["markets"], line["verdict"]) == ("loose", 1, 1, "cannot tell")
    assert float(line["pnl"]) > 0
    assert redis.xlen(REDEMPTIONS) == 0
    assert redis.xlen(shadow_stream("loose", REDEMPTIONS)) == 1


def run_pnl(url: str, *words: str) -> str:
    result = CliRunner().invoke(app, ["pnl", "--by", "shadow", "--redis-url", url, *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_forgotten_shadow_leaves_nothing_and_holds_no_signal_back(
    redis: Redis, valkey_url: str, venue: Simulator, tmp_path: Path
) -> None:
    publish_event(redis, SIGNALS, signal_of(venue))
    with RunningShadow("tight", valkey_url, tmp_path), pytest.raises(RefusedForSafety, match="stop it first"):
        forget_shadow(redis, "tight")
    for number in range(20):
        publish_event(redis, SIGNALS, signal_of(venue, number))
    assert trim_stream(redis, SIGNALS, 5) == 0

    said = CliRunner().invoke(app, ["shadow", "tight", "--forget", "--redis-url", valkey_url])

    assert said.exit_code == 0, said.output
    assert not [key for key in cast("Iterator[str]", redis.scan_iter()) if "shadow" in key]
    assert trim_stream(redis, SIGNALS, 5) > 0
    assert isinstance(
        CliRunner().invoke(app, ["shadow", "tight", "--forget", "--redis-url", valkey_url]).exception, BadConfig
    )


def test_a_shadow_goes_on_with_what_it_was_and_with_nothing_else(redis: Redis, valkey_url: str) -> None:
    settings = shadow_settings("tight", [], valkey_url, {"stake_usdc": "7"})
    first = begin_shadow(redis, shadow_record("tight", settings, {"stake_usdc": "7"}, 1000))
    other = shadow_settings("tight", [], valkey_url, {"stake_usdc": "8"})

    again = begin_shadow(redis, shadow_record("tight", settings, {"stake_usdc": "7"}, 9000))

    assert again == first == known_shadows(redis)["tight"]
    with pytest.raises(RefusedForSafety, match="began with other settings \\(stake_usdc=7"):
        begin_shadow(redis, shadow_record("tight", other, {"stake_usdc": "8"}, 9000))


def test_a_shadow_that_the_server_forgot_ends_and_says_so(redis: Redis, valkey_url: str, tmp_path: Path) -> None:
    shadow = RunningShadow("tight", valkey_url, tmp_path).process
    stop = threading.Event()

    shadow.keep_once(redis, stop)

    assert stop.is_set()


def test_its_own_streams_stay_short(redis: Redis, valkey_url: str, tmp_path: Path) -> None:
    settings = shadow_settings("tight", ["--keep-entries", "100", "--run-dir", str(tmp_path)], valkey_url, {})
    record = begin_shadow(redis, shadow_record("tight", settings, {}, 1000))
    own = [shadow_stream("tight", stream) for stream in OWN_STREAMS]
    for stream in own:
        for number in range(1000):
            redis.xadd(stream, {"json": str(number)})

    ShadowProcess(record, settings, redeemer_settings([], valkey_url), CLOCK).keep_once(redis, threading.Event())

    assert all(redis.xlen(stream) < 300 for stream in own)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("live=true", "a shadow changes how the buyer decides"),
        ("stake_usd=5", "did you mean STAKE_USDC"),
        ("stake_usdc", "expected SETTING=VALUE"),
    ],
)
def test_a_wrong_change_is_named_with_its_fix(text: str, said: str) -> None:
    with pytest.raises(BadConfig, match=said):
        read_changes([text])


def test_a_value_out_of_bounds_is_refused_as_the_buyer_refuses_it(valkey_url: str) -> None:
    with pytest.raises(BadConfig, match="STAKE_USDC"):
        shadow_settings("tight", [], valkey_url, {"stake_usdc": "-5"})
    with pytest.raises(BadConfig, match="is no name of a shadow"):
        shadow_settings("a:b*", [], valkey_url, {})


def test_a_shadow_is_on_paper_and_holds_no_key_whatever_the_buyer_does(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "LIVE": "true",
        "DRY_RUN": "false",
        "BUYER_SHARDS": "4",
        "PRIVATE_KEY": "0x" + "11" * 32,
    }.items():
        monkeypatch.setenv(name, value)

    settings = shadow_settings("tight", [], valkey_url, {})

    assert (settings.live, settings.dry_run, settings.buyer_shards, settings.private_key) == (False, True, 1, None)


def test_a_shadow_that_never_ran_here_is_nobody(redis: Redis, valkey_url: str) -> None:
    assert shadow_life(redis, "nobody").holder == ""
    assert SHADOWS not in cast("list[str]", redis.keys())
    assert "no shadow runs or ran here" in run_pnl(valkey_url)
    with connect_redis(valkey_url) as other:
        assert known_shadows(other) == {}
