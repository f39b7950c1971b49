"""Attacks by who is believed: a node that lies, a trade that turns out to be in no block."""

from benchmarks.rigs.adversary.scenario import Scenario
from benchmarks.rigs.adversary.stage import FAIR, Stage, until
from benchmarks.rigs.adversary.stand_ins import nothing
from benchmarks.rigs.order_rig import CLOCK
from shared.messages.base import SIGNALS, fact_id
from shared.messages.signals import FillRetracted
from shared.redis.streams import publish_event

WAITS_S = 12.0
OPENS_S, SHOWS_S = 2.0, 6.0
_PROOF = "detector.sources.pending.match_proof:MatchProof"


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


def lying_pending_node(stage: Stage) -> None:
    """Let a node show matches before their block that never were: of a stranger, unsigned, changed afterwards."""
    stage.book(*FAIR)
    leader = stage.world.get("/world")["leaders"][0]["address"]
    with stage.buyer(), stage.detector(leader, sources="chain_logs", pending_urls=str(stage.world.urls["pending_url"])):
        stage.begin("0.4")
        stage.wait(OPENS_S)
        for how in ("operator", "order", "amounts"):
            forged = {"wallet": leader, "token": stage.token, "how": how}
            stage.world.post("/faults", {"kind": "forged_pending", "upstream": "pending", "params": forged})
        stage.wait(SHOWS_S)
        stage.settled()


def proven_log(stage: Stage) -> None:
    """Let the only node show a leader's buy that never was, where its transaction has to prove it."""
    stage.book(*FAIR)
    leader = stage.world.get("/world")["leaders"][0]["address"]
    with stage.buyer(), stage.detector(leader, sources="chain_logs"):
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
        name="lying node, pending",
        pitfall=48,
        play=lying_pending_node,
        settings={"ON_PENDING": "follow"},
        disarm={f"{_PROOF}._check_operator": nothing, f"{_PROOF}._check_orders": nothing},
        bound="0",
        why="nothing is bought",
    ),
    Scenario(
        name="lying node, proof",
        pitfall=48,
        play=proven_log,
        settings={"CONFIRM": "proof", "CONFIRM_WITHIN_S": "2"},
        off={"EMIT_RULE": "first", "MIN_NODES": "1"},
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
