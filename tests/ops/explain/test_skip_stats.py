"""The totals of what was followed, refused and left undecided."""

from hypothesis import given
from hypothesis import strategies as st

from ops.domain.skip_stats import skip_stats
from ops.explain import skip_stats_view
from shared.messages.decisions import (
    Outcome,
)
from shared.messages.events import AnyEvent
from tests.amounts import D
from tests.buyer.builders import LEADER, NOW_MS, a_signal
from tests.ops.explain.life_builders import SIGNAL, a_decision, a_skip, an_end, an_exit, shown


def test_orders_of_exits_are_no_signals() -> None:
    found = skip_stats(
        [an_exit(1), an_exit(2, verdict="SKIP", order=None, outcome=None, reason="book_sane")], 0, NOW_MS
    )

    assert (found.decided, found.skipped, found.exit_orders, found.undecided) == (0, 0, 2, 0)


@given(st.permutations((SIGNAL, a_decision(), an_end(a_decision()), a_skip(signal_id="2" * 64))))
def test_an_order_that_failed_on_chain_is_not_followed(events: list[AnyEvent]) -> None:
    found = skip_stats(events, 0, NOW_MS)

    assert (found.decided, found.followed, found.unfilled, found.skipped) == (2, 0, 1, 1)
    assert found.outcomes == {"0 trades confirmed, 1 failed": 1}
    assert (found.leaders[LEADER].followed, found.leaders[LEADER].unfilled) == (0, 1)


def test_totals_count_first_alone_and_also() -> None:
    decisions = [a_skip(signal_id="1" * 64), a_skip("slippage", "cash", signal_id="2" * 64), a_decision()]

    found = skip_stats(decisions, 0, NOW_MS)

    slippage, cash = found.rules["slippage"], found.rules["cash"]
    assert (found.decided, found.followed, found.skipped) == (3, 1, 2)
    assert (slippage.first, slippage.alone, slippage.also) == (2, 1, 0)
    assert (cash.first, cash.alone, cash.also) == (0, 0, 1)
    line = next(line for line in shown(skip_stats_view.totals(found)).splitlines() if line.startswith("slippage"))
    assert "best price to hit, and our limit: 0.60, limit 0.52" in line
    assert line.split()[-1] == "2" * 12, "the id that `hybrid why` takes"


def test_an_order_that_got_nothing_is_neither_followed_nor_skipped() -> None:
    missed = Outcome(state="REJECTED", shares=D(0), usdc=D(0), fee=D(0), reason="no orders found to match")

    found = skip_stats([a_decision(outcome=missed)], 0, NOW_MS)

    assert (found.followed, found.unfilled, found.skipped) == (0, 1, 0)
    assert found.outcomes == {"no orders found to match": 1}


def test_totals_keep_to_their_period_and_leader() -> None:
    other = "0x" + "b2" * 20
    decisions = [a_skip(), a_skip(emitted_at_ms=NOW_MS - 5000), a_skip(leader=other)]

    found = skip_stats(decisions, NOW_MS - 1000, NOW_MS, LEADER)

    assert (found.decided, list(found.leaders)) == (1, [LEADER])


@given(st.permutations([SIGNAL, a_skip(), a_signal(tx_hash="0x" + "8e" * 32)]))
def test_a_signal_without_a_decision_is_said_to_be_undecided(events: list[AnyEvent]) -> None:
    assert skip_stats(events, 0, NOW_MS).undecided == 1


def test_a_leader_is_called_as_his_signals_call_him() -> None:
    found = skip_stats([a_signal(leader_label="whale"), a_skip()], 0, NOW_MS)

    assert found.figures()["leaders"][LEADER]["label"] == "whale"
    assert f"whale {LEADER}" in shown(skip_stats_view.totals(found))
