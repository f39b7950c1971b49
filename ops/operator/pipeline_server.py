"""The server that a command looks at: a pipeline of ours, as our programs noted there, or a stranger's."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from redis import Redis

from buyer.sharding.shard_leases import MODES, shard_holders
from ops.operator.controls import active
from shared.domain.errors import DependencyMissing, Malformed
from shared.domain.ledger_accounts import CASH, DEPOSITED
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SERVICE
from shared.messages.events import read_event
from shared.redis.client import server_address
from shared.redis.pipeline_record import read_record
from shared.redis.streams import stream_tail

_LAST_REPORTS = 50
_FIX = (
    "name the server of your pipeline: --redis-url or REDIS_URL (of the environment, or of the `.env` of this folder), "
    "or --data-dir, the folder of its `hybrid up`"
)


@dataclass(frozen=True)
class ModeFacts:
    """One mode on a server: whose wallet trades ('' unknown), since when (0 unknown), and which buyers run now."""

    wallet: str
    since_ms: int
    buyers: tuple[str, ...]

    @property
    def words(self) -> str:
        """Return it for people."""
        runs = f"{', '.join(self.buyers)} runs" if self.buyers else "no buyer runs now: it counts from the next start"
        since = f"since {moment(self.since_ms)}" if self.since_ms else "since an older version"
        return f"{self.wallet or 'wallet not known'}, {since}; {runs}"


@dataclass(frozen=True)
class PipelineServer:
    """A server on which our pipeline has announced itself."""

    url: str
    modes: Mapping[str, ModeFacts]

    def title(self, mode: str) -> str:
        """Return where, whose and since when in short, for a heading."""
        facts = self.modes.get(mode)
        if facts is None:
            return self.url
        wallet = f"{facts.wallet[:8]}…{facts.wallet[-4:]}" if facts.wallet.startswith("0x") else facts.wallet
        since = f"since {moment(facts.since_ms)}" if facts.since_ms else ""
        return " · ".join(word for word in (self.url, mode, wallet, since) if word)

    def facts(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"url": self.url, "modes": {mode: asdict(facts) for mode, facts in self.modes.items()}}


def demand_pipeline(redis: Redis, mode: str | None = None) -> PipelineServer:
    """Return whose pipeline this server carries, in `mode` where one is named (or a control of it is on).

    Raises:
        DependencyMissing: none of ours has ever announced itself here, or none in that mode.
    """
    modes = _modes(redis)
    if not modes and not _reported(redis):
        raise DependencyMissing(
            f"no pipeline of ours has announced itself on {server_address(redis)}, so nothing was done there; {_FIX}"
        )
    server = PipelineServer(server_address(redis), modes)
    if mode and mode not in modes and not active(redis, mode):
        there = "; ".join(f"{name}: {facts.words}" for name, facts in modes.items()) or "only programs without a mode"
        raise DependencyMissing(f"nothing {mode} has announced itself on {server.url} ({there}), so nothing was done")
    return server


def moment(at_ms: int) -> str:
    """Return a time as people read it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _modes(redis: Redis) -> dict[str, ModeFacts]:
    record = read_record(redis)
    found: dict[str, ModeFacts] = {}
    for mode in MODES:
        starts = [program.since_ms for program in record.programs if program.mode == mode]
        buyers = tuple(sorted({holder for holder in shard_holders(redis, mode).values() if holder}))
        if starts or buyers or _funded(redis, mode):
            wallet = record.wallets.get(mode, "paper money" if mode == "paper" else "")
            found[mode] = ModeFacts(wallet, min(starts, default=0), buyers)
    return found


def _funded(redis: Redis, mode: str) -> bool:
    """Say whether a buyer of before this record credited its bankroll here; a control alone does not."""
    return any(RedisLedger(redis, mode).read((CASH, DEPOSITED)).values.values())


def _reported(redis: Redis) -> bool:
    """Say whether a program of ours reported here: one without a mode, or one of before this record."""
    return any(_ours(entry.json) for entry in stream_tail(redis, SERVICE, _LAST_REPORTS)) or bool(
        read_record(redis).programs
    )


def _ours(text: str) -> bool:
    try:
        read_event(text)
    except Malformed:
        return False
    return True
