"""Every message that crosses a process.

Strict about what we write (`extra="forbid"`), tolerant of what we are sent (`read_event` ignores fields that a newer
writer added). An id is made from the fact it reports, so retries, several sources and replays name it the same.
"""

import hashlib
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, TypeAdapter, ValidationError, WithJsonSchema

from shared.errors import Malformed
from shared.market import Book, MarketFacts, Side, Value
from shared.money import Money

SIGNALS = "hs:signals"
DECISIONS = "hs:decisions"
REDEMPTIONS = "hs:redemptions"
SIGHTINGS = "hs:sightings"
SERVICE = "hs:service"
DEAD = "hs:dead"
STREAMS = (SIGNALS, SIGHTINGS, DECISIONS, REDEMPTIONS, SERVICE, DEAD)
BOOKS = "hs:books"
RAW = "hs:raw"
SIDE_STREAMS = (BOOKS, RAW)
"""What only a capture reads; empty unless `CAPTURE_BOOKS` or `CAPTURE_RAW` is on (`shared/side_stream.py`)."""


Address = Annotated[
    str,
    StringConstraints(pattern=r"^0[xX][0-9a-fA-F]{40}$", to_lower=True),
    WithJsonSchema({"type": "string", "pattern": "^0x[0-9a-f]{40}$"}),
]
"""Read in any case, kept in lower case."""
Hash = Annotated[
    str,
    StringConstraints(pattern=r"^0[xX][0-9a-fA-F]{64}$", to_lower=True),
    WithJsonSchema({"type": "string", "pattern": "^0x[0-9a-f]{64}$"}),
]
"""A transaction's, likewise."""


def fact_id(*parts: object) -> str:
    """Return 64 hex digits that name the fact made of `parts` (fits the venue's bytes32 `metadata`)."""
    return _digest("\x1f".join(map(str, parts)))


def signal_id(leader: str, tx_hash: str, token_id: str, side: str, part: int) -> str:
    """Return the `fact_id` of a signal, twice as fast: a history has millions."""
    return _digest(f"signal\x1f{leader}\x1f{tx_hash}\x1f{token_id}\x1f{side}\x1f{part}")


def _digest(fact: str) -> str:
    return hashlib.sha256(fact.encode()).hexdigest()


class Event(Value, frozen=True):
    """What all events share."""

    event: str
    version: Literal[1] = 1
    id: str
    emitted_at_ms: int


OMITTED: Any = Field(default=None, exclude_if=lambda value: value is None)
"""A field that is written only where it says something: events of before it keep their bytes."""


class Fill(Value, frozen=True):
    """One execution of one order of the leader; `log_index` and `role` are known to sources that read the chain.

    `usdc` is fee-free. A taker's fee that the source tells stands beside it: `fee` in pUSD, or `fee_shares` where it
    was taken out of the shares bought (before CLOB V2). Neither is written where none is told.
    """

    shares: Money
    usdc: Money
    log_index: int | None = None
    role: Literal["maker", "taker"] | None = None
    fee: Money | None = OMITTED
    fee_shares: Money | None = OMITTED


class SeenBy(Value, frozen=True):
    """What one source contributed: when it showed us the fill, and how long after the trade."""

    source: str
    seen_at_ms: int
    lag_ms: int


class MarketHint(Value, frozen=True):
    """What the source itself said of the market; the buyer looks the rest up."""

    condition_id: str = ""
    outcome_index: int | None = None
    outcome: str = ""
    title: str = ""
    slug: str = ""
    event_slug: str = ""


Cause = Literal["TRADE", "MERGE"]
"""What a leader did: a trade, or shares of every outcome given back for collateral, which ends a position too."""


class ActionableSignal(Event, frozen=True):
    """One leader's fills of one token and side in one transaction.

    `part` is 0 for the first signal; a larger total seen later makes a supplement with the next part, which holds only
    what was not signalled before. `traded_at_ms` is the block's time (second resolution). `emitted_by` says which rule
    let it out: the first sighting, two independent sources, or the end of the wait for a second one. `facts` is what
    the detector had at hand of the market: None when it knew nothing, for it never waits. `catch_up` marks what was
    shown over a minute after it was traded: read after downtime, or told late. With `cause` MERGE there was no trade
    and no price: `side` is SELL, `price` 0, `usdc` this outcome's even part of the collateral.
    """

    event: Literal["ACTIONABLE_SIGNAL"] = "ACTIONABLE_SIGNAL"
    leader: Address
    leader_label: str = ""
    tx_hash: Hash
    token_id: str
    side: Side
    cause: Cause = "TRADE"
    part: int = 0
    shares: Money
    usdc: Money
    price: Money
    fills: tuple[Fill, ...]
    traded_at_ms: int
    seen_at_ms: int
    seen_by: tuple[SeenBy, ...]
    emitted_by: Literal["first", "confirmed", "unconfirmed"] = "first"
    catch_up: bool = False
    market: MarketHint = MarketHint()
    facts: MarketFacts | None = None


