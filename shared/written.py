"""Events in the form in which we write them, read several times faster than `read_event` reads what anybody may send.

A model's own fields make the msgspec struct that reads it, so nothing is defined twice. The struct takes every field,
none that it does not know, and each in our own form. All else is left to `read_event`: what an older or a newer writer
wrote, other spellings, and to say what is wrong.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from msgspec import MsgspecError, defstruct
from msgspec.json import Decoder
from msgspec.structs import asdict

from shared.events import Address, AnyEvent, Event, Hash, MarketHint, read_event
from shared.market import MarketFacts, Value
from shared.money import Money

Make = Callable[[Any], Any]
"""Makes a field's value from what msgspec read.

Raises:
    ValueError: it is not in our form.
"""

_MONEY = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch
_ADDRESS = re.compile(r"0x[0-9a-f]{40}").fullmatch
_HASH = re.compile(r"0x[0-9a-f]{64}").fullmatch


class Reader:
    """Reads one kind of event.

    Raises:
        TypeError: the model has a field of a kind that `_form` does not know.
    """

    def __init__(self, model: type[Event]) -> None:
        struct, self._make = _struct(model)
        self._decode = Decoder(struct).decode

    def read(self, text: str) -> AnyEvent:
        """Return what `read_event` returns.

        Raises:
            Malformed: as that does.
        """
        try:
            return self._make(self._decode(text))
        except (MsgspecError, ValueError):
            return read_event(text)


def _struct(model: type[Value]) -> tuple[Any, Make]:
    """Return the struct of a model's fields, and what makes a value of the model from it."""
    hints = get_type_hints(model, include_extras=True)
    forms = {name: _form(hints[name]) for name in model.model_fields}
    fields = [(name, form) for name, (form, _) in forms.items()]
    made = [(name, make) for name, (_, make) in forms.items() if make]
    filled = model.filler()

    def value_of(read: Any) -> Value:  # noqa: ANN401 - a struct that was made here
        values = asdict(read)
        for name, make in made:
            if (value := values[name]) is not None:
                values[name] = make(value)
        return filled(values)

    return defstruct(model.__name__, fields, frozen=True, forbid_unknown_fields=True, gc=False), value_of


def _form(annotation: Any) -> tuple[Any, Make | None]:  # noqa: ANN401 - a type, or what typing makes of one
    """Return how msgspec reads a field, and what makes our value of that, if it is not one."""
    if annotation in _SPELLED:
        return str, _SPELLED[annotation]
    if annotation in {int, str, bool} or get_origin(annotation) is Literal:
        return annotation, None
    if isinstance(annotation, type) and issubclass(annotation, Value):
        struct, make = _struct(annotation)
        return struct, lru_cache(maxsize=4096)(make) if annotation in _REPEATED else make
    match get_origin(annotation), get_args(annotation):
        case builtin, (inner, end) if builtin is tuple and end is ...:
            form, make = _form(inner)
            return tuple[form, ...], make and _each(make)
        case union, (inner, none) if union in {Union, UnionType} and none is NoneType:
            form, make = _form(inner)
            return form | None, make
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
