"""Call data and envelopes, judged by eth-abi and by the official SDK; the address table and its overrides."""

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from polymarket._internal.actions.relayer import gasless
from polymarket._internal.actions.relayer.calls import (
    TransactionCall,
    ctf_merge_positions_call,
    ctf_redeem_positions_call,
    encode_proxy_call,
    encode_safe_multisend_call,
    erc1155_set_approval_for_all_call,
    router_redeem_call,
)
from polymarket._internal.actions.relayer.signing.deposit_wallet import sign_deposit_wallet_batch
from polymarket._internal.actions.relayer.signing.proxy import build_proxy_transaction_hash, sign_proxy_message
from polymarket._internal.actions.relayer.signing.safe import sign_safe_transaction
from polymarket._internal.protocol import decode_v2_outcome_position_id
from polymarket.environments import PRODUCTION

from redeemer.domain import contract_calls, relayer_requests
from redeemer.domain.contract_calls import ContractCall, Route
from redeemer.domain.redemption_action import ConditionHolding, MarketKind, RedemptionAction, State
from redeemer.transactions.signer import signer_of
from shared.domain.errors import BadConfig
from shared.domain.market import positions_of
from shared.polymarket.wire import abi
from shared.polymarket.wire.conditions import PayoutVector
from shared.polymarket.wire.contracts import Contracts, overridden_contracts

pytestmark = pytest.mark.evm

KEY = "33" * 32
CONDITION = "0x" + "c0" * 32
ADDRESS = "0x" + "ab" * 20
CONTRACTS = Contracts()
CALLS = (ContractCall(ADDRESS, "0x0102"), ContractCall("0x" + "cd" * 20, "0x" + "07" * 40))


def test_the_encoder_agrees_with_eth_abi_on_every_kind_of_argument() -> None:
    values: list[Any] = [7, ADDRESS, CONDITION, b"\x01\x02", [1, 2, 3], [(1, ADDRESS, 0, b"abc"), (2, ADDRESS, 9, b"")]]
    kinds = ["uint256", "address", "bytes32", "bytes", "uint256[]", "(uint8,address,uint256,bytes)[]"]
    judged = [
        bytes.fromhex(value[2:]) if kind == "bytes32" else value for kind, value in zip(kinds, values, strict=True)
    ]

    assert abi.encode_words(*values) == encode(kinds, judged)


def any_of(value: object) -> Any:
    """Return a value as whatever the SDK's types want."""
    return value


def a_due(kind: MarketKind = "plain", state: State = "pay") -> RedemptionAction:
    return RedemptionAction(CONDITION, state, ConditionHolding(CONDITION, kind, ("1", "2"), (5, 3)), 5)


@pytest.mark.parametrize("kind", ["plain", "neg_risk"])
def test_the_current_way_is_the_sdks_call_but_for_the_argument_that_no_adapter_reads(kind: MarketKind) -> None:
    ours = contract_calls.redeem_calls(a_due(kind), "adapter", CONTRACTS)[0]
    collateral = CONTRACTS.usdc_e if kind == "plain" else CONTRACTS.wrapped_collateral
    theirs = ctf_redeem_positions_call(ctf=any_of(ours.to), collateral=any_of(collateral), condition_id=CONDITION)

    assert (ours.to, ours.data) == (str(theirs.to), theirs.data)


@pytest.mark.parametrize("route", ["adapter", "direct"])
@pytest.mark.parametrize(
    ("payouts", "outcomes"),
    [((1, 0), [0]), ((0, 1), [1]), ((1, 3), [0, 1])],
    ids=["the first won", "the second won", "both are paid"],
)
def test_a_position_of_protocol_v2_is_redeemed_by_the_sdks_call_for_each_outcome_that_is_owed_something(
    route: Route, payouts: tuple[int, int], outcomes: list[int]
) -> None:
    condition = "0x01" + "c7" * 30
    holding = ConditionHolding(condition, "position", positions_of(condition), (5_000_000, 3_000_001))
    due = RedemptionAction(condition, "pay", holding, 5, PayoutVector(condition, payouts, sum(payouts), "chain"))
    theirs = [
        router_redeem_call(
            router=any_of(CONTRACTS.router), condition_id=condition, outcome_index=each, amount=holding.balances[each]
        )
        for each in outcomes
    ]

    ours = contract_calls.redeem_calls(due, route, CONTRACTS)

    assert [(call.to, call.data) for call in ours] == [(str(call.to), call.data) for call in theirs]
    assert contract_calls.paid_token((due,), route) == "pusd"


