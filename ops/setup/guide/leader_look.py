"""A look at each leader before it is followed: who it is, how much it trades, and what following it would have done."""

import threading
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial

from ops.research.proxy_wallets import resolve
from ops.setup.checks.traders import ago
from ops.setup.domain.leader_answer import LeaderAnswer
from shared.clock import Clock
from shared.config import Settings
from shared.domain.errors import BadConfig, HybridError
from shared.domain.money import from_micro
from shared.domain.value import Value
from shared.http.client import Upstream
from shared.polymarket.data_api import ActivityV2
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.profiles import wallet_of_handle
from shared.polymarket.wire.leader_fills import V2_NAMES, read_activity
from shared.polymarket.wire.parsing import as_object, read_text
from shared.polymarket.wire.wallets import PROTOCOL
from shared.rate_limit.limits import GateLane

DAYS = 7
DAY_S = 86_400
VERDICT_WITHIN_S = 25.0
_NOT_YET = "not known in time; `hybrid wallet {address} --history api --days 7` has patience"


class LeaderLook(Value, frozen=True, kw_only=True):
    """One leader: its wallet, its name at the venue ('' unknown), and lines about it for people."""

    address: str
    name: str = ""
    trades: str = ""
    note: str = ""
    verdict: str = ""

    def __str__(self) -> str:
        head = f"  {self.address}  {self.name or '(no name)'}"
        more = (self.note, self.trades, self.verdict and f"7 days, followed at 2, 5 and 30 s: {self.verdict}")
        return "\n".join([head, *(f"      {line}" for line in more if line)])


def look_at(named: LeaderAnswer, settings: Settings, clock: Clock) -> list[LeaderLook]:
    """Return a look at each, all side by side; a verdict that takes too long is left out and said so.

    Raises:
        BadConfig: one is nobody who trades, or a contract of the venue; with what to give instead.
        TryAgain: a handle has to be looked up, and the venue does not answer.
    """
    addresses = (*named.addresses, *(_handled(handle, settings, clock) for handle in named.handles))
    looks = [_known(address, settings, clock) for address in dict.fromkeys(addresses)]
    verdicts: dict[str, str] = {}
    threads = [
        threading.Thread(target=partial(_judge, look.address, settings, clock, verdicts), name="verdict", daemon=True)
        for look in looks
        if look.trades
    ]
    for thread in threads:
        thread.start()
    ends = clock.monotonic() + VERDICT_WITHIN_S
    for thread in threads:
        thread.join(max(0.0, ends - clock.monotonic()))
    return [_with_verdict(look, verdicts) for look in looks]


def _with_verdict(look: LeaderLook, verdicts: dict[str, str]) -> LeaderLook:
    verdict = verdicts.get(look.address, _NOT_YET.format(address=look.address)) if look.trades else ""
    return LeaderLook(address=look.address, name=look.name, trades=look.trades, note=look.note, verdict=verdict)


def _handled(handle: str, settings: Settings, clock: Clock) -> str:
    gamma = _upstream("gamma", settings.gamma_url, clock)
    try:
        return wallet_of_handle(gamma, handle)
    finally:
        gamma.close()


def _known(address: str, settings: Settings, clock: Clock) -> LeaderLook:
    """Ask the venue who it is; one that is away says nothing of anybody, and stops nobody."""
    if address in PROTOCOL:
        raise BadConfig(f"{address} is {PROTOCOL[address]}: a contract of the venue, not a trader")
    data, node = _upstream("data_api", settings.data_api_url, clock), _upstream("rpc", settings.rpc_url, clock)
    try:
        found = resolve(address, ActivityV2(data, clock), PolygonClient(node))
        return _traded(found.address, found.note, ActivityV2(data, clock), clock)
    except BadConfig:
        raise
    except HybridError as error:
        return LeaderLook(address=address, note=f"not looked at: {error}")
    finally:
        data.close()
        node.close()


def _traded(address: str, note: str, api: ActivityV2, clock: Clock) -> LeaderLook:
    now_s = clock.now_ms() // 1000
    page = api.page(address, now_s - DAYS * DAY_S, "", GateLane.CATCHUP)
    fills = read_activity(page.rows, address, V2_NAMES).fills
    newest_s = api.newest_s(address, GateLane.CATCHUP)
    last = f"; its last trade was {ago(max(0, now_s - newest_s))} ago" if newest_s is not None else ""
    many = "at least " if page.has_more else ""
    volume = from_micro(sum(fill.usdc_micro for fill in fills))
    trades = f"{many}{len(fills):,} trades for {volume:,.2f} pUSD in {DAYS} days{last}" if fills or last else ""
    return LeaderLook(address=address, name=_name(page.rows), trades=trades, note=note)


def _name(rows: Sequence[object]) -> str:
    """Return the name that the newest row tells: rows come oldest first."""
    for row in reversed(rows):
        named = as_object(row, "row")
        if name := read_text(named, "name") or read_text(named, "pseudonym"):
            return name
    return ""


def _judge(address: str, settings: Settings, clock: Clock, verdicts: dict[str, str]) -> None:
    """Follow it through its last days, as `hybrid wallet` does; what cannot be known is said in its place."""
    from backtest import settings as limits_of  # noqa: PLC0415 - the backtest is needed only here
    from backtest.history import market_facts  # noqa: PLC0415 - as above
    from backtest.results.copyability import assess_copyability  # noqa: PLC0415 - as above
    from backtest.simulation.latency import read_delay  # noqa: PLC0415 - as above
    from ops.research import wallet, wallet_history  # noqa: PLC0415 - as above
    from shared.domain.money import to_micro  # noqa: PLC0415 - as above

    try:
        told = wallet_history.ask(address, DAYS, clock, settings)
        found = limits_of.decided_settings(limits_of.open_captures([]), limits_of.read_changes([]))
        delays = {delay_s: read_delay(str(delay_s), {}) for delay_s in wallet.DELAYS_S}
        copies, profile = wallet.follow(
            lambda: iter(told.market_events),
            address,
            delays,
            found.limits,
            to_micro(found.bankroll),
            nullcontext(),
            market_facts.UNSURE,
        )
        verdicts[address] = assess_copyability(copies, profile).title
    except HybridError as error:
        verdicts[address] = f"not known: {error}"


def _upstream(name: str, url: str, clock: Clock) -> Upstream:
    return Upstream(name, url, [], clock=clock, stop=threading.Event(), timeout_s=6)
