"""The part of JSON-RPC that wallets need to send transactions of their own, and to prove what those brought."""

from collections.abc import Callable
from typing import Any

from simulator.chain import abi
from simulator.chain.position_redemptions import GET_PAYOUT, REDEEM_POSITION
from simulator.chain.raw_transactions import BadTransactionError
from simulator.chain.redemptions import APPROVE, REDEEM, REDEEM_NEG_RISK, Redemptions, RevertError
from simulator.chain.transaction_pool import GAS, USUAL_TIP, Mined, Pool
from simulator.core import contracts, identity
from simulator.core.world import World

COLLECTION_ID = "0x856296f7"
_CALLS = {REDEEM, REDEEM_NEG_RISK, APPROVE, REDEEM_POSITION}
_ERC20_BALANCE = "0x70a08231"


class NodeError(Exception):
    """A JSON-RPC error with its code."""

    def __init__(self, code: int, message: str) -> None:
        """Keep code and message."""
        super().__init__(message)
        self.code = code
        self.message = message


class Sending:
    """Serve a wallet's own transactions."""

    def __init__(self, world: World, pool: Pool, redemptions: Redemptions) -> None:
        """Look at what was sent."""
        self._world, self._pool, self._redemptions = world, pool, redemptions
        self.methods: dict[str, Callable[[list[Any], int], object]] = {
            "eth_maxPriorityFeePerGas": lambda _params, _head: hex(USUAL_TIP),
            "eth_getBalance": lambda params, _head: hex(self._pool.balance(str(params[0]).lower())),
            "eth_getTransactionCount": self.count,
            "eth_estimateGas": self.estimate,
            "eth_sendRawTransaction": self.send,
        }

    def count(self, params: list[Any], head: int) -> str:
        """Return how many transactions an address has sent."""
        block = int(params[1], 16) if str(params[1]).startswith("0x") else head
        return hex(self._pool.count(str(params[0]).lower(), block, waiting=params[1] == "pending"))

    def estimate(self, params: list[Any], head: int) -> str:
        """Return the gas of a call that would go through."""
        self._simulate(params[0], head)
        return hex(GAS)

    def send(self, params: list[Any], _head: int) -> str:
        """Take signed bytes."""
        try:
            return self._pool.submit(str(params[0]))
        except BadTransactionError as error:
            raise NodeError(-32000, str(error)) from error

    def call(self, params: list[Any], head: int) -> str | None:
        """Answer what concerns redeeming: collection ids, past balances, simulated calls; None for anything else."""
        target, data = str(params[0]["to"]).lower(), str(params[0].get("data", ""))
        words = [data[at : at + 64] for at in range(10, len(data), 64)]
        if data[:10] == COLLECTION_ID and target == contracts.CONDITIONAL_TOKENS:
            return identity.collection("0x" + words[1], int(words[2], 16))
        if data[:10] == GET_PAYOUT and target == contracts.POSITION_MANAGER:
            return self._payout(str(int(words[0], 16)), int(words[1], 16), head)
        if data[:10] in _CALLS:
            self._simulate(params[0], head)
            return "0x"
        return None

    def later(self, params: list[Any]) -> int:
        """Return how much of an ERC-20 balance came after the block that is asked about."""
        asked, block = params[0], str(params[1]) if len(params) > 1 else "latest"
        if str(asked.get("data", ""))[:10] != _ERC20_BALANCE or not block.startswith("0x"):
            return 0
        return self._redemptions.since("0x" + str(asked["data"])[34:74], str(asked["to"]).lower(), int(block, 16))

    def receipt(self, tx_hash: str, head: int) -> Mined | None:
        """Return one of these transactions once it is mined."""
        return self._pool.find(tx_hash, head)

    def _payout(self, position: str, amount: int, head: int) -> str:
        now = min(self._world.chain.mined_ms(head + 1) - 1, self._world.now_ms())
        try:
            return "0x" + abi.word(self._redemptions.payout(position, amount, now))
        except RevertError as error:
            raise NodeError(3, str(error)) from error

    def _simulate(self, asked: dict[str, Any], head: int) -> None:
        sender, to = str(asked.get("from", "")).lower(), str(asked["to"]).lower()
        try:
            self._redemptions.plan(sender, to, str(asked.get("data", "")), self._world.chain.mined_ms(head + 1) - 1)
        except RevertError as error:
            raise NodeError(3, str(error)) from error


def receipt_facts(mined: Mined) -> dict[str, Any]:
    """Return what a receipt says beyond its logs."""
    return {
        "status": hex(mined.succeeded),
        "gasUsed": hex(GAS),
        "effectiveGasPrice": hex(mined.price),
        "from": mined.transaction.sender,
        "to": mined.transaction.to,
    }
