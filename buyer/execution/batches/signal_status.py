"""What the journal knows of a signal: decided for good, an intent without an outcome, or neither. Pure."""

from msgspec import Struct

from shared.domain.ledger_write import Balances
from shared.domain.record_kinds import INTENTS, SIGNED


class SignalStatus(Struct, frozen=True):
    """The state of a signal in the journal: decided for good, an intent without an outcome, or neither."""

    decided: bool
    intent: str | None
    signed: str = ""


def status_names(signal_id: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the writes and the records that say what happened to a signal."""
    return (f"decision:{signal_id}",), ((INTENTS, signal_id), (SIGNED, signal_id))


def status_in(signal_id: str, found: Balances) -> SignalStatus:
    """Return it from what was found of these."""
    records = found.records
    return SignalStatus(bool(found.done), records.get((INTENTS, signal_id)), records.get((SIGNED, signal_id), ""))
