"""The upstreams a probe asks, each a few times, and the market and wallet that it asks about."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ops.probe.belief import NothingToSee
from ops.setup.checks.upstreams import VenueAsk
from ops.setup.readable_settings import FoundSettings
from shared.domain.errors import Rejected
from shared.http.client import Upstream
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire.parsing import as_list, as_object, read_text

Raw = dict[str, Any]
_ROWS = 20


@dataclass
class ProbedVenue:
    """The venue as the settings name it."""

    found: FoundSettings
    ask: VenueAsk
    named_wallet: str = ""
    _opened: dict[str, Upstream] = field(default_factory=dict[str, Upstream])

    def upstream(self, name: str) -> Upstream:
        """Return an upstream by its short name: data, gamma, clob, rpc, relayer or geoblock."""
        if name not in self._opened:
            self._opened[name] = self.ask.upstream(f"probe_{name}", self._urls[name])
        return self._opened[name]

    def get(self, name: str, path: str, **params: object) -> Any:  # noqa: ANN401 - JSON
        """Return an answer."""
        return self.upstream(name).get(path, params)

    def refuses(self, name: str, path: str, **params: object) -> bool:
        """Say whether a question is refused."""
        try:
            self.get(name, path, **params)
        except Rejected:
            return True
        return False

    @cached_property
    def node(self) -> PolygonClient:
        """Return the chain's node."""
        return PolygonClient(self.upstream("rpc"))

    @cached_property
    def open_markets(self) -> list[Raw]:
        """Return markets that trade, as Gamma lists them."""
        return self._markets(closed="false")

    @cached_property
    def ended_markets(self) -> list[Raw]:
        """Return markets that ended."""
        return self._markets(closed="true")

    @cached_property
    def wallet(self) -> str:
        """Return the wallet to read: the one that was named, or one that traded just now."""
        if self.named_wallet:
            return self.named_wallet
        body = as_object(self.get("data", "/v2/trades", limit=_ROWS, taker_only="false"), "trades")
        wallets = (read_text(as_object(row, "trade"), "proxy_wallet") for row in as_list(body.get("data"), "trades"))
        return _first(wallets, "nobody traded: name a wallet (--wallet)")

    @cached_property
    def rows(self) -> list[Raw]:
        """Return the wallet's newest trades."""
        body = as_object(self.get("data", "/v2/activity", user=self.wallet, type="TRADE", limit=200), "activity")
        rows = [dict(as_object(row, "row")) for row in as_list(body.get("data"), "activity")]
        if not rows:
            raise NothingToSee(f"{self.wallet} has no trades")
        return rows

    @property
    def _urls(self) -> dict[str, str]:
        found = self.found
        return {
            "data": found.detector.data_api_url,
            "gamma": found.buyer.gamma_url,
            "clob": found.buyer.clob_url,
            "rpc": found.buyer.rpc_url,
            "relayer": found.redeemer.relayer_url,
            "geoblock": found.buyer.geoblock_url,
        }

    def _markets(self, *, closed: str) -> list[Raw]:
        rows = as_list(self.get("gamma", "/markets", closed=closed, limit=_ROWS), "markets")
        markets = [dict(as_object(row, "market")) for row in rows]
        if not markets:
            raise NothingToSee(f"Gamma lists no market with closed={closed}")
        return markets

    def close(self) -> None:
        """Close what was opened."""
        for each in self._opened.values():
            each.close()


def _first(texts: Iterable[str], otherwise: str) -> str:
    for text in texts:
        if text:
            return text
    raise NothingToSee(otherwise)
