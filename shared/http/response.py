"""One HTTP answer and what it means: its JSON, or the error it stands for. Pure: no network, no clock."""

import json as codec
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn, cast

from shared.domain.errors import HybridError, Malformed, RateLimited, Rejected, Unavailable

SHOWN_CHARS = 80
WORDS_CHARS = 200
HIDDEN_CHARS = 1000
"""Searched for secrets before the cut to `WORDS_CHARS`, which could halve one."""
_READ_BYTES = 256 * 1024

_HITS = ("hit", "stale", "updating")
"""How caches begin to say that an answer is a kept one (Cloudflare's `CF-Cache-Status`, CloudFront's `X-Cache`)."""
_UNTOLD_MS = 60_000
_OK = range(200, 300)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FORBIDDEN = 403
_LATER = frozenset({408, 425})
_THROTTLED = 429
_SERVER_FAULT = 500
_WORDS = ("error", "errorMsg", "message", "detail")
_TITLE = re.compile(r"<title>(.*?)</title>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class HttpResponse:
    """A status, headers (read without regard to case) and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """Return the content type, or '' when none was sent."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def is_page(self) -> bool:
        """Tell whether this is a web page."""
        start = self.body.lstrip()[:15].lower()
        return self.kind == "text/html" or start.startswith((b"<!doctype", b"<html"))

    @property
    def is_api_word(self) -> bool:
        """Tell whether this is what an API says: JSON, whatever its type is called."""
        return not self.is_page and self.body.lstrip()[:1] in (b"{", b"[")

    @property
    def is_redirect(self) -> bool:
        """Tell whether the upstream sends us elsewhere."""
        return self.status in _REDIRECTS

    def is_throttle(self, retry_after_s: float | None) -> bool:
        """Tell whether callers should hold: 429, or a fault that says when to come back."""
        return self.status == _THROTTLED or (self.status >= _SERVER_FAULT and retry_after_s is not None)

    @property
    def is_fault(self) -> bool:
        """Tell whether the upstream itself failed."""
        return self.status >= _SERVER_FAULT


class HttpExchange(NamedTuple):
    """A request and its answer, for who records them; `secrets` must be hidden before anything of it is shown."""

    upstream: str
    label: str
    sent: Mapping[str, Any]
    answer: HttpResponse
    secrets: tuple[str, ...]


def value_of(answer: HttpResponse, label: str, hide: Callable[[str], str], retry_after_s: float | None) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON of `answer`, with `Decimal` for every number that is no integer, or raise what it stands for."""
    if answer.status not in _OK:
        raise refusal_of(answer, label, hide, retry_after_s)
    start = hide(answer.body[:SHOWN_CHARS].decode("utf-8", "replace"))
    if answer.kind and "json" not in answer.kind and answer.kind != "text/plain":
        raise Malformed(f"{label}: {answer.kind} instead of JSON: {start!r}")
    try:
        return codec.loads(answer.body, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise Malformed(f"{label}: JSON cannot be read: {start!r}") from error


def refusal_of(
    answer: HttpResponse, label: str, hide: Callable[[str], str], retry_after_s: float | None
) -> HybridError:
    """Name what a status outside 200-299 means."""
    status, words = answer.status, hide(_words(answer)[:HIDDEN_CHARS])[:WORDS_CHARS] or "no words"
    if status == _THROTTLED:
        return RateLimited(f"{label}: 429, too many requests: {words}", retry_after_s)
    if answer.is_fault or status in _LATER:
        return Unavailable(f"{label}: {status}: {words}")
    if status == _FORBIDDEN and answer.is_page:
        return Rejected(
            f"{label}: 403 with a web page: blocked before the API saw it (Cloudflare, or your region or network is "
            f"not served). Repeating does not help; try another network. Page: {words}",
            status,
            by_api=False,
        )
    return Rejected(f"{label}: {status}: {words}", status, by_api=answer.is_api_word)


def retry_after_s(headers: Mapping[str, str], now_ms: int) -> float | None:
    """Read Retry-After (RFC 9110, 10.2.3): seconds, or a date, counted from the answer's own Date if it has one."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text):
        return float(text)
    until_s = date_s(text)
    if until_s is None:
        return None
    sent_s = date_s(headers.get("Date", ""))
    return max(0.0, until_s - (now_ms / 1000 if sent_s is None else sent_s))


def kept_ms(headers: Mapping[str, str]) -> int:
    """Return for how long a cache on the way had kept an answer, in milliseconds; 0 for the upstream's own.

    `Age` (RFC 9111, 5.1) says it. A hit that does not is as old as its cache may let it be: `max-age`, else a minute.
    """
    age = headers.get("Age", "").strip()
    if re.fullmatch(r"\d{1,9}", age):
        return int(age) * 1000
    said = (headers.get("CF-Cache-Status", "") or headers.get("X-Cache", "")).strip().lower()
    if not said.startswith(_HITS):
        return 0
    most = re.search(r"(?<![\w-])max-age=(\d{1,9})", headers.get("Cache-Control", ""))
    return int(most[1]) * 1000 if most else _UNTOLD_MS


@lru_cache(maxsize=64)
def date_s(text: str) -> float | None:
    """Read an HTTP date (RFC 9110, 5.6.7) as epoch seconds; None for what is none."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _words(answer: HttpResponse) -> str:
    """Return what the upstream says is wrong, on one line."""
    text = answer.body[:_READ_BYTES].decode("utf-8", "replace")
    if answer.is_page:
        title = _TITLE.search(text)
        text = title[1] if title else "no title"
    return " ".join(_said(text).split())


def _said(text: str) -> str:
    """Find the error text in a JSON body; any other body is its own text."""
    try:
        value = codec.loads(text)
    except (ValueError, RecursionError):
        return text
    while isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        value = next((fields[name] for name in _WORDS if fields.get(name)), text)
    return value if isinstance(value, str) else text


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
