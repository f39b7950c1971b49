"""Whatever comes in whatever order: no exit sells below its floor, and the wallet never differs without a word.

Books, a leader's trades and those taken back, sales by hand through us and past us, restarts and unknown outcomes.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from buyer.domain.wallet_comparison import CRUMB
from buyer.execution.exit_store import ExitStore
from buyer.execution.order_precedence import NotSettled
from buyer.recovery.recent_purchases import Purchase
from buyer.recovery.retractions import Retractions
from buyer.recovery.wallet_watch import WalletLook, WalletWatch
from buyer.strategy.exits.exit_floor import TYPED, floor_price
from shared.domain.errors import OutcomeUnknown
from shared.domain.ledger_accounts import CASH, DEPOSITED, SHARES
from shared.domain.ledger_write import Balances, LedgerRecord, LedgerWrite
from shared.domain.market import Side
from shared.domain.money import MICRO, Shares, Usdc
from shared.domain.record_kinds import SALES, WALLET
from shared.ledger.memory_ledger import MemoryLedger
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import fact_id
from shared.messages.decisions import BuyEngineDecision, Order, Outcome
from shared.messages.service import WalletApart
from shared.messages.signals import ActionableSignal, FillRetracted
from shared.polymarket.wallet_balances import ChainBalances
from tests.amounts import D
from tests.buyer.builders import LEADER, a_book, a_signal, some_limits
from tests.buyer.execution.executor_desk import Desk
from tests.buyer.execution.test_buyer_over_restarts import BOOKS, ShowingPrices, WalkingVenue

STANDING = ("even", "fallen", "thin")
"""Books that stand; the best bid of the worst is 0.30."""
MOMENTARY = {"stub": a_book(bids=(("0.01", "5000"),), asks=(("0.99", "5"),)), "empty": BOOKS["empty"]}
"""Books of a moment: makers that are away, and what somebody puts in their place."""
LEAST = D("0.30") * 20 // 100
"""The end of every floor: 80% below the least that any lot was worth for some seconds."""
TOKENS = (str(7 * 10**76 + 1), str(7 * 10**76 + 5))
"""Of two markets, by ids of the kind that ConditionalTokens is asked for."""
LIMITS = some_limits(stop_loss_pct=D(20), max_market_usdc=D(50), max_total_usdc=D(400))
AGAIN_S = 30.0
BEGIN = 1_000_000_000


class WholeLedger(MemoryLedger):
    """A ledger in memory that can be compared with a wallet."""

    def whole(self, kinds: Sequence[str]) -> Balances:
        records = {(kind, name): text for kind in kinds for name, text in self.records(kind).items()}
        return Balances(self.seq, {name: value for name, value in self.values.items() if value}, frozenset(), records)


class Wallet(WalkingVenue):
    """A venue that settles in a wallet of its own, and refuses to sell what is not there."""

    def __init__(self, prices: ShowingPrices) -> None:
        super().__init__(prices)
        self.cash = BEGIN
        self.shares: dict[str, int] = {}
        self.sold: list[tuple[Order, Outcome]] = []

    def place(self, order: Order, facts: Any, prepared: str = "") -> Outcome:
        held = self.shares.get(order.token_id, 0)
        if order.side == "SELL" and order.shares > held:
            return Outcome(state="REJECTED", shares=Shares(0), usdc=Usdc(0), fee=Usdc(0), reason="not enough balance")
        unknown, self.unknown = self.unknown, 0  # the venue took it, and its answer is lost
        got = super().place(order, facts, prepared)
        sign = 1 if order.side == "BUY" else -1
        self.shares[order.token_id] = held + sign * got.shares
        self.cash -= sign * got.usdc + got.fee
        if order.side == "SELL":
            self.sold.append((order, got))
        self.last = got
        if unknown:
            raise OutcomeUnknown(f"order {order.id}: no answer")
        return got

    def find(self, order: Order, facts: Any, prepared: str = "") -> Outcome | None:
        del facts, prepared
        return self.last if self.placed and self.placed[-1].id == order.id else None

    def read(self, token_ids: tuple[str, ...]) -> ChainBalances:
        return ChainBalances(1, self.now_ms, self.cash, {token: self.shares.get(token, 0) for token in token_ids})

    def resolved(self, _condition_ids: tuple[str, ...]) -> frozenset[str]:
        return frozenset()

    now_ms = 0


class WatchedDesk(Desk):
    """A desk whose wallet is compared with its ledger."""

    watch: WalletWatch | None = None

    def in_wallet(self, token_id: str) -> Shares | None:
        return self.watch.held(token_id) if self.watch else None


class OwnersDay(RuleBasedStateMachine):
    """A leader, a market, an owner with a mind of their own, and a buyer that restarts."""

    @initialize()
    def open_desk(self) -> None:
        self.ledger = WholeLedger({CASH: BEGIN, DEPOSITED: BEGIN})
        self.desk = WatchedDesk(limits=LIMITS, ledger=self.ledger)
        self.prices = self.desk.prices = ShowingPrices()
        self.wallet = self.desk.venue = Wallet(self.prices)
        self.signals: list[ActionableSignal] = []
        self.prices.show("", "even", self.desk.clock.now_ms())
        self.restart()

    @rule(side=st.sampled_from(["BUY", "BUY", "SELL"]), token=st.sampled_from(TOKENS), book=st.sampled_from(STANDING))
    def leader_trades(self, side: Side, token: str, book: str) -> None:
        self.desk.clock.advance(61)
        self.show(BOOKS[book])
        signal = a_signal(
            token_id=token,
            side=side,
            tx_hash=f"0x{len(self.signals):064x}",
            traded_at_ms=self.desk.clock.now_ms() - 1000,
        )
        self.signals.append(signal)
        self.attempt(lambda: self.desk.engine.process_actionable(signal))

    @precondition(lambda self: bool(self.signals))
    @rule(which=st.integers(0, 50))
    def trade_is_taken_back(self, which: int) -> None:
        of = self.signals[which % len(self.signals)]
        gone = FillRetracted(
            id=fact_id("gone", of.id), emitted_at_ms=1, signal_id=of.id, leader=of.leader, tx_hash=of.tx_hash,
            token_id=of.token_id, side=of.side, source="chain_logs", seen_at_ms=1, reason="reorganised",
        )  # fmt: skip
        self.attempt(lambda: self.retractions.take(gone))

    @rule(seconds=st.integers(1, 25), book=st.sampled_from(STANDING), moment=st.sampled_from(["", *MOMENTARY]))
    def time_passes(self, seconds: int, book: str, moment: str) -> None:
        """Show a book for a while, after one of a moment."""
        for at in range(seconds + 12):
            self.desk.clock.advance(1.5)
            self.show(MOMENTARY[moment] if moment and at < 2 else BOOKS[book])
            self.attempt(self.desk.exits.work_due)

    @rule(token=st.sampled_from(TOKENS), typed=st.sampled_from([None, "0.2", "0.02"]))
    def owner_asks_us_to_sell(self, token: str, typed: str | None) -> None:
        for lot in open_lots(self.ledger):
            if lot.token_id == token:
                floor = "null" if typed is None else str(D(typed))
                wish = f'{{"floor": {floor}, "at_ms": {self.desk.clock.now_ms()}}}'
                self.ledger.commit(
                    LedgerWrite(id=f"wish:{self.ledger.seq}", records=(LedgerRecord(SALES, lot.key, wish),))
                )

    @rule(token=st.sampled_from(TOKENS), percent=st.sampled_from([10, 50, 100, -20]))
    def owner_moves_shares(self, token: str, percent: int) -> None:
        """Sell, or buy, at the venue's own site."""
        held = self.wallet.shares.get(token, 0)
        self.wallet.shares[token] = held - held * percent // 100

    @rule()
    def answer_is_lost(self) -> None:
        self.wallet.unknown = 1

    @rule()
    def restart(self) -> None:
        self.desk.restart()
        exits = ExitStore(self.ledger, lambda: None)
        self.retractions = Retractions(
            self.desk.engine, self.desk.journal, exits, self.bought, limits=LIMITS, clock=self.desk.clock
        )
        ledger, stop = cast("RedisLedger", self.ledger), threading.Event()
        stop.set()  # no thread of its own: the test looks
        look = WalletLook(ledger, self.wallet, self.index, self.desk.clock)
        self.watch = WalletWatch(look, ledger, clock=self.desk.clock, every_s=180, again_s=AGAIN_S, stop=stop)
        self.watch.start()
        self.desk.watch = self.watch
        for intent in self.desk.journal.open_intents().values():
            self.desk.engine.resume(intent)

    @rule()
    def two_looks_say_what_differs(self) -> None:
        for _ in range(2):
            self.desk.clock.advance(AGAIN_S + 1)
            self.wallet.now_ms = self.desk.clock.now_ms()
            self.watch.look()

        lots = self.lots()
        apart = {token for token in TOKENS if self.differs(token, lots)}
        assert apart <= self.ledger.records(WALLET).keys()
        assert {name for name in self.ledger.records(WALLET) if name in TOKENS} == apart
        told = [event for _, event in self.ledger.events if isinstance(event, WalletApart)]
        assert apart <= {event.token_id for event in told}

    @invariant()
    def no_exit_sold_below_its_floor(self) -> None:
        for decision in self.decisions():
            task, order = decision.exit, decision.order
            if decision.verdict != "SELL" or task is None or order is None:
                continue
            assert order.limit_price >= floor_price(task, LIMITS)
            if task.source != TYPED:
                assert order.limit_price >= LEAST
        assert all(got.usdc * MICRO >= order.limit_price * got.shares - MICRO for order, got in self.wallet.sold)

    @invariant()
    def only_what_the_owner_did_sets_wallet_and_ledger_apart(self) -> None:
        values = self.ledger.values
        assert all(value >= 0 for name, value in values.items() if name.startswith((SHARES, CASH)))
        if not self.desk.journal.open_intents():
            assert abs(values[CASH] - self.wallet.cash) <= CRUMB

    def attempt(self, step: Any) -> None:
        try:
            step()
        except OutcomeUnknown:
            self.restart()
        except NotSettled:
            pass

    def show(self, book: Any) -> None:
        self.prices.next_book = replace(book, at_ms=self.desk.clock.now_ms())

    def bought(self, signal_id: str) -> Purchase | None:
        found = [one for one in self.decisions() if one.signal_id == signal_id]
        outcome = found[0].outcome if found else None
        return Purchase(outcome.shares if outcome else Shares(0), pending=False) if found else None

    def decisions(self) -> list[BuyEngineDecision]:
        return self.desk.decisions()

    def lots(self) -> Mapping[str, int]:
        return {token: self.ledger.values.get(f"{SHARES}{LEADER}:{token}", 0) for token in TOKENS}

    def index(self) -> dict[str, int]:
        """Return what the venue's index shows: it alone names shares of which no lot is left."""
        return {token: shares for token, shares in self.wallet.shares.items() if shares}

    def differs(self, token: str, lots: Mapping[str, int]) -> bool:
        return abs(self.wallet.shares.get(token, 0) - lots[token]) >= CRUMB


TestOwnersDay = pytest.mark.pitfall(39)(pytest.mark.pitfall(53)(OwnersDay.TestCase))
TestOwnersDay.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
