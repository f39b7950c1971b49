"""The contract calls that redeem what is due: which call, on which contract, for which pay; who carries it. Pure.

Positions of plain markets derive from USDC.e and those of neg-risk markets from wrapped collateral (venue reference
7.2), so the collateral a balance was found under names the adapter: no flag of the venue is trusted for it.

| way | market | call | the wallet must approve | pays |
|---|---|---|---|---|
| adapter | plain | `CtfCollateralAdapter.redeemPositions` | the adapter | pUSD |
| adapter | neg_risk | `NegRiskCtfCollateralAdapter.redeemPositions` | the adapter | pUSD |
| direct | plain | `ConditionalTokens.redeemPositions` | nobody | USDC.e |
| direct | neg_risk | `NegRiskAdapter.redeemPositions` | the adapter | USDC.e |
| both | position | `Router.redeem`, one call for each outcome that is owed something | the Router | pUSD |

Positions of Protocol V2 are kept by the PositionManager, and approved for there; all others by ConditionalTokens.

| wallet | carried by | calls at once | gas |
|---|---|---|---|
| eoa | its own transaction | 1 | ours |
| safe | `execTransaction`, several through MultiSend: its owner, or the relayer | 40 | ours, or the venue's |
| proxy | the relayer | 40 | the venue's |
| deposit | the relayer | 40 | the venue's |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from redeemer.domain.redemption_action import POSITION, ConditionHolding, MarketKind, RedemptionAction
from shared.domain.errors import Malformed
from shared.polymarket.wire import abi
from shared.polymarket.wire.contracts import Contracts

Route = Literal["adapter", "direct"]
WalletKind = Literal["eoa", "safe", "proxy", "deposit"]

MOST_CALLS = 40
"""A redemption takes up to 300,000 gas and a transaction may take 16.7 million (EIP-7825)."""
CALLS_AT_ONCE: dict[WalletKind, int] = {"eoa": 1, "safe": MOST_CALLS, "proxy": MOST_CALLS, "deposit": MOST_CALLS}
RELAYED: frozenset[WalletKind] = frozenset({"proxy", "deposit"})

REDEEM = "0x01b7037c"
REDEEM_NEG_RISK = "0xdbeccb23"
REDEEM_POSITION = "0xd217a3cc"
MERGE = "0x9e7212ad"
MERGE_NEG_RISK = "0xb10c5c17"
SET_APPROVAL = "0xa22cb465"
IS_APPROVED = "0xe985e9c5"
MULTI_SEND = "0x8d80ff0a"
EXEC_TRANSACTION = "0x6a761202"

_ROOT = "0x" + "0" * 64
_NOBODY = "0x" + "0" * 40
_BOTH = [1, 2]
_CALL, _DELEGATE_CALL = 0, 1


@dataclass(frozen=True)
class ContractCall:
    """One call to a contract; `data` in hex."""

    to: str
    data: str


@dataclass(frozen=True)
class RedeemWay:
    """A contract to call, the token it pays, and whether the wallet must have approved it."""

    contract: str
    token: str
    approval: bool


@dataclass(frozen=True)
class Approval:
    """Who keeps positions, and who must be allowed there to take the wallet's."""

    keeper: str
    operator: str


WAYS: dict[tuple[Route, MarketKind], RedeemWay] = {
    ("adapter", "plain"): RedeemWay("ctf_collateral_adapter", "pusd", approval=True),
    ("adapter", "neg_risk"): RedeemWay("neg_risk_ctf_collateral_adapter", "pusd", approval=True),
    ("direct", "plain"): RedeemWay("conditional_tokens", "usdc_e", approval=False),
    ("direct", "neg_risk"): RedeemWay("neg_risk_adapter", "usdc_e", approval=True),
    ("adapter", POSITION): RedeemWay("router", "pusd", approval=True),
    ("direct", POSITION): RedeemWay("router", "pusd", approval=True),
}
"""Names of `Contracts`' fields."""


def paid_token(dues: Sequence[RedemptionAction], route: Route) -> str:
    """Return the name in `Contracts` of the token that `dues` are paid in: the same for all of one transaction."""
    kinds: list[MarketKind] = [due.holding.kind for due in dues if due.holding]
    return WAYS[route, kinds[0] if kinds else "plain"].token


def needed_approvals(route: Route, contracts: Contracts) -> list[Approval]:
    """Return whom the wallet must approve, and where."""
    kinds: tuple[MarketKind, ...] = ("plain", "neg_risk", POSITION)
    return [
        Approval(_keeper(kind, contracts), _way_contract(route, kind, contracts))
        for kind in kinds
        if WAYS[route, kind].approval
    ]


