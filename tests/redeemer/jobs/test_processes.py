"""Whole processes: killed in the middle of a job, and told to stop."""

import signal
from collections.abc import Mapping

import pytest

from tests.redeemer.builders import CONDITION, ONE, a_lot, hold
from tests.redeemer.redeemer_fixture import AGAIN_S, QUEUE, RedeemerFixture, wait_for
from tests.started import started
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.process, pytest.mark.server]


def killed_in_mid_job(url: str, point: str) -> None:
    with started("tests.redeemer.jobs.doomed_worker", url, QUEUE, point) as doomed:
        assert doomed.stdout is not None
        assert doomed.stdout.readline() == point + "\n"
        doomed.send_signal(signal.SIGKILL)
        doomed.wait(PATIENCE_S)


@pytest.mark.parametrize("point", ["asking", "paid"])
def test_a_worker_killed_in_the_middle_of_its_job_costs_a_delay_and_pays_once(valkey_url: str, point: str) -> None:
    redeemer = RedeemerFixture(valkey_url, **{CONDITION: (1, 0)})
    hold(redeemer.paper.ledger, a_lot())
    redeemer.jobs("paper", CONDITION)

    killed_in_mid_job(valkey_url, point)
    paid_before_the_kill = len(redeemer.redeemed())
    assert redeemer.job().is_started
    assert not redeemer.jobs("paper", CONDITION)
    redeemer.clock.advance(2 * AGAIN_S)
    assert redeemer.jobs("paper", CONDITION)
    redeemer.work()

    assert paid_before_the_kill == (point == "paid")
    assert [event.paid for event in redeemer.redeemed()] == [10 * ONE]
    assert redeemer.job().is_finished


def environment(url: str) -> Mapping[str, str]:
    nowhere = "http://127.0.0.1:9"
    return {"REDIS_URL": url, "RPC_URL": nowhere, "DATA_API_URL": nowhere, "SCAN_EVERY_S": "0.2", "LOG_FORMAT": "json"}


@pytest.mark.parametrize("module", ["redeemer", "redeemer.worker"])
def test_s5_sigterm_ends_the_process_with_exit_code_0(valkey_url: str, module: str) -> None:
    redeemer = RedeemerFixture(valkey_url)

    with started(module, **environment(valkey_url)) as process:
        wait_for(lambda: bool(redeemer.redis.xlen("hs:service")))
        process.send_signal(signal.SIGTERM)
        code = process.wait(PATIENCE_S)

    assert code == 0


@pytest.mark.pitfall(25)
def test_live_ends_with_exit_code_4_before_anything_is_touched(valkey_url: str) -> None:
    with started("redeemer", "--live", **environment(valkey_url)) as process:
        _, words = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 4
    assert "contradict each other" in words
    assert RedeemerFixture(valkey_url).redis.dbsize() == 0
