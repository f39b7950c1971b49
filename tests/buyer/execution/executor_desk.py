"""An engine with all its parts in reach, of which only the ledger outlives a restart."""

from dataclasses import dataclass, field

from buyer.execution.decision_writer import BuyerIdentity
from buyer.execution.exit_manager import ExitManager
from buyer.execution.exit_store import ExitStore
from buyer.execution.exits.other_side import OtherSide
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.strategy.limits import TradingLimits
from shared.clock import ManualClock
from shared.domain.ledger_write import FencingToken
from shared.domain.money import Shares
from shared.ledger.memory_ledger import MemoryLedger
from shared.messages.decisions import BuyEngineDecision
from shared.messages.signals import ActionableSignal
from tests.buyer.builders import NOW_MS, some_limits
from tests.buyer.fakes import FakePrices, FakeVenue


@dataclass
class Desk:
    """An engine with all its parts in reach."""

    limits: TradingLimits = field(default_factory=some_limits)
    ledger: MemoryLedger = field(default_factory=lambda: MemoryLedger({"cash": 1_000_000_000}))
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW_MS))
    prices: FakePrices = field(default_factory=FakePrices)
    venue: FakeVenue = field(default_factory=FakeVenue)
    told: list[BuyEngineDecision] = field(default_factory=list[BuyEngineDecision])
    found: dict[str, ActionableSignal] = field(default_factory=dict[str, ActionableSignal])

    def __post_init__(self) -> None:
        self.restart()

    def restart(self, journal: Journal | None = None) -> None:
        """Build the engine again, as after a crash: only the ledger lives on."""
        self.journal = journal or Journal(self.ledger, lambda: FencingToken("lease", "1"))
        tasks = ExitStore(self.ledger, lambda: FencingToken("lease", "1"))
        self.engine = BuyExecutor(
            journal=self.journal,
            prices=self.prices,
            venue=self.venue,
            clock=self.clock,
            limits=self.limits,
            identity=BuyerIdentity("paper", self.limits.id, "test"),
            emit=self.told.append,
            signal_of=self.found.get,
            in_wallet=self.in_wallet,
            sell_first=OtherSide(tasks, self.clock).sell_first,
        )
        self.exits = ExitManager(
            self.engine, tasks, self.prices, clock=self.clock, limits=self.limits, in_wallet=self.in_wallet
        )

    def in_wallet(self, token_id: str) -> Shares | None:
        """Return how much of a token the wallet holds; None where nothing is doubted."""
        del token_id
        return None

    def decisions(self) -> list[BuyEngineDecision]:
        """Return what is on the decisions stream."""
        return [event for _, event in self.ledger.events if isinstance(event, BuyEngineDecision)]
