"""Steps and readings that the tests of sending share."""

from redeemer.domain.pending_transaction import PendingTransaction, read_pending
from tests.redeemer.evm.evm_fixture import ONE, Market
from tests.redeemer.evm.redeemer_parts import LiveRedeemerFixture


def a_due_market(fixture: LiveRedeemerFixture, shares: int = 5 * ONE) -> Market:
    market = fixture.evm.market()
    fixture.hold(market, shares)
    fixture.evm.resolve(market, 1, 0)
    return market


def nonce_of(fixture: LiveRedeemerFixture) -> int:
    return int(fixture.node.eth_get_transaction_count(fixture.wallet, "latest"), 16)


def sent(fixture: LiveRedeemerFixture) -> int:
    return fixture.node.asked.count("eth_sendRawTransaction")


def under_way(fixture: LiveRedeemerFixture) -> PendingTransaction:
    return read_pending(fixture.ledger.records("sendings")[fixture.transactions.address])


def last_nonce(fixture: LiveRedeemerFixture) -> int:
    return int(fixture.ledger.records("nonces")[fixture.transactions.address])
