"""The way to an upstream, step by step: its name, the connection, TLS; so that a fault says where it is."""

import os
import socket
import ssl
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from shared.clock import Clock
from shared.domain.errors import DependencyMissing

_SECURE = frozenset({"https", "wss"})


@dataclass(frozen=True)
class LineTimes:
    """What each step took, in words; a proxy takes the steps in our place."""

    words: str


def probe_line(url: str, clock: Clock, timeout_s: float) -> LineTimes:
    """Go the way to where `url` leads, and hang up.

    Raises:
        DependencyMissing: naming the step that failed, and the fix.
    """
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme in _SECURE
    if _by_proxy(host):
        return LineTimes("by a proxy")
    began = clock.monotonic()
    address = _resolved(host, parts.port or (443 if secure else 80))
    named = clock.monotonic()
    with closing(_connected(address, host, timeout_s)) as line:
        reached = clock.monotonic()
        words = f"DNS {_ms(named - began)}, TCP {_ms(reached - named)}"
        if secure:
            version = _secured(line, host)
            words += f", {version} {_ms(clock.monotonic() - reached)}"
    return LineTimes(words)


def _by_proxy(host: str) -> bool:
    local = host in {"127.0.0.1", "localhost", "::1"}
    return not local and bool(getproxies().keys() & {"http", "https", "all"}) and not proxy_bypass(host)


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str | int, ...]]:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        fix = "check the name, and this machine's DNS (/etc/resolv.conf)"
        raise DependencyMissing(f"DNS: {host} is not known ({_reason(error)}); {fix}") from None
    return family, address  # pyright: ignore[reportReturnType] - what getaddrinfo gives, connect takes


def _connected(place: tuple[socket.AddressFamily, tuple[str | int, ...]], host: str, timeout_s: float) -> socket.socket:
    family, address = place
    line = socket.socket(family, socket.SOCK_STREAM)
    line.settimeout(timeout_s)
    try:
        line.connect(address)
    except OSError as error:
        line.close()
        fix = "a firewall, a wrong port, or it is away"
        raise DependencyMissing(
            f"TCP: {host} port {address[1]} takes no connection ({_reason(error)}); {fix}"
        ) from None
    return line


def _secured(line: socket.socket, host: str) -> str:
    try:
        with ssl.create_default_context().wrap_socket(line, server_hostname=host) as secured:
            return secured.version() or "TLS"
    except ssl.SSLCertVerificationError as error:
        fix = "check this machine's clock and CA certificates (SSL_CERT_FILE), and who opens TLS on the way"
        raise DependencyMissing(
            f"TLS: the certificate of {host} does not hold ({error.verify_message}); {fix}"
        ) from None
    except OSError as error:
        raise DependencyMissing(f"TLS: {host} does not speak it ({_reason(error)}); is it https:// there?") from None


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _reason(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number) if isinstance(number, int) and number > 0 else type(error).__name__
