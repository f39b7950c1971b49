"""The limits that the policy decides by. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import MISSING, Field, fields
from functools import cache, lru_cache
from typing import Any, Literal, Self, cast

from pydantic import ConfigDict, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from buyer.strategy.limit_values import REST, Names, Percent, PriceLimit, Tiers, UsdcLimit
from shared.domain.money import MICRO, Price, Usdc, micro_text
from shared.messages.base import fact_id

Sizing = Literal["fixed", "percent", "proportional", "tiered", "kelly"]
Mirror = Literal["all", "proportional", "none"]
OtherOutcome = Literal["skip", "sell_first", "buy"]
SlippageBound = Literal["smaller", "larger"]
OnRetraction = Literal["exit", "keep"]
OnPending = Literal["follow", "part", "wait"]
_ADDRESS = re.compile("0x[0-9a-f]{40}")
HUNDRED_PCT = 100 * MICRO
"""A percentage is in millionths of a percent: 12.5% is 12,500,000."""
ACCOUNT_WIDE = frozenset(
    {
        "leader_limits",
        "own_wallets",
        "check_own_wallets",
        "mark_losses",
        "breaker_rejections",
        "breaker_losses",
        "breaker_fall_usdc",
        "breaker_window_s",
        "max_market_usdc",
        "max_event_usdc",
        "max_group_usdc",
        "max_day_usdc",
        "max_total_usdc",
    }
    | {"max_day_loss_usdc", "max_orders_per_minute"}
)
"""Limits that hold over all leaders, so no leader can have one of its own."""
_NAMED = frozenset({"leader_limits"})
"""Limits with a default that the first captures named all the same."""
STAKE_CAPS = (
    "max_stake_usdc",
    "max_market_usdc",
    "max_event_usdc",
    "max_leader_usdc",
    "max_day_usdc",
    "max_total_usdc",
)
"""What no single buy may be above, wherever it is."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TradingLimits:
    """What the policy decides by; part of every decision through its `id`. `buyer/config.py` says what each means.

    A limit with a default came later than the first captures: it stands for what was decided before there was one.
    A dataclass, as a look at a field of a model takes three times as long, and every rule looks at some.
    """

    sizing: Sizing
    stake_usdc: UsdcLimit
    leader_pct: Percent
    leader_bankroll_usdc: UsdcLimit
    tiers: Tiers
    kelly_edge_pct: Percent
    kelly_fraction_pct: Percent
    kelly_cap_pct: Percent
    max_stake_usdc: UsdcLimit
    bump_to_minimum: bool
    gather_window_s: int

    sides: Literal["both", "buy", "sell"]
    role: Literal["any", "maker", "taker"]
    min_leader_usdc: UsdcLimit
    min_price: PriceLimit
    max_price: PriceLimit
    only_markets: Names
    not_markets: Names
    only_categories: Names
    not_categories: Names
    only_keywords: Names
    not_keywords: Names
    min_to_end_s: int
    max_to_end_s: int
    min_depth_usdc: UsdcLimit
    max_slippage_ticks: int
    max_slippage_pct: Percent
    max_signal_age_s: int
    max_clock_skew_s: int
    max_book_age_s: int

    max_market_usdc: UsdcLimit
    max_event_usdc: UsdcLimit
    max_group_usdc: UsdcLimit
    max_leader_usdc: UsdcLimit
    max_day_usdc: UsdcLimit
    max_total_usdc: UsdcLimit
    max_day_loss_usdc: UsdcLimit
    max_drawdown_usdc: UsdcLimit
    max_orders_per_minute: int

    mirror_sells: Mirror
    stop_loss_pct: Percent
    take_profit_pct: Percent
    max_hold_s: int
    exit_before_end_s: int
    exit_slippage_pct: Percent

    max_spread: PriceLimit = Price(0)
    max_over_fair_pct: Percent = 0
    max_over_others_pct: Percent = 0
    slippage_bound: SlippageBound = "larger"
    min_resale_pct: Percent = 0
    min_liquidity_usdc: UsdcLimit = Usdc(0)
    check_own_exits: bool = False
    stake_window_s: int = 0
    cooldown_s: int = 0
    other_outcome: OtherOutcome = "buy"
    sell_first_s: int = 0
    mark_losses: bool = False
    breaker_rejections: int = 0
    breaker_losses: int = 0
    breaker_fall_usdc: UsdcLimit = Usdc(0)
    breaker_window_s: int = 0
    check_own_wallets: bool = False
    own_wallets: Names = ()
    min_nodes: int = 1
    on_retraction: OnRetraction = "keep"
    on_pending: OnPending = "follow"
    pending_pct: Percent = HUNDRED_PCT // 2
    exit_floor_pct: Percent = HUNDRED_PCT
    exit_floor_step_pct: Percent = 0
    exit_floor_step_s: int = 0
    exit_floor_end_pct: Percent = 0
    exit_stand_s: int = 0
    exchange_fee_cap_bps: int = 1000
    trigger_looks: int = 1
    trigger_s: int = 0
    min_leader_sell_pct: Percent = 0
    check_later_sale: bool = False

    leader_limits: str = ""

    @property
    def floors(self) -> bool:
        """Say whether exits have a floor."""
        return self.exit_floor_pct < HUNDRED_PCT

    @property
    def looks_twice(self) -> bool:
        """Say whether a trigger is asked again before each attempt."""
        return self.trigger_looks > 1

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.min_price > self.max_price:
            raise ValueError(f"min_price {micro_text(self.min_price)} is above max_price {micro_text(self.max_price)}")
        if self.max_to_end_s and self.min_to_end_s > self.max_to_end_s:
            raise ValueError(f"min_to_end_s {self.min_to_end_s} is above max_to_end_s {self.max_to_end_s}")
        if self.sizing == "proportional" and not self.leader_bankroll_usdc and not self.leader_limits:
            raise ValueError("sizing proportional needs leader_bankroll_usdc, for all or in leader_limits")
        return self

    def __hash__(self) -> int:
        """Hash by one field: every decision looks up what belongs to its limits, and there are few."""
        return self.max_day_usdc

    @property
    def id(self) -> str:
        """Name this exact set of limits; those that change nothing from before they came are left out of the name."""
        later = {name: default for name, default in later_limits().items() if name not in _NAMED}
        unchanged = {name for name, default in later.items() if getattr(self, name) == default}
        return fact_id("limits", _codec().dump_json(self, exclude=unchanged | {"own_wallets"}).decode())[:16]

    def plain(self) -> dict[str, Any]:
        """Return every limit as JSON's own types."""
        return _codec().dump_python(self, mode="json")

    def with_changes(self, **changes: Any) -> Self:  # noqa: ANN401 - a limit's own type each
        """Return the same limits with other values of some, which are not checked again."""
        changed = copy(self)
        for name, value in changes.items():
            object.__setattr__(changed, name, value)
        return changed

    def with_own(self, wallets: Iterable[str]) -> "TradingLimits":
        """Return the same limits where these wallets are ours, too: whose they are stands in no name of limits."""
        return self.with_changes(own_wallets=tuple(sorted({*self.own_wallets, *map(str.lower, wallets)})))

    def of(self, leader: str) -> "TradingLimits":
        """Return the limits for one leader: these, with what `leader_limits` changes."""
        return _of(self, leader) if self.leader_limits else self


