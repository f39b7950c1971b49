"""The audit: what the venue shows against what was signalled."""

import json
from typing import Any, cast

import pytest
from redis import Redis

from ops.audit import audit
from ops.domain.signal_comparison import AuditSpan, ShownFill, SignalComparison, SignalledFill, compare_signals
from shared.clock import SystemClock
from shared.domain.money import Shares, Usdc
from shared.messages.base import SIGNALS, fact_id
from shared.messages.signals import ActionableSignal, Fill, FillConfirmed, FillRetracted, SeenBy
from shared.polymarket.wire.leader_fills import LeaderFill
from shared.redis.client import connect_redis
from shared.redis.followed_leaders import FollowedLeader, follow_leader
from simulator import Settings, Simulator, serve
from tests.amounts import D
from tests.detector.venue import detecting, settings, signals, truth, wait_until

LEADER = "0x" + "a1" * 20
NOW_MS = 1_790_000_000_000
SPAN = AuditSpan({LEADER: NOW_MS - 60_000}, NOW_MS + 60_000)


def tx(number: int) -> str:
    return f"0x{number:064x}"


def a_trade(shares: int = 10_000_000, usdc: int = 5_000_000, number: int = 1, **changes: Any) -> LeaderFill:
    facts: dict[str, Any] = {"token_id": "77", "side": "BUY", "traded_at_ms": NOW_MS, **changes}
    return LeaderFill(leader=LEADER, tx_hash=tx(number), shares_micro=shares, usdc_micro=usdc, **facts)


def a_signal(*amounts: tuple[int, int], number: int = 1, lag_ms: int = 3000, **changes: Any) -> ActionableSignal:
    amounts = amounts or ((10_000_000, 5_000_000),)
    fills = tuple(Fill(shares=Shares(shares), usdc=Usdc(usdc)) for shares, usdc in amounts)
    seen = SeenBy(source="chain_logs", seen_at_ms=NOW_MS + lag_ms, lag_ms=lag_ms)
    facts: dict[str, Any] = {
        "id": fact_id(number),
        "emitted_at_ms": NOW_MS + lag_ms,
        "leader": LEADER,
        "tx_hash": tx(number),
        "token_id": "77",
        "side": "BUY",
        "shares": sum((fill.shares for fill in fills), Shares(0)),
        "usdc": sum((fill.usdc for fill in fills), Usdc(0)),
        "price": D("0.5"),
        "fills": fills,
        "traded_at_ms": NOW_MS,
        "seen_at_ms": NOW_MS + lag_ms,
        "seen_by": (seen,),
        **changes,
    }
    return ActionableSignal(**facts)


def audited(
    shown: list[LeaderFill], published: list[ActionableSignal], confirmed: tuple[FillConfirmed, ...] = ()
) -> SignalComparison:
    return compare_signals(shown, SignalledFill(tuple(published), confirmed), SPAN, 60_000)


def a_confirmation(signal: ActionableSignal, source: str) -> FillConfirmed:
    return FillConfirmed(
        id=fact_id(signal.id, source),
        emitted_at_ms=signal.emitted_at_ms + 900,
        signal_id=signal.id,
        leader=LEADER,
        tx_hash=signal.tx_hash,
        token_id="77",
        side="BUY",
        source=source,
        seen_at_ms=signal.seen_at_ms + 900,
        lag_ms=3900,
        behind_first_ms=900,
        first_source="chain_logs",
    )


def test_every_fill_signalled_once_is_clean() -> None:
    found = audited([a_trade(number=1), a_trade(number=2)], [a_signal(number=1), a_signal(number=2)])

    assert found.clean
    assert (found.fills, found.signals, found.miss_rate, found.findings) == (2, 2, 0.0, ())


def test_a_fill_without_a_signal_is_missed_and_counts_in_the_rate() -> None:
    found = audited([a_trade(number=1), a_trade(number=2)], [a_signal(number=1)])

    assert (found.missed, found.miss_rate, found.clean) == (1, 0.5, False)
    assert found.findings[0].key.tx_hash == tx(2)


def test_a_signal_that_stands_twice_is_doubled() -> None:
    found = audited([a_trade()], [a_signal(), a_signal()])

    assert (found.doubled, found.missed, found.wrong, found.clean) == (1, 0, 0, False)


