"""The chain: exact events, one per order, limits of a public node, reorganisations."""

import json
from typing import Any

import pytest

from simulator.chain import abi
from simulator.core import contracts

pytestmark = pytest.mark.simulator


def _block(venue: Any, number: str) -> Any:
    return venue.rpc("eth_getBlockByNumber", *json.loads(f'["{number}", false]'))["result"]


def _words(log: dict[str, Any]) -> list[int]:
    data = log["data"][2:]
    return [int(data[at : at + 64], 16) for at in range(0, len(data), 64)]


@pytest.mark.parametrize(
    ("topic", "signature"),
    [
        (abi.ORDER_FILLED_V1, "OrderFilled(bytes32,address,address,uint256,uint256,uint256,uint256,uint256)"),
        (
            abi.ORDER_FILLED_V2,
            "OrderFilled(bytes32,address,address,uint8,uint256,uint256,uint256,uint256,bytes32,bytes32)",
        ),
        (abi.ORDERS_MATCHED_V1, "OrdersMatched(bytes32,address,uint256,uint256,uint256,uint256)"),
        (abi.ORDERS_MATCHED_V2, "OrdersMatched(bytes32,address,uint8,uint256,uint256,uint256)"),
        (abi.CONDITION_RESOLUTION, "ConditionResolution(bytes32,address,bytes32,uint256,uint256[])"),
        (abi.PAYOUT_REDEMPTION, "PayoutRedemption(address,address,bytes32,bytes32,uint256[],uint256)"),
    ],
)
def test_topics_are_the_hashes_of_their_signatures(topic: str, signature: str) -> None:
    hashes = pytest.importorskip("eth_hash.auto", reason="keccak comes with eth-hash", exc_type=ImportError)
    assert "0x" + hashes.keccak(signature.encode()).hex() == topic


def test_the_takers_event_names_the_exchange_and_carries_the_fee(venue: Any) -> None:
    market = next(m for m in venue.sim.markets if m.fee_rate and not m.neg_risk)
    fill = venue.fill(token=market.tokens[1], shares="108", price="0.4")[-1]
    venue.sim.advance(4)

    (log,) = venue.logs(venue.leader)
    side, token, given, received, fee, _, _ = _words(log)
    assert log["topics"][0] == abi.ORDER_FILLED_V2
    assert log["topics"][3] == abi.padded(contracts.exchange("v2", neg_risk=False, token_id=market.tokens[1]))
    assert (side, str(token), given, received) == (0, market.tokens[1], 43_200_000, 108_000_000)
    assert fee == fill.fee == round(108 * float(market.fee_rate) * 0.4 * 0.6 * 100_000) * 10


def test_several_maker_fills_of_one_transaction_differ_only_in_place_and_order(venue: Any) -> None:
    venue.fill(fills=10)
    venue.sim.advance(10)

    logs, rows = venue.logs(venue.leader), venue.rows()
    assert len({log["transactionHash"] for log in logs}) == 1
    assert len({log["logIndex"] for log in logs}) == len({log["topics"][1] for log in logs}) == 10
    assert len({str(row) for row in rows}) == 1
    assert len(rows) == 10


def test_a_mint_names_our_wallet_beside_the_other_token(venue: Any) -> None:
    venue.fill(mint=True, price="0.4", shares="10")
    venue.sim.advance(4)
    head = venue.rpc("eth_blockNumber")["result"]
    asked = {"fromBlock": hex(int(head, 16) - 9), "toBlock": head, "topics": [abi.ORDER_FILLED_V2]}
    maker, taker = venue.rpc("eth_getLogs", asked)["result"]

    assert maker["topics"][3] == taker["topics"][2] == abi.padded(venue.leader)
    words = [_words(log) for log in (maker, taker)]
    assert [str(each[1]) for each in words] == [venue.market.tokens[1], venue.market.tokens[0]]
    assert [each[0] for each in words] == [0, 0]
    assert words[0][2] == 6_000_000


def test_two_followed_wallets_meet_in_one_transaction(venue: Any) -> None:
    venue.fill(counterparty=venue.other)
    venue.sim.advance(4)
    mine, theirs = venue.logs(venue.leader), venue.logs(venue.other)
    assert mine[0]["transactionHash"] == theirs[0]["transactionHash"]
    assert mine[0]["logIndex"] != theirs[0]["logIndex"]


def test_a_receipt_ends_with_the_takers_summary(venue: Any) -> None:
    _, taker = venue.fill()
    assert venue.rpc("eth_getTransactionReceipt", taker.tx_hash)["result"] is None
    venue.sim.advance(4)
    receipt = venue.rpc("eth_getTransactionReceipt", taker.tx_hash)["result"]
    assert [log["topics"][0] for log in receipt["logs"]] == [
        abi.ORDER_FILLED_V2,
        abi.ORDER_FILLED_V2,
        abi.ORDERS_MATCHED_V2,
    ]


