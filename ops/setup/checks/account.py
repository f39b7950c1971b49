"""The key, its wallet, and what the venue lets them do: what a live start checks first, by the same code."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from buyer.config import BuyerSettings
from ops.setup.checks.upstreams import VenueAsk
from ops.setup.domain.check_line import CheckLine, failed, passed, warned
from ops.setup.live_account import open_account
from ops.setup.readable_settings import FoundSettings
from shared.clock import Clock
from shared.domain.errors import HybridError
from shared.domain.exit_codes import BAD_CONFIG, CRASH, DEPENDENCY_MISSING, REFUSED_FOR_SAFETY, exit_code

if TYPE_CHECKING:  # it needs the extra `live`, and paper does without
    from buyer.venue.polymarket.preflight import PreflightCheck

_OWN_LINES = frozenset({"clock", "region"})
"""Checks of a live start that the doctor has lines of its own for."""
_RELAYER = "RELAYER_API_KEY and RELAYER_API_KEY_ADDRESS, made on the venue's site under API keys"


def look_at_account(found: FoundSettings, ask: VenueAsk) -> Sequence[CheckLine]:
    """Return a line for key, wallet, account, money and approvals; on paper without a key, that none is needed."""
    if not found.has_key:
        return [_no_key(live=found.wants_live)]
    signing = account_lines(found.buyer, ask.clock, ask.timeout_s)
    return [*signing, *_redeeming(found)]


def account_lines(settings: BuyerSettings, clock: Clock, timeout_s: float, place: str = "") -> list[CheckLine]:
    """Return what a live start with these settings would find; `place` says where the key came from, if not from there.

    Raises:
        BadConfig, RefusedForSafety, DependencyMissing: the key cannot be read.
    """
    account = open_account(settings, clock, timeout_s)
    lines = [passed("key", f"read from {place or _place(settings)}; it signs for {account.signer}")]
    try:
        lines += [_line(check) for check in account.preflight().run() if check.name not in _OWN_LINES]
    except HybridError as error:
        code = exit_code(error)
        fix = "Check WALLET_TYPE and the key; where the venue is away, ask again"
        lines.append(failed("account", str(error), fix, DEPENDENCY_MISSING if code == CRASH else code))
    return lines


def _line(check: "PreflightCheck") -> CheckLine:
    fix = check.fix or "Ask again in a minute"
    if check.passed:
        return warned(check.name, check.found, fix) if check.fix else passed(check.name, check.found)
    return failed(check.name, check.found, fix, REFUSED_FOR_SAFETY if check.answered else DEPENDENCY_MISSING)


def _no_key(*, live: bool) -> CheckLine:
    if not live:
        return passed("key", "none is named, and paper needs none")
    return failed("key", "LIVE=true and no key is named", "`hybrid init --live`, or PRIVATE_KEY_FILE", BAD_CONFIG)


def _place(settings: BuyerSettings) -> str:
    return f"PRIVATE_KEY_FILE={settings.private_key_file}" if settings.private_key_file else "PRIVATE_KEY"


def _redeeming(found: FoundSettings) -> list[CheckLine]:
    """Say whether winnings can be paid back without hands."""
    settings = found.redeemer
    if not settings.relayed or (settings.relayer_api_key and settings.relayer_api_key_address):
        return []
    words = f"a {settings.wallet_type} wallet is redeemed through the venue's relayer, and no key for it is set"
    return [warned("redeeming", words, f"Set {_RELAYER}; till then redeem on the venue's site")]