class SignalDropped(Event, frozen=True):
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
    shares: Money
    usdc: Money
    traded_at_ms: int
    seen_by: tuple[SeenBy, ...]
    reason: str


class FillConfirmed(Event, frozen=True):
    """Another source saw a signalled fill too: `behind_first_ms` after the first one. Never a second signal.

    Together with the signal's own `seen_by` it tells each source's lag and coverage for every fill. `counts` is False
    when the source was demoted at that time: on record, but no confirmation.
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


class FillRetracted(Event, frozen=True):
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


SourceState = Literal["starting", "ok", "failing", "late", "mute", "blind", "demoted", "stopped"]
"""What a source is by comparison with the others: `late` shows fills after the grace time, `mute` shows none any more,
`blind` never showed one, `demoted` shows too few. These four run on, but confirm nothing."""


class SourceStatus(Value, frozen=True):
    """How one source is doing, by our own count.

    `coverage` is the share of fills that another source showed and this one showed too, within the grace time;
    `missed` counts those it did not. `stale_ms` is the time since it last answered.
    """

    name: str
    state: SourceState
    polls: int = 0
    rows: int = 0
    errors: int = 0
    last_error: str = ""
    last_ok_at_ms: int | None = None
    seen_first: int = 0
    seen_later: int = 0
    lag_p50_ms: int | None = None
    lag_p95_ms: int | None = None
    lag_p99_ms: int | None = None
    coverage: float | None = None
    missed: int = 0
    stale_ms: int | None = None


class GateStatus(Value, frozen=True):
    """One shared budget: `factor` below 1 means it slowed down after a throttle."""

    name: str
    target_per_s: float
    factor: float
    hold_ms: int = 0
    granted: int = 0


class HybridProgress(Event, frozen=True):
    """The detector's regular report; `live_tokens` lets a buyer warm the markets leaders are in.

    `leader_count` is how many it watches; of very many, each report names the next few hundred in turn.
    """

    event: Literal["HYBRID_PROGRESS"] = "HYBRID_PROGRESS"
    detector: str
    runtime_ms: int
    leaders: tuple[str, ...]
    leader_count: int = 0
    signals: int
    sightings: int
    repeats: int
    confirmations: int = 0
    unconfirmed: int = 0
    dropped: int = 0
    sources: tuple[SourceStatus, ...]
    gates: tuple[GateStatus, ...] = ()
    live_tokens: tuple[str, ...] = ()


class HybridSummary(HybridProgress, frozen=True):
    """The detector's last report."""

    event: Literal["HYBRID_SUMMARY"] = "HYBRID_SUMMARY"  # pyright: ignore[reportIncompatibleVariableOverride] - narrows the discriminator
    reason: str = ""


class RuleResult(Value, frozen=True):
    """One rule's verdict; `value` and `limit` are printed as they were compared."""

    rule: str
    passed: bool
    value: str = ""
    limit: str = ""


class Order(Value, frozen=True):
    """What we send: at most `shares` at `limit_price` or better, now, the rest killed (FAK)."""

    id: str
    signal_id: str
    token_id: str
    condition_id: str
    leader: Address
    side: Side
    shares: Money
    limit_price: Money
    budget: Money
    kind: Literal["FAK"] = "FAK"


OrderState = Literal[
    "INTENT",
    "SUBMITTED",
    "LIVE",
    "DELAYED",
    "MATCHED",
    "REJECTED",
    "UNKNOWN",
    "CONFIRMED",
    "FAILED",
    "CANCELLED",
]


class PaperOutcome(Value, frozen=True):
    """What the paper venue makes of the same order on the book seen right before it was sent: the measure of drift."""

    state: OrderState
    shares: Money
    usdc: Money
    fee: Money
    reason: str = ""
    book_at_ms: int


