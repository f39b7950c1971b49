"""Redemptions in a history, and what they prove: that a market has resolved, and often how. Pure.

A redemption burns all that a wallet holds of a market and pays each outcome its share. The venue's newer rows name the
outcome; older ones tell only what was paid (venue reference 1.1), and what the leader held says the rest: 100 shares
of Yes, 60 of No and 100 paid can only be Yes. Where several answers fit, or none because the history began later,
nobody is told to have won; what was paid beyond shares that the history shows is of unknown origin.

The loser is often redeemed by itself, for nothing, before or after the winner. So what was paid is all that a leader's
rows of a market say together, and it counts from the first of them: the market had resolved by then.
"""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple

from backtest.domain.market_events import LeaderChange, MarketEvent
from backtest.domain.market_state import ResolvedMarket
from backtest.history.market_names import MarketNames
from backtest.history.reading.history_row import Hint, HistoryRow
from shared.messages.signals import ActionableSignal

Payouts = tuple[Fraction, ...]
WON: tuple[Payouts, ...] = (
    (Fraction(1), Fraction(0)),
    (Fraction(0), Fraction(1)),
    (Fraction(1, 2), Fraction(1, 2)),
)
"""How a market of two outcomes resolves: the first, the second, or half each."""
NO_TOTALS: Mapping[tuple[str, str], int] = MappingProxyType({})
_DUST = 10
"""Micro-units by which rounding may miss what a holding pays."""


class Redemption(NamedTuple):
    """What a market paid a leader in one second; `outcomes` are (number, shares, paid) of rows that name one."""

    at_ms: int
    leader: str
    condition_id: str
    paid: int
    outcomes: tuple[tuple[int, int, int], ...] = ()


class PaidTotals:
    """All that each leader was paid for each market, each row once; learned while files are read."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, Hint], set[tuple[str, int, int, int]]] = {}

    def learn(self, row: HistoryRow) -> None:
        """Take in a redemption."""
        told = (row.tx_hash, row.traded_ms, row.hint[1], row.usdc)
        self._rows.setdefault((row.leader, row.hint), set()).add(told)

    def by_market(self, names: MarketNames) -> dict[tuple[str, str], int]:
        """Return them by leader and condition."""
        found: dict[tuple[str, str], set[tuple[str, int, int, int]]] = {}
        for (leader, hint), rows in self._rows.items():
            found.setdefault((leader, names.named("", hint)[1][0]), set()).update(rows)
        return {market: sum(usdc for *_, usdc in rows) for market, rows in found.items()}


class RedemptionRules:
    """Follows what leaders hold, and settles their redemptions.

    `known` are the markets whose payouts a file tells, `totals` what each leader was paid for each market in all.
    """

    def __init__(self, known: Mapping[str, Payouts], totals: Mapping[tuple[str, str], int] = NO_TOTALS) -> None:
        self._payouts, self._totals = dict(known), totals
        self._settled: set[tuple[str, str]] = set()
        self._resolved = set(known)
        self._held: dict[tuple[str, str], dict[int, tuple[str, int]]] = {}
        self.unsettled = 0

    def settle(self, happened: Iterable[MarketEvent | Redemption]) -> Iterator[MarketEvent]:
        """Pass everything on, each redemption as the resolution that it proves and what of it is of unknown origin."""
        for event in happened:
            if isinstance(event, Redemption):
                yield from self._redeem(event)
                continue
            what = event.what
            if isinstance(what, ActionableSignal):
                place = what.market.outcome_index
                if place is not None:
                    self._move(what.leader, what.market.condition_id, place, what.token_id, what.side, what.shares)
            elif isinstance(what, LeaderChange):
                self._move(what.leader, what.condition_id, what.outcome_index, what.token_id, what.side, what.shares)
            yield event

    def _move(self, leader: str, condition: str, place: int, token: str, side: str, shares: int) -> None:
        held = self._held.setdefault((leader, condition), {})
        has = held.get(place, (token, 0))[1]
        held[place] = (token, has + shares if side == "BUY" else max(0, has - shares))

    def _redeem(self, row: Redemption) -> Iterator[MarketEvent]:
        whose = row.leader, row.condition_id
        if whose in self._settled:
            return
        self._settled.add(whose)
        row = row._replace(paid=self._totals.get(whose, row.paid))
        held = self._held.pop(whose, {})
        shares = {place: amount for place, (_, amount) in held.items()}
        payouts = self._payouts.get(row.condition_id) or _proven(row, shares)
        if payouts is None:
            yield from self._unproven(row, held)
            return
        if row.condition_id not in self._resolved:
            self._resolved.add(row.condition_id)
            self._payouts[row.condition_id] = payouts
            yield MarketEvent(row.at_ms, ResolvedMarket(row.condition_id, payouts))
        unknown = row.paid - _worth(payouts, shares)
        if unknown > _DUST:
            yield _paid(row, -1, "", 0, unknown)

    def _unproven(self, row: Redemption, held: dict[int, tuple[str, int]]) -> Iterator[MarketEvent]:
        """Pay a leader who held as much of either outcome, which brings the same; anything else nobody can tell."""
        amounts = [amount for _, amount in held.values()]
        if len(amounts) == len(WON[0]) and all(abs(amount - row.paid) <= _DUST for amount in amounts) and row.paid:
            for place, (token, amount) in held.items():
                part = row.paid // 2 + (place < row.paid % 2)
                yield _paid(row, place, token, amount, part)
            return
        self.unsettled += 1
        if row.paid:
            yield _paid(row, -1, "", 0, row.paid)


def _paid(row: Redemption, place: int, token: str, shares: int, usdc: int) -> MarketEvent:
    change = LeaderChange("REDEEM", row.leader, row.condition_id, place, token, "SELL", shares, usdc)
    return MarketEvent(row.at_ms, change)


def _proven(row: Redemption, held: dict[int, int]) -> Payouts | None:
    """Return the only payouts that fit what was paid; None where several do, or none."""
    if row.outcomes:
        return _told(row.outcomes)
    if not any(held.values()):
        return None
    fitting = [payouts for payouts in WON if abs(_worth(payouts, held) - row.paid) <= _DUST]
    return fitting[0] if len(fitting) == 1 else None


def _told(outcomes: Iterable[tuple[int, int, int]]) -> Payouts | None:
    """Return the payouts by rows that name their outcome: each paid its share, or nothing."""
    for place, shares, paid in outcomes:
        for payouts in WON:
            if shares > _DUST and place < len(payouts) and abs(shares * payouts[place] - paid) <= _DUST:
                return payouts
    return None


def _worth(payouts: Payouts, held: dict[int, int]) -> int:
    return sum(
        amount * payouts[place].numerator // payouts[place].denominator
        for place, amount in held.items()
        if 0 <= place < len(payouts)
    )