def test_the_router_is_approved_on_the_position_manager_by_the_sdks_call() -> None:
    theirs = erc1155_set_approval_for_all_call(
        token_address=any_of(CONTRACTS.position_manager), operator=any_of(CONTRACTS.router), approved=True
    )

    calls = [contract_calls.approve_call(each) for each in contract_calls.needed_approvals("adapter", CONTRACTS)]

    assert ContractCall(str(theirs.to), theirs.data) in calls


def test_the_positions_of_a_condition_are_those_that_the_sdk_derives() -> None:
    condition = "0x01" + "c7" * 17 + "00" * 8 + "c7" * 5
    outcomes = [decode_v2_outcome_position_id(each) for each in positions_of(condition)]

    assert [(str(each.condition_id), each.outcome_index) for each in outcomes] == [(condition, 0), (condition, 1)]


def test_a_merge_is_the_sdks_call() -> None:
    ours = contract_calls.redeem_calls(a_due(state="merge"), "adapter", CONTRACTS)[0]
    theirs = ctf_merge_positions_call(
        target=any_of(ours.to), collateral=any_of(CONTRACTS.usdc_e), condition_id=CONDITION, amount=3
    )

    assert ours.data == theirs.data


@pytest.mark.pitfall(27)
@pytest.mark.parametrize(
    ("route", "kind", "contract", "token"),
    [
        ("adapter", "plain", CONTRACTS.ctf_collateral_adapter, CONTRACTS.pusd),
        ("adapter", "neg_risk", CONTRACTS.neg_risk_ctf_collateral_adapter, CONTRACTS.pusd),
        ("direct", "plain", CONTRACTS.conditional_tokens, CONTRACTS.usdc_e),
        ("direct", "neg_risk", CONTRACTS.neg_risk_adapter, CONTRACTS.usdc_e),
    ],
)
def test_each_way_calls_the_contract_of_its_market(route: Route, kind: MarketKind, contract: str, token: str) -> None:
    assert contract_calls.redeem_calls(a_due(kind), route, CONTRACTS)[0].to == contract
    assert getattr(CONTRACTS, contract_calls.paid_token((a_due(kind),), route)) == token


def test_several_calls_are_packed_as_the_sdk_packs_them() -> None:
    theirs = [TransactionCall(to=any_of(each.to), data=any_of(each.data)) for each in CALLS]

    assert contract_calls.combined_call(CALLS, CONTRACTS) == (
        ContractCall(CONTRACTS.safe_multisend, encode_safe_multisend_call(theirs)),
        1,
    )
    assert relayer_requests.proxy_data(CALLS) == encode_proxy_call(theirs)


def test_what_the_owner_signs_for_a_proxy_is_what_the_sdk_signs() -> None:
    signer = signer_of(KEY)
    digest = relayer_requests.proxy_digest(signer.address, "0x0102", 200_000, 7, ADDRESS, CONTRACTS)
    theirs = build_proxy_transaction_hash(
        from_address=any_of(signer.address), to=any_of(CONTRACTS.proxy_factory), data=any_of("0x0102"),
        relayer_fee="0", gas_price="0", gas_limit="200000", nonce="7",
        relay_hub=any_of(CONTRACTS.relay_hub), relay=any_of(ADDRESS),
    )  # fmt: skip

    assert "0x" + digest.hex() == theirs
    assert "0x" + signer.sign_digest(digest).hex() == sign_proxy_message(Account.from_key("0x" + KEY), theirs)


