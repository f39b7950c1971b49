"""What happens in a run's markets, taken in by whatever keeps something of it."""

import heapq

from backtest.domain.market_events import LeaderChange, MarketEvent
from backtest.domain.market_state import MarketState, ResolvedMarket
from backtest.domain.price_model import LastTrade, PriceQuotes
from backtest.results.mark_to_market import LotValuation
from backtest.results.pnl import LeaderSums
from backtest.simulation.leader_memory import LeaderMemory
from backtest.simulation.lot_watch import LotWatch
from shared.domain.market import Book, MarketFacts
from shared.domain.money import MICRO, Price
from shared.messages.signals import ActionableSignal


class MarketChanges:
    """Takes in one event after the other; `payouts` are the markets that resolved, a heap by when each pays."""

    def __init__(
        self,
        quotes: PriceQuotes,
        markets: MarketState,
        theirs: LeaderSums,
        memory: LeaderMemory,
        value: LotValuation,
        watch: LotWatch,
        redeem_ms: int,
    ) -> None:
        """Build it; `redeem_ms` after a market resolved it pays."""
        self._quotes, self._markets, self._theirs, self._memory = quotes, markets, theirs, memory
        self._value, self._watch, self._redeem_ms = value, watch, redeem_ms
        self.payouts: list[tuple[int, ResolvedMarket]] = []

    def apply_event(self, market_event: MarketEvent) -> None:
        """Take in what happened."""
        at_ms, what = market_event
        if isinstance(what, ActionableSignal):
            if not what.completes:  # it was told already
                self._add_trade(what, at_ms)
        elif isinstance(what, Book):
            self._quotes.add_book(what)
            self._watch.see(what.token_id, at_ms)
        elif isinstance(what, MarketFacts):
            self._markets.add_facts(what)
        elif isinstance(what, ResolvedMarket):
            self._resolve_market(at_ms, what)
        elif isinstance(what, LeaderChange):
            self._theirs.add_change(what)

    def forget_market(self, condition_id: str) -> None:
        """Forget a market that paid out."""
        for token in self._markets.forget_market(condition_id):
            self._quotes.forget_token(token)
            self._memory.forget(token)

    def _add_trade(self, trade: ActionableSignal, at_ms: int) -> None:
        self._markets.add_trade(trade)
        token_id = trade.token_id
        if trade.cause == "TRADE":
            self._quotes.add_trade(token_id, LastTrade(trade.price, trade.traded_at_ms, trade.id))
            if token_id in self._value.shares:
                self._value.update_price(token_id)
                self._watch.see(token_id, at_ms)
            if self._memory.asks:
                self._memory.see(trade, at_ms)
        self._theirs.add_trade(trade.leader, token_id, trade.side, trade.shares, trade.usdc)

    def _resolve_market(self, at_ms: int, resolved: ResolvedMarket) -> None:
        for facts in self._markets.close_market(resolved):
            share = resolved.payouts[facts.outcome_index]
            self._theirs.pay_token(facts.token_id, share)
            self._quotes.add_trade(facts.token_id, LastTrade(Price(int(share * MICRO)), at_ms, ""))
            self._value.update_price(facts.token_id)
        self._theirs.pay_rest(resolved.condition_id, resolved.payouts)
        heapq.heappush(self.payouts, (at_ms + self._redeem_ms, resolved))
