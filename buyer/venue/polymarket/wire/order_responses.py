"""The meaning of the venue's answer to an order: a table of its words and statuses. Pure.

Source: venue reference 3.3 and 3.6; `polymarket-client` 0.14.0, `models/clob/order_response.py`. Only what is certain
is `RefusedOrder`, `BarredAccount` or `NotNowResponse`: all the rest is `UnknownOutcome`; what became of that order is
found out by its hash (pitfall 20).
"""

import contextlib
import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, cast

from shared.domain.money import read_micro, to_micro

Status = Literal["live", "matched", "delayed"]


@dataclass(frozen=True)
class AcceptedOrder:
    """The venue took it; `making` and `taking` are what matched at once in micro-units, None where it did not say."""

    status: Status
    making: int | None = None
    taking: int | None = None
    trade_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class RefusedOrder:
    """The venue did not take it and never will."""

    reason: str


@dataclass(frozen=True)
class BarredAccount:
    """The venue did not take it, nor will it take any other from us: our key, account or region is refused.

    An account that is `closed_only` may still sell.
    """

    reason: str
    status: int
    closed_only: bool = False

    @property
    def fix(self) -> str:
        """Say what happened and what to do before the next start."""
        what, fix = _BARRED[self.status]
        return f"{what} ({self.reason}): nothing more is bought, the buyer stops. {fix}"


@dataclass(frozen=True)
class NotNowResponse:
    """The venue did not take it; the same bytes may be taken later."""

    reason: str
    after_s: float | None = None


@dataclass(frozen=True)
class KnownOrder:
    """The venue has seen these very bytes before."""

    reason: str


@dataclass(frozen=True)
class Contradicted:
    """It is no answer to a taken order and names a match all the same: part may have been taken, its hash tells."""

    reason: str


@dataclass(frozen=True)
class UnknownOutcome:
    """It may or may not have been taken."""

    reason: str


Verdict = AcceptedOrder | RefusedOrder | BarredAccount | NotNowResponse | KnownOrder | Contradicted | UnknownOutcome

_NOT_SERVED = (
    "The venue refuses us before its API",
    "Ask GEOBLOCK_URL whether trading is allowed from here (the preflight does); a proxy or data centre is often not",
)
_BARRED: dict[int, tuple[str, str]] = {
    401: (
        "The venue no longer takes our API key",
        "Start again: without API_KEY a key is made from the signing key. Else set API_KEY, API_SECRET, API_PASSPHRASE",
    ),
    403: _NOT_SERVED,
    451: _NOT_SERVED,
}
"""Statuses that no order and no wait changes, with what they mean and the fix."""

_WORDS: tuple[tuple[str, type[KnownOrder] | type[NotNowResponse] | type[UnknownOutcome]], ...] = (
    ("duplicated", KnownOrder),
    ("post-only mode", NotNowResponse),
    ("post_only_mode", NotNowResponse),
    ("cancel-only", NotNowResponse),
    ("trading disabled", NotNowResponse),
    ("trading is currently disabled", NotNowResponse),
    ("not yet ready to process new orders", NotNowResponse),
    ("order timed out", UnknownOutcome),
)
"""What the words mean whatever the status; the first that occurs."""

_TROUBLES = ("errorMsg", "error", "message", "code")
"""Where an answer says what is wrong."""
_DELAYED = "order match delayed"
_STATUSES: dict[int, type[NotNowResponse] | type[UnknownOutcome]] = {
    408: UnknownOutcome,
    425: NotNowResponse,
    429: NotNowResponse,
}
_OK = range(200, 300)
_CALLERS_FAULT = range(400, 500)
_TAKEN: frozenset[str] = frozenset({"live", "matched", "delayed"})
_SHOWN_CHARS = 200


def read_answer(status: int, text: bytes, retry_after_s: float | None = None) -> Verdict:
    """Return what `status` and the body `text` say of the order that was posted."""
    said = _object(text)
    if status in _OK and said is not None and _is_taken(said) and not any(map(said.get, _TROUBLES)):
        return _accepted(said)
    words = _words(said, text, status)
    after_s = retry_after_s if retry_after_s is not None else _after(said)
    if _DELAYED in words.lower():
        return AcceptedOrder("delayed")
    if status in _OK and said is not None and _is_taken(said):
        return _accepted(said)
    kind = next((kind for phrase, kind in _WORDS if phrase in words.lower()), None)
    if kind is not KnownOrder and said is not None and _names_a_match(said):
        return Contradicted(words)
    kind = kind or _STATUSES.get(status)
    if kind is not None:
        return NotNowResponse(words, after_s) if kind is NotNowResponse else kind(words)
    return _by_status(status, said, words)


def find_bar(status: int | None, reason: str) -> BarredAccount | None:
    """Return what a refused question to our own account means, None where it bars nothing else."""
    return BarredAccount(reason, status) if status in _BARRED else None


def _by_status(status: int, said: dict[str, Any] | None, words: str) -> Verdict:
    if status in _BARRED:
        return BarredAccount(words, status)
    if status in _CALLERS_FAULT and said is not None:
        return RefusedOrder(words)
    if status in _OK and said is not None and (said.get("status") == "unmatched" or said.get("errorMsg")):
        return RefusedOrder(words)
    return UnknownOutcome(words)


def _is_taken(said: dict[str, Any]) -> bool:
    """Say what the SDK says: success, no error, an id and a status of a taken order."""
    return (
        said.get("success") is True
        and not said.get("errorMsg")
        and bool(said.get("orderID"))
        and said.get("status") in _TAKEN
    )


def _names_a_match(said: dict[str, Any]) -> bool:
    """Say whether an answer carries amounts, trades or a transaction: an order that was not taken has none."""
    amounts = (said.get(name) for name in ("makingAmount", "takingAmount"))
    return bool(said.get("tradeIDs") or said.get("transactionsHashes")) or any(_is_some(one) for one in amounts)


def _is_some(value: object) -> bool:
    """Say whether an amount is given and not zero; one that cannot be read may be anything."""
    return value is not None and value != "" and _amount(value) != 0


def _accepted(said: dict[str, Any]) -> AcceptedOrder:
    ids: object = said.get("tradeIDs")
    return AcceptedOrder(
        cast("Status", said["status"]),
        _amount(said.get("makingAmount")),
        _amount(said.get("takingAmount")),
        tuple(str(one) for one in cast("list[Any]", ids)) if isinstance(ids, list) else (),
    )


def _amount(value: object) -> int | None:
    """Return an amount in micro-units, None for what is none."""
    if isinstance(value, str) and value[:1].isdecimal():  # as the venue says it
        with contextlib.suppress(ValueError):
            return read_micro(value)
    try:
        found = None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None
    return to_micro(found) if found is not None and found.is_finite() and found >= 0 else None


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def _words(said: dict[str, Any] | None, text: bytes, status: int) -> str:
    """Return what the venue said is wrong, with its status, on one line."""
    told = [str(said[name]) for name in (*_TROUBLES, "status") if said.get(name)] if said else []
    raw = "; ".join(told) or text[:_SHOWN_CHARS].decode("utf-8", "replace")
    return f"{status}: {' '.join(raw.split())[:_SHOWN_CHARS]}"


def _after(said: dict[str, Any] | None) -> float | None:
    value = said.get("retry_after_seconds") if said else None
    return float(value) if isinstance(value, int | float) and value >= 0 else None
