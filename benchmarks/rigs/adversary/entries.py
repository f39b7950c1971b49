"""Attacks on what is bought: bait, wide books, pieces of one order, both outcomes, our own wallet."""

import contextlib

from benchmarks.rigs.adversary.scenario import Scenario
from benchmarks.rigs.adversary.stage import FAIR, OTHER_LEADER, Stage, until
from benchmarks.rigs.order_rig import CLOCK

HOUR_MS = 3_600_000
STOPPED_WITHIN_S = 12.0


def bait_leader(stage: Stage) -> None:
    """Let a leader trade with himself at 0.90 in a book of 0.10 and 0.92."""
    stage.book((("0.1", "5000"),), (("0.92", "5000"),))
    with stage.buyer():
        stage.begin("0.5")
        stage.decided(stage.leader("BUY", "100", "0.9"))


def both_sides(stage: Stage) -> None:
    """Let one leader buy an outcome at 0.60 and another one its opposite at 0.45: the pair pays 1."""
    stage.book((("0.55", "5000"),), (("0.6", "5000"),))
    with stage.buyer():
        stage.begin("0.55", **{stage.world.other: "0.4"})
        stage.decided(stage.leader("BUY", "100", "0.6"))
        stage.decided(stage.leader("BUY", "100", "0.45", leader=OTHER_LEADER, token=stage.world.other))


def many_pieces(stage: Stage) -> None:
    """Let one order of a leader's, 60 pUSD in all, fill in 30 pieces; then its price falls to 0.40."""
    stage.book(*FAIR)
    with stage.buyer():
        stage.begin("0.4")
        stage.decided(*(stage.leader("BUY", "4", "0.5") for _ in range(30)))


def own_wallet(stage: Stage) -> None:
    """Tell our own fills as a leader's, one after the other, as a detector does that watches our wallet."""
    stage.book(*FAIR)
    with stage.buyer():
        stage.begin("0.49")
        for _ in range(6):
            stage.decided(stage.leader("BUY", "10", "0.5", leader=stage.world.wallet))


def wide_spread_with_stop(stage: Stage) -> None:
    """Let a leader buy three times in a book of 0.40 and 0.50, where our stop stands at 15%."""
    stage.book((("0.4", "5000"),), (("0.5", "5000"),))
    with stage.buyer():
        stage.begin("0.4")
        for _ in range(3):
            stage.decided(stage.leader("BUY", "100", "0.5"))
            stage.wait(2.5)


def end_already_over(stage: Stage) -> None:
    """Let a leader buy three times after the market's planned end, where ours leave a minute before it."""
    end_ms = CLOCK.now_ms() - HOUR_MS
    stage.world.post("/end", {"condition_id": stage.world.condition(stage.token), "end_ms": end_ms})
    stage.book(*FAIR)
    with stage.buyer():
        stage.begin("0.49")
        for _ in range(3):
            stage.decided(stage.leader("BUY", "100", "0.5"))
            stage.wait(2.5)


def two_ticks_at_three_cents(stage: Stage) -> None:
    """Let a leader buy at 0.03 what is offered at 0.05: two ticks, and 67% more."""
    stage.book((("0.03", "5000"),), (("0.05", "5000"),))
    with stage.buyer():
        stage.begin("0.03")
        stage.decided(stage.leader("BUY", "1000", "0.03"))


def re_entry_after_a_stop(stage: Stage) -> None:
    """Let the price fall below our stop, and the leader buy again at once; then it falls once more."""
    stage.book(*FAIR)
    with stage.buyer():
        stage.begin("0.3")
        for at, bid, ask in (("0.5", "0.42", "0.43"), ("0.43", "0.36", "0.37"), ("0.37", "0.31", "0.32")):
            stage.decided(stage.leader("BUY", "100", at))
            stage.book(((bid, "5000"),), ((ask, "5000"),))
            with contextlib.suppress(TimeoutError):
                until(lambda: not stage.lots, STOPPED_WITHIN_S)


def losses_on_paper(stage: Stage) -> None:
    """Let six markets fall to 0.10, one after the other, each as soon as a leader of ours has bought in it."""
    tokens = stage.world.tokens[:6]
    with stage.buyer():
        stage.begin("0.1", **dict.fromkeys(tokens, "0.1"))
        for token in tokens:
            stage.book(*FAIR, token)
            stage.decided(stage.leader("BUY", "100", "0.5", token=token))
            stage.book((("0.1", "5000"),), (("0.11", "5000"),), token)
            stage.wait(4)


AT_ONCE = {"CHECK_OWN_EXITS": "false"}
AGAIN = {"COOLDOWN_S": "0", "STAKE_WINDOW_S": "0", "TRIGGER_LOOKS": "1", "TRIGGER_S": "0", "EXIT_FLOOR_PCT": "100"}
ANY_MARKET = {"MAX_SPREAD": "0", "MAX_OVER_FAIR_PCT": "0", "MIN_RESALE_PCT": "0"}
SCENARIOS = (
    Scenario(name="bait leader", pitfall=42, play=bait_leader, off=ANY_MARKET, bound="0", why="nothing is bought"),
    Scenario(
        name="both sides",
        pitfall=44,
        play=both_sides,
        off={"OTHER_OUTCOME": "buy"},
        bound="0.7",
        why="the first buy's spread and fee",
    ),
    Scenario(
        name="one order in 30 pieces",
        pitfall=44,
        play=many_pieces,
        off={"STAKE_WINDOW_S": "0"},
        bound="1.3",
        why="one stake's fall and fee",
    ),
    Scenario(
        name="own wallet",
        pitfall=44,
        play=own_wallet,
        settings={"STAKE_WINDOW_S": "0"},
        off={"CHECK_OWN_WALLETS": "false"},
        bound="0",
        why="nothing is bought",
    ),
    Scenario(
        name="wide spread with stop",
        pitfall=41,
        play=wide_spread_with_stop,
        settings={"STOP_LOSS_PCT": "15", **ANY_MARKET},
        off=AT_ONCE,
        beside=AGAIN,
        bound="0",
        why="nothing is bought",
    ),
    Scenario(
        name="end already over",
        pitfall=41,
        play=end_already_over,
        settings={"EXIT_BEFORE_END_S": "60"},
        off=AT_ONCE,
        beside=AGAIN,
        bound="0",
        why="nothing is bought",
    ),
    Scenario(
        name="re-entry after a stop",
        pitfall=41,
        play=re_entry_after_a_stop,
        settings={"STOP_LOSS_PCT": "15", "STAKE_WINDOW_S": "0"},
        off={"COOLDOWN_S": "0"},
        bound="1.2",
        why="one stop of a stake, and two fees",
    ),
    Scenario(
        name="losses on paper",
        pitfall=47,
        play=losses_on_paper,
        settings={"MAX_DAY_LOSS_USDC": "6"},
        off={"MARK_LOSSES": "false"},
        beside={"BREAKER_FALL_USDC": "0"},
        bound="11",
        why="the day's loss, and a stake with its fee",
    ),
    Scenario(
        name="2 ticks at 0.03",
        pitfall=44,
        play=two_ticks_at_three_cents,
        settings={"MAX_SPREAD": "0", "MAX_OVER_FAIR_PCT": "0"},
        off={"SLIPPAGE_BOUND": "larger"},
        bound="0",
        why="nothing is bought",
    ),
)