class Outcome(Value, frozen=True):
    """What became of an order: shares filled, collateral paid or received before fees, and the taker's fee.

    `order_hash` and `trade_ids` are the venue's names for it; '' and none on paper.
    `paper` stands beside a live outcome only.
    """

    state: OrderState
    shares: Money
    usdc: Money
    fee: Money
    reason: str = ""
    book: Book | None = None
    order_hash: str = ""
    trade_ids: tuple[str, ...] = ()
    paper: PaperOutcome | None = None


class Trade(Value, frozen=True):
    """What a leader traded, as it was judged: with what was gathered of the same token and side before it."""

    usdc: Money
    shares: Money
    price: Money


class Gathered(Value, frozen=True):
    """Trades of one leader, token and side, each too small to follow, since the first of them."""

    usdc: Money
    shares: Money
    since_ms: int


ExitReason = Literal["leader_sold", "leader_merged", "stop_loss", "take_profit", "time_stop", "market_ends", "flatten"]


class ExitTask(Value, frozen=True):
    """A lot that is to be sold down to `keep` shares, however many orders and restarts that takes.

    `id` is made from lot, reason and what set it off; each attempt's order from it and `attempt`. `last` says why the
    attempt before sold nothing.
    """

    id: str
    leader: Address
    token_id: str
    reason: ExitReason
    keep: Money
    opened_at_ms: int
    attempt: int = 0
    next_at_ms: int = 0
    last: str = ""


class HeldLot(Value, frozen=True):
    """Since when a lot is held, and the exposures its cost stands in besides its market's."""

    opened_at_ms: int
    event_id: str = ""
    group: str = ""


class Portfolio(Value, frozen=True):
    """The balances a decision looked at; `seq` is the ledger's number, so replay knows what came before.

    Exposures are the cost of open lots and open intents. `bankroll` is what was deposited and realized; `behind` the
    leader's shares that our lot follows; `orders_sent` the buys sent in the UTC minute numbered `minute`.
    """

    seq: int
    cash: Money
    spent_today: Money
    market_exposure: Money
    lot_shares: Money
    lot_cost: Money
    halted: bool = False
    paused: Literal["", "buys", "all"] = ""
    flattening: bool = False
    event_exposure: Money = Decimal(0)
    group_exposure: Money = Decimal(0)
    leader_exposure: Money = Decimal(0)
    total_exposure: Money = Decimal(0)
    bankroll: Money = Decimal(0)
    realized_today: Money = Decimal(0)
    leader_realized: Money = Decimal(0)
    leader_peak: Money = Decimal(0)
    behind: Money = Decimal(0)
    minute: int = 0
    orders_sent: int = 0
    lot: HeldLot | None = None
    gathered: Gathered | None = None
    exit: ExitTask | None = None


class Inputs(Value, frozen=True):
    """Everything a decision was made from: enough to make it again. `problems` says what could not be found out."""

    now_ms: int
    market: MarketFacts | None = None
    book: Book | None = None
    portfolio: Portfolio | None = None
    problems: tuple[str, ...] = ()
    config_id: str = ""
    code_version: str = ""


Verdict = Literal["BUY", "SELL", "SKIP"]


class BuyEngineDecision(Event, frozen=True):
    """The buyer's verdict on one signal, with every rule's value. Exactly one is terminal for each signal.

    An order of an exit has its own, under the exit's name in place of a signal's. `trade` is the leader's as it was
    judged, `gathered` what it was added to when it was too small, or what a sell of his left of that, `exit` what is to
    be sold, if not by this order then by later ones.
    """

    event: Literal["BUY_ENGINE_DECISION"] = "BUY_ENGINE_DECISION"
    signal_id: str
    leader: str
    token_id: str
    mode: Literal["paper", "live"]
    verdict: Verdict
    reason: str
    rules: tuple[RuleResult, ...]
    order: Order | None = None
    outcome: Outcome | None = None
    trade: Trade | None = None
    gathered: Gathered | None = None
    exit: ExitTask | None = None
    inputs: Inputs


class OrderUpdate(Event, frozen=True):
    """An order moved to another state."""

    event: Literal["ORDER_UPDATE"] = "ORDER_UPDATE"
    order_id: str
    signal_id: str
    mode: Literal["paper", "live"]
    state: OrderState
    order: Order
    outcome: Outcome | None = None


class Redeemed(Value, frozen=True):
    """One lot of a resolved market: `payout` is what it brought, `cost` what it took to buy."""

    leader: str
    token_id: str
    outcome_index: int
    shares: Money
    cost: Money
    payout: Money
    behind: Money = Decimal(0)
    event_id: str = ""
    group: str = ""