def test_filters_take_lists_nulls_and_any_case(venue: Any) -> None:
    venue.fill()
    venue.sim.advance(4)
    head = venue.rpc("eth_blockNumber")["result"]
    wallets = [abi.padded(each).upper().replace("0X", "0x") for each in (venue.leader, venue.other)]
    asked = {
        "address": ["0xE111180000d2663C0091e4f400237545B87B996B", "0xe2222d279d744050d28e00520010520000310F59"],
        "fromBlock": hex(int(head, 16) - 9),
        "toBlock": "latest",
        "topics": [[abi.ORDER_FILLED_V2, abi.ORDER_FILLED_V1], None, wallets],
    }
    assert len(venue.rpc("eth_getLogs", asked)["result"]) == 1
    assert venue.rpc("eth_getLogs", asked | {"address": contracts.EXCHANGE_V3})["result"] == []


def test_ranges_have_a_cap_and_must_not_pass_the_head(venue: Any) -> None:
    head = int(venue.rpc("eth_blockNumber")["result"], 16)

    def ask(low: int, high: int) -> Any:
        return venue.rpc("eth_getLogs", {"fromBlock": hex(low), "toBlock": hex(high)})

    assert ask(head - 10_001, head)["error"] == {"code": -32701, "message": "exceed maximum block range: 10000"}
    assert ask(head - 10_000, head)["result"] == []
    assert ask(head + 1, head + 2)["error"]["message"] == "invalid block range params"
    assert ask(head, head - 1)["error"]["message"] == "invalid block range params"


def test_batches_are_answered_in_order(venue: Any) -> None:
    calls = [{"jsonrpc": "2.0", "id": n, "method": m} for n, m in enumerate(("eth_chainId", "eth_nonsense"))]
    good, bad = venue.post("rpc", "", calls).json()
    assert good == {"jsonrpc": "2.0", "id": 0, "result": "0x89"}
    assert bad["error"]["code"] == -32601


def test_blocks_are_linked_and_finality_trails_the_head(venue: Any) -> None:
    head = _block(venue, "latest")
    parent = _block(venue, hex(int(head["number"], 16) - 1))
    final = _block(venue, "finalized")
    assert head["parentHash"] == parent["hash"]
    assert int(final["number"], 16) < int(head["number"], 16)
    assert _block(venue, hex(int(head["number"], 16) + 1)) is None


def test_payouts_are_on_chain_before_anyone_else_knows(venue: Any) -> None:
    condition = venue.market.condition_id

    def read(selector: str, *words: str) -> int:
        call = {"to": contracts.CONDITIONAL_TOKENS, "data": selector + "".join(words)}
        return int(venue.rpc("eth_call", call, "latest")["result"], 16)

    assert read(abi.OUTCOME_SLOT_COUNT, condition[2:]) == 2
    assert read(abi.OUTCOME_SLOT_COUNT, abi.word(5)) == 0
    assert read(abi.PAYOUT_DENOMINATOR, condition[2:]) == 0

    venue.sim.resolve(condition, (1, 1))
    assert read(abi.PAYOUT_DENOMINATOR, condition[2:]) == 0
    venue.sim.advance(4)
    assert read(abi.PAYOUT_DENOMINATOR, condition[2:]) == 2
    assert [read(abi.PAYOUT_NUMERATORS, condition[2:], abi.word(each)) for each in (0, 1)] == [1, 1]
    assert venue.get("gamma", f"/markets/slug/{venue.market.slug}").json()["closed"] is False


def test_a_reorg_takes_a_fill_back_for_good(venue: Any) -> None:
    fill = venue.fill()[-1]
    venue.sim.advance(10)
    block = _block(venue, hex(fill.block))
    assert len(venue.logs(venue.leader)) == len(venue.rows()) == 1

    venue.sim.fault("reorg", "rpc", params={"blocks": 12})

    assert venue.logs(venue.leader) == []
    assert venue.rows() == []
    assert _block(venue, hex(fill.block))["hash"] != block["hash"]
    assert venue.get("sim", "/fills").json()["fills"][0]["removed"] is True


def test_a_reorg_may_bring_the_same_transaction_back_elsewhere(venue: Any) -> None:
    fill = venue.fill()[-1]
    venue.sim.advance(4)
    (before,) = venue.logs(venue.leader)

    venue.sim.fault("reorg", "rpc", params={"blocks": 12, "reinclude": True})
    assert venue.logs(venue.leader) == []
    venue.sim.advance(10)

    (after,) = venue.logs(venue.leader)
    assert after["transactionHash"] == before["transactionHash"] == fill.tx_hash
    assert (after["blockNumber"], after["logIndex"]) != (before["blockNumber"], before["logIndex"])
    assert len(venue.rows()) == 1
