"""One atomic step of the ledger, and what became of it, as values. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec import Struct

from shared.domain.ledger_accounts import Postings
from shared.domain.value import Value
from shared.messages.base import Event


class BalanceGuard(Struct, frozen=True, array_like=True, gc=False):
    """An account's value after the write must lie within these bounds (micro-units, inclusive)."""

    account: str
    at_least: int | None = None
    at_most: int | None = None


@dataclass(frozen=True)
class FencingToken:
    """The lease we hold: its key and the token it gave us."""

    key: str
    token: str


@dataclass(frozen=True)
class StreamAck:
    """The stream entry that this write settles."""

    stream: str
    group: str
    entry: str


Kept = str | Value
"""A record as it is kept: its text, or the value that a ledger in memory makes a text of for whoever reads it."""


class LedgerRecord(Struct, frozen=True, gc=False):
    """One field of a record hash; None deletes it."""

    kind: str
    field: str
    value: Kept | None


class LedgerTally(Struct, frozen=True):
    """Count one in the period numbered `number`; the count begins anew when the account `period` rises to it.

    A period only moves on: what comes late, or from a clock that lags, is counted in the one that stands.
    """

    period: str
    count: str
    number: int


class LedgerWrite(Struct, frozen=True):
    """One atomic step; `peaks` are pairs: where the first account ends above the second, the second rises to it.

    `tallies` are carried out before the guards are asked, on what the ledger holds then. `unless` names other writes:
    when one of them happened, this one counts as known. With `expected_seq` the ledger must stand right there; with
    `seen_seq` nobody but the holder of the fence's lease may have written since that step; with `behind`, too, that
    write must have happened since: this step was decided on what that one leaves.
    """

    id: str
    postings: Postings = ()
    tallies: tuple[LedgerTally, ...] = ()
    peaks: tuple[tuple[str, str], ...] = ()
    guards: tuple[BalanceGuard, ...] = ()
    records: tuple[LedgerRecord, ...] = ()
    events: tuple[tuple[str, Event], ...] = ()
    fence: FencingToken | None = None
    ack: StreamAck | None = None
    expected_seq: int | None = None
    unless: tuple[str, ...] = ()
    seen_seq: int | None = None
    behind: str = ""
    texts: Mapping[str, str] = {}
    """JSON of events that is at hand already, by the event's id."""


class WrittenStep(Struct, frozen=True):
    """It happened now, as the ledger's step `seq`."""

    seq: int


class KnownWrite(Struct, frozen=True):
    """It had happened before; nothing changed (the acknowledgement was repeated)."""

    seq: int


class RefusedWrite(Struct, frozen=True):
    """A guard refused: `account` would have been `value` against `limit`. Nothing changed."""

    account: str
    value: int
    limit: int


class StaleLedger(Struct, frozen=True):
    """The ledger moved on from `expected_seq`; read again. Nothing changed."""

    seq: int


Result = WrittenStep | KnownWrite | RefusedWrite | StaleLedger
Answer = Callable[[], Result]
"""Tells what became of a step: at once, or when its turn has come."""


class Balances(Struct, frozen=True):
    """Values read in one step, with the ledger's number at that moment; `done` holds the asked writes that happened."""

    seq: int
    values: dict[str, int]
    done: frozenset[str] = frozenset()
    records: dict[tuple[str, str], str] = {}
