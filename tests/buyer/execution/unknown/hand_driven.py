"""A live buyer and the local venue on one clock that only tests move: ten minutes of trouble pass in a second."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import SecretStr

from buyer.consumer import SignalConsumer
from buyer.execution.decision_writer import BuyerIdentity
from buyer.execution.exit_manager import ExitManager
from buyer.execution.exit_store import ExitStore
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.market_data.price_feed import MarketPriceFeed
from buyer.recovery.retractions import Retractions
from buyer.settlement.worker import SettlementWorker
from buyer.settlement.writer import SettlementWriter
from buyer.venue.polymarket.account import AccountApi
from buyer.venue.polymarket.account_requests import api_key
from buyer.venue.polymarket.client import PolymarketVenue
from buyer.venue.polymarket.credentials import RequestHeaders
from buyer.venue.polymarket.order_signing import TradingWallet, WalletKind
from buyer.venue.polymarket.signer import OrderSigner, checksummed
from shared.clock import ManualClock
from shared.domain.ledger_write import FencingToken, KnownWrite, LedgerWrite, Result, WrittenStep
from shared.domain.market import Book, MarketFacts
from shared.domain.record_kinds import INTENTS, ORDERS
from shared.http.client import Upstream
from shared.ledger.gated_commit import GateTurns
from shared.ledger.memory_ledger import MemoryLedger
from shared.ledger.port import open_lots
from shared.messages.base import fact_id
from shared.messages.decisions import BuyEngineDecision
from shared.messages.events import write_event
from shared.messages.signals import ActionableSignal
from shared.polymarket.polygon import PolygonClient
from shared.rate_limit.gate import RateGate
from shared.redis.consumer_group import GroupReader
from shared.redis.lease import Lease
from shared.redis.streams import StreamEntry
from simulator import Simulator
from tests.amounts import D
from tests.buyer.builders import a_market, a_signal, levels, some_limits
from tests.buyer.settlement.trade_feeds import Silence

CASH = 1_000_000_000
KEY = SecretStr("5a" * 32)
STOP = threading.Event()


class OneClock(ManualClock):
    """The buyer's and the venue's time."""

    def __init__(self, sim: Simulator) -> None:
        super().__init__(sim.world.now_ms())
        self._sim = sim

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self._sim.advance(seconds)


class AckedLedger(MemoryLedger):
    """A ledger that knows what was acknowledged with its steps."""

    def __init__(self) -> None:
        super().__init__({"cash": CASH, "deposited": CASH})
        self.acked: set[str] = set()

    def commit(self, write: LedgerWrite) -> Result:
        result = super().commit(write)
        if write.ack and isinstance(result, WrittenStep | KnownWrite):
            self.acked.add(write.ack.entry)
        return result


class Stream:
    """The signals, delivered until they are acknowledged."""

    stream, group, trimmed, emptied = "hs:signals", "buyer", 0, False

    def __init__(self, entries: Sequence[StreamEntry], ledger: AckedLedger) -> None:
        self._entries, self._ledger, self._read = entries, ledger, 0

    def read(self) -> list[StreamEntry]:
        found = [entry for entry in self._entries[self._read :] if entry.id not in self._ledger.acked]
        self._read = len(self._entries)
        return found

    def recover(self) -> None:
        self._read = 0

    def ack(self, *names: str) -> None:
        self._ledger.acked.update(names)


class Held:
    """A lease that is ours."""

    holder, overdue, token = "buyer@here", False, "1"

    def renew(self) -> None:
        pass


class OpenGate:
    """A gate without a limit."""

    def acquire(self, stop: threading.Event, lane: object) -> bool:
        del stop, lane
        return True

    def succeeded(self) -> None:
        pass

    def throttled(self, after_s: float | None) -> None:
        del after_s


class HandPrices:
    """The venue's markets, each with a book of 0.49 to 0.50."""

    def __init__(self, sim: Simulator, clock: ManualClock) -> None:
        self._sim, self._clock = sim, clock

    def facts(self, token_id: str) -> tuple[MarketFacts | None, str]:
        market = self._sim.world.catalog.by_token[token_id]
        place = market.tokens.index(token_id)
        named = {"condition_id": market.condition_id, "outcome_index": place, "neg_risk": market.neg_risk}
        return a_market(token_id=token_id, fee_rate=D(market.fee_rate), event_id=market.slug, **named), ""

    def book(self, token_id: str) -> tuple[Book | None, str]:
        bids, asks = levels(("0.49", "1000")), levels(("0.5", "1000"))
        return Book.of(token_id, self._clock.now_ms(), bids, asks), ""

    def warm(self, tokens: Sequence[str]) -> None:
        del tokens


