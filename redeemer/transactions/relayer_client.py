"""The venue's relayer over HTTP: nonces, submissions, and what became of them (venue reference 7.5)."""

import re
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from shared.domain.errors import Malformed, RateLimited
from shared.polymarket.wire.parsing import as_object, read_text
from shared.rate_limit.limits import GateLane

State = Literal["waiting", "mined", "failed"]
RelayedType = Literal["PROXY", "SAFE", "WALLET"]

_STATES: dict[str, State] = {
    "STATE_NEW": "waiting",
    "STATE_EXECUTED": "waiting",
    "STATE_MINED": "mined",
    "STATE_CONFIRMED": "mined",
    "STATE_INVALID": "failed",
    "STATE_FAILED": "failed",
}
_RESETS = re.compile(r"resets? in (\d+)\s*(s|seconds?)\b", re.IGNORECASE)


class Http(Protocol):
    """The relayer behind its gate."""

    def get(self, path: str, params: dict[str, Any] | None = None, lane: GateLane = GateLane.FRESH) -> Any:  # noqa: ANN401 - JSON
        """Send one request; return its JSON. Raises TryAgain or GiveUp."""
        ...

    def post(self, path: str, json: Any, lane: GateLane = GateLane.FRESH) -> Any:  # noqa: ANN401 - JSON
        """Send one request; return its JSON. Raises TryAgain or GiveUp."""
        ...


class RelayerNonce(NamedTuple):
    """What the next submission has to carry: the wallet's nonce, and for a proxy who relays it."""

    number: int
    relay: str


@dataclass(frozen=True)
class RelayedTransaction:
    """What became of a submission; `tx_hash` is '' while there is none."""

    id: str
    state: State
    tx_hash: str = ""
    error: str = ""


class RelayerClient:
    """Asks and submits. Every refusal for its quota says when it is over, if anybody does."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def next_nonce(self, owner: str, kind: RelayedType) -> RelayerNonce:
        """Return the nonce that the next submission of `owner` needs.

        Raises:
            TryAgain, GiveUp: the relayer did not say.
        """
        path = "/relay-payload" if kind == "PROXY" else "/v1/account/transactions/params"
        raw = as_object(self._http.get(path, {"address": owner, "type": kind}), "relayer nonce")
        nonce = read_text(raw, "nonce")
        if not nonce.isdecimal():
            raise Malformed(f"the relayer gave no nonce: {nonce[:40]!r}")
        return RelayerNonce(int(nonce), read_text(raw, "address").lower())

    def submit(self, envelope: dict[str, Any]) -> RelayedTransaction:
        """Hand over a signed envelope.

        Raises:
            RateLimited: over quota; `retry_after_s` as its header or its words say.
            Rejected: refused, for its nonce perhaps.
            Unavailable: nobody knows whether it was taken; the same envelope may be handed over again.
        """
        try:
            raw = as_object(self._http.post("/submit", envelope, lane=GateLane.EXITS), "submission")
        except RateLimited as error:
            raise RateLimited(str(error), error.retry_after_s or _resets_in_s(str(error))) from error
        return _read_relayed(raw, "transactionID", "transactionHash")

    def relayed_transaction(self, relayed_as: str) -> RelayedTransaction:
        """Return what became of a submission.

        Raises:
            TryAgain, GiveUp: the relayer did not say.
        """
        raw = as_object(self._http.get(f"/v1/account/transactions/{relayed_as}"), "relayed transaction")
        return _read_relayed(raw, "transaction_id", "transaction_hash")


def _read_relayed(raw: Any, id_name: str, hash_name: str) -> RelayedTransaction:  # noqa: ANN401 - JSON
    said = read_text(raw, "state")
    state = _STATES.get(said)
    if state is None or not read_text(raw, id_name):
        raise Malformed(f"the relayer says {said[:40]!r} of transaction {read_text(raw, id_name)[:80]!r}")
    return RelayedTransaction(
        read_text(raw, id_name), state, read_text(raw, hash_name).lower(), read_text(raw, "error_msg")
    )


def _resets_in_s(words: str) -> float | None:
    found = _RESETS.search(words)
    return float(found[1]) if found else None
