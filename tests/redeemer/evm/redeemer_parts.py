"""A redeemer at its fixture: the product's own parts on the evm's chain, with a ledger in memory."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from redeemer.domain.contract_calls import Route, WalletKind, redeem_calls, safe_call
from redeemer.domain.transaction_rules import TransactionRules
from redeemer.redemption.holdings import Holdings
from redeemer.redemption.live_redeemer import LiveRedeemer, RedeemerSetup
from redeemer.redemption.payout_verifier import PayoutVerifier
from redeemer.redemption.planner import LivePlan
from redeemer.redemption.redemption_ledger import RedemptionLedger
from redeemer.redemption.resolutions import ChainReader
from redeemer.transactions.call_sender import OwnerSender
from redeemer.transactions.manager import TransactionManager
from redeemer.transactions.node_client import NodeClient
from shared.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.http.client import Upstream
from shared.ledger.memory_ledger import MemoryLedger
from shared.ledger.port import Ledger
from shared.messages.base import REDEMPTIONS, Event
from shared.messages.redemptions import RedemptionAlarm, RedemptionResult
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.positions import RedeemablePositions
from shared.rate_limit.gate import GateLane
from tests.redeemer.builders import ANN, a_lot, hold
from tests.redeemer.evm.evm_fixture import EvmFixture, Market
from tests.redeemer.evm.node import GWEI, EvmNode

CONFIRMATIONS = 3


class MiningClock(ManualClock):
    """Whoever waits sees a block being made, as on a chain."""

    def __init__(self, node: EvmNode) -> None:
        super().__init__()
        self.node = node
        self.mining = True

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if self.mining:
            self.node.mine()
        return super().wait(event, seconds)


class FakePositions:
    """The Data API's lists: what it says is redeemable, and who redeemed what where."""

    def __init__(self) -> None:
        self.redeemable: list[str] = []
        self.redeemed: dict[str, list[str]] = {}
        self.away = False

    def get(self, path: str, params: Mapping[str, Any] | None = None, /, *, lane: GateLane) -> Any:
        assert lane is GateLane.CATCHUP
        if self.away:
            raise Unavailable("the Data API did not answer")
        asked = params or {}
        if path == "/v2/activity":
            hashes = self.redeemed.get(str(asked["condition"]), [])
            return {"data": [{"type": "REDEEM", "transaction_hash": each} for each in hashes]}
        rows = self.redeemable if asked["status"] == "REDEEMABLE" else []
        return {"data": [{"condition_id": each, "redeemable": True} for each in rows]}


class LiveRedeemerFixture:
    """One live wallet's redeemer; `changes` replace addresses of the contracts' table."""

    def __init__(
        self,
        evm: EvmFixture,
        *,
        wallet: str = "",
        kind: WalletKind = "eoa",
        route: Route = "adapter",
        least: int = 1,
        merge: bool = False,
        ledger: Ledger | None = None,
        **changes: str,
    ) -> None:
        self.evm, self.node = evm, evm.node
        self.wallet = wallet or evm.signer.address
        self.contracts = replace(evm.contracts, **cast("dict[str, Any]", changes))
        self.ledger = ledger or MemoryLedger()
        self.clock = MiningClock(evm.node)
        self.told: list[Event] = []
        self.stop = threading.Event()
        self.api = FakePositions()
        polygon = PolygonClient(cast("Upstream", evm.node))
        node = self.chain_node = NodeClient(polygon)
        chain = ChainReader(
            evm.node, self.contracts.conditional_tokens, position_manager=self.contracts.position_manager
        )
        holdings, positions = Holdings(chain, self.wallet, self.contracts), RedeemablePositions(self.api)
        rules = TransactionRules(
            evm.node.chain_id,
            500 * GWEI,
            CONFIRMATIONS,
            stuck_after_ms=30_000,
            pol_warning=0,
            pol_price=Decimal("0.1"),
        )
        self.transactions = TransactionManager(evm.signer, node, self.ledger, lambda: None, rules, clock=self.clock)
        verifier = PayoutVerifier(
            self.wallet, self.contracts, node, self.ledger, holdings, positions,
            confirmations=CONFIRMATIONS, fence=lambda: None, clock=self.clock, emit=self.told.append,
        )  # fmt: skip
        sender = OwnerSender(self.transactions, self.wallet, kind, self.contracts)
        self.plan = LivePlan(
            self.wallet, self.ledger, chain, holdings, positions, least=least, merge=merge, cost=sender.redemption_cost
        )
        paper = RedeemerSetup(self.wallet, route, self.contracts)
        self.redeemer = LiveRedeemer(
            paper, self.plan, sender, RedemptionLedger(self.ledger), verifier, None, clock=self.clock, stop=self.stop
        )

    def lots(self, market: Market, yes: int, no: int = 0, *, cost: int = 0) -> None:
        """Book what the wallet holds as Ann's lots."""
        for place, shares in enumerate((yes, no)):
            if shares:
                lot = a_lot(
                    leader=ANN, token_id=market.tokens[place], condition_id=market.condition_id, outcome_index=place,
                    shares=shares, cost=cost,
                )  # fmt: skip
                hold(self.ledger, lot, seed=f"{market.condition_id}{place}")

    def hold(self, market: Market, yes: int, no: int = 0, *, cost: int = 0) -> None:
        """Give the wallet shares, and book them."""
        self.evm.give(market, self.wallet, yes, no)
        self.lots(market, yes, no, cost=cost)

    def redeem(self, market: Market) -> RedemptionResult | None:
        return self.redeemer.redeem(self.wallet, market.condition_id)

    def call_of(self, market: Market) -> dict[str, str]:
        """Return the Safe's call that redeems one market, as a node is asked about it."""
        due = self.plan.judge_conditions([market.condition_id])[0]
        one = safe_call(
            self.wallet, self.transactions.address, redeem_calls(due, "adapter", self.contracts), self.contracts
        )
        return {"from": self.transactions.address, "to": one.to, "data": one.data}

    def states(self, *markets: Market) -> list[str]:
        return [due.state for due in self.plan.judge_conditions([market.condition_id for market in markets])]

    def published(self) -> list[RedemptionResult]:
        assert isinstance(self.ledger, MemoryLedger)
        return [
            event
            for stream, event in self.ledger.events
            if stream == REDEMPTIONS and isinstance(event, RedemptionResult)
        ]

    def alarms(self) -> list[RedemptionAlarm]:
        assert isinstance(self.ledger, MemoryLedger)
        return [event for _, event in self.ledger.events if isinstance(event, RedemptionAlarm)]

    def pusd(self) -> int:
        return self.evm.balance(self.contracts.pusd, self.wallet)
