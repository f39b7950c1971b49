"""When the venue's relayer may be asked again: its quota is respected, and so is what it keeps giving up.

Kept in the ledger, so that the next process waits as well. A quota of 100 a day that resets in 17 hours would be gone
in minutes if every scan tried.
"""

from datetime import UTC, datetime

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from redeemer.transactions.manager import TransactionManager
from shared import logs
from shared.clock import Clock
from shared.domain.backoff import Backoff
from shared.domain.errors import RateLimited, Unavailable
from shared.domain.ledger_write import LedgerRecord

HOLDS = "relayer_holds"
DEFAULT_QUOTA_S = 60.0
BACKOFF = Backoff(first_s=60.0, longest_s=3600.0)


@dataclass(frozen=True)
class RelayerHold:
    """Why nothing is handed over, until when (epoch ms), and how often in a row the relayer gave something up."""

    why: str
    until_ms: int
    failures: int = 0


_CODEC = TypeAdapter(RelayerHold)


class RelayerQuota:
    """One owner's hold."""

    def __init__(self, purse: TransactionManager, *, clock: Clock) -> None:
        self._purse, self._clock = purse, clock
        self._log = logs.get_logger("redeemer", signer=purse.address)

    def check(self) -> None:
        """Let the caller pass, or say how long it has to wait.

        Raises:
            Unavailable: it is held.
        """
        hold = self._hold()
        if hold and hold.until_ms > self._clock.now_ms():
            hours = (hold.until_ms - self._clock.now_ms()) / 3_600_000
            raise Unavailable(
                f"{hold.why} until {_moment(hold.until_ms)} ({hours:.1f} h from now): nothing is sent before; the "
                "money is safe on the chain, and can be redeemed on the venue's site meanwhile"
            )

    def over_quota(self, error: RateLimited) -> None:
        """Hold everything until the quota is there again, as far as anybody said when."""
        failures = hold.failures if (hold := self._hold()) else 0
        self._keep("the relayer's quota is used up", error.retry_after_s or DEFAULT_QUOTA_S, failures)

    def gave_up(self, said: str) -> None:
        """Hold everything for a while, longer each time in a row."""
        failures = 1 + (hold.failures if (hold := self._hold()) else 0)
        why = f"the relayer gave up {failures} time(s) in a row, the last time: {said[:200]}; it is left alone"
        self._keep(why, BACKOFF.wait_s(failures - 1), failures)

    def carried(self) -> None:
        """Forget failures: something was carried."""
        if self._hold():
            self._purse.note(LedgerRecord(HOLDS, self._purse.address, None), f"carried:{self._now()}")

    def _keep(self, why: str, for_s: float, failures: int) -> None:
        hold = RelayerHold(why, self._clock.now_ms() + int(for_s * 1000), failures)
        record = LedgerRecord(HOLDS, self._purse.address, _CODEC.dump_json(hold).decode())
        self._purse.note(record, f"hold:{self._now()}:{failures}")
        self._log.warning("relayer_held", why=why, until=_moment(hold.until_ms))

    def _hold(self) -> RelayerHold | None:
        text = self._purse.noted(HOLDS).get(self._purse.address)
        return _CODEC.validate_json(text) if text else None

    def _now(self) -> str:
        return f"{self._purse.address}:{self._clock.now_ms()}"


def _moment(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