def redeem_calls(due: RedemptionAction, route: Route, contracts: Contracts) -> tuple[ContractCall, ...]:
    """Return the calls that redeem (or merge) what is due: one, but for positions of Protocol V2.

    Raises:
        Malformed: nothing is held of it.
    """
    if due.holding is None:
        raise Malformed(f"condition {due.condition_id}: nothing is held of it, so there is nothing to call")
    if due.holding.kind == POSITION:
        return tuple(_redeem_position(due.holding, place, contracts) for place in due.owed_outcomes)
    made = _merge if due.state == "merge" else _redeem
    return (made(due.holding, route, contracts),)


def approve_call(approval: Approval) -> ContractCall:
    """Return the call that lets an operator take the wallet's positions."""
    return ContractCall(approval.keeper, abi.encoded_call(SET_APPROVAL, approval.operator, 1))


def approval_data(wallet: str, operator: str) -> str:
    """Return the call data that asks who keeps the positions whether `operator` may."""
    return abi.encoded_call(IS_APPROVED, wallet, operator)


def combined_call(calls: tuple[ContractCall, ...], contracts: Contracts) -> tuple[ContractCall, int]:
    """Return one call for several, and how a Safe performs it: 0 a call, 1 a delegate call."""
    if len(calls) == 1:
        return calls[0], _CALL
    packed = b"".join(_packed(each) for each in calls)
    return ContractCall(contracts.safe_multisend, abi.encoded_call(MULTI_SEND, packed)), _DELEGATE_CALL


def safe_call(safe: str, owner: str, calls: tuple[ContractCall, ...], contracts: Contracts) -> ContractCall:
    """Return the Safe's `execTransaction` as its only owner sends it.

    The owner's own transaction is the consent: signature type 1 names the sender (Safe 1.3.0, `checkNSignatures`), so
    nothing is signed that somebody else could use.
    """
    inner, operation = combined_call(calls, contracts)
    consent = abi.encode_words(owner, 0) + b"\x01"
    data = bytes.fromhex(inner.data[2:])
    exec_data = abi.encoded_call(EXEC_TRANSACTION, inner.to, 0, data, operation, 0, 0, 0, _NOBODY, _NOBODY, consent)
    return ContractCall(safe, exec_data)


def _redeem_position(holding: ConditionHolding, outcome: int, contracts: Contracts) -> ContractCall:
    """Return `Router.redeem` of all of one outcome; a bytes31 fills its word from the left."""
    data = abi.encoded_call(REDEEM_POSITION, holding.condition_id + "00", outcome, holding.balances[outcome])
    return ContractCall(contracts.router, data)


def _redeem(holding: ConditionHolding, route: Route, contracts: Contracts) -> ContractCall:
    contract = _way_contract(route, holding.kind, contracts)
    if (route, holding.kind) == ("direct", "neg_risk"):
        return ContractCall(contract, abi.encoded_call(REDEEM_NEG_RISK, holding.condition_id, list(holding.balances)))
    return ContractCall(
        contract, abi.encoded_call(REDEEM, _collateral(holding, contracts), _ROOT, holding.condition_id, _BOTH)
    )


def _merge(holding: ConditionHolding, route: Route, contracts: Contracts) -> ContractCall:
    contract = _way_contract(route, holding.kind, contracts)
    if (route, holding.kind) == ("direct", "neg_risk"):
        return ContractCall(contract, abi.encoded_call(MERGE_NEG_RISK, holding.condition_id, holding.pairs))
    collateral = _collateral(holding, contracts)
    return ContractCall(
        contract, abi.encoded_call(MERGE, collateral, _ROOT, holding.condition_id, _BOTH, holding.pairs)
    )


def _keeper(kind: MarketKind, contracts: Contracts) -> str:
    return contracts.position_manager if kind == POSITION else contracts.conditional_tokens


def _way_contract(route: Route, kind: MarketKind, contracts: Contracts) -> str:
    return str(getattr(contracts, WAYS[route, kind].contract))


def _collateral(holding: ConditionHolding, contracts: Contracts) -> str:
    return contracts.usdc_e if holding.kind == "plain" else contracts.wrapped_collateral


def _packed(each: ContractCall) -> bytes:
    """Return a call as MultiSend packs it: operation, address, value, length, data."""
    data = bytes.fromhex(each.data[2:])
    return bytes(1) + bytes.fromhex(each.to[2:]) + bytes(32) + len(data).to_bytes(32, "big") + data
