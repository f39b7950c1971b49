"""Deciding on the local copy of the ledger: nothing is asked while a signal waits, and nothing late is missed."""

import pytest

from ops.operator import controls
from shared.domain.market import Book
from shared.messages.base import SIGNALS
from shared.redis.streams import publish_event
from tests.buyer.builders import a_signal
from tests.buyer.consumer_rig import Feed, Rig, a_hash

pytestmark = pytest.mark.server


def test_a_warm_buyer_asks_the_ledger_nothing_while_a_signal_waits(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(0)))
    rig.run_until(lambda: len(rig.decisions()) == 1)
    reads = rig.ledger.reads

    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(1)))
    rig.run_until(lambda: len(rig.decisions()) == 2)

    first, second = rig.decisions()
    assert rig.ledger.reads == reads
    assert first.outcome is not None
    assert second.inputs.portfolio is not None
    assert second.inputs.portfolio.spent_today == first.outcome.usdc


def test_a_control_turned_while_a_signal_is_decided_is_seen_by_deciding_again(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(0)))
    rig.run_until(lambda: len(rig.decisions()) == 1)
    turned: list[bool] = []

    class Late(Feed):
        def book(self, token_id: str) -> tuple[Book | None, str]:
            """Let somebody pause all buying at the moment in which the book is read."""
            if not turned:
                turned.append(controls.pause_buys(rig.redis, "paper", "fees went up", rig.clock))
            return super().book(token_id)

    rig.engine._prices = Late()
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(1)))
    rig.run_until(lambda: len(rig.decisions()) == 2)

    decision = rig.decisions()[1]
    assert (decision.verdict, decision.reason) == ("SKIP", "not_paused")
    assert len(rig.venue.placed) == 1


def test_a_signal_that_another_delivery_decided_is_not_bought_on_what_is_at_hand(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    paused = controls.pause_buys(rig.redis, "paper", "fees went up", rig.clock)
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(0)))
    rig.run_until(lambda: len(rig.decisions()) == 1)
    controls.resume(rig.redis, "paper", "all well", rig.clock)
    rig.clock.advance(1)
    rig.journal.refresh()

    again = rig.engine.process_actionable(a_signal(tx_hash=a_hash(0)))

    assert paused
    assert again is None
    assert rig.venue.placed == []
    assert len(rig.decisions()) == 1
