"""The leaders: does the venue know each as a wallet that trades, and since when has it been quiet?"""

import threading
from collections.abc import Sequence
from functools import partial

from ops.setup.checks.upstreams import VenueAsk, refused
from ops.setup.domain.check_line import CheckLine, failed, passed, warned
from shared.clock import Clock
from shared.domain.errors import HybridError
from shared.domain.exit_codes import BAD_CONFIG
from shared.polymarket.data_api import ActivityApi, activity_api
from shared.polymarket.wire.wallets import PROTOCOL
from shared.rate_limit.limits import GateLane

MOST = 10
QUIET_S = 30 * 86_400
DAY_S, HOUR_S, MINUTE_S = 86_400, 3600, 60


def look_at_leaders(
    leaders: Sequence[str], data_api_url: str, version: str, ask: VenueAsk, *, may_be_none: bool = False
) -> Sequence[CheckLine]:
    """Return a line for each of the first leaders; with nobody to follow, how to give one."""
    if not leaders and may_be_none:
        return [passed("leaders", "nobody yet: START_EMPTY waits for `hybrid follow`")]
    if not leaders:
        fix = "`hybrid init`, TRACKED_WALLETS=0x..., or `hybrid follow` while it runs"
        return [failed("leaders", "nobody is followed: TRACKED_WALLETS is empty", fix, BAD_CONFIG)]
    upstream = ask.upstream("data_api", data_api_url)
    api = activity_api("v1" if version == "v1" else "v2", upstream, ask.clock)
    try:
        lines = _each(leaders[:MOST], api, ask.clock)
    finally:
        upstream.close()
    more = len(leaders) - MOST
    return [*lines, passed("leaders", f"{more} more were not asked about")] if more > 0 else lines


def _each(leaders: Sequence[str], api: ActivityApi, clock: Clock) -> list[CheckLine]:
    """Ask about all at once: a doctor has seconds, and they are few."""
    found: dict[str, CheckLine] = {}
    threads = [
        threading.Thread(target=partial(_note, leader, api, clock, found), name=f"check-{leader}", daemon=True)
        for leader in leaders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[leader] for leader in leaders]


def _note(leader: str, api: ActivityApi, clock: Clock, found: dict[str, CheckLine]) -> None:
    found[leader] = _one(leader, api, clock)


def _one(leader: str, api: ActivityApi, clock: Clock) -> CheckLine:
    if leader in PROTOCOL:
        fix = "Give a trader's wallet: the address in the link of a profile page"
        return failed("leader", f"{leader} is {PROTOCOL[leader]}", fix, BAD_CONFIG)
    try:
        newest_s = api.newest_s(leader, GateLane.CATCHUP)
    except HybridError as error:
        return refused("leader", "DATA_API_URL", error)
    if newest_s is None:
        fix = "Is it the wallet of the profile page, not the one that signs? `hybrid follow` finds it"
        return warned("leader", f"{leader} never traded", fix)
    quiet_s = max(0, clock.now_ms() // 1000 - newest_s)
    found = f"{leader} traded {ago(quiet_s)} ago"
    return warned("leader", found, "Follow somebody who trades, too") if quiet_s > QUIET_S else passed("leader", found)


def ago(seconds: int) -> str:
    """Return a span of time in its largest unit."""
    units = ((DAY_S, "days"), (HOUR_S, "hours"), (MINUTE_S, "minutes"), (1, "seconds"))
    size, word = next((size, word) for size, word in units if seconds >= size or size == 1)
    return f"{seconds // size} {word}"
