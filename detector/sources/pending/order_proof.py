"""The proof that a leader signed an order: his key's signature, and the wallet that the venue's factories give it.

| wallet | proven by |
|---|---|
| plain key pair | the signature is the maker's own |
| proxy, Safe | the signer's signature, and the maker is the wallet that is derived from the signer |
| deposit wallet | the owner's signature (ERC-7739) and the derived wallet; else the wallet's own word (ERC-1271) |
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache

from shared.domain.errors import Malformed
from shared.polymarket.recovery import keccak, recovered_address
from shared.polymarket.wire.endpoints import EXCHANGES
from shared.polymarket.wire.matches.match_call import CalledOrder
from shared.polymarket.wire.matches.order_digest import DEPOSIT, EOA, KEY_SIGNATURE, PROXY, SAFE, DigestMaker
from shared.polymarket.wire.wallets import wallets_of

MOST_ORDERS = 20_000
"""Orders whose proof is remembered: one that rests is filled in many transactions."""
AsksWallet = Callable[[str, bytes, bytes], bool]
"""Ask a wallet's contract whether it signed (address, hash, signature); `TryAgain` where nobody can be asked."""

_DERIVED = {PROXY: ("proxy wallet",), SAFE: ("Safe",), DEPOSIT: ("deposit wallet", "deposit wallet (earlier kind)")}
_COMPACT = 64
_V = {0: 0, 1: 1, 27: 0, 28: 1}


class OrderProofs:
    """Proves orders, each once; one thread's."""

    def __init__(self, ask_wallet: AsksWallet) -> None:
        self._ask_wallet = ask_wallet
        self._makers = {exchange: DigestMaker(exchange, keccak) for exchange in EXCHANGES}
        self._proven: OrderedDict[bytes, bool] = OrderedDict()
        self._vouched: set[tuple[str, str]] = set()

    def is_signed(self, exchange: str, order: CalledOrder) -> bool:
        """Say whether the wallet that an order names signed it; False for one without a signature.

        Raises:
            TryAgain: only the wallet's contract can tell, and it cannot be asked now.
        """
        digests = self._makers[exchange].digests(order)
        # The signature belongs to the name: the same order with another one has not been looked at.
        name = digests.order_hash + order.signature
        known = self._proven.get(name)
        if known is None:
            known = self._proven[name] = self._prove(exchange, order, digests.order_hash, digests.signed)
            if len(self._proven) > MOST_ORDERS:
                self._proven.popitem(last=False)
        return known

    def _prove(self, exchange: str, order: CalledOrder, order_hash: bytes, signed: bytes) -> bool:
        try:
            if order.signature_type == DEPOSIT:
                return self._is_deposit_order(exchange, order, order_hash, signed)
            signer = recovered_address(signed, _with_parity(order.signature))
        except Malformed:
            return False
        return signer == order.signer and _belongs(signer, order.maker, order.signature_type)

    def _is_deposit_order(self, exchange: str, order: CalledOrder, order_hash: bytes, signed: bytes) -> bool:
        if order.signer != order.maker or not order.signature:
            return False
        owner = ""
        if order.signature[KEY_SIGNATURE:] == self._makers[exchange].trailer(order):
            owner = recovered_address(signed, _with_parity(order.signature[:KEY_SIGNATURE]))
            if _belongs(owner, order.maker, DEPOSIT) or (order.maker, owner) in self._vouched:
                return True
        said = self._ask_wallet(order.maker, order_hash, order.signature)
        if said and owner:
            self._vouched.add((order.maker, owner))
        return said


def _belongs(signer: str, wallet: str, kind: int) -> bool:
    if kind == EOA:
        return signer == wallet
    return any(_derived(signer).get(name) == wallet for name in _DERIVED.get(kind, ()))


@lru_cache(maxsize=4096)
def _derived(signer: str) -> dict[str, str]:
    return wallets_of(signer)


def _with_parity(signature: bytes) -> bytes:
    """Return r, s and the parity, from 65 bytes or the compact 64 (EIP-2098), as the contracts read them."""
    if len(signature) == _COMPACT:
        s = int.from_bytes(signature[32:], "big")
        return signature[:32] + (s & ~(1 << 255)).to_bytes(32, "big") + bytes([s >> 255])
    if len(signature) != KEY_SIGNATURE or signature[-1] not in _V:
        raise Malformed(f"a signature of {len(signature)} bytes")
    return signature[:-1] + bytes([_V[signature[-1]]])
