"""Captured activity, lived again: same rows, same order, exact amounts on chain."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.simulator, pytest.mark.real_data]


@pytest.fixture(params=["leader_bot_500.json", "busy_leader_3500.json"])
def capture(request: pytest.FixtureRequest, real_data: Path) -> Path:
    return real_data / "activity_v1" / request.param


def test_every_captured_row_is_served_back_unchanged_but_for_its_time(venue_of: Any, capture: Path) -> None:
    captured = json.loads(capture.read_text(), parse_float=Decimal)
    for venue in venue_of(activity=(capture,), leaders=2, markets=4, speed=1000.0):
        venue.sim.advance(120)
        wallet = captured[0]["proxyWallet"]
        served = [row for offset in range(0, 3500, 500) for row in _page(venue, wallet, offset)]

        times = [row["timestamp"] for row in served]
        assert times == sorted(times, reverse=True)
        assert Counter(map(_timeless, served)) == Counter(map(_timeless, captured))


def test_the_chain_holds_trades_only_with_exact_amounts(venue_of: Any, capture: Path) -> None:
    captured = [r for r in json.loads(capture.read_text(), parse_float=Decimal) if r["type"] == "TRADE"]
    for venue in venue_of(activity=(capture,), leaders=2, markets=4, speed=1000.0):
        venue.sim.advance(120)
        logs = [log for at in range(8) for log in _logs(venue, captured[0]["proxyWallet"], at)]

        assert Counter(map(_chain_facts, logs)) == Counter(map(_row_facts, captured))


def test_redeems_end_their_markets_in_a_way_that_explains_the_payout(venue_of: Any, real_data: Path) -> None:
    path = real_data / "activity_v1" / "leader_bot_500.json"
    for venue in venue_of(activity=(path,), leaders=2, markets=4, speed=1000.0):
        venue.sim.advance(400)
        ended = venue.get("sim", "/resolutions").json()["resolutions"]
        assert len(ended) > 50
        assert {tuple(each["payouts"]) for each in ended} <= {(1, 0), (0, 1), (1, 1)}


def _page(venue: Any, wallet: str, offset: int) -> list[dict[str, Any]]:
    reply = venue.get("data", "/activity", user=wallet, limit=500, offset=offset)
    return json.loads(reply.text, parse_float=Decimal)


def _timeless(row: dict[str, Any]) -> str:
    return json.dumps({name: str(value) for name, value in row.items() if name != "timestamp"}, sort_keys=True)


def _logs(venue: Any, wallet: str, at: int) -> list[dict[str, Any]]:
    head = int(venue.rpc("eth_blockNumber")["result"], 16) - at * 10_001
    asked = {
        "fromBlock": hex(head - 10_000),
        "toBlock": hex(head),
        "address": ["0xe111180000d2663c0091e4f400237545b87b996b"],
        "topics": [
            "0xd543adfd945773f1a62f74f0ee55a5e3b9b1a28262980ba90b1a89f2ea84d8ee",
            None,
            "0x" + "0" * 24 + wallet[2:],
        ],
    }
    return venue.rpc("eth_getLogs", asked)["result"]


def _chain_facts(log: dict[str, Any]) -> tuple[str, str, str, int, int]:
    data = log["data"][2:]
    side, token, given, received = (int(data[at : at + 64], 16) for at in range(0, 256, 64))
    shares, usdc = (given, received) if side else (received, given)
    return log["transactionHash"], str(token), "SELL" if side else "BUY", shares, usdc


def _row_facts(row: dict[str, Any]) -> tuple[str, str, str, int, int]:
    """Return what the chain holds of a row: it moved size x price, and usdcSize holds the fee too."""
    shares, paid = (round(Decimal(row[name]) * 1_000_000) for name in ("size", "usdcSize"))
    exact = round(Decimal(row["size"]) * Decimal(row["price"]) * 1_000_000)
    usdc = paid if abs(paid - exact) <= 1 else exact
    return row["transactionHash"], row["asset"], row["side"], shares, usdc
