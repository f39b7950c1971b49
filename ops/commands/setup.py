"""Commands that set an installation up, check it, and pack what a person who helps needs."""

# ruff: noqa: FBT002, PLC0415 - flags are typer's form; each command imports its part when it is called

import contextlib
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Annotated

import typer

ReadFile = Annotated[Path | None, typer.Option(help="File with settings; default: .env, if there is one.")]


def init(
    env_file: Annotated[Path, typer.Option(help="File of settings to write.")] = Path(".env"),
    leaders: Annotated[str | None, typer.Option(help="Whom to follow: links, @handles or addresses.")] = None,
    follow: Annotated[str | None, typer.Option(help="yes: follow them, whatever the look at them says.")] = None,
    budget: Annotated[str | None, typer.Option(help="small, usual, large, or own with --stake and --day.")] = None,
    stake: Annotated[str | None, typer.Option(help="With --budget own: pUSD of each trade.")] = None,
    day: Annotated[str | None, typer.Option(help="With --budget own: most pUSD a day.")] = None,
    rpc_url: Annotated[str | None, typer.Option(help="Polygon node.")] = None,
    any_node: Annotated[str | None, typer.Option(help="yes: take the node whatever the look at it says.")] = None,
    alerts: Annotated[str | None, typer.Option(help="Apprise URLs that alarms go to; '' for none.")] = None,
    arrived: Annotated[str | None, typer.Option(help="yes: the test message arrived.")] = None,
    overwrite: Annotated[str | None, typer.Option(help="yes: go on from a file that is there, kept as .bak.")] = None,
    write: Annotated[str | None, typer.Option(help="yes: write the file; no: only look.")] = None,
    venue: Annotated[str | None, typer.Option(help="Base URL of a local venue in place of the real one.")] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Real money, apart: key, wallet and preflight, added to the file.")
    ] = False,
    key_file: Annotated[str | None, typer.Option(help="--live: file of the signing key, or a keystore.")] = None,
    keystore: Annotated[str | None, typer.Option(help="--live: keystore to write.")] = None,
    password_by: Annotated[str | None, typer.Option(help="--live: its password comes by file or command.")] = None,
    password_file: Annotated[str | None, typer.Option(help="--live: file of it, made where there is none.")] = None,
    password_command: Annotated[str | None, typer.Option(help="--live: command that prints it.")] = None,
    wallet_type: Annotated[
        str | None, typer.Option(help="--live: deposit, deposit-earlier, safe, proxy or eoa; default: where money is.")
    ] = None,
    relayer_key_file: Annotated[str | None, typer.Option(help="--live: file of the relayer's API key.")] = None,
    any_preflight: Annotated[str | None, typer.Option(help="--live yes: write it though a start is refused.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: flags and defaults answer, for scripts.")] = False,
) -> None:
    """Set up by some questions: whom to follow, how much, which node, where alarms go.

    Looks at each answer, shows the file and writes it, for your eyes only. Ctrl-C leaves nothing half done. With --yes
    the flags answer. It starts nothing. With --live it asks for what real money needs: the key, kept in an encrypted
    keystore, the wallet that holds the money, and makes the preflight.

    Example: hybrid init --yes --leaders 0x1111111111111111111111111111111111111111 --budget small
    """
    from ops.setup.guide import init as command
    from ops.setup.guide import live_init
    from ops.setup.guide.questions import Questions
    from shared.clock import SystemClock

    flags = {
        "leaders": leaders,
        "follow": follow,
        "budget": budget,
        "stake": stake,
        "day": day,
        "rpc-url": rpc_url,
        "any-node": any_node,
        "alerts": alerts,
        "arrived": arrived,
        "overwrite": overwrite,
        "write": write,
        "key-file": key_file,
        "keystore": keystore,
        "password-by": password_by,
        "password-file": password_file,
        "password-command": password_command,
        "wallet-type": wallet_type,
        "relayer-key-file": relayer_key_file,
        "any-preflight": any_preflight,
    }
    with _asking(yes=yes):
        ask = Questions(flags, yes=yes, tell=typer.echo)
        if live:
            live_init.main(ask, env_file, SystemClock())
        else:
            command.main(ask, env_file, SystemClock(), venue)


def doctor(
    env_file: ReadFile = None,
    seconds: Annotated[float, typer.Option(min=1, help="The longest that it takes, whatever hangs.")] = 15,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Check everything that a start needs; each fault is said with its fix.

    Machine, disk, server, clock, settings, each upstream, region, node, leaders, and with a key the wallet. It changes
    nothing. Exit code 0 where nothing failed, else what a start would end with.

    Example: hybrid doctor
    """
    from ops.setup import doctor as command
    from ops.supervisor.env_file import find_env_file

    raise typer.Exit(command.main(find_env_file(env_file), as_json=as_json, limit_s=seconds, tell=typer.echo))


def diagnose(
    env_file: ReadFile = None,
    out: Annotated[Path | None, typer.Option(help="File to write; default: hybrid-diagnose-TIME.tar.gz, here.")] = None,
    log: Annotated[
        list[Path] | None, typer.Option(help="A log to put in, beside DATA_DIR/log; again for more.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="The longest that the doctor in it takes.")] = 15,
) -> None:
    """Pack what a person who helps needs to see, without secrets.

    Versions, effective settings, the doctor's lines, status, server, last events, ends of logs. It sends nothing.

    Example: hybrid diagnose
    """
    from ops.setup import diagnose as command
    from ops.supervisor.env_file import find_env_file

    file = find_env_file(env_file)
    raise typer.Exit(command.main(file, out, log or [], limit_s=seconds, tell=typer.echo))


@contextlib.contextmanager
def _asking(*, yes: bool) -> Generator[None]:
    """Refuse to ask where there is nobody, and say that Ctrl-C left nothing.

    Raises:
        BadConfig: no terminal, and no --yes.
    """
    from shared.domain.errors import BadConfig
    from shared.domain.exit_codes import CRASH

    if not yes and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise BadConfig("no terminal to ask on: give --yes, and flags for what has no default (--help names them)")
    try:
        yield
    except (KeyboardInterrupt, EOFError):
        typer.echo("\nCancelled: nothing was written.", err=True)
        raise typer.Exit(CRASH) from None
