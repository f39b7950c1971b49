"""The moment at which each source shows something that was done."""

from simulator.chain.chain import Chain
from simulator.core.market import Payouts, Resolution
from simulator.core.settings import Settings
from simulator.core.settlement import Stamp


class Timetable:
    """Turn the measured delays into moments on the block and refresh grids."""

    def __init__(self, settings: Settings, chain: Chain, start_ms: int) -> None:
        """Count refreshes of the feed from a start."""
        self._settings = settings
        self._chain = chain
        self._start_ms = start_ms

    def stamp(self, at_ms: int) -> Stamp:
        """Return the block and the moments for something done at `at_ms`."""
        settings, chain = self._settings, self._chain
        delay = settings.wall_ms(settings.chain_delay_s) - chain.block_ms // 2
        return self.mined(chain.first_block_from(at_ms + max(0, delay)), at_ms)

    def mined(self, block: int, at_ms: int) -> Stamp:
        """Return the moments for something done at `at_ms` that is in this block."""
        settings, chain = self._settings, self._chain
        chain_at = chain.mined_ms(block)
        return Stamp(
            block=block,
            timestamp=chain.timestamp(block),
            chain_at_ms=chain_at,
            rtds_at_ms=at_ms + settings.wall_ms(settings.rtds_delay_s),
            data_at_ms=self._data_at(at_ms, chain_at),
        )

    def resolution(self, payouts: Payouts, at_ms: int) -> Resolution:
        """Return when each source learns of a market that ends at `at_ms`."""
        stamp, settings = self.stamp(at_ms), self._settings
        return Resolution(
            payouts=payouts,
            decided_at_ms=at_ms,
            block=stamp.block,
            chain_at_ms=stamp.chain_at_ms,
            gamma_at_ms=stamp.chain_at_ms + settings.wall_ms(settings.gamma_lag_s),
            redeemable_at_ms=stamp.chain_at_ms + settings.wall_ms(settings.redeemable_lag_s),
        )

    def _data_at(self, at_ms: int, chain_at_ms: int) -> int:
        """Return the first refresh that can hold it: half a period of waiting is in the mean delay."""
        settings = self._settings
        refresh = settings.wall_ms(settings.data_refresh_s)
        ready = max(chain_at_ms, at_ms + settings.wall_ms(settings.data_delay_s) - refresh // 2)
        if refresh <= 0:
            return ready
        return self._start_ms - (self._start_ms - ready) // refresh * refresh
