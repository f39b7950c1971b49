"""The venue on a real EVM: the real ConditionalTokens and Safe, with our own tokens and adapters around them."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import encode as abi_encode

from redeemer.domain.contract_calls import ContractCall, safe_call
from redeemer.domain.gas_pricing import GasFees
from redeemer.transactions.signer import TransactionSigner, signer_of
from shared.polymarket.wire import abi
from shared.polymarket.wire.contracts import Contracts
from shared.polymarket.wire.keccak import keccak256
from tests.redeemer.evm.node import EvmNode

FOLDER = Path(__file__).parent / "contracts"
KEY = "11" * 32
ORACLE_KEY = "22" * 32
"""Test keys, obviously public."""
NOBODY = "0x" + "0" * 40
ZERO = "0x" + "0" * 64
ONE = 1_000_000


@cache
def bytecode(name: str) -> str:
    """Return a contract's bytecode, hex without 0x."""
    for file in ("real.json", "Venue.json"):
        found = json.loads((FOLDER / file).read_text(encoding="utf-8"))["bytecode"]
        if name in found:
            return str(found[name])
    raise KeyError(name)


def selector(signature: str) -> str:
    return "0x" + keccak256(signature.encode())[:4].hex()


@dataclass(frozen=True)
class Market:
    """A prepared condition and the token ids of its outcomes."""

    question: str
    condition_id: str
    neg_risk: bool
    tokens: tuple[str, str]


