"""The table of upstreams: what it says is what the venue publishes, in one spelling."""

import re

import pytest

from shared.polymarket.wire import endpoints
from shared.polymarket.wire.endpoints import BUDGETS, RequestBudget
from shared.rate_limit.limits import GateLimits

ADDRESSES = {name: value for name, value in vars(endpoints).items() if str(value).startswith("0x") and len(value) == 42}
TOPICS = {name: value for name, value in vars(endpoints).items() if str(value).startswith("0x") and len(value) == 66}

ROTATIONS = (
    (0, 36, 3, 41, 18),
    (1, 44, 10, 45, 2),
    (62, 6, 43, 15, 61),
    (28, 55, 25, 21, 56),
    (27, 20, 39, 8, 14),
)


def keccak256(data: bytes) -> str:
    """Hash as Ethereum does (Keccak before its padding became SHA-3), for inputs below 136 bytes."""
    block = bytearray(data.ljust(136, b"\0"))
    block[len(data)] ^= 1
    block[135] ^= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for i in range(17):
        lanes[i % 5][i // 5] = int.from_bytes(block[8 * i : 8 * i + 8], "little")
    register = 1
    for _ in range(24):
        lanes, register = keccak_round(lanes, register)
    return "0x" + b"".join(lanes[i % 5][i // 5].to_bytes(8, "little") for i in range(4)).hex()


def keccak_round(a: list[list[int]], register: int) -> tuple[list[list[int]], int]:
    c = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
    d = [c[(x - 1) % 5] ^ turned(c[(x + 1) % 5], 1) for x in range(5)]
    b = [[0] * 5 for _ in range(5)]
    for x in range(5):
        for y in range(5):
            b[y][(2 * x + 3 * y) % 5] = turned(a[x][y] ^ d[x], ROTATIONS[x][y])
    a = [[b[x][y] ^ (~b[(x + 1) % 5][y] & b[(x + 2) % 5][y]) for y in range(5)] for x in range(5)]
    for j in range(7):
        register = ((register << 1) ^ ((register >> 7) * 0x71)) % 256
        if register & 2:
            a[0][0] ^= 1 << ((1 << j) - 1)
    return a, register


def turned(lane: int, by: int) -> int:
    return ((lane << by) | (lane >> (64 - by))) & (2**64 - 1)


@pytest.mark.parametrize(
    ("signature", "topic"),
    [
        (endpoints.ORDER_FILLED_SIGNATURE, endpoints.ORDER_FILLED),
        (
            "OrderFilled(bytes32,address,address,uint256,uint256,uint256,uint256,uint256)",
            endpoints.ORDER_FILLED_V1,
        ),
        ("OrdersMatched(bytes32,address,uint8,uint256,uint256,uint256)", endpoints.ORDERS_MATCHED),
        ("OrdersMatched(bytes32,address,uint256,uint256,uint256,uint256)", endpoints.ORDERS_MATCHED_V1),
        ("FeeCharged(address,uint256)", endpoints.FEE_CHARGED),
        ("ConditionResolution(bytes32,address,bytes32,uint256,uint256[])", endpoints.CONDITION_RESOLUTION),
        ("PayoutRedemption(address,address,bytes32,bytes32,uint256[],uint256)", endpoints.PAYOUT_REDEMPTION),
        ("PositionsMerge(address,address,bytes32,bytes32,uint256[],uint256)", endpoints.POSITIONS_MERGE),
        ("Transfer(address,address,uint256)", endpoints.TRANSFER),
        ("PayoutRedemption(address,bytes32,uint256[],uint256)", endpoints.PAYOUT_REDEMPTION_NEG_RISK),
        ("TransferSingle(address,address,address,uint256,uint256)", endpoints.TRANSFER_SINGLE),
        ("TransferBatch(address,address,address,uint256[],uint256[])", endpoints.TRANSFER_BATCH),
    ],
)
def test_a_topic_is_the_hash_of_its_signature(signature: str, topic: str) -> None:
    assert keccak256(signature.encode()) == topic


def test_addresses_and_topics_are_lower_case_and_distinct() -> None:
    assert all(re.fullmatch("0x[0-9a-f]{40}", value) for value in ADDRESSES.values())
    assert all(re.fullmatch("0x[0-9a-f]{64}", value) for value in TOPICS.values())
    assert len(set(ADDRESSES.values())) == len(ADDRESSES) >= 11
    assert len(set(TOPICS.values())) == len(TOPICS) >= 10


def test_three_exchanges_trade_today_and_two_did_before() -> None:
    assert len(endpoints.EXCHANGES) == 3
    assert len(endpoints.EXCHANGES_V1) == 2
    assert not set(endpoints.EXCHANGES) & set(endpoints.EXCHANGES_V1)


@pytest.mark.parametrize(
    ("name", "target_per_s"),
    [
        ("data", 40),
        ("data_activity", 10),
        ("data_trades", 15),
        ("clob_reads", 75),
        ("clob_orders", 20),
        ("gamma_markets", 15),
        ("subgraph", 2.5),
        ("relayer", 25 / 120),
    ],
)
def test_our_target_is_half_of_what_is_published(name: str, target_per_s: float) -> None:
    assert BUDGETS[name].target_per_s == pytest.approx(target_per_s)
    assert BUDGETS[name].published_per_s == pytest.approx(2 * target_per_s)


@pytest.mark.parametrize("budget", BUDGETS.values(), ids=str)
def test_every_budget_makes_a_gate_and_stays_within_its_host(budget: RequestBudget) -> None:
    host = BUDGETS.get(budget.name.partition("_")[0], budget)

    assert GateLimits(budget.target_per_s).slowest_per_s <= budget.target_per_s
    assert budget.target_per_s <= host.target_per_s
    assert budget.url.startswith("https://")
