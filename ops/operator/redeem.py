"""`hybrid redeem`: what is due, and, when told so, have it redeemed here and now."""

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

from redis import Redis
from rich.table import Table

from redeemer import composition, composition_live
from redeemer.config import RedeemerSettings, parse_args
from redeemer.domain.payouts import claim_of
from redeemer.domain.redemption_action import ACTS
from redeemer.jobs.queue import job_id
from redeemer.redemption.planner import ALARMS
from shared.clock import Clock, SystemClock
from shared.domain.errors import BadConfig, HybridError, RefusedForSafety
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.money import from_micro, micro_text
from shared.domain.plain_text import make_plain
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import Event
from shared.redis.client import connect_redis
from shared.terminal import Terminal


@dataclass(frozen=True)
class RedeemRow:
    """One condition: what to do about it, what that brings, or what came of it."""

    condition_id: str
    state: str
    expected: str
    note: str = ""


def main(
    redis_url: str,
    *,
    now: bool,
    approve: bool,
    clear: str | None,
    as_json: bool,
    env_file: str | None,
    clock: Clock | None = None,
) -> int:
    """Show what is due, or act on it; return 1 when something of it failed.

    Raises:
        BadConfig, RefusedForSafety, DependencyMissing: live, and the key or the wallet is not as it must be.
        TryAgain: the server or, live, the node is away.
    """
    words = ["--redis-url", redis_url, *(["--env-file", env_file] if env_file else [])]
    settings, time, stop = parse_args(words), clock or SystemClock(), threading.Event()
    with connect_redis(redis_url) as redis:
        if clear:
            lift(redis, settings, clear, time)
            return 0
        if approve:
            return _approve(settings, redis, now=now, clock=time, stop=stop)
        rows = list(act(settings, redis, time, stop) if now else look(settings, redis, time, stop))
    _show(rows, settings, now=now, as_json=as_json)
    return int(any(row.state == "failed" for row in rows))


def look(settings: RedeemerSettings, redis: Redis, clock: Clock, stop: threading.Event) -> Iterator[RedeemRow]:
    """Yield what is due or held, and change nothing."""
    if settings.live:
        parts = composition_live.build_live(settings, redis, clock=clock, stop=stop, emit=_silent)
        for check in parts.preflight.run_checks():
            yield RedeemRow(check.name, "check" if not check.fix else "fix", "", f"{check.found} {check.fix}".strip())
        alarms, dead = parts.plan.open_alarms(), _dead(settings, redis, clock, parts.wallet)
        for due in parts.plan.judge_conditions(parts.plan.candidate_conditions()):
            note = "alarm: see --clear" if due.condition_id in alarms else dead.get(due.condition_id, "")
            yield RedeemRow(due.condition_id, due.state, str(from_micro(due.expected)), note)
        return
    ledger = RedisLedger(redis, composition.PAPER)
    lots = open_lots(ledger)
    names = sorted({lot.condition_id for lot in lots})
    dead = _dead(settings, redis, clock, settings.paper_wallet)
    resolved = composition.build_resolutions(settings, redis, clock=clock, stop=stop).read(names).resolved
    for name in names:
        mine = [lot for lot in lots if lot.condition_id == name]
        vector = resolved.get(name)
        owed = claim_of(settings.paper_wallet, mine, vector).expected if vector else 0
        state = "open" if vector is None else "pay" if owed else "write_off"
        yield RedeemRow(name, state, str(from_micro(owed)), dead.get(name) or mine[0].title)


def act(settings: RedeemerSettings, redis: Redis, clock: Clock, stop: threading.Event) -> Iterator[RedeemRow]:
    """Redeem everything due, one after the other, and yield what came of each."""
    paying = composition.build_redeemer(settings, stop=stop, clock=clock, emit=_silent)
    wallet = getattr(paying, "wallet", settings.paper_wallet)
    for row in list(look(settings, redis, clock, stop)):
        if row.state not in ACTS:
            continue
        try:
            done = paying.redeem(wallet, row.condition_id)
        except HybridError as error:
            yield RedeemRow(row.condition_id, "failed", row.expected, str(error))
        else:
            note = (
                f"paid {micro_text(done.paid)} {done.token} {done.transaction}".strip()
                if done
                else "done before, or with another"
            )
            yield RedeemRow(row.condition_id, "redeemed", row.expected, note)


def lift(redis: Redis, settings: RedeemerSettings, condition_id: str, clock: Clock) -> None:
    """Lift the alarm of a condition: it is judged anew.

    Raises:
        BadConfig: it has none.
    """
    ledger = RedisLedger(redis, composition.redeemer_mode(settings))
    if condition_id not in ledger.records(ALARMS):
        raise BadConfig(
            f"condition {condition_id} has no alarm; those that have: {', '.join(ledger.records(ALARMS)) or 'none'}"
        )
    ledger.commit(
        LedgerWrite(id=f"clear:{condition_id}:{clock.now_ms()}", records=(LedgerRecord(ALARMS, condition_id, None),))
    )
    sys.stdout.write(f"the alarm of {make_plain(condition_id)} is lifted: it is judged anew at the next look\n")


def _dead(settings: RedeemerSettings, redis: Redis, clock: Clock, wallet: str) -> dict[str, str]:
    """Return a note on each condition whose job used up its retries; --now runs it here, the sweep there."""
    failed = composition.build_queue(settings, redis, clock=clock).dead_jobs()
    start = job_id(wallet, "")
    return {
        name.removeprefix(start): f"its job failed: {words}" for name, words in failed.items() if name.startswith(start)
    }


def _approve(settings: RedeemerSettings, redis: Redis, *, now: bool, clock: Clock, stop: threading.Event) -> int:
    if not settings.live:
        raise RefusedForSafety("--approve is for a real wallet: set LIVE=true, DRY_RUN=false, the key and the wallet")
    parts = composition_live.build_live(settings, redis, clock=clock, stop=stop, emit=_silent)
    missing = parts.preflight.missing_approvals()
    for call in missing:
        sys.stdout.write(f"{parts.wallet}: setApprovalForAll on {call.to}, data {call.data}\n")
    if not missing:
        sys.stdout.write("every approval is there\n")
    elif now:
        for call in missing:
            parts.redeemer.perform_call(call)
        sys.stdout.write(f"{len(missing)} approval(s) given\n")
    else:
        sys.stdout.write("nothing was sent; --approve --now gives them\n")
    return 0


def _show(rows: Sequence[RedeemRow], settings: RedeemerSettings, *, now: bool, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps([asdict(row) for row in rows]) + "\n")
        return
    table = Table("condition", "state", "expected", "note")
    for row in rows:
        table.add_row(row.condition_id, row.state, row.expected, row.note)
    console = Terminal(width=None if sys.stdout.isatty() else 200)
    console.print(table)
    total = sum((Decimal(row.expected) for row in rows if row.state in ACTS), Decimal(0))
    mode = composition.redeemer_mode(settings)
    done = "redeemed" if now else f"due: {total}. Nothing was sent; --now redeems it"
    console.print(f"{mode} holdings, {done}")


def _silent(_: Event) -> None:
    """Tell nobody: the table does."""
