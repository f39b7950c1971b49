"""The owner of a ledger: one wallet on one chain, in one mode. A record says so; another key is refused.

A paper ledger has no wallet to tell its owners apart by, so its record names the installation that traded on it last:
one of several machines of a pipeline, or a second pipeline that shares its cash and caps without meaning to.
"""

import json
import uuid
from dataclasses import asdict, dataclass

from redis import Redis

from shared import logs
from shared.domain.errors import Malformed, RefusedForSafety
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.record_kinds import OWNER
from shared.domain.trading_words import PAPER
from shared.ledger.redis_ledger import RedisLedger
from shared.polymarket.wire.endpoints import CHAIN_ID
from shared.redis.client import server_address
from shared.redis.pipeline_record import read_record


@dataclass(frozen=True)
class LedgerOwner:
    """Whose a ledger is: a wallet (`paper` where none is needed), lower case, on a chain, in a mode."""

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


def note_paper(redis: Redis, installation: str) -> bool:
    """Note that an installation trades on the paper ledger; say so, and return True, where another did before.

    Raises:
        Unavailable: the server is away.
    """
    ledger, owner = RedisLedger(redis, PAPER), asdict(LedgerOwner(PAPER, PAPER))
    before = _installation(ledger.records(OWNER).get(PAPER))
    if before == installation:
        return False
    record = LedgerRecord(OWNER, PAPER, json.dumps({**owner, "installation": installation}))
    ledger.commit(LedgerWrite(id=f"owner:{uuid.uuid4()}", records=(record,)))
    if before:
        logs.get_logger("buyer").warning(
            "paper_ledger_shared",
            before=before,
            here=installation,
            why="another installation traded on this paper ledger last: both have one cash, and one set of caps",
            fix="nothing, if they are one pipeline on several machines; else REDIS_URL=redis://HOST:PORT/1 for one",
        )
    return bool(before)


def _installation(text: str | None) -> str:
    try:
        said = json.loads(text or "{}")
        return str(said.get("installation", ""))
    except (ValueError, AttributeError):
        return ""


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
