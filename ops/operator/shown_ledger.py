"""The ledger that is shown where nobody names one: of the buyer that runs, real money first; else of the last one."""

from redis import Redis

from buyer.sharding.shard_leases import MODES
from ops.operator.running_buyers import holding_buyers
from shared.process.beats import read_standings


def shown_mode(redis: Redis) -> str:
    """Return whose ledger to show.

    Raises:
        Unavailable: the server is away.
    """
    running = [mode for mode in MODES if holding_buyers(redis, mode)]
    if running:
        return "live" if "live" in running else "paper"
    buyers = [one for one in read_standings(redis) if one.service == "buyer" and one.beat.mode in MODES]
    last = min(buyers, key=lambda one: (not one.working, one.age_s), default=None)
    return last.beat.mode if last else "paper"
