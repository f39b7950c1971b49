"""Commands about the server that carries everything."""

# ruff: noqa: PLC0415 - each command imports its part when it is called

from typing import Annotated

import typer

from ops.commands.options import VAR, DataDir, RedisUrl


def move_keys(
    to: Annotated[
        str | None, typer.Option(help="Server, or prefix by ?hs_prefix=, to move to; default: the same, and HS_PREFIX.")
    ] = None,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Move everything the pipeline keeps under HS_PREFIX, or to another server.

    Stop every program first. Each key is copied and then deleted where it was; call it again after an interruption.

    Example: HS_PREFIX=alpha hybrid move-keys
    """
    from ops.supervisor.key_mover import move_keys as command
    from ops.supervisor.server_folder import find_url, unprefixed_url
    from shared.process.stderr_lines import say_line
    from shared.redis.client import connect_redis, server_address

    target_url = to or find_url(redis_url, data_dir)
    with connect_redis(unprefixed_url(redis_url, data_dir)) as source, connect_redis(target_url) as target:
        moved = command(source, target, say_line)
        typer.echo(f"{moved} keys moved from {server_address(source)} to {server_address(target)}")
