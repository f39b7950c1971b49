"""Which shard a thing falls into, and how many shards fall to whom: everything to exactly one, however it is told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer.domain.token_shard import ALL, TokenShard, fair_share
from shared.domain.record_kinds import EXITS, GATHERED, INTENTS, LOTS, ORDERS
from shared.messages.events import write_event
from tests.buyer.builders import LEADER, TOKEN, a_market, a_signal


def all_of(count: int) -> list[TokenShard]:
    return [TokenShard(number, count) for number in range(count)]


@given(st.integers(1, 64), st.text())
def test_a_token_falls_into_exactly_one_shard(count: int, token: str) -> None:
    assert sum(shard.owns(token) for shard in all_of(count)) == 1


def test_tokens_spread_over_the_shards() -> None:
    found = [sum(shard.owns(str(token)) for token in range(4000)) for shard in all_of(4)]

    assert sum(found) == 4000
    assert min(found) > 900


@given(st.integers(2, 16), st.text() | st.dictionaries(st.text(), st.integers() | st.text()).map(json.dumps))
def test_whatever_stands_on_the_stream_is_the_work_of_exactly_one_shard(count: int, text: str) -> None:
    assert sum(shard.owns_entry("1795387076215-3", text) for shard in all_of(count)) == 1


def test_a_signal_is_its_tokens_whether_or_not_its_market_is_known() -> None:
    signals = [a_signal(), a_signal(facts=a_market()), a_signal(facts=a_market(condition_id="0x" + "c1" * 32))]

    for number, signal in enumerate(signals):
        taken = [shard.owns_entry(f"{number}-0", write_event(signal)) for shard in all_of(5)]
        assert taken == [shard.owns(TOKEN) for shard in all_of(5)]


def test_what_the_detector_reports_of_itself_is_for_every_shard() -> None:
    assert all(shard.owns_entry("1-0", '{"event":"HYBRID_PROGRESS"}') for shard in all_of(3))


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        (EXITS, f"{LEADER}:{TOKEN}", "{}"),
        (LOTS, f"{LEADER}:{TOKEN}", "{}"),
        (GATHERED, f"{LEADER}:{TOKEN}:BUY", "{}"),
        (INTENTS, "a signal's id", json.dumps({"token_id": TOKEN})),
        (ORDERS, "an order's id", json.dumps({"token_id": TOKEN})),
    ],
)
def test_a_record_is_kept_by_the_shard_of_its_token(kind: str, name: str, text: str) -> None:
    assert [shard.keeps(kind, name, text) for shard in all_of(7)] == [shard.owns(TOKEN) for shard in all_of(7)]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"token_id": 7}', '{"token_id": ""}'])
def test_an_intent_nobody_can_read_is_said_by_exactly_one_shard(text: str) -> None:
    assert sum(shard.keeps(INTENTS, "old", text) for shard in all_of(7)) == 1


def test_a_buyer_alone_has_the_names_it_always_had() -> None:
    assert (ALL.group("paper"), ALL.lease("paper"), ALL.owns("x")) == ("buyer", "buyer:paper", True)
    assert (TokenShard(0, 4).group("paper"), TokenShard(2, 4).group("paper")) == ("buyer", "buyer-2")


MEMBERS = st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 9), min_size=1, max_size=9)


@given(MEMBERS, st.integers(1, 64))
def test_shares_come_to_all_shards_and_are_as_equal_as_can_be(held: dict[str, int], count: int) -> None:
    shares = [fair_share(held, member, count) for member in held]

    assert sum(shares) == count
    assert max(shares) - min(shares) <= 1


def test_a_newcomer_moves_no_more_than_it_must() -> None:
    assert [fair_share({"b": 1, "a": 0}, member, 1) for member in "ab"] == [0, 1]
    assert [fair_share({"z": 2, "y": 2, "a": 0}, member, 4) for member in "zya"] == [1, 2, 1]
