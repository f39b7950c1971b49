"""What a wallet holds of an outcome, in the words of both versions."""

from collections.abc import Mapping
from typing import Any

from shared.domain.errors import Rejected
from shared.polymarket.leader_positions import held_shares
from shared.rate_limit.limits import GateLane
from tests.amounts import D

WALLET, CONDITION, TOKEN = "0x" + "a1" * 20, "0x" + "c0" * 32, "123"


class Answers:
    """A Data API with one answer for each path."""

    def __init__(self, bodies: Mapping[str, Any]) -> None:
        self._bodies = bodies

    def get(self, path: str, params: Mapping[str, Any] | None = None, /, *, lane: GateLane) -> Any:
        assert params is not None
        assert params["user"] == WALLET
        del lane
        if path not in self._bodies:
            raise Rejected(f"{path}: 404")
        return self._bodies[path]


def test_the_rows_of_the_token_are_counted_and_no_other() -> None:
    rows = [{"token_id": TOKEN, "current_size": "12.5"}, {"token_id": "9", "current_size": "7"}]

    assert held_shares(Answers({"/v2/positions": {"data": rows}}), WALLET, CONDITION, TOKEN) == D("12.5")


def test_a_wallet_without_a_position_holds_none() -> None:
    assert held_shares(Answers({"/v2/positions": {"data": []}}), WALLET, CONDITION, TOKEN) == 0


def test_the_first_version_is_asked_where_the_second_is_refused() -> None:
    rows = [{"asset": TOKEN, "size": "3"}]

    assert held_shares(Answers({"/positions": rows}), WALLET, CONDITION, TOKEN) == D(3)
