"""`hybrid wallet`: one leader followed through files, or through what the venue tells."""

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from backtest.backtest import run_backtest
from backtest.domain.market_events import MarketEvent
from backtest.domain.market_state import ResolvedMarket
from backtest.history.market_facts import UNSURE, as_then
from backtest.results.copyability import DelayedCopy
from backtest.simulation.latency import ConstantDelay
from backtest.simulation.run_models import RunModels
from ops.cli import app
from ops.research import wallet
from ops.research.venue_pages import ReadingPace, trades
from ops.research.wallet_history import ToldHistory, ask
from shared.clock import ManualClock, SystemClock
from shared.domain.errors import BadConfig, Unavailable
from shared.domain.market import MarketFacts
from shared.messages.signals import ActionableSignal
from shared.polymarket.data_api import ActivityPage
from shared.polymarket.wire.leader_fills import V2_NAMES
from shared.rate_limit.limits import GateLane
from simulator import Settings, serve
from tests.amounts import D
from tests.buyer.builders import a_market, some_limits
from tests.detector.builders import LEADER, NOW_S, OTHER, a_row, tx
from tests.detector.venue import wait_until

CONDITION = "0x" + "c0" * 32


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Thirty buys of one leader, one a minute, and a trade of another."""
    rows = [a_row(timestamp=NOW_S + 60 * n, transaction_hash=tx(n), price="0.52") for n in range(30)]
    rows.append(a_row(timestamp=NOW_S + 5, transaction_hash=tx(99), proxy_wallet=OTHER, price="0.52"))
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(rows))
    return path


@pytest.fixture
def resolved(tmp_path: Path) -> Path:
    path = tmp_path / "resolved.csv"
    path.write_text(f"condition_id,payouts\n{CONDITION},1;0\n")
    return path


def report(*words: str) -> Any:
    result = CliRunner().invoke(app, ["wallet", LEADER, *words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_each_delay_is_run_for_this_leader_alone(history: Path, resolved: Path) -> None:
    found = report("--history", str(history), "--resolved", str(resolved), "--delay", "5", "--delay", "2")

    assert [delay["delay_s"] for delay in found["delays"]] == [2.0, 5.0]
    assert found["conduct"]["trades"] == 30
    assert found["verdict"] == "cannot tell"
    assert "only 1 market was traded" in found["reasons"][0]
    assert float(found["delays"][0]["pnl"]) > 0


def test_another_limit_changes_what_is_spent(history: Path, resolved: Path) -> None:
    words = ("--history", str(history), "--resolved", str(resolved), "--delay", "2")

    small, large = report(*words, "--set", "stake_usdc=5"), report(*words, "--set", "stake_usdc=10")

    assert float(large["delays"][0]["spent"]) / large["delays"][0]["filled"] > 9
    assert float(small["delays"][0]["spent"]) / small["delays"][0]["filled"] < 6


def test_a_wallet_is_judged_by_the_defaults_whatever_the_environment(
    history: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = report("--history", str(history), "--delay", "2")
    monkeypatch.setenv("STAKE_USDC", "50")

    assert report("--history", str(history), "--delay", "2") == plain


def test_the_terminal_says_the_verdict_first_and_what_it_cannot_tell(history: Path, resolved: Path) -> None:
    out = io.StringIO()

    wallet.main(LEADER, [history], [resolved], change=[], as_json=False, console=Console(file=out, width=120))

    assert "cannot tell whether following pays" in out.getvalue().splitlines()[1]
    assert "the book that an order met" in out.getvalue()


def test_the_report_is_a_page_too(history: Path, resolved: Path, tmp_path: Path) -> None:
    page = tmp_path / "wallet.html"

    found = report("--history", str(history), "--resolved", str(resolved), "--html", str(page))

    written = page.read_text()
    assert found["title"] in written
    assert LEADER in written
    assert all(f"Following {delay} s behind" in written for delay in (2, 5, 30))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--delay", "inf"], "--delay inf"),
        (["--set", "stake_usdc=-5"], "stake_usdc=-5"),
        (["--html", "none/page.html"], "there is no folder none"),
    ],
)
def test_a_wrong_word_is_named_before_the_run(words: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["wallet", LEADER, "--history", "api", *words])

    assert isinstance(result.exception, BadConfig)
    assert said in str(result.exception)


def test_a_wallet_without_trades_is_a_plain_error(history: Path) -> None:
    with pytest.raises(BadConfig, match="no trade of"):
        wallet.follow(
            lambda: wallet.open_history([history]).market_events,
            "0x" + "ee" * 20,
            {2: ConstantDelay(2000)},
            some_limits(),
            D(1000),
            nullcontext(),
        )


def test_a_history_is_opened_and_read_once_for_all_delays(history: Path) -> None:
    opened, read = list[str](), list[int]()
    delays = {seconds: ConstantDelay(round(1000 * seconds)) for seconds in (0.5, 2.0, 5.0, 30.0)}

    def counted() -> Iterator[MarketEvent]:
        opened.append(history.name)
        for event in wallet.open_history([history]).market_events:
            read.append(event.at_ms)
            yield event

    def follow(delays: Mapping[float, ConstantDelay]) -> list[DelayedCopy]:
        return wallet.follow(counted, LEADER, delays, some_limits(), D(1000), nullcontext())[0]

    together = follow(delays)

    assert (len(opened), len(read)) == (1, 31)
    assert together == [copy for delay in delays.items() for copy in follow(dict([delay]))]


class FakeApi:
    """Two pages; the second is refused at first."""

    names: Mapping[str, str] = V2_NAMES
    exact_cursors = True

    def __init__(self) -> None:
        self.refusals = 1

    def page(self, user: str, start_s: int, cursor: str, lane: GateLane) -> ActivityPage:
        del start_s, lane
        if not cursor:
            return ActivityPage([a_row(proxy_wallet=user, transaction_hash=tx(1))], has_more=True, next_cursor="next")
        if self.refusals:
            self.refusals -= 1
            raise Unavailable("busy")
        return ActivityPage([a_row(proxy_wallet=user, transaction_hash=tx(2), timestamp=NOW_S + 1)])

    def newest_s(self, user: str, lane: GateLane) -> int | None:
        raise NotImplementedError


def test_the_venue_is_asked_page_by_page_slowly_and_again_when_it_is_busy() -> None:
    clock = ManualClock()
    began = clock.monotonic()

    fills = list(trades(FakeApi(), LEADER, NOW_S - 60, ReadingPace(clock)))

    assert [fill.tx_hash for fill in fills] == [tx(1), tx(2)]
    assert clock.monotonic() - began >= 3


@pytest.mark.parametrize(("today", "then"), [("0.001", "0.01"), ("0.01", "0.01"), ("0.1", "0.1")])
def test_an_old_trade_is_not_judged_by_the_finer_tick_of_a_market_that_ended(today: str, then: str) -> None:
    facts = as_then(a_market(tick=D(today), closed=True, accepting_orders=False))

    assert (facts.tick, facts.closed, facts.accepting_orders) == (D(then), False, True)


def test_what_the_venue_tells_only_of_today_is_said_of_every_order(history: Path) -> None:
    def follow(unsure: str) -> list[DelayedCopy]:
        delays = {2.0: ConstantDelay(2000), 5.0: ConstantDelay(5000)}
        words = (LEADER, delays, some_limits(), D(1000), nullcontext(), unsure)
        return wallet.follow(lambda: wallet.open_history([history]).market_events, *words)[0]

    for plain, doubted in zip(follow(""), follow(UNSURE), strict=True):
        *others, doubt = doubted.result.cannot_tell
        assert tuple(others) == plain.result.cannot_tell
        assert (doubt.what, doubt.trades, doubt.share) == (UNSURE, doubt.of, 1)


@pytest.mark.simulator
def test_the_venues_own_word_gives_trades_facts_and_payouts(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(Settings(leaders=2, fills_per_minute=240, speed=20, resolve_after_s=40, redeemable_lag_s=1)) as sim:
        for name in ("data_api_url", "gamma_url", "rpc_url"):
            monkeypatch.setenv(name.upper(), sim.urls[name])
        leader, told = sim.leaders[0].address, list[ToldHistory]()

        def complete() -> bool:
            told[:] = [ask(leader, 1, ManualClock(SystemClock().now_ms()))]
            return {type(each.what) for each in told[0].market_events} == {
                ActionableSignal,
                MarketFacts,
                ResolvedMarket,
            }

        wait_until(complete, "trades are shown and a market paid")
    [found] = told

    times = [market_event.at_ms for market_event in found.market_events]
    assert times == sorted(times)
    copies, profile = wallet.follow(
        lambda: iter(found.market_events),
        leader,
        {2: ConstantDelay(2000)},
        some_limits(),
        D(1000),
        nullcontext(),
    )
    assert profile.trades > 0
    assert "fees, tick and minimum size" not in str(copies[0].result.cannot_tell)


@pytest.mark.simulator
def test_the_venues_word_of_a_merge_is_an_exit_of_the_leader(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(Settings(leaders=1, fills_per_minute=0, speed=20, resolve_after_s=1_000_000)) as sim:
        for name in ("data_api_url", "gamma_url", "rpc_url"):
            monkeypatch.setenv(name.upper(), sim.urls[name])
        leader, market = sim.leaders[0].address, sim.markets[0]
        for token in market.tokens:
            sim.fill(leader=leader, token=token, side="BUY", shares="40", price="0.45")
        sim.merge(leader, market.condition_id, "40")
        told = list[ToldHistory]()

        def complete() -> bool:
            told[:] = [ask(leader, 1, ManualClock(SystemClock().now_ms()))]
            return sum(isinstance(event.what, ActionableSignal) for event in told[0].market_events) == 4

        wait_until(complete, "two trades and the merge of both outcomes are shown")

    result = run_backtest(iter(told[0].market_events), some_limits(), D(1000), RunModels())
    assert [row.theirs.realized for row in result.leaders] == [D(4)]


def test_files_and_api_together_are_refused() -> None:
    result = CliRunner().invoke(app, ["wallet", LEADER, "--history", "api", "--history", "x.csv"])

    assert isinstance(result.exception, BadConfig)
