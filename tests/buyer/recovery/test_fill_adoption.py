"""A fill that only the chain knows counts for stake window and cool-down, as one that the journal wrote does."""

import pytest

from buyer.domain.chain_fills import ChainFill
from buyer.recovery.chain_reconciliation import rebuilt_intent
from buyer.recovery.fill_adoption import FillAdoption
from shared.domain.ledger_accounts import lot_key, shares_account
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.market import Side
from shared.domain.money import Shares
from shared.domain.record_kinds import LEFT, STAKED
from shared.ledger.memory_ledger import MemoryLedger
from shared.messages.decisions import LotExit, Staked
from shared.messages.value_codec import codec_of, write_value
from tests.amounts import D
from tests.buyer.builders import LEADER, NOW_MS, TOKEN, a_market

KEY = lot_key(LEADER, TOKEN)
BLOCK_MS = NOW_MS - 20_000
pytestmark = pytest.mark.pitfall(44)


def a_fill(side: Side = "BUY") -> ChainFill:
    return ChainFill(
        order_hash="0x" + "5a" * 32,
        signal_id="s" * 32,
        token_id=TOKEN,
        side=side,
        shares=D(10),
        usdc=D(5),
        fee=D("0.1"),
    )


def adopt(ledger: MemoryLedger, side: Side = "BUY") -> None:
    FillAdoption(ledger, lambda: None).adopt(rebuilt_intent(a_fill(side), a_market(), LEADER, BLOCK_MS))


def a_ledger(held: Shares = D(0)) -> MemoryLedger:
    return MemoryLedger({"cash": D(100), shares_account(LEADER, TOKEN): held})


def test_an_adopted_buy_is_staked_at_the_time_of_its_block() -> None:
    ledger = a_ledger()

    adopt(ledger)

    assert codec_of(Staked).read(ledger.records(STAKED)[KEY]) == Staked(at_ms=BLOCK_MS, usdc=D("5.1"))


def test_a_buy_since_then_stays_what_was_staked_last() -> None:
    ledger, later = a_ledger(), write_value(Staked(at_ms=NOW_MS, usdc=D(1)))
    ledger.commit(LedgerWrite(id="later", records=(LedgerRecord(STAKED, KEY, later),)))

    adopt(ledger)

    assert ledger.records(STAKED) == {KEY: later}


def test_an_adopted_sale_of_a_whole_lot_begins_its_cool_down() -> None:
    ledger = a_ledger(held=D(10))

    adopt(ledger, "SELL")

    assert codec_of(LotExit).read(ledger.records(LEFT)[TOKEN]) == LotExit(at_ms=BLOCK_MS, reason="adopted")


def test_an_adopted_sale_of_a_part_begins_none() -> None:
    ledger = a_ledger(held=D(30))

    adopt(ledger, "SELL")

    assert ledger.records(LEFT) == {}