class RedemptionResult(Event, frozen=True):
    """A resolved market paid what it owed: by its real payout vector, which `resolved_by` told; nothing for a loser.

    Live, `expected` is what the chain owed for all shares in the wallet, and `paid` what came in `token` by
    `transaction`; `outside` is the part of it for shares that no lot of ours knows, `gas_pol` what sending cost.
    """

    event: Literal["REDEMPTION_RESULT"] = "REDEMPTION_RESULT"
    wallet: str
    condition_id: str
    mode: Literal["paper", "live"]
    payouts: tuple[str, ...]
    lots: tuple[Redeemed, ...]
    expected: Money
    paid: Money
    cost: Money
    realized: Money
    title: str = ""
    resolved_by: str = ""
    ledger_seq: int
    way: str = ""
    token: str = ""
    transaction: str = ""
    gas_pol: Money = Decimal(0)
    outside: Money = Decimal(0)


class RedemptionAlarm(Event, frozen=True):
    """A redemption was mined and did not bring what was owed: nothing is booked, and nothing is tried again."""

    event: Literal["REDEMPTION_ALARM"] = "REDEMPTION_ALARM"
    wallet: str
    condition_id: str
    mode: Literal["paper", "live"]
    expected: Money
    paid: Money
    token: str
    transaction: str
    why: str


class ServiceStart(Event, frozen=True):
    """A process began; `config` holds its settings without secrets."""

    event: Literal["SERVICE_START"] = "SERVICE_START"
    service: str
    instance: str
    mode: str = ""
    code_version: str = ""
    config: dict[str, Any] = Field(default_factory=dict)


class ServiceStop(Event, frozen=True):
    """A process ended; `snapshots` holds each part's last word."""

    event: Literal["SERVICE_STOP"] = "SERVICE_STOP"
    service: str
    instance: str
    reason: str = ""
    exit_code: int = 0
    snapshots: dict[str, Any] = Field(default_factory=dict)


class ServiceHealth(Event, frozen=True):
    """A process's heartbeat."""

    event: Literal["SERVICE_HEALTH"] = "SERVICE_HEALTH"
    service: str
    instance: str
    ready: bool
    detail: dict[str, Any] = Field(default_factory=dict)


class DeadLetter(Event, frozen=True):
    """An entry that could not be handled, kept whole with its reason and origin."""

    event: Literal["DEAD_LETTER"] = "DEAD_LETTER"
    stream: str
    entry_id: str
    fields: dict[str, str]
    reason: str
    deliveries: int = 1


class BookSeen(Event, frozen=True):
    """A book that the buyer keeps in memory, as it stood; `number` counts what `writer` offered to be recorded."""

    event: Literal["BOOK_SEEN"] = "BOOK_SEEN"
    writer: str
    number: int
    token_id: str
    book: Book


class RawSeen(Event, frozen=True):
    """What an upstream answered or pushed, letter for letter; `request` is what it was asked, '' for a push.

    `status` is that of HTTP, 0 for a push. Bytes that are no UTF-8 stand as U+FFFD, a secret of the URL as `***`.
    `number` counts what `writer` offered to be recorded.
    """

    event: Literal["RAW_SEEN"] = "RAW_SEEN"
    writer: str
    number: int
    source: str
    request: str
    status: int
    body: str


AnyEvent = Annotated[
    ActionableSignal
    | SignalDropped
    | FillConfirmed
    | FillRetracted
    | HybridProgress
    | HybridSummary
    | BuyEngineDecision
    | OrderUpdate
    | RedemptionResult
    | RedemptionAlarm
    | ServiceStart
    | ServiceStop
    | ServiceHealth
    | DeadLetter
    | BookSeen
    | RawSeen,
    Field(discriminator="event"),
]
_ANY: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


def read_event(text: str | bytes) -> AnyEvent:
    """Read one event from JSON.

    Fields that we do not know (a newer writer's) are dropped.

    Raises:
        Malformed: not JSON, of no known kind, or with a wrong value; the message names the field.
    """
    try:
        return _ANY.validator.validate_json(text, extra="ignore")
    except ValidationError as error:
        raise Malformed(f"not an event: {first_problem(error)}") from error


def first_problem(error: ValidationError) -> str:
    """Return the first problem of a validation as one line: where and what."""
    problem = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in problem["loc"]) or "payload"
    return f"{where}: {problem['msg']} (got {str(problem['input'])[:80]!r})"


def write_event(event: BaseModel) -> str:
    """Return the event's one JSON form: fields in declared order, no spaces."""
    return event.model_dump_json()
