"""Commands that set an installation up, check it, and pack what a person who helps needs."""

# ruff: noqa: PLC0415 - each command imports its part when it is called

from pathlib import Path
from typing import Annotated

import typer

ReadFile = Annotated[Path | None, typer.Option(help="File with settings; default: .env, if there is one.")]


def doctor(
    env_file: ReadFile = None,
    seconds: Annotated[float, typer.Option(min=1, help="The longest that it takes, whatever hangs.")] = 15,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,  # noqa: FBT002 - typer's form
) -> None:
    """Check everything that a start needs; each fault is said with its fix.

    Machine, disk, server, clock, settings, each upstream, region, node, leaders, and with a key the wallet. It changes
    nothing. Exit code 0 where nothing failed, else what a start would end with.

    Example: hybrid doctor
    """
    from ops.setup import doctor as command
    from ops.supervisor.env_file import find_env_file

    raise typer.Exit(command.main(find_env_file(env_file), as_json=as_json, limit_s=seconds, tell=typer.echo))
