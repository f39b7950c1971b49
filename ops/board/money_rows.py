"""Money as an operator reads it: profit and loss, positions, limits, leaders.

Amounts are micro-units; what nobody knows is None, never 0.
"""

from typing import Literal

from shared.domain.money import Price, Shares, Usdc
from shared.domain.value import Value

Span = Literal["today", "7d", "30d", "all"]
"""UTC days, as the day's cap counts them: `7d` is today and the six days before."""


class PnlSpan(Value, frozen=True, kw_only=True):
    """Profit and loss of a span, after fees.

    `realized` is the ledger's, `fees` the taker fees paid (they stand in cost and proceeds, so they are in `realized`
    and `unrealized` already). `unrealized` is how much the value of open lots over their cost changed in the span.
    """

    span: Span
    realized: Usdc
    unrealized: Usdc | None = None
    fees: Usdc | None = None


class DayProfit(Value, frozen=True, kw_only=True):
    """What one UTC day booked; `day` is YYYY-MM-DD, '' for what was booked before days were kept."""

    day: str
    realized: Usdc
    fees: Usdc
    spent: Usdc = Usdc(0)


class LotProfit(Value, frozen=True, kw_only=True):
    """What one leader or one market brought: `name` is the leader's address or the condition, `title` how it is called.

    What no kept trade explains has the name ''. `fees`, `bought` and `sold` are None where trades of it may be missing.
    """

    name: str
    title: str
    realized: Usdc
    unrealized: Usdc | None = None
    fees: Usdc | None = None
    bought: Usdc | None = None
    sold: Usdc | None = None
    lots: int = 0


class Position(Value, frozen=True, kw_only=True):
    """One open lot. `key` names it (`hybrid sell KEY`), `outcome` is the name of what is held.

    `bid` is the best bid as of `marked_at_ms`, `value` what the whole lot would bring at the bids after fees,
    `unrealized` that less `cost`; `stale` says that the mark is too old to go by. `exit_only`: nothing more is bought
    because of its leader; `exiting` says why it is being sold, '' when it is not.
    """

    key: str
    title: str
    outcome: str
    token_id: str
    condition_id: str
    leader: str
    label: str
    shares: Shares
    cost: Usdc
    bid: Price | None = None
    value: Usdc | None = None
    unrealized: Usdc | None = None
    marked_at_ms: int | None = None
    stale: bool = False
    opened_at_ms: int | None = None
    ends_at_ms: int | None = None
    other_side_held: bool = False
    exit_only: bool = False
    exiting: str = ""


class CapUse(Value, frozen=True, kw_only=True):
    """One limit with what is used of it: of `scope` 'a market' and the like, the fullest one, named by `of`.

    `name` is its setting; `used` None where nobody can tell.
    """

    name: str
    used: Usdc | None
    limit: Usdc
    scope: str
    of: str = ""


class LeaderRow(Value, frozen=True, kw_only=True):
    """One leader: who he is, whether he is watched and followed, and what came of it."""

    address: str
    label: str
    comes_from: str = ""
    state: str = ""
    watched: bool = False
    exit_only: bool = False
    signals: int | None = None
    bought: int | None = None
    skipped: int | None = None
    last_at_ms: int | None = None
    lots: int = 0
    exposure: Usdc = Usdc(0)
    realized: Usdc = Usdc(0)
    unrealized: Usdc | None = None
