"""What happened last: a trade, a skip, an error, each with the words that a person looks for."""

from shared.domain.money import Price, Shares, Usdc
from shared.domain.value import Value
from shared.messages.trades import TradeKind


class TradeRow(Value, frozen=True, kw_only=True):
    """One order that filled, or a redemption: `price` before fees, `realized` None for a buy or where nobody knows."""

    at_ms: int
    kind: TradeKind
    signal_id: str
    leader: str
    label: str
    title: str
    outcome: str
    token_id: str
    condition_id: str
    shares: Shares
    usdc: Usdc
    fee: Usdc
    price: Price | None = None
    reason: str = ""
    realized: Usdc | None = None


class SkipRow(Value, frozen=True, kw_only=True):
    """One signal that was not followed: the first rule that failed, with its value and limit as they were compared."""

    at_ms: int
    signal_id: str
    leader: str
    label: str
    title: str
    outcome: str
    token_id: str
    rule: str
    value: str = ""
    limit: str = ""


class ErrorRow(Value, frozen=True, kw_only=True):
    """What went wrong last, and where."""

    at_ms: int
    where: str
    text: str
