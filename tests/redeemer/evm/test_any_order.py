"""Whatever happens in whatever order, each condition is paid and booked once, or an alarm says why it is not."""

from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from redeemer.redemption.planner import ALARMS
from redeemer.transactions.signer import signer_of
from shared.domain.errors import HybridError
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.ledger.port import open_lots
from shared.polymarket.wire.contracts import Contracts
from tests.redeemer.builders import a_lot, hold
from tests.redeemer.dying_ledger import Killed, MortalLedger
from tests.redeemer.evm.evm_fixture import KEY, ONE
from tests.redeemer.evm.redeemer_parts import CONFIRMATIONS, LiveRedeemerFixture
from tests.redeemer.evm.toy_chain import GWEI, ToyChain

pytestmark = pytest.mark.evm

SIGNER = signer_of(KEY)
NAMES = tuple("0x" + f"{place}c" * 32 for place in range(1, 4))
HELD = ((5 * ONE, 0), (3 * ONE, 4 * ONE), (7, 2 * ONE))
VECTORS = ((1, 0), (1, 1), (1, 3))

places = st.integers(0, len(NAMES) - 1)
deeds = st.one_of(
    st.tuples(st.just("redeem"), places, st.booleans()),
    st.tuples(st.just("killed"), places, st.integers(1, 6), st.booleans()),
    st.tuples(st.just("node away"), places, st.integers(1, 40)),
    st.tuples(st.just("mined"), st.integers(1, 3)),
    st.tuples(st.just("taken back"), st.integers(1, CONFIRMATIONS - 1), st.booleans()),
    st.tuples(st.just("dear"), st.integers(1, 3)),
    st.tuples(st.just("forgotten")),
    st.tuples(st.just("pays short"), places, st.integers(0, 99)),
    st.tuples(st.just("somebody was first"), places),
    st.tuples(st.just("key used elsewhere")),
)
"""One thing that happens; numbers say to which condition, after how much, how deep."""


@dataclass
class World:
    """The chain and the ledger outlive every process; `fixture` is the one that runs now."""

    chain: ToyChain
    ledger: MortalLedger
    fixture: LiveRedeemerFixture

    def start(self) -> None:
        """Start a new process on what is there."""
        evm: Any = SimpleNamespace(node=self.chain, signer=SIGNER, contracts=self.chain.contracts)
        redeemed = self.fixture.api.redeemed if hasattr(self, "fixture") else {}
        self.fixture = LiveRedeemerFixture(evm, ledger=self.ledger)
        self.fixture.api.redeemed = redeemed
        self.ledger.left, self.chain.dies_in, self.chain.dead = 0, 0, False

    def redeem(self, place: int) -> None:
        """Run one job, as rq would: what it raises is tried again later."""
        with suppress(HybridError):
            self.fixture.redeemer.redeem(SIGNER.address, NAMES[place])

    def happen(self, deed: tuple[Any, ...]) -> None:
        """Let one thing happen."""
        match deed:
            case ("redeem", place, mining):
                self.fixture.clock.mining = mining
                self.redeem(place)
            case ("killed", place, step, lost):
                self.ledger.left, self.ledger.lost = step, lost
                with suppress(Killed):
                    self.redeem(place)
                self.start()
            case ("node away", place, after):
                self.chain.dies_in = after
                self.redeem(place)
                self.chain.dies_in, self.chain.dead = 0, False
            case ("mined", blocks):
                self.chain.mine(blocks)
            case ("taken back", blocks, keep):
                self.chain.take_back(blocks, keep=keep)
            case ("dear", times):
                self.chain.floor = times * GWEI
            case ("forgotten",):
                self.chain.pending = {}
            case ("pays short", int(place), percent):
                self.chain.percent[NAMES[place]] = percent
            case ("somebody was first", int(place)):
                tx_hash = self.chain.redeemed_by_somebody(NAMES[place])
                self.fixture.api.redeemed.setdefault(NAMES[place], []).insert(0, tx_hash)
            case _:
                self.chain.key_used_elsewhere()

    def calm(self) -> None:
        """Let nothing more go wrong, and all work be done."""
        self.start()
        self.chain.floor = GWEI
        for _ in range(4):
            for place in range(len(NAMES)):
                self.redeem(place)
            self.chain.mine(CONFIRMATIONS)

    def lift(self) -> None:
        """Lift every alarm, as an operator who looked does."""
        for name in self.ledger.records(ALARMS):
            self.ledger.commit(LedgerWrite(id=f"clear:{name}", records=(LedgerRecord(ALARMS, name, None),)))


def a_world() -> World:
    chain, ledger = ToyChain(SIGNER.address, Contracts()), MortalLedger()
    for name, held, vector in zip(NAMES, HELD, VECTORS, strict=True):
        chain.held[name], chain.payouts[name] = held, vector
        lots = [
            a_lot(token_id=token, condition_id=name, outcome_index=place, shares=shares, cost=0)
            for place, (token, shares) in enumerate(zip(chain.tokens(name), held, strict=True))
            if shares
        ]
        hold(ledger, *lots, seed=name)
    world = World.__new__(World)
    world.chain, world.ledger = chain, ledger
    world.start()
    return world


def booked(world: World) -> dict[str, list[int]]:
    """Return what each condition was booked with, one number for each time."""
    found: dict[str, list[int]] = {name: [] for name in NAMES}
    for event in world.fixture.published():
        found[event.condition_id].append(event.paid)
    return found


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(happened=st.lists(deeds, max_size=20))
@example(happened=[("key used elsewhere",), ("redeem", 0, False), ("taken back", 1, False)])
@example(happened=[("somebody was first", 0), ("somebody was first", 0), ("taken back", 1, False)])
@example(happened=[("killed", 0, 1, False), ("key used elsewhere",), ("redeem", 0, True)])
@example(happened=[("redeem", 0, False), ("mined", 1), ("somebody was first", 1), ("taken back", 2, False)])
@example(happened=[("dear", 3), ("redeem", 0, True), ("forgotten",), ("node away", 1, 30), ("redeem", 0, True)])
def test_each_condition_is_paid_and_booked_once_or_an_alarm_stands(happened: list[tuple[Any, ...]]) -> None:
    world = a_world()

    for deed in happened:
        world.happen(deed)
    world.calm()

    alarms = world.ledger.records(ALARMS)
    for name, amounts in booked(world).items():
        short = world.chain.paid(name) < world.chain.owed(name)
        assert (amounts == []) == (name in alarms or short), f"{name}: {amounts}"
        assert amounts in ([], [world.chain.paid(name)])
    assert world.fixture.transactions.under_way() is None
    assert world.chain.nonces() == list(range(len(world.chain.nonces())))
    assert all(each.nonce < len(world.chain.nonces()) for each in world.chain.pending.values())

    world.lift()
    world.calm()

    for name, amounts in booked(world).items():
        whole = world.chain.paid(name) == world.chain.owed(name)
        assert amounts == ([world.chain.owed(name)] if whole else [])
    left = {lot.condition_id for lot in open_lots(world.ledger)}
    assert left == {name for name, amounts in booked(world).items() if not amounts}
