"""The command of shadows: run one, or forget it."""

# ruff: noqa: FBT002, PLC0415 - flags are typer's form; each command imports its part when it is called

from pathlib import Path
from typing import Annotated

import typer

from ops.commands.options import VAR, DataDir, RedisUrl, server_url


def shadow(
    name: Annotated[str, typer.Argument(help="Its name: small letters, digits, _ and -.")],
    change: Annotated[list[str] | None, typer.Option("--set", help="SETTING=VALUE; again for more.")] = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Delete a shadow that does not run, with all it did.")
    ] = False,
    env_file: Annotated[Path | None, typer.Option(help="File with settings; default: .env, if there is one.")] = None,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Try other settings beside the real buyer.

    On the live stream and on paper, until it is stopped; with a ledger and a place in the signals of its own: the real
    buyer knows nothing of it. What is not --set is as the buyer would start with here; `hybrid pnl --by shadow` says
    what it brought.

    Example: hybrid shadow tight --set MAX_SLIPPAGE_TICKS=0 --set STAKE_USDC=10
    """
    from ops.supervisor.env_file import find_env_file
    from shared.redis.client import connect_redis

    url = server_url(redis_url, data_dir)
    if forget:
        from ops.shadow.farewell import forget_word

        with connect_redis(url) as redis:
            typer.echo(forget_word(redis, name))
        return
    from ops.shadow.shadow_process import ShadowProcess
    from ops.shadow.shadow_settings import read_changes, redeemer_settings, shadow_record, shadow_settings
    from shared.clock import SystemClock
    from shared.process.service_runner import Built, main

    file, clock, changes = find_env_file(env_file), SystemClock(), read_changes(change or [])
    flags = ["--env-file", file] if file else []

    def build() -> Built:
        settings = shadow_settings(name, flags, url, changes)
        record = shadow_record(name, settings, changes, clock.now_ms())
        return ShadowProcess(record, settings, redeemer_settings(flags, url), clock), settings, None

    main(f"shadow {name}", build)
