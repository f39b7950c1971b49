"""`hybrid redeem` against the local venue: it lists what is due, sends nothing, and redeems when told so."""

import json
import threading
from collections.abc import Generator

import pytest

from ops.operator import redeem
from redeemer.composition import build_queue, build_worker
from redeemer.config import parse_args
from redeemer.redemption.planner import ALARMS
from shared.clock import SystemClock
from shared.domain.errors import BadConfig, RefusedForSafety
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.redis.client import connect_redis
from simulator.core.clock import ManualClock
from simulator.core.settings import Settings
from simulator.gateway.server import Simulator, serve
from tests.redeemer.builders import ONE, a_lot, hold

pytestmark = [pytest.mark.simulator, pytest.mark.server]


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> Generator[Simulator]:
    with serve(Settings(fills_per_minute=0, resolve_after_s=1e9), ManualClock()) as simulator:
        monkeypatch.setenv("RPC_URL", simulator.urls["rpc_url"])
        monkeypatch.setenv("DATA_API_URL", simulator.urls["data_api_url"])
        monkeypatch.setenv("RPC_RATE_PER_S", "500")
        yield simulator


def run(
    url: str, capsys: pytest.CaptureFixture[str], *, now: bool = False, approve: bool = False, clear: str | None = None
) -> list[dict[str, str]]:
    assert redeem.main(url, now=now, approve=approve, clear=clear, as_json=True, env_file=None) == 0
    out = capsys.readouterr().out
    return json.loads(out) if out.startswith("[") else []


def test_what_is_due_is_listed_and_redeemed_only_when_told_so(
    venue: Simulator, valkey_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    due, still_open = venue.markets[0], venue.markets[1]
    ledger = RedisLedger(connect_redis(valkey_url), "paper")
    for market in (due, still_open):
        hold(ledger, a_lot(token_id=market.tokens[0], condition_id=market.condition_id), seed=market.condition_id)
    venue.resolve(due.condition_id, (1, 1))
    venue.advance(5)

    listed = {row["condition_id"]: row for row in run(valkey_url, capsys)}
    assert (listed[due.condition_id]["state"], listed[due.condition_id]["expected"]) == ("pay", "5")
    assert listed[still_open.condition_id]["state"] == "open"
    assert len(open_lots(ledger)) == 2

    done = run(valkey_url, capsys, now=True)
    assert [(row["condition_id"], row["state"]) for row in done] == [(due.condition_id, "redeemed")]
    assert [(lot.condition_id, lot.shares) for lot in open_lots(ledger)] == [(still_open.condition_id, 10 * ONE)]


def test_a_job_that_used_up_its_retries_is_shown_with_what_it_died_of(
    venue: Simulator, valkey_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    market = venue.markets[0]
    hold(
        RedisLedger(connect_redis(valkey_url), "paper"),
        a_lot(token_id=market.tokens[0], condition_id=market.condition_id),
    )
    monkeypatch.setenv("REDIS_URL", valkey_url)
    settings = parse_args([]).model_copy(update={"retry_after_s": ()})
    stop, clock = threading.Event(), SystemClock()
    build_queue(settings, connect_redis(valkey_url), clock=clock)(settings.paper_wallet, market.condition_id)
    build_worker(settings, stop=stop, clock=clock).burst(stop)

    listed = {row["condition_id"]: row for row in run(valkey_url, capsys)}

    assert "its job failed" in listed[market.condition_id]["note"]
    assert "is not known to be resolved" in listed[market.condition_id]["note"]


def test_an_alarm_is_lifted_by_name_and_approvals_are_for_real_wallets(
    valkey_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = RedisLedger(connect_redis(valkey_url), "paper")
    ledger.commit(LedgerWrite(id="alarm", records=(LedgerRecord(ALARMS, "0xc0", "{}"),)))

    run(valkey_url, capsys, clear="0xc0")
    assert ledger.records(ALARMS) == {}
    with pytest.raises(BadConfig, match="has no alarm"):
        run(valkey_url, capsys, clear="0xc0")
    with pytest.raises(RefusedForSafety, match="--approve is for a real wallet"):
        run(valkey_url, capsys, approve=True)
