"""The same node over anvil, a second EVM with a real pool of pending transactions, where one is installed.

Nothing here installs anything. `npm install @foundry-rs/anvil` (Node 18 or newer) in the repository's folder, or in any
other with `ANVIL` set to its binary, makes every test of this folder run on both.
"""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any

from ops.supervisor.embedded_redis import free_port
from shared.domain.errors import Rejected
from tests.conftest import ROOT
from tests.redeemer.evm.node import GWEI, EvmNode
from tests.redeemer.redeemer_fixture import wait_for
from tests.waiting import PATIENCE_S

CHAIN_ID = 137
BLOCK_GAS = 45_000_000
"""As on Polygon."""


def anvil() -> str:
    """Return the path of an installed anvil, '' when there is none."""
    told = os.environ.get("ANVIL", "") or shutil.which("anvil") or ""
    installed = sorted(ROOT.glob("node_modules/@foundry-rs/anvil-*/bin/anvil"))
    return told or next((str(path) for path in installed), "")


class AnvilError(Exception):
    """What anvil refused, as it said it."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(str(error.get("message")))
        self.error = error


class AnvilTester:
    """What tests do to the chain by hand, in eth-tester's words."""

    def __init__(self, node: "AnvilNode") -> None:
        self._ask = node.ask

    def get_accounts(self) -> list[str]:
        return self._ask("eth_accounts")

    def send_transaction(self, transaction: Mapping[str, Any]) -> str:
        numbers = {name: hex(transaction[name]) for name in ("value", "gas") if name in transaction}
        return self._ask("eth_sendTransaction", {**transaction, **numbers})

    def send_raw_transaction(self, raw: str) -> str:
        return self._ask("eth_sendRawTransaction", raw)

    def get_transaction_receipt(self, tx_hash: str) -> dict[str, Any]:
        answers = (self._ask("eth_getTransactionReceipt", tx_hash) for _ in range(5000))
        raw = next(answer for answer in answers if answer is not None)
        return {"status": int(raw["status"], 16), "contract_address": raw["contractAddress"]}

    def get_nonce(self, address: str) -> int:
        return int(self._ask("eth_getTransactionCount", address, "latest"), 16)

    def get_balance(self, address: str) -> int:
        return int(self._ask("eth_getBalance", address, "latest"), 16)

    def take_snapshot(self) -> str:
        return self._ask("evm_snapshot")

    def revert_to_snapshot(self, snapshot: str) -> None:
        assert self._ask("evm_revert", snapshot)

    def mine_blocks(self, blocks: int) -> None:
        self._ask("anvil_mine", hex(blocks))


class AnvilNode(EvmNode):
    """Hands the redeemer's questions to anvil as they are; tests hold, forget and lag as on py-evm."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._http = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        super().__init__(AnvilTester(self))

    def mines_at_once(self, *, on: bool) -> None:
        """Let each transaction make a block, or wait in the pool until a block is made."""
        self.ask("evm_setAutomine", on)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    @property
    def chain_id(self) -> int:
        return CHAIN_ID

    @property
    def head(self) -> int:
        return int(self.ask("eth_blockNumber"), 16)

    def ask(self, method: str, *params: Any) -> Any:
        """Return anvil's answer."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        self._http.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = json.loads(self._http.getresponse().read())
        if "error" in answer:
            raise AnvilError(answer["error"])
        return answer["result"]

    def answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return super().answer(asked)
        except AnvilError as error:
            return {"jsonrpc": "2.0", "id": asked["id"], "error": error.error}

    def eth_block_number(self) -> str:
        return self.ask("eth_blockNumber")

    def eth_get_block_by_number(self, block: str, whole: object) -> dict[str, Any]:
        return self.ask("eth_getBlockByNumber", block, whole)

    def eth_get_balance(self, address: str, block: str) -> str:
        return self.ask("eth_getBalance", address, block)

    def eth_get_transaction_count(self, address: str, block: str) -> str:
        return self.ask("eth_getTransactionCount", address, block)

    def eth_call(self, call: Mapping[str, Any], block: str) -> str:
        if self.forgets and block.startswith("0x"):
            raise Rejected("missing trie node: historical state is not available")
        return self.ask("eth_call", call, block)

    def eth_estimate_gas(self, call: Mapping[str, Any]) -> str:
        return hex(int(self.ask("eth_estimateGas", call), 16) * self.heavier)

    def eth_send_raw_transaction(self, raw: str) -> str:
        return super().eth_send_raw_transaction(raw) if self.holding else self.ask("eth_sendRawTransaction", raw)

    def eth_get_transaction_receipt(self, tx_hash: str) -> dict[str, Any] | None:
        return self.ask("eth_getTransactionReceipt", tx_hash)

    def eth_get_logs(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [] if self.lags else self.ask("eth_getLogs", asked)


@contextmanager
def running(port: int = 0) -> Generator[AnvilNode]:
    """Start anvil as a Polygon of our own, and leave nothing behind."""
    port = port or free_port()
    words = [anvil(), "--port", str(port), "--chain-id", str(CHAIN_ID), "--silent", "--base-fee", str(GWEI)]
    words += ["--gas-limit", str(BLOCK_GAS)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: _listens(port))
        node = AnvilNode(port)
        with closing(node):
            yield node
    finally:
        process.kill()
        process.wait(PATIENCE_S)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
