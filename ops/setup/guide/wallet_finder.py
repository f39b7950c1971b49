"""Which of a key's wallets holds the money: each that the venue's factories make for it, and the key's own address."""

import threading
from collections.abc import Mapping, Sequence

from shared.clock import Clock
from shared.domain.errors import HybridError
from shared.domain.money import from_micro
from shared.domain.value import Value
from shared.http.client import Upstream
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wallet_balances import WalletBalances
from shared.polymarket.wire.wallets import wallets_of

EARLIER = "deposit-earlier"
_TYPES: Mapping[str, str] = {
    "deposit": "deposit wallet",
    EARLIER: "deposit wallet (earlier kind)",
    "safe": "Safe",
    "proxy": "proxy wallet",
    "eoa": "the key's own address (EOA)",
}
"""What we call each, and what the venue does; new accounts have the first."""


class FoundWallet(Value, frozen=True, kw_only=True):
    """One wallet of a key; `cash` is its pUSD in micro-units, None where the node did not say."""

    name: str
    address: str
    cash: int | None

    @property
    def words(self) -> str:
        """Say it for people."""
        held = "nobody could say what it holds" if self.cash is None else f"{from_micro(self.cash):,.2f} pUSD"
        return f"{_TYPES[self.name]:<30} {self.address}  {held}"

    @property
    def settings(self) -> Mapping[str, str]:
        """Return what names it: the address only where the type alone would lead to another."""
        if self.name == EARLIER:
            return {"WALLET_TYPE": "deposit", "WALLET": self.address}
        return {"WALLET_TYPE": self.name, "WALLET": ""}


def find_wallets(signer: str, rpc_url: str, clock: Clock, timeout_s: float = 6.0) -> list[FoundWallet]:
    """Return each wallet that this signer's key can trade with, and what it holds now."""
    made = wallets_of(signer.lower())
    node = Upstream("rpc", rpc_url, [], clock=clock, stop=threading.Event(), timeout_s=timeout_s)
    try:
        return [_found(name, made.get(kind, signer.lower()), PolygonClient(node)) for name, kind in _TYPES.items()]
    finally:
        node.close()


def likeliest(wallets: Sequence[FoundWallet]) -> str:
    """Return the name of the wallet with the most money; without any, the kind that new accounts have."""
    best = max(wallets, key=lambda wallet: wallet.cash or 0)
    return best.name if best.cash else wallets[0].name


def _found(name: str, address: str, node: PolygonClient) -> FoundWallet:
    try:
        return FoundWallet(name=name, address=address, cash=WalletBalances(node, address).read([]).cash)
    except HybridError:
        return FoundWallet(name=name, address=address, cash=None)
