"""Redeeming for proxy and deposit wallets through a relayer that executes on a real EVM."""

import pytest

from redeemer.domain.contract_calls import WalletKind
from redeemer.transactions.relayer_client import RelayerClient
from redeemer.transactions.relayer_sender import RelayerSender
from redeemer.transactions.relayer_signer import RelayerSigner
from shared.domain.errors import Unavailable
from tests.redeemer.evm.evm_fixture import ONE, Market, Town
from tests.redeemer.evm.redeemer_parts import Counter
from tests.redeemer.evm.relayer_stub import RelayerStub

pytestmark = pytest.mark.evm


class Relayed(Counter):
    """A counter whose wallet is relayed."""

    def __init__(self, town: Town, kind: WalletKind = "deposit") -> None:
        wallet = town.safe if kind == "safe" else town.deploy("RelayedWallet", ["address"], [town.bank])
        super().__init__(town, wallet=wallet, kind=kind)
        town.node.tester.send_transaction({"from": town.bank, "to": wallet, "value": 10**18, "gas": 50_000})
        self.stub = RelayerStub(town, wallet, town.safe_nonce() if kind == "safe" else 7)
        scribe = RelayerSigner(town.signer, wallet, kind, self.contracts, clock=self.clock)
        self.relay = RelayerSender(
            RelayerClient(self.stub), self.purse, scribe, wallet, self.chain_node, clock=self.clock
        )
        self.teller._carrier = self.relay
        if kind == "safe":
            return
        for operator in (self.contracts.ctf_collateral_adapter, self.contracts.neg_risk_ctf_collateral_adapter):
            town.approve_relayed(wallet, operator)

    def due(self, count: int = 1) -> list[Market]:
        markets = [self.town.market(neg_risk=bool(place % 2)) for place in range(count)]
        for market in markets:
            self.hold(market, 2 * ONE)
            self.town.resolve(market, 1, 0)
        return markets


@pytest.mark.parametrize("kind", ["deposit", "proxy", "safe"])
def test_what_is_due_is_redeemed_in_one_envelope_that_the_sdk_would_accept(town: Town, kind: WalletKind) -> None:
    counter = Relayed(town, kind)
    first, second = counter.due(2)

    result = counter.redeem(first)

    assert result is not None
    assert (result.paid, result.token, result.way) == (2, "pUSD", "adapter")
    assert len(counter.stub.submitted) == 1
    assert {event.condition_id for event in counter.published()} == {first.condition_id, second.condition_id}
    assert counter.pusd() == 4 * ONE


@pytest.mark.pitfall(28)
def test_a_quota_that_resets_in_17_hours_is_respected_and_said(town: Town) -> None:
    counter = Relayed(town)
    market = counter.due()[0]
    counter.stub.quota_s = 17 * 3600

    with pytest.raises(Unavailable, match=r"quota is used up until .* \(17\.0 h from now\)"):
        counter.redeem(market)
    counter.stub.quota_s = 0
    counter.clock.advance(16 * 3600)
    with pytest.raises(Unavailable, match=r"\(1\.0 h from now\)"):
        counter.redeem(market)
    assert counter.stub.submitted == []

    counter.clock.advance(3600 + 1)
    result = counter.redeem(market)

    assert result is not None
    assert result.paid == 2


@pytest.mark.pitfall(28)
def test_an_envelope_whose_answer_was_lost_pays_once_and_is_found(town: Town) -> None:
    counter = Relayed(town)
    market = counter.due()[0]
    counter.stub.loses = True

    with pytest.raises(Unavailable, match="lost"):
        counter.redeem(market)
    town.node.mine(5)
    counter.api.redeemed[market.condition_id] = [str(counter.stub.done["id-7"]["transaction_hash"])]
    result = counter.redeem(market)

    assert result is not None
    assert (result.paid, result.way) == (2, "elsewhere")
    assert (len(counter.stub.submitted), counter.pusd()) == (1, 2 * ONE)


@pytest.mark.pitfall(28)
def test_what_the_relayer_gives_up_is_made_again_after_a_while_that_grows(town: Town) -> None:
    """A relayer that fails everything must not be asked at every scan: its quota would be gone in minutes."""
    counter = Relayed(town)
    market = counter.due()[0]
    counter.stub.fails = True

    for minutes in (1, 2, 4):
        assert counter.redeem(market) is None
        with pytest.raises(Unavailable, match=r"gave up .* in a row, the last time: no gas"):
            counter.redeem(market)
        counter.clock.advance(minutes * 60 - 1)
        with pytest.raises(Unavailable, match="nothing is sent before"):
            counter.redeem(market)
        counter.clock.advance(1)
    assert len(counter.stub.submitted) == 3

    counter.stub.fails = False
    result = counter.redeem(market)

    assert result is not None
    assert (result.paid, len(counter.stub.submitted)) == (2, 4)
    assert counter.ledger.records("relayer_holds") == {}


def test_what_the_relayer_has_is_not_touched_by_a_safes_owner_who_sends_himself(town: Town) -> None:
    relayed = Relayed(town, "safe")
    market = relayed.due()[0]
    relayed.stub.quota_s = 600
    with pytest.raises(Unavailable, match="quota"):
        relayed.redeem(market)
    owner = Counter(town, wallet=town.safe, kind="safe", ledger=relayed.ledger)

    with pytest.raises(Unavailable, match="set SAFE_SENT_BY=relayer until it is settled"):
        owner.redeem(market)
