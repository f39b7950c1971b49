"""Every message that crosses a process.

Strict about what we write (`extra="forbid"`), tolerant of what we are sent (`read_event` ignores fields that a newer
writer added). An id is made from the fact it reports, so retries, several sources and replays name it the same.
"""

from typing import Annotated

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from shared.domain.errors import Malformed
from shared.messages.decisions import BuyEngineDecision, OrderUpdate
from shared.messages.redemptions import RedemptionAlarm, RedemptionResult
from shared.messages.service import (
    BookSeen,
    DeadLetter,
    HybridProgress,
    HybridSummary,
    RawSeen,
    ServiceHealth,
    ServiceStart,
    ServiceStop,
)
from shared.messages.signals import ActionableSignal, FillConfirmed, FillRetracted, SignalDropped

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
