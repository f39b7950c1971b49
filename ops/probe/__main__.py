"""`python -m ops.probe`: read each upstream once, and say where docs/venue.md is confirmed or wrong.

With `--trade`, and the wallet's address typed as asked, it also buys the least that can be sold again (1 to 3 pUSD),
and sells it.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

from ops.probe.belief import Held, hold, summary_of
from ops.probe.lines import line_beliefs
from ops.probe.reads import read_beliefs
from ops.probe.upstreams import ProbedVenue
from ops.setup.checks.upstreams import VenueAsk
from ops.setup.readable_settings import find_settings
from shared.clock import Clock, SystemClock
from shared.domain.errors import HybridError

_PATIENCE_S = 6.0
_TRADES = (
    "--trade spends real money: it buys the least that can be sold again (1 to 3 pUSD), and sells it. "
    "No buyer may run with this wallet."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Probe and return 1 where the page is wrong."""
    parser = argparse.ArgumentParser(prog="python -m ops.probe", description=__doc__)
    parser.add_argument("--env-file", help="the settings file (.env where none is named)")
    parser.add_argument(
        "--wallet", default="", help="whose trades are read; somebody who just traded where none is named"
    )
    parser.add_argument("--trade", action="store_true", help="also one minimal order each way, after a question")
    given = parser.parse_args(argv)
    return probe(given.env_file, given.wallet, trade=given.trade, clock=SystemClock(), answer=input, tell=print)


def probe(
    env_file: str | None,
    wallet: str,
    *,
    trade: bool,
    clock: Clock,
    answer: Callable[[str], str],
    tell: Callable[[str], None],
) -> int:
    """Look, tell each line, and return 1 where the page is wrong, 2 where trading was asked for and not confirmed."""
    venue = ProbedVenue(find_settings(env_file), VenueAsk(clock, _PATIENCE_S), wallet)
    held: list[Held] = []
    try:
        for belief in (*read_beliefs(venue), *line_beliefs(venue)):
            held.append(hold(belief))
            tell(str(held[-1]))
        if trade and not _traded(venue, held, answer, tell):
            return 2
    finally:
        venue.close()
    tell(f"docs/venue.md: {summary_of(held)}")
    return int(any(each.state == "WRONG" for each in held))


def _traded(venue: ProbedVenue, held: list[Held], answer: Callable[[str], str], tell: Callable[[str], None]) -> bool:
    """Trade once each way if the owner types the wallet's address; tell what came of it."""
    from ops.probe.orders import ProbeTrader  # noqa: PLC0415 - needs the extra `live`

    tell(_TRADES)
    try:
        trader = ProbeTrader(venue)
    except HybridError as error:
        tell(f"no order: {error}")
        return False
    name = trader.wallet.funder
    if answer(f"Type {name} to trade with it: ").strip().lower() != name.lower():
        tell("no order: the address was not typed")
        return False
    for belief in trader.beliefs():
        held.append(hold(belief))
        tell(str(held[-1]))
    return True


if __name__ == "__main__":
    sys.exit(main())
