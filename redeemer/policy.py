"""What a resolved condition owes each lot, and whether it came. Pure.

The redeemer's claim is that the money came back, so a redemption is a result only when what was paid is what was owed;
a redeem that succeeds and pays nothing for a winner (trap 27) is not one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.accounts import Lot
from shared.errors import Malformed, OutcomeUnknown
from shared.events import Redeemed, RedemptionResult, fact_id
from shared.money import from_micro
from shared.polymarket.conditions import PayoutVector


@dataclass(frozen=True)
class Claim:
    """The lots of one condition and what each is owed, in micro-units; a loser is owed 0 and written off."""

    wallet: str
    lots: tuple[Lot, ...]
    owed: tuple[int, ...]
    vector: PayoutVector

    @property
    def condition_id(self) -> str:
        """Name the condition."""
        return self.vector.condition_id

    @property
    def expected(self) -> int:
        """Return what all lots are owed."""
        return sum(self.owed)

    @property
    def cost(self) -> int:
        """Return what all lots cost."""
        return sum(lot.cost for lot in self.lots)

    def id(self, after: int | None = None) -> str:
        """Name this redemption by its fact: whose, of what, and how many shares of each lot.

        The same shares may come again: `after` is the ledger's step that redeemed the ones before.
        """
        held = sorted((lot.key, lot.shares) for lot in self.lots)
        again = () if after is None else ("after", after)
        return fact_id("redemption", self.wallet, self.condition_id, held, *again)


def claim_of(wallet: str, lots: Sequence[Lot], vector: PayoutVector) -> Claim:
    """Return what `vector` owes `lots`, the lots in a fixed order.

    Raises:
        Malformed: a lot is of another condition, of an outcome it does not have, or no holding.
    """
    strangers = [lot.condition_id for lot in lots if lot.condition_id != vector.condition_id]
    if strangers or not lots:
        raise Malformed(f"no lots of condition {vector.condition_id} alone: {strangers or 'none'}")
    ordered = tuple(sorted(lots, key=lambda lot: (lot.outcome_index, lot.key)))
    owed = tuple(vector.owed(lot.outcome_index, lot.shares) for lot in ordered)
    return Claim(wallet, ordered, owed, vector)


def result_of(
    claim: Claim, paid: int, *, mode: Literal["paper", "live"], now_ms: int, ledger_seq: int, after: int | None = None
) -> RedemptionResult:
    """Return the redemption as an event.

    `paid` is what came, in micro-units; `ledger_seq` the ledger's step that books it; `after` as in `Claim.id`.

    Raises:
        OutcomeUnknown: another amount came than was owed, above all nothing for a winner.
    """
    _prove(claim, paid)
    return RedemptionResult(
        id=claim.id(after),
        emitted_at_ms=now_ms,
        wallet=claim.wallet,
        condition_id=claim.condition_id,
        mode=mode,
        payouts=claim.vector.words,
        lots=tuple(_redeemed(lot, payout) for lot, payout in zip(claim.lots, claim.owed, strict=True)),
        expected=from_micro(claim.expected),
        paid=from_micro(paid),
        cost=from_micro(claim.cost),
        realized=from_micro(paid - claim.cost),
        title=claim.lots[0].title,
        resolved_by=claim.vector.source,
        ledger_seq=ledger_seq,
    )


def _prove(claim: Claim, paid: int) -> None:
    if paid != claim.expected:
        raise OutcomeUnknown(
            f"condition {claim.condition_id} owes {from_micro(claim.expected)} and paid {from_micro(paid)}: "
            "not redeemed; look for the wrong collateral or adapter, or for someone else who redeemed it"
        )


def _redeemed(lot: Lot, payout: int) -> Redeemed:
    return Redeemed(
        leader=lot.leader,
        token_id=lot.token_id,
        outcome_index=lot.outcome_index,
        shares=from_micro(lot.shares),
        cost=from_micro(lot.cost),
        payout=from_micro(payout),
        behind=from_micro(lot.behind),
        event_id=lot.event_id,
        group=lot.group,
    )