@pytest.mark.pitfall(7)
def test_two_equal_fills_of_one_transaction_are_two() -> None:
    amount = (10_000_000, 5_000_000)

    assert audited([a_trade(), a_trade()], [a_signal(amount, amount)]).clean
    assert audited([a_trade(), a_trade()], [a_signal(amount)]).missed == 1


def test_a_micro_unit_more_is_a_wrong_amount() -> None:
    found = audited([a_trade()], [a_signal((10_000_001, 5_000_000))])

    assert (found.wrong, found.missed, found.doubled) == (1, 0, 0)


def test_what_ten_decimals_of_a_price_leave_open_of_a_large_fill_is_no_wrong_amount() -> None:
    shares = 50_000_000_000

    assert audited([a_trade(shares, 25_000_000_000)], [a_signal((shares, 25_000_000_003))]).wrong == 0
    assert audited([a_trade(shares, 25_000_000_000)], [a_signal((shares, 25_000_000_004))]).wrong == 1


def test_fills_signalled_as_one_piece_of_the_same_sum_are_right() -> None:
    shown = [a_trade(), a_trade(1_000_000, 600_000)]

    assert audited(shown, [a_signal((11_000_000, 5_600_000))]).clean


def test_a_signal_the_venue_does_not_show_is_unknown_or_retracted() -> None:
    signal = a_signal()
    gone = FillRetracted(
        id=fact_id("gone"),
        emitted_at_ms=NOW_MS,
        signal_id=signal.id,
        leader=LEADER,
        tx_hash=signal.tx_hash,
        token_id="77",
        side="BUY",
        source="chain_logs",
        seen_at_ms=NOW_MS,
        reason="reorganised",
    )

    assert audited([], [signal]).unknown == 1
    assert compare_signals([], SignalledFill((signal,), (), (gone,)), SPAN, 60_000).retracted == 1


def test_what_lies_outside_the_span_is_not_judged() -> None:
    late = SPAN.end_ms + 1000

    assert audited([a_trade(traded_at_ms=late)], []).fills == 0
    assert audited([], [a_signal(traded_at_ms=late)]).unknown == 0
    assert audited([a_trade(traded_at_ms=SPAN.end_ms)], [a_signal(traded_at_ms=SPAN.end_ms - 1000)]).unknown == 0


def test_a_merge_is_no_trade_and_not_judged() -> None:
    merge = a_signal(number=2, side="SELL", cause="MERGE", price=D(0))

    found = audited([a_trade()], [a_signal(), merge])

    assert (found.clean, found.unknown, found.signals) == (True, 0, 1)


def test_lags_and_late_signals() -> None:
    numbers = range(1, 101)
    found = audited(
        [a_trade(number=number) for number in numbers],
        [a_signal(number=number, lag_ms=number * 1000) for number in numbers],
    )

    assert (found.lag_ms(50), found.lag_ms(99), found.lag_ms(100), found.late) == (51_000, 100_000, 100_000, 41)


def test_each_source_was_first_confirmed_or_never_saw() -> None:
    one, two = a_signal(number=1), a_signal(number=2)
    found = audited([a_trade(number=1), a_trade(number=2)], [one, two], (a_confirmation(one, "data_api"),))

    assert found.sources == {"chain_logs": ShownFill(2, 0, 0), "data_api": ShownFill(0, 1, 1)}


@pytest.fixture
def told(valkey_url: str) -> Any:
    """A stream that a detector filled from a venue that now stands still."""
    redis = connect_redis(valkey_url)
    with serve(Settings(leaders=3, fills_per_minute=120, speed=10)) as sim:
        with detecting(settings(sim, valkey_url)):
            wait_until(lambda: truth(sim).fills > 60, "leaders trade")
            sim.call(lambda: setattr(sim.world, "paused", True))
            wait_until(lambda: sum(len(each.fills) for each in signals(redis)) >= truth(sim).fills, "all is signalled")
        yield redis, sim, valkey_url


