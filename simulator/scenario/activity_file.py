"""Captured activity (v1 rows, or a poller's CSV log), lived again: same rows, same order, new times."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

from simulator.core import identity
from simulator.core.amounts import PRICE_ONE, TICKS, micro
from simulator.core.book import Side, opposite
from simulator.core.deal import crowd
from simulator.core.fill import Match, Order
from simulator.core.market import Market
from simulator.core.settlement import Profile
from simulator.core.world import World
from simulator.data_api.activity import Row
from simulator.data_api.rows import retimed
from simulator.scenario import wallet_log

_LIFE_MS = 3_600_000
_ROUNDING = 1
"""Micro-units by which size x price may differ from collateral without any fee."""
Texts = dict[str, str]


class _Number(str):
    """A number's own digits."""

    __slots__ = ()


class ActivityFile:
    """Replay captured rows of one or several wallets into a world."""

    def __init__(self, world: World, paths: Iterable[Path]) -> None:
        """Read the files; rows of one second keep the order of their file."""
        self._world = world
        self._rows = [row for path in paths for row in reversed(read(path))]
        self._rows.sort(key=lambda row: int(row["timestamp"]))
        self._origin = int(self._rows[0]["timestamp"]) if self._rows else 0
        self._steps = self._grouped()

    def start(self) -> None:
        """Introduce wallets and markets, then plan the first row."""
        for row in self._rows:
            wallet = value(row, "proxyWallet").lower()
            self._world.follow(Profile(wallet, value(row, "name"), value(row, "pseudonym")))
        for condition_id, rows in _by_condition(self._rows).items():
            _open(self._world, condition_id, rows)
        self._plan()

    def _grouped(self) -> Iterator[tuple[int, list[Texts]]]:
        keyed = groupby(self._rows, key=lambda r: (int(r["timestamp"]), r["transactionHash"]))
        return ((second, list(rows)) for (second, _), rows in keyed)

    def _plan(self) -> None:
        step = next(self._steps, None)
        if step is None:
            return
        settings = self._world.settings
        second, rows = step
        target = self._world.start_ms + settings.wall_ms(second - self._origin)
        at = target - settings.wall_ms(settings.chain_delay_s)
        self._world.agenda.at(at, lambda due: self._live(rows, due))

    def _live(self, rows: list[Texts], at_ms: int) -> None:
        trades = [row for row in rows if value(row, "type") == "TRADE"]
        for match in matches_of(self._world, trades, at_ms):
            self._world.settle(match)
        for row in rows:
            if value(row, "type") != "TRADE":
                self._note(row, at_ms)
        self._plan()

    def _note(self, row: Texts, at_ms: int) -> None:
        stamp = self._world.timetable.stamp(at_ms)
        if value(row, "type") == "REDEEM":
            self._redeem(row, at_ms)
        self._world.note(
            Row(
                wallet=value(row, "proxyWallet").lower(),
                timestamp=stamp.timestamp,
                seq=self._world.next_row(),
                data_at_ms=stamp.data_at_ms,
                kind=value(row, "type"),
                condition_id=value(row, "conditionId"),
                side=value(row, "side"),
                shares=micro(row["size"]),
                usdc=micro(row["usdcSize"]),
                tx_hash=value(row, "transactionHash"),
                taker=False,
                texts=retimed(row, stamp.timestamp),
            )
        )

    def _redeem(self, row: Texts, at_ms: int) -> None:
        """Let the market end a minute before, in the way that explains the payout."""
        market = self._world.catalog.by_condition.get(value(row, "conditionId"))
        if market is None:
            return
        wallet, paid = value(row, "proxyWallet").lower(), micro(row["usdcSize"])
        held = [self._world.held.shares(wallet, token_id) for token_id in market.tokens]
        if market.resolution is None:
            earlier = at_ms - self._world.settings.wall_ms(60)
            self._world.resolve(market, _payouts(held, paid), earlier)
        data_at = self._world.timetable.stamp(at_ms).data_at_ms
        for outcome in (0, 1):
            share = market.resolution.share(outcome) if market.resolution else 0
            payout = int(held[outcome] * share)
            self._world.held.position(wallet, market, outcome).redeem(payout)
            shown = self._world.indexed.position(wallet, market, outcome)
            self._world.agenda.at(data_at, lambda _, p=shown, x=payout: p.redeem(x))


def read(path: Path) -> list[Texts]:
    """Return rows as JSON texts by name, every digit as captured (a CSV log: to the micro-unit)."""
    if path.suffix in {".csv", ".zip"}:
        return wallet_log.read(path)
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"), parse_float=_Number, parse_int=_Number)
    return [{name: _text(each) for name, each in row.items()} for row in rows]


