"""Options that several commands share, and the values made of them."""

import sys
import threading
from pathlib import Path
from typing import Annotated, Literal

import typer

DataDir = Annotated[Path, typer.Option(help="Folder of the embedded server's data, locks and logs.")]
EnvFile = Annotated[Path | None, typer.Option(help="File with settings, as .env.example.")]
RedisUrl = Annotated[
    str | None, typer.Option(help="Server to look at; default: REDIS_URL, else the one of `hybrid up`.")
]
Mode = Annotated[Literal["paper", "live"], typer.Option(help="Which ledger.")]
AnyMode = Annotated[Literal["paper", "live"] | None, typer.Option(help="Which ledger only.")]
Why = Annotated[str, typer.Option(help="Kept with the switch and shown wherever it blocks something.")]
NOT_SAID = "no reason given"
FromCapture = Annotated[Path | None, typer.Option(help="Read this capture instead of the running system.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV instead of tables.")]
VAR = Path("var")


def server_url(given: str | None, data_dir: Path) -> str:
    """Return the server to talk to: the one given, REDIS_URL, or the one that runs in `data_dir`.

    One that is still loading its file is waited for, with a line on stderr that says how far it is.
    """
    from ops.supervisor.server_folder import find_url  # noqa: PLC0415 - only commands that talk to a server pay for it
    from shared.clock import SystemClock  # noqa: PLC0415 - as above
    from shared.process.stderr_lines import say_line  # noqa: PLC0415 - as above
    from shared.redis.client import connect_redis  # noqa: PLC0415 - as above
    from shared.redis.server_loading import wait_until_loaded  # noqa: PLC0415 - as above

    url, clock, never = find_url(given, data_dir), SystemClock(), threading.Event()
    with connect_redis(url) as redis:
        wait_until_loaded(redis, clock=clock, tell=say_line, pause=lambda seconds: clock.wait(never, seconds))
    return url


def one_form(*, as_json: bool, as_csv: bool) -> None:
    """Refuse two forms at once.

    Raises:
        BadParameter: both were asked for.
    """
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv: give one of them")


def width() -> int | None:
    """Return the width of a table in a pipe, None for the terminal's own."""
    return None if sys.stdout.isatty() else 200
