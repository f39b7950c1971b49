"""Commands that run one program of the pipeline, and show what its settings come to."""

# ruff: noqa: FBT002, PLC0415 - flags are typer's form; each command imports its part when it is called

import runpy
import sys
from typing import Annotated, Literal

import typer

from ops.commands.options import AsCsv, AsJson, EnvFile, one_form, width

OWN_FLAGS = {"allow_extra_args": True, "ignore_unknown_options": True}
"""A program reads its own command line."""


def detector(context: typer.Context) -> None:
    """Run the detector alone.

    As `python -m detector`; its flags: `hybrid detector --help`.

    Example: hybrid detector --tracked-wallets 0x1111111111111111111111111111111111111111
    """
    _run_program("detector", context)


def buyer(context: typer.Context) -> None:
    """Run the buyer alone, with paper orders.

    As `python -m buyer`; its flags: `hybrid buyer --help`.

    Example: hybrid buyer --stake-usdc 20 --env-file .env
    """
    _run_program("buyer", context)


def redeemer(context: typer.Context) -> None:
    """Run the redeemer alone.

    As `python -m redeemer`: it watches what is held; workers redeem it.

    Example: hybrid redeemer --env-file .env
    """
    _run_program("redeemer", context)


def worker(context: typer.Context) -> None:
    """Run a worker of the redeemer.

    As `python -m redeemer.worker`; start as many as you like, anywhere.

    Example: hybrid worker --env-file .env
    """
    _run_program("redeemer.worker", context)


def config(
    context: typer.Context,
    program: Annotated[
        Literal["detector", "buyer", "redeemer", "up"] | None, typer.Option(help="Of one program only.")
    ] = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not its default.")] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    env_file: EnvFile = None,
) -> None:
    """Show each setting and where it comes from.

    Flag, environment, file or default, as a program started here would take them; secrets are hidden. What follows is
    taken as that program's own flags.

    Example: hybrid config --program buyer --changed --stake-usdc 20
    """
    from ops.operator import effective_config as command
    from ops.operator.account.row_output import csv_text, json_text
    from ops.operator.terminal.settings_table import settings_table
    from shared.terminal import Terminal

    one_form(as_json=as_json, as_csv=as_csv)
    if context.args and program is None:
        raise typer.BadParameter("flags of a program: say which, --program buyer")
    programs = (program,) if program else ("detector", "buyer", "redeemer", "up")
    rows = command.effective_settings(programs, context.args, str(env_file) if env_file else None)
    shown = [row for row in rows if not changed or row.source != command.DEFAULT]
    facts = [command.row_facts(row) for row in shown]
    if as_json:
        typer.echo(json_text({"settings": facts}))
    elif as_csv:
        typer.echo(csv_text(facts, command.SettingRow.__struct_fields__), nl=False)
    else:
        Terminal(width=width()).print(settings_table(shown))


def _run_program(module: str, context: typer.Context) -> None:
    """Run a program's own main in this process, with what follows as its command line."""
    sys.argv = [f"hybrid {context.info_name}", *context.args]
    runpy.run_module(module, run_name="__main__", alter_sys=False)
