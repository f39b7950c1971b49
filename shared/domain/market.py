"""The nouns of a market that cross processes: facts, book, level. Pure values."""

from collections.abc import Callable
from decimal import Decimal
from functools import cache, partial
from typing import Literal, Self, TypeVar

from pydantic import BaseModel

from shared.domain.money import FeeExponent, Money

Side = Literal["BUY", "SELL"]

BOOK_DEPTH = 25
"""Levels kept on each side: more than any order of ours walks, few enough to record with every decision."""


V = TypeVar("V", bound=BaseModel)


class Value(BaseModel, frozen=True, extra="forbid"):
    """A frozen value; strict about what we write."""

    @classmethod
    def of_checked(cls, **fields: object) -> Self:
        """Build from fields that were checked before: for histories of millions.

        Fastest with all fields in their declared order; those left out take their defaults.

        Raises:
            TypeError: a field is unknown, or one without a default is missing.
        """
        names, known, defaults = _shape(cls)
        if tuple(fields) != names:
            whole = {**defaults, **fields}
            if whole.keys() != known:
                raise TypeError(f"{cls.__name__}: needs {', '.join(names)}, got {', '.join(fields)}")
            fields = {name: whole[name] for name in names}  # that of the JSON
        return _filled(cls, fields, known)

    @classmethod
    def filler(cls) -> Callable[[dict[str, object]], Self]:
        """Return what builds from all fields in their declared order, each checked before.

        It is the fastest way, and looks at nothing: the dict that it is given becomes the value's own.
        """
        known, new = _shape(cls)[1], partial(object.__new__, cls)
        omitted = frozenset(name for name, field in cls.model_fields.items() if field.exclude_if)

        def filled(fields: dict[str, object]) -> Self:
            made = new()
            _set_fields(made, fields)
            _set_known(made, known)
            _set_extra(made, None)
            _set_private(made, None)
            return made

        def filled_where_told(fields: dict[str, object]) -> Self:
            made = filled(fields)
            _set_known(made, known - {name for name in omitted if fields[name] is None})
            return made

        return filled_where_told if omitted else filled

    def but(self, **changes: object) -> Self:
        """Return the same with some other fields, each checked before."""
        return _filled(type(self), {**vars(self), **changes}, self.__pydantic_fields_set__)


_new = object.__new__
_slots = vars(BaseModel)
_set_fields, _set_known, _set_extra, _set_private = (
    _slots[slot].__set__
    for slot in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


def _filled(model: type[V], fields: dict[str, object], known: set[str]) -> V:
    made = _new(model)
    _set_fields(made, fields)
    _set_known(made, known)
    _set_extra(made, None)
    _set_private(made, None)
    return made


@cache
def _shape(model: type[Value]) -> tuple[tuple[str, ...], set[str], dict[str, object]]:
    """Return a model's fields in order, as the set that all its values share (a copy gets its own), and defaults."""
    fields = model.__pydantic_fields__
    plain = {name: field for name, field in fields.items() if field.default_factory is None and not field.is_required()}
    return tuple(fields), set(fields), {name: field.default for name, field in plain.items()}


class MarketFacts(Value, frozen=True):
    """What does not change from trade to trade, for one outcome token."""

    token_id: str
    condition_id: str
    outcome_index: int
    outcome: str = ""
    title: str = ""
    slug: str = ""
    event_slug: str = ""
    event_id: str = ""
    category: str = ""
    tick: Money
    min_shares: Money
    fee_rate: Money = Decimal(0)
    fee_exponent: FeeExponent = 1
    neg_risk: bool = False
    accepting_orders: bool = True
    closed: bool = False
    ends_at_ms: int | None = None


class Level(Value, frozen=True):
    """Resting shares at one price."""

    price: Money
    shares: Money


class Book(Value, frozen=True):
    """One token's resting orders, best level first on both sides, whatever order they were sent in.

    `at_ms` is when we got it, or when something last vouched for one kept in memory; `changed_at_ms` the venue's time
    of its last change (a quiet book is not a stale one); `tick` the grid it stands on now, which can change in a
    market's life; `source` says whether REST answered it or the market channel keeps it.
    """

    token_id: str
    at_ms: int
    changed_at_ms: int | None = None
    tick: Money | None = None
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    source: Literal["rest", "socket"] = "rest"

    @classmethod
    def of(
        cls,
        token_id: str,
        at_ms: int,
        bids: list[Level],
        asks: list[Level],
        *,
        changed_at_ms: int | None = None,
        tick: Decimal | None = None,
    ) -> Self:
        """Sort levels best first, drop empty ones and keep `BOOK_DEPTH` of each side."""
        kept_bids = sorted((level for level in bids if level.shares > 0), key=lambda level: -level.price)
        kept_asks = sorted((level for level in asks if level.shares > 0), key=lambda level: level.price)
        return cls(
            token_id=token_id,
            at_ms=at_ms,
            changed_at_ms=changed_at_ms,
            tick=tick,
            bids=tuple(kept_bids[:BOOK_DEPTH]),
            asks=tuple(kept_asks[:BOOK_DEPTH]),
        )

    def bare(self) -> Self:
        """Return the same book without its levels."""
        return self.model_copy(update={"bids": (), "asks": ()})

    @property
    def best_bid(self) -> Decimal | None:
        """Return the highest price somebody pays, or None."""
        return self.bids[0].price if self.bids else None

    @property
    def best_ask(self) -> Decimal | None:
        """Return the lowest price somebody asks, or None."""
        return self.asks[0].price if self.asks else None

    @property
    def crossed(self) -> bool:
        """Say whether a bid stands at or above an ask: a book nobody should trade on."""
        return bool(self.bids and self.asks and self.bids[0].price >= self.asks[0].price)

    def against(self, side: Side) -> tuple[Level, ...]:
        """Return the levels an order of `side` would hit, best first."""
        return self.asks if side == "BUY" else self.bids
