"""The official client's streams: the market channel and the user channel, each kind of frame once."""

import asyncio
import contextlib
from importlib import import_module
from typing import Any

from benchmarks.rigs.witnesses.calls import Calls, settled
from benchmarks.rigs.witnesses.control import lever, trade_once

PATIENCE_S = 20.0
MARKET_KINDS = {"MarketBookEvent", "MarketPriceChangeEvent", "MarketLastTradePriceEvent", "MarketTickSizeChangeEvent"}
CUSTOM_KINDS = {"MarketBestBidAskEvent", "NewMarketEvent", "MarketResolvedEvent"}
USER_KINDS = {"UserOrderEvent", "UserTradeEvent"}


async def listen(calls: Calls, world: dict[str, Any], environment: Any) -> None:
    """Subscribe to both channels and make every kind of frame happen."""
    polymarket = import_module("polymarket")
    specs = import_module("polymarket.streams")
    market = world["market"]
    public = polymarket.AsyncPublicClient(environment=environment)
    spec = specs.MarketSpec(**{_ids(specs): market["tokens"]}, custom_feature_enabled=True)

    def happen() -> None:
        trade_once(world, "market")
        lever(world, "tick", {"condition_id": market["condition"], "tick": "0.001"})
        lever(world, "positions-market", {})
        lever(world, "resolve", {"condition_id": market["condition"], "payouts": [1, 0]})

    heard = await _hear(public, spec, MARKET_KINDS | CUSTOM_KINDS, happen)
    for kind in sorted(MARKET_KINDS | CUSTOM_KINDS):
        calls.note(f"market channel: {kind}", "" if kind in heard else f"not heard; heard {sorted(heard)}")
    await settled(public.close())
    await _listen_user(calls, world, environment, specs)


async def _listen_user(calls: Calls, world: dict[str, Any], environment: Any, specs: Any) -> None:
    polymarket = import_module("polymarket")
    key = world["keys"]["deposit"]
    token = world["ordered"]["tokens"][0]
    wallet = import_module("eth_utils").to_checksum_address(world["wallets"]["deposit"])
    client = await polymarket.AsyncSecureClient.create(private_key=key, wallet=wallet, environment=environment)

    async def happen() -> None:
        await client.place_market_order(asset_id=token, side="BUY", amount="5", max_price="0.55")

    heard = await _hear(client, specs.UserSpec(), USER_KINDS, happen)
    for kind in sorted(USER_KINDS):
        calls.note(f"user channel: {kind}", "" if kind in heard else f"not heard; heard {sorted(heard)}")
    await settled(client.close())


async def _hear(client: Any, spec: Any, kinds: set[str], happen: Any) -> set[str]:
    """Subscribe, let it happen, and return the kinds of events that came."""
    heard: set[str] = set()
    handle = await client.subscribe(spec)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await settled(happen())
            async for event in handle:
                heard.add(type(event).__name__)
                if kinds <= heard:
                    break
    await handle.close()
    return heard


def _ids(specs: Any) -> str:
    return "asset_ids" if "asset_ids" in specs.MarketSpec.__dataclass_fields__ else "token_ids"
