"""The lots of an account with what orders have set aside: a sale under way has taken its shares out of the lot already.

As long as nobody knows what it brought, the shares are held: else an account would be poorer for a moment at each sale.
"""

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder

from shared.domain.ledger_accounts import COST, SHARES, Lot, lot_key
from shared.domain.ledger_write import Balances
from shared.domain.money import read_micro
from shared.domain.record_kinds import INTENTS, LOTS, ORDERS

KINDS = (LOTS, INTENTS, ORDERS)
"""The records that it takes."""


def held_lots(found: Balances) -> list[Lot]:
    """Return every lot that is held or being sold, oldest first, of a ledger read whole with `KINDS`."""
    values, selling = found.values, shares_set_aside(found)
    records = {name: text for (kind, name), text in found.records.items() if kind == LOTS}
    names = sorted({name.partition(":")[2] for name in values if name.startswith((SHARES, COST))} & records.keys())
    lots = [_lot(json.loads(records[name]), name, values, selling[name]) for name in names]
    return sorted((lot for lot in lots if lot.shares), key=lambda lot: (lot.opened_at_ms, lot.key))


def shares_set_aside(found: Balances) -> Counter[str]:
    """Return by lot how many shares (micro-units) orders under way have taken out of it."""
    aside: Counter[str] = Counter()
    for order in _orders(text for (kind, _), text in found.records.items() if kind in {INTENTS, ORDERS}):
        if order.side == "SELL":
            aside[lot_key(order.leader, order.token_id)] += read_micro(order.shares)
    return aside


def _lot(facts: dict[str, object], name: str, values: Mapping[str, int], aside: int) -> Lot:
    shares, cost, behind = (values.get(account + name, 0) for account in (SHARES, COST, "behind:"))
    return Lot(**facts, shares=shares + aside, cost=cost, behind=behind)  # pyright: ignore[reportArgumentType] - as it was written


class _KeptOrder(Struct, gc=False):
    """What counts of an order, as a record tells it."""

    side: str
    leader: str
    token_id: str
    shares: str


class _Kept(Struct, gc=False):
    """A record's decision: there can be thousands, so that nothing else of them is read."""

    order: _KeptOrder | None


_decode = Decoder(_Kept).decode


def _orders(texts: Iterable[str]) -> Iterable[_KeptOrder]:
    for text in texts:
        with contextlib.suppress(MsgspecError, ValueError):
            if order := _decode(text).order:
                yield order
