"""The `hybrid` command: what an operator types, in the order that `--help` shows it."""

from shared.process.early_signals import early_signals

with early_signals("hybrid"):
    import contextlib
    import gc
    import sys
    from typing import Annotated, NoReturn

    import typer

    from ops.commands import control, explain, leaders, money, programs, run, server, setup, shadow
    from shared.command_errors import HidingGroup
    from shared.domain.errors import DependencyMissing, HybridError, TryAgain, Unconfirmed
    from shared.domain.exit_codes import MEANINGS
    from shared.process.shutdown_signals import ToldToStop
    from shared.process.stderr_lines import say_event, say_stopped

_CODES = "\n\n".join(f"{code}  {meaning}" for code, meaning in MEANINGS.items())
_PROGRAMS = frozenset(
    {"up", "demo", "redis", "service", "alerts", "web", "detector", "buyer", "redeemer", "worker", "shadow"}
)
"""Commands that run for long: told to stop while they import, they have nothing to finish."""
_NEW_OBJECTS = 50_000
"""New objects after which another command looks for garbage: importing its part makes many, which stay."""
_COMMANDS = (
    setup.init,
    setup.doctor,
    setup.diagnose,
    run.up,
    run.demo,
    run.status,
    run.alerts,
    run.web,
    money.positions,
    money.trades,
    money.pnl,
    leaders.follow,
    leaders.unfollow,
    leaders.leaders,
    leaders.wallet,
    leaders.discover,
    leaders.audit,
    explain.why,
    explain.why_not,
    shadow.shadow,
    control.pause,
    control.flatten,
    control.sell,
    control.kill,
    control.resume,
    control.controls,
    control.redeem,
    control.reconcile,
    explain.capture,
    explain.sweep,
    explain.sweep_worker,
    run.redis,
    server.move_keys,
    run.version,
    run.docs,
)

app = typer.Typer(
    name="hybrid",
    cls=HidingGroup,
    help="Follow Polymarket traders: detect, decide, redeem, and always be able to say why.",
    epilog=f"Exit codes:\n\n{_CODES}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _command in _COMMANDS:
    app.command()(_command)
for _program in (run.service, programs.detector, programs.buyer, programs.redeemer, programs.worker):
    app.command(context_settings=programs.OWN_FLAGS, add_help_option=False)(_program)
app.command(context_settings=programs.OWN_FLAGS)(programs.config)


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=run.print_version)
    ] = False,
) -> None:
    """Follow Polymarket traders: detect, decide, redeem, and always be able to say why."""


def main() -> NoReturn:
    """Run the command line; what an operator has to fix is one plain line and its exit code."""
    if _PROGRAMS & set(sys.argv[1:2]):
        imports = early_signals("hybrid", imports=False)
    else:
        imports = contextlib.nullcontext()
        gc.set_threshold(_NEW_OBJECTS)
    try:
        with imports:
            app()
    except Unconfirmed as error:
        sys.exit(say_event("hybrid", DependencyMissing(f"done, and not safe yet: {error}")))
    except TryAgain as error:
        sys.exit(
            say_event("hybrid", DependencyMissing(f"{error} Is it running? `hybrid up` or `hybrid redis` starts one."))
        )
    except HybridError as error:
        sys.exit(say_event("hybrid", error))
    except ToldToStop as told:
        sys.exit(say_stopped("hybrid", told))
    except Exception as error:
        if not type(error).__module__.startswith("redis."):
            raise
        fix = "is it a Redis 7.0+ or Valkey, and are its keys ours? Name another with --redis-url"
        sys.exit(say_event("hybrid", DependencyMissing(f"the server refuses a command: {error}; {fix}")))
    finally:
        gc.freeze()  # the process ends: nobody has to look through all that it imported once more
    sys.exit(0)


if __name__ == "__main__":
    main()
