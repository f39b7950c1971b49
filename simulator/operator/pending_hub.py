"""A node's websocket of pending transactions: whole ones, those to an address, or hashes that are looked up."""

import json
from typing import Any

from simulator.core import contracts
from simulator.core.fill import Match, Order
from simulator.core.world import World
from simulator.gateway.sockets import Connection, Hub
from simulator.operator.operator import Sent

_UNKNOWN = -32602
FORGED = "forged_pending"


class PendingHub(Hub):
    """Show the operator's transactions; `offers` are the ways that this node knows."""

    def __init__(self, world: World, upstream: str, offers: frozenset[str]) -> None:
        """Listen to a world's operator."""
        super().__init__(upstream, world)
        self._offers, self._operator = offers, world.operator
        self._wanted: dict[Connection, str] = {}

    def left(self, connection: Connection) -> None:
        """Forget a connection."""
        if self._wanted.pop(connection, None):
            self._operator.watchers -= 1

    def hear(self, connection: Connection, text: str) -> None:
        """Answer a request of JSON-RPC."""
        try:
            asked: dict[str, Any] = json.loads(text)
            result = self._result(connection, str(asked["method"]), list(asked.get("params") or []))
        except (ValueError, KeyError, TypeError) as error:
            number = json.loads(text).get("id") if text.startswith("{") else None
            refused = {"code": _UNKNOWN, "message": f"unsupported subscription type: {error}"}
            connection.reply(json.dumps({"jsonrpc": "2.0", "id": number, "error": refused}))
            return
        connection.reply(json.dumps({"jsonrpc": "2.0", "id": asked.get("id"), "result": result}))

    def show(self, shown: dict[str, Any]) -> None:
        """Push a transaction to everybody in the way he asked for."""
        for connection, way in list(self._wanted.items()):
            result: object = shown["hash"] if way == "hashes" else shown
            params = {"subscription": "0x1", "result": result}
            connection.push(json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": params}))

    def _result(self, connection: Connection, method: str, params: list[Any]) -> object:
        if method == "eth_chainId":
            return hex(contracts.CHAIN_ID)
        if method == "eth_getTransactionByHash":
            found = self._operator.all.get(str(params[0]))
            return found.shown if found else None
        way = _way(params) if method == "eth_subscribe" else method
        if way not in self._offers:
            raise ValueError(way)
        self._operator.watchers += connection not in self._wanted
        self._wanted[connection] = way
        return "0x1"


class PendingNodes:
    """Both nodes: the second one is a little later, and knows hashes only."""

    def __init__(self, world: World) -> None:
        """Show what the operator sends."""
        self._world = world
        self.first = PendingHub(world, "pending", frozenset({"whole", "hashes"}))
        self.second = PendingHub(world, "pending2", frozenset({"hashes"}))
        world.operator.on_show(self._plan)

    def forge(self, hub: str, params: dict[str, Any]) -> None:
        """Let a node show what never was: params wallet, token, side, shares, usdc, how."""
        world, operator = self._world, self._world.operator
        market = world.catalog.by_token[str(params["token"])]
        side = params.get("side", "BUY")
        outcome = market.outcome_of(str(params["token"]))
        shares, usdc = round(float(params.get("shares", 100)) * 10**6), round(float(params.get("usdc", 50)) * 10**6)
        own = Order(str(params["wallet"]).lower(), outcome, side, shares, usdc)
        other = Order("0x" + "5e" * 20, outcome, "SELL" if side == "BUY" else "BUY", shares, usdc)
        shown = operator.forged(
            Match(market, own, (other,), world.now_ms()), world.exchange(market), str(params["how"])
        )
        nodes = {"pending": [self.first], "pending2": [self.second]}.get(hub, [self.first, self.second])
        for node in nodes:
            node.show(shown)

    def _plan(self, sent: Sent, at_ms: int) -> None:
        late = self._world.settings.wall_ms(self._world.settings.second_pending_s)
        self._world.agenda.at(at_ms, lambda _: self.first.show(sent.shown))
        self._world.agenda.at(at_ms + late, lambda _: self.second.show(sent.shown))


def _way(params: list[Any]) -> str:
    if params[0] != "newPendingTransactions":
        return "filtered"
    return "whole" if params[1:] == [True] else "hashes"
