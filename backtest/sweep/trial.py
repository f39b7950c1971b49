"""One trial of a sweep: a backtest with its settings, and the score that is kept of it."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel

from backtest import settings
from backtest.backtest import run_backtest
from backtest.domain.market_state import AssumedFacts
from backtest.domain.price_model import PriceModel
from backtest.history.history_files import open_history
from backtest.history.kept_events import KeptEvents
from backtest.results.deflated_sharpe import ReturnMoments, return_moments
from backtest.results.result import BacktestResult
from backtest.results.source_reading import SourceReading
from backtest.simulation.latency import LagSamples, read_delay
from backtest.simulation.run_models import RunModels
from backtest.sweep.contents import file_digest, read_content
from backtest.sweep.plan import MODELS
from buyer.strategy.limits import LIMIT_NAMES, TradingLimits
from shared.capture.capture import is_capture
from shared.domain.errors import BadConfig
from shared.domain.money import Money, Rate, Shares, to_micro
from shared.messages.base import fact_id

KEPT = 2
"""Histories that a worker keeps, so that two sweeps may take turns (`KeptEvents` says what each takes)."""


class TrialSpec(BaseModel, frozen=True, extra="forbid"):
    """What all tries of a sweep share: files by path, their content's name, settings that are not varied.

    `limits` and `bankroll` are worked out where the sweep is planned, so no worker decides by its own.
    """

    files: tuple[str, ...]
    resolved: tuple[str, ...] = ()
    history: str
    fixed: dict[str, str]
    limits: TradingLimits
    bankroll: Money
    code: str


class TrialScore(BaseModel, frozen=True, extra="forbid"):
    """What is kept of a try, in micro-units; `shape` describes its results by market as shares of the bankroll."""

    id: str
    settings: dict[str, str]
    signals: int
    orders: int
    filled: int
    markets: int
    spent: int
    pnl: int
    open_value: int
    fees: int
    beyond: int
    max_drawdown: int
    most_locked: int
    shape: ReturnMoments
    history: tuple[SourceReading, ...] = ()


@dataclass(frozen=True)
class HistoryPaths:
    """Where a history's files lie, and those of how markets resolved."""

    files: tuple[Path, ...]
    resolved: tuple[Path, ...] = ()


OpenPaths = Callable[[TrialSpec], AbstractContextManager[HistoryPaths]]
"""Say where the files of a spec lie, as long as they are read; their content is checked by then."""


def open_in_place(spec: TrialSpec) -> AbstractContextManager[HistoryPaths]:
    """Return the paths of the spec itself.

    Raises:
        BadConfig: the files there are not those of the sweep.
    """
    found = HistoryPaths(tuple(map(Path, spec.files)), tuple(map(Path, spec.resolved)))
    here = read_content(found.files, found.resolved).id
    if here != spec.history:
        raise BadConfig(
            f"{', '.join(spec.files)}: the files here are not those of the sweep ({here}, not {spec.history}): "
            "let nobody write to them, and start the sweep again"
        )
    return nullcontext(found)


@lru_cache(maxsize=1)
def code_id() -> str:
    """Name the code that decides a try's outcome: two versions of it share no score."""
    root = Path(__file__).resolve().parents[2]
    name = hashlib.sha256()
    for package in ("backtest", "buyer", "shared"):
        for file in sorted((root / package).rglob("*.py")):
            name.update(file_digest(file))
    return name.hexdigest()[:16]


def trial_id(spec: TrialSpec, varied: Mapping[str, str]) -> str:
    """Name a try by everything that decides its outcome: content, settings, code."""
    settings_text = [f"{name}={value}" for name, value in sorted({**spec.fixed, **varied}.items())]
    return fact_id("sweep", spec.history, spec.code, spec.limits.id, str(spec.bankroll), *settings_text)[:32]


