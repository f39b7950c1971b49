"""The buyer's settings."""

from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, SecretStr

from buyer.limits import Limits
from shared.config import Settings, parse
from shared.events import Address
from shared.polymarket import endpoints


class BuyerSettings(Settings):
    """How much to follow, and within which limits.

    Examples: `python -m buyer` reads the stream; `python -m detector | python -m buyer --stdin` reads a pipe;
    `python -m buyer --stake-usdc 20 --max-market-usdc 100 --env-file .env`.
    """

    program: ClassVar[str] = "python -m buyer"

    live: bool = Field(default=False, description="Trade with real money. Off: paper orders on the real book.")
    dry_run: bool = Field(default=True, description="Paper orders only; must be switched off as well for --live.")
    stdin: bool = Field(default=False, description="Read JSON lines from standard input instead of the stream.")
    consumer: str = Field("buyer-0", description="This buyer's stable name in its group; one process per name.")
    lease_s: float = Field(
        20.0, gt=1, le=300, description="Seconds a silent active buyer keeps a standby waiting before it takes over."
    )
    stake_usdc: Decimal = Field(
        Decimal(5), gt=0, le=100_000, description="Collateral for each buy, in pUSD, fees on top."
    )
    min_leader_usdc: Decimal = Field(Decimal(1), ge=0, description="Smallest leader trade to follow, in pUSD.")
    min_price: Decimal = Field(Decimal("0.03"), ge=0, le=1, description="Lowest price to buy at.")
    max_price: Decimal = Field(Decimal("0.97"), ge=0, le=1, description="Highest price to buy at.")
    max_slippage_ticks: int = Field(2, ge=0, le=100, description="Ticks we may pay above the leader's price.")
    max_slippage_pct: Decimal = Field(
        Decimal(2), ge=0, le=100, description="Percent we may pay above it (the larger allowance counts)."
    )
    max_signal_age_s: int = Field(
        60, gt=0, le=86_400, description="Seconds after the leader's trade when a signal is stale."
    )
    max_clock_skew_s: int = Field(
        30, ge=0, le=3600, description="Seconds a trade may lie in our future before we mistrust the clocks."
    )
    max_book_age_s: int = Field(10, gt=0, le=600, description="Seconds after which a book is stale.")
    max_market_usdc: Decimal = Field(
        Decimal(50), gt=0, description="Most pUSD in one market, open intents and fees included."
    )
    max_day_usdc: Decimal = Field(
        Decimal(200), gt=0, description="Most pUSD spent in one UTC day, open intents and fees included."
    )
    bump_to_minimum: bool = Field(
        default=True, description="Raise an order below the market's minimum size to it; else skip."
    )
    mirror_sells: bool = Field(default=True, description="Sell a leader's lot when that leader sells.")
    paper_bankroll_usdc: Decimal = Field(
        Decimal(1000), gt=0, description="Collateral the paper ledger starts with, in pUSD."
    )
    paper_latency_s: float = Field(
        0.0, ge=0, le=60, description="Seconds a paper order waits before it meets the book."
    )
    clob_market_url: str = Field(
        endpoints.CLOB_MARKET_URL, pattern="^wss?://.+", description="The CLOB's market channel (books as they change)."
    )
    warm_tokens: int = Field(
        200,
        ge=0,
        le=5000,
        description="Most outcome tokens whose books are kept in memory; 0 asks REST for every book.",
    )
    clob_rate_per_s: float = Field(50.0, gt=0, le=450, description="Shared budget for CLOB reads, requests per second.")
    clob_batch_rate_per_s: float = Field(
        10.0,
        gt=0,
        le=50,
        description="Shared budget for the checks of books in memory, requests (of 50 books) per second.",
    )

    private_key: SecretStr | None = Field(
        None, description="Signing key, 64 hex digits, for --live; a file is safer, and a flag can be seen by others."
    )
    private_key_file: Path | None = Field(None, description="File that holds the signing key; chmod 600.")
    wallet_type: Literal["deposit", "safe", "proxy", "eoa"] = Field(
        "deposit", description="Kind of the wallet that holds the money; new accounts have a deposit wallet."
    )
    wallet: Address | None = Field(
        None, description="The wallet that holds the money; by default the one its factory makes for the signing key."
    )
    api_key: SecretStr | None = Field(None, description="The venue's API key; by default derived from the signing key.")
    api_secret: SecretStr | None = Field(None, description="Its secret.")
    api_passphrase: SecretStr | None = Field(None, description="Its passphrase.")
    orders_per_s: float = Field(
        endpoints.BUDGETS["clob_orders"].target_per_s,
        gt=0,
        le=600,
        description="Shared budget for live orders, requests per second (the Standard tier allows 40).",
    )
    account_rate_per_s: float = Field(
        20.0, gt=0, le=90, description="Shared budget for reading our own orders and trades, requests per second."
    )
    clob_user_url: str = Field(endpoints.CLOB_USER_URL, description="The venue's push feed of our own orders.")
    geoblock_url: str = Field(endpoints.GEOBLOCK_URL, description="Where the venue says whether our region may trade.")

    @property
    def limits(self) -> Limits:
        """Return what the policy decides by."""
        return Limits(**{name: getattr(self, name) for name in Limits.model_fields})


def parse_args(argv: list[str] | None = None) -> BuyerSettings:
    """Read flags (None: the command line; []: none), environment and `--env-file`.

    Raises:
        BadConfig: naming the variable, the value and what it should be.
    """
    return parse(BuyerSettings, argv)
