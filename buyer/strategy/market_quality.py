"""The rules that ask whether a market is one to buy in: its spread, its fair price, and the way out of it. Pure.

Each stands in a decision where its setting is on.
"""

from buyer.strategy.decision_context import DecisionContext
from buyer.strategy.exit_policy import exit_trigger
from buyer.strategy.exits.exit_triggers import HeldPosition, would_fire
from buyer.strategy.exits.lot_value import Look, look_at
from buyer.strategy.fill_model import walk_book
from buyer.strategy.limits import HUNDRED_PCT
from buyer.strategy.rule import Shown, rule
from shared.domain.money import Price, Shares, micro_text
from shared.messages.decisions import ExitReason

_ANY = Price(0)


@rule(lambda case: (_spread(case), case.limits.max_spread))
def check_spread(case: DecisionContext) -> bool:
    """Check how far best bid and best ask stand apart; without a bid nobody can tell, and nothing is bought."""
    return _spread(case) <= case.limits.max_spread


def _spread(case: DecisionContext) -> Price:
    return case.best_ask - case.best_bid


@rule(lambda case: (f"{micro_text(case.trade.price)}, middle {micro_text(_middle(case))}", _most_above_middle(case)))
def fair_price(case: DecisionContext) -> bool:
    """Check the leader's price against the middle of the book: a price of his own making is no price (pitfall 42)."""
    return case.trade.price <= _most_above_middle(case)


def _middle(case: DecisionContext) -> int:
    return (case.best_bid + case.best_ask) // 2


def _most_above_middle(case: DecisionContext) -> Price:
    """Return the most he may have paid; a tick above it always: nothing stands nearer in a book one tick wide."""
    middle = _middle(case)
    by_pct, by_tick = middle * (HUNDRED_PCT + case.limits.max_over_fair_pct) // HUNDRED_PCT, middle + case.tick
    return Price(max(by_tick, by_pct))


@rule(lambda case: (_others_text(case), _most_above_others(case) or "any"))
def others_paid(case: DecisionContext) -> bool:
    """Check the leader's price against what others paid lately: who moves the book moves its middle (pitfall 42).

    His own trades are left out. Where nobody else's are known, nothing speaks against him.
    """
    most = _most_above_others(case)
    return most is None or case.trade.price <= most


def _most_above_others(case: DecisionContext) -> Price | None:
    """Return the most he may have paid, a tick above the others always; None where nobody else paid anything."""
    others = case.others_paid
    if others is None:
        return None
    most = others.price * (HUNDRED_PCT + case.limits.max_over_others_pct) // HUNDRED_PCT
    return Price(max(most, others.price + case.tick))


def _others_text(case: DecisionContext) -> str:
    others, price = case.others_paid, micro_text(case.trade.price)
    if others is None:
        return f"{price}, others unknown"
    return f"{price}, others {micro_text(others.price)} for {micro_text(others.shares)} shares"


@rule(lambda case: (_resale_text(case) + _resting_text(case), _least_text(case)))
def check_liquidity(case: DecisionContext) -> bool:
    """Check what the bids would pay at once for what we would buy, of its cost with fees; and what rests in the market.

    A market of which nobody says what rests in it is judged by its book alone.
    """
    back, cost = _resale(case)
    resting, limits = case.facts.liquidity, case.limits
    enough = resting is None or resting >= limits.min_liquidity_usdc
    return enough and back * HUNDRED_PCT >= cost * limits.min_resale_pct


def _resting_text(case: DecisionContext) -> str:
    if not case.limits.min_liquidity_usdc:
        return ""
    resting = case.facts.liquidity
    return f", {'unknown' if resting is None else micro_text(resting)} in the market"


def _least_text(case: DecisionContext) -> str:
    percent, least = f"{micro_text(case.limits.min_resale_pct)}%", case.limits.min_liquidity_usdc
    return f"{percent}, {micro_text(least)} in the market" if least else percent


def _resale(case: DecisionContext) -> tuple[int, int]:
    bought = case.expected
    sold = walk_book(case.seen_book.bids, "SELL", bought.shares, _ANY, None, case.facts)
    return max(0, sold.usdc - sold.fee), bought.usdc + bought.fee


def _resale_text(case: DecisionContext) -> str:
    back, cost = _resale(case)
    return f"{micro_text(back)} of {micro_text(cost)}"


@rule(lambda case: (_exit_name(case), "no exit"), exit_trigger)
def leaves_at_once(case: DecisionContext) -> bool:
    """Check that none of our own exits would sell this very buy: a stop below a wide spread, an end already over."""
    return not exit_trigger(case.limits) or _own_exit(case) is None


def _exit_name(case: DecisionContext) -> Shown:
    return _own_exit(case) or "no exit"


def _own_exit(case: DecisionContext) -> ExitReason | None:
    """Return why the lot as it would stand after the buy would be sold by this look alone; no bid is no value."""
    held, bought = case.balances, case.expected
    shares, cost = held.lot_shares + bought.shares, held.lot_cost + bought.usdc + bought.fee
    opened_at_ms = held.lot.opened_at_ms if held.lot else case.now_ms
    look = look_at(case.seen_book, Shares(shares), case.facts, 0.0) or Look(0.0, Price(0), Price(0))
    return would_fire(HeldPosition(shares, cost, opened_at_ms, case.facts.ends_at_ms, case.now_ms), look, case.limits)
