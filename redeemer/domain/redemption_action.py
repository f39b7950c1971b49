"""The action that one condition calls for, which we hold or believe to hold. Pure.

The chain alone decides: how the condition resolved, and what the wallet holds of it, read right before. Our lots say
what must be booked, never what is paid.

| unresolved | in the wallet | it owes | our lots | state |
|---|---|---|---|---|
| yes | pairs of both outcomes | | | `merge`, where that is wanted |
| yes | anything else | | | `open` |
| no | nothing | | none | `nothing` |
| no | nothing | | owed 0 | `write_off` |
| no | nothing | | owed something | `gone`: redeemed by somebody else, by the venue's automatic redeemer, or sold |
| no | something | 0 | none | `nothing`: a loser stays where it is |
| no | something | 0 | some | `write_off`, once, without a transaction |
| no | something | less than it is worth | | `dust` |
| no | something | more | | `pay` |
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from shared.domain.ledger_accounts import Lot
from shared.polymarket.wire.conditions import PayoutVector

MarketKind = Literal["plain", "neg_risk", "position"]
POSITION: Final = "position"
"""Of Protocol V2: the PositionManager keeps it, in pUSD, for markets of either kind."""
State = Literal["merge", "open", "nothing", "write_off", "gone", "dust", "pay"]

ACTS: frozenset[State] = frozenset({"merge", "write_off", "gone", "pay"})
"""States that a job does something about."""


@dataclass(frozen=True)
class ConditionHolding:
    """What the wallet holds of both outcomes of a condition, as positions of one collateral; micro-shares."""

    condition_id: str
    kind: MarketKind
    tokens: tuple[str, str]
    balances: tuple[int, int]

    @property
    def pairs(self) -> int:
        """Return how many shares of both outcomes make whole pairs, worth 1 each before and after the resolution."""
        return min(self.balances)

    def owed(self, vector: PayoutVector) -> int:
        """Return what the contract pays for it: each outcome rounded down by itself."""
        return sum(vector.owed(place, shares) for place, shares in enumerate(self.balances))


@dataclass(frozen=True)
class RedemptionAction:
    """One condition, what to do about it, and how much that brings, in micro-units."""

    condition_id: str
    state: State
    holding: ConditionHolding | None = None
    expected: int = 0
    vector: PayoutVector | None = None
    outcome: int | None = None
    """The only outcome that is handed in; None for all that the wallet holds."""

    @property
    def owed_outcomes(self) -> tuple[int, ...]:
        """Return the outcomes that are handed in and bring something."""
        held, vector = self.holding, self.vector
        if held is None or vector is None:
            return ()
        owed = (place for place, shares in enumerate(held.balances) if vector.owed(place, shares))
        return tuple(place for place in owed if self.outcome in {None, place})

    def one_call(self) -> "RedemptionAction":
        """Return what one call can do of it: of a position of Protocol V2 the first outcome that brings something."""
        held, vector, outcomes = self.holding, self.vector, self.owed_outcomes
        if held is None or vector is None or held.kind != POSITION or len(outcomes) < len(held.balances):
            return self
        first = outcomes[0]
        return replace(self, outcome=first, expected=vector.owed(first, held.balances[first]))

    @property
    def acts(self) -> bool:
        """Say whether there is something to do."""
        return self.state in ACTS

    @property
    def lost(self) -> bool:
        """Say whether the wallet keeps shares that are worth nothing, and nothing is left to book."""
        return self.state == "nothing" and self.holding is not None


def judge_condition(
    condition_id: str,
    holdings: Sequence[ConditionHolding],
    lots: Sequence[Lot],
    vector: PayoutVector | None,
    *,
    least: int,
    merge: bool = False,
) -> RedemptionAction:
    """Return what to do; below `least` (micro-units) it is not worth a transaction.

    A condition belongs to one collateral. Positions of the other one can only be sent to us by a prankster: of two
    holdings the one that brings more is taken, so that nobody can keep us from our money.

    Raises:
        Malformed: a lot is of an outcome that the condition does not have.
    """
    if vector is None:
        best = max(holdings, key=lambda holding: holding.pairs, default=None)
        pairs = best.pairs if best else 0
        wanted = merge and pairs >= least and best is not None and best.kind != POSITION
        return RedemptionAction(condition_id, "merge" if wanted else "open", best, pairs if wanted else 0)
    best = max(holdings, key=lambda holding: holding.owed(vector), default=None)
    expected = best.owed(vector) if best else 0
    lots_owed = sum(vector.owed(lot.outcome_index, lot.shares) for lot in lots)
    held = best is not None and any(best.balances)
    return RedemptionAction(
        condition_id, _state(expected, lots_owed, least, held=held, lots=bool(lots)), best, expected, vector
    )


def _state(expected: int, lots_owed: int, least: int, *, held: bool, lots: bool) -> State:
    if not held and lots_owed:
        return "gone"
    if not expected:
        return "write_off" if lots else "nothing"
    return "pay" if expected >= least else "dust"
