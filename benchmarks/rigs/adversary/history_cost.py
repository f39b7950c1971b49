"""What each protection costs: the four captured histories, followed with it and without it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backtest.backtest import run_backtest
from backtest.domain.market_events import MarketEvent
from backtest.history.history_files import open_history
from backtest.results.result import BacktestResult
from backtest.settings import decided_settings
from backtest.simulation.run_models import RunModels
from benchmarks.rigs.adversary.scenario import is_there
from shared.messages.signals import ActionableSignal

BANKROLL = 10**9 * 10**6
CAPS = ("market", "event", "group", "leader", "day", "total", "day_loss", "drawdown")
BREAKERS = {f"breaker_{what}": "0" for what in ("rejections", "losses", "fall_usdc")}
LIFTED = {**{f"max_{cap}_usdc": "90000000" for cap in CAPS}, "max_orders_per_minute": "1000000", **BREAKERS}
"""Without caps: where a cap refuses a signal, no protection can."""
STOPS = {"stop_loss_pct": "30", "take_profit_pct": "50"}
"""The captured leaders never sell: exits that can be protected are our own."""


@dataclass(frozen=True, kw_only=True)
class Protection:
    """A protection by the settings that switch it off; `beside` count in both runs."""

    name: str
    off: Mapping[str, str]
    beside: Mapping[str, str] = field(default_factory=lambda: LIFTED)

    @property
    def missing(self) -> list[str]:
        """Return which of its settings this tree does not have yet."""
        return [name for name in self.off if not is_there(name.upper())]


WITH_STOPS = {**LIFTED, **STOPS}
PROTECTIONS = (
    Protection(name="spread", off={"max_spread": "0"}),
    Protection(name="fair price", off={"max_over_fair_pct": "0"}),
    Protection(name="resale", off={"min_resale_pct": "0"}),
    Protection(name="smaller slippage", off={"slippage_bound": "larger", "max_slippage_pct": "2"}),
    Protection(name="stake window", off={"stake_window_s": "0"}),
    Protection(name="other outcome", off={"other_outcome": "buy"}),
    Protection(name="own exits", off={"check_own_exits": "false"}, beside=WITH_STOPS),
    Protection(name="cool-down", off={"cooldown_s": "0"}, beside=WITH_STOPS),
    Protection(name="marked losses", off={"mark_losses": "false"}, beside=BREAKERS),
    Protection(name="breakers", off=BREAKERS, beside={}),
    Protection(name="exit floor", off={"exit_floor_pct": "100"}, beside=WITH_STOPS),
    Protection(name="looks twice", off={"trigger_looks": "1", "trigger_s": "0"}, beside=WITH_STOPS),
)
NOT_SHOWN = {
    "second word (MIN_NODES)": "a history is one source's word, and the policy believes it",
    "later sale, dust sells": "the captured leaders sold nothing, they waited for the payout",
    "retractions": "no block of a history was taken back",
    "own wallets, followed leaders": "all four are followed, and none is ours",
    "wallet, server, installation, jobs": "a backtest has none",
}
"""Protections that a history says nothing of, and why."""


@dataclass(frozen=True)
class Followed:
    """One run: signals, those followed, what they cost and brought in micro-units of pUSD, open lots at last prices."""

    signals: int
    followed: int
    spent: int
    pnl: int


def wallets(folder: Path) -> Sequence[Path]:
    """Return the captured histories that are there."""
    return sorted((folder / "wallets").glob("wallet_*.zip"))


def follow(history: Path, changes: Mapping[str, str], signals: int) -> Followed:
    """Follow the first `signals` of one history (0: all), with some settings other than the product's own."""
    opened = open_history([history], [history.with_name("market_winners.csv")])
    limits = decided_settings((), dict(changes)).limits
    events = _first(opened.market_events, signals) if signals else opened.market_events
    return _figures(run_backtest(events, limits, BANKROLL, RunModels(), sink=id))


def _first(events: Iterable[MarketEvent], signals: int) -> Iterator[MarketEvent]:
    """Yield so many signals, and all that is no signal: what was bought is paid out."""
    for event in events:
        if isinstance(event.what, ActionableSignal):
            signals -= 1
            if signals < 0:
                continue
        yield event


def _figures(result: BacktestResult) -> Followed:
    value = sum(position.value for position in result.open)
    spent = sum(leader.ours.spent for leader in result.leaders)
    return Followed(result.signals, result.bought + result.sold, spent, result.cash + value - result.bankroll)


def settings_of(protection: Protection, *, protected: bool) -> dict[str, str]:
    """Return the settings of a run; those alone that this tree knows."""
    given = {**protection.beside, **({} if protected else protection.off)}
    return {name: value for name, value in given.items() if is_there(name.upper())}
