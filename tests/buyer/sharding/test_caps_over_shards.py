"""Caps hold over all shards: whoever looked at the same balances before, the ledger asks in the step that sends."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer.domain.token_shard import TokenShard
from buyer.execution.decision_writer import BuyerIdentity
from buyer.execution.exit_manager import ExitManager
from buyer.execution.exit_store import ExitStore
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.sharding.shard_ledger import ShardLedger
from buyer.strategy.limits import TradingLimits
from shared.clock import ManualClock
from shared.domain import ledger_accounts
from shared.domain.ledger_write import LedgerWrite, Result
from shared.domain.market import Book, MarketFacts
from shared.domain.record_kinds import EXITS
from shared.ledger.memory_ledger import MemoryLedger
from shared.ledger.port import open_lots
from shared.messages.decisions import BuyEngineDecision, Order, OrderUpdate, Outcome
from shared.messages.signals import ActionableSignal
from tests.amounts import D
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, a_book, a_market, a_signal, some_limits
from tests.buyer.fakes import FakeVenue

OF = 4
SHARDS = [TokenShard(number, OF) for number in range(OF)]
TOKENS = [next(str(token) for token in range(99) if shard.owns(str(token))) for shard in SHARDS]
COST = 4_997_200
"""What a buy of the default stake costs, in micro-units."""
DAY, *_ = ledger_accounts.days_accounts(NOW_MS // ledger_accounts.DAY_MS)


class Watched(MemoryLedger):
    """One ledger for all, which remembers the most that each account ever held."""

    def __init__(self, cash: int) -> None:
        super().__init__({"cash": cash, "deposited": cash})
        self.most: dict[str, int] = {}
        self.least_cash = cash

    def commit(self, write: LedgerWrite) -> Result:
        result = super().commit(write)
        self.most = {name: max(value, self.most.get(name, 0)) for name, value in self.values.items()} | {
            name: value for name, value in self.most.items() if name not in self.values
        }
        self.least_cash = min(self.least_cash, self.values.get("cash", 0))
        return result


class Slow(FakeVenue):
    """A venue during whose two waits (the turn before the intent, the answer after it) others may act."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def prepare(self, order: Order, facts: MarketFacts, now_ms: int) -> str:
        self._meanwhile()
        return super().prepare(order, facts, now_ms)

    def place(self, order: Order, facts: MarketFacts, prepared: str = "") -> Outcome:
        self._meanwhile()
        return super().place(order, facts, prepared)


class Prices:
    """Four tokens of one market, all with the same book, fresh at any time."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def facts(self, token_id: str) -> tuple[MarketFacts | None, str]:
        return a_market(token_id=token_id), ""

    def book(self, token_id: str) -> tuple[Book | None, str]:
        return a_book(token_id=token_id, at_ms=self._clock.now_ms()), ""


@dataclass
class House:
    """Several shards' engines over one ledger; `script` says who acts in each wait, and how often the clock moves."""

    limits: TradingLimits
    script: list[int] = field(default_factory=list[int])
    cash: int = 1_000_000_000

    def __post_init__(self) -> None:
        self.ledger, self.clock = Watched(self.cash), ManualClock(NOW_MS)
        self.prices = Prices(self.clock)
        self.told: list[BuyEngineDecision] = []
        self.sent = 0
        self.venue = Slow(self.meanwhile)
        self.busy: set[int] = set()
        self.engines = [self._engine(shard) for shard in SHARDS]
        self.desks = [
            ExitManager(engine, self._tasks(shard), self.prices, clock=self.clock, limits=self.limits)
            for engine, shard in zip(self.engines, SHARDS, strict=True)
        ]

    def _tasks(self, shard: TokenShard) -> ExitStore:
        return ExitStore(ShardLedger(self.ledger, shard), lambda: None)

    def _engine(self, shard: TokenShard) -> BuyExecutor:
        return BuyExecutor(
            journal=Journal(ShardLedger(self.ledger, shard), lambda: None),
            prices=self.prices,
            venue=self.venue,
            clock=self.clock,
            limits=self.limits,
            identity=BuyerIdentity("paper", "c", "v"),
            emit=self.told.append,
        )

    def meanwhile(self) -> None:
        """Let another shard that is not in the middle of something decide on its next signal."""
        number = self.script.pop(0) if self.script else OF
        if number < OF and number not in self.busy:
            self.act(number)

    def act(self, number: int) -> None:
        self.sent += 1
        self.busy.add(number)
        self.engines[number].process_actionable(self.signal(self.sent, TOKENS[number]))
        self.busy.discard(number)

    def signal(self, number: int, token_id: str) -> ActionableSignal:
        return a_signal(tx_hash="0x" + f"{number:064x}", token_id=token_id, traded_at_ms=self.clock.now_ms())

    def play(self) -> None:
        while self.script:
            number = self.script.pop(0)
            if number < OF:
                self.act(number)
            else:
                self.clock.advance(20)

    def orders(self) -> list[str]:
        """Return the signal of each intent, in order."""
        return [
            event.signal_id
            for _, event in self.ledger.events
            if isinstance(event, OrderUpdate) and event.state == "INTENT"
        ]


