"""A live engine with its settlement, whose ledger and exchange outlive a restart."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from buyer.domain.order_result import TradeState
from buyer.execution.decision_writer import BuyerIdentity
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.execution.unresolved_orders import ANSWERS_NEEDED, SHOWN_WITHIN_S
from buyer.settlement.worker import SettlementWorker
from buyer.settlement.writer import SettlementWriter
from buyer.strategy.limits import TradingLimits
from shared.clock import ManualClock
from shared.domain.errors import OutcomeUnknown
from shared.domain.ledger_write import FencingToken
from shared.ledger.gated_commit import GateTurns
from shared.ledger.memory_ledger import MemoryLedger
from shared.messages.decisions import OrderUpdate
from shared.rate_limit.gate import RateGate
from shared.rate_limit.limits import GateLane
from tests.buyer.builders import NOW_MS, some_limits
from tests.buyer.fakes import FakePrices
from tests.buyer.settlement.exchange import Exchange
from tests.buyer.settlement.trade_feeds import Silence

CASH = 1_000_000_000


class Gate:
    """The gate of orders: it lets one through after what happens `meanwhile`."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self.meanwhile = meanwhile

    def acquire(self, stop: threading.Event, lane: GateLane) -> bool:
        del stop, lane
        self.meanwhile()
        return True


@dataclass
class LiveDesk:
    """A live engine with all its parts in reach; a restart keeps the ledger and the exchange."""

    feed: Any = field(default_factory=Silence)

    limits: TradingLimits = field(default_factory=some_limits)
    ledger: MemoryLedger = field(default_factory=lambda: MemoryLedger({"cash": CASH, "deposited": CASH}))
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW_MS))
    prices: FakePrices = field(default_factory=FakePrices)
    exchange: Exchange = field(default_factory=Exchange)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.journal = Journal(self.ledger, lambda: FencingToken("lease", "1"))
        settling = SettlementWriter(self.ledger, lambda: FencingToken("lease", "1"))
        self.settlement = SettlementWorker(settling, self.exchange, self.feed, clock=self.clock)
        self.engine = BuyExecutor(
            journal=self.journal,
            prices=self.prices,
            venue=self.exchange,
            clock=self.clock,
            limits=self.limits,
            identity=BuyerIdentity("live", self.limits.id, "test"),
            emit=self.settlement.watch,
        )

    def hold_orders(self, meanwhile: Callable[[], object]) -> None:
        """Let each order wait for its turn from now on, while this happens."""
        self.exchange.turns = GateTurns(cast("RateGate", Gate(meanwhile)), threading.Event())
        self.journal.send_at(self.exchange.turns)

    def recover(self) -> None:
        """Finish what a crash left, as the service does first."""
        for signal_id, intent in self.journal.open_intents().items():
            self.engine.resume(intent, self.journal.signed(signal_id))

    def recover_until_known(self) -> None:
        """Ask again and again what became of what a crash left, as the service does."""
        for _ in range(ANSWERS_NEEDED):
            with contextlib.suppress(OutcomeUnknown):
                self.recover()
                return
            self.clock.advance(SHOWN_WITHIN_S / (ANSWERS_NEEDED - 1))
        raise AssertionError("its outcome is not known yet")

    def settle(self, state: TradeState = "CONFIRMED") -> None:
        """Let every open trade end, and the settlement look."""
        self.exchange.trades.update({name: state for name, now in self.exchange.trades.items() if now == "PENDING"})
        self.look()

    def look(self) -> None:
        self.clock.advance(3)
        self.settlement.step()

    def states(self) -> list[str]:
        return [event.state for _, event in self.ledger.events if isinstance(event, OrderUpdate)]

    def money(self) -> dict[str, int]:
        return {name: value for name, value in self.ledger.values.items() if not name.startswith("rate:")}

    def at_rest(self) -> bool:
        return not (self.journal.open_intents() or self.journal.unsettled())
