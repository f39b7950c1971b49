"""What only a node with a pool of its own can show: transactions that wait, push each other out, and are taken back."""

from collections.abc import Iterator

import pytest

from shared.domain.errors import Unavailable
from tests.redeemer.evm.anvil import AnvilNode, anvil, running
from tests.redeemer.evm.evm_fixture import ONE, Market, Town
from tests.redeemer.evm.redeemer_parts import CONFIRMATIONS, Counter

pytestmark = pytest.mark.evm

NO_ANVIL = (
    "no anvil: `npm install @foundry-rs/anvil` here, or ANVIL=its binary, runs these tests, and all others of this "
    "folder on anvil as well as on py-evm"
)


@pytest.fixture(scope="module")
def node() -> Iterator[AnvilNode]:
    if not anvil():
        pytest.skip(NO_ANVIL)
    with running() as node:
        yield node


@pytest.fixture(scope="module")
def place(node: AnvilNode) -> Town:
    town = Town(node)
    town.approve(town.signer.address)
    return town


def a_due_market(counter: Counter, shares: int = 5 * ONE) -> Market:
    market = counter.town.market()
    counter.hold(market, shares)
    counter.town.resolve(market, 1, 0)
    return market


@pytest.mark.pitfall(28)
def test_a_stuck_transaction_is_pushed_out_of_a_real_pool_by_its_replacement(place: Town, node: AnvilNode) -> None:
    counter = Counter(place)
    market, before = a_due_market(counter), place.balance(place.contracts.pusd, counter.wallet)
    node.mines_at_once(on=False)
    counter.clock.mining = False
    try:
        with pytest.raises(Unavailable, match="not mined"):
            counter.redeem(market)
        made = counter.purse.under_way()
    finally:
        node.mines_at_once(on=True)
        counter.clock.mining = True
    assert made is not None
    assert len(made.attempts) > 1

    result = counter.redeem(market)

    assert result is not None
    assert (result.transaction, result.paid) == (made.last.hash, 5)
    assert counter.pusd() == before + 5 * ONE
    assert node.ask("eth_getTransactionReceipt", made.attempts[0].hash) is None


@pytest.mark.pitfall(28)
@pytest.mark.parametrize("depth", [1, CONFIRMATIONS + 3], ids=["before it is booked", "after it was booked"])
def test_a_reorganisation_is_seen_and_paid_once(place: Town, node: AnvilNode, depth: int) -> None:
    """The chain forgets the blocks and their transactions; a deep one leaves a nonce free below what was booked."""
    counter = Counter(place)
    first, second = a_due_market(counter), a_due_market(counter)
    before, nonce = place.balance(place.contracts.pusd, counter.wallet), node.tester.get_nonce(counter.wallet)
    node.mine(depth)
    if depth == 1:
        counter.clock.mining = False
        with pytest.raises(Unavailable, match="1 block"):
            counter.redeem(first)
        counter.clock.mining = True
    else:
        counter.redeem(first)

    node.ask("anvil_reorg", depth, [])
    assert place.balance(place.contracts.pusd, counter.wallet) == before
    if depth > 1:
        with pytest.raises(Unavailable, match="does not count it any more"):
            counter.redeem(second)
    counter.redeem(second)
    counter.redeem(first)

    assert [event.paid for event in counter.published()] == [5, 5]
    assert counter.pusd() == before + 10 * ONE
    assert node.tester.get_nonce(counter.wallet) == nonce + 2
    assert counter.alarms() == []
