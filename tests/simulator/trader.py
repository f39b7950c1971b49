"""A trader with the official SDK: what it signs and sends is a second opinion on the venue's rules."""

import dataclasses
import json
from typing import Any

from eth_account import Account
from eth_utils.address import to_checksum_address
from polymarket._internal.actions.orders.post import build_post_order_request
from polymarket._internal.environment import PRODUCTION_CONFIG, create_environment
from polymarket.clients.secure import SecureClient
from polymarket.models.clob.orders import SignedOrder

from simulator import Simulator

ASKS = [["0.50", "100"], ["0.51", "200"], ["0.52", "300"]]
BIDS = [["0.49", "100"], ["0.48", "200"], ["0.47", "300"]]


def environment(sim: Simulator) -> Any:
    """Return the SDK's production environment, pointed at a simulator."""
    urls = {name: sim.urls[name] for name in ("clob_url", "gamma_url", "rpc_url")}
    config = dataclasses.replace(PRODUCTION_CONFIG, data_url=sim.urls["data_api_url"], **urls)
    return create_environment(name="simulator", config=config)


class Trader:
    """A funded wallet and its client; the market it trades has a book of three levels a side."""

    def __init__(self, venue: Any, kind: str = "deposit", usdc: str = "1000", number: int = 1, **more: Any) -> None:
        self.venue = venue
        self.key = f"0x{number:064x}"
        self.owner = str(Account.from_key(self.key).address)
        self.wallet = venue.sim.fund(self.owner, usdc, kind=kind, **more)
        self.token: str = venue.token
        self.client = SecureClient._create(
            private_key=self.key, wallet=to_checksum_address(self.wallet), environment=environment(venue.sim)
        )
        self.set_book()

    def set_book(self, bids: Any = BIDS, asks: Any = ASKS) -> None:
        """Put the levels back."""
        self.venue.post("sim", "/book", {"token": self.token, "bids": bids, "asks": asks})

    def market(self, amount: str = "10", price: str = "0.50", side: Any = "BUY", kind: Any = "FAK") -> SignedOrder:
        """Sign a market order: a sum to spend or shares to sell."""
        bounds = {"amount": amount, "max_price": price} if side == "BUY" else {"shares": amount, "min_price": price}
        sign: Any = self.client.create_market_order
        return sign(asset_id=self.token, side=side, order_type=kind, **bounds)

    def limit(self, size: str = "10", price: str = "0.48", side: Any = "BUY", **more: Any) -> SignedOrder:
        """Sign a resting order."""
        return self.client.create_limit_order(asset_id=self.token, size=size, price=price, side=side, **more)

    def body(self, signed: SignedOrder) -> dict[str, Any]:
        """Return what the SDK would post."""
        return build_post_order_request(signed, owner_api_key=self.client._ctx.credentials.key)[1]

    def post(self, signed: SignedOrder) -> tuple[int, Any]:
        """Post a signed order; return status and answer."""
        return self.send(self.body(signed))

    def send(self, body: Any, path: str = "/order", method: str = "POST", **headers: str) -> tuple[int, Any]:
        """Send any body with good headers, or with some of them changed; return status and answer."""
        transport = self.client._ctx.secure_clob
        raw = json.dumps(body, separators=(",", ":")) if body is not None else None
        resolver = transport._header_resolver
        assert resolver is not None
        signed = {**resolver(method, path, raw), **headers}
        reply = transport._client.request(method, path, content=raw, headers=signed)
        return reply.status_code, _decoded(reply)

    def get(self, path: str, query: str = "", **headers: str) -> tuple[int, Any]:
        """Read something private; the query is not signed."""
        transport = self.client._ctx.secure_clob
        resolver = transport._header_resolver
        assert resolver is not None
        reply = transport._client.get(path + query, headers={**resolver("GET", path, None), **headers})
        return reply.status_code, _decoded(reply)

    def truth(self) -> list[dict[str, Any]]:
        """Return what the venue knows of this wallet's orders."""
        return self.venue.get("sim", "/orders", wallet=self.wallet).json()["orders"]

    def account(self) -> dict[str, Any]:
        """Return what the venue knows of this wallet's money."""
        accounts = self.venue.get("sim", "/accounts").json()["accounts"]
        return next(each for each in accounts if each["wallet"] == self.wallet)

    def close(self) -> None:
        self.client.close()


def _decoded(reply: Any) -> Any:
    return reply.json() if reply.headers["content-type"] == "application/json" and reply.content else None
