"""The wallet beside the ledger: where what is held differs from lots and cash. Pure.

What an order or a redemption is changing is in one of the two places before it is in the other: it is left out.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from shared.domain.ledger_accounts import CASH, DEPOSITED, SHARES
from shared.domain.ledger_write import Balances
from shared.domain.money import Shares
from shared.domain.record_kinds import DEPOSITS, INTENTS, LOTS, ORDERS, OUTSIDE, SENDINGS
from shared.domain.value import Value

COLLATERAL = ""
"""Stands for the wallet's pUSD where a token's id would stand."""
KINDS = (LOTS, INTENTS, ORDERS, SENDINGS, DEPOSITS, OUTSIDE)
"""The records that a comparison looks at."""
CRUMB = 10_000
"""A hundredth of a share, or a cent: less than that can neither be sold nor missed."""


class WalletGap(Value, frozen=True, kw_only=True):
    """Where the wallet differs from the ledger; `token_id` is '' for its collateral. Micro-units.

    `lots` is what the ledger says (its cash), `outside` what is known to be the owner's own, `found` what the chain
    shows, `witnessed` what the venue's index does (None: not known). What `resolved` is the redeemer's to book.
    """

    token_id: str
    lots: Shares
    found: Shares
    outside: Shares = Shares(0)
    witnessed: Shares | None = None
    condition_id: str = ""
    title: str = ""
    resolved: bool = False
    seen_at_ms: int = 0

    @property
    def kind(self) -> Literal["cash", "missing", "extra"]:
        """Name what it is about: money, shares of lots that are gone, or shares that no lot explains."""
        if self.token_id == COLLATERAL:
            return "cash"
        return "missing" if self.found < self.lots else "extra"

    @property
    def facts(self) -> tuple[str, int, int, int]:
        """Return what makes two gaps the same one."""
        return self.token_id, self.lots, self.outside, self.found


@dataclass(frozen=True)
class LedgerHoldings:
    """What the ledger says is held: cash (None while it moves by itself), shares and the owner's own by token."""

    cash: int | None
    lots: Mapping[str, int]
    outside: Mapping[str, int]
    markets: Mapping[str, tuple[str, str]]
    busy: frozenset[str] | None

    def is_busy(self, token_id: str) -> bool:
        """Say whether something under way may change this token; of an order that cannot be read, any."""
        return self.busy is None or token_id in self.busy


@dataclass(frozen=True)
class Comparison:
    """Gaps by token, among what was compared; of the rest nothing is known."""

    gaps: Mapping[str, WalletGap] = field(default_factory=dict[str, WalletGap])
    compared: frozenset[str] = frozenset()


def ledger_holdings(found: Balances) -> LedgerHoldings:
    """Return what a ledger says that was read with `KINDS`."""
    lots: dict[str, int] = {}
    for name, shares in found.values.items():
        if name.startswith(SHARES):
            token = name.rpartition(":")[2]
            lots[token] = lots.get(token, 0) + shares
    markets = {said["token_id"]: (said["condition_id"], said["title"]) for said in map(json.loads, _texts(found, LOTS))}
    outside = {name: int(text) for (kind, name), text in found.records.items() if kind == OUTSIDE}
    moving = [*_texts(found, INTENTS), *_texts(found, ORDERS), *_texts(found, SENDINGS)]
    begun = DEPOSITED in found.values or bool(_texts(found, DEPOSITS))
    cash = found.values.get(CASH, 0) if begun and not moving else None
    return LedgerHoldings(cash, lots, outside, markets, _busy(found, markets))


def compare(
    before: LedgerHoldings,
    after: LedgerHoldings,
    cash: int,
    shares: Mapping[str, int],
    witnessed: Mapping[str, int] | None,
) -> Comparison:
    """Compare what the chain showed with what the ledger said before and after the chain was asked."""
    still = [token for token in shares if not (before.is_busy(token) or after.is_busy(token))]
    same = [token for token in still if before.lots.get(token, 0) == after.lots.get(token, 0)]
    gaps = {token: gap for token in same if (gap := _share_gap(after, token, shares[token], witnessed))}
    compared = set(same)
    if after.cash is not None and before.cash == after.cash:
        compared.add(COLLATERAL)
        if abs(cash - after.cash) > CRUMB:
            gaps[COLLATERAL] = WalletGap(token_id=COLLATERAL, lots=Shares(after.cash), found=Shares(cash))
    return Comparison(gaps, frozenset(compared))


def _share_gap(ledger: LedgerHoldings, token: str, found: int, witnessed: Mapping[str, int] | None) -> WalletGap | None:
    lots, outside = ledger.lots.get(token, 0), ledger.outside.get(token, 0)
    if found > lots - CRUMB and abs(found - lots - outside) < CRUMB:
        return None
    condition, title = ledger.markets.get(token, ("", ""))
    return WalletGap(
        token_id=token,
        lots=Shares(lots),
        outside=Shares(outside),
        found=Shares(found),
        witnessed=None if witnessed is None else Shares(witnessed.get(token, 0)),
        condition_id=condition,
        title=title,
    )


def _busy(found: Balances, markets: Mapping[str, tuple[str, str]]) -> frozenset[str] | None:
    """Name the tokens that something under way may change; None where that cannot be read."""
    try:
        orders = {json.loads(text)["token_id"] for kind in (INTENTS, ORDERS) for text in _texts(found, kind)}
    except (ValueError, KeyError, TypeError):
        return None
    sent = " ".join(_texts(found, SENDINGS))
    return frozenset(orders) | {token for token, (condition, _) in markets.items() if condition in sent}


def _texts(found: Balances, kind: str) -> list[str]:
    return [text for (other, _), text in found.records.items() if other == kind]


def shown_tokens(ledger: LedgerHoldings, witnessed: Mapping[str, int] | None) -> tuple[str, ...]:
    """Name every token that the chain is asked for: of lots, the owner's own, and what the index shows."""
    names: Iterable[str] = {*ledger.lots, *ledger.outside, *(witnessed or ())}
    return tuple(sorted(name for name in names if name.isdecimal()))
