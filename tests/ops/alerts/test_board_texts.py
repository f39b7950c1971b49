"""A board as a chat and a digest show it, and what of it is told as a message."""

from collections.abc import Iterator

import pytest
from redis import Redis

from ops.alerts.board_figures import EVERY_S, BoardFigures
from ops.alerts.domain.board_texts import (
    MOST_LOTS,
    figure_lines,
    limits_of,
    pnl_lines,
    position_lines,
    standing_alarms,
    status_lines,
)
from ops.board.alarms import BoardTroubles, board_alarms
from ops.board.board_state import BoardState, ServiceAge
from ops.board.money_rows import CapUse, PnlSpan
from shared.clock import ManualClock
from shared.redis.client import connect_redis
from tests.amounts import D
from tests.ops.alerts.alert_builders import Judge
from tests.ops.board.boards import a_board, a_position
from tests.ops.operator.account.board_account import NOON_MS, Account


def test_the_state_stands_first_then_what_is_wrong_then_the_figures() -> None:
    state = BoardState(word="killed", who="telegram:42/ann", why="odd fills")
    alarms = board_alarms(state, (), (), (), (), BoardTroubles(waiting_exits=2))

    lines = list(status_lines(a_board(state=state, alarms=alarms)))

    assert lines[0] == "paper: killed by telegram:42/ann: odd fills"
    assert "  !! 2 exit(s) wait at their floor" in lines
    assert any("cash 100.00" in line for line in lines)


def test_what_nobody_knows_is_said_so_and_never_nought() -> None:
    board = a_board(equity=None, pnl=(PnlSpan(span="7d", realized=D(1)),))

    assert next(figure_lines(board)).startswith("equity unknown")
    assert list(pnl_lines(board)) == ["7 days: realized +1.00, unrealized unknown, fees unknown"]


def test_a_position_says_what_of_which_outcome_what_it_is_worth_and_who_led() -> None:
    held = a_position(value=D("4.6"), unrealized=D("-0.5"), stale=True, exiting="stop_loss")

    assert list(position_lines(a_board(positions=(held,)))) == [
        "paper: 1 open, cost 5.10 pUSD",
        "  Will it rain?: 10.00 Yes, cost 5.10, worth 4.60 (-0.50, old), whale, being sold: stop loss",
    ]


def test_very_many_positions_are_counted() -> None:
    lines = list(position_lines(a_board(positions=(a_position(),) * 50)))

    assert len(lines) == MOST_LOTS + 2
    assert lines[-1].startswith("  and 30 older ones")


def test_a_limit_of_which_nobody_knows_how_much_is_used_is_not_judged() -> None:
    caps = (
        CapUse(name="MAX_DAY_USDC", used=None, limit=D(10), scope="today"),
        CapUse(name="MAX_TOTAL_USDC", used=D(9), limit=D(10), scope="in all"),
    )

    assert [use.name for use in limits_of(a_board(caps=caps))] == ["MAX_TOTAL_USDC"]


def test_an_alarm_that_stands_is_told_once_and_what_others_tell_is_not() -> None:
    lost = ServiceAge(service="buyer", instance="b", mode="paper", state="dead", age_ms=1, every_ms=1, lost=True)
    caps = (CapUse(name="MAX_TOTAL_USDC", used=D(10), limit=D(10), scope="in all"),)
    troubles = BoardTroubles(gaps=("5 shares",), waiting_exits=1, redemption_alarms=1, idle_shards=("2",))
    state = BoardState(word="killed")
    board = a_board(alarms=board_alarms(state, (lost,), (), (a_position(stale=True),), caps, troubles))
    found, judge = standing_alarms(board), Judge()

    assert sorted(one.name for one in found) == ["paper:exits", "paper:idle"]
    assert [len(judge.look(alarms=alarms)) for alarms in (found, found, (), found)] == [2, 0, 0, 2]


@pytest.fixture
def redis(valkey_url: str) -> Iterator[Redis]:
    with connect_redis(valkey_url) as client:
        yield client


@pytest.mark.server
def test_limits_come_from_the_ledger_that_the_buyer_told_its_limits_for(redis: Redis) -> None:
    account, clock = Account(redis), ManualClock(NOON_MS)
    figures = BoardFigures(redis, clock)
    before = {use.name: use.used for use in figures.read("paper").limits}
    account.buys("1000", "420")

    assert figures.read("paper").limits == figures.read("paper").limits
    clock.advance(EVERY_S)
    after = {use.name: use.used for use in figures.read("paper").limits}

    assert before["MAX_TOTAL_USDC"] == 0
    assert after["MAX_TOTAL_USDC"] == D(420)
    assert figures.read("paper").lines[0] == "paper:"
