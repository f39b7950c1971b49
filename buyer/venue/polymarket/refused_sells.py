"""Sells that the venue refused although they can be sold: what is done before the exit's next attempt.

A market sell of too many decimals is offered in fewer from then on; one of tokens whose balance the venue has not
looked up yet has it look. The next attempt is an order of its own, so the kill switch is asked before it as always.
"""

from collections.abc import Callable

from shared import logs
from shared.clock import Clock
from shared.domain.errors import TryAgain

REFRESH_AGAIN_S = 60.0
"""What is refused again sooner is not there: the owner sold it, or it is on its way."""
_AMOUNTS = "invalid amounts"
_BALANCE = "not enough balance"


class RefusedSells:
    """One venue's refused sells by token; `refresh` has it look up its balance of a token."""

    def __init__(self, refresh: Callable[[str], None], *, clock: Clock) -> None:
        self._refresh, self._clock = refresh, clock
        self._coarse: set[str] = set()
        self._refreshed: dict[str, float] = {}
        self._log = logs.get_logger("venue")

    def is_coarse(self, token_id: str) -> bool:
        """Say whether this token's sells are offered in fewer decimals."""
        return token_id in self._coarse

    def learn(self, token_id: str, reason: str) -> None:
        """Do what lets the next sell of a token pass, as far as the venue's words say what was wrong.

        Raises:
            RefusedForSafety: the venue refuses our key, account or region.
        """
        words = reason.lower()
        if _AMOUNTS in words and token_id not in self._coarse:
            self._coarse.add(token_id)
            self._log.warning("sells_rounded", token_id=token_id, reason=reason)
        elif _BALANCE in words and self._is_due(token_id):
            self._put_off(token_id, reason)

    def _is_due(self, token_id: str) -> bool:
        now = self._clock.monotonic()
        return now - self._refreshed.get(token_id, now - REFRESH_AGAIN_S) >= REFRESH_AGAIN_S

    def _put_off(self, token_id: str, reason: str) -> None:
        try:
            self._refresh(token_id)
        except TryAgain as error:
            self._log.warning("balance_not_refreshed", token_id=token_id, error=str(error))
            return
        self._refreshed[token_id] = self._clock.monotonic()
        self._log.warning("balance_refreshed", token_id=token_id, reason=reason)
