"""A board as JSON: amounts are decimal strings, what is not known is null."""

import json

from ops.board.board import Board
from shared.messages.value_codec import codec_of, write_value
from tests.amounts import D
from tests.ops.board.boards import a_board, a_position


def test_amounts_are_decimal_strings_to_the_micro_unit() -> None:
    position = a_position(bid=D("0.53"), value=D("5.299999"), unrealized=D("0.199999"))

    said = json.loads(write_value(a_board(positions=(position,), equity=D("105.299999"))))

    assert said["equity"] == "105.299999"
    assert said["cash"] == "100"
    assert said["positions"][0] | {"bid": "0.53", "value": "5.299999", "unrealized": "0.199999"} == said["positions"][0]


def test_what_nobody_knows_is_null_and_never_0() -> None:
    said = json.loads(write_value(a_board()))

    assert said["equity"] is None
    assert said["positions"][0]["value"] is None
    assert said["pnl"][0] == {"span": "today", "realized": "-0.25", "unrealized": None, "fees": None}


def test_a_board_is_read_again_as_it_was_written() -> None:
    board = a_board()

    assert codec_of(Board).read(write_value(board)) == board
