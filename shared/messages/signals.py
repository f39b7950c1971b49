"""Events about leaders' fills: signals, drops, confirmations, retractions."""

from typing import Annotated, Literal

from shared.domain.market import MarketFacts, Side
from shared.domain.money import Price, Shares, Usdc
from shared.domain.value import OMITTED, Value
from shared.messages.base import Address, Event, Hash


class Fill(Value, frozen=True, kw_only=True):
    """One execution of one order of the leader; `log_index` and `role` are known to sources that read the chain.

    `usdc` is fee-free. A taker's fee that the source tells stands beside it: `fee` in pUSD, or `fee_shares` where it
    was taken out of the shares bought (before CLOB V2). Neither is written where none is told.
    """

    shares: Shares
    usdc: Usdc
    log_index: int | None = None
    role: Literal["maker", "taker"] | None = None
    fee: Annotated[Usdc | None, OMITTED] = None
    fee_shares: Annotated[Shares | None, OMITTED] = None


class SeenBy(Value, frozen=True, kw_only=True):
    """What one source contributed: when it showed us the fill, and how long after the trade."""

    source: str
    seen_at_ms: int
    lag_ms: int


class MarketHint(Value, frozen=True, kw_only=True):
    """What the source itself said of the market; the buyer looks the rest up."""

    condition_id: str = ""
    outcome_index: int | None = None
    outcome: str = ""
    title: str = ""
    slug: str = ""
    event_slug: str = ""


Cause = Literal["TRADE", "MERGE"]
"""What a leader did: a trade, or shares of every outcome given back for collateral, which ends a position too."""


class ActionableSignal(Event, frozen=True, kw_only=True):
    """One leader's fills of one token and side in one transaction.

    `part` is 0 for the first signal; a larger total seen later makes a supplement with the next part, which holds only
    what was not signalled before. `traded_at_ms` is the block's time (second resolution). `emitted_by` says which rule
    let it out: the first sighting, two independent sources, or the end of the wait for a second one. `facts` is what
    the detector had at hand of the market: None when it knew nothing, for it never waits. `catch_up` marks what was
    shown over a minute after it was traded: read after downtime, or told late. With `cause` MERGE there was no trade
    and no price: `side` is SELL, `price` 0, `usdc` this outcome's even part of the collateral. `pending` marks what was
    seen before its block, and proven: a `FILL_CONFIRMED` with the signal in it, or a `FILL_RETRACTED`, follows on the
    same stream, and `traded_at_ms` is when it was seen. `completes` is the id of the pending signal that this one is,
    once it is confirmed: it stands in that `FILL_CONFIRMED` alone, for who waited or followed in part.
    """

    event: Literal["ACTIONABLE_SIGNAL"] = "ACTIONABLE_SIGNAL"
    leader: Address
    leader_label: str = ""
    tx_hash: Hash
    token_id: str
    side: Side
    cause: Cause = "TRADE"
    part: int = 0
    shares: Shares
    usdc: Usdc
    price: Price
    fills: tuple[Fill, ...]
    traded_at_ms: int
    seen_at_ms: int
    seen_by: tuple[SeenBy, ...]
    emitted_by: Literal["first", "confirmed", "unconfirmed"] = "first"
    catch_up: bool = False
    market: MarketHint = MarketHint()
    facts: MarketFacts | None = None
    pending: Annotated[bool | None, OMITTED] = None
    completes: Annotated[str | None, OMITTED] = None


class SignalDropped(Event, frozen=True, kw_only=True):
    """Fills that waited for a second source and will be no signal, under `emit_rule=confirmed`; `reason` says why.

    Either none showed them in time (`unconfirmed=drop`), or a reorganisation removed them meanwhile.

    `id` is that of the signal they would have been; it will never be one.
    """

    event: Literal["SIGNAL_DROPPED"] = "SIGNAL_DROPPED"
    leader: Address
    tx_hash: Hash
    token_id: str
    side: Side
    part: int
    shares: Shares
    usdc: Usdc
    traded_at_ms: int
    seen_by: tuple[SeenBy, ...]
    reason: str


class FillConfirmed(Event, frozen=True, kw_only=True):
    """Another source saw a signalled fill too: `behind_first_ms` after the first one. Never a second signal.

    Together with the signal's own `seen_by` it tells each source's lag and coverage for every fill. `counts` is False
    when the source was demoted at that time: on record, but no confirmation. Of a pending signal the first one stands
    on the stream of signals too, with the signal in it; `behind_first_ms` is then its lead. `replaced_by` is
    the transaction in which the operator sent the same match again, where he did.
    """

    event: Literal["FILL_CONFIRMED"] = "FILL_CONFIRMED"
    signal_id: str
    leader: Address
    tx_hash: Hash
    token_id: str
    side: Side
    source: str
    seen_at_ms: int
    lag_ms: int
    behind_first_ms: int
    first_source: str
    counts: bool = True
    replaced_by: Annotated[Hash | None, OMITTED] = None
    signal: Annotated[ActionableSignal | None, OMITTED] = None


class FillRetracted(Event, frozen=True, kw_only=True):
    """A reorganisation removed a signalled fill from the chain and it did not come back in time."""

    event: Literal["FILL_RETRACTED"] = "FILL_RETRACTED"
    signal_id: str
    leader: Address
    tx_hash: Hash
    token_id: str
    side: Side
    source: str
    seen_at_ms: int
    reason: str


def signal_in(event: object) -> ActionableSignal | None:
    """Return the signal that an event is, or that a confirmation of a pending one holds; None of anything else."""
    found = event.signal if isinstance(event, FillConfirmed) else event
    return found if isinstance(found, ActionableSignal) else None
