"""The owner of a ledger: one wallet on one chain, in one mode. A record says so; another key is refused."""

import json
from dataclasses import asdict, dataclass

from redis import Redis

from shared.domain.errors import Malformed, RefusedForSafety
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.record_kinds import OWNER
from shared.ledger.redis_ledger import RedisLedger
from shared.polymarket.wire.endpoints import CHAIN_ID
from shared.redis.client import server_address
from shared.redis.pipeline_record import read_record


@dataclass(frozen=True)
class LedgerOwner:
    """Whose a ledger is: a wallet ('' on paper), lower case, on a chain, in a mode."""

    wallet: str
    mode: str
    chain_id: int = CHAIN_ID

    def __str__(self) -> str:
        return f"{self.mode} trading of {self.wallet or 'nobody'} on chain {self.chain_id}"


def claim_ledger(redis: Redis, owner: LedgerOwner) -> None:
    """Take a ledger that is nobody's, or ours already; one of before, without the record, by what its server noted.

    Raises:
        RefusedForSafety: it is another wallet's.
        Malformed: its record cannot be read.
        Unavailable: the server is away.
    """
    ledger = RedisLedger(redis, owner.mode)
    found = _read(ledger)
    if found is None:
        noted = read_record(redis).wallets.get(owner.mode, "").lower()
        if noted and noted != owner.wallet:
            raise _refused(redis, LedgerOwner(noted, owner.mode), owner)
        text = json.dumps(asdict(owner))
        ledger.commit(LedgerWrite(id="owner", records=(LedgerRecord(OWNER, owner.mode, text),)))
        found = _read(ledger) or owner  # of two who take it at once, one did
    if found != owner:
        raise _refused(redis, found, owner)


def _read(ledger: RedisLedger) -> LedgerOwner | None:
    texts = ledger.records(OWNER)
    if not texts:
        return None
    try:
        said = json.loads(next(iter(texts.values())))
        return LedgerOwner(str(said["wallet"]), str(said["mode"]), int(said["chain_id"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Malformed(f"the ledger's owner cannot be read: {texts}") from error


def _refused(redis: Redis, found: LedgerOwner, owner: LedgerOwner) -> RefusedForSafety:
    return RefusedForSafety(
        f"the ledger at {server_address(redis)} is that of {found}, and this start is {owner}: its lots and cash are "
        "not this wallet's. Start with the key of that wallet (WALLET, PRIVATE_KEY_FILE), or give this one a server or "
        "database of its own (REDIS_URL=redis://HOST:PORT/1)"
    )
