"""The redeemer's settings."""

from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from redeemer.domain.contract_calls import RELAYED
from shared.config import Words, parse
from shared.domain.trading_words import trading_mode
from shared.messages.base import Address
from shared.polymarket.wire import endpoints
from shared.polymarket.wire.contracts import overridden_contracts
from shared.redis.connection.key_prefix import with_prefix
from shared.signing_key import SigningSettings


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Seconds = Annotated[tuple[Annotated[int, Field(ge=0, le=86_400)], ...], NoDecode, BeforeValidator(_split)]


class RedeemerSettings(SigningSettings):
    """How often to look for resolved holdings, and how to run what they owe us.

    Examples: `python -m redeemer --scan-every-s 5`; `python -m redeemer.worker` runs the jobs,
    on any number of machines.
    """

    program: ClassVar[str] = "python -m redeemer"

    live: bool = Field(default=False, description="Redeem real holdings; needs DRY_RUN=false, a key and the wallet.")
    dry_run: bool = Field(default=True, description="Paper holdings only; must be switched off as well for --live.")
    wallet_type: Literal["deposit", "safe", "proxy", "eoa"] = Field(
        "deposit", description="Kind of the wallet that holds the positions; new accounts have a deposit wallet."
    )
    wallet: Address | None = Field(
        None, description="The wallet that holds them; by default the one its factory makes for the signing key."
    )
    signer_address: Address | None = Field(
        None,
        description="Address of the signing key: with it the watcher reads no key; without it, once, for this.",
    )
    safe_sent_by: Literal["owner", "relayer"] = Field(
        "owner",
        description="Who sends a Safe's transactions: its owner, with POL, or the venue's relayer, with its key.",
    )
    redeem_route: Literal["adapter", "direct"] = Field(
        "adapter", description="adapter: the venue's current way, pays pUSD. direct: the older contracts, pays USDC.e."
    )
    contracts: Words = Field((), description="Addresses that replace the built-in ones: name=0x..., comma separated.")
    merge_pairs: bool = Field(default=False, description="Merge YES and NO of open markets, which frees their capital.")
    min_redeem_usdc: Decimal = Field(
        Decimal("0.01"), ge=0, le=1000, description="Least payout worth a transaction, USD; below it is left as dust."
    )
    pol_price_usdc: Decimal = Field(
        Decimal("0.5"), ge=0, le=1000, description="What a POL is worth, USD: a payout below its gas is not redeemed."
    )
    pol_warning: Decimal = Field(Decimal(1), ge=0, le=1000, description="POL of the signer below which it is warned.")
    gas_cap_gwei: int = Field(
        1000, ge=1, le=100_000, description="Most to pay for a unit of gas; above it redemptions wait."
    )
    confirmations: int = Field(
        5, ge=1, le=200, description="Blocks a transaction must be deep, its own counted, before it is booked."
    )
    look_every_s: float = Field(
        2.0, ge=0.05, le=60, description="Seconds between two looks at a transaction under way; a block takes two."
    )
    stuck_after_s: float = Field(
        60.0, ge=1, le=3600, description="Seconds after which a transaction that is not mined is sent with more gas."
    )
    signer_lease_s: float = Field(
        20.0, ge=0.5, le=600, description="Seconds until another worker may send for a signer whose worker was killed."
    )
    relayer_url: str = Field(endpoints.RELAYER_URL, description="The venue's relayer, for proxy and deposit wallets.")
    relayer_api_key: SecretStr | None = Field(
        None, description="Relayer API key: proxy and deposit wallets, and a Safe with SAFE_SENT_BY=relayer."
    )
    relayer_api_key_address: Address | None = Field(None, description="The address that the relayer key belongs to.")
    paper_wallet: str = Field(
        "paper", pattern="^[A-Za-z0-9_-]{1,64}$", description="Whose holdings: the name redemptions are booked under."
    )
    watcher: str = Field(
        "redeemer-0",
        pattern="^[A-Za-z0-9_.-]{1,64}$",
        description="This process's stable name; of several, one watches.",
    )
    scan_every_s: float = Field(
        15.0, gt=0, le=3600, description="Seconds until what resolved is acted on; a look is taken twice as often."
    )
    redeem_queue: str = Field(
        "redeem",
        pattern="^[A-Za-z0-9_-]{1,64}$",
        description="rq queue of redemption jobs; NAME-live on live.",
    )
    rq_url: str = Field(
        "", description="A server of rq's own, where the jobs wait: any form of REDIS_URL; by default REDIS_URL itself."
    )
    retry_after_s: Seconds = Field(
        (5, 15, 60), max_length=10, description="Seconds before each retry of a failed job, comma separated."
    )
    again_after_s: float = Field(
        180.0,
        ge=1,
        le=86_400,
        description="Seconds after which a job that failed or was lost is enqueued again; longer than any retry.",
    )
    resolutions_rate_per_s: float = Field(
        2.0,
        gt=0,
        le=200,
        description="Shared budget for resolutions from the Data API, asked when the RPC node is silent.",
    )

    @field_validator("rq_url")
    @classmethod
    def _under_prefix(cls, url: str, info: ValidationInfo) -> str:
        return with_prefix(url, str(info.data.get("hs_prefix") or "")) if url else url

    @property
    def relayed(self) -> bool:
        """Say whether the venue's relayer carries the wallet's calls."""
        return self.wallet_type in RELAYED or (self.wallet_type == "safe" and self.safe_sent_by == "relayer")


def parse_args(argv: list[str] | None = None) -> RedeemerSettings:
    """Read flags (None: the command line; []: none), environment and `--env-file`.

    Raises:
        BadConfig: naming the variable, the value and what it should be.
        RefusedForSafety: real holdings were asked for by one word of two.
    """
    settings = parse(RedeemerSettings, argv)
    trading_mode(live=settings.live, dry_run=settings.dry_run)
    overridden_contracts(settings.contracts)
    return settings