def test_what_the_owner_signs_for_a_deposit_wallet_is_what_the_sdk_signs() -> None:
    message = relayer_requests.deposit_message(ADDRESS, CALLS, 7, 1_790_000_600, 137)
    theirs = sign_deposit_wallet_batch(
        Account.from_key("0x" + KEY),
        wallet=any_of(ADDRESS),
        calls=[TransactionCall(to=any_of(each.to), data=any_of(each.data)) for each in CALLS],
        nonce="7",
        deadline="1790000600",
        chain_id=137,
    )

    assert "0x" + signer_of(KEY).sign_typed(message).hex() == theirs


@pytest.mark.parametrize("calls", [CALLS[:1], CALLS], ids=["one call", "several"])
def test_what_the_owner_of_a_safe_signs_and_submits_is_what_the_sdk_does(calls: tuple[ContractCall, ...]) -> None:
    signer = signer_of(KEY)
    call, operation = contract_calls.combined_call(calls, CONTRACTS)
    signature = signer.sign_for_safe(relayer_requests.safe_message(ADDRESS, call, operation, 7, 137))
    theirs = sign_safe_transaction(
        Account.from_key("0x" + KEY), safe_address=any_of(ADDRESS), to=any_of(call.to), data=any_of(call.data),
        value=0, operation=operation, nonce="7", chain_id=137,
    )  # fmt: skip
    payload = gasless.build_safe_payload(
        signer_address=signer.address, wallet=any_of(ADDRESS), target=any_of(call.to), data=any_of(call.data), value=0,
        operation=operation, nonce="7", signature=theirs, metadata="",
    )  # fmt: skip

    assert "0x" + signature.hex() == theirs
    assert relayer_requests.safe_envelope(signer.address, ADDRESS, call, operation, 7, signature) == payload


def test_the_envelopes_are_the_sdks() -> None:
    calls = [TransactionCall(to=any_of(each.to), data=any_of(each.data)) for each in CALLS]
    owner = signer_of(KEY).address
    proxy = gasless.build_proxy_payload(
        signer_address=owner, proxy_factory=CONTRACTS.proxy_factory, wallet=any_of(ADDRESS), data=any_of("0x01"),
        nonce="7", signature=any_of("0x00"), gas_limit="9", relay=any_of(ADDRESS),
        relay_hub=CONTRACTS.relay_hub, metadata="",
    )  # fmt: skip
    deposit = gasless.build_deposit_wallet_payload(
        signer_address=owner, deposit_wallet_factory=CONTRACTS.deposit_factory, wallet=any_of(ADDRESS), calls=calls,
        nonce="7", deadline="600", signature="0x00", metadata="",
    )  # fmt: skip

    assert relayer_requests.proxy_envelope(owner, ADDRESS, "0x01", 9, 7, ADDRESS, b"\x00", CONTRACTS) == proxy
    assert relayer_requests.deposit_envelope(owner, ADDRESS, CALLS, 7, 600, b"\x00", CONTRACTS) == deposit


def test_the_built_in_addresses_are_the_sdks() -> None:
    config = PRODUCTION._config
    ours = {
        "conditional_tokens": CONTRACTS.conditional_tokens,
        "collateral_token": CONTRACTS.pusd,
        "neg_risk_adapter": CONTRACTS.neg_risk_adapter,
        "collateral_adapter": CONTRACTS.ctf_collateral_adapter,
        "neg_risk_collateral_adapter": CONTRACTS.neg_risk_ctf_collateral_adapter,
        "position_manager": CONTRACTS.position_manager,
        "protocol_v2_router": CONTRACTS.router,
        "safe_multisend": CONTRACTS.safe_multisend,
        "relay_hub": CONTRACTS.relay_hub,
    }

    assert ours == {name: str(getattr(config, name)).lower() for name in ours}


def test_an_address_can_be_replaced_and_a_wrong_word_is_refused_with_its_fix() -> None:
    assert overridden_contracts(("pusd=" + ADDRESS.upper().replace("X", "x"), "chain_id=31337")).pusd == ADDRESS
    for word, named in (
        ("pusd=0x12", "expected pusd="),
        ("usdc=0x12", "is none of"),
        ("chain_id=x", "expected chain_id="),
    ):
        with pytest.raises(BadConfig, match=named):
            overridden_contracts((word,))
