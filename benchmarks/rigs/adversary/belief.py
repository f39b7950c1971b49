"""Attacks by who is believed: a node that lies, a trade that turns out to be in no block."""

from benchmarks.rigs.adversary.scenario import Scenario
from benchmarks.rigs.adversary.stage import FAIR, Stage, until
from benchmarks.rigs.order_rig import CLOCK
from shared.messages.base import SIGNALS, fact_id
from shared.messages.signals import FillRetracted
from shared.redis.streams import publish_event

WAITS_S = 12.0


def lying_node(stage: Stage) -> None:
    """Let the node show a leader's buy that never was; whoever runs it sells us what he knows is worth 0.40."""
    stage.book(*FAIR)
    leader = stage.world.get("/world")["leaders"][0]["address"]
    with stage.buyer(), stage.detector(leader):
        stage.begin("0.4")
        forged = {"wallet": leader, "token": stage.token}
        stage.world.post("/faults", {"kind": "forged_fill", "upstream": "rpc", "params": forged})
        until(lambda: bool(stage.told))
        stage.settled()


def retraction(stage: Stage) -> None:
    """Tell that the trade which was followed is in no block any more; then the price falls to 0.10."""
    stage.book(*FAIR)
    with stage.buyer():
        signal = stage.leader("BUY", "100", "0.5")
        stage.decided(signal)
        stage.begin("0.49")
        now_ms = CLOCK.now_ms()
        gone = FillRetracted(
            id=fact_id("retracted", signal.id),
            emitted_at_ms=now_ms,
            signal_id=signal.id,
            leader=signal.leader,
            tx_hash=signal.tx_hash,
            token_id=signal.token_id,
            side=signal.side,
            source="chain_logs",
            seen_at_ms=now_ms,
            reason="a reorganisation removed it",
        )
        publish_event(stage.world.redis, SIGNALS, gone)
        stage.wait(WAITS_S)
        stage.falls("0.1")


SCENARIOS = (
    Scenario(
        name="lying node",
        pitfall=48,
        play=lying_node,
        settings={"CONFIRM_WITHIN_S": "2"},
        off={"EMIT_RULE": "first", "MIN_NODES": "1"},
        needs=("simulator.chain.forgery",),
        bound="0",
        why="nothing is bought",
    ),
    Scenario(
        name="retraction",
        pitfall=48,
        play=retraction,
        off={"ON_RETRACTION": "keep"},
        bound="0.2",
        why="the fee of the sale",
    ),
)
