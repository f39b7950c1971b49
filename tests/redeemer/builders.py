"""Builders and fakes for the redeemer's tests: a chain that answers batches, a Data API, a ledger that holds lots."""

from collections.abc import Mapping
from typing import Any

from redeemer.redemption.paper_redeemer import PaperRedeemer
from redeemer.redemption.resolutions import Resolutions
from shared.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.domain.ledger_accounts import CASH, Lot, cost_account, market_account, outcome_account, shares_account
from shared.domain.ledger_write import LedgerWrite, WrittenStep
from shared.ledger.port import Ledger, lot_record
from shared.messages.base import Event
from shared.messages.redemptions import RedemptionResult
from shared.polymarket.wire.conditions import OUTCOME_SLOT_COUNT, PAYOUT_DENOMINATOR, PayoutVector
from shared.rate_limit.gate import GateLane

ANN, BOB = "0x" + "a1" * 20, "0x" + "b0" * 20
YES, NO = "111", "222"
CONDITION, OTHER = "0x" + "c0" * 32, "0x" + "d0" * 32
ONE = 1_000_000


def a_lot(**changes: Any) -> Lot:
    """Build Ann's 10 shares of the first outcome, bought for 4."""
    values: dict[str, Any] = {
        "leader": ANN,
        "token_id": YES,
        "condition_id": CONDITION,
        "outcome_index": 0,
        "title": "Will it?",
        "shares": 10 * ONE,
        "cost": 4 * ONE,
        **changes,
    }
    return Lot(**values)


def a_loser(**changes: Any) -> Lot:
    """Build Ann's 10 shares of the second outcome, bought for 6."""
    return a_lot(**{"token_id": NO, "outcome_index": 1, "cost": 6 * ONE, **changes})


def a_vector(*numerators: int, condition_id: str = CONDITION) -> PayoutVector:
    """Build a vector; the first outcome won unless told otherwise."""
    parts = numerators or (1, 0)
    return PayoutVector(condition_id, parts, sum(parts), "chain")


def hold(ledger: Ledger, *lots: Lot, seed: str = "start") -> None:
    """Put lots into the ledger as buys would."""
    for number, lot in enumerate(lots):
        postings = (
            (shares_account(lot.leader, lot.token_id), lot.shares),
            (cost_account(lot.leader, lot.token_id), lot.cost),
            (market_account(lot.condition_id), lot.cost),
            (outcome_account(lot.condition_id, lot.outcome_index), lot.cost),
            (CASH, -lot.cost),
        )
        write = LedgerWrite(id=f"buy:{seed}:{number}", postings=postings, records=(lot_record(lot),))
        assert isinstance(ledger.commit(write), WrittenStep)


class FakeNode:
    """ConditionalTokens behind JSON-RPC batches, answered last call first."""

    def __init__(self, **payouts: tuple[int, ...]) -> None:
        self.payouts: dict[str, tuple[int, ...]] = dict(payouts)
        self.away = False
        self.failing: set[str] = set()
        self.most = 1000
        self.batches: list[int] = []

    def post(self, path: str, json: list[dict[str, Any]], /, lane: GateLane) -> Any:
        assert path == ""
        assert lane is GateLane.CATCHUP
        self.batches.append(len(json))
        if self.away or len(json) > self.most:
            raise Unavailable("the node did not answer")
        return [self._reply(call) for call in reversed(json)]

    def _reply(self, call: Mapping[str, Any]) -> dict[str, Any]:
        data = str(call["params"][0]["data"])
        selector, condition_id, rest = data[:10], "0x" + data[10:74], data[74:]
        if condition_id in self.failing:
            return {"id": call["id"], "error": {"code": -32005, "message": "limit exceeded"}}
        payouts = self.payouts.get(condition_id, ())
        if selector == PAYOUT_DENOMINATOR:
            number = sum(payouts)
        elif selector == OUTCOME_SLOT_COUNT:
            number = len(payouts) or 2
        else:
            number = payouts[int(rest, 16)]
        return {"id": call["id"], "result": f"0x{number:064x}"}


class FakeDataApi:
    """`/v2/resolutions`, payouts in micro-pUSD per share."""

    def __init__(self, **payouts: tuple[int, ...]) -> None:
        self.payouts: dict[str, tuple[int, ...]] = dict(payouts)
        self.away = False
        self.asked: list[list[str]] = []

    def get(self, path: str, params: Mapping[str, Any] | None = None, /, *, lane: GateLane) -> Any:
        assert path == "/v2/resolutions"
        assert lane is GateLane.CATCHUP
        if self.away:
            raise Unavailable("the Data API did not answer")
        wanted = str((params or {})["condition"]).split(",")
        self.asked.append(wanted)
        return {"data": [self._row(condition_id) for condition_id in wanted]}

    def _row(self, condition_id: str) -> dict[str, Any]:
        row: dict[str, Any] = {"condition_id": condition_id, "status": "active"}
        if condition_id in self.payouts:
            row |= {"status": "resolved", "payouts": list(self.payouts[condition_id])}
        return row


class PaperRedeemerFixture:
    """A redeemer with everything around it, ready to be asked."""

    def __init__(self, ledger: Ledger, **payouts: tuple[int, ...]) -> None:
        self.ledger = ledger
        self.node, self.data_api, self.clock = FakeNode(**payouts), FakeDataApi(), ManualClock()
        self.resolutions = Resolutions(self.node, self.data_api)
        self.told: list[Event] = []
        self.redeemer = PaperRedeemer("paper", ledger, self.resolutions, clock=self.clock, emit=self.told.append)

    def redeem(self, condition_id: str = CONDITION) -> RedemptionResult | None:
        return self.redeemer.redeem("paper", condition_id)

    def cash(self) -> int:
        return self.ledger.read((CASH,)).values[CASH]