def value(row: Texts, name: str) -> str:
    """Return a string field's value."""
    text = row.get(name, '""')
    return str(json.loads(text)) if text.startswith('"') else text


def matches_of(world: World, rows: list[Texts], at_ms: int) -> list[Match]:
    """Return the matches of one transaction: lone rows may be takers, companions are makers."""
    groups: dict[tuple[str, bool], list[Texts]] = defaultdict(list)
    for row in rows:
        rising = (value(row, "side") == "BUY") == (row["outcomeIndex"] == "0")
        groups[value(row, "conditionId"), rising].append(row)
    return [_match(world, each, at_ms) for each in groups.values()]


def _match(world: World, rows: list[Texts], at_ms: int) -> Match:
    market = world.catalog.by_condition[value(rows[0], "conditionId")]
    tx_hash = value(rows[0], "transactionHash")
    orders = [_order(row) for row in rows]
    first = orders[0]
    shares = sum(order.shares for order in orders)
    usdc = sum(o.usdc if o.outcome == first.outcome else o.shares - o.usdc for o in orders)
    other = Order(crowd(at_ms, tx_hash), first.outcome, opposite(first.side), shares, max(usdc, 0))
    # While somebody watches the nodes' pools, transactions are signed: then their hashes are what they hash to.
    named = None if world.operator.watchers else tx_hash
    if len(orders) == 1 and int(tx_hash[-1], 16) % 2:
        return Match(market, first, (other,), at_ms, named)
    return Match(market, other, tuple(orders), at_ms, named)


def _order(row: Texts) -> Order:
    """Return a row's order: it paid its price, and what its collateral differs from that is the fee."""
    side: Side = "BUY" if value(row, "side") == "BUY" else "SELL"
    shares, paid = micro(row["size"]), micro(row["usdcSize"])
    exact = micro(Decimal(row["size"]) * Decimal(row["price"]))
    fee = max(0, paid - exact if side == "BUY" else exact - paid)
    fee = fee if fee > _ROUNDING and exact else 0
    usdc = paid - fee if side == "BUY" else paid + fee
    wallet = value(row, "proxyWallet").lower()
    return Order(wallet, int(row["outcomeIndex"]), side, shares, usdc, row, fee=fee)


def _payouts(held: list[int], paid: int) -> tuple[int, int]:
    if paid == 0:
        return (1, 0) if held[0] < held[1] else (0, 1)
    if abs(sum(held) // 2 - paid) < min(abs(shares - paid) for shares in held):
        return (1, 1)
    return (1, 0) if abs(held[0] - paid) <= abs(held[1] - paid) else (0, 1)


def _by_condition(rows: list[Texts]) -> dict[str, list[Texts]]:
    found: dict[str, list[Texts]] = defaultdict(list)
    for row in rows:
        if value(row, "type") == "TRADE":
            found[value(row, "conditionId")].append(row)
    return found


def _open(world: World, condition_id: str, rows: list[Texts]) -> Market:
    first = rows[0]
    labels = {int(row["outcomeIndex"]): row for row in rows}
    slug = value(first, "slug")
    event = world.catalog.open_event(value(first, "eventSlug") or slug, value(first, "title"))
    tokens = tuple(_token(condition_id, labels, outcome) for outcome in (0, 1))
    names = [value(labels[o], "outcome") if o in labels else _unseen(slug, o) for o in (0, 1)]
    return world.open_market(
        Market(
            number=world.catalog.next_number(),
            slug=slug,
            question=value(first, "title"),
            event=event,
            condition_id=condition_id,
            tokens=(tokens[0], tokens[1]),
            outcomes=(names[0], names[1]),
            icon=value(first, "icon"),
            tick=_tick(rows),
            start_ms=world.start_ms,
            end_ms=world.start_ms + world.settings.wall_ms(_LIFE_MS / 1000),
        )
    )


def _token(condition_id: str, labels: dict[int, Texts], outcome: int) -> str:
    known = value(labels[outcome], "asset") if outcome in labels else ""
    return known or identity.token(condition_id, outcome)


def _unseen(slug: str, outcome: int) -> str:
    return ("Up", "Down")[outcome] if "updown" in slug else ("Yes", "No")[outcome]


def _tick(rows: list[Texts]) -> int:
    prices = [Decimal(row["price"]) * PRICE_ONE for row in rows]
    fine = any(p == int(p) and int(p) % TICKS["0.01"] for p in prices)
    return TICKS["0.001"] if fine else TICKS["0.01"]


def _text(item: object) -> str:
    return str(item) if isinstance(item, _Number) else json.dumps(item)
