"""Operators are asked for once, kept, and asked for again when a log says that the list changed."""

from typing import Any

import pytest

from detector.sources.pending.operator_registry import (
    CHANGES,
    IS_OPERATOR,
    LOOK_EVERY_S,
    NO_AGAIN_S,
    QUESTIONS_AT_ONCE,
    OperatorRegistry,
)
from shared.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.polymarket.wire.endpoints import CTF_EXCHANGE_V2
from shared.polymarket.wire.order_filled import padded_address
from tests.detector.sources.pending.match_builder import OPERATOR

STRANGER = "0x" + "5e" * 20


class AskedNode:
    """A node that knows operators, numbers and logs."""

    def __init__(self, *operators: str) -> None:
        self.operators, self.number, self.at, self.told = set(operators), 7, 100, list[dict[str, Any]]()
        self.calls: list[str] = []

    def ask(self, method: str, params: list[Any], lane: object = None) -> Any:
        del lane
        self.calls.append(method)
        if method == "eth_getTransactionCount":
            return hex(self.number)
        assert params[0]["to"] == CTF_EXCHANGE_V2
        assert params[0]["data"].startswith(IS_OPERATOR)
        return f"0x{'0x' + params[0]['data'][-40:] in self.operators:064x}"

    def head(self, lane: object = None) -> int:
        del lane
        return self.at

    def logs(self, low: int, high: int, addresses: object, topics: Any, lane: object = None) -> list[Any]:
        del addresses, lane
        assert low <= high
        assert topics == [CHANGES]
        found, self.told = self.told, []
        return found


def registry(*nodes: AskedNode) -> tuple[Any, ManualClock]:
    clock = ManualClock(0)
    many: Any = nodes
    return OperatorRegistry(many, clock), clock


def test_an_operator_is_asked_for_once() -> None:
    node = AskedNode(OPERATOR)
    known, _ = registry(node)

    assert known.is_operator(CTF_EXCHANGE_V2, OPERATOR)
    assert known.is_operator(CTF_EXCHANGE_V2, OPERATOR)
    assert node.calls.count("eth_call") == 1
    assert known.next_nonce(OPERATOR) == 7


@pytest.mark.pitfall(48)
def test_every_node_of_ours_must_say_yes() -> None:
    liar, honest = AskedNode(STRANGER), AskedNode(OPERATOR)
    known, _ = registry(liar, honest)

    assert not known.is_operator(CTF_EXCHANGE_V2, STRANGER)


def test_many_strangers_do_not_make_us_ask_for_each_of_them() -> None:
    node = AskedNode(OPERATOR)
    known, clock = registry(node)

    for number in range(QUESTIONS_AT_ONCE):
        assert not known.is_operator(CTF_EXCHANGE_V2, f"0x{number:040x}")
    with pytest.raises(Unavailable, match="too many strangers"):
        known.is_operator(CTF_EXCHANGE_V2, OPERATOR)
    clock.advance(1)

    assert known.is_operator(CTF_EXCHANGE_V2, OPERATOR)
    assert not known.is_operator(CTF_EXCHANGE_V2, f"0x{0:040x}")
    assert node.calls.count("eth_call") == QUESTIONS_AT_ONCE + 1


def test_a_stranger_is_asked_about_again_after_a_while() -> None:
    node = AskedNode()
    known, clock = registry(node)
    assert not known.is_operator(CTF_EXCHANGE_V2, OPERATOR)
    node.operators.add(OPERATOR)

    clock.advance(NO_AGAIN_S)

    assert known.is_operator(CTF_EXCHANGE_V2, OPERATOR)


def test_a_log_of_a_removed_operator_makes_us_ask_again() -> None:
    node = AskedNode(OPERATOR)
    known, clock = registry(node)
    assert known.is_operator(CTF_EXCHANGE_V2, OPERATOR)
    known.look()
    node.operators.clear()
    node.told = [{"topics": [CHANGES[1], padded_address(OPERATOR), padded_address(STRANGER)]}]

    node.at += 5
    clock.advance(LOOK_EVERY_S)
    known.look()

    assert not known.is_operator(CTF_EXCHANGE_V2, OPERATOR)


def test_the_number_of_an_operator_goes_up_with_what_is_mined_and_never_down() -> None:
    node = AskedNode(OPERATOR)
    known, clock = registry(node)
    known.is_operator(CTF_EXCHANGE_V2, OPERATOR)

    for number, expected in ((9, 9), (3, 9)):
        node.number = number
        clock.advance(LOOK_EVERY_S)
        known.look()
        assert known.next_nonce(OPERATOR) == expected
