"""The chain as sending a transaction needs it: nonces, fees, simulation, broadcast, receipts, balances."""

from typing import Any

from redeemer.domain.contract_calls import ContractCall
from redeemer.domain.gas_pricing import GasMarket
from redeemer.domain.pending_transaction import TransactionReceipt
from shared.domain.errors import HybridError, Malformed, Rejected
from shared.polymarket.polygon import HistoryPruned, PolygonClient
from shared.polymarket.wire import abi
from shared.polymarket.wire.endpoints import TRANSFER
from shared.polymarket.wire.order_filled import hex_number
from shared.polymarket.wire.parsing import as_list, as_object, read_text
from shared.rate_limit.limits import GateLane

BALANCE_OF = "0x70a08231"
_ALREADY_KNOWN = ("already known", "known transaction", "already imported", "nonce too low", "already exists")
"""What nodes say to bytes that they, or a block, hold already: no refusal."""


class NodeClient:
    """Reads and writes one chain; every question passes the node's gate."""

    def __init__(self, polygon: PolygonClient) -> None:
        self._polygon = polygon

    def chain_id(self) -> int:
        """Return the chain's id.

        Raises:
            TryAgain, GiveUp: as every question here.
        """
        return self._number("eth_chainId", [])

    def head(self) -> int:
        """Return the newest block's number."""
        return self._polygon.head()

    def nonce_of(self, address: str, block: str = "pending") -> int:
        """Return how many transactions an address has sent, as of a block."""
        return self._number("eth_getTransactionCount", [address, block])

    def gas_held(self, address: str) -> int:
        """Return an address's POL, in wei."""
        return self._number("eth_getBalance", [address, "latest"])

    def gas_market(self) -> GasMarket:
        """Return what gas costs now."""
        block = as_object(self._ask("eth_getBlockByNumber", ["latest", False]), "block")
        return GasMarket(hex_number(block, "baseFeePerGas"), self._number("eth_maxPriorityFeePerGas", []))

    def call_contract(self, to: str, data: str, block: str = "latest") -> list[int]:
        """Return the words that a call answers."""
        return abi.split_words(self._ask("eth_call", [{"to": to, "data": data}, block]))

    def simulate(self, sender: str, call: ContractCall) -> int:
        """Run a call as `sender` would send it; return the gas it takes.

        Raises:
            Rejected: it reverts, with the contract's words.
        """
        asked = {"from": sender, "to": call.to, "data": call.data}
        # Called before it is estimated: a call tells the contract's own words, an estimate often only that it failed.
        self._ask("eth_call", [asked, "latest"])
        return self._number("eth_estimateGas", [asked])

    def broadcast(self, raw: str) -> None:
        """Send signed bytes; that a node has them already is fine.

        Raises:
            TryAgain, GiveUp: refused or away; the bytes are good, and may be sent again.
        """
        try:
            self._ask("eth_sendRawTransaction", [raw])
        except HybridError as error:
            if not any(word in str(error).lower() for word in _ALREADY_KNOWN):
                raise

    def receipt(self, tx_hash: str) -> TransactionReceipt | None:
        """Return a transaction's receipt as the chain stands now; None while it is not mined."""
        answer = self._ask("eth_getTransactionReceipt", [tx_hash])
        if answer is None:
            return None
        raw = as_object(answer, "receipt")
        return TransactionReceipt(
            hash=tx_hash,
            block=hex_number(raw, "blockNumber"),
            block_hash=read_text(raw, "blockHash"),
            succeeded=hex_number(raw, "status") == 1,
            cost=hex_number(raw, "gasUsed") * hex_number(raw, "effectiveGasPrice"),
            logs=tuple(as_list(raw.get("logs"), "receipt logs")),
        )

    def balances_around(self, token: str, wallet: str, block: int) -> tuple[int, int] | None:
        """Return an ERC-20 balance before and after a block; None where the node has forgotten that block."""
        try:
            before, after = (
                self.call_contract(token, abi.encoded_call(BALANCE_OF, wallet), hex(number))[0]
                for number in (block - 1, block)
            )
        except HistoryPruned:
            return None
        except IndexError as error:
            raise Malformed(f"{token} answers no balance: it is no ERC-20 token on this chain") from error
        return before, after

    def transfers_in(self, token: str, block: int) -> list[Any]:
        """Return the raw ERC-20 transfers of a token in one block."""
        return self._polygon.logs(block, block, [token], [TRANSFER])

    def _number(self, method: str, params: list[Any]) -> int:
        return hex_number({method: self._ask(method, params)}, method)

    def _ask(self, method: str, params: list[Any]) -> Any:  # noqa: ANN401 - JSON
        return self._polygon.ask(method, params, GateLane.EXITS)


def first_word(words: list[int], what: str) -> int:
    """Return the only word of an answer.

    Raises:
        Rejected: there is none, so no such contract stands there.
    """
    if not words:
        raise Rejected(f"{what}: nothing answers there; the address or RPC_URL's chain is wrong")
    return words[0]
