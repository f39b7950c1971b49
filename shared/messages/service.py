"""Events of processes: starts, stops, health, progress, dead letters, and side records for captures."""

from typing import Annotated, Any, Literal

from msgspec import field

from shared.domain.market import Book, Side
from shared.domain.money import Shares
from shared.domain.value import OMITTED, Value
from shared.messages.base import Event

SourceState = Literal["starting", "ok", "failing", "late", "mute", "blind", "demoted", "stopped"]
"""What a source is by comparison with the others: `late` shows fills after the grace time, `mute` shows none any more,
`blind` never showed one, `demoted` shows too few. These four run on, but confirm nothing."""


class SourceStatus(Value, frozen=True, kw_only=True):
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


class GateStatus(Value, frozen=True, kw_only=True):
    """One shared budget: `factor` below 1 means it slowed down after a throttle."""

    name: str
    target_per_s: float
    factor: float
    hold_ms: int = 0
    granted: int = 0


class HybridProgress(Event, frozen=True, kw_only=True):
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


class HybridSummary(HybridProgress, frozen=True, kw_only=True):
    """The detector's last report."""

    event: Literal["HYBRID_SUMMARY"] = "HYBRID_SUMMARY"  # pyright: ignore[reportIncompatibleVariableOverride] - narrows the discriminator
    reason: str = ""


class ServiceStart(Event, frozen=True, kw_only=True):
    """A process began; `config` holds its settings without secrets."""

    event: Literal["SERVICE_START"] = "SERVICE_START"
    service: str
    instance: str
    mode: str = ""
    code_version: str = ""
    config: dict[str, Any] = field(default_factory=dict[str, Any])


class ServiceStop(Event, frozen=True, kw_only=True):
    """A process ended; `snapshots` holds each part's last word."""

    event: Literal["SERVICE_STOP"] = "SERVICE_STOP"
    service: str
    instance: str
    reason: str = ""
    exit_code: int = 0
    snapshots: dict[str, Any] = field(default_factory=dict[str, Any])


class ServiceHealth(Event, frozen=True, kw_only=True):
    """A process's heartbeat."""

    event: Literal["SERVICE_HEALTH"] = "SERVICE_HEALTH"
    service: str
    instance: str
    ready: bool
    detail: dict[str, Any] = field(default_factory=dict[str, Any])


class ControlTurned(Event, frozen=True, kw_only=True):
    """A control of orders or redemptions that somebody turned: who, from where, why, and how it stood before and after.

    `control` is its account in the ledger (`shared/domain/trading_controls`); `mode` whose ledger, where it was told.
    """

    event: Literal["CONTROL_TURNED"] = "CONTROL_TURNED"
    control: str
    who: str
    where: str = ""
    why: str
    before: Literal["on", "off"]
    after: Literal["on", "off"]
    mode: Annotated[str | None, OMITTED] = None


class ServerWentBack(Event, frozen=True, kw_only=True):
    """A process found its server where it stood before: `steps` of the ledger, or `lost_ms` of a stream, are gone.

    `seen` is what it had seen last and `found` what stands there now: numbers of steps, or ids of entries. `told_again`
    counts what the process put back from its own memory.
    """

    event: Literal["SERVER_WENT_BACK"] = "SERVER_WENT_BACK"
    service: str
    what: str
    seen: str
    found: str
    steps: int = 0
    lost_ms: int = 0
    told_again: int = 0


class StrangerFill(Event, frozen=True, kw_only=True):
    """Our wallet was filled for a signal, by an order that nobody here made: another installation has the same key."""

    event: Literal["STRANGER_FILL"] = "STRANGER_FILL"
    mode: str
    wallet: str
    order_hash: str
    signal_id: str
    token_id: str
    side: Side
    shares: Shares


class WalletApart(Event, frozen=True, kw_only=True):
    """The wallet and the ledger differ (`apart`), no longer do (`over`), or a person settled it (`settled`).

    `kind` says about what: shares of lots that are gone, shares that no lot explains, or cash; `ledger` and `wallet`
    hold how much, `witness` how much the venue's index shows of it. What `resolved` is the redeemer's to book.
    """

    event: Literal["WALLET_APART"] = "WALLET_APART"
    mode: str
    state: Literal["apart", "over", "settled"]
    kind: Literal["missing", "extra", "cash"]
    token_id: str = ""
    condition_id: str = ""
    title: str = ""
    ledger: Shares
    wallet: Shares
    witness: Shares | None = None
    resolved: bool = False
    why: str = ""


class DeadLetter(Event, frozen=True, kw_only=True):
    """An entry that could not be handled, kept whole with its reason and origin."""

    event: Literal["DEAD_LETTER"] = "DEAD_LETTER"
    stream: str
    entry_id: str
    fields: dict[str, str]
    reason: str
    deliveries: int = 1


class BookSeen(Event, frozen=True, kw_only=True):
    """A book that the buyer keeps in memory, as it stood; `number` counts what `writer` offered to be recorded."""

    event: Literal["BOOK_SEEN"] = "BOOK_SEEN"
    writer: str
    number: int
    token_id: str
    book: Book


class RawSeen(Event, frozen=True, kw_only=True):
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