class EvmFixture:
    """Everything deployed once; tests go back to the moment after that."""

    def __init__(self, node: EvmNode | None = None) -> None:
        self.node = node or EvmNode()
        self.bank: str = self.node.tester.get_accounts()[0]
        self.signer: TransactionSigner = signer_of(KEY)
        self.node.tester.send_transaction(
            {"from": self.bank, "to": self.signer.address, "value": 10**20, "gas": 21_000}
        )
        ctf = self.deploy("ConditionalTokens")
        usdc, pusd, wcol = (self.deploy("Token") for _ in range(3))
        neg_risk = self.deploy("NegRiskAdapter", ["address"] * 3, [ctf, wcol, usdc])
        plain = self.deploy("CtfCollateralAdapter", ["address"] * 4, [ctf, usdc, usdc, pusd])
        neg = self.deploy("NegRiskCtfCollateralAdapter", ["address"] * 5, [ctf, wcol, usdc, pusd, neg_risk])
        manager = self.deploy("PositionManager")
        self.contracts = Contracts(
            chain_id=self.node.chain_id,
            conditional_tokens=ctf,
            pusd=pusd,
            usdc_e=usdc,
            wrapped_collateral=wcol,
            neg_risk_adapter=neg_risk,
            ctf_collateral_adapter=plain,
            neg_risk_ctf_collateral_adapter=neg,
            position_manager=manager,
            router=self.deploy("Router", ["address", "address", "uint256"], [manager, pusd, 100]),
            safe_multisend=self.deploy("MultiSend"),
        )
        self.safe = self._deploy_safe()
        self.markets = 0

    def deploy(self, name: str, kinds: list[str] | None = None, values: list[Any] | None = None) -> str:
        data = "0x" + bytecode(name) + abi_encode(kinds or [], values or []).hex()
        return self._contract({"from": self.bank, "data": data, "gas": 10_000_000})

    def send(self, to: str, data: str, sender: str = "") -> str:
        """Send a transaction from an account of the node and return its hash; it must succeed."""
        tx_hash = self.node.tester.send_transaction(
            {"from": sender or self.bank, "to": to, "data": data, "gas": 8_000_000}
        )
        assert self.node.tester.get_transaction_receipt(tx_hash)["status"] == 1
        return str(tx_hash)

    def as_signer(self, to: str, data: str) -> str:
        """Send a transaction of our signer, by hand."""
        nonce = int(self.node.eth_get_transaction_count(self.signer.address, "latest"), 16)
        made = self.signer.sign(
            ContractCall(to, data),
            nonce=nonce,
            gas=8_000_000,
            fees=GasFees(10**11, 10**9),
            chain_id=self.node.chain_id,
            now_ms=0,
        )
        self.node.tester.send_raw_transaction(made.raw)
        assert self.node.tester.get_transaction_receipt(made.hash)["status"] == 1
        return made.hash

    def by_wallet(self, wallet: str, to: str, data: str) -> None:
        """Have a wallet make a call: the signer itself, or the Safe that it owns."""
        if wallet == self.safe:
            call = safe_call(self.safe, self.signer.address, (ContractCall(to, data),), self.contracts)
            self.as_signer(call.to, call.data)
        else:
            self.as_signer(to, data)

    def market(self, *, neg_risk: bool = False) -> Market:
        """Prepare a condition; the bank's account is its oracle."""
        self.markets += 1
        question = f"0x{self.markets:064x}"
        ctf = self.contracts.conditional_tokens
        prepare = abi.encoded_call(selector("prepareCondition(address,bytes32,uint256)"), self.bank, question, 2)
        self.send(ctf, prepare)
        packed = bytes.fromhex(self.bank[2:]) + bytes.fromhex(question[2:]) + (2).to_bytes(32, "big")
        condition = "0x" + keccak256(packed).hex()
        collateral = self.contracts.wrapped_collateral if neg_risk else self.contracts.usdc_e
        first, second = (self._token(collateral, condition, index) for index in (1, 2))
        return Market(question, condition, neg_risk, (first, second))

    def give(self, market: Market, wallet: str, yes: int, no: int = 0) -> None:
        """Give a wallet micro-shares of both outcomes, out of a split by the bank."""
        ctf, most = self.contracts.conditional_tokens, max(yes, no)
        if market.neg_risk:
            split = abi.encoded_call(selector("split(bytes32,uint256,address)"), market.condition_id, most, self.bank)
            self.send(self.contracts.neg_risk_adapter, split)
        else:
            self.send(self.contracts.usdc_e, abi.encoded_call(selector("mint(address,uint256)"), self.bank, most))
            self.send(self.contracts.usdc_e, abi.encoded_call(selector("approve(address,uint256)"), ctf, most))
            sel = selector("splitPosition(address,bytes32,bytes32,uint256[],uint256)")
            self.send(ctf, abi.encoded_call(sel, self.contracts.usdc_e, ZERO, market.condition_id, [1, 2], most))
        for token, shares in zip(market.tokens, (yes, no), strict=True):
            if shares:
                sel = selector("safeTransferFrom(address,address,uint256,uint256,bytes)")
                self.send(ctf, abi.encoded_call(sel, self.bank, wallet, int(token), shares, b""))

    def resolve(self, market: Market, *payouts: int) -> None:
        sel = selector("reportPayouts(bytes32,uint256[])")
        self.send(self.contracts.conditional_tokens, abi.encoded_call(sel, market.question, list(payouts)))

    def approve(self, wallet: str, *operators: str) -> None:
        for operator in operators or (
            self.contracts.ctf_collateral_adapter,
            self.contracts.neg_risk_ctf_collateral_adapter,
            self.contracts.neg_risk_adapter,
        ):
            data = abi.encoded_call(selector("setApprovalForAll(address,bool)"), operator, 1)
            self.by_wallet(wallet, self.contracts.conditional_tokens, data)

    def approve_relayed(self, wallet: str, operator: str) -> None:
        """Have a relayed wallet approve an operator; the bank is its relayer."""
        data = abi.encoded_call(selector("setApprovalForAll(address,bool)"), operator, 1)
        call = (self.contracts.conditional_tokens, 0, bytes.fromhex(data[2:]))
        self.send(wallet, abi.encoded_call(selector("execute((address,uint256,bytes)[])"), [call]))

    def balance(self, token: str, wallet: str) -> int:
        return self._number(token, abi.encoded_call(selector("balanceOf(address)"), wallet))

    def shares(self, market: Market, wallet: str) -> tuple[int, int]:
        sel, ctf = selector("balanceOf(address,uint256)"), self.contracts.conditional_tokens
        first, second = (self._number(ctf, abi.encoded_call(sel, wallet, int(token))) for token in market.tokens)
        return first, second

    def safe_nonce(self) -> int:
        """Return how many transactions the Safe has made."""
        return self._number(self.safe, selector("nonce()"))

    def _token(self, collateral: str, condition: str, index: int) -> str:
        ctf = self.contracts.conditional_tokens
        collection = self._number(
            ctf, abi.encoded_call(selector("getCollectionId(bytes32,bytes32,uint256)"), ZERO, condition, index)
        )
        sel = selector("getPositionId(address,bytes32)")
        return str(self._number(ctf, abi.encoded_call(sel, collateral, abi.hash_word(collection))))

    def _number(self, to: str, data: str) -> int:
        return int(self.node.eth_call({"to": to, "data": data}, "latest"), 16)

    def _deploy_safe(self) -> str:
        master, factory, handler = (
            self.deploy(name) for name in ("GnosisSafe", "GnosisSafeProxyFactory", "CompatibilityFallbackHandler")
        )
        setup = abi.encoded_call(
            selector("setup(address[],uint256,address,bytes,address,address,uint256,address)"),
            [self.signer.address], 1, NOBODY, b"", handler, NOBODY, 0, NOBODY,
        )  # fmt: skip
        data = abi.encoded_call(selector("createProxy(address,bytes)"), master, bytes.fromhex(setup[2:]))
        safe = abi.address_of(int(str(self.node.eth_call({"to": factory, "data": data}, "latest")), 16))
        self.send(factory, data)
        return safe

    def _contract(self, transaction: dict[str, Any]) -> str:
        tx_hash = self.node.tester.send_transaction(transaction)
        receipt = self.node.tester.get_transaction_receipt(tx_hash)
        assert receipt["status"] == 1
        return str(receipt["contract_address"]).lower()
