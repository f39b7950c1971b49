"""Start the simulator: parse, build, announce, serve."""

import argparse
import json
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from simulator.command_line import HidingParser
from simulator.core.clock import WallClock
from simulator.core.settings import Settings
from simulator.exchange.wallet_types import NAMES
from simulator.gateway.app import App
from simulator.gateway.server import Server, listening, urls_of

_FUND = "give the wallet of a key's address pUSD; type deposit, safe, proxy or eoa; may be repeated"
_EXAMPLES = """examples:
  python -m simulator                                  a seeded world on a free port
  python -m simulator --port 8600 --speed 20           days in an hour
  python -m simulator --activity rows.json --speed 60  live captured activity again
  python -m simulator --era v1                         fills the old subgraph still sees

The first line on standard output is JSON with every base URL.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to stop; return the exit code."""
    given = _parser().parse_args(argv)
    app = App(_settings(given), WallClock())
    bound = listening(given.host, given.port)
    app.control.urls.update(urls_of(given.host, bound.getsockname()[1]))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stopped)
    Server(app, bound, lambda: _announce(app)).serve_until_stopped()
    return 0


def _stopped(_number: int, _frame: object) -> None:
    """Do nothing: uvicorn stops on these signals itself and raises them once more at its end."""


def _announce(app: App) -> None:
    leaders = [{"address": each.address, "name": each.name} for each in app.world.leaders]
    ready = {"event": "SIMULATOR_READY", **app.control.urls, "leaders": leaders}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()


def _settings(given: argparse.Namespace) -> Settings:
    leaders = given.leaders if given.leaders is not None else (0 if given.activity else 3)
    return Settings(
        seed=given.seed,
        speed=given.speed,
        leaders=leaders,
        markets=given.markets,
        fills_per_minute=given.fills_per_minute,
        era=given.era,
        activity=tuple(given.activity),
        fund=tuple(given.fund),
        chain_delay_s=given.chain_delay,
        rtds_delay_s=given.rtds_delay,
        data_delay_s=given.data_delay,
        resolve_after_s=given.resolve_after,
        limits=not given.no_limits,
        limit_scale=given.limit_scale,
    )


def _funded(text: str) -> tuple[str, str, str]:
    owner, usdc, kind = [*text.split(":"), "deposit"][:3]
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", owner) or kind not in NAMES or not usdc.replace(".", "", 1).isdecimal():
        msg = f"{text!r} is not OWNER:PUSD[:TYPE], such as 0x(40 hex digits):1000:deposit; types: {', '.join(NAMES)}"
        raise argparse.ArgumentTypeError(msg)
    return owner, usdc, kind


def _parser() -> argparse.ArgumentParser:
    known = Settings()
    parser = HidingParser(
        prog="python -m simulator",
        description="A local Polymarket over real sockets.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=0, help="port; 0 takes a free one")
    add("--seed", type=int, default=known.seed, help="same seed, same world")
    add("--speed", type=float, default=known.speed, help="compress delays, habits, lifetimes")
    add("--leaders", type=int, help="made-up leaders (3; 0 with --activity)")
    add("--markets", type=int, default=known.markets, help="made-up markets")
    add("--fills-per-minute", type=float, default=known.fills_per_minute, help="of all leaders")
    add("--era", choices=("v1", "v2"), default=known.era, help="which exchange settles")
    add("--activity", type=Path, nargs="+", default=[], metavar="FILE", help="v1 rows (.json) or logs (.csv, .zip)")
    add("--fund", type=_funded, action="append", default=[], metavar="OWNER:PUSD[:TYPE]", help=_FUND)
    add("--chain-delay", type=float, default=known.chain_delay_s, help="match to block, s")
    add("--rtds-delay", type=float, default=known.rtds_delay_s, help="match to RTDS, s")
    add("--data-delay", type=float, default=known.data_delay_s, help="match to Data API, s")
    add("--resolve-after", type=float, default=known.resolve_after_s, help="short markets, s")
    add("--no-limits", action="store_true", help="allow any request rate")
    add("--limit-scale", type=float, default=1.0, help="multiply every published limit")
    return parser


if __name__ == "__main__":
    sys.exit(main())
