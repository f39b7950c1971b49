"""Events in the form in which we write them, read several times faster than `read_event` reads what anybody may send.

A model's own fields make the msgspec struct that reads it, so nothing is defined twice. The struct takes every field
(but those that are left out when empty), none that it does not know, and each in our own form. All else is left to
`read_event`: what an older or a newer writer wrote, other spellings, and to say what is wrong.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from msgspec import MsgspecError, defstruct
from msgspec.json import Decoder
from msgspec.structs import asdict

from shared.domain.market import MarketFacts, Value
from shared.domain.money import FeeExponent, Money, fee_exponent_of
from shared.messages.base import Address, Event, Hash
from shared.messages.events import AnyEvent, read_event
from shared.messages.signals import MarketHint

Make = Callable[[Any], Any]
"""Makes a field's value from what msgspec read.

Raises:
    ValueError: it is not in our form.
"""

_MONEY = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch
_ADDRESS = re.compile(r"0x[0-9a-f]{40}").fullmatch
_HASH = re.compile(r"0x[0-9a-f]{64}").fullmatch


class EventReader:
    """Reads one kind of event.

    Raises:
        TypeError: the model has a field of a kind that `_form` does not know.
    """

    def __init__(self, model: type[Event]) -> None:
        struct, self.made, self._check = _struct(model)
        self._decode = Decoder(struct).decode

    def read(self, text: str) -> AnyEvent:
        """Return what `read_event` returns.

        Raises:
            Malformed: as that does.
        """
        try:
            return self.made(self._decode(text))
        except (MsgspecError, ValueError):
            return read_event(text)

    def struct(self, text: str) -> Any:  # noqa: ANN401 - a struct that was made here
        """Return the fields as they are written, of which `made` makes what `read` returns; None in another form."""
        try:
            read = self._decode(text)
            if self._check:
                self._check(read)
        except (MsgspecError, ValueError):
            return None
        return read


class EventForm(NamedTuple):
    """How msgspec reads a field; what makes our value of that, and what only checks it, where there is anything to."""

    read: Any
    make: Make | None = None
    check: Make | None = None


def _struct(model: type[Value]) -> tuple[Any, Make, Make | None]:
    """Return the struct of a model's fields, what makes a value of the model from it, and what only checks its form."""
    hints = get_type_hints(model, include_extras=True)
    omitted = {name for name, field in model.model_fields.items() if field.exclude_if}
    forms = {name: _form(get_args(hints[name])[0] if name in omitted else hints[name]) for name in model.model_fields}
    fields = [(name, form, None) if name in omitted else (name, form) for name, (form, _, _) in forms.items()]
    made = [(name, make) for name, (_, make, _) in forms.items() if make]
    checks = [(attrgetter(name), check) for name, (_, _, check) in forms.items() if check]
    filled = model.filler()

    def checked(read: Any) -> None:  # noqa: ANN401 - a struct that was made here
        for value_in, check in checks:
            if (value := value_in(read)) is not None:
                check(value)

    def value_of(read: Any) -> Value:  # noqa: ANN401 - a struct that was made here
        values = asdict(read)
        for name, make in made:
            if (value := values[name]) is not None:
                values[name] = make(value)
        return filled(values)

    struct = defstruct(model.__name__, fields, frozen=True, forbid_unknown_fields=True, gc=False)
    return struct, value_of, checked if checks else None


def _form(annotation: Any) -> EventForm:  # noqa: ANN401 - a type, or what typing makes of one
    if annotation in _SPELLED:
        return EventForm(str, _SPELLED[annotation], _SPELLED[annotation])
    if annotation == FeeExponent:
        return EventForm(int | str, _exponent, _exponent)
    if annotation in {int, str, bool} or get_origin(annotation) is Literal:
        return EventForm(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Value):
        struct, make, check = _struct(annotation)
        return EventForm(struct, lru_cache(maxsize=4096)(make) if annotation in _REPEATED else make, check)
    match get_origin(annotation), get_args(annotation):
        case builtin, (inner, end) if builtin is tuple and end is ...:
            form, make, check = _form(inner)
            return EventForm(tuple[form, ...], make and _each(make), check and _each(check))
        case union, (inner, none) if union in {Union, UnionType} and none is NoneType:
            form, make, check = _form(inner)
            return EventForm(form | None, make, check)
        case _:
            raise TypeError(f"no form for {annotation}")


def _each(make: Make) -> Make:
    def values_of(read: tuple[Any, ...]) -> tuple[Any, ...]:
        return (make(read[0]),) if len(read) == 1 else tuple(map(make, read))

    return values_of


@lru_cache(maxsize=16_384)
def _money(text: str) -> Decimal:
    if not _MONEY(text):
        raise ValueError(text)
    return Decimal(text)


def _exponent(read: int | str) -> int | Decimal:
    """Return a fee's exponent, of which only a fraction is a string."""
    if isinstance(read, int):
        return read
    found = fee_exponent_of(_money(read))
    if isinstance(found, int):
        raise ValueError(read)  # noqa: TRY004 - a spelling that is not ours, as all here
    return found


@lru_cache(maxsize=16_384)
def _address(text: str) -> str:
    if not _ADDRESS(text):
        raise ValueError(text)
    return text


def _hash(text: str) -> str:
    if not _HASH(text):
        raise ValueError(text)
    return text


_SPELLED: dict[Any, Make] = {Money: _money, Address: _address, Hash: _hash}
_REPEATED = {MarketHint, MarketFacts}
"""Parts that stand in thousands of events in the same words."""
