"""The door before every page: foreign hosts, origins, methods and bodies stay out; answers say how they are used."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 65_536
"""Longest form: no page of ours sends more."""
_METHODS = ("GET", "HEAD", "POST")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Mapping[str, str] = {
    "content-security-policy": _POLICY,
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # `no-referrer` would make browsers send `Origin: null` with our own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_STATIC = "/static/"
_YEAR = "max-age=31536000"


@dataclass(frozen=True)
class RequestRules:
    """Which requests are ours: by Host, by Origin of what acts, and by the proxies that alone may connect, if any."""

    hosts: frozenset[str]
    https: bool
    proxies: tuple[str, ...] = ()

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Return status and reason where a request is not for us; None lets it pass."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host not in self.hosts:
            return 421, "This name is not ours. Open the address that `hybrid web` printed."
        if self.proxies and not self._from_proxy(scope, headers):
            return 403, "Only the proxy named by WEB_TRUSTED_PROXY may connect, and only for https."
        if scope["method"] not in _METHODS:
            return 405, "Only GET and POST."
        return self._refused_post(headers, host) if scope["method"] == "POST" else None

    def _refused_post(self, headers: Headers, host: str) -> tuple[int, str] | None:
        origin = headers.get("origin")
        ours = f"{'https' if self.https else 'http'}://{host}"
        if origin != ours and not (origin is None and headers.get("sec-fetch-site") == "same-origin"):
            return 403, "This form came from another site; nothing was done."
        length = headers.get("content-length", "")
        if not length.isdecimal():
            return 411, "A form says how long it is."
        return (413, "That is longer than any form of this page.") if int(length) > MOST_BYTES else None

    def _from_proxy(self, scope: Scope, headers: Headers) -> bool:
        client = scope.get("client")
        return client is not None and client[0] in self.proxies and headers.get("x-forwarded-proto") == "https"


class RequestGuard:
    """The door, as ASGI has it."""

    def __init__(self, app: ASGIApp, rules: RequestRules) -> None:
        self._app, self._rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer why not; write the headers of every answer."""
        if scope["type"] != "http":
            return
        kept = scope["path"].startswith(_STATIC)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._write_headers(MutableHeaders(scope=message), kept=kept and message["status"] < 400)  # noqa: PLR2004 - an error is not kept
            await send(message)

        refused = self._rules.refusal(scope)
        app = self._app if refused is None else PlainTextResponse(refused[1] + "\n", refused[0])
        await app(scope, receive, send_guarded)

    def _write_headers(self, headers: MutableHeaders, *, kept: bool) -> None:
        for name, value in _HEADERS.items():
            headers[name] = value
        headers["cache-control"] = f"private, {_YEAR}, immutable" if kept else "no-store"
        if self._rules.https:
            headers["strict-transport-security"] = _YEAR
