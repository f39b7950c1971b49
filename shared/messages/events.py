"""Every event that crosses a process.

Strict about what we write, tolerant of what we are sent (`shared/messages/value_codec`). An id is made from the fact it
reports, so retries, several sources and replays name it the same.
"""

from typing import Union, cast

from msgspec import MsgspecError
from msgspec.json import Decoder

from shared.domain.errors import Malformed
from shared.messages.base import Event
from shared.messages.decisions import BuyEngineDecision, OrderUpdate
from shared.messages.redemptions import RedemptionAlarm, RedemptionResult
from shared.messages.service import (
    BookSeen,
    ControlTurned,
    DeadLetter,
    HybridProgress,
    HybridSummary,
    RawSeen,
    ServerWentBack,
    ServiceHealth,
    ServiceStart,
    ServiceStop,
    StrangerFill,
    WalletApart,
)
from shared.messages.signals import ActionableSignal, FillConfirmed, FillRetracted, SignalDropped
from shared.messages.trades import TradeBooked
from shared.messages.value_codec import codec_of, write_value
from shared.messages.wire_problems import explain_problem

AnyEvent = (
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
    | WalletApart
    | ServerWentBack
    | StrangerFill
    | DeadLetter
    | ControlTurned
    | TradeBooked
    | BookSeen
    | RawSeen
)
KINDS: tuple[type[Event], ...] = AnyEvent.__args__
"""Every kind of event."""
_CODECS = {codec_of(kind).wire: codec_of(kind) for kind in KINDS}
WIRE = Union[tuple(_CODECS)]  # noqa: UP007 - a union that is made here
"""Every kind as it stands on the wire, told apart by its `event`."""
_decode = Decoder(WIRE).decode


def read_event(text: str | bytes) -> AnyEvent:
    """Read one event from JSON.

    Raises:
        Malformed: not JSON, of no known kind, or with a wrong value; the message names the field.
    """
    try:
        read = _decode(text)
        return cast("AnyEvent", _CODECS[type(read)].of_wire(read))
    except (MsgspecError, ValueError) as error:
        raise Malformed(f"not an event: {explain_problem(text, error)}") from error


def write_event(event: Event) -> str:
    """Return the event's one JSON form: fields in declared order, no spaces."""
    return write_value(event)
