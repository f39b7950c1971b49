"""What only a person can decide: an order that the venue took and shows no trade of."""

from decimal import Decimal

import pytest

from buyer.adoption import Adoption
from buyer.chain_fills import ChainFill
from buyer.journal import Journal
from buyer.recovery import rebuilt
from ops import reconcile
from shared.broker import connect
from shared.clock import ManualClock
from shared.errors import BadConfig
from shared.events import fact_id
from shared.ledger import RedisLedger
from tests.buyer.builders import LEADER, NOW_MS, TOKEN, a_market

pytestmark = pytest.mark.server

FILL = ChainFill("0x" + "0a" * 32, fact_id("signal"), TOKEN, "BUY", 10_000_000, 5_000_000, 100)


def test_an_open_order_is_listed_and_closed_by_a_person_with_the_reason_on_record(valkey_url: str) -> None:
    redis, clock = connect(valkey_url), ManualClock(NOW_MS + 400_000)
    ledger = RedisLedger(redis, "live")
    journal = Journal(ledger, lambda: None)
    journal.deposit(100_000_000)
    Adoption(ledger, lambda: None).adopt(rebuilt(FILL, a_market(), LEADER, NOW_MS))

    (row,) = reconcile.unfinished(ledger, clock.now_ms())
    shown = reconcile.main(redis, "live", clock, "", "")
    closed = reconcile.main(redis, "live", clock, row.id, "the venue shows nothing")

    assert (row.kind, row.order_hash, row.age_s) == ("orders", FILL.order_hash, 400)
    assert FILL.order_hash in shown[0]
    assert "closed" in closed[0]
    assert ledger.accounts().values["cash"] == 100_000_000
    assert reconcile.main(redis, "live", clock, "", "") == ["nothing is open: every order has ended"]


def test_an_order_that_is_not_open_cannot_be_closed(valkey_url: str) -> None:
    with pytest.raises(BadConfig, match="no such order"):
        reconcile.close(connect(valkey_url), "live", "x", "why")


def test_a_lost_buy_is_rebuilt_with_what_it_really_cost() -> None:
    decision = rebuilt(FILL, a_market(), LEADER, NOW_MS)

    assert decision.order is not None
    assert (decision.verdict, decision.order.budget, decision.order.shares) == ("BUY", Decimal("5.0001"), Decimal(10))