def a_house(script: list[int], **limits: Any) -> House:
    wide = {f"max_{name}_usdc": D(100_000) for name in ("market", "event", "group", "leader", "day", "total")}
    return House(some_limits(**{**wide, "max_orders_per_minute": 1000, "max_signal_age_s": 80_000, **limits}), script)


CAPPED = {
    "max_day_usdc": DAY,
    "max_total_usdc": ledger_accounts.TOTAL,
    "max_leader_usdc": f"leader:{LEADER}",
    "max_market_usdc": ledger_accounts.market_account(CONDITION),
    "max_event_usdc": "event:77",
}


@pytest.mark.pitfall(19)
@given(
    st.lists(st.sampled_from([0, 1, 2, 3, OF]), min_size=12, max_size=40),
    st.sampled_from([*sorted(CAPPED), "max_orders_per_minute", "cash"]),
    st.integers(1, 3),
)
def test_no_interleaving_of_shards_breaks_a_limit_or_sends_two_orders_for_a_signal(
    script: list[int], limit: str, buys: int
) -> None:
    amount = D(6 * buys)
    bound = {limit: amount} if limit in CAPPED else {}
    house = a_house(script, **({"max_orders_per_minute": buys} if limit == "max_orders_per_minute" else bound))
    if limit == "cash":
        house.ledger.values["cash"] = house.ledger.least_cash = amount

    house.play()

    if limit in CAPPED:
        assert house.ledger.most.get(CAPPED[limit], 0) <= amount
    if limit == "max_orders_per_minute":
        assert house.ledger.most.get(ledger_accounts.RATE_ORDERS, 0) <= buys
    assert house.ledger.least_cash >= 0
    assert len(set(house.orders())) == len(house.orders()) == len(house.venue.placed)
    assert len({decision.signal_id for decision in house.told}) == len(house.told) == house.sent


def test_what_four_shards_decide_at_once_is_refused_by_name_where_only_two_fit() -> None:
    """Each looked before any of them sent: every one's own rules passed."""
    for name, account in CAPPED.items():
        house = a_house([0, 1, 2, 3, OF], **{name: D(11)})
        house.play()

        assert len(house.orders()) == 2
        refused = [decision for decision in house.told if decision.verdict == "SKIP"]
        assert [decision.reason for decision in refused] == ["ledger", "ledger"]
        for decision in refused:
            rule = decision.rules[-1]
            assert (rule.rule, rule.value.partition("=")[0], rule.limit) == ("ledger", account, "11")


def test_the_minutes_orders_count_over_all_shards_also_where_it_turns_between_look_and_intent() -> None:
    house = a_house([0, 1, 2, 3, OF], max_orders_per_minute=3)
    house.ledger.values |= {ledger_accounts.RATE_MINUTE: NOW_MS // 60_000 - 1, ledger_accounts.RATE_ORDERS: 3}

    house.play()

    assert len(house.orders()) == 3
    assert [decision.rules[-1].value for decision in house.told if decision.verdict == "SKIP"] == ["rate:orders=4"]
    assert house.ledger.values[ledger_accounts.RATE_MINUTE] == NOW_MS // 60_000


@pytest.mark.pitfall(23)
def test_each_lot_is_sold_by_its_own_shard_once_while_all_desks_look_at_the_same_ledger() -> None:
    house = a_house([])
    for number in (0, 1, 2, 3):
        house.act(number)
    lots = open_lots(house.ledger)
    house.ledger.values[ledger_accounts.FLATTEN] = 1
    sold: list[list[str]] = []

    for _ in range(6):
        house.clock.advance(61)
        for number, desk in enumerate(house.desks):
            before = len(house.venue.placed)
            desk.work_due()
            sold += [[order.token_id, TOKENS[number]] for order in house.venue.placed[before:]]

    assert len(lots) == OF
    assert open_lots(house.ledger) == []
    assert sorted(sold) == sorted([token, token] for token in TOKENS)
    assert house.ledger.records(EXITS) == {}
