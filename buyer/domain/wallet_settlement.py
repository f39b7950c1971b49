"""The step that makes the ledger say what the wallet holds, by a person's word. Pure.

What the owner did by hand is no result of following: shares that are gone leave at their cost as a withdrawal, and what
they brought is in the collateral, as a deposit. Shares that no lot explains are noted as the owner's own.
"""

import json
from collections.abc import Iterable, Sequence

from buyer.domain.wallet_comparison import WalletGap
from buyer.domain.wallet_words import gap_words, wallet_apart
from shared.domain.ledger_accounts import (
    CASH,
    DEPOSITED,
    Lot,
    Postings,
    behind_account,
    cost_account,
    exposure_accounts,
    merged_postings,
    shares_account,
)
from shared.domain.ledger_write import BalanceGuard, LedgerRecord, LedgerWrite
from shared.domain.record_kinds import DEPOSITS, OUTSIDE, WALLET
from shared.messages.base import SERVICE


def settled_gaps(
    gaps: Sequence[WalletGap], lots: Iterable[Lot], *, seq: int, who: str, why: str, now_ms: int
) -> LedgerWrite:
    """Return the step that settles gaps against the lots as they stood at the ledger's step `seq`.

    Which leader's lot of a token is gone nobody can tell: the oldest goes first.
    """
    lots = sorted(lots, key=lambda lot: (lot.opened_at_ms, lot.key))
    postings = merged_postings(posting for gap in gaps for posting in _postings(gap, lots))
    moved = dict(postings).get(DEPOSITED, 0)
    name = f"reconciled:{seq}:{now_ms}"
    note = {"amount": str(moved), "who": who, "why": why, "at_ms": str(now_ms), "gaps": [gap_words(g) for g in gaps]}
    return LedgerWrite(
        id=name,
        postings=postings,
        guards=(
            BalanceGuard(CASH, at_least=0),
            *(BalanceGuard(shares_account(*_key(lot)), at_least=0) for lot in lots),
        ),
        records=(
            LedgerRecord(DEPOSITS, name, json.dumps(note)),
            *(LedgerRecord(WALLET, gap.token_id, None) for gap in gaps),
            *(LedgerRecord(OUTSIDE, gap.token_id, _outside(gap)) for gap in gaps if gap.kind != "cash"),
        ),
        events=tuple((SERVICE, wallet_apart(gap, "settled", now_ms, why)) for gap in gaps),
        expected_seq=seq,
    )


def _postings(gap: WalletGap, lots: Sequence[Lot]) -> Postings:
    if gap.kind == "cash":
        return ((CASH, gap.found - gap.lots), (DEPOSITED, gap.found - gap.lots))
    left = gap.lots - gap.found if gap.kind == "missing" else 0
    postings: list[tuple[str, int]] = []
    for lot in (lot for lot in lots if lot.token_id == gap.token_id):
        gone = min(left, lot.shares)
        postings += _withdrawn(lot, gone)
        left -= gone
    return tuple(postings)


def _withdrawn(lot: Lot, shares: int) -> Postings:
    """Return what takes shares out of a lot with their part of its cost, of every exposure, and of the capital."""
    if shares <= 0:
        return ()
    cost, behind = (part * shares // lot.shares if shares < lot.shares else part for part in (lot.cost, lot.behind))
    return (
        (shares_account(*_key(lot)), -shares),
        (cost_account(*_key(lot)), -cost),
        (behind_account(*_key(lot)), -behind),
        *((name, -cost) for name in exposure_accounts(lot.leader, lot.condition_id, lot.event_id, lot.group)),
        (DEPOSITED, -cost),
    )


def _outside(gap: WalletGap) -> str | None:
    own = gap.found - gap.lots
    return str(own) if own > 0 else None


def _key(lot: Lot) -> tuple[str, str]:
    return lot.leader, lot.token_id
