"""The account behind a signing key, opened as a live buyer opens it, without a server: to look, never to trade."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from buyer.config import BuyerSettings
from shared.clock import Clock
from shared.domain.errors import DependencyMissing
from shared.http.client import Upstream

if TYPE_CHECKING:  # it needs the extra `live`, and who asks here may not have it
    from buyer.venue.polymarket.preflight import Preflight


@dataclass(frozen=True)
class LiveAccountLook:
    """One key's account: its address, the wallet that the settings name or derive, and how a start would check it."""

    signer: str
    wallet: str
    preflight: "Callable[[], Preflight]"


def open_account(settings: BuyerSettings, clock: Clock, timeout_s: float) -> LiveAccountLook:
    """Read the key and find its wallet; the venue is asked only by `preflight()`, which derives the API key.

    Raises:
        BadConfig, RefusedForSafety: the key cannot be read, or others can read it.
        DependencyMissing: the extra `live` is not installed.
    """
    try:
        from buyer.venue.polymarket.account import AccountApi  # noqa: PLC0415 - as above
        from buyer.venue.polymarket.account_access import read_key, wallet_of  # noqa: PLC0415 - needs the extra `live`
        from buyer.venue.polymarket.credentials import RequestHeaders  # noqa: PLC0415 - as above
        from buyer.venue.polymarket.preflight import Preflight  # noqa: PLC0415 - as above
        from buyer.venue.polymarket.signer import OrderSigner  # noqa: PLC0415 - as above
        from shared.polymarket.polygon import PolygonClient  # noqa: PLC0415 - as above
    except ImportError as error:
        raise DependencyMissing(f"a key needs the extra `live` ({error}): `make install`") from error
    signer = OrderSigner(settings.key_source.read())
    wallet = wallet_of(settings, signer)

    def upstream(name: str, url: str) -> Upstream:
        return Upstream(name, url, [], clock=clock, stop=threading.Event(), timeout_s=timeout_s)

    def preflight() -> Preflight:
        clob, node = upstream("clob_account", settings.clob_url), PolygonClient(upstream("rpc", settings.rpc_url))
        requests = RequestHeaders(signer.address, read_key(settings, clob, signer, wallet, clock))
        account = AccountApi(clob, requests, node, clock=clock)
        geoblock = upstream("geoblock", settings.geoblock_url)
        cap_bps = settings.exchange_fee_cap_bps
        return Preflight(clob, geoblock, account, node, wallet, clock, lambda: False, cap_bps)

    return LiveAccountLook(signer.address, wallet.funder, preflight)
