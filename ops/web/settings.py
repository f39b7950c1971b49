"""Settings of the dashboard, and what makes a place where it may listen."""

import ipaddress
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from shared.config import Settings, Words
from shared.domain.errors import BadConfig, RefusedForSafety

SHORTEST_TOKEN = 32
"""Characters of WEB_TOKEN: so many cannot be guessed by asking."""
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class WebSettings(Settings):
    """What the dashboard needs to know."""

    program: ClassVar[str] = "hybrid web"

    data_dir: Path = Field(Path("var"), description="Folder of the embedded server's data, locks and logs.")
    web_host: str = Field("127.0.0.1", description="Where the dashboard listens; beyond loopback see WEB_TOKEN.")
    web_port: int = Field(8700, ge=0, le=65535, description="Its port; 0 picks a free one.")
    web_token: SecretStr | None = Field(
        None, description="Log in with this (32 characters at least); needed on any host but loopback, with TLS."
    )
    web_tls_cert: Path | None = Field(None, description="Certificate chain (PEM) to serve https with.")
    web_tls_key: Path | None = Field(None, description="Its key (PEM).")
    web_trusted_proxy: Words = Field(
        (), description="Addresses of the proxy that brings TLS: nobody else may connect then; needs WEB_ADDRESS."
    )
    web_address: str = Field("", description="The address people open (https://...), behind a proxy or by name.")
    web_session_hours: float = Field(12.0, gt=0, le=24 * 31, description="Hours until a login ends.")
    web_link_role: Literal["operator", "viewer"] = Field(
        "operator", description="What the link that is printed at a start allows: to act, or only to look."
    )
    web_link_minutes: float = Field(10.0, gt=0, le=24 * 60, description="Minutes for which a login link can be used.")
    web_refresh_s: float = Field(2.0, ge=0.2, le=60, description="Seconds between two looks at the board.")

    @property
    def serves_tls(self) -> bool:
        """Say whether it speaks https itself."""
        return self.web_tls_cert is not None and self.web_tls_key is not None

    @property
    def https(self) -> bool:
        """Say whether a browser reaches it by https: then cookies go nowhere else."""
        return self.serves_tls or self.web_address.startswith("https://")

    @property
    def on_loopback(self) -> bool:
        """Say whether only this machine can connect."""
        return is_loopback(self.web_host)

    def check_place(self) -> None:
        """Refuse to listen where a stranger could read or act.

        Raises:
            RefusedForSafety: another host without a token, or without TLS or a trusted proxy.
            BadConfig: half of a certificate, a token that is too short, an address that is none.
        """
        if (self.web_tls_cert is None) != (self.web_tls_key is None):
            raise BadConfig("WEB_TLS_CERT and WEB_TLS_KEY: give both, or none")
        token = self.web_token.get_secret_value() if self.web_token else ""
        if self.web_token and len(token) < SHORTEST_TOKEN:
            raise BadConfig(f"WEB_TOKEN: {len(token)} characters; give {SHORTEST_TOKEN}: `openssl rand -hex 32`")
        if self.web_address and not urlsplit(self.web_address).netloc:
            raise BadConfig(f"WEB_ADDRESS={self.web_address}: no address; give https://name")
        if not self.on_loopback and not (token and (self.serves_tls or self._behind_proxy)):
            raise RefusedForSafety(
                f"WEB_HOST={self.web_host}: other machines could reach it. That needs WEB_TOKEN, and WEB_TLS_CERT with "
                "WEB_TLS_KEY, or WEB_TRUSTED_PROXY with WEB_ADDRESS=https://...; or leave it at 127.0.0.1 and use "
                "`ssh -L 8700:127.0.0.1:8700`"
            )

    def hosts(self, port: int) -> frozenset[str]:
        """Return the Host headers that are ours when listening on `port`."""
        names = {f"{name}:{port}" for name in _LOOPBACK_NAMES} if self.on_loopback else {f"{self.web_host}:{port}"}
        public = urlsplit(self.web_address).netloc
        return frozenset(names | {public} if public else names)

    def origin(self, port: int) -> str:
        """Return the address to open, without a slash at its end."""
        if self.web_address:
            parts = urlsplit(self.web_address)
            return f"{parts.scheme}://{parts.netloc}"
        return f"{'https' if self.serves_tls else 'http'}://{self.web_host}:{port}"

    @property
    def _behind_proxy(self) -> bool:
        return bool(self.web_trusted_proxy) and self.web_address.startswith("https://")


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
