"""What the owner does by hand with the wallet, against the local venue: found, said, settled, and exits follow."""

import threading

import pytest

from buyer.composition_live import wallet_look
from ops.operator.wallet_gaps import settle_wallet
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SERVICE, SIGNALS
from shared.messages.events import read_event
from shared.messages.service import WalletApart
from shared.redis.streams import publish_event, stream_tail
from tests.buyer.venue.polymarket.live_floor import CLOCK, Floor, floor, until

pytestmark = [pytest.mark.server, pytest.mark.simulator]
__all__ = ["floor"]

OFTEN = ("--wallet-check-s", "3", "--stop-loss-pct", "20")


def bought(floor: Floor) -> int:
    """Follow a signal and wait until its lot is settled; return its shares."""
    publish_event(floor.redis, SIGNALS, floor.signal())
    until(lambda: bool(floor.lots()) and not RedisLedger(floor.redis, "live").records("orders"))
    return floor.lots()[0][1]


def moved(floor: Floor, shares: int) -> None:
    """Take shares out of the wallet as its owner does on the site."""
    wallet, traders, amount = floor.account.wallet, floor.sim._app.traders, str(-shares / 1_000_000)
    floor.sim.call(lambda: traders.change_account(wallet, token=floor.token, shares=amount, indexed=True))


def told(floor: Floor) -> list[WalletApart]:
    events = (read_event(entry.json) for entry in stream_tail(floor.redis, SERVICE, 1000))
    return [event for event in events if isinstance(event, WalletApart)]


def fall(floor: Floor) -> None:
    levels = ([["0.30", "1000"]], [["0.31", "1000"]])
    floor.sim.call(lambda: floor.sim._app.traders.set_book(floor.token, *levels))


@pytest.mark.takes(14)
@pytest.mark.pitfall(53)
def test_half_of_a_lot_sold_by_hand_is_found_and_the_other_half_still_gets_out(floor: Floor) -> None:
    floor.fund()
    with floor.buyer(*OFTEN, "--stake-usdc", "20"):
        held = bought(floor)
        moved(floor, held // 2)
        until(lambda: bool(told(floor)))
        fall(floor)
        until(lambda: floor.lots()[0][1] < held)
        until(lambda: not RedisLedger(floor.redis, "live").records("orders"))

    holds = floor.sim._app.exchange.accounts.balance(floor.account, floor.token)
    assert floor.lots()[0][1] - holds == held // 2
    assert told(floor)[0].wallet == held - held // 2


@pytest.mark.takes(11)
@pytest.mark.pitfall(53)
def test_a_lot_sold_by_hand_is_tried_no_more_and_gives_its_cap_back_once_settled(floor: Floor) -> None:
    floor.fund()
    ledger = RedisLedger(floor.redis, "live")
    with floor.buyer(*OFTEN) as built:
        held = bought(floor)
        moved(floor, held)
        until(lambda: bool(told(floor)))
        fall(floor)
        before = len(floor.sim._app.traders.orders())
        CLOCK.wait(threading.Event(), 4)
        gaps = built.mode.gaps()
        look = wallet_look(floor.settings(*OFTEN), floor.redis, clock=CLOCK, stop=threading.Event())
        said = settle_wallet(floor.redis, look.take, "sold on the site", CLOCK)

    assert (gaps, len(floor.sim._app.traders.orders())) == ({"missing": 1}, before)
    assert "the wallet holds 0" in said[0]
    assert floor.lots() == []
    assert ledger.accounts().values.get("total", 0) == 0
