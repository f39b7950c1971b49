"""One transaction under way, and what to do about it next. Pure.

| what the node says | next |
|---|---|
| one of our attempts is mined, fewer blocks ago than asked for | `WaitForBlock` |
| it is that deep, and succeeded | `ConfirmedTransaction` |
| it is that deep, and failed | `ConfirmedTransaction`: the proof says that nothing was paid |
| none is mined, the nonce is free, the last attempt is young | `RepeatBroadcast`: broadcast the same bytes again |
| none is mined, the nonce is still free, the last attempt is old | `ReplaceTransaction`: the same nonce, a higher fee |
| none is mined, the nonce was taken that many blocks ago | `LostTransaction`: somebody else used this key |

A receipt is read again at every look, so a block that was reorganised away takes its receipt with it and the same
bytes go out again. Every attempt stays known: whichever is mined counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from redeemer.domain.contract_calls import ContractCall, Route
from redeemer.domain.gas_pricing import GasFees
from redeemer.domain.redemption_action import RedemptionAction
from shared.domain.errors import Malformed


@dataclass(frozen=True)
class SendAttempt:
    """One signed form of a transaction: its hash and the very bytes, in hex."""

    hash: str
    raw: str
    fees: GasFees
    sent_at_ms: int


@dataclass(frozen=True)
class PendingTransaction:
    """One nonce of one signer, what it carries, and every form in which it was signed.

    Through the relayer `raw` is the signed envelope, `relayed_as` the relayer's own name for it, and an attempt's hash
    is known only once the relayer tells it. `reopened` counts how often the chain took it back after it was booked.
    """

    signer: str
    wallet: str
    nonce: int
    call: ContractCall
    gas: int
    route: Route
    dues: tuple[RedemptionAction, ...]
    attempts: tuple[SendAttempt, ...]
    seen_in: str = ""
    relayed_as: str = ""
    reopened: int = 0

    @property
    def last(self) -> SendAttempt:
        """Return the newest attempt."""
        return self.attempts[-1]

    @property
    def relayed(self) -> bool:
        """Say whether the relayer carries it: what it is called on chain is then the relayer's to say."""
        return not self.last.hash

    def with_attempt(self, attempt: SendAttempt) -> "PendingTransaction":
        """Return it with one attempt more."""
        return replace(self, attempts=(*self.attempts, attempt))


@dataclass(frozen=True)
class TransactionReceipt:
    """A mined transaction: its block, whether it succeeded, what it cost in wei, and its raw logs."""

    hash: str
    block: int
    block_hash: str
    succeeded: bool
    cost: int
    logs: tuple[Any, ...]


@dataclass(frozen=True)
class ChainView:
    """What the node says now; `settled_nonce` counts the signer's transactions that are as deep as asked for."""

    head: int
    receipts: Mapping[str, TransactionReceipt]
    settled_nonce: int


@dataclass(frozen=True)
class WaitForBlock:
    """Mined, `depth` blocks deep, its own block counted."""

    receipt: TransactionReceipt
    depth: int


@dataclass(frozen=True)
class ConfirmedTransaction:
    """Mined for good."""

    receipt: TransactionReceipt


@dataclass(frozen=True)
class RepeatBroadcast:
    """Broadcast the same bytes again."""


@dataclass(frozen=True)
class ReplaceTransaction:
    """Sign again with a higher fee."""


@dataclass(frozen=True)
class LostTransaction:
    """Our transaction will never be mined; `why` says what became of its nonce."""

    why: str = "its nonce carried something that was not signed here: another program uses this key, stop it"


Step = WaitForBlock | ConfirmedTransaction | RepeatBroadcast | ReplaceTransaction | LostTransaction


def next_step(
    sending: PendingTransaction, view: ChainView, now_ms: int, *, confirmations: int, stuck_after_ms: int
) -> Step:
    """Return what to do about a pending transaction."""
    mined = [view.receipts[each.hash] for each in sending.attempts if each.hash in view.receipts]
    if mined:
        depth = view.head - mined[0].block + 1
        return ConfirmedTransaction(mined[0]) if depth >= confirmations else WaitForBlock(mined[0], depth)
    if view.settled_nonce > sending.nonce:
        return LostTransaction()
    return ReplaceTransaction() if now_ms - sending.last.sent_at_ms >= stuck_after_ms else RepeatBroadcast()


_CODEC = TypeAdapter(PendingTransaction)


def write_pending(sending: PendingTransaction) -> str:
    """Return a pending transaction as JSON."""
    return _CODEC.dump_json(sending).decode()


def read_pending(text: str) -> PendingTransaction:
    """Return the transaction in JSON that `write_pending` made.

    Raises:
        Malformed: it is none, so another version wrote it.
    """
    try:
        return _CODEC.validate_json(text)
    except ValidationError as error:
        raise Malformed(
            f"a stored transaction cannot be read: {error}; settle it with the version that sent it"
        ) from error
