"""What a wallet holds, as the chain says at one block: pUSD and outcome tokens, in micro-units."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain.market import is_position, of_protocol_v2
from shared.polymarket.polygon import BATCH, PolygonClient
from shared.polymarket.wire.abi import encoded_call
from shared.polymarket.wire.conditions import PAYOUT_DENOMINATOR, call_data, read_word
from shared.polymarket.wire.endpoints import CONDITIONAL_TOKENS, POSITION_MANAGER, PUSD
from shared.rate_limit.limits import GateLane

_CASH_OF = "0x70a08231"
_TOKENS_OF = "0x00fdd58e"
"""`balanceOf` of ERC-20 and of ERC-1155 (venue reference 7.2)."""


@dataclass(frozen=True)
class ChainBalances:
    """One wallet at one block, made at `at_ms`: collateral, and shares by token."""

    block: int
    at_ms: int
    cash: int
    shares: dict[str, int]


class WalletBalances:
    """Reads one wallet's balances through a node, behind everybody who is in more of a hurry."""

    def __init__(self, polygon: PolygonClient, wallet: str, lane: GateLane = GateLane.CATCHUP) -> None:
        self._polygon, self._wallet, self._lane = polygon, wallet, lane

    def read(self, token_ids: Sequence[str]) -> ChainBalances:
        """Return what the wallet holds of these tokens, all as of the node's newest block.

        Raises:
            TryAgain: throttled, away, or a node that does not have that block yet.
            GiveUp: refused, or an answer that is no balance.
        """
        block = self._polygon.head(self._lane)
        at_ms = self._polygon.block_time_ms(block, self._lane)
        calls = [(PUSD, encoded_call(_CASH_OF, self._wallet))]
        calls += [(_keeper(token), encoded_call(_TOKENS_OF, self._wallet, int(token))) for token in token_ids]
        cash, *shares = self._numbers(calls, hex(block))
        return ChainBalances(block, at_ms, cash, dict(zip(token_ids, shares, strict=True)))

    def resolved(self, condition_ids: Sequence[str]) -> frozenset[str]:
        """Return which of these conditions have their payouts on chain; raises as `read` does.

        Those of Protocol V2 are never among them: only its redeemer asks what refuses to answer while they are open.
        """
        asked = [name for name in condition_ids if not of_protocol_v2(name)]
        calls = [(CONDITIONAL_TOKENS, call_data(PAYOUT_DENOMINATOR, name)) for name in asked]
        found = zip(asked, self._numbers(calls, "latest"), strict=True)
        return frozenset(name for name, denominator in found if denominator)

    def _numbers(self, calls: Sequence[tuple[str, str]], block: str) -> list[int]:
        asked = [[{"to": contract, "data": data}, block] for contract, data in calls]
        answers: list[object] = []
        for start in range(0, len(asked), BATCH):
            answers += self._polygon.ask_all("eth_call", asked[start : start + BATCH], self._lane)
        return [read_word(answer) for answer in answers]


def _keeper(token_id: str) -> str:
    return POSITION_MANAGER if is_position(token_id) else CONDITIONAL_TOKENS
