"""The result of an order: how it ended, from what the venue says of it and the chain books of its trades. Pure.

| what stands | what follows |
|---|---|
| a trade is not terminal, or one that was reported is not listed | nothing yet: MATCHED is provisional |
| a trade has no numbers yet | nothing yet, unless the chain shows its amounts |
| all trades CONFIRMED or FAILED | CONFIRMED with what confirmed, FAILED when nothing did |
| the order is gone and never matched, or the venue has not known it for long | CANCELLED |

MATCHED can still fail (a ghost fill, pitfall 20): only what confirmed becomes shares.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from shared.domain.market import Side
from shared.messages.decisions import BuyEngineDecision, Outcome

TradeState = Literal["PENDING", "CONFIRMED", "FAILED"]
TRADE_STATES: dict[str, TradeState] = {
    "MATCHED": "PENDING",
    "MATCHED_NOT_BROADCASTED": "PENDING",
    "MINED": "PENDING",
    "RETRYING": "PENDING",
    "CONFIRMED": "CONFIRMED",
    "FAILED": "FAILED",
}
"""The venue's words (venue reference 3.6); a word we do not know is pending."""

_ROUNDING = 10
"""Micro-units by which amounts in an answer, in trades and on the chain may differ."""

_CENTISHARE = 10_000
_HUNDREDTH = 100
"""Parts by which the venue's rounded sizes and prices may miss what the chain books to the micro-unit."""

Standing = Literal["open", "matched", "gone"]


@dataclass(frozen=True)
class OwnTrade:
    """Our part of one trade: micro-units, `usdc` before the taker's `fee`; its transaction is known once it is sent.

    `sized` is False while the venue leaves its numbers blank: it exists, and its amounts are asked for later.
    """

    id: str
    state: TradeState
    shares: int
    usdc: int
    fee: int
    tx_hash: str = ""
    sized: bool = True


@dataclass(frozen=True)
class OrderSeen:
    """What the venue says of one order: still `open`, `matched`, or `gone` without more to come."""

    standing: Standing
    matched: int
    trade_ids: frozenset[str] = frozenset()

    @property
    def unmatched(self) -> bool:
        """Say whether it ended and nothing of it ever traded."""
        return self.standing == "gone" and not self.matched and not self.trade_ids


@dataclass(frozen=True)
class WaitingOrder:
    """An order whose trades can still fail."""

    decision: BuyEngineDecision
    before: Outcome

    def age_s(self, now_ms: int) -> float:
        """Return how long ago it was decided."""
        return (now_ms - self.decision.inputs.now_ms) / 1000


@dataclass(frozen=True)
class OrderEnding:
    """An order whose trades are terminal; `by_feed_alone` when only the feed says so."""

    order_id: str
    waiting: WaitingOrder
    outcome: Outcome
    trades: Sequence[OwnTrade] = ()
    by_feed_alone: bool = False

    @property
    def confirmed(self) -> list[tuple[str, OwnTrade]]:
        """Return its confirmed trades, each with the order's hash."""
        return [(self.waiting.before.order_hash, trade) for trade in self.trades if trade.state == "CONFIRMED"]

    def apart(self, chain: Mapping[str, OwnTrade]) -> list[str]:
        """Name the trades on which the chain differs from what the venue says of them."""
        return [trade.id for trade in self.trades if trade.id in chain and is_apart(trade, chain[trade.id])]

    @property
    def needs_chain(self) -> bool:
        """Say whether the venue's own numbers are not enough: the feed alone told it, or one is blank."""
        return self.by_feed_alone or any(not trade.sized for _, trade in self.confirmed)


def order_ending(before: Outcome, seen: OrderSeen | None, trades: Iterable[OwnTrade]) -> Outcome | None:
    """Return how an order ended, or None while that is open.

    Args:
        before: What is known so far: its trade ids and shares must be listed before anything is settled.
        seen: The venue's word on the order; None when it was not asked, or does not keep it (any more).
        trades: Every listed trade of the order.
    """
    listed = {trade.id: trade for trade in trades}
    reported = set(before.trade_ids) | (seen.trade_ids if seen else set[str]())
    if not reported <= listed.keys() or any(trade.state == "PENDING" for trade in listed.values()):
        return None
    if not listed:
        return _unmatched(before, seen)
    expected = max(before.shares, seen.matched if seen else 0)
    if not _complete(list(listed.values()), expected, reported) or (seen.standing == "open" if seen else not expected):
        return None
    return summed_trades(before, list(listed.values()))


