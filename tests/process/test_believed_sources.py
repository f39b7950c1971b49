"""Whom a live buyer believes: not a node that lies, nor what a reorganisation removed; the venue's record judges."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from buyer.composition import build_buyer
from buyer.config import parse_args
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from tests.buyer.venue.polymarket.live_floor import Floor, floor, until
from tests.detector.venue import detecting, settings, signals
from tests.waiting import PATIENCE_S

__all__ = ["floor"]
pytestmark = [pytest.mark.server, pytest.mark.simulator, pytest.mark.pitfall(48)]


def forge(floor: Floor, node: str = "rpc") -> None:
    """Let a node show a leader's buy that never was."""
    floor.sim.fault("forged_fill", node, params={"wallet": floor.sim.leaders[0].address, "token": floor.token})


def leader_buys(floor: Floor) -> None:
    floor.sim.fill(leader=floor.sim.leaders[0].address, token=floor.token, side="BUY", shares="100", price="0.5")


def bought(floor: Floor) -> bool:
    """Say whether the venue's own record has an order of ours."""
    return bool(floor.sim.world.held.shares(floor.account.wallet, floor.token))


@pytest.mark.parametrize("sources", ["data_api,chain_logs,rtds", "chain_logs"])
def test_what_one_node_makes_up_is_skipped_and_says_who_said_it(floor: Floor, sources: str) -> None:
    floor.fund()
    forge(floor)

    with (
        floor.buyer(),
        detecting(settings(floor.sim, floor.redis_url, sources=sources, confirm_within_s="2")),
    ):
        until(lambda: bool(floor.told))

    (decision,) = floor.told
    (rule,) = [rule for rule in decision.rules if not rule.passed]
    assert (decision.verdict, decision.reason, rule.rule) == ("SKIP", "corroborated", "corroborated")
    assert rule.value.startswith("chain_logs, nobody else in ")
    assert not bought(floor)


def test_it_would_be_bought_by_who_believes_any_node(floor: Floor) -> None:
    floor.fund()
    forge(floor)

    with (
        floor.buyer("--min-nodes", "1"),
        detecting(settings(floor.sim, floor.redis_url, emit_rule="first")),
    ):
        until(lambda: bought(floor))


def test_a_second_node_vouches_for_what_is_true_and_for_nothing_else(floor: Floor) -> None:
    floor.fund()
    forge(floor)
    second = floor.sim.urls["second_rpc_url"]

    with (
        floor.buyer(),
        detecting(settings(floor.sim, floor.redis_url, sources="chain_logs", second_rpc_url=second)),
    ):
        leader_buys(floor)
        until(lambda: bought(floor))

    (signal,) = signals(floor.redis)
    assert [seen.source for seen in signal.seen_by] == ["chain_logs", "second_node"]


@contextmanager
def paper_buyer(floor: Floor) -> Generator[RedisLedger]:
    """Run a paper buyer: a reorganisation takes back no order of its own."""
    stop, urls = threading.Event(), floor.sim.urls
    given = {"redis-url": floor.redis_url, "gamma-url": urls["gamma_url"], "clob-url": urls["clob_url"]}
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    cfg = parse_args([*words, "--warm-tokens", "0", "--run-dir", str(floor.folder)])
    thread = threading.Thread(target=build_buyer(cfg, stop=stop, emit=floor.told.append).service.run, args=(stop,))
    thread.start()
    try:
        yield RedisLedger(floor.redis, "paper")
    finally:
        stop.set()
        thread.join(PATIENCE_S)


def test_what_a_reorganisation_takes_back_is_sold_again(floor: Floor) -> None:
    floor.offer(floor.token)

    with paper_buyer(floor) as ledger, detecting(settings(floor.sim, floor.redis_url)):
        leader_buys(floor)
        until(lambda: bool(open_lots(ledger)))
        floor.sim.fault("reorg", upstream="rpc", count=1, params={"blocks": 40, "reinclude": False})
        until(lambda: any(decision.reason == "exit: retracted" for decision in floor.told))

    assert not open_lots(ledger)
    assert [decision.verdict for decision in floor.told] == ["BUY", "SELL"]
