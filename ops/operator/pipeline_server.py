"""The server that a command looks at: a pipeline of ours, as our programs noted there, or a stranger's."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, cast

from redis import Redis

from ops.operator.controls import active
from ops.operator.running_buyers import holding_buyers, waiting_buyers
from shared.domain.errors import DependencyMissing, Malformed
from shared.domain.ledger_accounts import CASH, DEPOSITED
from shared.domain.trading_words import MODES
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SERVICE
from shared.messages.events import read_event
from shared.redis.client import answering, bare_key, server_address
from shared.redis.pipeline_record import read_record
from shared.redis.streams import stream_tail

_LAST_REPORTS = 50
_FIX = (
    "name the server of your pipeline: --redis-url or REDIS_URL (of the environment, or of the `.env` of this folder), "
    "or --data-dir, the folder of its `hybrid up`"
)
_OURS = "hs:"
_LOOKED_AT = 100
"""Keys by which a server that knows no pipeline is told: one that was emptied holds what our programs wrote since."""
_NO_SHARD = "it waits for the venue, stands by, or the server was emptied"
_EMPTY = (
    "holds nothing at all, so nothing was done there: nobody of ours ran there yet, or it was emptied. A buyer that "
    "runs on an emptied server stops all orders by itself, and its programs note themselves again within some seconds: "
    "say it again then. Else "
)


@dataclass(frozen=True)
class ModeFacts:
    """One mode on a server: whose wallet trades ('' unknown), since when (0 unknown), and which buyers run now.

    `waiting` are those that run and hold no shard: it counts for them as well.
    """

    wallet: str
    since_ms: int
    buyers: tuple[str, ...]
    waiting: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Return it for people."""
        holding = f"{', '.join(self.buyers)} runs" if self.buyers else ""
        waiting = f"{', '.join(self.waiting)} runs and trades nothing yet ({_NO_SHARD})" if self.waiting else ""
        runs = "; ".join(filter(None, (holding, waiting))) or "no buyer runs now: it counts from the next start"
        since = f"since {moment(self.since_ms)}" if self.since_ms else "since an older version"
        return f"{self.wallet or 'wallet not known'}, {since}; {runs}"


@dataclass(frozen=True)
class PipelineServer:
    """A server on which our pipeline has announced itself; `emptied` where it lost that, and our programs write on."""

    url: str
    modes: Mapping[str, ModeFacts]
    emptied: bool = False

    def words(self, mode: str) -> str:
        """Return for people whom a control of this mode stops."""
        facts = self.modes.get(mode)
        if facts:
            return facts.words
        if self.emptied:
            return "the server was emptied, so nobody can tell who trades; it counts for whoever does"
        return f"nothing {mode} has ever announced itself here; this is for one that will"

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
    emptied = not modes and not _reported(redis)
    if emptied:
        _refuse_strangers(redis)
    server = PipelineServer(server_address(redis), modes, emptied)
    if mode and mode not in modes and not emptied and not active(redis, mode):
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
        buyers = holding_buyers(redis, mode)
        waiting = waiting_buyers(redis, mode, buyers)
        if starts or buyers or waiting or _funded(redis, mode):
            wallet = record.wallets.get(mode, "paper money" if mode == "paper" else "")
            found[mode] = ModeFacts(wallet, min(starts, default=0), buyers, waiting)
    return found


def _funded(redis: Redis, mode: str) -> bool:
    """Say whether a buyer of before this record credited its bankroll here; a control alone does not."""
    return any(RedisLedger(redis, mode).read((CASH, DEPOSITED)).values.values())


def _refuse_strangers(redis: Redis) -> None:
    """Come back for a server that holds what our programs write and nothing else: it lost the rest.

    Raises:
        DependencyMissing: it holds something else, or nothing.
    """
    with answering(redis):
        found = itertools.islice(cast("Iterator[str]", redis.scan_iter(count=_LOOKED_AT)), _LOOKED_AT)
        keys = [bare_key(redis, key) for key in found]
    url = server_address(redis)
    if not keys:
        raise DependencyMissing(f"{url} {_EMPTY}{_FIX}")
    if not all(key.startswith(_OURS) for key in keys):
        raise DependencyMissing(f"no pipeline of ours has announced itself on {url}, so nothing was done there; {_FIX}")


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
