"""Requests about our own account, authenticated; a refusal bars us only when it is no stray answer."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr

from buyer.venue.polymarket.ban_detector import Refusals
from buyer.venue.polymarket.credentials import ApiKey, RequestHeaders, statement_headers
from buyer.venue.polymarket.signer import OrderSigner
from buyer.venue.polymarket.venue_time import VenueTime
from buyer.venue.polymarket.wire.account_parsing import read_page
from buyer.venue.polymarket.wire.order_responses import find_bar
from shared.clock import Clock
from shared.domain.errors import Malformed, RefusedForSafety, Rejected, Unavailable
from shared.http.client import Upstream
from shared.http.response import SHOWN_CHARS, HttpResponse, retry_after_s, value_of
from shared.polymarket.wire.parsing import Raw, as_object, read_text
from shared.rate_limit.limits import GateLane

MOST_PAGES = 50
_BAD_REQUEST = 400
_NOT_FOUND = 404
_BEFORE_S = 15
"""Trades are asked for from this long before the order was signed: clocks differ."""


class AccountRequests:
    """What is read with one API key."""

    def __init__(self, clob: Upstream, headers: RequestHeaders, *, clock: Clock) -> None:
        self._clob, self._headers, self._clock = clob, headers, clock
        self._refusals = Refusals()

    def pages(self, path: str, params: dict[str, str]) -> Iterator[Raw]:
        """Yield the rows of all pages; one without rows, or a cursor that leads nowhere, is no "there are none"."""
        asked, seen = params, set[str]()
        for _ in range(MOST_PAGES):
            rows, cursor = read_page(self.get_signed(path, asked), path)
            yield from rows
            if not cursor:
                return
            if cursor in seen:
                raise Malformed(f"{path}: the cursor {cursor!r} came again")
            seen, asked = seen | {cursor}, {**params, "next_cursor": cursor}
        raise Malformed(f"{path}: more than {MOST_PAGES} pages")

    def get_signed(self, path: str, params: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Ask about our orders; a refusal before the API (a CDN's, perhaps) bars us only when it lasts.

        Raises:
            Unavailable: refused, and that may pass. RefusedForSafety: it does not.
        """
        try:
            found = self._ask(path, params)
        except Rejected as error:
            if self._refusals.may_pass(error.status, self._clock.monotonic()):
                raise Unavailable(str(error)) from error
            if find_bar(error.status, "") is None:
                raise
            found = self.get(path, params)
        self._refusals.over()
        return found

    def get(self, path: str, params: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Ask; what would bar us for good is asked once more, as one stray answer proves nothing.

        Raises:
            RefusedForSafety: the venue refuses our key, account or region.
        """
        try:
            return self._ask(path, params)
        except Rejected as error:
            if find_bar(error.status, "") is None:
                raise
        try:
            return self._ask(path, params)
        except Rejected as error:
            no = find_bar(error.status, str(error))
            if no is None:
                raise
            raise RefusedForSafety(no.fix) from error

    def from_s(self, since_ms: int) -> str:
        """Return a time of ours as the venue's lists begin at it, some seconds early."""
        return str(max(0, self._headers.time.at(since_ms) // 1000 - _BEFORE_S))

    def _ask(self, path: str, params: dict[str, str] | None) -> Any:  # noqa: ANN401 - JSON
        time = self._headers.time

        def ask() -> Any:  # noqa: ANN401 - JSON
            headers = self._headers.headers("GET", path, "", self._clock.now_ms())
            return ask_account(self._clob, "GET", path, headers, self._clock, params, time)

        return time.signed(ask)


def api_key(clob: Upstream, signer: OrderSigner, clock: Clock, time: VenueTime | None = None) -> ApiKey:
    """Create the signer's API key, or derive the one it has; `time` learns how far the venue's clock is from ours.

    Raises:
        TryAgain: throttled or away. GiveUp: refused, or unreadable.
    """
    known = time or VenueTime()

    def ask(method: str, path: str) -> Any:  # noqa: ANN401 - JSON
        headers = statement_headers(signer, known.at(clock.now_ms()))
        return ask_account(clob, method, path, headers, clock, time=known)

    try:
        found = known.signed(lambda: ask("POST", "/auth/api-key"))
    except Rejected as error:
        if error.status != _BAD_REQUEST:
            raise
        found = known.signed(lambda: ask("GET", "/auth/derive-api-key"))
    raw = as_object(found, "api key")
    parts = [read_text(raw, name) for name in ("apiKey", "secret", "passphrase")]
    if not all(parts):
        raise Malformed("the answer holds no whole API key")
    return ApiKey(*map(SecretStr, parts))


def ask_account(
    clob: Upstream,
    method: str,
    path: str,
    headers: Mapping[str, str],
    clock: Clock,
    params: Mapping[str, str] | None = None,
    time: VenueTime | None = None,
) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON of one authenticated request, or raise what its answer stands for; `time` learns from it."""
    label = f"{clob.name} {method} {path}"
    answer = clob.send(clob.request(method, path, params=params, headers=headers, lane=GateLane.ORDERS))
    if time is not None:
        time.learn(answer.headers, clock.now_ms())
    if answer.status == _NOT_FOUND and _is_strangers(answer):
        raise Malformed(f"{label}: 404 that is not the API's own: {answer.body[:SHOWN_CHARS]!r}")
    return value_of(answer, label, str, retry_after_s(answer.headers, clock.now_ms()))


def _is_strangers(answer: HttpResponse) -> bool:
    """Say whether a 404 is a web page or JSON that was cut: then nobody said that there is no such thing."""
    body = answer.body.strip()
    if answer.is_page or not body.startswith((b"{", b"[")):
        return answer.is_page
    try:
        json.loads(body)
    except ValueError:
        return True
    return False
