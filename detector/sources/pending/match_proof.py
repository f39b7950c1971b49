"""The proof of a match: its transaction is signed by an operator of the exchange, and its orders by their leaders.

No node can invent one: it has neither key. Nor can it repeat an old one: the taker's order says when it was signed,
and the operator's count of transactions is past the old one's number.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, Protocol

from detector.sources.pending.order_proof import OrderProofs
from shared.domain.errors import GiveUp, HybridError, Malformed, TryAgain
from shared.polymarket.recovery import keccak, recovered_address
from shared.polymarket.wire.endpoints import CHAIN_ID
from shared.polymarket.wire.matches.match_amounts import SettledOrder, WillRevert, settled_orders
from shared.polymarket.wire.matches.match_call import MatchCall, is_match, names_any, read_match
from shared.polymarket.wire.matches.signed_transaction import NodeTransaction, SignedBytes, signed_bytes

Reason = Literal["unreadable", "stale", "operator", "order", "reverts", "unasked"]
"""Why a match is not believed: bad bytes, repeated, not the operator's, not the leader's, impossible, nobody to ask."""


class NotProven(HybridError):
    """A match that concerns a leader and is not believed."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason


class Operators(Protocol):
    """Who may match orders, and how far each of them is."""

    def is_operator(self, exchange: str, address: str) -> bool:
        """Say whether an address is an operator; `TryAgain` where nobody can be asked."""
        ...

    def next_nonce(self, address: str) -> int:
        """Return the lowest number that a transaction of his which is still to be mined can have."""
        ...


@dataclass(frozen=True, slots=True)
class ProvenMatch:
    """A match that is the operator's own: the hash made here from what he signed, and what leaders' logs will say.

    `does` is what it does for everybody, as a hash: the same for whichever leaders it is read.
    """

    tx_hash: str
    operator: str
    nonce: int
    orders: tuple[SettledOrder, ...]
    does: str


class MatchProof:
    """Judges transactions of one detector; one thread's.

    `max_age_ms` is for how long a taker's order may have been signed: the operator matches it at once.
    """

    def __init__(self, operators: Operators, orders: OrderProofs, *, max_age_ms: int) -> None:
        self._operators, self._orders, self._max_age_ms = operators, orders, max_age_ms

    def prove(
        self,
        transaction: NodeTransaction,
        leaders: Collection[bytes],
        now_ms: int,
        *,
        mined: bool = False,
        known: Collection[str] = (),
    ) -> ProvenMatch | None:
        """Return what a transaction does for `leaders` (20 bytes each), None when it concerns none of them.

        `mined` leaves out what tells a repeated transaction from a new one: a block already says when it was. What is
        `known` by its hash, which is made here, was proven before: its orders are left out.

        Raises:
            NotProven: it concerns a leader and is not believed.
        """
        to = (transaction.to or "").lower()
        try:
            data = bytes.fromhex(transaction.input[2:])
            if not is_match(to, data) or not names_any(to, data, leaders):
                return None
            signed = signed_bytes(transaction, CHAIN_ID)
            tx_hash = "0x" + keccak(signed.whole).hex()
            if tx_hash in known:
                return ProvenMatch(tx_hash, "", signed.nonce, (), "")
            return self._proven(signed, tx_hash, read_match(to, data), leaders, now_ms, mined=mined)
        except (Malformed, ValueError) as error:
            raise NotProven("unreadable", str(error)) from error
        except TryAgain as error:
            raise NotProven("unasked", str(error)) from error

    def _proven(
        self,
        signed: SignedBytes,
        tx_hash: str,
        call: MatchCall,
        leaders: Collection[bytes],
        now_ms: int,
        *,
        mined: bool,
    ) -> ProvenMatch:
        try:
            settled = settled_orders(call)
        except WillRevert as error:
            raise NotProven("reverts", str(error)) from error
        ours = tuple(one for one in settled if bytes.fromhex(one.order.maker[2:]) in leaders)
        operator = recovered_address(keccak(signed.unsigned), signed.signature)
        age_ms = now_ms - call.taker.order.signed_at_ms
        if not mined and abs(age_ms) > self._max_age_ms:
            raise NotProven("stale", f"its taker signed {age_ms // 1000} s ago")
        # The operator comes first: a wallet's word costs a question to our node, and strangers must not ask for any.
        self._check_operator(call.exchange, operator, signed.nonce, mined=mined)
        self._check_orders(call, ours)
        return ProvenMatch(tx_hash, operator, signed.nonce, ours, _hash_of(settled))

    def _check_orders(self, call: MatchCall, ours: tuple[SettledOrder, ...]) -> None:
        for one in ours:
            if not self._orders.is_signed(call.exchange, one.order):
                raise NotProven("order", f"an order of {one.order.maker} is not signed by it")

    def _check_operator(self, exchange: str, operator: str, nonce: int, *, mined: bool) -> None:
        try:
            if not self._operators.is_operator(exchange, operator):
                raise NotProven("operator", f"sent by {operator}, who is no operator of {exchange}")
            if not mined and nonce < (waits_for := self._operators.next_nonce(operator)):
                raise NotProven("stale", f"number {nonce} of {operator}, who is at {waits_for}")
        except GiveUp as error:
            raise NotProven("unasked", f"no node says who is an operator: {error}") from error


def _hash_of(settled: tuple[SettledOrder, ...]) -> str:
    hashed = hashlib.sha256()
    for one in settled:
        hashed.update(one.order.struct + f"{one.gave} {one.received} {one.fee} {one.role};".encode())
    return hashed.hexdigest()
