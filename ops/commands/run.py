"""Commands that run the pipeline, or parts of it, and show it."""

# ruff: noqa: FBT001, FBT002, PLC0415 - flags are typer's form; each command imports its part when it is called

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from ops.commands.options import VAR, DataDir, EnvFile, RedisUrl, server_url
from shared.domain.trading_words import Mode

_DRY_RUN: Mapping[bool | None, list[str]] = {None: [], True: ["--dry-run"], False: ["--no-dry-run"]}


def up(
    leaders: Annotated[
        str | None, typer.Option(help="Wallets to follow, comma separated; beats TRACKED_WALLETS.")
    ] = None,
    env_file: Annotated[Path | None, typer.Option(help="File with settings; default: .env, if there is one.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of the embedded server's data, locks and logs; default: DATA_DIR, var.")
    ] = None,
    runtime_seconds: Annotated[float | None, typer.Option(help="Stop after this many seconds.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Real money; needs --no-dry-run as well.")] = False,
    dry_run: Annotated[
        bool | None, typer.Option("--dry-run/--no-dry-run", help="Paper orders, whatever the environment says.")
    ] = None,
    alerts: Annotated[
        bool, typer.Option("--alerts", help="Run `hybrid alerts` too, as ALERT_URLS and TELEGRAM_TOKEN do.")
    ] = False,
    web: Annotated[bool, typer.Option("--web", help="Serve the dashboard too, and print its login link.")] = False,
) -> None:
    """Run the whole pipeline here, with paper orders unless both --live and --no-dry-run are given.

    Starts detector, buyer, redeemer and worker. Uses REDIS_URL when it is set, else starts the embedded server in
    --data-dir. Its settings come from flags, the environment, and the file `.env` of this folder.

    Example: hybrid up --leaders 0x1111111111111111111111111111111111111111
    """
    from ops.config import UpSettings
    from ops.supervisor import up as command
    from ops.supervisor.env_file import find_env_file as usual_file
    from ops.supervisor.warm_start import begin_warm
    from shared.config import parse
    from shared.process.service_runner import leave

    file = usual_file(env_file)
    given: dict[str, Any] = {"data_dir": data_dir, "tracked_wallets": leaders, "runtime_seconds": runtime_seconds}
    given |= {"alerts": True} if alerts else {}
    given |= {"web_dashboard": True} if web else {}
    flags = [*(["--env-file", file] if file else []), *(["--live"] if live else []), *_DRY_RUN[dry_run]]
    settings = parse(UpSettings, flags, **{name: value for name, value in given.items() if value is not None})
    if settings.alerts or settings.wants_alerts:
        from ops.alerts.config import AlertSettings

        parse(AlertSettings, ["--env-file", file] if file else []).check_targets()
    if settings.web_dashboard:
        from ops.web.web_command import check_web

        check_web(file, settings.data_dir)
    begin_warm()
    leave(command.main(settings, env_file=file))


def alerts(
    test: Annotated[bool, typer.Option("--test", help="Send one message everywhere, and end.")] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Switch it off for good: drop its place in the streams, and what waits.")
    ] = False,
    env_file: Annotated[Path | None, typer.Option(help="File with settings; default: .env, if there is one.")] = None,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> NoReturn:
    """Tell a person who is away what happens, and take commands from Telegram.

    ALERT_URLS, TELEGRAM_TOKEN with TELEGRAM_CHATS, or HEARTBEAT_URL say where; `hybrid up` runs it by itself then.

    Example: hybrid alerts --test
    """
    from ops.alerts import farewell, process, trial
    from ops.alerts.config import AlertSettings
    from ops.supervisor.env_file import find_env_file as usual_file
    from shared.config import parse

    file = usual_file(env_file)
    flags = ["--env-file", file] if file else []
    if test:
        raise typer.Exit(trial.main(parse(AlertSettings, flags)))
    url = server_url(redis_url, data_dir)
    if forget:
        typer.echo(farewell.main(url))
        raise typer.Exit
    process.main(lambda: parse(AlertSettings, flags, redis_url=url, data_dir=data_dir))