def hybrid_audit(sim: Simulator, url: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> tuple[int, dict[str, Any]]:
    values = {"DATA_API_URL": sim.urls["data_api_url"], "AUDIT_SETTLE_S": "0", "AUDIT_RATE_PER_S": "50"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    code = audit.main(url, hours=1, leaders=None, as_json=True)
    return code, json.loads(capsys.readouterr().out)


def entries(redis: Redis) -> list[tuple[str, dict[str, str]]]:
    found = cast("list[tuple[str, dict[str, str]]]", redis.xrange(SIGNALS))
    return [entry for entry in found if entry[1]["event"] == "ACTIONABLE_SIGNAL"]


def tx_of(entry: tuple[str, dict[str, str]]) -> str:
    return json.loads(entry[1]["json"])["tx_hash"]


@pytest.mark.server
@pytest.mark.simulator
def test_the_audit_finds_a_signal_that_was_removed_and_a_duplicate_that_was_added(
    told: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    redis, sim, url = told
    clean_code, clean = hybrid_audit(sim, url, monkeypatch, capsys)

    in_time = sorted(entries(redis), key=lambda entry: json.loads(entry[1]["json"])["traded_at_ms"])
    removed = in_time[-8]  # of the first ones the leader may not have been followed yet
    doubled = next(entry for entry in reversed(in_time[:-8]) if tx_of(entry) != tx_of(removed))  # no part of the same
    latest = SystemClock().monotonic() + 20  # the venue lists what was traded some seconds late
    redis.xdel(SIGNALS, removed[0])
    redis.xadd(SIGNALS, doubled[1])
    lost, twice = json.loads(removed[1]["json"]), json.loads(doubled[1]["json"])
    code, found = hybrid_audit(sim, url, monkeypatch, capsys)
    while (
        found["missed"] < len(lost["fills"]) and SystemClock().monotonic() < latest
    ):  # the venue lists some seconds late
        code, found = hybrid_audit(sim, url, monkeypatch, capsys)

    assert (clean_code, clean["missed"], clean["doubled"], clean["wrong"]) == (0, 0, 0, 0)
    assert 30 < clean["fills"] <= truth(sim).fills
    assert (code, found["missed"], found["doubled"]) == (1, len(lost["fills"]), len(twice["fills"]))
    known = [each for each in found["findings"] if each["kind"] != "unknown"]  # what it will not list, standing still
    assert {each["tx_hash"]: each["kind"] for each in known} == {lost["tx_hash"]: "missed", twice["tx_hash"]: "doubled"}
    assert found["miss_rate"] == len(lost["fills"]) / found["fills"]


@pytest.mark.server
@pytest.mark.simulator
def test_a_leader_is_judged_from_when_it_was_followed_on(
    told: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    redis, sim, url = told
    busiest = max(sim.leaders, key=lambda leader: sum(fill.wallet == leader.address for fill in sim.world.fills))
    later_ms = max(fill.matched_at_ms for fill in sim.world.fills) + 60_000
    _, whole = hybrid_audit(sim, url, monkeypatch, capsys)

    follow_leader(redis, busiest.address, FollowedLeader(added_at_ms=later_ms))
    code, part = hybrid_audit(sim, url, monkeypatch, capsys)

    assert (code, part["leaders"]) == (0, len(sim.leaders))
    assert part["fills"] < whole["fills"]


@pytest.mark.server
@pytest.mark.simulator
def test_the_audit_asks_at_its_own_rate_for_people_too(
    told: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, sim, url = told
    monkeypatch.setenv("DATA_API_URL", sim.urls["data_api_url"])
    monkeypatch.setenv("AUDIT_SETTLE_S", "0")
    monkeypatch.setenv("AUDIT_RATE_PER_S", "20")

    code = audit.main(url, hours=1, leaders=sim.leaders[0].address, as_json=False)

    said = capsys.readouterr().out
    assert code == 0
    assert "miss rate 0.0000%" in said
    assert "chain_logs" in said


def test_what_a_leader_does_after_it_was_unfollowed_is_not_missed() -> None:
    span = AuditSpan({LEADER: 0}, SPAN.end_ms, {LEADER: NOW_MS - 1})

    assert compare_signals([a_trade()], SignalledFill(()), span, 60_000).missed == 0
    assert compare_signals([a_trade()], SignalledFill(()), AuditSpan({LEADER: 0}, SPAN.end_ms), 60_000).missed == 1
