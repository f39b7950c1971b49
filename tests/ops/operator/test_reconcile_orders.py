"""An open order is closed by a person only when the venue does not know it."""

from decimal import Decimal

import pytest

from buyer.execution.journal import Journal
from buyer.execution.unresolved_orders import ANSWERS_NEEDED, SHOWN_WITHIN_S
from buyer.recovery.chain_reconciliation import NOBODY, rebuilt_intent
from buyer.recovery.fill_adoption import FillAdoption
from buyer.settlement.writer import SettlementWriter
from ops.operator import reconcile
from shared.clock import ManualClock
from shared.domain.errors import BadConfig, HybridError, Malformed, Rejected, Unavailable
from shared.ledger.redis_ledger import RedisLedger
from shared.redis.client import connect_redis
from tests.buyer.builders import LEADER, NOW_MS, a_market
from tests.ops.operator.asked_venue import FILL, AskedVenue, Shown, an_adopted_order

pytestmark = pytest.mark.server


@pytest.mark.pitfall(38)
def test_an_open_order_is_closed_once_the_venue_does_not_know_it_however_often_it_is_asked(valkey_url: str) -> None:
    redis, clock = connect_redis(valkey_url), ManualClock(NOW_MS + 400_000)
    ledger, venue = an_adopted_order(redis), AskedVenue(None)

    (row,) = reconcile.unfinished(ledger, clock.now_ms())
    shown = reconcile.main(redis, "live", clock, "", "")
    closed = reconcile.main(redis, "live", clock, row.id, "the venue shows nothing", lambda: venue)

    assert (row.kind, row.order_hash, row.age_s) == ("orders", FILL.order_hash, 400)
    assert FILL.order_hash in shown[0]
    assert "closed" in closed[0]
    assert venue.asked == [FILL.order_hash] * (ANSWERS_NEEDED + 1)
    assert clock.now_ms() - NOW_MS - 400_000 >= SHOWN_WITHIN_S * 1000
    assert ledger.accounts().values["cash"] == 100_000_000
    assert reconcile.main(redis, "live", clock, "", "") == ["nothing is open: every order has ended"]


@pytest.mark.pitfall(38)
@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([Shown()], "a trade that is MATCHED"),
        ([None, None, Shown()], "a trade that is MATCHED"),
        ([Malformed("JSON cannot be read")], "nobody can tell: JSON cannot be read"),
        ([None, Unavailable("500: upstream trouble")], "nobody can tell: 500"),
        ([Rejected("400: bad request", 400)], "nobody can tell: 400"),
    ],
)
def test_what_may_stand_at_the_venue_is_not_closed_and_the_reason_is_said(
    valkey_url: str, answers: list[Shown | HybridError | None], says: str
) -> None:
    redis = connect_redis(valkey_url)
    ledger, venue = an_adopted_order(redis), AskedVenue(*answers)
    before, open_orders = ledger.accounts().values, ledger.records("orders")
    (name,) = open_orders

    with pytest.raises(BadConfig, match=says):
        reconcile.close(redis, "live", name, "why", ManualClock(NOW_MS), lambda: venue)

    assert (ledger.accounts().values, ledger.records("orders")) == (before, open_orders)


@pytest.mark.pitfall(38)
def test_an_order_of_a_venue_that_cannot_be_asked_from_here_is_not_closed(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    (name,) = an_adopted_order(redis).records("orders")

    with pytest.raises(BadConfig, match="run it where the buyer's signing key is"):
        reconcile.close(redis, "live", name, "why", ManualClock(NOW_MS))


def test_an_order_that_is_not_open_cannot_be_closed(valkey_url: str) -> None:
    with pytest.raises(BadConfig, match="no such order"):
        reconcile.close(connect_redis(valkey_url), "live", "x", "why", ManualClock(NOW_MS))


def test_a_lot_that_only_the_chain_knew_is_listed(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    ledger = RedisLedger(redis, "live")
    Journal(ledger, lambda: None).deposit(100_000_000)
    adopted = rebuilt_intent(FILL, a_market(), NOBODY, NOW_MS)
    FillAdoption(ledger, lambda: None).adopt(adopted)
    assert adopted.outcome is not None
    SettlementWriter(ledger, lambda: None).settle(adopted, adopted.outcome.model_copy(update={"state": "CONFIRMED"}))

    nothing, lot = reconcile.main(redis, "live", ManualClock(NOW_MS), "", "")

    assert nothing.startswith("nothing is open")
    assert "10 shares of Will it?, cost 5.0001" in lot


def test_a_lost_buy_is_rebuilt_with_what_it_really_cost() -> None:
    decision = rebuilt_intent(FILL, a_market(), LEADER, NOW_MS)

    assert decision.order is not None
    assert (decision.verdict, decision.order.budget, decision.order.shares) == ("BUY", Decimal("5.0001"), Decimal(10))