def web(
    link: Annotated[bool, typer.Option("--link", help="Print a new login link, and end.")] = False,
    viewer: Annotated[bool, typer.Option("--viewer", help="A link that may look and not act.")] = False,
    host: Annotated[str | None, typer.Option(help="Where to listen; beyond loopback see WEB_TOKEN.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Its port; default: WEB_PORT, 8700.")] = None,
    env_file: EnvFile = None,
    redis_url: RedisUrl = None,
    data_dir: DataDir = VAR,
) -> None:
    """Serve the dashboard of a running pipeline to a browser.

    On this machine only, unless a token and TLS protect it. It prints a link that logs in once. It shows what
    `hybrid status` shows, stops orders as `hybrid kill` does, and cannot start live trading. The port of another
    machine comes here with `ssh -L 8700:127.0.0.1:8700 HOST`.

    Example: hybrid web --port 8700
    """
    from ops.supervisor.env_file import find_env_file as usual_file
    from ops.web import web_command as command

    flags = command.WebFlags(usual_file(env_file), data_dir, host, port)
    if link:
        command.print_link(flags, viewer=viewer)
        return
    command.main(flags, server_url(redis_url, data_dir), viewer=viewer)


def demo(
    seconds: Annotated[float, typer.Option(help="End by itself after this many seconds, with a summary; 0 never.")] = 0,
    speed: Annotated[float, typer.Option(help="How many times faster than real the local venue runs.")] = 1,
    seed: Annotated[int, typer.Option(help="Another seed is another world.")] = 7,
    screen: Annotated[bool, typer.Option(help="Show the live screen.")] = True,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of the run's data and capture, emptied first; default: var/demo.")
    ] = None,
) -> None:
    """Show the whole pipeline at work on a local venue.

    Needs no account and no network.

    Example: hybrid demo --seconds 60
    """
    _run("demo.demo", seconds=seconds, speed=speed, seed=seed, screen=screen, data_dir=data_dir)


def status(
    redis_url: RedisUrl = None,
    watch: Annotated[bool, typer.Option("--watch/--once", help="Keep showing it, or print it once.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the screen.")] = False,
    mode: Annotated[Mode | None, typer.Option(help="Which ledger; default: the one the buyer uses.")] = None,
    svg: Annotated[Path | None, typer.Option(help="Write one look at it to this picture instead.")] = None,
    data_dir: DataDir = VAR,
) -> None:
    """Show a running pipeline, live.

    Leaders, sources, signals, decisions, positions, redemptions.

    Example: hybrid status --once --json
    """
    from ops.operator import status as command

    command.main(server_url(redis_url, data_dir), watch=watch, as_json=as_json, mode=mode, svg=svg)


def redis(
    data_dir: DataDir = VAR,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 picks a free one.")] = 6379,
) -> None:
    """Run the embedded server in the foreground.

    Its append-only file is synced at every write.

    Example: hybrid redis --port 6379
    """
    from ops.supervisor import redis_server

    raise typer.Exit(redis_server.main(data_dir, port))


def service(context: typer.Context) -> None:
    """Run detector, buyer and redeemer in one process.

    Its flags: `python -m ops.run_service --help`.

    Example: hybrid service --env-file X --dry-run --runtime-seconds 20
    """
    _run("run_service", argv=list(context.args))


def version() -> None:
    """Print the version."""
    from shared.code_version import code_version

    typer.echo(code_version())


def print_version(asked: bool) -> None:
    """Print the version and leave, where `--version` stands before any command."""
    if asked:
        version()
        raise typer.Exit


def docs(
    check: Annotated[bool, typer.Option(help="Write nothing; exit 1 when a file has drifted.")] = False,
) -> None:
    """Write the docs that are generated.

    Configuration, event schema, .env.example.
    """
    _call("docs_generator", argv=["--check"] if check else [])


def _call(module: str, **given: object) -> NoReturn:
    """Call `ops.<module>.main` and leave with its exit code."""
    raise typer.Exit(import_module(f"ops.{module}").main(**given) or 0)


def _run(module: str, **given: object) -> NoReturn:
    """Call `ops.<module>.main`, a program that runs for long, and end the process with its exit code."""
    from shared.process.service_runner import leave

    leave(import_module(f"ops.{module}").main(**given))
