"""Attacks by the server and the clock: one that goes back in time, paper beside live on one, an hour back."""

import shutil
from collections import Counter

from benchmarks.rigs.adversary.scenario import Scenario
from benchmarks.rigs.adversary.stage import FAIR, Stage, until
from benchmarks.rigs.adversary.stand_ins import due_by_wall_clock, nothing, random_digits
from benchmarks.rigs.order_rig import CLOCK
from buyer.domain.token_shard import GROUP
from shared.domain.record_kinds import EXITS
from shared.messages.base import SERVICE, SIGNALS
from shared.redis.streams import publish_event, stream_tail

FILES = "appendonlydir"
BACK_S = 3.0
AGAIN_WITHIN_S = 20.0
HOUR_MS = 3_600_000
NO_BIDS = (), (("0.5", "5000"),)


class SteppedClock:
    """The machine's clock, whose wall time somebody sets."""

    def __init__(self) -> None:
        self.apart_ms = 0
        self.monotonic, self.wait = CLOCK.monotonic, CLOCK.wait

    def now_ms(self) -> int:
        """Return what the wall clock says."""
        return CLOCK.now_ms() + self.apart_ms


def server_goes_back(stage: Stage) -> None:
    """Put the server back three seconds under a live buyer, with three orders in between; the signals come again."""
    copy, place = stage.world.folder / "copy", stage.world.server.folder / FILES
    tokens = stage.world.tokens[1:4]
    for token in (stage.token, *tokens):
        stage.book(*FAIR, token)
    with stage.buyer():
        stage.decided(stage.leader("BUY", "100", "0.5"))
        shutil.copytree(place, copy)
        copied_at = CLOCK.monotonic()
        signals = [stage.leader("BUY", "100", "0.5", token=token) for token in tokens]
        stage.decided(*signals)
        stage.begin("0.49", **dict.fromkeys(tokens, "0.49"))
        stage.wait(BACK_S - (CLOCK.monotonic() - copied_at))
        stage.world.server.kill()
        shutil.rmtree(place)
        shutil.copytree(copy, place)
        stage.world.server.restart()
        for signal in signals:
            publish_event(stage.world.redis, SIGNALS, signal)
        stage.wait(AGAIN_WITHIN_S)
        said = Counter(entry.event for entry in stream_tail(stage.world.redis, SERVICE, 1000))
        stage.notes.append(f"said: {dict(said)}")
        stage.notes.append(f"lots in the ledger: {len(stage.lots)}, at the venue: {len(stage.account['shares_micro'])}")


def paper_beside_live(stage: Stage) -> None:
    """Start a paper buyer beside a live one that holds eight lots; their leader sells, and then the price falls."""
    for token in stage.world.tokens:
        stage.book(*FAIR, token)
    with stage.buyer():
        stage.decided(*(stage.leader("BUY", "100", "0.5", token=token) for token in stage.world.tokens))
        stage.begin("0.49", **dict.fromkeys(stage.world.tokens, "0.49"))
        with stage.buyer("--no-live", "--dry-run", "--consumer", "paper-0"):
            for token in stage.world.tokens:
                stage.leader("SELL", "100", "0.49", token=token)
                stage.wait(0.5)
            stage.wait(8)
        stage.settled()
        stage.falls("0.1")


def clock_set_back(stage: Stage) -> None:
    """Set the clock back an hour while an exit waits for bids; they come back, and half a minute later are gone."""
    stage.book(*FAIR)
    clock = SteppedClock()
    with stage.buyer(clock=clock):
        stage.decided(stage.leader("BUY", "100", "0.5"))
        stage.begin("0.49")
        stage.wait(11)
        stage.book(*NO_BIDS)
        stage.leader("SELL", "100", "0.49")
        until(lambda: bool(stage.ledger.records(EXITS)))
        stage.wait(2)
        clock.apart_ms = -HOUR_MS
        stage.wait(1)
        stage.book(*FAIR)
        stage.wait(30)
        stage.settled()
        stage.falls("0.1")


SCENARIOS = (
    Scenario(
        name="clock an hour back",
        pitfall=54,
        play=clock_set_back,
        settings={"STAKE_USDC": "40"},
        disarm={"buyer.execution.exits.attempt_times:AttemptTimes.is_due": due_by_wall_clock},
        needs=("buyer.venue.polymarket.venue_time",),
        bound="1.1",
        why="the fee of the sale",
    ),
    Scenario(
        name="server back 3 s",
        pitfall=50,
        play=server_goes_back,
        tuned={"buyer.recovery.startup:LOSS_WAIT_S": 3.0},
        disarm={
            "shared.ledger.ledger_marks:LedgerMarks.note": nothing,
            "buyer.venue.polymarket.client:fact_id": random_digits,
        },
        bound="0",
        why="nothing is bought twice",
    ),
    Scenario(
        name="paper beside live",
        pitfall=51,
        play=paper_beside_live,
        disarm={"buyer.domain.token_shard:LIVE_GROUP": GROUP},
        settings={"MAX_LEADER_USDC": "1000"},
        bound="1.2",
        why="the fees of eight sales",
    ),
)
