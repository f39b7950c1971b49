"""The local venue's levers, for drivers that need something to happen: standard library only."""

import json
import urllib.request
from typing import Any


def lever(world: dict[str, Any], name: str, body: dict[str, Any]) -> Any:
    """Pull a lever of the control API; raise where it is refused."""
    request = urllib.request.Request(  # noqa: S310 - an address of this machine
        f"{world['urls']['control_url']}/{name}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.loads(answer.read())


def trade_once(world: dict[str, Any], market: str = "ordered") -> None:
    """Let the leader buy a little."""
    token = world[market]["tokens"][0]
    lever(world, "fill", {"leader": world["leader"], "token": token, "side": "BUY", "shares": "10", "price": "0.5"})