def never_taken(before: Outcome, times: int) -> Outcome | None:
    """Return the end of an order that the venue does not know, None where it told of a match before.

    Args:
        before: What is known so far.
        times: How often the venue said, readably, that it has neither the order nor a trade of it.
    """
    if before.trade_ids or before.shares:
        return None
    return _cancelled(before, f"the venue does not know it: asked {times} times, no order and no trade")


def _complete(trades: Sequence[OwnTrade], expected: int, reported: set[str]) -> bool:
    """Say whether every trade is there: by the shares, or by the venue's list of them where one has no numbers."""
    if all(trade.sized for trade in trades):
        return sum(trade.shares for trade in trades) + _ROUNDING >= expected
    return bool(reported)


def provisional_outcome(before: Outcome, trades: Iterable[OwnTrade]) -> Outcome:
    """Return `before` with what has matched until now: no shares yet, but no longer nothing."""
    matched = list(trades)
    total = summed_trades(before, matched)
    ids = tuple(sorted({*before.trade_ids, *(trade.id for trade in matched)}))
    return replace(total, state="MATCHED", trade_ids=ids, reason="matched, not confirmed yet")


def _unmatched(before: Outcome, seen: OrderSeen | None) -> Outcome | None:
    return _cancelled(before, "ended without a match") if seen is not None and seen.unmatched else None


def _cancelled(before: Outcome, reason: str) -> Outcome:
    return replace(before, shares=0, usdc=0, fee=0, state="CANCELLED", reason=reason)


def summed_trades(before: Outcome, trades: Sequence[OwnTrade]) -> Outcome:
    """Return the outcome of terminal trades: what did not fail, added up."""
    good = [trade for trade in trades if trade.state != "FAILED"]
    failed = len(trades) - len(good)
    return replace(
        before,
        state="CONFIRMED" if good else "FAILED",
        shares=sum(trade.shares for trade in good),
        usdc=sum(trade.usdc for trade in good),
        fee=sum(trade.fee for trade in good),
        reason=f"{len(good)} trades confirmed, {failed} failed" if failed else "confirmed",
        trade_ids=tuple(sorted(trade.id for trade in trades)),
    )


def on_chain(end: OrderEnding, chain: Mapping[str, OwnTrade]) -> Outcome | None:
    """Return the end as the chain booked it; what only the feed told, or has no numbers, must be there.

    A node's amounts never beat the venue's own: where both differ, the less favourable counts until balances say.
    """
    if not end.trades:
        return end.outcome
    if any(trade.id not in chain for _, trade in end.confirmed if end.by_feed_alone or not trade.sized):
        return None
    apart = end.apart(chain)
    sold = bool(apart) and order_side(end.waiting.decision) == "SELL"
    counted = [counted_trade(trade, chain.get(trade.id, trade), sold=sold) for trade in end.trades]
    outcome = summed_trades(end.waiting.before, counted)
    told = f"; venue and node differ on {len(apart)}: the smaller counts until the wallet's balance says"
    return replace(outcome, reason=outcome.reason + told) if apart else outcome


def order_side(decision: BuyEngineDecision) -> Side | None:
    """Return the side of a decision's order."""
    return decision.order.side if decision.order else None


def counted_trade(told: OwnTrade, booked: OwnTrade, *, sold: bool) -> OwnTrade:
    """Return what counts of a trade: what the chain booked to the micro-unit, unless the venue tells another trade.

    Then a buy got the fewer shares for the larger sum; a sell sold what the venue says, for the smaller sum.
    """
    if not is_apart(told, booked):
        return booked
    if sold:
        shares, usdc = told.shares, min(told.usdc, booked.usdc)
    else:
        shares, usdc = min(told.shares, booked.shares), max(told.usdc, booked.usdc)
    return OwnTrade(booked.id, booked.state, shares, usdc, max(told.fee, booked.fee), booked.tx_hash)


def is_apart(told: OwnTrade, booked: OwnTrade) -> bool:
    """Say whether venue and chain differ by more than rounding: a 100th of a share, or of the collateral."""
    if not told.sized or told.state != "CONFIRMED":
        return False
    pairs = ((told.usdc, booked.usdc), (told.fee, booked.fee))
    near = max(_ROUNDING, max(told.usdc, booked.usdc) // _HUNDREDTH)
    return abs(told.shares - booked.shares) > _CENTISHARE or any(abs(one - other) > near for one, other in pairs)
