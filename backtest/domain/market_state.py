"""Facts of markets, recorded or assumed, and how each resolved. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

from msgspec.structs import replace

from backtest.domain.told_fees import told_rate
from shared.domain.market import MarketFacts
from shared.domain.money import MICRO, Price, Rate, Shares, micro_text
from shared.messages.signals import ActionableSignal

MARKET_CLOSED = "the market closed"


@dataclass(frozen=True)
class AssumedFacts:
    """The facts of a market that nobody recorded; said in the result, with the share of orders they concern.

    A market whose event nobody names counts as an event of its own; no end and no category are assumed.
    The fee is the venue's rate for crypto markets, its highest (venue reference 3.5).
    """

    tick: Price = Price(10_000)
    min_shares: Shares = Shares(5 * MICRO)
    fee_rate: Rate = Rate(70_000)
    fee_exponent: int | Decimal = 1

    def __str__(self) -> str:
        fee = f"fee rate {micro_text(self.fee_rate)} (exponent {self.fee_exponent})"
        return f"tick {micro_text(self.tick)}, minimum {micro_text(self.min_shares)} shares, {fee}"

    def facts(self, signal: ActionableSignal) -> MarketFacts:
        """Return the facts of the signal's token, as far as the signal itself names them."""
        said = signal.market
        return MarketFacts(
            token_id=signal.token_id,
            condition_id=said.condition_id,
            outcome_index=said.outcome_index or 0,
            outcome=said.outcome,
            title=said.title,
            slug=said.slug,
            event_slug=said.event_slug,
            event_id=said.event_slug or said.condition_id,
            tick=self.tick,
            min_shares=self.min_shares,
            fee_rate=self.fee_rate,
            fee_exponent=self.fee_exponent,
        )


class ResolvedMarket(NamedTuple):
    """A market paid: `payouts` is its vector as fractions of one, by outcome index; `when` says who told the time."""

    condition_id: str
    payouts: tuple[Fraction, ...]
    when: Literal["told", "planned", "assumed"] = "told"


class MarketState:
    """Facts by token; a market that resolved is closed from then on, and its tokens are forgotten."""

    def __init__(self, assumed: AssumedFacts) -> None:
        self._assumed = assumed
        self._known: dict[str, MarketFacts] = {}
        self._tokens: dict[str, dict[str, None]] = {}
        self._guessed: set[str] = set()
        self._rates: dict[str, Rate] = {}
        self._payouts: dict[str, tuple[Fraction, ...]] = {}
        self._reckoned: set[str] = set()

    def facts_of(self, token_id: str) -> MarketFacts | None:
        """Return what is known of a token now."""
        return self._known.get(token_id)

    def add_trade(self, trade: ActionableSignal) -> None:
        """Take in a trade's token: by the facts its signal brings, else by assumed ones."""
        if trade.token_id not in self._known:
            self._find(trade)
        if trade.token_id in self._guessed and trade.fills and trade.fills[0].fee:
            self._learn_rate(trade)

    def add_facts(self, facts: MarketFacts) -> None:
        """Take in recorded facts; they replace assumed ones."""
        if facts.condition_id not in self._payouts:
            self._guessed.discard(facts.token_id)
            self._keep(facts)

    def is_assumed(self, token_id: str) -> bool:
        """Say whether nobody recorded this token's facts."""
        return token_id in self._guessed

    def payouts_of(self, condition_id: str) -> tuple[Fraction, ...] | None:
        """Return how a market resolved, None while it has not."""
        return self._payouts.get(condition_id)

    def closing_reckoned(self, condition_id: str) -> bool:
        """Say whether a market closed when it did by reckoning only."""
        return condition_id in self._reckoned

    def close_market(self, resolved: ResolvedMarket) -> list[MarketFacts]:
        """Close a market for good; return the facts of its tokens that were traded."""
        self._payouts[resolved.condition_id] = resolved.payouts
        if resolved.when != "told":
            self._reckoned.add(resolved.condition_id)
        ours = [self._known[token] for token in self._tokens.get(resolved.condition_id, ())]
        for facts in ours:
            self._known[facts.token_id] = _closed(facts)
        return ours

    def forget_market(self, condition_id: str) -> tuple[str, ...]:
        """Drop the facts of a market that paid out, return its tokens; they stay closed, whatever is traded later."""
        tokens = tuple(self._tokens.pop(condition_id, ()))
        self._rates.pop(condition_id, None)
        for token in tokens:
            del self._known[token]
            self._guessed.discard(token)
        return tokens

    def _find(self, signal: ActionableSignal) -> None:
        found = signal.facts
        if found is None:
            found = self._assumed.facts(signal)
            self._guessed.add(signal.token_id)
            if rate := self._rates.get(found.condition_id):
                found = replace(found, fee_rate=rate, fee_exponent=1)
        self._keep(_closed(found) if found.condition_id in self._payouts else found)

    def _learn_rate(self, trade: ActionableSignal) -> None:
        """Take the rate that a leader's own fee proves for the assumed one, for both outcomes of his market."""
        rate, condition = told_rate(trade), self._known[trade.token_id].condition_id
        if rate is None or self._rates.get(condition) == rate:
            return
        self._rates[condition] = rate
        for token in self._tokens.get(condition, ()):
            if token in self._guessed:
                self._known[token] = replace(self._known[token], fee_rate=rate, fee_exponent=1)

    def _keep(self, facts: MarketFacts) -> None:
        self._known[facts.token_id] = facts
        self._tokens.setdefault(facts.condition_id, {})[facts.token_id] = None


def _closed(facts: MarketFacts) -> MarketFacts:
    return replace(facts, closed=True, accepting_orders=False)