def run_trial(spec: TrialSpec, varied: Mapping[str, str], open_paths: OpenPaths = open_in_place) -> TrialScore:
    """Run one try; a history is opened once for all tries of it.

    Raises:
        BadConfig: files or code here are not those of the sweep, or a setting has a wrong value.
    """
    if spec.code != code_id():
        raise BadConfig(f"this worker's code ({code_id()}) is not the sweep's ({spec.code}): install the same version")
    wanted = {**spec.fixed, **varied}
    found = limits(spec, varied)
    source = _Source(spec, open_paths)
    market_events, readings = _read(source)
    lags = _measured(source) if wanted.get("delay", "").startswith("measured:") else {}
    cash = settings.read_amount("bankroll", varied["bankroll"]) if "bankroll" in varied else spec.bankroll
    result = run_backtest(market_events, found, to_micro(cash), models(wanted, lags), sink=lambda _: None)
    return score(trial_id(spec, varied), varied, result).model_copy(update={"history": readings})


def limits(spec: TrialSpec, varied: Mapping[str, str]) -> TradingLimits:
    """Return what a try decides by.

    Raises:
        BadConfig: a setting has a wrong value; naming it.
    """
    return settings.change_limits(spec.limits, {name: varied[name] for name in varied if name in LIMIT_NAMES})


def models(wanted: Mapping[str, str], lags: Mapping[str, LagSamples]) -> RunModels:
    """Return the models that the settings name; `lags` are those of each source, for a measured delay."""
    given = {name: wanted[name] for name in MODELS if name in wanted}
    return RunModels(
        delay=read_delay(given.get("delay", "2"), lags),
        order_ms=_whole("order_ms", given.get("order_ms", "300")),
        prices=PriceModel(
            _whole("half_spread_ticks", given.get("half_spread_ticks", "1")),
            Shares(to_micro(settings.read_amount("level_shares", given.get("level_shares", "200")))),
        ),
        markets=AssumedFacts(
            fee_rate=Rate(to_micro(settings.read_amount("fee_rate", given.get("fee_rate", "0.07"), most=Decimal(1))))
        ),
    )


def score(name: str, varied: Mapping[str, str], result: BacktestResult) -> TrialScore:
    """Return what is kept of a run."""
    costs, bankroll = result.costs, max(1, result.bankroll)
    return TrialScore(
        id=name,
        settings=dict(varied),
        signals=result.signals,
        orders=result.bought + result.sold,
        filled=result.filled + result.partial,
        markets=len(result.markets),
        spent=sum(row.ours.spent for row in result.leaders),
        pnl=result.pnl,
        open_value=result.open_value,
        fees=costs.fees,
        beyond=costs.fees + costs.delay + costs.spread + costs.impact,
        max_drawdown=result.max_drawdown,
        most_locked=result.most_locked,
        shape=return_moments([row.ours.pnl / bankroll for row in result.markets]),
    )


class _Source:
    """Where a history is opened: equal for all specs of the same files by the same way."""

    def __init__(self, spec: TrialSpec, open_paths: OpenPaths) -> None:
        self._key = (spec.files, spec.resolved, spec.history, open_paths)
        self.spec, self.open_paths = spec, open_paths

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Source) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=KEPT)
def _read(source: _Source) -> tuple[KeptEvents, tuple[SourceReading, ...]]:
    """Read the history once in this process."""
    with source.open_paths(source.spec) as paths:
        opened = open_history(paths.files, paths.resolved)
        return KeptEvents(opened.market_events), opened.readings


@lru_cache(maxsize=KEPT)
def _measured(source: _Source) -> dict[str, LagSamples]:
    """Read the lags of each source in the captures, once in this process."""
    with source.open_paths(source.spec) as paths:
        return open_history(list(filter(is_capture, paths.files)), measure=True).measured


def _whole(name: str, text: str) -> int:
    if not text.isdecimal():
        raise BadConfig(f"{name} {text}: expected a whole number from 0 up")
    return int(text)
