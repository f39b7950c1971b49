"""The two words that real money needs, and which of them wins.

Real money is traded with LIVE=true and DRY_RUN=false together, from wherever each comes; by default neither is so. One
of them alone is refused. `--dry-run` on the command line beats a live environment: who types it sees no real order.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from shared.domain.errors import RefusedForSafety

Mode: TypeAlias = Literal["paper", "live"]
MODES: Sequence[Mode] = ("paper", "live")
PAPER: Literal["paper"] = "paper"
LIVE: Literal["live"] = "live"
WORDS: Mapping[str, Sequence[str]] = {PAPER: ("--no-live", "--dry-run"), LIVE: ("--live", "--no-dry-run")}
"""How each mode is said to another program, whatever its environment says."""


def trading_mode(*, live: bool, dry_run: bool) -> Mode:
    """Return what was asked for; real money needs both words (pitfall 25).

    Raises:
        RefusedForSafety: only one of them was given.
    """
    if live != dry_run:
        return LIVE if live else PAPER
    raise RefusedForSafety(
        f"LIVE={live} and DRY_RUN={dry_run} contradict each other: nothing was started; give --live and --no-dry-run "
        "(LIVE=true and DRY_RUN=false) for real money, --dry-run or neither for paper"
    )


def dry_run_wins(flags: Sequence[str], fields: Mapping[str, object]) -> dict[str, Any]:
    """Return what a `--dry-run` among the flags says of the settings besides itself."""
    said = {"--dry-run", "--dry-run=true"} & set(flags)
    return {"live": False} if said and "--live" not in flags and "live" in fields else {}
