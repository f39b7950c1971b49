"""A wallet's own word on a signature: ERC-1271's `isValidSignature`, asked at the latest block."""

from shared.domain.errors import Rejected
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire import abi
from shared.rate_limit.limits import GateLane

IS_VALID_SIGNATURE = "0x1626ba7e"
_MAGIC = int(IS_VALID_SIGNATURE, 16) << 224


class WalletWord:
    """Asks a node for what a wallet's contract says."""

    def __init__(self, polygon: PolygonClient) -> None:
        self._polygon = polygon

    def __call__(self, wallet: str, signed_hash: bytes, signature: bytes) -> bool:
        """Say whether the wallet takes this signature for its own; one that reverts, or has no code, does not.

        Raises:
            TryAgain: the node cannot be asked now.
        """
        data = abi.encoded_call(IS_VALID_SIGNATURE, "0x" + signed_hash.hex(), signature)
        try:
            answer = self._polygon.ask("eth_call", [{"to": wallet, "data": data}, "latest"], GateLane.ORDERS)
        except Rejected:
            return False
        words = abi.split_words(answer)
        return bool(words) and words[0] == _MAGIC
