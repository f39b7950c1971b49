"""A backtest: the buyer's policy and fill model over what happened, one decision after the other, never looking ahead.

Time moves from decision to decision. Before each, and before its order meets a book, everything that happened up to
that moment is taken in, and nothing later. One buyer decides at a time: while an order is under way, signals wait.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from backtest.account import Account
from backtest.curve import Curve
from backtest.delays import Constant, Delay
from backtest.happenings import FOREVER_MS, Ahead, Happening, ordered
from backtest.markets import Assumed, Markets, Resolved
from backtest.outcomes import outcome_of, settled, with_order
from backtest.quotes import Last, PriceModel, Quotes
from backtest.result import EquityPoint
from backtest.tally import Sink, Tally
from backtest.valuation import Valuation
from buyer.case import Case
from buyer.fills import NOTHING, Filled, meet, off_grid
from buyer.limits import Limits
from buyer.policy import Decision, decide
from buyer.portfolio import Scope, basis_of
from shared.events import ActionableSignal, Order, Portfolio
from shared.market import Book, MarketFacts
from shared.money import from_micro, to_micro


@dataclass(frozen=True)
class Models:
    """What stands in for the world that no record holds."""

    delay: Delay = field(default_factory=lambda: Constant(2000))
    order_ms: int = 300
    redeem_ms: int = 180_000
    prices: PriceModel = field(default_factory=PriceModel)
    markets: Assumed = field(default_factory=Assumed)

    def described(self) -> dict[str, str]:
        """Return each model in words, for the result."""
        return {
            "delay to the decision": str(self.delay),
            "order to the book": f"{self.order_ms} ms",
            "resolution to the payout": f"{self.redeem_ms / 1000:g} s",
            "prices": str(self.prices),
            "facts where none are recorded": str(self.markets),
        }


class Waiting(NamedTuple):
    """A signal on its way to the buyer; `number` keeps equal times in the order of the trades."""

    arrives_ms: int
    number: int
    signal: ActionableSignal


class Run:
    """One pass over what happened."""

    def __init__(
        self, happenings: Iterable[Happening], limits: Limits, bankroll: int, models: Models, sink: Sink
    ) -> None:
        self._limits, self._models = limits, models
        self._coming = Ahead(ordered(happenings))
        self.account, self.tally, self.curve = Account(bankroll), Tally(sink), Curve()
        self.quotes, self.markets = Quotes(models.prices), Markets(models.markets)
        self._waiting: list[Waiting] = []
        self._payouts: list[tuple[int, Resolved]] = []
        self._value = Valuation(self.quotes)
        self._number = self._free_ms = 0
        self.starts_at_ms = self.ends_at_ms = 0

    def steps(self) -> Iterator[int]:
        """Decide on one signal after the other; yield the time of each decision."""
        while self._fetch():
            arrives_ms, _, signal = heapq.heappop(self._waiting)
            now_ms = max(arrives_ms, self._free_ms)
            self._take_in(now_ms)
            self._decide(signal, now_ms)
            yield now_ms
        self._take_in(FOREVER_MS)

    def _fetch(self) -> bool:
        """Take in trades until no later one could arrive before the next that waits; say whether one waits."""
        waiting = self._waiting
        while not waiting or self._coming.next_ms <= waiting[0].arrives_ms:
            if self._coming.next_ms == FOREVER_MS:
                break
            self._happen(self._coming.take())
        return bool(waiting)

    def _take_in(self, now_ms: int) -> None:
        """Let everything up to `now_ms` happen."""
        while self._coming.next_ms <= now_ms and self._coming.next_ms != FOREVER_MS:
            self._happen(self._coming.take())
        while self._payouts and self._payouts[0][0] <= now_ms:
            self._redeem(*heapq.heappop(self._payouts))

    def _happen(self, happening: Happening) -> None:
        at_ms, what = happening
        self.starts_at_ms = self.starts_at_ms or at_ms
        self.ends_at_ms = max(self.ends_at_ms, at_ms)
        if isinstance(what, ActionableSignal):
            self._trade(what)
        elif isinstance(what, Book):
            self.quotes.seen(what)
        elif isinstance(what, MarketFacts):
            self.markets.learn(what)
        else:
            self._resolve(at_ms, what)

    def _trade(self, signal: ActionableSignal) -> None:
        token_id = signal.token_id
        self.quotes.traded(token_id, Last(signal.price, signal.traded_at_ms, signal.id))
        self._value.priced(token_id)
        shares, usdc = to_micro(signal.shares), to_micro(signal.usdc)
        self.tally.theirs.trade(signal.leader, token_id, signal.side, shares, usdc)
        self._number += 1
        heapq.heappush(self._waiting, Waiting(self._models.delay.arrival_ms(signal), self._number, signal))

    def _resolve(self, at_ms: int, resolved: Resolved) -> None:
        for facts in self.markets.close(resolved):
            share = resolved.payouts[facts.outcome_index]
            self.tally.theirs.pay(facts.token_id, share)
            self.quotes.traded(facts.token_id, Last(from_micro(int(share * 1_000_000)), at_ms, ""))
            self._value.priced(facts.token_id)
        heapq.heappush(self._payouts, (at_ms + self._models.redeem_ms, resolved))

    def _redeem(self, at_ms: int, resolved: Resolved) -> None:
        paid = self.account.redeem(resolved.condition_id, resolved.payouts)
        for lot in paid:
            self.tally.pay(lot)
            self._value.holds(lot.held.token_id, -lot.shares)
            self.quotes.forget(lot.held.token_id)
        if paid:
            self._note(at_ms)

    def _decide(self, signal: ActionableSignal, now_ms: int) -> None:
        self.tally.signals[signal.leader] += 1
        facts = self.markets.facts(signal)
        quote = self.quotes.at(signal.token_id, facts, now_ms, signal.id)
        scope, names = self.account.scope(signal, facts.condition_id, now_ms)
        before = self.account.portfolio(scope, names)
        problems = () if quote.book else ("book: no price known",)
        verdict = decide(Case(signal, facts, quote.book, before, self._limits, now_ms, problems))
        if verdict.order is None:
            self.tally.skip(outcome_of(signal, verdict.verdict, verdict.reason, facts, now_ms, quote))
            return
        if self.account.intend(verdict.order, scope, self._limits):
            self.tally.skip(outcome_of(signal, "SKIP", "ledger", facts, now_ms, quote))
            return
        self._place(signal, verdict, verdict.order, scope, before, now_ms)

    def _place(
        self, signal: ActionableSignal, verdict: Decision, order: Order, scope: Scope, before: Portfolio, now_ms: int
    ) -> None:
        """Let the order meet the book that stands when it arrives."""
        self._free_ms = at_ms = now_ms + self._models.order_ms
        self._take_in(at_ms)
        facts = self.markets.facts(signal)
        quote = self.quotes.at(signal.token_id, facts, at_ms, signal.id)
        filled, refusal = _met(order, quote.book, facts)
        self.account.conclude(order, settled(filled, refusal), scope, before, facts)
        self._value.holds(signal.token_id, filled.shares if order.side == "BUY" else -filled.shares)
        outcome = outcome_of(signal, verdict.verdict, refusal or verdict.reason, facts, now_ms, quote)
        outcome = with_order(outcome, order, filled, quote, at_ms)
        basis = basis_of(filled.shares, before) if order.side == "SELL" else 0
        self.tally.order(outcome, basis, facts, assumed=self.markets.assumed(signal.token_id))
        self._note(at_ms)

    def _note(self, at_ms: int) -> None:
        account = self.account
        point = EquityPoint(at_ms, account.cash, account.locked, self._value.total, account.realized, account.fees)
        self.curve.see(point)


def _met(order: Order, book: Book | None, facts: MarketFacts) -> tuple[Filled, str]:
    """Return what the venue fills, and its word when that is nothing."""
    if facts.closed or book is None:
        return NOTHING, "the market closed" if facts.closed else "no book"
    refused = off_grid(order, book)
    filled = NOTHING if refused else meet(order, book, facts)
    return filled, refused or ("" if filled.shares else "no orders found to match")
