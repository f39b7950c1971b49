"""A refusal before the venue's API (403, 451) may be a CDN's whim: it counts once it is repeated or explained."""

import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from buyer.venue.polymarket.wire.order_responses import BarredAccount, UnknownOutcome, Verdict
from shared.domain.errors import HybridError, Rejected

MOST = 3
"""The same order refused this often in a row is refused for good; with the waits between, a few seconds."""
_MAY_PASS = frozenset({403, 451})
PATIENCE_S = 900.0
"""Look-ups that are refused for this long are refused for good: nothing is sent because of them meanwhile."""


class Refusals:
    """Refused look-ups in a row; any answer ends the row."""

    def __init__(self) -> None:
        self._since_s: float | None = None

    def may_pass(self, status: int | None, now_s: float) -> bool:
        """Say whether a refusal with this status may be a whim that passes."""
        if status not in _MAY_PASS:
            return False
        self._since_s = now_s if self._since_s is None else self._since_s
        return now_s - self._since_s < PATIENCE_S

    def over(self) -> None:
        """Take in an answer."""
        self._since_s = None


class RefusalRow:
    """One question's refusals in a row, each some seconds after the one before; any answer ends the row."""

    def __init__(self) -> None:
        self._page, self._by_api = Refusals(), 0

    def is_final(self, no: Rejected, now_s: float) -> bool:
        """Take in a refusal and say whether it is a no: the API's own once it is repeated, a web page once it lasts."""
        if no.by_api:
            self._by_api += 1
            return self._by_api >= MOST
        return no.status in _MAY_PASS and not self._page.may_pass(no.status, now_s)

    def over(self) -> None:
        """Take in an answer."""
        self._page.over()
        self._by_api = 0


class BanDetector:
    """One venue's refusals in a row, by order; any other answer ends the row.

    `closed_only` says whether the account may only close positions: then a refusal needs no second look.
    """

    def __init__(self, closed_only: Callable[[], bool]) -> None:
        self._closed_only = closed_only
        self._refused: Counter[str] = Counter()

    def judged(self, order_hash: str, verdict: Verdict) -> Verdict:
        """Return what an answer to this order means, knowing those before it."""
        if not isinstance(verdict, BarredAccount) or verdict.status not in _MAY_PASS:
            self._refused.clear()
            return verdict
        self._refused[order_hash] += 1
        if self._restricted():
            return replace(verdict, reason=f"{verdict.reason}; the account may only close positions", closed_only=True)
        if self._refused[order_hash] >= MOST:
            return verdict
        return UnknownOutcome(f"{verdict.reason} (refused {self._refused[order_hash]} of {MOST} times)")

    def _restricted(self) -> bool:
        with contextlib.suppress(HybridError):  # what it cannot tell, the next answers to the order do
            return self._closed_only()
        return False
