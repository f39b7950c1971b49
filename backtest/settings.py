"""Settings of a backtest: the limits of the captured session or the defaults, with the changes asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from backtest.history.capture_tape import limits_in
from backtest.history.reading.column_names import COLUMNS
from backtest.history.reading.file_reader import RowOptions
from buyer.config import BuyerSettings
from buyer.strategy.limits import LIMIT_NAMES, TradingLimits
from shared.capture.capture import Capture, is_capture
from shared.domain.errors import BadConfig
from shared.polymarket.wire.leader_fills import ADDRESS


class GivenSettings(BuyerSettings):
    """The buyer's settings from what is given alone: a result must not hang on what a shell happens to export."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave out environment, files and flags."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


@dataclass(frozen=True)
class DecidedSettings:
    """The limits, and the collateral to begin with, in pUSD."""

    limits: TradingLimits
    bankroll: Decimal


def decided_settings(captures: Sequence[Capture], changes: Mapping[str, str]) -> DecidedSettings:
    """Return the last settings in the captures, or the buyer's defaults, with changes; no environment is read.

    Raises:
        BadConfig: a capture's settings are not ours, or a change has a wrong value.
    """
    found = [pair for capture in captures for pair in limits_in(capture)]
    defaults = GivenSettings.model_validate({})
    limits, bankroll = found[-1] if found else (defaults.limits, defaults.paper_bankroll_usdc)
    return DecidedSettings(change_limits(limits, changes), bankroll)


def change_limits(limits: TradingLimits, changes: Mapping[str, object]) -> TradingLimits:
    """Return limits with changes, which must fit what the buyer itself accepts.

    Raises:
        BadConfig: a change has a wrong value; naming it, the value and what it should be.
    """
    if not changes:
        return limits
    try:
        return GivenSettings.model_validate({**limits.plain(), **changes}).limits
    except ValidationError as error:
        raise BadConfig(_wrong(error)) from error


def _wrong(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    said = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return said
    name = str(problem["loc"][0])
    return f"{name}={problem['input']}: {said} ({GivenSettings.model_fields[name].description})"


def open_captures(files: Sequence[Path]) -> tuple[Capture, ...]:
    """Open those files that are captures.

    Raises:
        BadConfig: one is not there.
    """
    return tuple(Capture.open(file) for file in files if is_capture(file))


def read_changes(texts: Sequence[str]) -> dict[str, str]:
    """Read name=value pairs.

    Raises:
        BadConfig: no such limit.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in LIMIT_NAMES:
            raise BadConfig(f"--set {text}: expected name=value with one of {', '.join(LIMIT_NAMES)}")
        found[name] = value
    return found


def row_options(leader: str, columns: Sequence[str]) -> RowOptions:
    """Return what a person says of files that do not: whose rows they are, and which column is what.

    Raises:
        BadConfig: an address or a name that is none.
    """
    wallet = leader.strip().lower()
    if wallet and not ADDRESS.fullmatch(wallet):
        raise BadConfig(f"--leader {leader}: expected 0x and 40 hex digits, the wallet that trades")
    found: dict[str, str] = {}
    for text in columns:
        ours, equals, name = text.partition("=")
        if not equals or ours not in COLUMNS:
            raise BadConfig(f"--column {text}: expected name=COLUMN with one of {', '.join(COLUMNS)}")
        found[ours] = name
    return RowOptions(wallet, found)


def read_amount(option: str, text: str, most: Decimal = Decimal(10**12)) -> Decimal:
    """Read a decimal from 0 to `most`.

    Raises:
        BadConfig: it is none.
    """
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise BadConfig(f"{option} {text}: expected a number") from error
    if not (value.is_finite() and 0 <= value <= most):
        raise BadConfig(f"{option} {text}: expected a number from 0 to {most}")
    return value


def moment_text(at_ms: int) -> str:
    """Return a time as people read it."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M}"
