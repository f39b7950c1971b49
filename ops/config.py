"""Settings of `hybrid up`, and what switches alerts on, which it has to know as well."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr

from shared.config import Addresses, Settings
from shared.domain.errors import BadConfig
from shared.domain.trading_words import Mode, trading_mode

NO_LEADERS = """TRACKED_WALLETS is empty: nobody to follow. Give the traders' wallets:
  make run LEADERS=0x...,0x...      (or: hybrid up --leaders 0x...,0x...  or TRACKED_WALLETS=... in the environment)
A wallet's address is in the link of its profile page: https://polymarket.com/leaderboard lists traders.
Only looking? `make demo` shows everything on a local venue: no account, no network."""


class AlertSwitch(Settings):
    """Where messages to a person go; naming any place switches them on."""

    alert_urls: SecretStr | None = Field(
        None,
        description="Where alerts go: apprise's URLs (discord://, mailto://, json://, ...), separated by spaces.",
    )
    telegram_token: SecretStr | None = Field(
        None, description="Token of a Telegram bot that sends alerts to TELEGRAM_CHATS and takes their commands."
    )
    heartbeat_url: SecretStr | None = Field(
        None,
        description="Pinged while the server answers and no program is lost: who watches it tells you when we cannot.",
    )

    @property
    def wants_alerts(self) -> bool:
        """Say whether there is anywhere to tell."""
        return any((self.alert_urls, self.telegram_token, self.heartbeat_url))


class UpSettings(AlertSwitch):
    """What `hybrid up` needs to know itself; the programs under it read the same environment."""

    program: ClassVar[str] = "hybrid up"

    tracked_wallets: Addresses = Field((), description="Leaders to follow, comma separated proxy wallet addresses.")
    tracked_wallet: Addresses = Field((), description="One leader, for those who follow one.")
    leaders_file: Path | None = Field(None, description="File of leaders, read by the detector.")
    start_empty: bool = Field(default=False, description="Start with nobody to follow and wait for `hybrid follow`.")
    data_dir: Path = Field(Path("var"), description="Folder of the embedded server's data, locks and logs.")
    live: bool = Field(default=False, description="Whether buyer and redeemer, which read it too, use real money.")
    dry_run: bool = Field(default=True, description="Paper orders only; must be switched off as well for live trading.")
    alerts: bool = Field(
        default=False, description="Run `hybrid alerts` too; ALERT_URLS, TELEGRAM_TOKEN or HEARTBEAT_URL switch it on."
    )
    web_dashboard: bool = Field(default=False, description="Serve the dashboard, too: see WEB_HOST and WEB_PORT.")

    @property
    def leaders(self) -> tuple[str, ...]:
        """Return whom to follow, each once."""
        return tuple(dict.fromkeys((*self.tracked_wallets, *self.tracked_wallet)))

    @property
    def mode(self) -> Mode:
        """Return what buyer and redeemer trade with.

        Raises:
            RefusedForSafety: only one of the two words for real money was given.
        """
        return trading_mode(live=self.live, dry_run=self.dry_run)

    @property
    def embeds_server(self) -> bool:
        """Say whether nobody named a server, so that ours is started."""
        return "redis_url" not in self.model_fields_set

    def check_leaders(self) -> None:
        """Refuse to start with nobody to follow.

        Raises:
            BadConfig: with how to give leaders, and where to find them.
        """
        if not (self.leaders or self.leaders_file or self.start_empty):
            raise BadConfig(NO_LEADERS)
