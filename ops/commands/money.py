"""Commands about the account: what is held, what was traded, what it brought."""

# ruff: noqa: FBT002, PLC0415 - flags are typer's form; each command imports its part when it is called

import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ops.commands.options import VAR, AnyMode, AsCsv, AsJson, DataDir, RedisUrl, one_form, server_url, width

if TYPE_CHECKING:
    from redis import Redis


def positions(
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    mode: AnyMode = None,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Show what is held.

    Each lot with its market, outcome and leader, what it cost, what the bids pay for it now, and when it ends.

    Example: hybrid positions --json
    """
    from ops.operator.account import account_facts as facts
    from ops.operator.account.row_output import csv_text, json_text

    one_form(as_json=as_json, as_csv=as_csv)
    with _account(redis_url, data_dir, mode) as (redis, ledger):
        board = facts.account_board(redis, ledger)
    said = facts.position_facts(board)
    if as_json:
        typer.echo(json_text(said))
    elif as_csv:
        typer.echo(csv_text(said["positions"], facts.position_fields()), nl=False)
    else:
        from ops.operator.terminal.account_tables import positions_table
        from ops.operator.terminal.money_text import usd

        _print(positions_table(board) if board.positions else f"{ledger}: nothing is held")
        typer.echo(f"{ledger}: equity {usd(board.equity)}, cash {usd(board.cash)}, {len(board.positions)} position(s)")


def trades(
    last: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many, the newest first.")] = 50,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    mode: AnyMode = None,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Show what was bought, sold and redeemed.

    The newest first; KEEP_TRADES of them are kept.

    Example: hybrid trades --last 1000 --csv
    """
    from ops.operator.account import account_facts as facts
    from ops.operator.account.row_output import csv_text, json_text

    one_form(as_json=as_json, as_csv=as_csv)
    with _account(redis_url, data_dir, mode) as (redis, ledger):
        rows = facts.trade_rows(redis, ledger, last)
        said = facts.trade_facts(redis, ledger, rows)
    if as_json:
        typer.echo(json_text(said))
    elif as_csv:
        typer.echo(csv_text(said["trades"], facts.trade_fields()), nl=False)
    else:
        from ops.operator.terminal.account_tables import trades_table

        _print(trades_table(rows) if rows else f"{ledger}: nothing was traded yet")


def pnl(
    by: Annotated[
        Literal["day", "leader", "market", "shadow"] | None,
        typer.Option(help="A line for each of these, not for each span."),
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    mode: AnyMode = None,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Show profit and loss.

    Of today, 7 and 30 days (UTC days) and in all, or by day, leader or market: realized, unrealized and fees. Fees are
    in both already. What is realized adds up to the ledger, to the micro-unit. By shadow: each `hybrid shadow` beside
    the real buyer, and how far luck explains the difference.

    Example: hybrid pnl --by leader
    """
    from ops.operator.account import account_facts as facts
    from ops.operator.account.row_output import csv_text, json_text

    one_form(as_json=as_json, as_csv=as_csv)
    if by == "shadow":
        _print_shadows(redis_url, data_dir, mode, as_json=as_json, as_csv=as_csv)
        return
    with _account(redis_url, data_dir, mode) as (redis, ledger):
        board = facts.account_board(redis, ledger)
        rows = facts.profit_rows(redis, board, by)
    said = facts.profit_facts(board, by, rows)
    if as_json:
        typer.echo(json_text(said))
    elif as_csv:
        typer.echo(csv_text(said["rows"] if by else said["spans"], facts.profit_fields(by)), nl=False)
    else:
        from ops.operator.terminal.account_tables import profit_table
        from ops.operator.terminal.money_text import usd

        _print(profit_table(rows, by))
        typer.echo(f"{ledger}: equity {usd(board.equity)} of {usd(board.deposited)} put in")


def _print_shadows(redis_url: str | None, data_dir: DataDir, mode: str | None, *, as_json: bool, as_csv: bool) -> None:
    from ops.operator.account.row_output import csv_text, json_text
    from ops.shadow.comparison_reader import compared_shadows
    from ops.shadow.shadow_table import FIELDS, shadow_facts, shadow_table

    with _account(redis_url, data_dir, mode) as (redis, ledger):
        lines = compared_shadows(redis, ledger)
    if as_json:
        typer.echo(json_text({"mode": ledger, "shadows": shadow_facts(lines)}))
    elif as_csv:
        typer.echo(csv_text(shadow_facts(lines), FIELDS), nl=False)
    else:
        _print(shadow_table(lines) if lines else "no shadow runs or ran here: hybrid shadow NAME --set SETTING=VALUE")


@contextlib.contextmanager
def _account(redis_url: str | None, data_dir: DataDir, mode: str | None) -> Generator[tuple["Redis", str]]:
    """Open the server, and say whose ledger is meant: of the buyer that runs, or that ran last."""
    from ops.operator.board_reader import shown_mode
    from ops.operator.pipeline_server import demand_pipeline
    from shared.redis.client import connect_redis

    with connect_redis(server_url(redis_url, data_dir)) as redis:
        demand_pipeline(redis, mode)
        yield redis, mode or shown_mode(redis)


def _print(what: object) -> None:
    from shared.terminal import Terminal

    Terminal(width=width()).print(what)
