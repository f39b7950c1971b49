"""The codec of values: one JSON form of each kind, written and read by msgspec.

A value's own fields make the struct in which it stands on the wire: money as a decimal string, and what is left out
when empty. We write exactly that, and read more: addresses in any case, fields that we do not know (a newer writer's),
which are dropped, and none where one is missing that has a default (an older writer's).
"""

from functools import cache, lru_cache, partial
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from msgspec import NODEFAULT, UNSET, MsgspecError, Raw, Struct, UnsetType, convert, defstruct, field
from msgspec.json import Decoder, decode, encode
from msgspec.structs import FieldInfo, asdict, astuple, fields

from shared.domain.errors import Malformed
from shared.domain.market import MarketFacts
from shared.domain.value import OMITTED, Value
from shared.messages.base import REUSED, Event
from shared.messages.recently_made import RecentlyMade
from shared.messages.wire_forms import SPELLED_FORMS, Make, WireForm
from shared.messages.wire_problems import explain_problem, placed_error

V = TypeVar("V", bound=Value)


class ValueCodec(Generic[V]):
    """Writes and reads one kind of value.

    Raises:
        TypeError: it has a field of a type that has no form.
    """

    def __init__(self, model: type[V]) -> None:
        self.wire, self.of_wire, self.to_wire = wire_struct(model)
        self._decode = Decoder(self.wire).decode

    def write(self, value: V) -> str:
        """Return the value's one JSON form: fields in declared order, no spaces.

        Raises:
            Malformed: a field holds what it must not.
        """
        try:
            return encode(self.to_wire(value)).decode()
        except (MsgspecError, ValueError) as error:
            raise Malformed(f"a {type(value).__name__} that must not be written: {error}") from error

    def read(self, text: str | bytes) -> V:
        """Return the value that stands in `text`.

        Raises:
            Malformed: not JSON, or a field is missing or wrong; the message names it.
        """
        try:
            return self.of_wire(self._decode(text))
        except (MsgspecError, ValueError) as error:
            raise Malformed(explain_problem(text, error)) from error

    def of_plain(self, said: object) -> V:
        """Return the value that JSON's own types say.

        Raises:
            Malformed: as `read` does.
        """
        try:
            return self.of_wire(convert(said, self.wire))
        except (MsgspecError, ValueError) as error:
            raise Malformed(explain_problem(said, error)) from error


def codec_of(model: type[V]) -> ValueCodec[V]:
    """Return the codec of a kind of values, made once."""
    return _made_codec(model)


@cache
def _made_codec(model: type[Value]) -> ValueCodec[Any]:
    return ValueCodec(model)


def write_value(value: Value) -> str:
    """Return the value's one JSON form: fields in declared order, no spaces."""
    return _made_codec(type(value)).write(value)


def kept_text(kept: str | Value) -> str:
    """Return a record's text, whether it is kept as that or as the value."""
    return kept if isinstance(kept, str) else write_value(kept)


def kept_value(kept: str | Value, model: type[V]) -> V:
    """Return a record's value, likewise.

    Raises:
        Malformed: as `ValueCodec.read` does.
    """
    return kept if isinstance(kept, model) else codec_of(model).read(kept_text(kept))


def plain_value(value: Value) -> dict[str, Any]:
    """Return the value as JSON's own types."""
    return decode(codec_of(type(value)).write(value))


