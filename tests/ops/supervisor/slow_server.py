"""An embedded server that takes its time to read its file, as a large one does."""

from pathlib import Path

from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.redis.client import connect_redis

_KEYS = 48_000
_US_A_KEY = 30
_FILL = "for number = 0, ARGV[1] - 1 do redis.call('SET', 'key:' .. number, number) end"


class SlowServer(EmbeddedRedis):
    """Loads for some two seconds, looking up every 1,024 keys, and answers LOADING meanwhile."""

    def filled(self) -> "SlowServer":
        """Write what takes long to read, and stop."""
        with self, connect_redis(self.url) as redis:
            redis.eval(_FILL, 0, _KEYS)
        return self

    def _arguments(self, log: Path) -> list[str]:
        slow = ["--key-load-delay", str(_US_A_KEY), "--loading-process-events-interval-bytes", "1024"]
        return [*super()._arguments(log), *slow]