@dataclass
class HandDriven:
    """The buyer's own service, engine, venue and settlement, without threads; a restart keeps the ledger alone."""

    sim: Simulator
    entries: list[StreamEntry] = field(default_factory=list[StreamEntry])
    ledger: AckedLedger = field(default_factory=AckedLedger)
    told: list[BuyEngineDecision] = field(default_factory=list[BuyEngineDecision])

    def __post_init__(self) -> None:
        self.clock, self.signer = OneClock(self.sim), OrderSigner(KEY)
        self.wallet = self.sim.fund(self.signer.address, "1000")
        for token in self.tokens:
            self.offer(token)
        self.restart()

    def offer(self, token: str, asks: Sequence[tuple[str, str]] = (("0.5", "1000"),)) -> None:
        """Let these asks stand in a token's book."""
        traders, levels_of = self.sim._app.traders, [list(level) for level in asks]
        self.sim.call(lambda: traders.set_book(token, [["0.49", "1000"]], levels_of))

    @property
    def tokens(self) -> list[str]:
        """Return one token of each market."""
        return [market.tokens[0] for market in self.sim.markets]

    def restart(self) -> None:
        """Build the buyer, again."""
        clob = self._upstream("clob", self.sim.urls["clob_url"])
        requests = RequestHeaders(self.signer.address, api_key(clob, self.signer, self.clock))
        polygon = PolygonClient(self._upstream("rpc", self.sim.urls["rpc_url"]))
        self.account = AccountApi(clob, requests, polygon, clock=self.clock)
        wallet = TradingWallet(WalletKind.DEPOSIT, checksummed(self.wallet), self.signer.address)
        turns = GateTurns(cast("RateGate", OpenGate()), STOP)
        self.venue = PolymarketVenue(
            clob, turns, self.account, signer=self.signer, wallet=wallet, requests=requests, clock=self.clock
        )
        fence = FencingToken("lease", "1")
        self.journal, settling = Journal(self.ledger, lambda: fence), SettlementWriter(self.ledger, lambda: fence)
        self.settlement = SettlementWorker(settling, self.account, Silence(), clock=self.clock)
        self.prices, limits = HandPrices(self.sim, self.clock), some_limits()
        self.engine = BuyExecutor(
            journal=self.journal,
            prices=self.prices,
            venue=self.venue,
            clock=self.clock,
            limits=limits,
            identity=BuyerIdentity("live", limits.id, "test"),
            emit=self._tell,
        )
        self.service = SignalConsumer(
            executor=self.engine,
            journal=self.journal,
            prices=cast("MarketPriceFeed", self.prices),
            lease=cast("Lease", Held()),
            reader=cast("GroupReader", Stream(self.entries, self.ledger)),
            clock=self.clock,
            bankroll=lambda: CASH,
            settlement=self.settlement,
            exit_manager=ExitManager(
                self.engine,
                ExitStore(self.ledger, lambda: fence),
                self.prices,
                clock=self.clock,
                limits=limits,
            ),
            retractions=Retractions(
                self.engine,
                self.journal,
                ExitStore(self.ledger, lambda: fence),
                lambda _: None,
                limits=limits,
                clock=self.clock,
            ),
        )

    def publish(self, number: int = 1, token: str = "", **changes: Any) -> ActionableSignal:
        """Let the detector tell of a leader's trade just now."""
        now_ms = self.clock.now_ms()
        times = {"traded_at_ms": now_ms, "seen_at_ms": now_ms, "emitted_at_ms": now_ms}
        named = {"id": fact_id("signal", number), "tx_hash": "0x" + fact_id("tx", number)}
        signal = a_signal(**{"token_id": token or self.tokens[0], **times, **named, **changes})
        fields = {"event": signal.event, "json": write_event(signal)}
        self.entries.append(StreamEntry("hs:signals", f"{number}-0", fields))
        return signal

    def run(self, seconds: float, step_s: float = 1.0) -> None:
        """Let buyer, settlement and venue work for so long."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            self.service._keep_trying(STOP, lambda: self.service._consume_once(STOP))
            self.settlement._listen_once()
            assert self.settlement.failure is None
            self.clock.advance(step_s)

    def requests(self, path: str) -> int:
        """Return how often the venue was asked for a path."""
        return len(
            [asked for asked in self.sim._app.control._requests.after(0, "clob", 100_000) if path in asked.route]
        )

    def orders(self) -> list[dict[str, Any]]:
        """Return the venue's own record of our orders."""
        return self.sim._app.traders.orders(lambda _: True)

    def under_way(self) -> tuple[list[str], list[str]]:
        """Return what has no outcome, and what can still fail."""
        return list(self.ledger.records(INTENTS)), list(self.ledger.records(ORDERS))

    def held(self) -> dict[str, int]:
        """Return the shares of the ledger's lots by token."""
        return {lot.token_id: lot.shares for lot in open_lots(self.ledger)}

    def agrees(self) -> None:
        """Check that the ledger is what the venue's record says, to the micro-unit, and that nothing is under way."""
        venue = self.sim._app.traders.account(self.sim._app.exchange.accounts.by_wallet[self.wallet])
        assert self.under_way() == ([], [])
        assert self.held() == venue["shares_micro"]
        assert self.ledger.values["cash"] == venue["cash_micro"]
        assert len(self.ledger.acked) == len(self.entries)

    def _tell(self, decision: BuyEngineDecision) -> None:
        self.told.append(decision)
        self.settlement.watch(decision)

    def _upstream(self, name: str, url: str) -> Upstream:
        return Upstream(name, url, [], clock=self.clock, stop=STOP, timeout_s=5.0)
