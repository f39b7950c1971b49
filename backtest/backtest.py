"""Run a backtest over market events and return its result."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice, tee

from backtest.domain.market_events import MarketEvent
from backtest.results.pnl import PnlSums
from backtest.results.result import (
    BacktestResult,
    CannotTell,
    LeaderResult,
    MarketResult,
    OpenPosition,
    PnlStanding,
    SignalOutcome,
)
from backtest.results.run_stats import Sink
from backtest.results.stop_uncertainty import StopDoubts
from backtest.simulation.gc_pause import few_collections
from backtest.simulation.run_models import RunModels
from backtest.simulation.simulator import SimulatedRun
from buyer.strategy.limits import TradingLimits
from shared.domain import ledger_accounts
from shared.domain.money import MICRO
from shared.domain.trading_controls import CONTROLS, NOTES
from shared.ledger.port import open_lots

Progress = Callable[[int, int], None]
"""Told the number of decisions so far, and the time in the history of the last one (epoch milliseconds)."""
EVERY = 5000
TURN = 64
"""Signals that one of several runs decides on before the next has its turn: what it needs stays near the processor."""


def run_backtest(
    market_events: Iterable[MarketEvent],
    limits: TradingLimits,
    bankroll: int,
    models: RunModels,
    *,
    sources: tuple[str, ...] = (),
    keep_skips: bool = False,
    sink: Sink | None = None,
    whole: bool = False,
    progress: Progress = lambda _count, _at_ms: None,
) -> BacktestResult:
    """Return what following would have brought.

    Args:
        market_events: In time order; never read further than a decision may know.
        limits: What the policy decides by.
        bankroll: What the account begins with, in micro-units.
        models: Delay, prices, fees and payouts where nothing is recorded.
        sources: What the result names as its sources.
        keep_skips: Keep the outcome of every signal, not only of orders.
        sink: Where outcomes go instead of into the result: for histories of any length.
        whole: Make each decision whole, as the live buyer does. The result is the same, and takes far longer.
        progress: Told how far the run is, every few thousand decisions.

    Raises:
        Malformed: the market events are not in order, or cannot be read.
    """
    kept: list[SignalOutcome] = []
    stops = StopDoubts(limits, sink or kept.append)
    run = SimulatedRun(market_events, limits, bankroll, models, stops.add_outcome, skips=keep_skips, whole=whole)
    with few_collections():
        for count, at_ms in enumerate(run.steps(), start=1):
            if count % EVERY == 0:
                progress(count, at_ms)
    return _result(run, limits, bankroll, models, sources, stops.cannot_tell(), tuple(kept))


def run_side_by_side(
    market_events: Iterable[MarketEvent],
    limits: TradingLimits,
    bankroll: int,
    models: Sequence[RunModels],
    *,
    one_leader: bool = False,
) -> tuple[BacktestResult, ...]:
    """Return what following would have brought under each of `models`, of events that are read once.

    The runs decide in turns, `TURN` signals each, and share nothing but the events: each result is that of
    `run_backtest`, without outcomes. Kept in memory is what the run that reads furthest ahead holds by itself: an hour
    of delay is an hour of events, however long the history. With `one_leader` all trades are his: there are no others
    who could have paid.

    Raises:
        Malformed: as `run_backtest` does.
    """
    doubts = [StopDoubts(limits, _forget) for _ in models]
    runs = [
        SimulatedRun(events, limits, bankroll, each, stops.add_outcome, one_leader=one_leader)
        for events, each, stops in zip(tee(market_events, len(models)), models, doubts, strict=True)
    ]
    going = [run.steps() for run in runs]
    with few_collections():
        while going:
            going = [steps for steps in going if sum(1 for _ in islice(steps, TURN)) == TURN]
    return tuple(
        _result(run, limits, bankroll, each, (), stops.cannot_tell(), ())
        for run, each, stops in zip(runs, models, doubts, strict=True)
    )


def _forget(_outcome: SignalOutcome) -> None:
    """Keep no outcome."""


def _result(
    run: SimulatedRun,
    limits: TradingLimits,
    bankroll: int,
    models: RunModels,
    sources: tuple[str, ...],
    doubts: tuple[CannotTell, ...],
    kept: tuple[SignalOutcome, ...],
) -> BacktestResult:
    stats, values, opened = run.stats, run.ledger.values, _open(run)
    points = run.account.curve.points()
    unresolved = sum(stats.by_market[name].trades for name in {lot.condition_id for lot in opened})
    reckoned = sum(sums.trades for name, sums in stats.by_market.items() if run.markets.closing_reckoned(name))
    shut = sum(count for name, count in stats.closed_skips.items() if run.markets.closing_reckoned(name))
    return BacktestResult(
        sources=sources,
        limits=limits,
        model=models.descriptions(),
        starts_at_ms=run.starts_at_ms,
        ends_at_ms=run.ends_at_ms,
        signals=stats.signals.total(),
        bought=stats.verdicts["BUY"],
        sold=stats.verdicts["SELL"],
        skips=dict(stats.skips.most_common()),
        filled=stats.fills["filled"],
        partial=stats.fills["partial"],
        missed=stats.fills["missed"],
        bankroll=bankroll,
        cash=values.get(ledger_accounts.CASH, 0),
        realized=values.get(ledger_accounts.REALIZED, 0),
        most_locked=run.account.curve.most_locked,
        max_drawdown=run.account.curve.drawdown,
        costs=stats.costs(),
        open=opened,
        leaders=_leaders(run, opened),
        markets=_markets(run, opened),
        equity=points,
        cannot_tell=(*stats.cannot_tell(unresolved, reckoned, shut), *doubts),
        silenced=run.silences.spans(run.ledger.records(CONTROLS).get(NOTES[ledger_accounts.PAUSE_BUYS])),
        outcomes=kept,
    )


def _open(run: SimulatedRun) -> tuple[OpenPosition, ...]:
    found: list[OpenPosition] = []
    for lot in open_lots(run.ledger):
        last = run.quotes.last_trade(lot.token_id)
        found.append(
            OpenPosition(
                leader=lot.leader,
                token_id=lot.token_id,
                condition_id=lot.condition_id,
                title=lot.title,
                shares=lot.shares,
                cost=lot.cost,
                price=last.price,
                value=lot.shares * last.price // MICRO,
                priced_at_ms=last.at_ms,
            )
        )
    return tuple(found)


def _leaders(run: SimulatedRun, opened: tuple[OpenPosition, ...]) -> tuple[LeaderResult, ...]:
    theirs, signals = run.stats.theirs, run.stats.signals
    prices: dict[str, int] = {token_id: run.quotes.last_trade(token_id).price for token_id in theirs.positions}
    return tuple(
        LeaderResult(
            leader=leader,
            signals=signals[leader],
            ours=_standing(run.stats.by_leader.get(leader), [lot for lot in opened if lot.leader == leader]),
            theirs=sums.pnl_standing(*theirs.open_position(leader, prices)),
        )
        for leader, sums in theirs.sums.items()
    )


def _markets(run: SimulatedRun, opened: tuple[OpenPosition, ...]) -> tuple[MarketResult, ...]:
    lots: dict[str, list[OpenPosition]] = {}
    for lot in opened:
        lots.setdefault(lot.condition_id, []).append(lot)
    return tuple(
        MarketResult(
            condition_id=name,
            title=run.stats.market_facts[name].title,
            category=run.stats.market_facts[name].category,
            payouts=None if (found := run.markets.payouts_of(name)) is None else tuple(str(share) for share in found),
            ours=_standing(sums, lots.get(name, [])),
        )
        for name, sums in run.stats.by_market.items()
    )


def _standing(sums: PnlSums | None, lots: list[OpenPosition]) -> PnlStanding:
    return (sums or PnlSums()).pnl_standing(sum(lot.cost for lot in lots), sum(lot.value for lot in lots))
