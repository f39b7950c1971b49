"""The proof of a payout: what a transaction really paid us, by its own logs and by the balance. Pure.

Through an adapter, ConditionalTokens' `PayoutRedemption` names the adapter as redeemer, and one transaction may
redeem for several wallets: what is ours is paid_out by the shares that left our wallet and the tokens that came to it
(pitfall 27).

| leg | says |
|---|---|
| ERC-1155 transfers from the wallet | which shares were given, and so what they are owed |
| `PayoutRedemption`, `PositionsMerge` | what ConditionalTokens paid for the condition: names the culprit |
| ERC-20 transfers of the pay token | what came to the wallet |
| its balance after less before the block | that the token's own redemptions agree with the transfers of that block |

Of Protocol V2 the PositionManager tells the transfers; the Router's own event is not read: the reference knows its
types and not what each word means (7.6).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redeemer.domain.redemption_action import POSITION, RedemptionAction
from shared.domain.errors import Malformed
from shared.domain.money import from_micro
from shared.polymarket.wire import abi
from shared.polymarket.wire.contracts import Contracts
from shared.polymarket.wire.endpoints import (
    PAYOUT_REDEMPTION,
    PAYOUT_REDEMPTION_NEG_RISK,
    POSITIONS_MERGE,
    TRANSFER,
    TRANSFER_BATCH,
    TRANSFER_SINGLE,
)
from shared.polymarket.wire.parsing import Raw, as_list, as_object, read_text


@dataclass(frozen=True)
class ProvenPayout:
    """What a contract said it paid for a condition, in micro-units: to whom, out of which collateral ('' unsaid)."""

    contract: str
    redeemer: str
    condition_id: str
    collateral: str
    paid: int


@dataclass(frozen=True)
class PayoutProof:
    """What came for all conditions of a transaction, and for each; `problem` is '' when that is what was owed."""

    paid: Mapping[str, int]
    received: int
    problem: str = ""


def prove_payout(
    dues: Sequence[RedemptionAction], logs: Iterable[Any], wallet: str, token: str, contracts: Contracts
) -> PayoutProof:
    """Return what `wallet` was paid in `token` for `dues`, by the logs of one transaction.

    Raises:
        Malformed: a log cannot be read.
    """
    raw = [as_object(log, "log") for log in logs]
    received = net_transfers(raw, token, wallet)
    given = shares_given(raw, wallet, contracts.conditional_tokens, contracts.position_manager)
    paid_out = _paid_out(raw, contracts)
    owed = {due.condition_id: _owed_for(due, given) for due in dues}
    problems = [problem for due in dues if (problem := _payout_problem(due, owed[due.condition_id], paid_out))]
    if received < sum(owed.values()):
        problems.append(f"{from_micro(sum(owed.values()))} was owed and {from_micro(received)} came to {wallet}")
    if problems and len(dues) == 1:
        return PayoutProof({dues[0].condition_id: received}, received, "; ".join(problems))
    return PayoutProof(owed, received, "; ".join(problems))


def balance_problem(before: int, after: int, block_logs: Iterable[Any], token: str, wallet: str) -> str:
    """Return '' when a wallet's balance moved in a block by what the token's transfers of that block say."""
    moved = net_transfers((as_object(log, "log") for log in block_logs), token, wallet)
    if after - before == moved:
        return ""
    return f"the balance of {wallet} moved by {from_micro(after - before)}, its transfers by {from_micro(moved)}"


def payouts_in(logs: Iterable[Raw]) -> list[ProvenPayout]:
    """Return every redemption in these logs, as ConditionalTokens and the NegRiskAdapter tell them."""
    return [payout for log in logs if (payout := _payout(log))]


def net_transfers(logs: Iterable[Raw], token: str, wallet: str) -> int:
    """Return what came to a wallet less what left it, of one ERC-20 token."""
    net = 0
    for log in logs:
        topics = _topics(log)
        if read_text(log, "address").lower() == token and topics[:1] == [TRANSFER] and len(topics) == 3:  # noqa: PLR2004 - the event and its two parties
            value = abi.split_words(log.get("data"))[0]
            net += value * ((_party(topics[2]) == wallet) - (_party(topics[1]) == wallet))
    return net


def shares_given(logs: Iterable[Raw], wallet: str, *keepers: str) -> Counter[str]:
    """Return how many micro-shares of each token that `keepers` keep left a wallet, burned ones included."""
    given: Counter[str] = Counter()
    for log in logs:
        if read_text(log, "address").lower() not in keepers:
            continue
        giver, _, items = transfer_of(log)
        given.update(dict(items) if giver == wallet else {})
    return given


def transfer_of(log: Raw) -> tuple[str, str, tuple[tuple[str, int], ...]]:
    """Return an ERC-1155 transfer's giver, taker, and (token, micro-shares); empty for any other log.

    Raises:
        Malformed: a transfer that cannot be read.
    """
    topics, read = _topics(log), abi.split_words(log.get("data"))
    kind = topics[0] if topics else ""
    if kind == TRANSFER_SINGLE:
        items = [(read[0], read[1])]
    elif kind == TRANSFER_BATCH:
        items = list(zip(abi.array_word(read, 0), abi.array_word(read, 1), strict=True))
    else:
        return "", "", ()
    merged: Counter[str] = Counter()
    for number, shares in items:
        merged[str(number)] += shares
    return _party(topics[2]), _party(topics[3]), tuple(merged.items())


def _owed_for(due: RedemptionAction, given: Mapping[str, int]) -> int:
    """Return what the shares that left us for this condition are owed."""
    left = [given.get(name, 0) for name in due.holding.tokens] if due.holding else []
    vector = due.vector
    return sum(vector.owed(place, shares) for place, shares in enumerate(left)) if vector else min(left, default=0)


def _payout_problem(due: RedemptionAction, owed: int, paid_out: Mapping[str, int]) -> str:
    name = due.condition_id
    if owed < due.expected:
        return f"condition {name} owes {from_micro(due.expected)}, but shares worth {from_micro(owed)} left the wallet"
    by_position = due.holding is not None and due.holding.kind == POSITION
    if not by_position and paid_out.get(name, 0) < owed:
        return (
            f"condition {name} owes {from_micro(owed)} and ConditionalTokens paid {from_micro(paid_out.get(name, 0))}: "
            "the wrong collateral or adapter"
        )
    return ""


def _paid_out(logs: Sequence[Raw], contracts: Contracts) -> Counter[str]:
    """Return what ConditionalTokens says it paid out of the venue's two collaterals, by condition."""
    ours = {contracts.usdc_e, contracts.wrapped_collateral}
    paid_out: Counter[str] = Counter()
    for payout in payouts_in(logs):
        if payout.contract == contracts.conditional_tokens and payout.collateral in ours:
            paid_out[payout.condition_id] += payout.paid
    return paid_out


def _payout(log: Raw) -> ProvenPayout | None:
    topics = _topics(log)
    kind = topics[0] if topics else ""
    if kind not in {PAYOUT_REDEMPTION, PAYOUT_REDEMPTION_NEG_RISK, POSITIONS_MERGE}:
        return None
    contract, read = read_text(log, "address").lower(), abi.split_words(log.get("data"))
    try:
        if kind == PAYOUT_REDEMPTION:
            return ProvenPayout(contract, _party(topics[1]), abi.hash_word(read[0]), _party(topics[2]), read[2])
        if kind == PAYOUT_REDEMPTION_NEG_RISK:
            return ProvenPayout(contract, _party(topics[1]), topics[2], "", read[1])
        return ProvenPayout(contract, _party(topics[1]), topics[3], abi.address_of(read[0]), read[2])
    except IndexError as error:
        raise Malformed(f"a redemption with {len(topics)} topics and {len(read)} words cannot be read") from error


def _topics(log: Raw) -> list[str]:
    return [str(topic).lower() for topic in as_list(log.get("topics"), "topics")]


def _party(topic: str) -> str:
    return "0x" + topic[-40:]
