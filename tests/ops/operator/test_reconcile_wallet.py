"""`hybrid reconcile --wallet`: what the owner did by hand leaves the ledger at cost, and its caps come back."""

from collections.abc import Iterator

import pytest

from buyer.domain.wallet_comparison import Comparison, WalletGap
from buyer.domain.wallet_words import gap_write
from ops.operator.reconcile import main
from ops.operator.wallet_gaps import Look, settle_wallet
from shared.clock import ManualClock
from shared.domain.errors import BadConfig, Unavailable
from shared.domain.ledger_accounts import CASH, COST, DEPOSITED, SHARES, TOTAL, Lot, exposure_accounts
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.money import Shares
from shared.domain.record_kinds import ORDERS, OUTSIDE, WALLET
from shared.ledger.port import lot_record, open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.redis.client import connect_redis
from tests.buyer.domain.test_wallet_comparison import CONDITION, LEADERS, SHARE, TOKEN

pytestmark = pytest.mark.server


@pytest.fixture
def ledger(valkey_url: str) -> RedisLedger:
    """Give a ledger with two lots of one token: 10 shares for 5 pUSD each, of 110 that were put in."""
    found = RedisLedger(connect_redis(valkey_url), "live")
    for number, leader in enumerate(LEADERS):
        lot = Lot(leader, TOKEN, CONDITION, 0, "Will it?", 0, 0, event_id="e1", opened_at_ms=number + 1)
        exposed = exposure_accounts(leader, CONDITION, "e1", "")
        held = ((SHARES + lot.key, 10 * SHARE), (COST + lot.key, 5 * SHARE), *((one, 5 * SHARE) for one in exposed))
        money = ((CASH, 50 * SHARE), (DEPOSITED, 55 * SHARE))
        found.commit(LedgerWrite(id=leader, postings=(*held, *money), records=(lot_record(lot),)))
    return found


def missing(found: int) -> WalletGap:
    return WalletGap(token_id=TOKEN, lots=Shares(20 * SHARE), found=Shares(found), title="Will it?")


def shows(*gaps: WalletGap) -> Look:
    return lambda: Comparison({gap.token_id: gap for gap in gaps}, frozenset({TOKEN, ""}))


def settle(ledger: RedisLedger, look: Look) -> list[str]:
    return settle_wallet(ledger._redis, look, "sold on the site", ManualClock())


@pytest.mark.pitfall(53)
def test_shares_that_are_gone_leave_the_oldest_lot_at_their_cost_and_give_their_caps_back(ledger: RedisLedger) -> None:
    said = settle(ledger, shows(missing(5 * SHARE)))

    assert [(lot.leader, lot.shares, lot.cost) for lot in open_lots(ledger)] == [
        (LEADERS[1], 5 * SHARE, SHARE * 5 // 2)
    ]
    values = ledger.accounts().values
    assert (values[TOTAL], values["event:e1"], values.get(f"leader:{LEADERS[0]}", 0)) == (SHARE * 5 // 2,) * 2 + (0,)
    assert said == ["settled: Will it?: lots of 20 shares, and the wallet holds 5"]


@pytest.mark.pitfall(53)
def test_what_the_owner_sold_by_hand_is_no_result_and_what_it_brought_is_a_deposit(ledger: RedisLedger) -> None:
    brought = WalletGap(token_id="", lots=Shares(100 * SHARE), found=Shares(112 * SHARE))

    settle(ledger, shows(missing(0), brought))

    values = ledger.accounts().values
    assert (values[CASH], values[DEPOSITED], values.get("realized", 0)) == (112 * SHARE, 112 * SHARE, 0)
    assert open_lots(ledger) == []


def test_shares_that_no_lot_explains_are_the_owners_own_from_then_on(ledger: RedisLedger) -> None:
    settle(ledger, shows(missing(23 * SHARE)))

    assert ledger.records(OUTSIDE) == {TOKEN: str(3 * SHARE)}


def test_what_the_watch_found_is_listed_and_settled_after_one_look(ledger: RedisLedger) -> None:
    ledger.commit(gap_write(missing(0), "apart", 1))
    looks = iter([shows(missing(0))()])

    listed = main(ledger._redis, "live", ManualClock(), "", "")
    settle(ledger, lambda: next(looks))

    assert any("the wallet holds 0" in line for line in listed)
    assert ledger.records(WALLET) == {}


def test_two_looks_that_differ_settle_nothing(ledger: RedisLedger) -> None:
    looks = iter([shows(missing(5 * SHARE))(), shows(missing(0))()])

    with pytest.raises(BadConfig, match="showed different amounts"):
        settle(ledger, lambda: next(looks))

    assert len(open_lots(ledger)) == 2


def test_an_order_that_began_meanwhile_leaves_everything_as_it_is(ledger: RedisLedger) -> None:
    def looks() -> Iterator[Comparison]:
        yield shows(missing(5 * SHARE))()
        order = LedgerRecord(ORDERS, "one", f'{{"token_id": "{TOKEN}"}}')
        ledger.commit(LedgerWrite(id="an order", records=(order,)))
        yield shows(missing(5 * SHARE))()

    looked = looks()
    with pytest.raises(Unavailable, match="moved on"):
        settle(ledger, lambda: next(looked))

    assert len(open_lots(ledger)) == 2


def test_shares_of_a_resolved_market_are_left_to_the_redeemer(ledger: RedisLedger) -> None:
    gone = WalletGap(token_id=TOKEN, lots=Shares(20 * SHARE), found=Shares(0), title="Will it?", resolved=True)
    ledger.commit(gap_write(gone, "apart", 1))

    said = settle(ledger, shows(gone))

    assert said[0].startswith("left to the redeemer")
    assert len(open_lots(ledger)) == 2
