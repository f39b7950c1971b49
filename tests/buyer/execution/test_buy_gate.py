"""Buys wait until they are known to be allowed; what is held can be sold."""

import pytest

from buyer.execution.buy_gate import OVERTAKEN, BuyGate, BuysWait
from shared.clock import ManualClock
from shared.domain.errors import RefusedForSafety, Unavailable
from shared.domain.market import Side
from shared.messages.signals import ActionableSignal
from tests.buyer.builders import a_signal

pytestmark = pytest.mark.pitfall(35)
CLOCK = ManualClock()


class Answers:
    """A permission that waits for something, or is refused."""

    def __init__(self, waiting: str = "", *, refused: bool = False) -> None:
        self.waiting, self.refused = waiting, refused

    def waits_for(self) -> str:
        if self.refused:
            raise RefusedForSafety("no")
        return self.waiting


def a_gate(waiting: str = "", recovery: str = "", *, refused: bool = False) -> BuyGate:
    gate = BuyGate(CLOCK, lambda _: 30.0, Answers(waiting, refused=refused))
    gate.recovery = recovery
    return gate


def passes(gate: BuyGate, side: Side, *, age_s: int = 0, held: bool = False) -> bool:
    signal = a_signal(side=side, traded_at_ms=CLOCK.now_ms() - age_s * 1000)
    try:
        gate.admit_signal(signal, has_lot=lambda: held, skip=never)
    except BuysWait:
        return False
    return True


def test_a_buy_waits_for_the_preflight_and_for_forgotten_fills_and_a_stale_one_is_decided() -> None:
    assert passes(a_gate(), "BUY")
    assert not passes(a_gate("region"), "BUY")
    assert not passes(a_gate(recovery="fills"), "BUY")
    assert passes(a_gate("region"), "BUY", age_s=31)


def test_a_sell_waits_only_for_a_lot_that_may_be_among_forgotten_fills() -> None:
    assert passes(a_gate("region"), "SELL")
    assert passes(a_gate("region", "fills"), "SELL", held=True)
    assert not passes(a_gate(recovery="fills"), "SELL")


@pytest.mark.pitfall(50)
@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_stale_signal_is_not_skipped_while_the_server_may_have_forgotten_its_order(side: Side) -> None:
    gate = a_gate(recovery="fills")
    gate.forgotten = True
    assert not passes(gate, side, age_s=31, held=True)

    gate.recovery, gate.forgotten = "", False

    assert passes(gate, side, age_s=31, held=True)


@pytest.mark.pitfall(45)
def test_a_buy_whose_leader_sold_while_it_waited_is_concluded_before_that_sell_is_decided() -> None:
    gate, permission = _waiting_gate()
    buy = a_signal(traded_at_ms=CLOCK.now_ms())
    sell = a_signal(id="5" * 64, side="SELL", traded_at_ms=CLOCK.now_ms())
    other = a_signal(id="6" * 64, token_id="99", traded_at_ms=CLOCK.now_ms())
    for one in (buy, other):
        with pytest.raises(BuysWait, match="region"):
            gate.admit_signal(one, has_lot=lambda: False, skip=never)
    with pytest.raises(Unavailable):
        gate.admit_signal(sell, has_lot=lambda: False, skip=away)
    skipped: list[tuple[str, str]] = []

    gate.admit_signal(sell, has_lot=lambda: False, skip=lambda one, reason: skipped.append((one.id, reason)))
    gate.admit_signal(sell, has_lot=lambda: False, skip=never)

    assert skipped == [(buy.id, OVERTAKEN)]
    permission.waiting = ""
    gate.admit_signal(other, has_lot=lambda: False, skip=never)
    assert not gate._waiting


def never(signal: ActionableSignal, reason: str) -> None:
    raise AssertionError(f"{signal.id} is concluded: {reason}")


def away(_signal: ActionableSignal, _reason: str) -> None:
    raise Unavailable("Redis")


def _waiting_gate() -> tuple[BuyGate, Answers]:
    permission = Answers("region")
    return BuyGate(CLOCK, lambda _: 30.0, permission), permission


def test_no_intent_of_a_buy_passes_a_gate_that_waits_whatever_its_age() -> None:
    with pytest.raises(BuysWait, match="region"):
        a_gate("region").admit()
    with pytest.raises(RefusedForSafety):
        a_gate(refused=True).admit()
    a_gate().admit()
