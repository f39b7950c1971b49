"""What the logs of a transaction prove: captured real logs, and what is made of them."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from redeemer.domain import payout_proof
from shared.domain.errors import Rejected
from shared.domain.money import from_micro
from shared.polymarket.positions import RedeemablePositions
from shared.polymarket.wire.endpoints import CONDITIONAL_TOKENS, NEG_RISK_ADAPTER, TRANSFER, USDC_E
from shared.rate_limit.gate import GateLane

WALLET, OTHER = "0x" + "11" * 20, "0x" + "22" * 20


@pytest.fixture
def captured(real_data: Path) -> dict[str, dict[str, Any]]:
    rows = json.loads((real_data / "venue" / "polygon_logs.json").read_text(encoding="utf-8"))
    return {row["name"]: row for row in rows}


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "contract"),
    [("ctf_payout_redemption", CONDITIONAL_TOKENS), ("negrisk_payout_redemption", NEG_RISK_ADAPTER)],
)
def test_real_redemptions_decode_to_what_they_paid(
    captured: dict[str, dict[str, Any]], name: str, contract: str
) -> None:
    row = captured[name]

    payout = payout_proof.payouts_in([row["log"]])[0]

    assert (payout.redeemer, payout.condition_id) == (row["expect"]["redeemer"], row["expect"]["condition_id"])
    assert from_micro(payout.paid) == Decimal(row["expect"]["payout"])
    assert payout.contract == contract


@pytest.mark.real_data
def test_a_real_batch_to_the_adapter_and_a_real_burn_decode_to_their_shares(
    captured: dict[str, dict[str, Any]],
) -> None:
    batch, burn = captured["transfer_batch"], captured["transfer_single_burn"]

    giver, taker, items = payout_proof.transfer_of(batch["log"])
    assert (giver, taker) == (batch["expect"]["from"], batch["expect"]["to"])
    assert [shares for _, shares in items] == batch["expect"]["values"]

    _, taker, items = payout_proof.transfer_of(burn["log"])
    assert taker == burn["expect"]["to"]
    assert items == ((burn["expect"]["token_id"], burn["expect"]["value"]),)


@pytest.mark.real_data
def test_every_captured_log_is_read_or_left_alone(captured: dict[str, dict[str, Any]]) -> None:
    logs = [row["log"] for row in captured.values()]

    assert len(payout_proof.payouts_in(logs)) == 2
    giver = captured["transfer_batch"]["expect"]["from"]
    assert payout_proof.shares_given(logs, giver, CONDITIONAL_TOKENS).total() == 5_000_000


def a_transfer(giver: str, taker: str, value: int) -> dict[str, Any]:
    topics = [TRANSFER, *("0x" + party[2:].rjust(64, "0") for party in (giver, taker))]
    return {"address": USDC_E, "topics": topics, "data": f"0x{value:064x}"}


def test_transfers_count_for_the_wallet_they_come_to_and_against_the_one_they_leave() -> None:
    logs = [a_transfer(OTHER, WALLET, 5), a_transfer(WALLET, OTHER, 2), a_transfer(WALLET, WALLET, 9)]

    assert payout_proof.net_transfers(logs, USDC_E, WALLET) == 3


def test_a_balance_that_does_not_move_with_its_transfers_is_a_problem() -> None:
    logs = [a_transfer(OTHER, WALLET, 5_000_000)]

    assert payout_proof.balance_problem(1, 5_000_001, logs, USDC_E, WALLET) == ""
    assert "moved by 0, its transfers by 5" in payout_proof.balance_problem(1, 1, logs, USDC_E, WALLET)


class Listed:
    """A Data API that serves captured v1 rows, and v2 not at all."""

    def __init__(self, rows: list[Any]) -> None:
        self.rows = rows

    def get(self, path: str, params: Any = None, /, *, lane: GateLane) -> Any:
        del params, lane
        if path.startswith("/v2"):
            raise Rejected("404", 404)
        return self.rows


@pytest.mark.real_data
def test_real_positions_name_what_may_be_redeemed(real_data: Path) -> None:
    files = ("activity_v1/positions.json", "venue/data_api_positions_response.json")
    rows = [row for name in files for row in json.loads((real_data / name).read_text(encoding="utf-8"))]
    wanted = {row["conditionId"] for row in rows if row["redeemable"] and len(row["conditionId"]) == 66}

    named = RedeemablePositions(Listed(rows)).conditions(WALLET)

    assert set(named) <= wanted
    assert len(named) > 1
