"""Commands that stop orders, end them or get money back."""

# ruff: noqa: FBT002, PLC0415 - flags are typer's form; each command imports its part when it is called

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ops.commands.options import (
    NOT_SAID,
    VAR,
    AnyMode,
    AsCsv,
    AsJson,
    DataDir,
    EnvFile,
    Mode,
    RedisUrl,
    Why,
    one_form,
    server_url,
)
from shared.domain.trading_words import MODES

if TYPE_CHECKING:  # redis takes longer than all of the command line
    from redis import Redis

    from shared.clock import Clock


def kill(
    why: Why = NOT_SAID,
    what: Annotated[
        Literal["all", "orders", "redemptions"],
        typer.Option(help="Orders, the redeemer's transactions, or both."),
    ] = "all",
    mode: AnyMode = None,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Stop every order now, exits too, and every transaction of the redeemer.

    On paper and live, unless --mode names one. Survives restarts, until `hybrid resume`.

    Example: hybrid kill --why "odd fills since 14:00"
    """
    from ops.operator import controls

    switch, state = {
        "all": (controls.kill_all, "orders and redemptions are off"),
        "orders": (controls.kill, "orders are off"),
        "redemptions": (controls.kill_redemptions, "redemptions are off"),
    }[what]
    _turn(switch, state, server_url(redis_url, data_dir), mode, why)


def pause(
    why: Why = NOT_SAID,
    what: Annotated[
        Literal["sells-only", "buys", "all"], typer.Option(help="Only buys (which leaves sells only), or every order.")
    ] = "sells-only",
    mode: AnyMode = None,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Stop buying; sells and exits go on, which `hybrid status` calls sells-only.

    The circuit breaker does the same by itself, and says why. With --what all sells stop too. On paper and live,
    unless --mode names one. Survives restarts, until `hybrid resume`.

    Example: hybrid pause --why "fees went up"
    """
    from ops.operator import controls

    switch = controls.pause_all if what == "all" else controls.pause_buys
    state = "orders are paused" if what == "all" else "is sells-only: buys are paused"
    _turn(switch, state, server_url(redis_url, data_dir), mode, why)


def flatten(
    why: Why,
    any_price: Annotated[
        bool, typer.Option("--any-price", help="Sell below the floors (EXIT_FLOOR_PCT) too, whatever the book pays.")
    ] = False,
    mode: AnyMode = None,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Stop buying and sell every lot.

    On paper and live, unless --mode names one; until all are gone or `hybrid resume`. Too small ones wait for their
    redemption, and what nobody pays its floor for waits for a bid, unless --any-price is given.

    Example: hybrid flatten --why "going away"
    """
    from ops.operator import controls

    switch = controls.flatten_at_any_price if any_price else controls.flatten
    state = "lots are to be sold at any price" if any_price else "lots are to be sold"
    _turn(switch, state, server_url(redis_url, data_dir), mode, why)


def sell(
    lot: Annotated[str, typer.Argument(help="LEADER:TOKEN, or as much of its leader or token as names one.")],
    why: Why = NOT_SAID,
    floor: Annotated[str, typer.Option(help="Lowest price to take, in place of the exit's floor; 0 takes any.")] = "",
    write_off: Annotated[
        bool, typer.Option("--write-off", help="Take it out of the ledger at a loss of all it cost; sell nothing.")
    ] = False,
    mode: Mode = "paper",
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Sell one lot, or write it off.

    The buyer sells it as any exit, over restarts, above the floor; --floor is a typed word that goes lower. What is
    too little for the market can only be written off, or waits for its redemption.

    Example: hybrid sell 0x1111111111111111111111111111111111111111 --floor 0.05 --why "no news will come"
    """
    from ops.operator import lots
    from shared.clock import SystemClock
    from shared.domain.plain_text import plain_lines
    from shared.redis.client import connect_redis

    if floor and write_off:
        raise typer.BadParameter("--floor and --write-off: give one of them")
    clock, least = SystemClock(), lots.read_floor(floor) if floor else None
    with connect_redis(server_url(redis_url, data_dir)) as redis:
        found = lots.find_lot(redis, mode, lot)
        if write_off:
            said = lots.write_off(redis, mode, found, why, clock.now_ms())
        else:
            said = lots.sell(redis, mode, found, least, why, clock.now_ms())
    typer.echo(plain_lines(said))


def resume(
    why: Why,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False,
    mode: AnyMode = None,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Allow orders and redemptions again.

    Of the buyer that runs, or of --mode. After `hybrid kill`, `pause` or `flatten`: it lists what it lifts, and asks.
    Exits that began go on.

    Example: hybrid resume --why "checked the fills"
    """
    from ops.operator import controls
    from ops.operator.pipeline_server import demand_pipeline
    from shared.redis.client import connect_redis

    url = server_url(redis_url, data_dir)
    with connect_redis(url) as server:
        demand_pipeline(server, mode)
        which = mode or controls.mode_of_buyer(server)
        other = "paper" if which == "live" else "live"
        stands, stopped = controls.active(server, which), controls.active(server, other)
    for control in stands:
        typer.echo(f"lifts {which} {control.words}")
    if stands and not yes:
        typer.confirm("Lift this?" if len(stands) == 1 else "Lift all of these?", abort=True)
    _turn(controls.resume, "orders are on", url, which, why)
    if stopped:
        typer.echo(f"{other} stays stopped ({stopped[0].name}): hybrid resume --mode {other}")


def controls(
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    mode: AnyMode = None,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """List every control that was turned: when, which, by whom, from where, why, before and after.

    Example: hybrid controls --mode live
    """
    from ops.operator import control_history
    from shared.redis.client import connect_redis

    one_form(as_json=as_json, as_csv=as_csv)
    with connect_redis(server_url(redis_url, data_dir)) as redis:
        modes = (mode,) if mode else tuple(reversed(MODES))
        for line in control_history.lines(redis, modes, as_json=as_json, as_csv=as_csv):
            typer.echo(line)


def reconcile(
    close: Annotated[str, typer.Option(help="Id of an order or intent that the venue shows no trade of: end it.")] = "",
    cash: Annotated[
        bool, typer.Option("--cash", help="Post what came to the wallet, or left it, since the ledger last knew.")
    ] = False,
    wallet: Annotated[
        bool, typer.Option("--wallet", help="Settle what the owner sold, bought or moved by hand: shares and cash.")
    ] = False,
    why: Annotated[str, typer.Option(help="Why, for the record; needed with all three.")] = "",
    mode: Mode = "live",
    redis_url: RedisUrl = None,
    env_file: EnvFile = None,
    data_dir: DataDir = VAR,
) -> None:
    """List orders that have not ended, and gaps between wallet and ledger; end or settle them.

    They hold a budget. End one with --close: the venue is asked first, and what may stand there is not closed. A
    deposit or withdrawal (on paper another PAPER_BANKROLL_USDC) counts once it is posted with --cash, while nothing is
    under way. Where the live wallet differs from lots and cash (`hybrid status` and this list say so), --wallet makes
    the ledger say what it holds: it is looked at twice, half a minute apart.

    Example: hybrid reconcile --close 4b3dc50b... --why "the venue's support says it never matched"
    """
    from ops.operator import bankroll, venue_check, wallet_gaps
    from ops.operator import reconcile as parts
    from shared.clock import SystemClock
    from shared.domain.plain_text import plain_lines
    from shared.redis.client import connect_redis

    if (close or cash or wallet) and not why:
        raise typer.BadParameter("say why, with --why")
    url, clock = server_url(redis_url, data_dir), SystemClock()
    redis = connect_redis(url)
    words = ["--redis-url", url, *(["--env-file", str(env_file)] if env_file else [])]
    if cash:
        amount = bankroll.asked(redis, mode, clock, words)
        typer.echo(bankroll.post_cash(redis, mode, amount, why, clock.now_ms()))
        return

    if wallet:
        if mode != "live":
            raise typer.BadParameter("--wallet: only the live ledger has a wallet beside it")
        look = wallet_gaps.from_settings(redis, clock, words)
        for line in wallet_gaps.settle_wallet(redis, look, why, clock):
            typer.echo(plain_lines(line))
        return

    def venue() -> venue_check.VenueLook:
        typer.echo("asking the venue about its order; that takes up to half a minute", err=True)
        return venue_check.from_settings(redis, clock, words)

    for line in parts.main(redis, mode, clock, close, why, venue):
        typer.echo(plain_lines(line))


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
    """List what resolved and is not paid back.

    Paper holdings, or real ones with LIVE=true and DRY_RUN=false; --now redeems them.

    Example: hybrid redeem --now
    """
    from ops.operator import redeem as command

    url, file = server_url(redis_url, data_dir), str(env_file) if env_file else None
    raise typer.Exit(command.main(url, now=now, approve=approve, clear=clear, as_json=as_json, env_file=file))


def _turn(switch: "Callable[[Redis, str, str, Clock], bool]", state: str, url: str, mode: str | None, why: str) -> None:
    """Turn a control of one ledger, or of every one: who is in a hurry must not name it. Say on whose server."""
    from ops.operator.controls import turn_each
    from ops.operator.pipeline_server import demand_pipeline
    from shared.clock import SystemClock
    from shared.redis.client import connect_redis

    with connect_redis(url) as redis:
        server = demand_pipeline(redis, mode)
        typer.echo(f"on {server.url}")
        names = (mode,) if mode else tuple(reversed(MODES))
        turned = turn_each(partial(switch, redis, name, why, SystemClock()) for name in names)
        for name, changed in zip(names, turned, strict=True):
            typer.echo(f"{name} {state}{'' if changed else ' already'}: {server.words(name)}")