@cache
def wire_struct(model: type[Value]) -> tuple[type[Struct], Make, Make]:
    """Return the struct of a value on the wire, what makes the value of it, and the reverse.

    A kind that stands there field by field as it is needs none of its own; an event stands there by its name's tag.
    """
    hints = get_type_hints(model, include_extras=True)
    names = get_args(hints.pop("event")) if issubclass(model, Event) else ()
    forms = {name: _form(hint) for name, hint in hints.items()}
    reads = [(name, form.read) for name, form in forms.items() if form.read]
    if not (names or any(form.read or form.write for form in forms.values())):
        return model, _same, _same
    rows = [_wire_field(field, forms[field.name]) for field in fields(model) if field.name in forms]
    at = [field.name for field in fields(model)].index("event") if names else -1
    make_struct = partial(
        defstruct,
        model.__name__,
        frozen=True,
        gc=False,
        tag_field="event" if names else None,
        tag=names[0] if names else None,
    )
    wire = make_struct(rows, kw_only=True, namespace={"__doc__": model.__doc__})
    told = make_struct([(row[0], Any) for row in rows])
    made = [(place, form, form.write) for place, row in enumerate(rows) if (form := forms[row[0]]).write]
    writes = [(place, write) for place, form, write in made if not form.optional]
    optional = [(place, write, write(None)) for place, form, write in made if form.optional]

    def of_wire(read: Any) -> Value:  # noqa: ANN401 - a struct that was made here
        values = asdict(read)
        for name, make in reads:
            if (found := values[name]) is not None:
                try:
                    values[name] = make(found)
                except ValueError as error:
                    raise placed_error(error, name) from error
        return model(**values)

    def to_wire(value: Any) -> Struct:  # noqa: ANN401 - a value of the model
        """Return the value as it is written: by place, without the checks of what is read."""
        values = list(astuple(value))
        if names:
            del values[at]
        for place, make in writes:
            values[place] = make(values[place])
        for place, make, none in optional:
            values[place] = none if (found := values[place]) is None else make(found)
        return told(*values)

    return wire, of_wire, to_wire


def _same(value: Any) -> Any:  # noqa: ANN401 - what stands on the wire as it is
    return value


def _wire_field(of: FieldInfo, form: WireForm) -> tuple[str, Any] | tuple[str, Any, Any]:
    if of.default_factory is not NODEFAULT:
        return of.name, form.type, field(default_factory=of.default_factory)
    if of.default is NODEFAULT:
        return of.name, form.type
    return of.name, form.type, form.write(of.default) if form.write else of.default


def _form(hint: Any) -> WireForm:  # noqa: ANN401 - a type, or what typing makes of one
    if hint in SPELLED_FORMS:
        return SPELLED_FORMS[hint]
    kind, inner = get_origin(hint), get_args(hint)
    if kind is Annotated and not _MARKS.isdisjoint(inner[1:]):
        return _marked(inner[0], inner[1])
    if isinstance(hint, type) and issubclass(hint, Value):
        return _nested(hint)
    if kind is tuple and inner[1:] == (...,):
        form = _form(inner[0])
        return WireForm(tuple[form.type, ...], form.read and _each(form.read), form.write and _each(form.write))
    if kind in {Union, UnionType} and NoneType in inner and len(inner) == 2:  # noqa: PLR2004 - one and None
        form = _form(_some_of(hint))
        return WireForm(form.type | None, form.read, form.write and _unless_none(form.write), optional=True)
    if hint in _PLAIN or kind in {Literal, dict}:
        return WireForm(hint)
    raise TypeError(f"no form for {hint}")


def _marked(hint: Any, mark: str) -> WireForm:  # noqa: ANN401 - as above
    if mark == OMITTED:
        return _omitted(_form(_some_of(hint)))
    form = _form(hint)
    return form._replace(write=_reused(form.write or _same))


def _nested(model: type[Value]) -> WireForm:
    wire, read, write = wire_struct(model)
    if wire is model:
        return WireForm(model)
    return WireForm(wire, lru_cache(maxsize=4096)(read) if model in _REPEATED else read, write)


def _some_of(optional: Any) -> Any:  # noqa: ANN401 - as above
    """Return the type beside None."""
    return next(kind for kind in get_args(optional) if kind is not NoneType)


def _omitted(form: WireForm) -> WireForm:
    """Return the form of a field that is written only where it says something."""

    def read(found: Any) -> Any:  # noqa: ANN401 - any value
        if found is UNSET:
            return None
        return form.read(found) if form.read else found

    def write(value: Any) -> Any:  # noqa: ANN401 - any value
        if value is None:
            return UNSET
        return form.write(value) if form.write else value

    return WireForm(form.type | UnsetType | None, read, write, optional=True)


def _reused(write: Make) -> Make:
    """Return what makes JSON of a part once: whatever holds it next holds the same text."""
    return _unless_none(RecentlyMade(lambda value: Raw(encode(write(value)))))


def _unless_none(write: Make) -> Make:
    return lambda value: None if value is None else write(value)


def _each(make: Make) -> Make:
    return lambda values: tuple(map(make, values))


_REPEATED = {MarketFacts}
"""Parts that stand in thousands of values in the same words."""
_MARKS = {OMITTED, REUSED}
_PLAIN = {str, int, bool, float, Any}
