"""What waits for an order of its token waits in its order, and is not lost by a failure."""

import pytest

from buyer.token_backlog import TokenBacklog


def test_each_tokens_items_come_back_in_their_order_each_once() -> None:
    backlog = TokenBacklog[str]()
    for token, name in (("1", "a"), ("2", "b"), ("1", "c"), ("1", "a")):
        backlog.put(token, name, name)
    taken = list[str]()

    assert (len(backlog), backlog.holds("1"), backlog.holds("3")) == (3, True, False)
    backlog.retry(taken.append)

    assert taken == ["a", "c", "b"]
    assert (len(backlog), backlog.holds("1")) == (0, False)


def test_what_has_to_wait_again_stays_before_what_comes_later() -> None:
    backlog = TokenBacklog[str]()
    for name in "abc":
        backlog.put("1", name, name)

    def again(item: str) -> None:
        if backlog.holds("1") or item == "b":
            backlog.put("1", item, item)

    backlog.retry(again)
    taken = list[str]()
    backlog.put("1", "d", "d")
    backlog.retry(taken.append)

    assert taken == ["b", "c", "d"]


def test_a_failure_loses_nothing_that_waits() -> None:
    backlog, taken = TokenBacklog[str](), list[str]()
    for name in "abcd":
        backlog.put(name, name, name)

    def fails(item: str) -> None:
        if item == "b" and "b" not in failed:
            failed.append(item)
            raise ConnectionError(item)
        taken.append(item)

    failed = list[str]()
    with pytest.raises(ConnectionError):
        backlog.retry(fails)
    backlog.retry(fails)

    assert taken == ["a", "b", "c", "d"]
    assert len(backlog) == 0


def test_what_may_be_passed_holds_nobody_up_and_keeps_its_place() -> None:
    backlog, taken = TokenBacklog[str](), list[str]()
    backlog.put("1", "held", "held", passable=True)
    alone = backlog.holds("1")
    backlog.put("1", "waits", "waits")

    assert (alone, backlog.holds("1")) == (False, True)
    backlog.retry(taken.append)
    assert taken == ["held", "waits"]
