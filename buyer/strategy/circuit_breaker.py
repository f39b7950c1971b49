"""The circuit breaker of buys: refused orders, losses in a row, a fall of the account. Pure.

It looks at the account every few seconds: what was realized since the last look counts as one loss or gain, and the
result, realized less what open lots lost, must not fall too far below its best of the window.
"""

from msgspec.structs import replace

from buyer.strategy.limits import TradingLimits
from shared.domain.money import Usdc, micro_text
from shared.domain.value import Value
from shared.messages.decisions import BuyEngineDecision

UNMATCHED = "no orders found to match"
"""How the venue says that a fill-and-kill order found nothing: the price moved, nobody refused anything."""
STEP_MS = 60_000
"""Results of one step of time are kept as their best."""


class PastResult(Value, frozen=True, kw_only=True):
    """The account's result at a moment: realized less what open lots had lost."""

    at_ms: int
    result: Usdc


class BreakerState(Value, frozen=True, kw_only=True):
    """What was counted so far; `best` holds the results of the window that no later one was above, oldest first."""

    rejections: int = 0
    losses: int = 0
    realized: Usdc = Usdc(0)
    best: tuple[PastResult, ...] = ()


def after_order(state: BreakerState, decision: BuyEngineDecision) -> BreakerState:
    """Count a buy that the venue refused; any other end of one begins the count anew."""
    outcome = decision.outcome
    if outcome is None or decision.verdict != "BUY" or outcome.state == "CANCELLED" or UNMATCHED in outcome.reason:
        return state
    return replace(state, rejections=state.rejections + 1 if outcome.state == "REJECTED" else 0)


def matters(state: BreakerState, decision: BuyEngineDecision) -> bool:
    """Say whether the end of an order can change what is counted: a buy that went well after others like it cannot."""
    outcome = decision.outcome
    went_well = decision.verdict == "BUY" and outcome is not None and outcome.state != "REJECTED"
    return not went_well or state.rejections > 0


def after_look(state: BreakerState, realized: Usdc, open_loss: Usdc, now_ms: int, window_s: int) -> BreakerState:
    """Count what was realized since the last look, and keep the result."""
    losses = state.losses + 1 if realized < state.realized else 0 if realized > state.realized else state.losses
    now = PastResult(at_ms=now_ms, result=Usdc(realized - open_loss))
    recent = [past for past in state.best if now_ms - past.at_ms <= window_s * 1000 and past.result > now.result]
    if not recent or now_ms - recent[-1].at_ms >= STEP_MS:
        recent.append(now)
    return replace(state, losses=losses, realized=realized, best=tuple(recent))


def breaks(state: BreakerState, limits: TradingLimits, result: Usdc) -> str:
    """Return why no more is bought, with the setting; '' while nothing speaks against it."""
    fallen = state.best[0].result - result if state.best else 0
    if limits.breaker_rejections and state.rejections >= limits.breaker_rejections:
        return f"{state.rejections} orders refused in a row (BREAKER_REJECTIONS={limits.breaker_rejections})"
    if limits.breaker_losses and state.losses >= limits.breaker_losses:
        return f"{state.losses} losses in a row (BREAKER_LOSSES={limits.breaker_losses})"
    if limits.breaker_fall_usdc and fallen >= limits.breaker_fall_usdc:
        setting = f"BREAKER_FALL_USDC={micro_text(limits.breaker_fall_usdc)}"
        return f"a fall of {micro_text(fallen)} pUSD within {limits.breaker_window_s} s ({setting})"
    return ""


def breaker_on(limits: TradingLimits) -> bool:
    """Say whether anything can set it off."""
    return bool(limits.breaker_rejections or limits.breaker_losses or limits.breaker_fall_usdc)
