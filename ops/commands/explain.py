"""Commands that record what happened, explain it and try it again."""

# ruff: noqa: FBT002, PLC0415 - flags are typer's form; each command imports its part when it is called

from pathlib import Path
from typing import Annotated

import typer

from ops.commands.options import VAR, AsJson, DataDir, FromCapture, RedisUrl, server_url, width
from shared.domain.errors import BadConfig


def capture(
    file: Annotated[Path, typer.Argument(help="A folder, gone on with when it is there; or a new file.jsonl.")],
    redis_url: RedisUrl = None,
    follow: Annotated[
        bool, typer.Option("--follow/--once", help="Go on with what comes, or end at the last entry.")
    ] = True,
    from_start: Annotated[bool, typer.Option(help="Begin with the oldest entry instead of now.")] = False,
    data_dir: DataDir = VAR,
) -> None:
    """Record the streams, to replay them.

    `python -m backtest FILE` replays what this writes. With CAPTURE_BOOKS and CAPTURE_RAW in the settings of buyer and
    detector it holds the books between decisions and the raw answers too.

    Example: hybrid capture var/capture, or hybrid capture today.jsonl --from-start --once
    """
    from ops.recording import capture as command

    url = server_url(redis_url, data_dir)
    try:
        written = command.main(file, url, keep_following=follow, from_start=from_start)
    except FileExistsError as error:
        raise BadConfig(f"{file} exists already: a capture is never overwritten, so choose another name") from error
    typer.echo(f"{written} entries written to {file}", err=True)


def why(
    wanted: Annotated[
        str, typer.Argument(metavar="ID|TX", help="A signal, decision or order id, or the leader's transaction.")
    ],
    capture: FromCapture = None,
    as_json: AsJson = False,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Tell the whole story of one fill.

    Who saw it when, each rule with its value, order, fill, cost against the leader, payout.

    Example: hybrid why 4abe2350 --capture today.jsonl
    """
    from ops.explain import why as command
    from shared.terminal import Terminal

    url = "" if capture else server_url(redis_url, data_dir)
    command.why(wanted, url, capture, as_json=as_json, console=Terminal(width=width()))


def why_not(
    hours: Annotated[float | None, typer.Option(min=0.001, help="How far back from the newest event.")] = None,
    leader: Annotated[str, typer.Option(help="One leader's address; default: all.")] = "",
    capture: FromCapture = None,
    as_json: AsJson = False,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Add up why signals were not followed.

    By rule and by leader.

    Example: hybrid why-not --hours 24
    """
    from ops.explain import why as command
    from shared.terminal import Terminal

    url = "" if capture else server_url(redis_url, data_dir)
    console = Terminal(width=width())
    command.why_not(url, capture, hours=hours, leader=leader, as_json=as_json, console=console)


def sweep(
    files: Annotated[list[Path], typer.Argument(help="Captures or histories, as `python -m backtest` takes them.")],
    vary: Annotated[list[str], typer.Option(help="name=1,5,20, again for more; with --random also name=low..high.")],
    resolved: Annotated[list[Path] | None, typer.Option(help="CSV of how markets resolved: market,winner.")] = None,
    fixed: Annotated[list[str] | None, typer.Option("--set", help="Another setting for all: name=value.")] = None,
    random: Annotated[int, typer.Option(min=0, help="Try so many random settings instead of all.")] = 0,
    seed: Annotated[int, typer.Option(help="Another seed draws other settings.")] = 1,
    here: Annotated[bool, typer.Option("--here", help="Run in this process, without Redis and workers.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write table and heat map as one page.")] = None,
    as_json: AsJson = False,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Try many settings on one history.

    And say how much of the best is luck.

    Tries run on every `hybrid sweep-worker`, on any machine: files are found by content, and a worker that lacks one
    fetches it (from Redis, or SWEEP_STORE). What is done is kept and not done again. Settings: the buyer's limits,
    delay, order_ms, half_spread_ticks, level_shares, fee_rate, bankroll.

    Example: hybrid sweep today.capture --vary stake_usdc=1,5,20 --vary max_slippage_ticks=0,1,2,4
    """
    from ops.research import sweep as command
    from ops.research.sweep_plan import plan
    from shared.terminal import Terminal

    planned = plan(files, resolved or [], vary, fixed or [], random=random, seed=seed)
    url = None if here else server_url(redis_url, data_dir)
    command.main(planned, url, data_dir / "sweeps", html=html, as_json=as_json, console=Terminal(width=width()))


def sweep_worker(
    have: Annotated[list[Path] | None, typer.Option(help="File or folder that need not be fetched.")] = None,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Run tries of sweeps until told to stop.

    Start one for each core, on any machine. What it fetches stands in the data folder (SWEEP_CACHE_MB).

    Example: hybrid sweep-worker --redis-url redis://10.0.0.5:6379/0
    """
    from ops.research import sweep as command

    done = command.worker(server_url(redis_url, data_dir), data_dir / "sweeps", have or [])
    typer.echo(f"{done} tries were run here", err=True)
