"""The relayer's quota: when it may be asked again, after it said so or gave something up.

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
DEFAULT_QUOTA_S = 60.0  # where the relayer does not say when its quota resets
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

    def __init__(self, transactions: TransactionManager, *, clock: Clock) -> None:
        self._transactions, self._clock = transactions, clock
        self._log = logs.get_logger("redeemer", signer=transactions.address)

    def check_hold(self) -> None:
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

    def hold_until_reset(self, error: RateLimited) -> None:
        """Hold everything until the quota is there again, as far as the relayer said when."""
        failures = hold.failures if (hold := self._hold()) else 0
        self._store_hold("the relayer's quota is used up", error.retry_after_s or DEFAULT_QUOTA_S, failures)

    def hold_after_failure(self, said: str) -> None:
        """Hold everything for a while, longer each time in a row."""
        failures = 1 + (hold.failures if (hold := self._hold()) else 0)
        why = f"the relayer gave up {failures} time(s) in a row, the last time: {said[:200]}; it is left alone"
        self._store_hold(why, BACKOFF.wait_s(failures - 1), failures)

    def clear_hold(self) -> None:
        """Forget failures: something was carried."""
        if self._hold():
            self._transactions.keep_record(
                LedgerRecord(HOLDS, self._transactions.address, None), f"carried:{self._step_name()}"
            )

    def _store_hold(self, why: str, for_s: float, failures: int) -> None:
        hold = RelayerHold(why, self._clock.now_ms() + int(for_s * 1000), failures)
        record = LedgerRecord(HOLDS, self._transactions.address, _CODEC.dump_json(hold).decode())
        self._transactions.keep_record(record, f"hold:{self._step_name()}:{failures}")
        self._log.warning("relayer_held", why=why, until=_moment(hold.until_ms))

    def _hold(self) -> RelayerHold | None:
        text = self._transactions.kept_records(HOLDS).get(self._transactions.address)
        return _CODEC.validate_json(text) if text else None

    def _step_name(self) -> str:
        return f"{self._transactions.address}:{self._clock.now_ms()}"


def _moment(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
