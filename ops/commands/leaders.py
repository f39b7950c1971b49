"""Commands about leaders: whom to follow, whether it is worth it, and what was missed."""

# ruff: noqa: FBT002, PLC0415 - flags are typer's form; each command imports its part when it is called

from pathlib import Path
from typing import Annotated

import typer

from ops.commands.options import VAR, AsCsv, AsJson, DataDir, EnvFile, RedisUrl, one_form, server_url, width
from shared.domain.errors import BadConfig


def follow(
    leader: Annotated[
        list[str], typer.Argument(help="Wallets, profile links or @handles, separated by spaces, commas or lines.")
    ],
    label: Annotated[str, typer.Option(help="A name to show, where one leader is given.")] = "",
    offline: Annotated[bool, typer.Option(help="Ask neither the venue nor the chain about it.")] = False,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Follow traders, while detectors run.

    Every detector knows within seconds; a signer is resolved to the wallet that trades, a handle to its profile's.

    Example: hybrid follow 0x1111111111111111111111111111111111111111 --label whale
    """
    from ops.operator import leaders as command
    from ops.operator.leader_lookup import look_up, wallet_named
    from shared.clock import SystemClock
    from shared.domain.plain_text import make_plain
    from shared.polymarket.wire.leader_words import split_words
    from shared.redis.client import connect_redis

    words, clock = split_words(" ".join(leader)), SystemClock()
    if not words or (label and len(words) > 1):
        raise BadConfig("--label names one leader: give one, or follow each by itself")
    with connect_redis(server_url(redis_url, data_dir)) as server:
        named = [wallet_named(server, word, clock) for word in words]
        for wanted, handle in named:
            found = None if offline else look_up(wanted, clock)
            wallet = found.address if found else wanted
            added = command.add(server, wallet, label or handle, clock)
            if found and found.note:
                typer.echo(make_plain(found.note), err=True)
            called = f" ({make_plain(label or handle)})" if label or handle else ""
            typer.echo(f"{wallet}{called} {'is followed' if added else 'was followed already'}")


def unfollow(
    address: Annotated[str, typer.Argument(help="The wallet, as `hybrid leaders` shows it, its link or @handle.")],
    sell: Annotated[bool, typer.Option("--sell", help="Sell our lots of it now.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Watch it no more; its sells end no lots then.")] = False,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Stop following a trader, while detectors run.

    Also one that TRACKED_WALLETS, a flag or LEADERS_FILE names; it stays so over restarts, until `hybrid follow`. While
    we hold lots of it, its sells are followed and its buys are not, unless --sell or --keep is given.

    Example: hybrid unfollow 0x1111111111111111111111111111111111111111
    """
    from ops.operator import leaders as command
    from ops.operator.leader_lookup import wallet_named
    from shared.clock import SystemClock
    from shared.redis.client import connect_redis

    if sell and keep:
        raise typer.BadParameter("--sell and --keep: give one of them, or none")
    with connect_redis(server_url(redis_url, data_dir)) as server:
        wanted, _ = wallet_named(server, address, SystemClock())
        left = command.remove(server, wanted, SystemClock(), "sell" if sell else "keep" if keep else "mirror")
    typer.echo(f"{wanted} is not followed any more, until `hybrid follow`")
    if left:
        typer.echo(left, err=True)


def leaders(
    as_json: AsJson = False, as_csv: AsCsv = False, redis_url: RedisUrl = None, data_dir: DataDir = VAR
) -> None:
    """Show who is followed, and who watches.

    Label, where it comes from, which detector watches.

    Example: hybrid leaders
    """
    from dataclasses import asdict

    from rich.table import Table

    from ops.operator.account import leader_table
    from ops.operator.account.row_output import csv_text, json_text
    from shared.redis.client import connect_redis
    from shared.terminal import Terminal

    one_form(as_json=as_json, as_csv=as_csv)
    with connect_redis(server_url(redis_url, data_dir)) as server:
        found = leader_table.table(server)
    if as_json or as_csv:
        facts = [asdict(leader) for leader in found]
        text = json_text({"leaders": facts}) + "\n" if as_json else csv_text(facts, leader_table.LEADER_FIELDS)
        typer.echo(text, nl=False)
        return
    shown = Table("address", "label", "comes from", "state")
    for leader in found:
        shown.add_row(leader.address, leader.label, leader.comes_from, leader.state)
    Terminal(width=width()).print(shown)


def wallet(
    address: Annotated[str, typer.Argument(help="The leader's wallet: 0x and 40 hex digits.")],
    history: Annotated[
        list[str] | None, typer.Option(help="Its trades: a capture, or rows of any kind, again for more; or `api`.")
    ] = None,
    resolved: Annotated[
        list[Path] | None, typer.Option(help="How markets resolved: CSV, Gamma's JSON, or `api`: the venue is asked.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="What a column of the files is: size=NAME, usdc=NAME.")
    ] = None,
    change: Annotated[list[str] | None, typer.Option("--set", help="Another limit: name=value.")] = None,
    delay: Annotated[
        list[float] | None, typer.Option(min=0, help="Seconds; again for more; default: 2, 5, 30.")
    ] = None,
    days: Annotated[float, typer.Option(min=0.01, help="With `--history api`: how far back.")] = 30,
    data_dir: DataDir = VAR,
    html: Annotated[Path | None, typer.Option(help="Write the report as one page for people, too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge a leader before following.

    What following would have cost and paid, and whether these trades can tell.

    It promises no profit.

    Example: hybrid wallet 0x1111111111111111111111111111111111111111 --history api --days 7
    """
    from ops.operator.leaders import checked
    from ops.research import wallet as command
    from shared.terminal import Terminal

    if not history or ("api" in history and len(history) > 1):
        raise BadConfig("--history: give files, or `api` alone for what the venue tells")
    files = [] if history == ["api"] else [Path(name) for name in history]
    command.main(
        checked(address),
        files,
        [path for path in resolved or [] if str(path) != "api"],
        market_cache=data_dir / "research" / "markets.jsonl" if Path("api") in (resolved or []) else None,
        change=change or [],
        column=column or [],
        delays_s=delay or command.DELAYS_S,
        days=days,
        as_json=as_json,
        html=html,
        console=Terminal(width=width()),
    )


def discover(
    wallets: Annotated[list[str] | None, typer.Argument(help="Wallets to judge besides those that are found.")] = None,
    top: Annotated[int, typer.Option(min=0, max=1000, help="So many of each leaderboard.")] = 15,
    active: Annotated[int, typer.Option(min=0, max=1000, help="So many of who trades most right now.")] = 10,
    category: Annotated[
        str, typer.Option(help="Leaderboards of one category: sports, politics, crypto...")
    ] = "overall",
    days: Annotated[float, typer.Option(min=0.01, help="How far back each is followed.")] = 7,
    most_trades: Annotated[int, typer.Option(min=1, help="Read so many trades of a wallet at most.")] = 5000,
    fresh_hours: Annotated[float, typer.Option(min=0, help="Reports younger than this are not made again.")] = 24,
    files: Annotated[
        list[Path] | None, typer.Option(help="Judge the wallets of these files instead; again for more.")
    ] = None,
    resolved: Annotated[list[Path] | None, typer.Option(help="With --files: how markets resolved.")] = None,
    change: Annotated[list[str] | None, typer.Option("--set", help="Another limit: name=value.")] = None,
    ask: Annotated[bool | None, typer.Option(help="Ask whom to follow; default: on a terminal.")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Find leaders, judged before followed.

    The venue's leaderboards and who trades most now, each followed through its last days at 2, 5 and 30 s, ranked with
    the reasons. Stopped, it goes on where it was. It promises no profit: most cannot be told from luck.

    Example: hybrid discover --top 20 --days 7, or hybrid discover --files rows.json --resolved winners.csv
    """
    import sys

    from ops.discovery import discover as command
    from ops.discovery.venue_candidates import SearchPlan
    from ops.operator.leaders import checked
    from ops.supervisor.env_file import find_env_file
    from ops.supervisor.server_folder import find_url
    from shared.clock import SystemClock
    from shared.polymarket.wire.leader_words import split_words
    from shared.terminal import Terminal

    one_form(as_json=as_json, as_csv=as_csv)
    said, clock, url = Terminal(stderr=True), SystemClock(), find_url(redis_url, data_dir)
    given = tuple(checked(word) for word in split_words(" ".join(wallets or [])))
    if files:
        done = command.discover_files(files, resolved or [], data_dir / "discover", clock, change or [], said)
    else:
        plan = SearchPlan(top, active, given, category, days, most_trades, fresh_hours)
        file = find_env_file()
        flags = ["--env-file", file] if file else []
        done = command.discover(plan, url, data_dir / "discover", clock, flags=flags, change=change or [], said=said)
    if as_json or as_csv:
        typer.echo(command.as_text(done, as_csv=as_csv), nl=False)
        return
    command.print_table(done, Terminal(width=width()))
    if ask or (ask is None and sys.stdin.isatty() and sys.stdout.isatty()):
        for row in command.picked(
            done.rows, typer.prompt("Follow which places? (1,3; nothing for none)", "", show_default=False)
        ):
            follow([row.address], label=row.name, offline=True, redis_url=redis_url, data_dir=data_dir)


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
    """Count missed, doubled and late signals.

    Reads the leaders' activity again; exit code 1 when one was missed or doubled.

    Slow on purpose: it takes 1 request a second of the detector's budget, in its last lane (AUDIT_RATE_PER_S).

    Example: hybrid audit --hours 24 --json
    """
    from ops.audit import audit as command

    url = server_url(redis_url, data_dir)
    file = str(env_file) if env_file else None
    raise typer.Exit(command.main(url, hours=hours, leaders=leaders, as_json=as_json, env_file=file))
