"""What a buyer tells of its account beside the ledger: what lots would bring, and how the whole stood at a minute."""

from collections.abc import Iterable, Mapping, Sequence

from shared.domain import ledger_accounts as accounts
from shared.domain.ledger_accounts import COST, Lot
from shared.domain.money import Price, Shares, Usdc
from shared.domain.value import Value


class LotMark(Value, frozen=True, kw_only=True):
    """What one lot would bring as of a book of `at_ms`: the bids pay `paid` for `shares`, `value` after the fee.

    What the bids do not take counts as nothing. `bid` is None where nobody bids, `value` where the fee is not known.
    """

    key: str
    shares: Shares
    at_ms: int
    bid: Price | None = None
    paid: Usdc
    value: Usdc | None = None


class LotMarks(Value, frozen=True, kw_only=True):
    """The marks of all lots whose books are known, as they were told at `at_ms`, every `every_ms`."""

    at_ms: int
    every_ms: int
    marks: tuple[LotMark, ...] = ()


class EquityPoint(Value, frozen=True, kw_only=True):
    """The account at one moment; `equity` is what was put in, what was realized, and what open lots are above cost.

    It is None where a lot had no mark. `cash` leaves out what orders under way have set aside, `equity` does not.
    """

    at_ms: int
    equity: Usdc | None
    cash: Usdc
    cost: Usdc
    realized: Usdc
    fees: Usdc
    deposited: Usdc


def marked_value(lot: Lot, mark: LotMark | None) -> Usdc | None:
    """Return what a lot would bring by its mark; where shares came or went since, each at the mark's price."""
    if mark is None or mark.value is None or mark.shares <= 0:
        return None
    return mark.value if mark.shares == lot.shares else Usdc(mark.value * lot.shares // mark.shares)


def unrealized_sum(lots: Sequence[Lot], marks: Iterable[LotMark]) -> Usdc | None:
    """Return how far all lots stand above their cost; None where one has no mark."""
    worth = {mark.key: mark for mark in marks}
    total = 0
    for lot in lots:
        value = marked_value(lot, worth.get(lot.key))
        if value is None:
            return None
        total += value - lot.cost
    return Usdc(total)


def equity_point(values: Mapping[str, int], unrealized: Usdc | None, at_ms: int) -> EquityPoint:
    """Return how the account stands: cash, lots and what is set aside always come to `deposited` and `realized`."""
    realized, deposited = values.get(accounts.REALIZED, 0), values.get(accounts.DEPOSITED, 0)
    return EquityPoint(
        at_ms=at_ms,
        equity=None if unrealized is None else Usdc(deposited + realized + unrealized),
        cash=Usdc(values.get(accounts.CASH, 0)),
        cost=Usdc(sum(value for name, value in values.items() if name.startswith(COST))),
        realized=Usdc(realized),
        fees=Usdc(values.get(accounts.FEES, 0)),
        deposited=Usdc(deposited),
    )
