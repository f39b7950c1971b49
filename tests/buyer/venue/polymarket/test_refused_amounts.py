"""Amounts and balances that a strict venue refuses: buys are signed as it wants them, sells come through at last."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SIGNALS
from shared.redis.streams import publish_event
from simulator import Settings, serve
from simulator.core.amounts import TICKS
from tests.buyer.venue.polymarket.live_floor import Floor, until

pytestmark = [pytest.mark.server, pytest.mark.simulator]
WIDER = ("--slippage-bound", "larger", "--max-slippage-ticks", "0")
PATIENT = (*WIDER, "--max-slippage-pct", "3")


@pytest.fixture
def floor(valkey_url: str, tmp_path: Path) -> Iterator[Floor]:
    with serve(Settings(fills_per_minute=0, speed=20, resolve_after_s=1_000_000)) as sim:
        found = Floor(sim, valkey_url, tmp_path)
        found.fund()
        yield found


def fine(floor: Floor, tick: str, bid: str, ask: str) -> None:
    """Put the market on a tick, with one level a side."""
    market, traders = floor.sim.markets[0], floor.sim._app.traders

    def change() -> None:
        market.tick = TICKS[tick]
        traders.set_book(floor.token, [[bid, "1000"]], [[ask, "1000"]])

    floor.sim.call(change)


def sell(floor: Floor, number: int) -> None:
    """Tell that the leader sold all."""
    publish_event(floor.redis, SIGNALS, replace(floor.signal(number), side="SELL"))


def states(floor: Floor, verdict: str) -> list[str]:
    return [one.outcome.state for one in floor.told if one.verdict == verdict and one.outcome]


@pytest.mark.pitfall(17)
@pytest.mark.parametrize(
    ("tick", "ask"),
    [("0.01", "0.51"), ("0.005", "0.505"), ("0.0025", "0.5025"), ("0.001", "0.513"), ("0.0001", "0.5077")],
)
def test_a_market_buy_is_taken_on_every_tick(floor: Floor, tick: str, ask: str) -> None:
    fine(floor, tick, "0.49", ask)

    with floor.buyer(*PATIENT, "--bump-to-minimum"):
        publish_event(floor.redis, SIGNALS, floor.signal(1))
        until(lambda: bool(floor.lots()))

    (order,) = floor.sim._app.traders.orders(lambda _: True)
    assert states(floor, "BUY") == ["MATCHED"]
    assert floor.lots()[0][1] == order["matched_shares_micro"]


@pytest.mark.pitfall(17)
def test_a_sell_refused_for_its_amounts_is_rounded_and_tried_again(floor: Floor) -> None:
    fine(floor, "0.001", "0.511", "0.513")
    floor.sim.fault("strict_sells", "clob", route="/order")

    with floor.buyer(*WIDER, "--max-slippage-pct", "2.6", "--stake-usdc", "9"):
        publish_event(floor.redis, SIGNALS, floor.signal(1))
        until(lambda: bool(floor.lots()))
        ((_, bought),) = floor.lots()
        sell(floor, 2)
        until(lambda: "MATCHED" in states(floor, "SELL"), 30)

    assert states(floor, "SELL")[:2] == ["REJECTED", "MATCHED"]
    (sold,) = floor.sim._app.traders.orders(lambda form: form.side == "SELL")
    assert 0 < Decimal(bought) / 10**6 - Decimal(str(sold["asked_shares_micro"])) / 10**6 < 1
    assert Decimal(str(sold["asked_usdc_micro"])) % 100 == 0


@pytest.mark.pitfall(26)
def test_a_sell_of_tokens_the_venue_has_not_heard_of_has_it_look_and_is_tried_again(floor: Floor) -> None:
    floor.sim.fault("stale_tokens", "clob", route="/order")

    with floor.buyer():
        publish_event(floor.redis, SIGNALS, floor.signal(1))
        until(lambda: bool(floor.lots()))
        sell(floor, 2)
        until(lambda: "MATCHED" in states(floor, "SELL") and not floor.lots(), 30)

    assert states(floor, "SELL") == ["REJECTED", "MATCHED"]
    assert floor.account.refreshed >= {floor.token}


def test_a_fee_of_a_fractional_exponent_is_kept_to_the_micro_unit(floor: Floor) -> None:
    market = floor.sim.markets[0]
    market.fee_rate, market.fee_exponent = Decimal("0.025"), Decimal("0.5")

    with floor.buyer():
        publish_event(floor.redis, SIGNALS, floor.signal(1))
        until(lambda: bool(floor.lots()))

    (order,) = floor.sim._app.exchange.orders.values()
    ((trade,), facts) = order.trades, floor.told[0].inputs.market
    assert facts is not None
    assert facts.fee_exponent == Decimal("0.5")
    assert trade.fee == int(Decimal("0.025") * trade.shares / 2) // 10 * 10
    assert RedisLedger(floor.redis, "live").accounts().values["cash"] == floor.account.cash


def test_a_buy_that_mints_is_held_and_paid_as_the_venue_says(floor: Floor) -> None:
    traders, (first, second) = floor.sim._app.traders, floor.sim.markets[0].tokens
    floor.sim.call(lambda: traders.set_book(first, [["0.49", "1000"]], [["0.52", "1000"]]))

    with floor.buyer(*PATIENT):
        publish_event(floor.redis, SIGNALS, floor.signal(1, second))
        until(lambda: bool(floor.lots()))

    (order,) = floor.sim._app.exchange.orders.values()
    assert floor.lots()[0][1] == order.shares
    assert order.usdc % 10_000, "what a mint leaves over is not paid"
    assert RedisLedger(floor.redis, "live").accounts().values["cash"] == floor.account.cash