@cache
def _codec() -> TypeAdapter[TradingLimits]:
    return TypeAdapter(TradingLimits)


def checked_limits(given: Mapping[str, object]) -> TradingLimits:
    """Return limits by their names, as JSON or a settings file says them.

    Raises:
        pydantic.ValidationError: one is missing, wrong, or none of ours.
    """
    return _codec().validate_python(given)


LIMIT_NAMES = tuple(field.name for field in fields(TradingLimits))
"""The limits, in order."""


def later_limits() -> dict[str, Any]:
    """Return the limits that came later than the first captures, and what each was before there was one."""
    each: tuple[Field[Any], ...] = fields(TradingLimits)
    return {field.name: field.default for field in each if field.default is not MISSING}


def find_contradiction(limits: TradingLimits) -> str:
    """Return why no buy can ever be as these limits say, with the fix; '' when some can."""
    if limits.sizing == "tiered" and REST not in (pair.partition(":")[0].strip() for pair in limits.tiers.split(",")):
        return f"TIERS={limits.tiers!r}: trades above its last bound have no tier; end it with `*:MULTIPLIER`"
    stake = limits.stake_usdc if limits.sizing == "fixed" else 0
    for cap in STAKE_CAPS:
        if stake > getattr(limits, cap):
            name = cap.upper()
            return (
                f"STAKE_USDC={micro_text(stake)} is above {name}={micro_text(getattr(limits, cap))}, so no buy can "
                f"have that stake; "
                f"lower STAKE_USDC or raise {name}"
            )
    return ""


def leader_limits_of(text: str) -> dict[str, dict[str, Any]]:
    """Read `{"0x...": {"stake_usdc": "20", ...}}`: the limits that single leaders have of their own, by wallet.

    Raises:
        ValueError: naming the leader, the limit, the value and what it should be.
    """
    try:
        leaders: Any = json.loads(text or "{}", object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise ValueError(f'no JSON ({error}); write {{"0x...": {{"stake_usdc": "20"}}}}') from error
    if not isinstance(leaders, dict):
        raise ValueError(f"expected a JSON object of wallets, got {text[:80]!r}")  # noqa: TRY004 - pydantic wants ValueError
    return {leader.lower(): _own(leader, given) for leader, given in cast("dict[str, Any]", leaders).items()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object whose names differ by more than the case of their letters: wallets do not."""
    names = [name.lower() for name, _ in pairs]
    for name, _ in pairs:
        if names.count(name.lower()) > 1:
            raise ValueError(f"{name} is there {names.count(name.lower())} times and only one could count; keep one")
    return dict(pairs)


def _own(leader: str, given: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    if not _ADDRESS.fullmatch(leader.lower()):
        raise ValueError(f"{leader!r} is no wallet: 0x and 40 hex digits")
    if not isinstance(given, dict):
        raise ValueError(f"{leader}: expected a JSON object of limits, got {given!r}")  # noqa: TRY004 - pydantic wants ValueError
    allowed = sorted(set(LIMIT_NAMES) - ACCOUNT_WIDE)
    for limit, value in cast("dict[str, Any]", given).items():
        if limit not in allowed:
            why = "holds over all leaders" if limit in ACCOUNT_WIDE else "is no limit"
            raise ValueError(f"{leader}: {limit} {why}; a leader can have {', '.join(allowed)}")
        if isinstance(value, float):
            raise ValueError(f'{leader}: {limit}={value}: a float holds no money; write "{value}"')  # noqa: TRY004 - pydantic wants ValueError
    return cast("dict[str, Any]", given)


@lru_cache(maxsize=1024)
def _of(limits: TradingLimits, leader: str) -> TradingLimits:
    given = json.loads(limits.leader_limits).get(leader, {})
    return checked_limits({**limits.plain(), **given, "leader_limits": ""})
