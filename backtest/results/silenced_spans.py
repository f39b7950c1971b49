"""The stops that silence a run: when each began, why, and how many trades it kept from being followed. Pure.

A breaker pauses buys until `hybrid resume`, and nobody resumes a run; a leader's drawdown, a day's loss and an empty
account end by themselves or never. Whatever they kept out says nothing of the leader.
"""

import json
import re
from collections.abc import Mapping

from backtest.results.result import SilencedSpan
from buyer.strategy.limits import TradingLimits
from shared.domain.money import micro_text

PAUSED = "not_paused"
_SETTING = re.compile(r"\((BREAKER_[A-Z_]+)=")
_WHY = {
    "day_loss": ("the day's loss reached its stop", "max_day_loss_usdc"),
    "drawdown": ("the leader's result fell this far below its best", "max_drawdown_usdc"),
    "cash": ("no cash was left for a stake", "bankroll"),
}
"""Each stop's words, and the limit that widens it."""
_STOPS = frozenset({PAUSED, *_WHY})
OF_LEADER = frozenset({"drawdown"})
"""Stops of one leader; the others are of the whole account."""


class SilencedSpans:
    """Counts what each stop kept out since it first did; any buy afterwards says that it ended by itself."""

    def __init__(self, limits: TradingLimits) -> None:
        self._limits = limits
        self._since: dict[tuple[str, str], list[int]] = {}
        self._lifted: set[tuple[str, str]] = set()

    def add_skip(self, leader: str, reason: str, now_ms: int) -> None:
        """Count a trade that was not followed, if a stop kept it out."""
        if reason not in _STOPS:
            return
        span = (reason, leader if reason in OF_LEADER else "")
        known = self._since.get(span)
        if known is None:
            self._since[span] = [now_ms, 1]
        else:
            known[1] += 1
        if self._lifted:
            self._lifted.discard(span)

    def add_buy(self, leader: str) -> None:
        """Note that something was bought: no stop of the account or of this leader holds now."""
        if self._since:
            self._lifted.update(span for span in self._since if span[1] in ("", leader))

    def spans(self, pause: str | None) -> tuple[SilencedSpan, ...]:
        """Return every stop, the one that kept most out first; `pause` is the record of the control, if it is on."""
        found = [self._span(rule, leader, *counted) for (rule, leader), counted in self._since.items() if rule in _WHY]
        note = json.loads(pause or "{}")
        if note.get("state") == "on":
            found.append(self._pause(note))
        return tuple(sorted(found, key=lambda span: (-span.trades, span.since_ms, span.leader)))

    def _span(self, rule: str, leader: str, since_ms: int, trades: int) -> SilencedSpan:
        why, limit = _WHY[rule]
        limits = self._limits.of(leader) if leader else self._limits
        setting = limit if limit == "bankroll" else f"{limit}={micro_text(getattr(limits, limit))}"
        to_end = (rule, leader) not in self._lifted
        return SilencedSpan(
            rule=rule, leader=leader, why=why, setting=setting, since_ms=since_ms, trades=trades, to_end=to_end
        )

    def _pause(self, note: Mapping[str, str]) -> SilencedSpan:
        why, (_, trades) = note["why"], self._since.get((PAUSED, ""), (0, 0))
        named = _SETTING.search(why)
        limit = named.group(1).lower() if named else ""
        value = getattr(self._limits, limit, 0)
        shown = micro_text(value) if limit.endswith("_usdc") else value
        setting = f"{limit}={shown}" if limit else ""
        return SilencedSpan(
            rule="breaker", leader="", why=why, setting=setting, since_ms=int(note["at_ms"]), trades=trades, to_end=True
        )
