"""Runs side by side read a history once, and each comes to what it comes to alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from backtest.backtest import run_backtest, run_side_by_side
from backtest.domain.market_events import MarketEvent
from backtest.simulation.latency import ConstantDelay, Delay, RecordedDelay
from shared.messages.signals import ActionableSignal
from tests.backtest.histories import MICRO, OTHER_TOKEN, a_trade, at, models, other_outcome, resolves
from tests.buyer.builders import a_market, some_settings

DELAYS = (ConstantDelay(0), ConstantDelay(2000), RecordedDelay(), ConstantDelay(90_000), ConstantDelay(10**7))
STAKES = ("--max-day-usdc", "100000", "--max-market-usdc", "100000")
STOPS = ("--stop-loss-pct", "5", "--max-signal-age-s", "100", "--no-check-own-exits")
CAPS = (*STAKES, *STOPS, "--slippage-bound", "larger")
TRADES = 60


def a_history(read: list[int]) -> Iterator[MarketEvent]:
    """Yield trades of two outcomes, facts, and what the market paid; `read` takes the time of each that is read."""
    events = [
        (a_trade if n % 3 else other_outcome)(10 * n, f"0.{20 + n * 7 % 60}", side="SELL" if n % 6 == 5 else "BUY")
        for n in range(TRADES)
    ]
    events.insert(20, MarketEvent(events[20].at_ms, a_market(token_id=OTHER_TOKEN, outcome_index=1)))
    for event in [*events, resolves(10 * TRADES, "1", "0"), a_trade(20 * TRADES)]:
        read.append(event.at_ms)
        yield event


def test_each_comes_to_what_it_comes_to_alone_and_the_history_is_read_once() -> None:
    limits, read, alone = some_settings(*CAPS).limits, list[int](), list[int]()
    wanted = [models(delay=delay) for delay in DELAYS]

    together = run_side_by_side(a_history(read), limits, 1000 * MICRO, wanted)

    assert len(read) == TRADES + 3
    assert together == tuple(
        run_backtest(a_history(alone), limits, 1000 * MICRO, each, sink=lambda _: None) for each in wanted
    )
    assert len(alone) == len(DELAYS) * len(read)
    assert len({result.pnl for result in together}) > 2
    assert any(result.sold for result in together)


@dataclass(frozen=True)
class ToldDelay:
    """A constant delay that notes the time of each trade it is asked about."""

    delay: Delay
    reached_ms: dict[str, int]
    lead_ms: int = 0

    def arrival_ms(self, trade: ActionableSignal) -> int:
        self.reached_ms[str(self)] = trade.traded_at_ms
        return self.delay.arrival_ms(trade)

    def __str__(self) -> str:
        return str(self.delay)


def test_no_more_is_held_than_arrives_within_the_difference_of_the_delays() -> None:
    """The slowest run has looked at a trade of at most so many seconds before the one that is read."""
    delays = [ConstantDelay(2000), ConstantDelay(30_000)]
    reached_ms, apart_ms = {str(delay): at(0) for delay in delays}, list[int]()

    def watched() -> Iterator[MarketEvent]:
        for second in range(1000):
            yield a_trade(second)
            apart_ms.append(at(second) - min(reached_ms.values()))

    wanted = [models(delay=ToldDelay(delay, reached_ms)) for delay in delays]
    run_side_by_side(watched(), some_settings().limits, 1000 * MICRO, wanted)

    assert len(apart_ms) == 1000
    assert max(apart_ms) <= (30 - 2 + 2) * 1000
