"""The `hybrid` command: what an operator types. Each command imports its part when it is called."""

# ruff: noqa: FBT002, PLC0415 - flags are typer's form; each command imports its part when it is called

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer
from redis import Redis

from shared.clock import Clock
from shared.errors import BadConfig, DependencyMissing, HybridError, TryAgain
from shared.exits import MEANINGS
from shared.life import code_version, say

_CODES = "\n\n".join(f"{code}  {meaning}" for code, meaning in MEANINGS.items())

app = typer.Typer(
    name="hybrid",
    help="Follow Polymarket traders: detect, decide, redeem, and always be able to say why.",
    epilog=f"Exit codes:\n\n{_CODES}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

DataDir = Annotated[Path, typer.Option(help="Folder of the embedded server's data, locks and logs.")]
EnvFile = Annotated[Path | None, typer.Option(help="File with settings, as .env.example.")]
RedisUrl = Annotated[
    str | None, typer.Option(help="Server to look at; default: REDIS_URL, else the one of `hybrid up`.")
]
Mode = Annotated[Literal["paper", "live"], typer.Option(help="Which ledger.")]
Why = Annotated[str, typer.Option(help="Kept with the switch and shown wherever it blocks something.")]
FromCapture = Annotated[Path | None, typer.Option(help="Read this capture instead of the running system.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
VAR = Path("var")


def main() -> NoReturn:
    """Run the command line; what an operator has to fix is one plain line and its exit code."""
    try:
        app()
    except TryAgain as error:
        sys.exit(say("hybrid", DependencyMissing(f"{error} Is it running? `hybrid up` or `hybrid redis` starts one.")))
    except HybridError as error:
        sys.exit(say("hybrid", error))
    sys.exit(0)


@app.command()
def up(
    leaders: Annotated[
        str | None, typer.Option(help="Wallets to follow, comma separated; beats TRACKED_WALLETS.")
    ] = None,
    env_file: EnvFile = None,
    data_dir: DataDir = VAR,
    runtime_seconds: Annotated[float | None, typer.Option(help="Stop after this many seconds.")] = None,
) -> None:
    """Run detector, buyer, redeemer and worker here, with paper orders.

    Uses REDIS_URL when it is set, else starts the embedded server in --data-dir.

    Example: hybrid up --leaders 0x1111111111111111111111111111111111111111
    """
    from ops import up as command
    from ops.config import UpSettings
    from shared.config import parse

    given: dict[str, Any] = {"data_dir": data_dir, "tracked_wallets": leaders, "runtime_seconds": runtime_seconds}
    flags = ["--env-file", str(env_file)] if env_file else []
    settings = parse(UpSettings, flags, **{name: value for name, value in given.items() if value is not None})
    raise typer.Exit(command.main(settings, env_file=str(env_file) if env_file else None))


@app.command()
def demo(
    seconds: Annotated[float, typer.Option(help="End by itself after this many seconds, with a summary; 0 never.")] = 0,
    speed: Annotated[float, typer.Option(help="How many times faster than real the local venue runs.")] = 1,
    seed: Annotated[int, typer.Option(help="Another seed is another world.")] = 7,
    screen: Annotated[bool, typer.Option(help="Show the live screen.")] = True,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of the run's data and capture, emptied first; default: var/demo.")
    ] = None,
) -> None:
    """Show the whole pipeline live against a local venue: no account, no network.

    Example: hybrid demo --seconds 60
    """
    _call("demo", seconds=seconds, speed=speed, seed=seed, screen=screen, data_dir=data_dir)


@app.command()
def status(
    redis_url: RedisUrl = None,
    watch: Annotated[bool, typer.Option("--watch/--once", help="Keep showing it, or print it once.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the screen.")] = False,
    data_dir: DataDir = VAR,
) -> None:
    """Show a running pipeline: leaders, sources, signals, decisions, positions, redemptions.

    Example: hybrid status --once --json
    """
    from ops import status as command

    command.main(_find_url(redis_url, data_dir), watch=watch, as_json=as_json)


@app.command()
def audit(
    hours: Annotated[float, typer.Option(min=0.001, help="How far back to look.")] = 24,
    leaders: Annotated[
        str | None, typer.Option(help="Wallets to audit, comma separated; default: those the detectors reported.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    redis_url: RedisUrl = None,
    env_file: EnvFile = None,
    data_dir: DataDir = VAR,
) -> None:
    """Read the leaders' activity again; report missed, doubled and late signals; exit 1 when missed or doubled.

    Slow on purpose: it takes 1 request a second of the detector's budget, in its last lane (AUDIT_RATE_PER_S).

    Example: hybrid audit --hours 24 --json
    """
    from ops import audit as command

    url = _find_url(redis_url, data_dir)
    file = str(env_file) if env_file else None
    raise typer.Exit(command.main(url, hours=hours, leaders=leaders, as_json=as_json, env_file=file))


@app.command()
def redis(
    data_dir: DataDir = VAR,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 picks a free one.")] = 6379,
) -> None:
    """Run the embedded server in the foreground (append-only file, synced at every write).

    Example: hybrid redis --port 6379
    """
    from ops import redis_server

    raise typer.Exit(redis_server.main(data_dir, port))


@app.command()
def capture(
    file: Annotated[Path, typer.Argument(help="A folder, gone on with when it is there; or a new file.jsonl.")],
    redis_url: RedisUrl = None,
    follow: Annotated[
        bool, typer.Option("--follow/--once", help="Go on with what comes, or end at the last entry.")
    ] = True,
    from_start: Annotated[bool, typer.Option(help="Begin with the oldest entry instead of now.")] = False,
    data_dir: DataDir = VAR,
) -> None:
    """Write the streams to a file that `python -m backtest FILE` replays.

    Example: hybrid capture var/capture, or hybrid capture today.jsonl --from-start --once
    """
    from ops import capture as command

    url = _find_url(redis_url, data_dir)
    try:
        written = command.main(file, url, keep_following=follow, from_start=from_start)
    except FileExistsError as error:
        raise BadConfig(f"{file} exists already: a capture is never overwritten, so choose another name") from error
    typer.echo(f"{written} entries written to {file}", err=True)


@app.command()
def why(
    wanted: Annotated[
        str, typer.Argument(metavar="ID|TX", help="A signal, decision or order id, or the leader's transaction.")
    ],
    capture: FromCapture = None,
    as_json: AsJson = False,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Tell a leader's fill: who saw it when, each rule with its value, order, fill, cost against the leader, payout.

    Example: hybrid why 4abe2350 --capture today.jsonl
    """
    from rich.console import Console

    from ops import why as command

    url = "" if capture else _find_url(redis_url, data_dir)
    command.why(wanted, url, capture, as_json=as_json, console=Console(width=_width()))


@app.command()
def why_not(
    hours: Annotated[float | None, typer.Option(min=0.001, help="How far back from the newest event.")] = None,
    leader: Annotated[str, typer.Option(help="One leader's address; default: all.")] = "",
    capture: FromCapture = None,
    as_json: AsJson = False,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Add up why signals were not followed, by rule and by leader.

    Example: hybrid why-not --hours 24
    """
    from rich.console import Console

    from ops import why as command

    url = "" if capture else _find_url(redis_url, data_dir)
    console = Console(width=_width())
    command.why_not(url, capture, hours=hours, leader=leader, as_json=as_json, console=console)


@app.command()
def kill(why: Why, mode: Mode = "paper", redis_url: RedisUrl = None, data_dir: DataDir = VAR) -> None:
    """Stop every order now, exits too; survives restarts until `hybrid resume`.

    Example: hybrid kill --why "odd fills since 14:00"
    """
    from ops import controls

    _turn(controls.kill, "orders are off", _find_url(redis_url, data_dir), mode, why)


@app.command()
def pause(
    why: Why,
    what: Annotated[Literal["buys", "all"], typer.Option(help="Only buys, or every order.")] = "buys",
    mode: Mode = "paper",
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Stop buying for now; sells and exits go on unless --what all. Survives restarts until `hybrid resume`.

    Example: hybrid pause --why "fees went up"
    """
    from ops import controls

    switch = controls.pause_all if what == "all" else controls.pause_buys
    state = "orders are paused" if what == "all" else "buys are paused"
    _turn(switch, state, _find_url(redis_url, data_dir), mode, why)


@app.command()
def flatten(why: Why, mode: Mode = "paper", redis_url: RedisUrl = None, data_dir: DataDir = VAR) -> None:
    """Stop buying and sell every lot, until all are gone or `hybrid resume`; too small ones wait for their redemption.

    Example: hybrid flatten --why "going away"
    """
    from ops import controls

    _turn(controls.flatten, "lots are being sold", _find_url(redis_url, data_dir), mode, why)


@app.command()
def resume(why: Why, mode: Mode = "paper", redis_url: RedisUrl = None, data_dir: DataDir = VAR) -> None:
    """Allow everything again after `hybrid kill`, `pause` or `flatten`; exits that began go on.

    Example: hybrid resume --why "checked the fills"
    """
    from ops import controls

    _turn(controls.resume, "orders are on", _find_url(redis_url, data_dir), mode, why)


@app.command()
def reconcile(
    close: Annotated[str, typer.Option(help="Id of an open order that the venue shows no trade of: end it.")] = "",
    why: Annotated[str, typer.Option(help="Why, for the record; needed with --close.")] = "",
    mode: Mode = "live",
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """List orders that hold a budget and have not ended; end one that only a person can decide on.

    Example: hybrid reconcile --close 4b3dc50b... --why "the venue's support says it never matched"
    """
    from ops import reconcile as parts
    from shared.broker import connect
    from shared.clock import SystemClock

    if close and not why:
        raise typer.BadParameter("say why, with --why")
    redis = connect(_find_url(redis_url, data_dir))
    for line in parts.main(redis, mode, SystemClock(), close, why):
        typer.echo(line)


@app.command()
def redeem(
    now: Annotated[bool, typer.Option("--now", help="Redeem what is due; without it nothing is sent.")] = False,
    approve: Annotated[
        bool, typer.Option("--approve", help="Show the missing approvals; with --now, give them.")
    ] = False,
    clear: Annotated[str | None, typer.Option(help="Lift the alarm of this condition.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    redis_url: RedisUrl = None,
    env_file: EnvFile = None,
    data_dir: DataDir = VAR,
) -> None:
    """List what resolved and is not paid back yet; paper holdings, or real ones with LIVE=true and DRY_RUN=false.

    Example: hybrid redeem --now
    """
    from ops import redeem as command

    url, file = _find_url(redis_url, data_dir), str(env_file) if env_file else None
    raise typer.Exit(command.main(url, now=now, approve=approve, clear=clear, as_json=as_json, env_file=file))


@app.command()
def follow(
    address: Annotated[str, typer.Argument(help="The trader's wallet: 0x and 40 hex digits.")],
    label: Annotated[str, typer.Option(help="A name to show.")] = "",
    offline: Annotated[bool, typer.Option(help="Ask neither the venue nor the chain about it.")] = False,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Follow a trader in every running detector, within seconds; a signer is resolved to the wallet that trades.

    Example: hybrid follow 0x1111111111111111111111111111111111111111 --label whale
    """
    from ops import leaders as command
    from shared.broker import connect
    from shared.clock import SystemClock

    wanted, clock = command.checked(address), SystemClock()
    with connect(_find_url(redis_url, data_dir)) as server:
        found = None if offline else command.look_up(wanted, clock)
        wallet = found.address if found else wanted
        added = command.add(server, wallet, label, clock)
    if found and found.note:
        typer.echo(found.note, err=True)
    typer.echo(f"{wallet} is followed" if added else f"{wallet} was followed already")


@app.command()
def unfollow(
    address: Annotated[str, typer.Argument(help="The wallet, as `hybrid leaders` shows it.")],
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Stop following a trader that `hybrid follow` added.

    Example: hybrid unfollow 0x1111111111111111111111111111111111111111
    """
    from ops import leaders as command
    from shared.broker import connect

    wanted = command.checked(address)
    with connect(_find_url(redis_url, data_dir)) as server:
        command.remove(server, wanted)
    typer.echo(f"{wanted} is not followed any more")


@app.command()
def leaders(redis_url: RedisUrl = None, data_dir: DataDir = VAR) -> None:
    """Show who is followed: label, where it comes from, which detector watches.

    Example: hybrid leaders
    """
    from rich.console import Console
    from rich.table import Table

    from ops import leaders as command
    from shared.broker import connect

    shown = Table("address", "label", "comes from", "state")
    with connect(_find_url(redis_url, data_dir)) as server:
        for leader in command.table(server):
            shown.add_row(leader.address, leader.label, leader.comes_from, leader.state)
    Console(width=_width()).print(shown)


@app.command()
def wallet(
    address: Annotated[str, typer.Argument(help="The leader's wallet: 0x and 40 hex digits.")],
    history: Annotated[
        list[str] | None, typer.Option(help="Its trades: a capture, CSV or JSON rows, again for more; or `api`.")
    ] = None,
    resolved: Annotated[list[Path] | None, typer.Option(help="CSV of how markets resolved: market,winner.")] = None,
    change: Annotated[list[str] | None, typer.Option("--set", help="Another limit: name=value.")] = None,
    delay: Annotated[
        list[float] | None, typer.Option(min=0, help="Seconds; again for more; default: 2, 5, 30.")
    ] = None,
    days: Annotated[float, typer.Option(min=0.01, help="With `api`: how far back.")] = 30,
    html: Annotated[Path | None, typer.Option(help="Write the report as one page for people, too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge a leader before following: what it would have cost and paid, and whether these trades can tell.

    It promises no profit.

    Example: hybrid wallet 0x1111111111111111111111111111111111111111 --history api --days 7
    """
    from rich.console import Console

    from ops import wallet as command
    from ops.leaders import checked

    if not history or ("api" in history and len(history) > 1):
        raise BadConfig("--history: give files, or `api` alone for what the venue tells")
    files = [] if history == ["api"] else [Path(name) for name in history]
    command.main(
        checked(address),
        files,
        resolved or [],
        change=change or [],
        delays_s=delay or command.DELAYS_S,
        days=days,
        as_json=as_json,
        html=html,
        console=Console(width=_width()),
    )


@app.command()
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
    """Try many settings on one history, and say how much of the best is luck.

    Tries run on every `hybrid sweep-worker`, on any machine that has the files at the same place; what is done is kept
    and not done again. Settings: the buyer's limits, delay, order_ms, half_spread_ticks, level_shares, fee_rate,
    bankroll.

    Example: hybrid sweep today.capture --vary stake_usdc=1,5,20 --vary max_slippage_ticks=0,1,2,4
    """
    from rich.console import Console

    from ops import sweep as command

    planned = command.plan(files, resolved or [], vary, fixed or [], random=random, seed=seed)
    url = None if here else _find_url(redis_url, data_dir)
    command.main(planned, url, data_dir / "sweeps", html=html, as_json=as_json, console=Console(width=_width()))


@app.command()
def sweep_worker(redis_url: RedisUrl = None, data_dir: DataDir = VAR) -> None:
    """Run tries of sweeps until told to stop; start one for each core, on any machine.

    Example: hybrid sweep-worker --redis-url redis://10.0.0.5:6379/0
    """
    from ops import sweep as command

    typer.echo(f"{command.worker(_find_url(redis_url, data_dir))} tries were run here", err=True)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False)
def service(context: typer.Context) -> None:
    """Run detector, buyer and redeemer in one process; its flags are `python -m ops.run_service --help`.

    Example: hybrid service --env-file X --dry-run --runtime-seconds 20
    """
    _call("run_service", argv=list(context.args))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(code_version())


@app.command()
def docs(
    check: Annotated[bool, typer.Option(help="Write nothing; exit 1 when a file has drifted.")] = False,
) -> None:
    """Write the generated docs: configuration, event schema, .env.example."""
    _call("docs", argv=["--check"] if check else [])


def _turn(switch: Callable[[Redis, str, str, Clock], bool], state: str, url: str, mode: str, why: str) -> None:
    from shared.broker import connect
    from shared.clock import SystemClock

    with connect(url) as server:
        changed = switch(server, mode, why, SystemClock())
    typer.echo(f"{mode} {state}" if changed else f"{mode} {state} already")


def _width() -> int | None:
    """Return the width of a table in a pipe, None for the terminal's own."""
    return None if sys.stdout.isatty() else 200


def _find_url(given: str | None, data_dir: Path) -> str:
    from ops.server import find_url

    return find_url(given, data_dir)


def _call(module: str, **given: object) -> NoReturn:
    """Call `ops.<module>.main` and leave with its exit code."""
    raise typer.Exit(import_module(f"ops.{module}").main(**given) or 0)


if __name__ == "__main__":
    main()
