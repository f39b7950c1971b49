"""Wallets that send their own transactions: what a node refuses, and what the contracts pay."""

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account

from simulator.chain.redemptions import APPROVE, REDEEM, REDEEM_NEG_RISK
from simulator.core import contracts
from tests.simulator.conftest import Venue

pytestmark = pytest.mark.simulator

OWNER: Any = Account.from_key("0x" + "55" * 32)
ME = OWNER.address.lower()
GWEI = 10**9
ZERO = bytes(32)


@pytest.fixture
def wallet(venue: Venue) -> str:
    return venue.sim.fund(OWNER.address, "10", kind="eoa")


def signed(to: str, data: str, nonce: int = 0, **changes: int) -> str:
    fields: dict[str, Any] = {
        "type": 2, "chainId": 137, "nonce": nonce, "to": Account.from_key("0x" + "01" * 32).address, "value": 0,
        "data": data, "gas": 200_000, "maxFeePerGas": 100 * GWEI, "maxPriorityFeePerGas": 30 * GWEI, **changes,
    }  # fmt: skip
    fields["to"] = bytes.fromhex(to[2:])
    return "0x" + bytes(OWNER.sign_transaction(fields).raw_transaction).hex()


def redeem_of(collateral: str, condition: str) -> str:
    kinds = ["address", "bytes32", "bytes32", "uint256[]"]
    return REDEEM + encode(kinds, [collateral, ZERO, bytes.fromhex(condition[2:]), [1, 2]]).hex()


def send(venue: Venue, raw: str) -> dict[str, Any]:
    """Send bytes, and return the receipt that they have after two blocks."""
    answer = venue.rpc("eth_sendRawTransaction", raw)
    venue.sim.advance(5)
    return venue.rpc("eth_getTransactionReceipt", answer["result"])["result"]


def test_a_node_refuses_what_could_never_be_mined(venue: Venue, wallet: str) -> None:
    assert wallet == ME
    redeem = redeem_of(contracts.USDC_E, venue.market.condition_id)

    def said(raw: str) -> str:
        return venue.rpc("eth_sendRawTransaction", raw)["error"]["message"]

    assert "invalid chain id" in said(signed(contracts.CONDITIONAL_TOKENS, redeem, chainId=1))
    assert "insufficient funds" in said(signed(contracts.CONDITIONAL_TOKENS, redeem, maxFeePerGas=10**18))
    assert "rlp" in said("0x02c0")
    assert "result" in venue.rpc("eth_sendRawTransaction", signed(contracts.CONDITIONAL_TOKENS, redeem))
    assert said(signed(contracts.CONDITIONAL_TOKENS, redeem)) == "already known"
    higher = signed(contracts.CONDITIONAL_TOKENS, redeem, maxPriorityFeePerGas=31 * GWEI)
    assert said(higher) == "replacement transaction underpriced"
    venue.sim.advance(5)
    assert said(higher) == "nonce too low"


def test_a_redemption_before_the_resolution_reverts_and_costs_gas(venue: Venue, wallet: str) -> None:
    redeem = redeem_of(contracts.USDC_E, venue.market.condition_id)
    call = {"from": wallet, "to": contracts.CONDITIONAL_TOKENS, "data": redeem}
    before = int(venue.rpc("eth_getBalance", wallet, "latest")["result"], 16)

    assert "not received yet" in venue.rpc("eth_call", call, "latest")["error"]["message"]
    receipt = send(venue, signed(contracts.CONDITIONAL_TOKENS, redeem))

    assert (receipt["status"], receipt["logs"]) == ("0x0", [])
    spent = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert int(venue.rpc("eth_getBalance", wallet, "latest")["result"], 16) == before - spent
    assert venue.rpc("eth_getTransactionCount", wallet, "latest")["result"] == "0x1"


@pytest.mark.parametrize(("collateral", "paid"), [(contracts.USDC_E, 3), (contracts.PUSD, 0)])
def test_conditional_tokens_pay_for_positions_of_the_collateral_that_was_named(
    venue: Venue, wallet: str, collateral: str, paid: int
) -> None:
    market = next(each for each in venue.sim.markets if not each.neg_risk)
    venue.fill(leader=wallet, token=market.tokens[0], shares="3")
    venue.sim.resolve(market.condition_id, (1, 0))
    venue.sim.advance(5)

    receipt = send(venue, signed(contracts.CONDITIONAL_TOKENS, redeem_of(collateral, market.condition_id)))

    told = next(
        log for log in receipt["logs"] if log["address"] == contracts.CONDITIONAL_TOKENS and "2682" in log["topics"][0]
    )
    assert receipt["status"] == "0x1"
    assert int(told["data"][2 + 2 * 64 : 2 + 3 * 64], 16) == paid * 10**6
    assert venue.sim.call(lambda: venue.sim.world.held.shares(wallet, market.tokens[0])) == (3 - paid) * 10**6


def test_the_neg_risk_adapter_takes_what_it_may_and_pays_usdc_e(venue: Venue, wallet: str) -> None:
    market = next(each for each in venue.sim.markets if each.neg_risk)
    venue.fill(leader=wallet, token=market.tokens[0], shares="3")
    venue.sim.resolve(market.condition_id, (1, 1))
    venue.sim.advance(5)
    amounts = encode(["bytes32", "uint256[]"], [bytes.fromhex(market.condition_id[2:]), [3_000_000, 0]])
    redeem = REDEEM_NEG_RISK + amounts.hex()
    call = {"from": wallet, "to": contracts.NEG_RISK_ADAPTER, "data": redeem}
    assert "approval" in venue.rpc("eth_estimateGas", call)["error"]["message"]

    approve = APPROVE + encode(["address", "bool"], [contracts.NEG_RISK_ADAPTER, True]).hex()
    send(venue, signed(contracts.CONDITIONAL_TOKENS, approve))
    receipt = send(venue, signed(contracts.NEG_RISK_ADAPTER, redeem, nonce=1))

    moved = [log for log in receipt["logs"] if log["address"] == contracts.USDC_E]
    assert [int(log["data"], 16) for log in moved] == [1_500_000]
