"""What a wallet holds: each token is asked of who keeps it."""

from collections.abc import Sequence
from typing import Any, cast

from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wallet_balances import WalletBalances
from shared.polymarket.wire.endpoints import CONDITIONAL_TOKENS, POSITION_MANAGER, PUSD

WALLET = "0x" + "ab" * 20
TOKEN, POSITION = str((1 << 256) - 7), str(1 << 248)


class FakePolygon:
    """Answers how many calls came before."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def head(self, _lane: object) -> int:
        return 7

    def block_time_ms(self, _block: int, _lane: object) -> int:
        return 7_000

    def ask_all(self, _method: str, asked: Sequence[Any], _lane: object) -> list[str]:
        self.asked += [call["to"] for call, _block in asked]
        return [f"0x{number:064x}" for number in range(len(asked))]


def test_a_position_of_protocol_v2_is_asked_of_the_position_manager() -> None:
    node = FakePolygon()

    held = WalletBalances(cast("PolygonClient", node), WALLET).read([TOKEN, POSITION])

    assert node.asked == [PUSD, CONDITIONAL_TOKENS, POSITION_MANAGER]
    assert (held.cash, held.shares) == (0, {TOKEN: 1, POSITION: 2})


def test_whether_a_condition_of_protocol_v2_has_ended_is_left_to_its_redeemer() -> None:
    node = FakePolygon()

    assert WalletBalances(cast("PolygonClient", node), WALLET).resolved(["0x01" + "ab" * 30]) == frozenset()
    assert node.asked == []
