"""What only a node with a pool of its own can show: transactions that wait, push each other out, and are taken back."""

from collections.abc import Iterator

import pytest

from shared.domain.errors import Unavailable
from tests.redeemer.evm.anvil import AnvilNode, anvil, running
from tests.redeemer.evm.evm_fixture import ONE, EvmFixture, Market
from tests.redeemer.evm.redeemer_parts import CONFIRMATIONS, LiveRedeemerFixture

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
def place(node: AnvilNode) -> EvmFixture:
    evm = EvmFixture(node)
    evm.approve(evm.signer.address)
    return evm


def a_due_market(fixture: LiveRedeemerFixture, shares: int = 5 * ONE) -> Market:
    market = fixture.evm.market()
    fixture.hold(market, shares)
    fixture.evm.resolve(market, 1, 0)
    return market


@pytest.mark.pitfall(28)
def test_a_stuck_transaction_is_pushed_out_of_a_real_pool_by_its_replacement(
    place: EvmFixture, node: AnvilNode
) -> None:
    fixture = LiveRedeemerFixture(place)
    market, before = a_due_market(fixture), place.balance(place.contracts.pusd, fixture.wallet)
    node.mines_at_once(on=False)
    fixture.clock.mining = False
    try:
        with pytest.raises(Unavailable, match="not mined"):
            fixture.redeem(market)
        made = fixture.transactions.under_way()
    finally:
        node.mines_at_once(on=True)
        fixture.clock.mining = True
    assert made is not None
    assert len(made.attempts) > 1

    result = fixture.redeem(market)

    assert result is not None
    assert (result.transaction, result.paid) == (made.last.hash, 5)
    assert fixture.pusd() == before + 5 * ONE
    assert node.ask("eth_getTransactionReceipt", made.attempts[0].hash) is None


@pytest.mark.pitfall(28)
@pytest.mark.parametrize("depth", [1, CONFIRMATIONS + 3], ids=["before it is booked", "after it was booked"])
def test_a_reorganisation_is_seen_and_paid_once(place: EvmFixture, node: AnvilNode, depth: int) -> None:
    """The chain forgets the blocks and their transactions; a deep one leaves a nonce free below what was booked."""
    fixture = LiveRedeemerFixture(place)
    first, second = a_due_market(fixture), a_due_market(fixture)
    before, nonce = place.balance(place.contracts.pusd, fixture.wallet), node.tester.get_nonce(fixture.wallet)
    node.mine(depth)
    if depth == 1:
        fixture.clock.mining = False
        with pytest.raises(Unavailable, match="1 block"):
            fixture.redeem(first)
        fixture.clock.mining = True
    else:
        fixture.redeem(first)

    node.ask("anvil_reorg", depth, [])
    assert place.balance(place.contracts.pusd, fixture.wallet) == before
    if depth > 1:
        with pytest.raises(Unavailable, match="does not count it any more"):
            fixture.redeem(second)
    fixture.redeem(second)
    fixture.redeem(first)

    assert [event.paid for event in fixture.published()] == [5, 5]
    assert fixture.pusd() == before + 10 * ONE
    assert node.tester.get_nonce(fixture.wallet) == nonce + 2
    assert fixture.alarms() == []
