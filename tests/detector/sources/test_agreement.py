"""Signals of the Data API, of chain logs and of the push feed tell one trade alike, to the micro-unit."""

from decimal import Decimal
from typing import Any, cast

import fakeredis
import pytest
from redis import Redis

from detector.domain.matcher import Matcher
from detector.domain.signal_builder import build_signal
from detector.domain.signal_draft import UnconfirmedFill
from detector.publishing.pending_confirmations import PendingConfirmations
from shared.messages.events import read_event, write_event
from shared.messages.signals import ActionableSignal, Fill
from shared.messages.value_codec import codec_of
from shared.polymarket.wire.leader_fills import V1_NAMES, LeaderFill, read_activity
from shared.polymarket.wire.rtds import read_pushed
from shared.redis.client import connect_redis
from simulator import Settings, serve
from tests.amounts import D
from tests.detector.builders import LEADER, NOW_MS, NOW_S, TOKEN, TX, a_fill, a_view
from tests.detector.sources.test_push_with_simulator import subscribed
from tests.detector.venue import detecting, settings, signals, wait_until

CHARGED = a_fill(usdc=45_000_000, fee_micro=1_237_500)
PUSHED = a_fill(usdc=45_000_000)


def signalled(*looks: tuple[str, list[LeaderFill]]) -> list[ActionableSignal]:
    """Return the signals of what sources show, one after the other."""
    matcher, found = Matcher(), list[ActionableSignal]()
    for number, (source, fills) in enumerate(looks):
        for draft in matcher.match_view(a_view(*fills, source=source, seen_at_ms=NOW_MS + 1000 * number)).drafts:
            found.append(build_signal(draft, NOW_MS))
            matcher.mark_published(draft)
    return found


def test_a_second_equal_fill_is_a_supplement_of_its_own_price_whoever_told_the_first() -> None:
    row: dict[str, Any] = {
        "proxyWallet": LEADER,
        "timestamp": NOW_S,
        "size": 100,
        "price": Decimal("0.45"),
        "transactionHash": TX,
        "asset": TOKEN,
        "side": "BUY",
    }
    told = read_activity([row | {"type": "TRADE", "usdcSize": Decimal("46.2375")}] * 2, LEADER, V1_NAMES)

    first, second = signalled(("rtds", list(read_pushed([row], LEADER).fills)), ("data_api", list(told.fills)))

    assert [(each.part, each.shares, each.usdc, each.price) for each in (first, second)] == [
        (0, D(100), D(45), D("0.45")),
        (1, D(100), D(45), D("0.45")),
    ]
    assert second.fills == (Fill(shares=D(100), usdc=D(45), fee=D("1.2375")),)


@pytest.mark.parametrize("retold", [45_000_003, 46_237_500])
def test_equal_shares_are_one_fill_even_where_a_source_told_its_collateral_otherwise(retold: int) -> None:
    """A price of 10 decimals misses a large fill's collateral; an earlier version took the fee for collateral."""
    other = a_fill(10_000_000, 4_500_000)

    (first, second) = signalled(("rtds", [a_fill(usdc=retold)]), ("data_api", [PUSHED, other]))

    assert (first.shares, second.shares, second.usdc, second.price) == (D(100), D(10), D("4.5"), D("0.45"))
    assert len(signalled(("rtds", [a_fill(usdc=retold)]), ("data_api", [PUSHED]))) == 1


def test_a_fee_stands_in_the_fill_and_touches_neither_price_nor_collateral() -> None:
    (signal,) = signalled(("data_api", [CHARGED]))

    assert (signal.price, signal.usdc, signal.fills[0].fee) == (D("0.45"), D(45), D("1.2375"))
    assert read_event(write_event(signal)) == signal


def test_shares_that_a_fee_took_before_clob_v2_are_in_the_price() -> None:
    paid = a_fill(22_479_360, 2_880_000, fee_shares_micro=1_520_640)

    (signal,) = signalled(("data_api", [paid]))

    assert (signal.price, signal.usdc, signal.shares) == (D("0.12"), D("2.88"), D("22.47936"))
    assert signal.fills[0].fee_shares == D("1.52064")


def test_a_fill_without_a_fee_is_written_as_ever() -> None:
    written = '{"shares":"100","usdc":"45","log_index":null,"role":null}'

    (signal,) = signalled(("rtds", [PUSHED]))

    assert f'"fills":[{written}]' in write_event(signal)
    assert codec_of(Fill).read(written) == signal.fills[0]


@pytest.mark.parametrize("fill", [PUSHED, CHARGED, a_fill(fee_shares_micro=7)])
def test_what_waits_for_a_second_source_keeps_its_fee(fill: LeaderFill) -> None:
    redis = cast("Redis", fakeredis.FakeRedis(decode_responses=True))
    view = a_view(fill)
    (draft,) = Matcher().match_view(view).drafts
    wait = UnconfirmedFill(
        draft.key, "data_api", view.seen_at_ms, NOW_MS, draft.pieces, draft.hint, frozenset({"data_api"})
    )

    held = PendingConfirmations(redis, 1000).add_sighting(wait)

    assert held.views["data_api"].fills == (fill,)


def test_a_piece_without_a_fee_waits_in_the_words_of_before() -> None:
    redis = cast("Redis", fakeredis.FakeRedis(decode_responses=True))
    (draft,) = Matcher().match_view(a_view(PUSHED)).drafts
    wait = UnconfirmedFill(draft.key, "rtds", NOW_MS, NOW_MS, draft.pieces, draft.hint, frozenset({"rtds"}))

    assert r"\"pieces\":[[100000000,45000000,null,null]]" in PendingConfirmations(redis, 1000).add_sighting(wait).raw


@pytest.mark.simulator
@pytest.mark.server
@pytest.mark.parametrize("source", ["data_api", "chain_logs", "rtds"])
def test_each_source_alone_signals_the_venues_own_amounts_and_price(valkey_url: str, source: str) -> None:
    redis = connect_redis(valkey_url)
    quiet = Settings(fills_per_minute=0.0, leaders=2, markets=4, speed=20.0, limits=False)
    with serve(quiet) as sim, detecting(settings(sim, valkey_url, sources=source)):
        market = next(each for each in sim.markets if each.fee_rate)
        wait_until(lambda: source != "rtds" or subscribed(sim) == 2, "both push connections are open")
        leader = sim.leaders[0].address
        made = [
            *sim.fill(leader=leader, token=market.tokens[0], side="BUY", shares="22.84", price="0.52"),
            *sim.fill(leader=leader, token=market.tokens[0], side="SELL", shares="7.44", price="0.51"),
            *sim.fill(
                leader=leader, token=market.tokens[1], side="BUY", shares="33.333333", price="0.37", role="maker"
            ),
        ]
        wanted = {(f.order.shares, f.order.usdc, f.fee if source != "rtds" else 0) for f in made if f.tracked}
        wait_until(lambda: amounts(redis) == wanted, f"{source} tells {wanted}")

    assert {signal.price for signal in signals(redis)} == {D("0.52"), D("0.51"), D("0.37")}
    assert sum(fee > 0 for _, _, fee in wanted) == (0 if source == "rtds" else 2)


def amounts(redis: Redis) -> set[tuple[int, int, int]]:
    """Return shares, collateral and fee of each fill on the stream, in micro-units."""
    fills = [fill for signal in signals(redis) for fill in signal.fills]
    return {(fill.shares, fill.usdc, fill.fee or 0) for fill in fills}
