"""Settings of `hybrid alerts`: where messages go, which, when; who may command."""

import re
from datetime import UTC, tzinfo
from pathlib import Path
from typing import ClassVar, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from ops.alerts.domain.alert_message import Level
from ops.alerts.domain.delivery_rules import DeliveryRules, QuietHours
from ops.alerts.domain.digest_message import DigestTime
from ops.alerts.domain.judge import AlertRules
from ops.config import AlertSwitch
from shared.config import Words, parse
from shared.domain.errors import BadConfig

_BETWEEN_URLS = re.compile(r"\s+|,\s*(?=[A-Za-z][\w+.-]*://)")
_TIME = r"([01]?\d|2[0-3]):([0-5]\d)"
_CLOCK = re.compile(rf"{_TIME}(?: +(\S+))?")
_HOURS = re.compile(rf"{_TIME} *- *{_TIME}(?: +(\S+))?")
_CHAT = re.compile(r"-?\d{1,20}")
NOWHERE = (
    "nothing says where messages go: set ALERT_URLS (apprise's URLs: https://github.com/caronc/apprise/wiki), or "
    "TELEGRAM_TOKEN with TELEGRAM_CHATS, or HEARTBEAT_URL"
)


def alert_targets(text: str) -> tuple[str, ...]:
    """Return the apprise URLs of a setting's text, separated by spaces or commas."""
    return tuple(filter(None, _BETWEEN_URLS.split(text.strip())))


class AlertSettings(AlertSwitch):
    """What a person is told, where and when; and which chats may command.

    Examples: `hybrid alerts`; `hybrid up --alerts`; `hybrid alerts --alert-level warning --quiet-hours "22:00-07:00
    Europe/Berlin"`.
    """

    program: ClassVar[str] = "hybrid alerts"

    alert_level: Level = Field("info", description="Least urgent that is told: info, warning or critical.")
    alert_per_hour: int = Field(
        20,
        ge=1,
        le=1000,
        description="Most messages in an hour; what is critical passes, what is held back is counted and told as one.",
    )
    quiet_hours: str = Field(
        "",
        description='When only what is critical is sent, and where: "22:00-07:00 Europe/Berlin" (default UTC).',
    )
    digest_at: str = Field(
        "08:00", description='When the daily digest is sent: "08:00 Europe/Berlin" (default UTC); off: none.'
    )
    alert_disk_pct: float = Field(
        90, gt=0, lt=100, description="How full the disk of DATA_DIR may be before it is told."
    )
    heartbeat_every_s: float = Field(60, ge=5, le=3600, description="Seconds between pings of HEARTBEAT_URL.")
    telegram_chats: Words = Field(
        (), description="Ids of the chats that get messages and may command; others get no answer."
    )
    telegram_url: str = Field("https://api.telegram.org", description="Base URL of Telegram's Bot API.")
    data_dir: Path = Field(Path("var"), description="Folder whose disk is watched.")

    @field_validator("telegram_chats")
    @classmethod
    def _ids(cls, chats: tuple[str, ...]) -> tuple[str, ...]:
        for chat in chats:
            if not _CHAT.fullmatch(chat):
                raise ValueError(f"{chat!r} is no chat's id: a number, below 0 for a group; write to the bot and see "
                                 "`telegram_stranger` in its log")  # fmt: skip
        return chats

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.telegram_token is not None and not self.telegram_chats:
            raise ValueError("TELEGRAM_TOKEN is set and TELEGRAM_CHATS is not: nobody could read or command; set both")
        if self.telegram_chats and self.telegram_token is None:
            raise ValueError("TELEGRAM_CHATS is set and TELEGRAM_TOKEN is not: @BotFather gives one; set both")
        self.rules()
        return self

    def upstream_urls(self) -> dict[str, str]:
        """Return where we ask, by setting; of the heartbeat only scheme and host, as its path is a key."""
        found = {name: url for name, url in super().upstream_urls().items() if name != "heartbeat_url"}
        if self.heartbeat_url is not None:
            parts = urlsplit(self.heartbeat_url.get_secret_value())
            found["heartbeat_url"] = f"{parts.scheme}://{parts.hostname or ''}"
        return found

    def rules(self) -> AlertRules:
        """Return what is told, and when.

        Raises:
            ValueError: QUIET_HOURS or DIGEST_AT cannot be read.
        """
        delivery = DeliveryRules(self.alert_level, self.alert_per_hour, read_hours(self.quiet_hours))
        return AlertRules(delivery, read_digest(self.digest_at), self.alert_disk_pct)

    def targets(self) -> tuple[str, ...]:
        """Return the URLs of ALERT_URLS, each a secret."""
        return alert_targets(self.alert_urls.get_secret_value()) if self.alert_urls else ()

    def check_targets(self) -> None:
        """Refuse to run for nobody.

        Raises:
            BadConfig: with what to set.
        """
        if not self.wants_alerts:
            raise BadConfig(NOWHERE)


def read_hours(text: str) -> QuietHours | None:
    """Read QUIET_HOURS; None for none. Raises ValueError for what is none."""
    if not text.strip():
        return None
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'QUIET_HOURS={text}: expected two times and a zone, as "22:00-07:00 Europe/Berlin"')
    first_h, first_m, last_h, last_m, zone = found.groups()
    start, end = int(first_h) * 60 + int(first_m), int(last_h) * 60 + int(last_m)
    if start == end:
        raise ValueError(f"QUIET_HOURS={text}: it begins when it ends; leave it empty for none")
    return QuietHours(start, end, _zone("QUIET_HOURS", zone))


def read_digest(text: str) -> DigestTime | None:
    """Read DIGEST_AT; None for none. Raises ValueError for what is none."""
    if text.strip().lower() in {"", "off"}:
        return None
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'DIGEST_AT={text}: expected a time and a zone, as "08:00 Europe/Berlin", or off')
    return DigestTime(int(found[1]) * 60 + int(found[2]), _zone("DIGEST_AT", found[3]))


def _zone(setting: str, name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"{setting}: {name} is no time zone that this machine knows; as Europe/Berlin or UTC"
        ) from error


def parse_args(argv: list[str] | None = None) -> AlertSettings:
    """Build the settings; `[]` means environment only."""
    return parse(AlertSettings, argv)
