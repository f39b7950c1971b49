"""Payouts: what a resolved condition owes each lot, and the events that say so. Pure.

The redeemer's claim is that the money came back, so a redemption is a result only when what was paid is what was owed;
a redeem that succeeds and pays nothing for a winner (pitfall 27) is not one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from shared.domain.errors import Malformed, OutcomeUnknown
from shared.domain.ledger_accounts import Lot
from shared.domain.money import Shares, Usdc, micro_text
from shared.domain.trading_words import Mode
from shared.messages.base import fact_id
from shared.messages.redemptions import Redeemed, RedemptionResult
from shared.polymarket.wire.conditions import PayoutVector


@dataclass(frozen=True)
class PayoutClaim:
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


def claim_of(wallet: str, lots: Sequence[Lot], vector: PayoutVector) -> PayoutClaim:
    """Return what `vector` owes `lots`, the lots in a fixed order.

    Raises:
        Malformed: a lot is of another condition, of an outcome it does not have, or no holding.
    """
    strangers = [lot.condition_id for lot in lots if lot.condition_id != vector.condition_id]
    if strangers or not lots:
        raise Malformed(f"no lots of condition {vector.condition_id} alone: {strangers or 'none'}")
    ordered = tuple(sorted(lots, key=lambda lot: (lot.outcome_index, lot.key)))
    owed = tuple(vector.owed(lot.outcome_index, lot.shares) for lot in ordered)
    return PayoutClaim(wallet, ordered, owed, vector)


def paper_result(
    claim: PayoutClaim,
    paid: int,
    *,
    mode: Mode,
    now_ms: int,
    ledger_seq: int,
    after: int | None = None,
) -> RedemptionResult:
    """Return the redemption as an event.

    `paid` is what came, in micro-units; `ledger_seq` the ledger's step that books it; `after` as in `PayoutClaim.id`.

    Raises:
        OutcomeUnknown: another amount came than was owed, above all nothing for a winner.
    """
    _check_paid(claim, paid)
    return RedemptionResult(
        id=claim.id(after),
        emitted_at_ms=now_ms,
        wallet=claim.wallet,
        condition_id=claim.condition_id,
        mode=mode,
        payouts=claim.vector.words,
        lots=tuple(_redeemed_lot(lot, payout) for lot, payout in zip(claim.lots, claim.owed, strict=True)),
        expected=Usdc(claim.expected),
        paid=Usdc(paid),
        cost=Usdc(claim.cost),
        realized=Usdc(paid - claim.cost),
        title=claim.lots[0].title,
        resolved_by=claim.vector.source,
        ledger_seq=ledger_seq,
    )


def _check_paid(claim: PayoutClaim, paid: int) -> None:
    if paid != claim.expected:
        raise OutcomeUnknown(
            f"condition {claim.condition_id} owes {micro_text(claim.expected)} and paid {micro_text(paid)}: "
            "not redeemed; look for the wrong collateral or adapter, or for someone else who redeemed it"
        )


def _redeemed_lot(lot: Lot, payout: int) -> Redeemed:
    return Redeemed(
        leader=lot.leader,
        token_id=lot.token_id,
        outcome_index=lot.outcome_index,
        shares=Shares(lot.shares),
        cost=Usdc(lot.cost),
        payout=Usdc(payout),
        behind=Shares(lot.behind),
        event_id=lot.event_id,
        group=lot.group,
    )


@dataclass(frozen=True)
class PayoutPayment:
    """What a transaction brought for one condition, in micro-units, and how; `gas` in wei."""

    expected: int
    paid: int
    way: str
    token: str
    transaction: str = ""
    gas: int = 0


def live_result(
    claim: PayoutClaim | None,
    vector: PayoutVector,
    wallet: str,
    payment: PayoutPayment,
    *,
    now_ms: int,
    ledger_seq: int,
) -> RedemptionResult:
    """Return a proved payment as an event; `claim` is None when no lot of ours is in it.

    The wallet may hold more than our lots (bought by hand: the surplus is `outside`), or less (sold by hand: what
    came is shared among the lots by what each is owed).
    """
    lots = claim.lots if claim else ()
    owed = claim.owed if claim else ()
    cost = claim.cost if claim else 0
    payouts = _share_out(owed, payment.paid)
    return RedemptionResult(
        id=fact_id("redemption", wallet, vector.condition_id, payment.transaction, sorted(lot.key for lot in lots)),
        emitted_at_ms=now_ms,
        wallet=wallet,
        condition_id=vector.condition_id,
        mode="live",
        payouts=vector.words,
        lots=tuple(_redeemed_lot(lot, payout) for lot, payout in zip(lots, payouts, strict=True)),
        expected=Usdc(payment.expected),
        paid=Usdc(payment.paid),
        cost=Usdc(cost),
        realized=Usdc(sum(payouts) - cost),
        title=lots[0].title if lots else "",
        resolved_by=vector.source,
        ledger_seq=ledger_seq,
        way=payment.way,
        token=payment.token,
        transaction=payment.transaction,
        gas_pol=Decimal(payment.gas).scaleb(-18),
        outside=Usdc(payment.paid - sum(payouts)),
    )


def merged_lots(lots: Sequence[Lot], pairs: int) -> tuple[Lot, ...]:
    """Return what a merge of `pairs` (micro) takes out of our lots: of each outcome that many, in the lots' order."""
    left = [pairs, pairs]
    taken: list[Lot] = []
    for lot in sorted(lots, key=lambda lot: (lot.outcome_index, lot.key)):
        shares = min(lot.shares, left[lot.outcome_index])
        if shares:
            left[lot.outcome_index] -= shares
            cost, behind = (each * shares // lot.shares for each in (lot.cost, lot.behind))
            taken.append(replace(lot, shares=shares, cost=cost, behind=behind))
    return tuple(taken)


def pair_vector(condition_id: str) -> PayoutVector:
    """Return what a merge pays: 1 for a pair, so half for each of its shares."""
    return PayoutVector(condition_id, (1, 1), 2, "chain")


def _share_out(owed: tuple[int, ...], paid: int) -> tuple[int, ...]:
    """Return what each lot gets: what it is owed, or its share of what came; rounded down, the rest to the first."""
    total = sum(owed)
    if paid >= total:
        return owed
    parts = [each * paid // total for each in owed]
    return (parts[0] + paid - sum(parts), *parts[1:])
