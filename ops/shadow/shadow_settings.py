"""The settings of a shadow: those that the buyer would start with here, and the ones that are changed."""

from collections.abc import Mapping, Sequence

from buyer.config import BuyerSettings
from buyer.strategy.limits import LIMIT_NAMES
from redeemer.config import RedeemerSettings
from shared.config import parse
from shared.domain.errors import BadConfig
from shared.ledger.shadow_ledger import shadow_scope
from shared.redis.shadows import ShadowRecord
from shared.unknown_settings import nearest_setting

CHANGEABLE = (*LIMIT_NAMES, "paper_bankroll_usdc", "paper_latency_s")
"""What may differ: how it decides, and the paper it decides with."""


def read_changes(texts: Sequence[str]) -> dict[str, str]:
    """Read SETTING=VALUE pairs, in any case of letters.

    Raises:
        BadConfig: no such setting, or it is none that a shadow may change.
    """
    found: dict[str, str] = {}
    for text in texts:
        word, equals, value = text.partition("=")
        name = word.strip().lower()
        if not equals or name not in CHANGEABLE:
            meant = nearest_setting(name.upper(), frozenset(known.upper() for known in CHANGEABLE))
            fix = f"did you mean {meant}?" if meant else "a shadow changes how the buyer decides, no more"
            raise BadConfig(f"--set {text}: expected SETTING=VALUE; {fix}")
        found[name] = value
    return dict(sorted(found.items()))


def shadow_settings(name: str, flags: Sequence[str], url: str, changes: Mapping[str, str]) -> BuyerSettings:
    """Return the buyer's settings with the changes: on paper whatever the buyer trades with, one shard, no keys.

    Raises:
        BadConfig: a setting has a wrong value, or the name is none.
    """
    shadow_scope(name)
    fixed = {"live": False, "dry_run": True, "stdin": False, "buyer_shards": 1, "capture_books": False}
    made = parse(BuyerSettings, list(flags), redis_url=url, consumer=f"shadow-{name}", **fixed, **changes)
    return made.without_keys()


def redeemer_settings(flags: Sequence[str], url: str) -> RedeemerSettings:
    """Return what a shadow's payouts are asked by: the redeemer's own settings, on paper.

    Raises:
        BadConfig: a setting has a wrong value.
    """
    return parse(RedeemerSettings, list(flags), redis_url=url, live=False, dry_run=True).without_keys()


def shadow_record(name: str, settings: BuyerSettings, changes: Mapping[str, str], now_ms: int) -> ShadowRecord:
    """Return what is kept of a shadow that begins now."""
    paper = f"{settings.paper_bankroll_usdc} {settings.paper_latency_s:g}"
    return ShadowRecord(name, dict(changes), f"{settings.limits.id} {paper}", now_ms)
