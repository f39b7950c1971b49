"""How it is learnt that a condition resolved."""

from typing import Any

import pytest

from redeemer.redemption.resolutions import (
    FEW_CALLS,
    MOST_BATCHES,
    MOST_CALLS,
    MOST_CONDITIONS,
    ChainReader,
    Resolutions,
)
from shared.domain.errors import Malformed
from shared.domain.market import positions_of
from shared.polymarket.wire import abi, conditions
from shared.polymarket.wire.conditions import WHOLE
from shared.polymarket.wire.endpoints import POSITION_MANAGER
from shared.rate_limit.gate import GateLane
from tests.redeemer.builders import CONDITION, OTHER, FakeDataApi, FakeNode

HALF = (500_000, 500_000)
POSITIONS = "0x01" + "ab" * 30


def some_conditions(count: int) -> list[str]:
    return [f"0x{number:064x}" for number in range(1, count + 1)]


def test_an_open_condition_costs_one_call_and_nothing_of_the_data_api() -> None:
    node, data_api = FakeNode(), FakeDataApi()

    answers = Resolutions(node, data_api).read([CONDITION])

    assert (answers.resolved, answers.unanswered) == ({}, ())
    assert (node.batches, data_api.asked) == ([1], [])


def test_a_resolved_condition_is_read_from_the_chain_whatever_the_order_of_the_answers() -> None:
    node = FakeNode(**{CONDITION: (0, 1), OTHER: (1, 1)})

    resolved = Resolutions(node, FakeDataApi()).read([CONDITION, OTHER]).resolved

    assert resolved[CONDITION].numerators == (0, 1)
    assert resolved[OTHER].words == ("0.5", "0.5")
    assert {vector.source for vector in resolved.values()} == {"chain"}


def test_a_condition_with_many_outcomes_is_read_whole() -> None:
    node = FakeNode(**{CONDITION: (0, 1, 0, 2, 1)})

    assert Resolutions(node, FakeDataApi()).read([CONDITION]).resolved[CONDITION].numerators == (0, 1, 0, 2, 1)


def test_the_requests_grow_with_batches_not_with_conditions() -> None:
    node = FakeNode()

    Resolutions(node, FakeDataApi()).read(some_conditions(2 * MOST_CALLS + 1))

    assert node.batches == [MOST_CALLS, MOST_CALLS, 1]


def test_a_node_that_takes_small_batches_only_is_asked_in_small_ones_from_then_on() -> None:
    node = FakeNode()
    node.most = FEW_CALLS
    resolutions = Resolutions(node, FakeDataApi())

    for _ in range(2):
        assert resolutions.read(some_conditions(7)).unanswered == ()

    assert node.batches == [7, 3, 3, 1, 3, 3, 1]


def test_on_such_a_node_what_is_too_much_is_asked_of_the_data_api() -> None:
    node, data_api = FakeNode(), FakeDataApi()
    node.most = FEW_CALLS

    answers = Resolutions(node, data_api).read(some_conditions(100))

    assert len(node.batches) == MOST_BATCHES
    assert sum(len(asked) for asked in data_api.asked) == 100 - FEW_CALLS * (MOST_BATCHES - 1)
    assert answers.unanswered == ()


def test_a_node_that_is_away_is_asked_twice_and_then_left_alone() -> None:
    node = FakeNode()
    node.away = True

    Resolutions(node, FakeDataApi()).read(some_conditions(200))

    assert node.batches == [MOST_CALLS, FEW_CALLS]


def test_the_data_api_answers_while_the_node_is_away_and_says_so() -> None:
    node, data_api = FakeNode(), FakeDataApi(**{CONDITION: (1_000_000, 0), OTHER: HALF})
    node.away = True

    resolutions = Resolutions(node, data_api)
    resolved = resolutions.read([CONDITION, OTHER]).resolved

    assert resolved[CONDITION].owed(0, 7) == 7
    assert (resolved[OTHER].words, resolved[OTHER].source) == (("0.5", "0.5"), "data_api")
    assert resolutions.answered_by == {"chain": 0, "data_api": 2}


def test_only_what_the_node_refused_is_asked_of_the_data_api() -> None:
    node, data_api = FakeNode(**{CONDITION: (1, 0)}), FakeDataApi()
    node.failing = {OTHER}

    answers = Resolutions(node, data_api).read([CONDITION, OTHER])

    assert data_api.asked == [[OTHER]]
    assert (set(answers.resolved), answers.unanswered) == ({CONDITION}, ())


def test_the_data_api_is_asked_for_no_more_than_it_takes_at_once() -> None:
    node, data_api = FakeNode(), FakeDataApi()
    node.away = True

    Resolutions(node, data_api).read(some_conditions(2 * MOST_CONDITIONS + 1))

    assert [len(asked) for asked in data_api.asked] == [MOST_CONDITIONS, MOST_CONDITIONS, 1]


def test_a_protocol_v2_condition_is_no_question_for_conditional_tokens() -> None:
    shorter = "0x" + "ab" * 31
    node, data_api = FakeNode(), FakeDataApi(**{shorter: (0, 1_000_000)})

    resolved = Resolutions(node, data_api).read([shorter]).resolved

    assert resolved[shorter].numerators == (0, 1_000_000)
    assert node.batches == []


