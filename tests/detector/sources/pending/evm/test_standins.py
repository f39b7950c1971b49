"""What the tests deploy is what its source says, and a deposit wallet's contract takes our buyer's signature."""

import dataclasses
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
from eth_abi.abi import encode as abi_encode
from pydantic import SecretStr

from buyer.venue.polymarket.order_signing import ExchangeContract, TradingWallet, UnsignedOrder, WalletKind
from buyer.venue.polymarket.signer import OrderSigner
from buyer.venue.polymarket.wire.order_amounts import OrderAmounts
from detector.sources.pending.order_proof import OrderProofs
from detector.sources.pending.wallet_word import WalletWord
from shared.domain.money import MICRO
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire.endpoints import CHAIN_ID, CTF_EXCHANGE_V2
from shared.polymarket.wire.matches.match_call import CalledOrder, read_match
from tests.detector.sources.pending.evm.polygon_rig import STANDINS, creation_code
from tests.detector.sources.pending.evm.signed_matches import OurOrder
from tests.detector.sources.pending.match_builder import Match, Wallet
from tests.redeemer.evm.node import EvmNode

pytestmark = pytest.mark.evm


def test_our_stand_ins_are_compiled_from_the_source_beside_them() -> None:
    folder = os.environ.get("SOLADY_FOLDER", "")
    if not shutil.which("node") or not (Path(folder) / "node_modules" / "solady").is_dir():
        pytest.skip("needs node and SOLADY_FOLDER, a folder with the npm packages that contracts/README.md names")

    script = STANDINS.parent / "compile.js"
    made = subprocess.run(["node", script, folder], capture_output=True, text=True, check=True)

    assert json.loads(made.stdout) == json.loads(STANDINS.read_text(encoding="utf-8"))


def test_a_deposit_wallets_contract_takes_our_buyers_signature_and_no_other() -> None:
    """On py-evm, without the venue's contracts: the wallet's own word (ERC-1271) on what our buyer signs (ERC-7739)."""
    rig = PyEvmWallet(Wallet(77, 3))
    order = _called(rig.order)
    forged = dataclasses.replace(order, signature=bytes(65) + order.signature[65:])
    other_way = dataclasses.replace(order, signature=order.signature[:65])

    proofs = OrderProofs(WalletWord(rig.client))

    assert proofs.is_signed(CTF_EXCHANGE_V2, order)
    assert not proofs.is_signed(CTF_EXCHANGE_V2, forged)
    assert not proofs.is_signed(CTF_EXCHANGE_V2, other_way)


class PyEvmWallet:
    """A deposit wallet of a maker's own, at no address that a factory of the venue would give it."""

    def __init__(self, owner: Wallet) -> None:
        self.node = EvmNode()
        self.node.tester.backend.chain.chain_id = CHAIN_ID  # the signature's domain holds it
        self.client = PolygonClient(cast("Any", self.node))
        data = "0x" + creation_code("DepositWallet") + abi_encode(["address"], [owner.owner]).hex()
        bank = self.node.tester.get_accounts()[0]
        sent = self.node.tester.send_transaction({"from": bank, "data": data, "gas": 5_000_000})
        self.address = str(self.node.tester.get_transaction_receipt(sent)["contract_address"])
        trading = TradingWallet(
            WalletKind.DEPOSIT, self.address, OrderSigner(SecretStr(f"{owner.number:064x}")).address
        )
        exchange, amounts = ExchangeContract(CTF_EXCHANGE_V2, "2"), OrderAmounts(MICRO, 2 * MICRO)
        self.order = OurOrder(owner, UnsignedOrder(trading, exchange, "7", "BUY", amounts, 1, 1_790_000_000_000))


def _called(order: OurOrder) -> CalledOrder:
    match: Any = Match(cast("Any", order))
    return read_match(CTF_EXCHANGE_V2, match.calldata).taker.order
