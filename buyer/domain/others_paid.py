"""The trades of others in a token, as the market channel tells them the moment they match. Pure: time is an argument.

No message names a wallet (venue reference 4.1), so a leader's own trades are told by their transaction, or, where the
message names none, by size and time.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable

from msgspec import Struct

from buyer.strategy.decision_context import nobody_paid
from shared.domain.money import Price, Shares
from shared.messages.decisions import OthersPaid
from shared.messages.signals import ActionableSignal

WINDOW_MS = 900_000
"""Lately: a quarter of an hour."""
MOST_PRINTS = 50
"""Trades remembered of a token: the newest say what it is worth now."""
MOST_TRADES = 20_000
"""Leaders' transactions remembered, over all leaders."""
CLOSE_MS = 5_000
"""How far apart the times of one trade may be: the channel's are of the match, a signal's of its block."""


class TradePrint(Struct, frozen=True, gc=False):
    """One trade as it is told: by whom, nobody knows."""

    at_ms: int
    price: Price
    shares: Shares
    tx_hash: str


AskedOthers = Callable[[], OthersPaid | None]
"""Asks what others paid, when the first rule wants it; None where nobody can tell."""


def nobody_told(_signal: ActionableSignal) -> AskedOthers:
    """Return what can tell nothing."""
    return nobody_paid


def paid_lately(prints: Iterable[TradePrint], now_ms: int) -> OthersPaid | None:
    """Return what was paid on average, weighted by shares; None where nothing was lately."""
    found = [told for told in prints if now_ms - told.at_ms <= WINDOW_MS]
    shares = sum(told.shares for told in found)
    if not shares:
        return None
    average = sum(told.price * told.shares for told in found) // shares
    return OthersPaid(price=Price(average), shares=Shares(shares), trades=len(found))


class TradePrints:
    """Keeps the last trades of each token, and which transactions were whose as far as signals told."""

    def __init__(self) -> None:
        self._prints: dict[str, deque[TradePrint]] = {}
        self._theirs: OrderedDict[tuple[str, str], None] = OrderedDict()

    def add(self, token_id: str, told: TradePrint) -> None:
        """Take in a trade."""
        prints = self._prints.get(token_id)
        if prints is None:
            prints = self._prints[token_id] = deque(maxlen=MOST_PRINTS)
        prints.append(told)

    def forget(self, token_ids: Iterable[str]) -> None:
        """Keep these tokens' trades no longer."""
        for token_id in token_ids:
            self._prints.pop(token_id, None)

    def note(self, signal: ActionableSignal) -> None:
        """Take in that a leader traded, in whatever token: his transactions are no others'."""
        self._theirs[signal.leader, signal.tx_hash] = None
        while len(self._theirs) > MOST_TRADES:
            self._theirs.popitem(last=False)

    def others_paid(self, signal: ActionableSignal, now_ms: int) -> OthersPaid | None:
        """Return what others than its leader paid for the signal's token lately; None where nothing is known."""
        prints = self._prints.get(signal.token_id, ())
        return paid_lately([told for told in prints if not self._is_his(told, signal)], now_ms)

    def _is_his(self, told: TradePrint, signal: ActionableSignal) -> bool:
        if told.tx_hash:
            return (signal.leader, told.tx_hash) in self._theirs
        sizes = {signal.shares, *(fill.shares for fill in signal.fills)}
        return told.shares in sizes and abs(told.at_ms - signal.traded_at_ms) <= CLOSE_MS
