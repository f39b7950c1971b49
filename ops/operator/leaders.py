"""`hybrid follow`, `unfollow` and `leaders`: the wallets that running detectors watch; changes count within seconds."""

import uuid
from collections.abc import Mapping
from typing import Literal, cast

from redis import Redis

from detector.polling.backfill_gaps import GAPS
from detector.polling.cursors import CURSORS
from ops.operator.account.leader_table import is_watched, was_reported
from ops.operator.controls import who
from ops.operator.lots import sell
from shared.clock import Clock
from shared.domain.errors import BadConfig
from shared.domain.ledger_accounts import sells_only_account
from shared.domain.ledger_write import BalanceGuard, LedgerWrite
from shared.domain.redaction import without_keys
from shared.domain.trading_words import MODES
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.polymarket.wire.leader_fills import ADDRESS
from shared.polymarket.wire.leader_words import address_of
from shared.polymarket.wire.wallets import PROTOCOL
from shared.redis.client import answering
from shared.redis.followed_leaders import (
    FollowedLeader,
    Unfollowed,
    brought_leaders,
    follow_leader,
    followed_leaders,
    unfollow_leader,
    unfollowed,
)
from shared.redis.pipeline_record import read_record

AfterUnfollow = Literal["mirror", "sell", "keep"]
"""What becomes of the lots of a leader who is not followed any more."""


def checked(address: str) -> str:
    """Return the address that a word names, in our form.

    Raises:
        BadConfig: it names none, or one of the venue's own contracts.
    """
    try:
        wanted = address_of(address)
    except ValueError as error:
        raise BadConfig(str(error)) from error
    if not ADDRESS.fullmatch(wanted):
        told = without_keys(repr(address))
        raise BadConfig(
            f"{told} is no address: give 0x and 40 hex digits, as in the link of a profile page, the link, or a @handle"
        )
    if wanted in PROTOCOL:
        raise BadConfig(f"{wanted} is {PROTOCOL[wanted]}: a contract of the venue, not a trader")
    return wanted


def add(redis: Redis, address: str, label: str, clock: Clock) -> bool:
    """Follow from now on; return False when it was followed already.

    What is left of an earlier time of following goes first: nobody wants the trades of the time between.

    Raises:
        BadConfig: it is a wallet of ours (pitfall 44).
    """
    if address in read_record(redis).own:
        raise BadConfig(f"{address} is a wallet of yours: following it, each of your orders would set off the next")
    away = address in unfollowed(redis)
    if away or (address not in followed_leaders(redis) and not is_watched(redis, address)):
        _forget(redis, address)
    _turn_buys(redis, address, off=False)
    return follow_leader(redis, address, FollowedLeader(label, clock.now_ms(), who())) or away


def remove(redis: Redis, address: str, clock: Clock, lots: AfterUnfollow = "mirror") -> str:
    """Unfollow, whoever names it: `hybrid follow`, environment or file; return what is left to do, '' when nothing is.

    Open lots of it are watched until its sells end them (`mirror`), sold now (`sell`), or left alone (`keep`).

    Raises:
        BadConfig: nobody follows it.
    """
    given = followed_leaders(redis).get(address)
    named = address in brought_leaders(redis) or (given is None and was_reported(redis, address))
    if address in unfollowed(redis) or not (given or named):
        raise BadConfig(f"{address} is not followed: `hybrid leaders` shows who is")
    held = [(mode, lot) for mode in MODES for lot in open_lots(RedisLedger(redis, mode)) if lot.leader == address]
    _turn_buys(redis, address, off=True)
    label, leaving = given.label if given else "", lots != "keep"
    unfollow_leader(redis, address, Unfollowed(label, clock.now_ms(), who(), named, leaving))
    if lots == "sell":
        for mode, lot in held:
            sell(redis, mode, lot, None, "unfollowed", clock.now_ms())
    return f"open lots of it: {len(held)}; {_LEFT[lots]}" if held else ""


_LEFT: Mapping[AfterUnfollow, str] = {
    "mirror": "it is watched until they are gone: its sells are followed, its buys are not",
    "sell": "they are sold as soon as a buyer runs",
    "keep": "its sells are not seen any more, so triggers, `hybrid sell`, flatten and redemption end them",
}


def _turn_buys(redis: Redis, address: str, *, off: bool) -> None:
    """Let each ledger refuse or take buys because of a leader; one in which that is so already stays as it is."""
    account = sells_only_account(address)
    for mode in MODES:
        guards = (BalanceGuard(account, at_least=0, at_most=1),)
        write_id = f"sells-only:{uuid.uuid4()}"
        RedisLedger(redis, mode).commit(
            LedgerWrite(id=write_id, postings=((account, 1 if off else -1),), guards=guards)
        )


def _forget(redis: Redis, address: str) -> None:
    with answering(redis):
        for key in (CURSORS, GAPS):
            fields = [field for field in cast("list[str]", redis.hkeys(key)) if f":{address}" in field]
            if fields:
                redis.hdel(key, *fields)
