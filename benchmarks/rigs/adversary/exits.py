"""Attacks on how a lot is sold: the makers who are away, bids that nobody means, a clock that steps back."""

import contextlib
from collections.abc import Generator

from benchmarks.rigs.adversary.scenario import Scenario
from benchmarks.rigs.adversary.stage import FAIR, Stage, until
from benchmarks.rigs.adversary.stand_ins import always
from shared.domain.record_kinds import EXITS

STUB = (("0.01", "5000"),), (("0.5", "5000"),)
STAKE = {"STAKE_USDC": "40"}
BELIEVES_ALL = {"EXIT_FLOOR_PCT": "100", "TRIGGER_LOOKS": "1", "TRIGGER_S": "0"}
AWAY_S = 3.0


@contextlib.contextmanager
def holding_lot(stage: Stage) -> Generator[None]:
    """Run a buyer that has followed the leader's buy at a fair book; what comes then is the attack."""
    stage.book(*FAIR)
    with stage.buyer():
        stage.decided(stage.leader("BUY", "100", "0.5"))
        stage.begin("0.49")
        yield


def stub_bid(stage: Stage) -> None:
    """Let the leader sell while the makers are away for three seconds, and only a bid of a cent stands."""
    with holding_lot(stage):
        stage.wait(12)
        stage.book(*STUB)
        sold = stage.leader("SELL", "100", "0.49")
        stage.wait(AWAY_S)
        stage.book(*FAIR)
        stage.decided(sold)
        stage.wait(8)


def spoof_bid(stage: Stage) -> None:
    """Show a bid far above the market until an exit begins, and take it away: what is left is bid at 0.30."""
    with holding_lot(stage):
        stage.wait(2)
        stage.book((("0.7", "200"), ("0.3", "5000")), (("0.99", "5000"),))
        with contextlib.suppress(TimeoutError):
            until(lambda: bool(stage.ledger.records(EXITS)), 2)
        stage.book((("0.3", "5000"),), (("0.99", "5000"),))
        stage.wait(AWAY_S)
        stage.book(*FAIR)
        stage.wait(4)


def thin_stop(stage: Stage) -> None:
    """Let the bids sink to 0.30 for three seconds, under a lot that has a stop at 20%."""
    with holding_lot(stage):
        stage.wait(4)
        stage.book((("0.3", "5000"),), (("0.5", "5000"),))
        stage.wait(AWAY_S)
        stage.book(*FAIR)
        stage.wait(5)


def dust_churn(stage: Stage) -> None:
    """Let the leader sell a hundredth of a share and buy again, six times."""
    with holding_lot(stage):
        for _ in range(6):
            stage.decided(stage.leader("SELL", "0.01", "0.49"))
            stage.decided(stage.leader("BUY", "4", "0.5"))
            stage.wait(1)


def late_told_buy(stage: Stage) -> None:
    """Tell the leader's sale before the buy that it ended; then the price falls, as he knew."""
    stage.book(*FAIR)
    with stage.buyer():
        stage.begin("0.1")
        stage.decided(stage.leader("SELL", "100", "0.49", ago_s=1))
        stage.decided(stage.leader("BUY", "100", "0.5", ago_s=5))


SCENARIOS = (
    Scenario(
        name="stub bid",
        pitfall=39,
        play=stub_bid,
        settings=STAKE,
        off={"EXIT_FLOOR_PCT": "100"},
        bound="1.1",
        why="the fee of the sale",
    ),
    Scenario(
        name="spoof bid",
        pitfall=40,
        play=spoof_bid,
        settings={**STAKE, "TAKE_PROFIT_PCT": "30"},
        off=BELIEVES_ALL,
        disarm={"buyer.strategy.exits.sale_rules:still_holds": always},
        bound="0",
        why="nothing is sold",
    ),
    Scenario(
        name="bids gone under a stop",
        pitfall=40,
        play=thin_stop,
        settings={**STAKE, "STOP_LOSS_PCT": "20"},
        off=BELIEVES_ALL,
        bound="0",
        why="nothing is sold",
    ),
    Scenario(
        name="dust churn",
        pitfall=43,
        play=dust_churn,
        off={"MIN_LEADER_SELL_PCT": "0"},
        beside={"COOLDOWN_S": "0", "STAKE_WINDOW_S": "0"},
        bound="0.2",
        why="one more stake's spread and fee",
    ),
    Scenario(
        name="late-told buy",
        pitfall=45,
        play=late_told_buy,
        off={"CHECK_LATER_SALE": "false"},
        bound="0",
        why="nothing is bought",
    ),
)
