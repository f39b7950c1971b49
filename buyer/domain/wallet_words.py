"""What is told of a gap between wallet and ledger: its event, its record, and a sentence. Pure."""

from collections.abc import Mapping
from typing import Literal

from buyer.domain.wallet_comparison import WalletGap
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.money import Shares, from_micro
from shared.domain.record_kinds import WALLET
from shared.messages.base import SERVICE, fact_id
from shared.messages.service import WalletApart
from shared.messages.value_codec import codec_of, write_value

GapState = Literal["apart", "over", "settled"]
SETTLE = "hybrid reconcile --wallet --why ..."


def wallet_apart(gap: WalletGap, state: GapState, now_ms: int, why: str = "") -> WalletApart:
    """Return the event that tells of a gap."""
    return WalletApart(
        id=fact_id("wallet", state, *gap.facts, now_ms),
        emitted_at_ms=now_ms,
        mode="live",
        state=state,
        kind=gap.kind,
        token_id=gap.token_id,
        condition_id=gap.condition_id,
        title=gap.title,
        ledger=Shares(gap.lots + gap.outside),
        wallet=gap.found,
        witness=gap.witnessed,
        resolved=gap.resolved,
        why=why,
    )


def gap_write(gap: WalletGap, state: GapState, now_ms: int) -> LedgerWrite:
    """Return the step that keeps a gap, or forgets one that is over, and tells of it."""
    event = wallet_apart(gap, state, now_ms)
    text = write_value(gap) if state == "apart" else None
    return LedgerWrite(
        id=f"wallet:{event.id}", records=(LedgerRecord(WALLET, gap.token_id, text),), events=((SERVICE, event),)
    )


def known_gaps(records: Mapping[str, str]) -> list[WalletGap]:
    """Read the gaps that the ledger keeps.

    Raises:
        Malformed: one cannot be read.
    """
    return [codec_of(WalletGap).read(text) for text in records.values()]


def gap_words(gap: WalletGap) -> str:
    """Say what differs, by how much."""
    if gap.kind == "cash":
        moved = gap.found - gap.lots
        return f"collateral: the wallet holds {from_micro(gap.found)}, {_more(moved)} than the ledger knows of"
    name = gap.title or f"token {gap.token_id}"
    if gap.kind == "extra":
        moved = gap.found - gap.lots - gap.outside
        return (
            f"{name}: the wallet holds {from_micro(gap.found)} shares, {_more(moved)} than lots and known ones explain"
        )
    ends = "; its market has resolved, so the redeemer books what they paid" if gap.resolved else ""
    return f"{name}: lots of {from_micro(gap.lots)} shares, and the wallet holds {from_micro(gap.found)}{ends}"


def _more(moved: int) -> str:
    return f"{from_micro(abs(moved))} {'more' if moved > 0 else 'less'}"
