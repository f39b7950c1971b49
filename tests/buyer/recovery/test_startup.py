"""What a start finishes leaves time for what is held, however long venue or node let it wait."""

import itertools
from types import SimpleNamespace
from typing import cast

import pytest

from buyer.crash_limiter import CrashLimiter
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.recovery.chain_reconciliation import ChainReconciliation
from buyer.recovery.startup import LOSS_WAIT_S, LOST_FILLS, SELLS_WAIT_S, StartupRecovery
from buyer.settlement.worker import SettlementWorker
from shared.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.messages.decisions import BuyEngineDecision

NOTHING_OPEN = SimpleNamespace(unresolved=SimpleNamespace(due=list[str]))


def take_in(_amount: int) -> None:
    """Take a deposit in."""


EMPTY = SimpleNamespace(deposit=take_in, open_intents=dict[str, str])


class Node:
    """A node that lets every question wait, and answers none before it is back."""

    def __init__(self, clock: ManualClock, hangs_s: float) -> None:
        self._clock, self._hangs_s = clock, hangs_s
        self.began: list[float] = []
        self.back = False
        self.waiting = ""
        self.since_ms = 0

    def run(self, since_ms: int) -> list[BuyEngineDecision]:
        self.since_ms = since_ms
        self.began.append(self._clock.monotonic())
        if not self.back:
            self._clock.advance(self._hangs_s)
            raise Unavailable("rpc: no answer")
        return []


def opening(node: Node, clock: ManualClock, doubt_since_ms: int = 0) -> StartupRecovery:
    return StartupRecovery(
        cast("BuyExecutor", NOTHING_OPEN),
        cast("Journal", EMPTY),
        CrashLimiter(),
        lambda: 1,
        renew=lambda: None,
        recovery=cast("ChainReconciliation", node),
        settlement=cast("SettlementWorker", SimpleNamespace(went_back=lambda: None)),
        clock=clock,
        doubt_since_ms=lambda: doubt_since_ms,
    )


@pytest.mark.pitfall(33)
@pytest.mark.parametrize("hangs_s", [0.5, 10, 60])
def test_a_node_that_hangs_takes_a_tenth_of_the_buyers_time_at_most(hangs_s: float) -> None:
    clock = ManualClock()
    node, began = Node(clock, hangs_s), clock.monotonic()
    start = opening(node, clock)

    while clock.monotonic() - began < 3600:
        start.finish()
        clock.advance(0.25)

    assert len(node.began) * hangs_s <= 3600 / 10 + hangs_s
    assert start.waits_for == LOST_FILLS


def test_a_node_that_refuses_at_once_is_asked_again_after_half_a_minute_at_most_and_adopts_when_it_is_back() -> None:
    clock = ManualClock()
    node = Node(clock, 0)
    start = opening(node, clock)
    for _ in range(400):
        start.finish()
        clock.advance(0.25)
    apart = [round(late - early) for early, late in itertools.pairwise(node.began)]
    assert apart == [1, 2, 4, 8, 16, 30, 30]

    node.back = True
    clock.advance(30)
    start.finish()

    assert start.waits_for == ""


@pytest.mark.pitfall(50)
def test_what_a_server_forgot_is_looked_for_from_when_the_doubt_began_and_holds_sells_until_it_is_found() -> None:
    clock = ManualClock()
    node = Node(clock, 0)
    start = opening(node, clock, doubt_since_ms=77)
    start.went_back()
    start.finish()
    assert (start.holds_sells, start.seeks_forgotten, node.began) == (True, True, [])

    clock.advance(LOSS_WAIT_S)
    start.finish()
    assert node.since_ms == 77
    clock.advance(SELLS_WAIT_S)
    assert (start.holds_sells, start.seeks_forgotten) == (False, True), "a node that stays away must not keep us in"

    node.back = True
    start.finish()

    assert not start.seeks_forgotten
