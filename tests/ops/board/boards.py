"""A board as tests build it."""

from typing import Any

from msgspec.structs import replace

from ops.board.board import Board
from ops.board.board_state import BoardState, ServiceAge
from ops.board.money_rows import PnlSpan, Position
from tests.amounts import D

LEADER = "0x" + "a" * 40


def a_position(**given: Any) -> Position:
    position = Position(
        key=f"{LEADER}:111",
        title="Will it rain?",
        outcome="Yes",
        token_id="111",
        condition_id="0x" + "c" * 64,
        leader=LEADER,
        label="whale",
        shares=D("10"),
        cost=D("5.1"),
    )
    return replace(position, **given)


def a_board(**given: Any) -> Board:
    board = Board(
        at_ms=1_700_000_000_000,
        mode="paper",
        state=BoardState(word="running"),
        services=(ServiceAge(service="buyer", instance="b", mode="paper", state="up", age_ms=500, every_ms=1000),),
        cash=D("100"),
        pnl=(PnlSpan(span="today", realized=D("-0.25")),),
        positions=(a_position(),),
    )
    return replace(board, **given)
