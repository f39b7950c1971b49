"""What a buyer tells of its account beside the ledger: what lots would bring, and how the whole stood at a minute."""

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
