"""A node over py-evm: the JSON-RPC that the redeemer speaks, on a chain that tests mine, hold and take back."""

import re
import sys
from collections.abc import Mapping
from typing import Any, cast

from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import BlockNotFound, TransactionFailed, TransactionNotFound

from shared.domain.errors import Rejected, Unavailable
from shared.rate_limit.limits import GateLane

sys.setrecursionlimit(1000)
"""Importing py-evm raises it twelvefold; calls here are shallow, and JSON nested too deep must stay an error."""

GWEI = 10**9
PLENTY = 16_000_000
COLLECTION_ID = "0x856296f7"
"""A pure function of the real contract, and a slow one (a square root on a curve): its answers are kept."""


class EvmNode:
    """`post` as an `Upstream` has it; `away` makes it fail, `forgets` loses old states, `lags` a block's logs."""

    def __init__(self, tester: object = None) -> None:
        self.tester: Any = tester or _py_evm()
        self.away = False
        self.forgets = False
        self.lags = False
        self.held: list[str] = []
        self.holding = False
        self.asked: list[str] = []
        self.throttles = 0
        self.tip = GWEI
        self.heavier = 1
        self.collections: dict[str, str] = {}

    @property
    def chain_id(self) -> int:
        return int(self.tester.backend.chain.chain_id)

    @property
    def head(self) -> int:
        return int(self.tester.get_block_by_number("latest")["number"])

    def post(self, path: str, json: Any, /, lane: GateLane) -> Any:
        assert path == ""
        del lane
        if self.away:
            raise Unavailable("the node did not answer")
        return self.answers(json)

    def answers(self, asked: Any) -> Any:
        """Answer one request or a batch."""
        if isinstance(asked, dict):
            return self.answer(cast("dict[str, Any]", asked))
        return [self.answer(each) for each in cast("list[dict[str, Any]]", asked)]

    def throttled(self, _: float | None) -> None:
        self.throttles += 1

    def answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        method = str(asked["method"])
        self.asked.append(method)
        reply = {"jsonrpc": "2.0", "id": asked["id"]}
        try:
            return {**reply, "result": getattr(self, _snake(method))(*asked["params"])}
        except TransactionFailed as error:
            return {**reply, "error": {"code": 3, "message": f"execution reverted: {error}"}}
        except (Rejected, BlockNotFound) as error:
            return {**reply, "error": {"code": -32000, "message": str(error)}}

    def mine(self, blocks: int = 1) -> None:
        self.tester.mine_blocks(blocks)

    def release(self) -> None:
        """Mine what was held back."""
        self.holding = False
        for raw in self.held:
            self.tester.send_raw_transaction(raw)
        self.held = []

    # JSON-RPC methods, by their names

    def eth_chain_id(self) -> str:
        return hex(self.chain_id)

    def eth_block_number(self) -> str:
        return hex(self.head)

    def eth_get_block_by_number(self, block: str, _whole: object) -> dict[str, Any]:
        found = self.tester.get_block_by_number(_block(block))
        return {"number": hex(found["number"]), "hash": found["hash"], "baseFeePerGas": hex(found["base_fee_per_gas"])}

    def eth_max_priority_fee_per_gas(self) -> str:
        return hex(self.tip)

    def eth_get_balance(self, address: str, block: str) -> str:
        return hex(self.tester.get_balance(address, _block(block)))

    def eth_get_transaction_count(self, address: str, block: str) -> str:
        return hex(self.tester.get_nonce(address, _block(block)))

    def eth_call(self, call: Mapping[str, Any], block: str) -> str:
        number = _block(block)
        if self.forgets and isinstance(number, int):
            raise Rejected("missing trie node: historical state is not available")
        data = str(call["data"])
        if not data.startswith(COLLECTION_ID):
            return str(self.tester.call(self._transaction(call), number))
        if data not in self.collections:
            self.collections[data] = str(self.tester.call(self._transaction(call), number))
        return self.collections[data]

    def eth_estimate_gas(self, call: Mapping[str, Any]) -> str:
        return hex(self.tester.estimate_gas(self._transaction(call)) * self.heavier)

    def eth_send_raw_transaction(self, raw: str) -> str:
        if self.holding:
            if raw in self.held:
                raise Rejected("already known")
            self.held.append(raw)
            return ""
        try:
            return str(self.tester.send_raw_transaction(raw))
        except Exception as error:
            raise Rejected(f"nonce too low: {error}") from error

    def eth_get_transaction_receipt(self, tx_hash: str) -> dict[str, Any] | None:
        try:
            found = self.tester.get_transaction_receipt(tx_hash)
        except TransactionNotFound:
            return None
        if found["block_number"] is None:
            return None
        return {
            "transactionHash": tx_hash,
            "blockNumber": hex(found["block_number"]),
            "blockHash": found["block_hash"],
            "status": hex(found["status"]),
            "gasUsed": hex(found["gas_used"]),
            "effectiveGasPrice": hex(found["effective_gas_price"]),
            "logs": [_log(log) for log in found["logs"]],
        }

    def eth_get_logs(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        low, high = int(asked["fromBlock"], 16), int(asked["toBlock"], 16)
        wanted = {address.lower() for address in asked["address"]}
        found = self.tester.get_logs(from_block=low, to_block=high)
        topic = asked["topics"][0]
        logs = [_log(log) for log in found]
        if self.lags:
            return []
        return [log for log in logs if log["address"].lower() in wanted and log["topics"][:1] == [topic]]

    def _transaction(self, call: Mapping[str, Any]) -> dict[str, Any]:
        sender = call.get("from") or self.tester.get_accounts()[0]
        return {"from": sender, "to": call["to"], "data": call["data"], "gas": PLENTY}


def _snake(method: str) -> str:
    return re.sub("([A-Z])", r"_\1", method).lower()


def _py_evm() -> Any:
    tester: Any = EthereumTester(PyEVMBackend())
    keep_gas_short(tester.backend.chain)
    return tester


def keep_gas_short(chain: Any) -> None:
    """Have a chain estimate gas by one run."""
    chain.gas_estimator = _one_run


def _one_run(state: Any, transaction: Any) -> int:
    """Estimate gas by one run with plenty: py-evm's own search needs a dozen, half a second each."""
    computation = state.apply_transaction(transaction.copy(gas=PLENTY))
    computation.raise_if_error()
    return (PLENTY - computation.get_gas_remaining()) * 5 // 4


def _block(name: str) -> str | int:
    return int(name, 16) if name.startswith("0x") else name


def _log(log: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "address": str(log["address"]).lower(),
        "topics": [str(topic) for topic in log["topics"]],
        "data": str(log["data"]),
        "blockNumber": hex(log["block_number"]),
        "transactionHash": str(log["transaction_hash"]),
        "logIndex": hex(log["log_index"]),
    }
