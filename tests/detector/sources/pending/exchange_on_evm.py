"""The venue's own exchange V2 on an EVM, where its compiled contract is at hand.

The contract is BUSL-1.1 and no part of this project. `HYBRID_EVM_ARTIFACTS` names a folder that holds what `forge`
(or solc 0.8.34) makes of its public source: `CTFExchange.json` with `bytecode.object`.
"""

import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any

from eth_abi.abi import encode as abi_encode
from eth_account import Account

from shared.polymarket.wire import abi
from tests.detector.sources.pending.match_builder import ORDER, V2_KINDS
from tests.detector.sources.pending.random_matches import PlainMatch, PlainOrder
from tests.redeemer.evm.evm_fixture import ONE, ZERO, bytecode, selector
from tests.redeemer.evm.node import EvmNode

ARTIFACTS = os.environ.get("HYBRID_EVM_ARTIFACTS", "")
PLENTY = 10**9 * ONE


def artifact(name: str) -> str:
    """Return a contract's creation code, '' where it is not at hand."""
    path = Path(ARTIFACTS) / f"{name}.json"
    return json.loads(path.read_text())["bytecode"]["object"] if ARTIFACTS and path.is_file() else ""


class ExchangeOnEvm:
    """The exchange with its tokens, a market, and traders who have approved everything."""

    def __init__(self, node: EvmNode, traders: int) -> None:
        self.node = node
        self.bank: str = node.tester.get_accounts()[0]
        self.ctf, self.cash = self._deploy(bytecode("ConditionalTokens")), self._deploy(bytecode("Token"))
        factory = self._deploy(_answers(self.cash))
        addresses = [self.bank, self.cash, self.ctf, self.cash, self.ctf, factory, factory, "0x" + "fe" * 20]
        self.exchange = self._deploy(artifact("CTFExchange")[2:], ["(" + ",".join(["address"] * 8) + ")"], [addresses])
        self.traders = [Account.from_key(f"0x{number:064x}") for number in range(1001, 1001 + traders)]
        self.condition, self.tokens = self._market()
        for trader in self.traders:
            self._fund(trader)

    def match(self, plain: PlainMatch, salt: int) -> tuple[str, bytes]:
        """Send a match as the operator; return its hash ('' where the exchange reverts) and its calldata."""
        orders = [self._order(each, salt * 16 + place) for place, each in enumerate((plain.taker, *plain.makers))]
        values = [bytes.fromhex(self.condition[2:]), orders[0], orders[1:], plain.taker_fill, plain.fills]
        data = bytes.fromhex("3c2b4399") + abi_encode(V2_KINDS, [*values, plain.taker_fee, plain.fees])
        call = {"from": self.bank, "to": self.exchange, "data": "0x" + data.hex(), "gas": 12_000_000}
        answer = self.node.answer({"id": 1, "method": "eth_call", "params": [call, "latest"]})
        return ("" if "error" in answer else str(self.node.tester.send_transaction(call))), data

    def logs(self, tx_hash: str) -> list[dict[str, Any]]:
        """Return the logs of a mined match."""
        self.node.tester.get_transaction_receipt(tx_hash)  # waits for the block
        receipt = self.node.eth_get_transaction_receipt(tx_hash)
        assert receipt is not None
        return [log for log in receipt["logs"] if log["address"].lower() == self.exchange.lower()]

    def order_hash(self, order: tuple[Any, ...]) -> bytes:
        """Return an order's hash, as the exchange makes it."""
        data = selector(f"hashOrder({ORDER})") + abi_encode([ORDER], [order]).hex()
        return bytes.fromhex(self._call(self.exchange, data)[2:])

    def _order(self, plain: PlainOrder, salt: int) -> tuple[Any, ...]:
        trader = self.traders[plain.trader]
        amounts = (int(self.tokens[plain.outcome]), plain.gives, plain.wants, int(plain.is_sell), 0, 1)
        bare = (salt, trader.address, trader.address, *amounts, bytes(32), bytes(32), b"")
        return (*bare[:-1], bytes(trader.unsafe_sign_hash(self.order_hash(bare)).signature))

    def _market(self) -> tuple[str, list[str]]:
        self._send(self.ctf, "prepareCondition(address,bytes32,uint256)", self.bank, ZERO[:-1] + "1", 2)
        condition = self._call(
            self.ctf, _data("getConditionId(address,bytes32,uint256)", self.bank, ZERO[:-1] + "1", 2)
        )
        tokens: list[str] = []
        for index in (1, 2):
            collection = self._call(self.ctf, _data("getCollectionId(bytes32,bytes32,uint256)", ZERO, condition, index))
            tokens.append(
                str(int(self._call(self.ctf, _data("getPositionId(address,bytes32)", self.cash, collection)), 16))
            )
        everybody = len(self.traders) + 1
        self._send(self.cash, "mint(address,uint256)", self.bank, everybody * PLENTY)
        self._send(self.cash, "approve(address,uint256)", self.ctf, everybody * PLENTY)
        split = "splitPosition(address,bytes32,bytes32,uint256[],uint256)"
        self._send(self.ctf, split, self.cash, ZERO, condition, [1, 2], everybody * PLENTY)
        return condition, tokens

    def _fund(self, trader: Any) -> None:
        self.node.tester.send_transaction({"from": self.bank, "to": trader.address, "value": 10**18, "gas": 21_000})
        self._send(self.cash, "mint(address,uint256)", trader.address, PLENTY)
        give = "safeTransferFrom(address,address,uint256,uint256,bytes)"
        for token in self.tokens:
            self._send(self.ctf, give, self.bank, trader.address, int(token), PLENTY, b"")
        self._as(trader, self.cash, _data("approve(address,uint256)", self.exchange, (1 << 256) - 1))
        self._as(trader, self.ctf, _data("setApprovalForAll(address,bool)", self.exchange, 1))

    def _as(self, trader: Any, to: str, data: str) -> None:
        nonce = self.node.tester.get_nonce(trader.address)
        fields = {
            "nonce": nonce,
            "gas": 200_000,
            "to": bytes.fromhex(to[2:]),
            "value": 0,
            "data": data,
            "chainId": self.node.chain_id,
        }
        made = trader.sign_transaction({**fields, "maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9, "type": 2})
        self.node.tester.send_raw_transaction("0x" + bytes(made.raw_transaction).hex())

    def _send(self, to: str, signature: str, *values: Any) -> None:
        call = {"from": self.bank, "to": to, "data": _data(signature, *values), "gas": 8_000_000}
        assert self.node.tester.get_transaction_receipt(self.node.tester.send_transaction(call))["status"] == 1

    def _call(self, to: str, data: str) -> str:
        return str(self.node.eth_call({"to": to, "data": data}, "latest"))

    def _deploy(self, code: str, kinds: list[str] | None = None, values: list[Any] | None = None) -> str:
        data = "0x" + code + abi_encode(kinds or [], values or []).hex()
        sent = self.node.tester.send_transaction({"from": self.bank, "data": data, "gas": 14_000_000})
        receipt = self.node.tester.get_transaction_receipt(sent)
        assert receipt["status"] == 1
        return str(receipt["contract_address"])

    @cached_property
    def is_polygon(self) -> bool:
        """Say whether orders are signed for the chain that the product knows."""
        return self.node.chain_id == 137


def _data(signature: str, *values: Any) -> str:
    return abi.encoded_call(selector(signature), *values)


def _answers(address: str) -> str:
    """Return creation code of a contract that answers every call with an address: PUSH20, MSTORE, RETURN."""
    body = "73" + address[2:].lower() + "60005260206000f3"
    size = len(body) // 2
    return f"60{size:02x}600c60003960{size:02x}6000f3" + body
