"""Attacks on what the books say we have: an owner who sells by hand, a second installation with the same key."""

import contextlib
import tempfile
from pathlib import Path

from benchmarks.rigs.adversary.scenario import Scenario
from benchmarks.rigs.adversary.stage import FAIR, Stage, until
from benchmarks.rigs.adversary.stand_ins import random_digits
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.messages.base import SERVICE, SIGNALS
from shared.redis.client import connect_redis
from shared.redis.streams import publish_event, stream_tail

FOUND_WITHIN_S = 20.0
STOPPED_WITHIN_S = 15.0


def half_by_hand(stage: Stage) -> None:
    """Let the owner sell half of a lot on the site; the price falls below our stop, and then away."""
    stage.book(*FAIR)
    with stage.buyer():
        stage.decided(stage.leader("BUY", "100", "0.5"))
        (lot,) = stage.lots
        half = f"-{lot.shares // 2 / 1_000_000}"
        moved = {"wallet": stage.world.wallet, "token": stage.token, "shares": half}
        stage.world.post("/account", {**moved, "indexed": True} if stage.protected else moved)
        stage.begin("0.42")
        if stage.protected:
            with contextlib.suppress(TimeoutError):
                until(lambda: _said(stage, "WALLET_APART"), FOUND_WITHIN_S)
        stage.book((("0.42", "5000"),), (("0.43", "5000"),))
        stage.wait(STOPPED_WITHIN_S)
        stage.falls("0.05")


def second_installation(stage: Stage) -> None:
    """Run a second installation with the same key on a server of its own, and tell both the same three trades."""
    tokens = stage.world.tokens[:3]
    for token in tokens:
        stage.book(*FAIR, token)
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder) / "valkey") as other:
        words = ("--redis-url", other.url, "--consumer", "buyer-1", "--run-dir", folder)
        with stage.buyer(), stage.buyer(*words):
            stage.begin("0.49", **dict.fromkeys(tokens, "0.49"))
            for token in tokens:
                signal = stage.leader("BUY", "100", "0.5", token=token)
                publish_event(connect_redis(other.url), SIGNALS, signal)
                until(lambda name=signal.id: sum(one.signal_id == name for one in stage.told) == 2)
            stage.settled()


def _said(stage: Stage, event: str) -> bool:
    return any(event in entry.json for entry in stream_tail(stage.world.redis, SERVICE, 1000))


SCENARIOS = (
    Scenario(
        name="owner sells half by hand",
        pitfall=53,
        play=half_by_hand,
        settings={"STAKE_USDC": "40", "STOP_LOSS_PCT": "15", "WALLET_CHECK_S": "3"},
        off={"WALLET_CHECK_S": "3600"},
        bound="1",
        why="the fee of the sale",
    ),
    Scenario(
        name="second installation",
        pitfall=51,
        play=second_installation,
        disarm={"buyer.venue.polymarket.client:fact_id": random_digits},
        needs=("buyer.recovery.stranger_fills",),
        bound="0.85",
        why="spread and fee of three stakes, not of six",
    ),
)
