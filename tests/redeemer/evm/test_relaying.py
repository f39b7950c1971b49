"""Redeeming for proxy and deposit wallets through a relayer that executes on a real EVM."""

import pytest

from redeemer.domain.contract_calls import WalletKind
from redeemer.transactions.relayer_client import RelayerClient
from redeemer.transactions.relayer_sender import RelayerSender
from redeemer.transactions.relayer_signer import RelayerSigner
from shared.domain.errors import Unavailable
from tests.redeemer.evm.evm_fixture import ONE, EvmFixture, Market
from tests.redeemer.evm.redeemer_parts import LiveRedeemerFixture
from tests.redeemer.evm.relayer_stub import RelayerStub

pytestmark = pytest.mark.evm


class Relayed(LiveRedeemerFixture):
    """A fixture whose wallet is relayed."""

    def __init__(self, evm: EvmFixture, kind: WalletKind = "deposit") -> None:
        wallet = evm.safe if kind == "safe" else evm.deploy("RelayedWallet", ["address"], [evm.bank])
        super().__init__(evm, wallet=wallet, kind=kind)
        evm.node.tester.send_transaction({"from": evm.bank, "to": wallet, "value": 10**18, "gas": 50_000})
        self.stub = RelayerStub(evm, wallet, evm.safe_nonce() if kind == "safe" else 7)
        scribe = RelayerSigner(evm.signer, wallet, kind, self.contracts, clock=self.clock)
        self.relay = RelayerSender(
            RelayerClient(self.stub), self.transactions, scribe, wallet, self.chain_node, clock=self.clock
        )
        self.redeemer._sender = self.relay
        if kind == "safe":
            return
        for operator in (self.contracts.ctf_collateral_adapter, self.contracts.neg_risk_ctf_collateral_adapter):
            evm.approve_relayed(wallet, operator)

    def due(self, count: int = 1) -> list[Market]:
        markets = [self.evm.market(neg_risk=bool(place % 2)) for place in range(count)]
        for market in markets:
            self.hold(market, 2 * ONE)
            self.evm.resolve(market, 1, 0)
        return markets


@pytest.mark.parametrize("kind", ["deposit", "proxy", "safe"])
def test_what_is_due_is_redeemed_in_one_envelope_that_the_sdk_would_accept(evm: EvmFixture, kind: WalletKind) -> None:
    fixture = Relayed(evm, kind)
    first, second = fixture.due(2)

    result = fixture.redeem(first)

    assert result is not None
    assert (result.paid, result.token, result.way) == (2 * ONE, "pUSD", "adapter")
    assert len(fixture.stub.submitted) == 1
    assert {event.condition_id for event in fixture.published()} == {first.condition_id, second.condition_id}
    assert fixture.pusd() == 4 * ONE


@pytest.mark.pitfall(28)
def test_a_quota_that_resets_in_17_hours_is_respected_and_said(evm: EvmFixture) -> None:
    fixture = Relayed(evm)
    market = fixture.due()[0]
    fixture.stub.quota_s = 17 * 3600

    with pytest.raises(Unavailable, match=r"quota is used up until .* \(17\.0 h from now\)"):
        fixture.redeem(market)
    fixture.stub.quota_s = 0
    fixture.clock.advance(16 * 3600)
    with pytest.raises(Unavailable, match=r"\(1\.0 h from now\)"):
        fixture.redeem(market)
    assert fixture.stub.submitted == []

    fixture.clock.advance(3600 + 1)
    result = fixture.redeem(market)

    assert result is not None
    assert result.paid == 2 * ONE


@pytest.mark.pitfall(28)
def test_an_envelope_whose_answer_was_lost_pays_once_and_is_found(evm: EvmFixture) -> None:
    fixture = Relayed(evm)
    market = fixture.due()[0]
    fixture.stub.loses = True

    with pytest.raises(Unavailable, match="lost"):
        fixture.redeem(market)
    evm.node.mine(5)
    fixture.api.redeemed[market.condition_id] = [str(fixture.stub.done["id-7"]["transaction_hash"])]
    result = fixture.redeem(market)

    assert result is not None
    assert (result.paid, result.way) == (2 * ONE, "elsewhere")
    assert (len(fixture.stub.submitted), fixture.pusd()) == (1, 2 * ONE)


@pytest.mark.pitfall(28)
def test_what_the_relayer_gives_up_is_made_again_after_a_while_that_grows(evm: EvmFixture) -> None:
    """A relayer that fails everything must not be asked at every scan: its quota would be gone in minutes."""
    fixture = Relayed(evm)
    market = fixture.due()[0]
    fixture.stub.fails = True

    for minutes in (1, 2, 4):
        assert fixture.redeem(market) is None
        with pytest.raises(Unavailable, match=r"gave up .* in a row, the last time: no gas"):
            fixture.redeem(market)
        fixture.clock.advance(minutes * 60 - 1)
        with pytest.raises(Unavailable, match="nothing is sent before"):
            fixture.redeem(market)
        fixture.clock.advance(1)
    assert len(fixture.stub.submitted) == 3

    fixture.stub.fails = False
    result = fixture.redeem(market)

    assert result is not None
    assert (result.paid, len(fixture.stub.submitted)) == (2 * ONE, 4)
    assert fixture.ledger.records("relayer_holds") == {}


def test_what_the_relayer_has_is_not_touched_by_a_safes_owner_who_sends_himself(evm: EvmFixture) -> None:
    relayed = Relayed(evm, "safe")
    market = relayed.due()[0]
    relayed.stub.quota_s = 600
    with pytest.raises(Unavailable, match="quota"):
        relayed.redeem(market)
    owner = LiveRedeemerFixture(evm, wallet=evm.safe, kind="safe", ledger=relayed.ledger)

    with pytest.raises(Unavailable, match="set SAFE_SENT_BY=relayer until it is settled"):
        owner.redeem(market)