def test_with_both_away_nothing_is_known_and_nothing_is_guessed() -> None:
    node, data_api = FakeNode(), FakeDataApi()
    node.away = data_api.away = True

    answers = Resolutions(node, data_api).read([CONDITION])

    assert (answers.resolved, answers.unanswered) == ({}, (CONDITION,))
    assert "did not answer" in answers.problem


def test_two_nodes_that_contradict_each_other_are_no_answer() -> None:
    """A lagging node behind the same address says 0 for a numerator whose denominator the other one knew."""
    with pytest.raises(Malformed, match="do not add up"):
        conditions.vector_of(CONDITION, 1, (0, 0))


def test_a_node_of_another_chain_is_named_with_the_setting_to_change() -> None:
    with pytest.raises(Malformed, match="RPC_URL"):
        conditions.read_word("0x")


@pytest.mark.parametrize("word", [None, 5, "0x1", "0x" + "zz" * 32, {}])
def test_an_answer_that_is_no_number_is_refused(word: object) -> None:
    with pytest.raises(Malformed):
        conditions.read_word(word)


def test_a_resolution_that_is_only_proposed_pays_nothing_yet() -> None:
    row = {"condition_id": CONDITION, "status": "proposed", "payouts": [1_000_000, 0]}

    assert conditions.read_resolutions({"data": [row]}) == ({}, [])


@pytest.mark.parametrize("payouts", [[0.5, 0.5], [True, False], ["x", 0], [0, 0], [2_000_000, 0], {"a": 1}])
def test_a_row_with_payouts_that_cannot_be_is_reported_and_the_others_are_read(payouts: object) -> None:
    bad = {"condition_id": OTHER, "status": "resolved", "payouts": payouts}
    good = {"condition_id": CONDITION, "status": "resolved", "payouts": [0, 1_000_000]}

    vectors, problems = conditions.read_resolutions({"data": [bad, good]})

    assert list(vectors) == [CONDITION]
    assert len(problems) == 1


class FakeManager:
    """The PositionManager behind JSON-RPC: what one whole of each position pays, "reverted", or silence."""

    def __init__(self, **told: int | str | None) -> None:
        self.told, self.asked = told, list[str]()

    def post(self, path: str, json: list[dict[str, Any]], /, lane: GateLane) -> Any:
        assert (path, lane) == ("", GateLane.CATCHUP)
        return [self._reply(call) for call in json]

    def _reply(self, call: dict[str, Any]) -> dict[str, Any]:
        asked = call["params"][0]
        assert asked["to"] == POSITION_MANAGER
        token, amount = abi.split_words("0x" + asked["data"][10:])
        assert (asked["data"][:10], amount) == (conditions.GET_PAYOUT, WHOLE)
        self.asked.append(str(token))
        told = self.told.get("yes" if token % 2 == 0 else "no")
        if isinstance(told, int):
            return {"id": call["id"], "result": f"0x{told:064x}"}
        words = "execution reverted" if told else "limit exceeded"
        return {"id": call["id"], "error": {"code": 3 if told else -32005, "message": words}}


@pytest.mark.parametrize(
    ("yes", "no", "shares"),
    [
        pytest.param(WHOLE, 0, ("1", "0"), id="the first won"),
        pytest.param(WHOLE // 4, WHOLE * 3 // 4, ("0.25", "0.75"), id="partial"),
        pytest.param(WHOLE // 3, WHOLE * 2 // 3, ("1/3", "2/3"), id="thirds, exactly"),
    ],
)
def test_the_position_manager_tells_how_a_condition_of_protocol_v2_resolved(
    yes: int, no: int, shares: tuple[str, str]
) -> None:
    manager = FakeManager(yes=yes, no=no)

    answers = ChainReader(manager).read_payouts([POSITIONS])

    assert answers.resolved[POSITIONS].words == shares
    assert (tuple(manager.asked), answers.unanswered) == (positions_of(POSITIONS), ())


@pytest.mark.parametrize(("yes", "no"), [("reverted", "reverted"), (0, 0)], ids=["refused", "0 for both"])
def test_what_the_position_manager_does_not_pay_yet_is_open(yes: int | str, no: int | str) -> None:
    answers = ChainReader(FakeManager(yes=yes, no=no)).read_payouts([POSITIONS])

    assert (answers.resolved, answers.unanswered) == ({}, ())


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        pytest.param(0, "reverted", id="0 of one, and the other refused"),
        pytest.param(0, None, id="0 of one, and no word of the other"),
        pytest.param(WHOLE, None, id="a winner, and no word of the other"),
        pytest.param(None, "reverted", id="one refused, and no word of the other"),
        pytest.param(WHOLE // 2, 0, id="half of one and nothing of the other"),
        pytest.param(WHOLE, WHOLE, id="both won"),
    ],
)
def test_a_position_is_lost_only_where_the_other_one_is_known_to_take_all(
    yes: int | str | None, no: int | str | None
) -> None:
    answers = ChainReader(FakeManager(yes=yes, no=no)).read_payouts([POSITIONS])

    assert (answers.resolved, answers.unanswered) == ({}, (POSITIONS,))
