"""Whoever reads our stdout or stderr may stop, or leave: no process waits for him, ends, or does its work otherwise."""

import fcntl
import json
import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from ops.demo.demo import read_all
from ops.supervisor.embedded_redis import EmbeddedRedis
from redeemer.config import RedeemerSettings
from redeemer.jobs.queue import bytes_connection, redemption_queue
from shared.clock import SystemClock
from shared.messages.base import DECISIONS, REDEMPTIONS, SERVICE, SIGNALS, fact_id
from shared.messages.decisions import BuyEngineDecision
from shared.messages.redemptions import RedemptionResult
from shared.messages.service import ServiceStop
from shared.messages.signals import ActionableSignal
from shared.redis.client import connect_redis
from shared.redis.streams import publish_event
from simulator import Settings, serve
from tests.buyer.builders import LEADER, a_signal
from tests.process.conftest import Programs, end_within_15_s, wait_until
from tests.running.warm_process import WarmProcess

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator, pytest.mark.pitfall(55)]

SMALLEST_PIPE = 4096
SIGNALLED = 120


@contextmanager
def unread(stream: str, *words: str, **environment: str) -> Generator["subprocess.Popen[str]"]:
    """Start one of our modules with one stream that goes into a small pipe nobody reads."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, SMALLEST_PIPE)
    out, err = (writer if stream == name else subprocess.DEVNULL for name in ("stdout", "stderr"))
    process = WarmProcess(words, env={**os.environ, **environment}, stdout=out, stderr=err)
    os.close(writer)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
        os.close(reader)


def publish_signals(redis: Redis, token_id: str, count: int) -> None:
    for number in range(count):
        now = SystemClock().now_ms()
        times = {"traded_at_ms": now, "seen_at_ms": now, "emitted_at_ms": now}
        names = {"id": fact_id("signal", number), "tx_hash": "0x" + fact_id("tx", number)}
        publish_event(redis, SIGNALS, a_signal(token_id=token_id, **names, **times))


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_stops_reading_stops_no_decision_and_no_end(
    stream: str, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    redis = connect_redis(redis_server.url)
    with serve(Settings(fills_per_minute=0, resolve_after_s=1_000_000)) as venue:
        urls, token_id = venue.urls, venue.markets[0].tokens[0]
        told = {"GAMMA_URL": urls["gamma_url"], "CLOB_URL": urls["clob_url"], "RPC_URL": urls["rpc_url"]}
        told |= {"REDIS_URL": redis_server.url, "RUN_DIR": str(tmp_path), "WARM_TOKENS": "0", "PAPER_LATENCY_S": "0"}
        told["TRACKED_WALLETS"] = LEADER
        with unread(stream, "buyer", **{name: str(value) for name, value in told.items()}) as buyer:
            publish_signals(redis, token_id, SIGNALLED)
            wait_until(lambda: len(read_all(redis, DECISIONS, BuyEngineDecision)) == SIGNALLED)

            assert end_within_15_s(buyer) == 0

    assert read_all(redis, SERVICE, ServiceStop)[-1].exit_code == 0


def left_after(process: "subprocess.Popen[str]", count: int) -> list[str]:
    """Read so many lines of its stdout, then leave, as `head` does."""
    assert process.stdout is not None
    found = [process.stdout.readline() for _ in range(count)]
    process.stdout.close()
    process.stdout = None
    return found


@pytest.mark.takes(11)
def test_readers_that_leave_change_nothing_and_fail_no_job(
    programs: Programs, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    redis = connect_redis(redis_server.url)
    with (tmp_path / "service.err").open("w") as service_err, (tmp_path / "worker.err").open("w") as worker_err:
        service, worker = (
            WarmProcess(words, env=programs.env, stdout=subprocess.PIPE, stderr=err)
            for words, err in ((["ops.run_service", "--no-redeem"], service_err), (["redeemer.worker"], worker_err))
        )
    redeemer = programs.start("redeemer")
    try:
        assert all(json.loads(line) for line in left_after(service, 3))
        left_after(worker, 0)
        wait_until(lambda: len(read_all(redis, REDEMPTIONS, RedemptionResult)) >= 2)
        signalled = len(read_all(redis, SIGNALS, ActionableSignal))
        wait_until(lambda: len(read_all(redis, SIGNALS, ActionableSignal)) > signalled)
        codes = [end_within_15_s(process) for process in (service, redeemer)]
        jobs = redemption_queue(RedeemerSettings.model_fields["redeem_queue"].default, bytes_connection(redis))
        wait_until(lambda: not jobs.count and not jobs.started_job_registry.count, "no job that the end interrupts")
        codes.append(end_within_15_s(worker))
    finally:
        for process in (service, worker):
            process.kill()
            process.wait(10)

    assert codes == [0, 0, 0]
    said = {name: (tmp_path / f"{name}.err").read_text() for name in ("service", "worker")}
    assert all("Traceback" not in text and "BrokenPipe" not in text for text in said.values())
    assert said["service"].count("stdout_closed") == said["worker"].count("stdout_closed") == 1
    (stop,) = [event for event in read_all(redis, SERVICE, ServiceStop) if event.service == "redeemer-worker"]
    assert stop.snapshots["redeemer-worker"]["failed"] == 0
