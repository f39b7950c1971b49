"""Polygon on an EVM of our own: contracts stand at their mainnet addresses, and anybody's word can be sent.

The venue's exchanges are BUSL-1.1 and no part of this project. `HYBRID_EVM_ARTIFACTS` names a folder with what `forge`
or solc makes of their public sources (README.md here says which); the rest is in `contracts/`.
"""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import encode as abi_encode
from eth_account import Account

from shared.polymarket.wire import abi
from shared.polymarket.wire.endpoints import CHAIN_ID
from tests.detector.sources.pending.match_builder import OPERATOR, OPERATOR_KEY, Match
from tests.redeemer.evm.anvil import AnvilNode
from tests.redeemer.evm.evm_fixture import bytecode, selector

ARTIFACTS = os.environ.get("HYBRID_EVM_ARTIFACTS", "")
STANDINS = Path(__file__).parent / "contracts" / "Standins.json"
PLENTY, MOST_GAS = 10**20, 12_000_000
FEES = {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9}


@cache
def artifact(name: str) -> str:
    """Return a contract's creation code, hex without 0x; '' where it is not at hand."""
    path = Path(ARTIFACTS) / f"{name}.json"
    return json.loads(path.read_text())["bytecode"]["object"].removeprefix("0x") if ARTIFACTS and path.is_file() else ""


@cache
def creation_code(name: str) -> str:
    """Return the creation code of a stand-in, of a contract of `tests/redeemer`, or of an artifact."""
    ours = json.loads(STANDINS.read_text(encoding="utf-8"))["bytecode"]
    return ours.get(name) or artifact(name) or bytecode(name)


class PolygonRig:
    """A chain on which the bank may do everything, and the operator sends matches that it signs itself."""

    def __init__(self, node: AnvilNode) -> None:
        self.node = node
        self.bank: str = node.ask("eth_accounts")[0]
        node.ask("anvil_autoImpersonateAccount", True)  # noqa: FBT003 - anvil's form
        self.give_gas(OPERATOR)

    def place(self, address: str, name: str, *arguments: Any, kinds: str = "", as_proxy: bool = False) -> str:
        """Run a contract's constructor at an address of our choice: it is its own code while it runs.

        `as_proxy` keeps nothing that the constructor wrote, as behind a proxy: `initialize` comes next.
        """
        values = abi_encode([each for each in kinds.split(";") if each], list(arguments)).hex()
        self.node.ask("anvil_setCode", address, "0x" + creation_code(name) + values)
        made = self.node.ask("eth_call", {"from": self.bank, "to": address, "gas": hex(MOST_GAS)}, "latest")
        if not as_proxy:
            self._sent({"from": self.bank, "to": address, "gas": hex(MOST_GAS)})
        self.node.ask("anvil_setCode", address, made)
        return address

    def answers(self, address: str, word: str) -> None:
        """Have an address answer every question with another one: PUSH20, MSTORE, RETURN."""
        self.node.ask("anvil_setCode", address, "0x73" + word[2:] + "60005260206000f3")

    def send(self, to: str, signature: str, *values: Any, sender: str = "") -> None:
        """Send a call, of whomever, that must succeed."""
        data = abi.encoded_call(selector(signature), *values)
        self._sent({"from": sender or self.bank, "to": to, "data": data, "gas": hex(MOST_GAS)})

    def call(self, to: str, signature: str, *values: Any, sender: str = "") -> str:
        """Ask a contract."""
        return self.asked(to, abi.encoded_call(selector(signature), *values), sender)

    def asked(self, to: str, data: str, sender: str = "") -> str:
        """Ask a contract in calldata."""
        return str(self.node.ask("eth_call", {"from": sender or self.bank, "to": to, "data": data}, "latest"))

    def number(self, to: str, signature: str, *values: Any) -> int:
        """Ask a contract for a number."""
        return int(self.call(to, signature, *values), 16)

    def give_gas(self, address: str) -> None:
        """Give an address what gas costs."""
        self.node.ask("anvil_setBalance", address, hex(PLENTY))

    def settle(self, match: Match) -> str:
        """Send a match as its operator; return its hash, '' where the exchange reverts."""
        call = {"from": OPERATOR, "to": match.exchange, "data": "0x" + match.calldata.hex(), "gas": hex(MOST_GAS)}
        if "error" in self.node.answer({"id": 1, "method": "eth_call", "params": [call, "latest"]}):
            return ""
        tx_hash = self.send_match(match)
        assert self.receipt(tx_hash)["status"] == "0x1"
        return tx_hash

    def send_match(self, match: Match) -> str:
        """Send a match, signed by its operator, and wait for nothing."""
        nonce = int(self.node.ask("eth_getTransactionCount", OPERATOR, "pending"), 16)
        fields = {"type": 2, "chainId": CHAIN_ID, "nonce": nonce, "gas": MOST_GAS, "value": 0, **FEES}
        to = bytes.fromhex(match.exchange[2:])
        made = Account.from_key(OPERATOR_KEY).sign_transaction({**fields, "to": to, "data": match.calldata})
        return str(self.node.ask("eth_sendRawTransaction", "0x" + bytes(made.raw_transaction).hex()))

    @property
    def websocket_url(self) -> str:
        """Return where the node pushes."""
        return f"ws://127.0.0.1:{self.node.port}"

    @contextmanager
    def held_back(self) -> Generator[None]:
        """Let transactions wait in the pool while the block lasts."""
        self.node.mines_at_once(on=False)
        try:
            yield
        finally:
            self.node.mine()
            self.node.mines_at_once(on=True)

    def poke(self) -> bool:
        """Put something into the pool that is no match."""
        self.node.ask("eth_sendTransaction", {"from": self.bank, "to": self.bank, "value": "0x1"})
        return True

    def receipt(self, tx_hash: str) -> dict[str, Any]:
        """Return a receipt, waiting for its block."""
        answers = (self.node.ask("eth_getTransactionReceipt", tx_hash) for _ in range(5000))
        return next(answer for answer in answers if answer is not None)

    def _sent(self, call: dict[str, Any]) -> None:
        assert self.receipt(self.node.ask("eth_sendTransaction", call))["status"] == "0x1", call["to"]
