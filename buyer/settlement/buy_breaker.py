"""The circuit breaker at work: it pauses buys as `hybrid pause` does, says why, and `hybrid resume` lifts it."""

import threading
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from buyer.strategy.circuit_breaker import BreakerState, after_look, after_order, breaker_on, breaks, matters
from buyer.strategy.limits import TradingLimits
from shared import logs
from shared.clock import Clock
from shared.domain.ledger_accounts import PAUSE_BUYS, REALIZED
from shared.domain.ledger_write import Balances, FencingToken, LedgerRecord, LedgerWrite
from shared.domain.money import Usdc
from shared.domain.record_kinds import BREAKER
from shared.domain.trading_controls import turn_control
from shared.ledger.port import Ledger
from shared.messages.decisions import BuyEngineDecision, OpenLosses
from shared.messages.value_codec import codec_of, write_value

EVERY_MS = 10_000
"""How often the account is looked at."""
WHO = "breaker"
AtHand = Callable[[Sequence[str], Sequence[tuple[str, str]]], Balances | None]
"""Returns accounts and records without asking anybody; None where they are not known."""
_LOOKED_AT = (REALIZED, PAUSE_BUYS)


class BuyBreaker:
    """Counts what ends badly, in the ledger, so that a restart goes on; one thread works, any may count.

    While buys are paused it counts nothing: whoever resumes them begins anew.
    """

    def __init__(
        self,
        ledger: Ledger,
        fence: Callable[[], FencingToken | None],
        losses: Callable[[str], OpenLosses],
        *,
        clock: Clock,
        limits: TradingLimits,
        name: str = "0",
        log: logs.Log | None = None,
        at_hand: AtHand | None = None,
    ) -> None:
        """Build it; what is `at_hand` of the ledger is asked between the looks, where that is known."""
        self._ledger, self._fence, self._losses = ledger, fence, losses
        self._clock, self._limits, self._name, self._at_hand = clock, limits, name, at_hand
        self._log = log or logs.get_logger("breaker")
        self._lock = threading.Lock()
        self._ended: list[BuyEngineDecision] = []
        self._state: BreakerState | None = None
        self._next_ms = 0
        self._on = breaker_on(limits)

    def count(self, decision: BuyEngineDecision) -> None:
        """Take in how an order ended; what changes nothing waits for the next look at the account."""
        if not self._on or decision.order is None:
            return
        with self._lock:
            if self._ended or self._state is None or matters(self._state, decision):
                self._ended.append(decision)

    def work_due(self) -> None:
        """Count the orders that ended, and look at the account every ten seconds.

        Raises:
            Unavailable: the ledger is away.
            Fenced: another buyer is active.
        """
        if not self._on:
            return
        now_ms = self._clock.now_ms()
        due = not self._next_ms - EVERY_MS <= now_ms < self._next_ms
        if not (due or self._ended):
            return
        with self._lock:
            ended, self._ended = self._ended, []
        values = self._standing(now_ms, due=due)
        realized = Usdc(values.get(REALIZED, 0))
        before = self._read(realized)
        if values.get(PAUSE_BUYS):
            self._keep(BreakerState(realized=realized), before)
            return
        open_loss = self._losses("").total if self._limits.breaker_fall_usdc else Usdc(0)
        state = before
        for decision in ended:
            state = after_order(state, decision)
        state = after_look(state, realized, open_loss, now_ms, self._limits.breaker_window_s)
        why = breaks(state, self._limits, Usdc(realized - open_loss))
        if why:
            self._pause(why, BreakerState(realized=realized), now_ms)
        else:
            self._keep(state, before)

    def _standing(self, now_ms: int, *, due: bool) -> Mapping[str, int]:
        """Return result and pause: of the ledger where a look at it is due, or nothing is at hand."""
        found = self._at_hand(_LOOKED_AT, ()) if self._at_hand and not due else None
        if found is None:
            self._next_ms = now_ms + EVERY_MS
            found = self._ledger.read(_LOOKED_AT)
        return found.values

    def _read(self, realized: Usdc) -> BreakerState:
        if self._state is None:
            text = self._ledger.read((), (), ((BREAKER, self._name),)).records.get((BREAKER, self._name))
            self._state = codec_of(BreakerState).read(text) if text else BreakerState(realized=realized)
        return self._state

    def _keep(self, state: BreakerState, before: BreakerState) -> None:
        """Remember, in the ledger where something counts that a restart must not forget."""
        self._state = state
        if (state.rejections, state.losses, len(state.best)) != (before.rejections, before.losses, len(before.best)):
            self._write(f"breaker:{self._name}:{self._clock.now_ms()}", state)

    def _pause(self, why: str, state: BreakerState, now_ms: int) -> None:
        self._state = state
        record = LedgerRecord(BREAKER, self._name, write_value(state))
        turn = turn_control(
            f"breaker-pause:{self._name}:{now_ms}",
            on=True, who=WHO, why=why, now_ms=now_ms, fence=self._fence(), control=PAUSE_BUYS,
        )  # fmt: skip
        self._ledger.commit(replace(turn, records=(*turn.records, record)))
        self._log.error("buys_paused", why=why, fix="look at the account, then `hybrid resume --why ...`")

    def _write(self, write_id: str, state: BreakerState) -> None:
        record = LedgerRecord(BREAKER, self._name, write_value(state))
        self._ledger.commit(LedgerWrite(id=write_id, records=(record,), fence=self._fence()))
