"""The CLOB's market channel: books, changes, prints; no frame names a wallet."""

import json
from typing import Any

from simulator.clob.book_json import book_hash, book_json
from simulator.core.amounts import PRICE_ONE, TICK_TEXTS, price_text, size_text
from simulator.core.book import Change
from simulator.core.market import Market
from simulator.core.world import World
from simulator.core.world_events import BookMoved, MarketEnded, MarketListed, News, TickMoved, Traded
from simulator.gamma.gamma_json import group_title
from simulator.gateway.sockets import Connection, Hub
from simulator.scenario.market_maker import limit_of


class MarketChannel(Hub):
    """Push what happens to the tokens a client asked for."""

    def __init__(self, world: World) -> None:
        """Listen to a world."""
        super().__init__("ws", world)
        self._tokens: dict[str, set[Connection]] = {}
        self._custom: set[Connection] = set()
        world.listen(self.tell)

    def hear(self, connection: Connection, text: str) -> None:
        """Answer PING, subscribe, unsubscribe."""
        if text == "PING":
            connection.reply("PONG")
            return
        try:
            asked: Any = json.loads(text)
            operation = asked.get("operation") or asked.get("type")
            tokens = [str(each) for each in asked.get("assets_ids", [])]
        except (ValueError, AttributeError):
            connection.reply("INVALID OPERATION")
            return
        if asked.get("custom_feature_enabled"):
            self._custom.add(connection)
        if operation == "unsubscribe":
            self._drop(connection, tokens)
        elif str(operation).lower() in {"market", "subscribe"}:
            self._subscribe(connection, tokens, dump=asked.get("initial_dump", True))
        else:
            connection.reply("INVALID OPERATION")

    def left(self, connection: Connection) -> None:
        """Forget a connection's subscriptions."""
        self._custom.discard(connection)
        self._drop(connection, list(self._tokens))

    def tell(self, news: News) -> None:
        """Turn news into frames."""
        if isinstance(news, BookMoved):
            self._book_moved(news)
        elif isinstance(news, Traded):
            self._traded(news)
        elif isinstance(news, TickMoved):
            self._tick_moved(news)
        elif isinstance(news, MarketEnded):
            self._ended(news)
        elif isinstance(news, MarketListed):
            self._listed(news)

    def _subscribe(self, connection: Connection, tokens: list[str], *, dump: bool) -> None:
        books: list[dict[str, Any]] = []
        for token_id in tokens:
            self._tokens.setdefault(token_id, set()).add(connection)
            market = self.world.catalog.by_token.get(token_id)
            now = self.world.now_ms()
            if market and market.trading(now):
                books.append({"event_type": "book"} | book_json(self.world, market, token_id, now))
        if dump:
            connection.push(json.dumps(books))

    def _drop(self, connection: Connection, tokens: list[str]) -> None:
        for token_id in tokens:
            listeners = self._tokens.get(token_id, set())
            listeners.discard(connection)
            if not listeners:
                self._tokens.pop(token_id, None)

    def _book_moved(self, news: BookMoved) -> None:
        audience = self._audience(news.market)
        if not audience:
            return
        changes = [_change(news.market, outcome, each) for each in news.changes for outcome in (0, 1)]
        self._send(audience, news.market, "price_change", news.at_ms, {"price_changes": changes})
        if self._custom:
            for outcome in (0, 1):
                self._best(news, outcome)

    def _best(self, news: BookMoved, outcome: int) -> None:
        bid, ask = news.market.book.best(outcome)
        if bid is None or ask is None:
            return
        token_id, tick = news.market.tokens[outcome], news.market.tick
        body = {
            "asset_id": token_id,
            "best_bid": price_text(bid, tick),
            "best_ask": price_text(ask, tick),
            "spread": price_text(ask - bid, tick),
        }
        audience = self._tokens.get(token_id, set()) & self._custom
        self._send(audience, news.market, "best_bid_ask", news.at_ms, body)

    def _traded(self, news: Traded) -> None:
        market, taker = news.match.market, news.match.taker
        token_id = market.tokens[taker.outcome]
        limit = limit_of(news.match)
        body = {
            "asset_id": token_id,
            "price": price_text(limit if taker.outcome == 0 else PRICE_ONE - limit, market.tick),
            "size": size_text(taker.shares),
            "side": taker.side,
            "fee_rate_bps": "0",
            "transaction_hash": news.tx_hash,
        }
        audience = self._tokens.get(token_id, set())
        self._send(audience, market, "last_trade_price", news.at_ms, body)

    def _tick_moved(self, news: TickMoved) -> None:
        for token_id in news.market.tokens:
            body = {
                "asset_id": token_id,
                "old_tick_size": TICK_TEXTS[news.old],
                "new_tick_size": TICK_TEXTS[news.new],
            }
            audience = self._tokens.get(token_id, set())
            self._send(audience, news.market, "tick_size_change", news.at_ms, body)

    def _ended(self, news: MarketEnded) -> None:
        market, ended = news.market, news.market.resolution
        winner = ended.winner if ended else None
        body = {
            "id": str(market.number),
            "assets_ids": list(market.tokens),
            "winning_asset_id": "" if winner is None else market.tokens[winner],
            "winning_outcome": "" if winner is None else market.outcomes[winner],
            "tags": [market.category.lower()],
        }
        audience = self._audience(market) & self._custom
        self._send(audience, market, "market_resolved", news.at_ms, body)

    def _listed(self, news: MarketListed) -> None:
        market = news.market
        event = market.event
        body = {
            "id": str(market.number),
            "question": market.question,
            "slug": market.slug,
            "description": f"A made-up market: {market.question}",
            "condition_id": market.condition_id,
            "assets_ids": list(market.tokens),
            "clob_token_ids": list(market.tokens),
            "outcomes": list(market.outcomes),
            "active": True,
            "order_price_min_tick_size": TICK_TEXTS[market.tick],
            "tags": [market.category.lower()],
            "group_item_title": group_title(market),
            **dict.fromkeys(("sports_market_type", "line", "game_start_time"), ""),
            "event_message": {
                "id": str(event.number),
                "ticker": event.slug,
                "slug": event.slug,
                "title": event.title,
                "description": f"A made-up event: {event.title}",
            },
        }
        self._send(self._custom, market, "new_market", news.at_ms, body)

    def _audience(self, market: Market) -> set[Connection]:
        first, second = market.tokens
        return self._tokens.get(first, set()) | self._tokens.get(second, set())

    def _send(
        self,
        audience: set[Connection],
        market: Market,
        kind: str,
        at_ms: int,
        body: dict[str, Any],
    ) -> None:
        if not audience:
            return
        skew = self.world.faults.skew_ms("ws", at_ms)
        envelope = {"event_type": kind, "market": market.condition_id, "timestamp": str(at_ms + skew)}
        frame = json.dumps(envelope | body)
        for connection in audience:
            connection.push(frame)


def _change(market: Market, outcome: int, change: Change) -> dict[str, str]:
    seen, tick = change.seen_from(outcome), market.tick
    bid, ask = market.book.best(outcome)
    return {
        "asset_id": market.tokens[outcome],
        "price": price_text(seen.price, tick),
        "size": size_text(seen.size) if seen.size else "0",
        "side": seen.side,
        "hash": book_hash(market.tokens[outcome], market.book.version),
        "best_bid": "0" if bid is None else price_text(bid, tick),
        "best_ask": "0" if ask is None else price_text(ask, tick),
    }
