"""The buyer's settings."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, ValidationInfo, field_validator, model_validator

from buyer.settings.account_settings import AccountSettings
from buyer.settings.protection_settings import ProtectionSettings
from buyer.settings.stake_settings import StakeSettings
from buyer.strategy.limits import (
    LIMIT_NAMES,
    Mirror,
    OnPending,
    OnRetraction,
    TradingLimits,
    find_contradiction,
    leader_limits_of,
)
from shared.config import Addresses, Words, parse
from shared.polymarket.wire import endpoints


class TradeSettings(StakeSettings, ProtectionSettings):
    """How a trade is made, whatever the account."""


class BuyerSettings(TradeSettings, AccountSettings):
    """How much to follow, and within which limits.

    Examples: `python -m buyer` reads the stream; `python -m detector | python -m buyer --stdin` reads a pipe;
    `python -m buyer --stake-usdc 20 --max-market-usdc 100 --env-file .env`.
    """

    program: ClassVar[str] = "python -m buyer"

    live: bool = Field(default=False, description="Trade with real money. Off: paper orders on the real book.")
    dry_run: bool = Field(default=True, description="Paper orders only; must be switched off as well for --live.")
    accept_forgetful_server: bool = Field(
        default=False,
        description="Trade live on a Redis that may lose what it was given (eviction, no append-only file, no fsync).",
    )
    stdin: bool = Field(default=False, description="Read JSON lines from standard input instead of the stream.")
    consumer: str = Field("buyer-0", description="This buyer's stable name in its group; one process per name.")
    tracked_wallets: Addresses = Field((), description="Leaders to follow, comma separated proxy wallet addresses.")
    tracked_wallet: Addresses = Field((), description="One leader, for those who follow one.")
    trust_server_leaders: bool = Field(
        default=True,
        description="Buy also what leaders do whom `hybrid follow` or a detector names; off: only TRACKED_WALLETS.",
    )
    lease_s: float = Field(
        20.0, gt=1, le=300, description="Seconds a silent active buyer keeps a standby waiting before it takes over."
    )
    buyer_shards: int = Field(
        1,
        ge=1,
        le=64,
        description="Parts that the signals are split into by token; buyers share them, and all need the same number.",
    )
    bump_to_minimum: bool = Field(
        default=True, description="Raise an order below the market's minimum size to it; else skip."
    )
    gather_window_s: int = Field(
        0, ge=0, le=86_400, description="Seconds in which a leader's buys too small to follow add up; 0 skips each."
    )
    sides: Literal["both", "buy", "sell"] = Field("both", description="Which of the leaders' trades to follow.")
    role: Literal["any", "maker", "taker"] = Field(
        "any", description="Follow buys only where the leader was this in all fills; unknown roles fail."
    )
    min_leader_usdc: Decimal = Field(Decimal(1), ge=0, description="Smallest leader trade to follow, in pUSD.")
    min_price: Decimal = Field(Decimal("0.03"), ge=0, le=1, description="Lowest price to buy at.")
    max_price: Decimal = Field(Decimal("0.97"), ge=0, le=1, description="Highest price to buy at.")
    only_markets: Words = Field((), description="Buy only in these: condition ids, market slugs or event slugs.")
    not_markets: Words = Field((), description="Never buy in these: condition ids, market slugs or event slugs.")
    only_categories: Words = Field((), description="Buy only in these categories; many markets have none.")
    not_categories: Words = Field((), description="Never buy in these categories; a market without one fails too.")
    only_keywords: Words = Field((), description="Buy only where the title or a slug holds one of these.")
    not_keywords: Words = Field((), description="Never buy where the title or a slug holds one of these.")
    min_to_end_s: int = Field(0, ge=0, description="Least seconds to the market's planned end when buying; 0 is any.")
    max_to_end_s: int = Field(0, ge=0, description="Most seconds to the market's planned end when buying; 0 is any.")
    min_depth_usdc: Decimal = Field(
        Decimal(0), ge=0, description="Least pUSD that the book offers within our limit when buying; 0 is any."
    )
    max_slippage_ticks: int = Field(2, ge=0, le=100, description="Ticks we may pay above the leader's price.")
    max_slippage_pct: Decimal = Field(
        Decimal(10), ge=0, le=100, description="Percent we may pay above it; SLIPPAGE_BOUND says which of both counts."
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
    max_event_usdc: Decimal = Field(Decimal(100), gt=0, description="Most pUSD in all markets of one event, likewise.")
    max_group_usdc: Decimal = Field(
        Decimal(100), gt=0, description="Most pUSD in one neg-risk event, whose outcomes exclude each other, likewise."
    )
    max_leader_usdc: Decimal = Field(Decimal(200), gt=0, description="Most pUSD in one leader's lots, likewise.")
    max_day_usdc: Decimal = Field(
        Decimal(200), gt=0, description="Most pUSD spent in one UTC day, open intents and fees included."
    )
    max_total_usdc: Decimal = Field(Decimal(500), gt=0, description="Most pUSD in all lots and open intents together.")
    max_day_loss_usdc: Decimal = Field(
        Decimal(100), gt=0, description="Realized loss of one UTC day, in pUSD, at which buying stops until the next."
    )
    max_drawdown_usdc: Decimal = Field(
        Decimal(100),
        gt=0,
        description="Realized loss since a leader's best moment, in pUSD, at which it is not followed.",
    )
    max_orders_per_minute: int = Field(60, gt=0, le=1_000_000, description="Most buys sent in one minute.")
    mirror_sells: Mirror = Field(
        "all",
        description="When a leader sells: sell all of our lot, the part the leader sold of what he holds, or none.",
    )
    stop_loss_pct: Decimal = Field(
        Decimal(0), ge=0, lt=100, description="Sell a lot that the bids value so many percent below its cost; 0 never."
    )
    take_profit_pct: Decimal = Field(
        Decimal(0),
        ge=0,
        description="Sell a lot for which the bids pay so many percent above its cost; 0 never.",
    )
    max_hold_s: int = Field(0, ge=0, description="Sell a lot held for so many seconds; 0 never.")
    exit_before_end_s: int = Field(
        0, ge=0, description="Sell a lot so many seconds before its market's planned end; 0 never."
    )
    exit_slippage_pct: Decimal = Field(
        Decimal(10),
        ge=0,
        lt=100,
        description="Percent below the best bid that an exit accepts; it goes on until it is out.",
    )
    min_nodes: int = Field(
        2,
        ge=1,
        le=3,
        description="Nodes that must show a trade which the venue's own feed does not, before it is bought; 1 believes "
        "any one node.",
    )
    on_pending: OnPending | Literal["auto"] = Field(
        "auto",
        validate_default=True,
        description="What a buy does whose leader's trade was seen before its block (PENDING_URLS): follow, follow "
        "with PENDING_PCT of the stake and with the rest once it is confirmed (part), or wait for that. auto follows "
        "on paper and waits live. Sells are followed at once.",
    )
    pending_pct: Decimal = Field(
        Decimal(50), gt=0, lt=100, description="Percent of the stake that ON_PENDING=part follows with at once."
    )
    on_retraction: OnRetraction = Field(
        "exit",
        description="What becomes of shares whose leader's trade turns out to be in no block (FILL_RETRACTED): sold "
        "(exit), or kept.",
    )
    leader_limits: str = Field(
        "",
        description='Limits of single leaders: JSON, {"0x...": {"stake_usdc": "20"}}, or @FILE that holds it.',
    )
    paper_bankroll_usdc: Decimal = Field(
        Decimal(1000),
        gt=0,
        description="Collateral the paper ledger starts with, in pUSD; a later change counts after `hybrid reconcile "
        "--cash`.",
    )
    paper_latency_s: float = Field(
        0.3,
        ge=0,
        le=60,
        description="Seconds a paper order waits before it meets the book, as a live one is on its way; a backtest's "
        "`--order-ms`.",
    )
    wallet_check_s: float = Field(
        180,
        ge=2,
        le=3600,
        description="Seconds between two comparisons of the live wallet with lots and cash; a gap counts when it is "
        "seen twice.",
    )
    marks_every_s: float = Field(
        5.0, ge=1, le=60, description="Seconds between two looks at what open lots would bring, for who watches."
    )
    keep_trades: int = Field(20_000, ge=100, description="Newest trades kept on the server, for `hybrid trades`.")
    clob_market_url: str = Field(
        endpoints.CLOB_MARKET_URL, pattern="^wss?://.+", description="The CLOB's market channel (books as they change)."
    )
    warm_tokens: int = Field(
        400,
        ge=0,
        le=5000,
        description="Most outcome tokens whose books are kept in memory; 0 asks REST for every book.",
    )
    capture_books: bool = Field(
        default=False, description="Put the books kept in memory on hs:books, for `hybrid capture` (docs/capture.md)."
    )
    clob_rate_per_s: float = Field(50.0, gt=0, le=450, description="Shared budget for CLOB reads, requests per second.")
    clob_batch_rate_per_s: float = Field(
        10.0,
        gt=0,
        le=50,
        description="Shared budget for the checks of books in memory, requests (of 50 books) per second.",
    )

    @field_validator("leader_limits")
    @classmethod
    def _contents(cls, text: str) -> str:
        """Take a file's contents for its name, in one form, so that what was decided by is published whole."""
        if text.startswith("@"):
            try:
                text = Path(text[1:]).read_text(encoding="utf-8")
            except (OSError, ValueError) as error:
                raise ValueError(f"{text[1:]} cannot be read: {error}") from error
        leaders = leader_limits_of(text)
        return json.dumps(leaders, sort_keys=True, separators=(",", ":")) if leaders else ""

    @field_validator("on_pending")
    @classmethod
    def _careful_live(cls, chosen: str, known: ValidationInfo) -> str:
        """Say what `auto` is: a capture's settings are what was decided by."""
        return chosen if chosen != "auto" else "wait" if known.data.get("live") else "follow"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Check the limits together, and each leader's own by the same bounds."""
        if self.capture_books and not self.warm_tokens:
            raise ValueError("CAPTURE_BOOKS=true: no books are kept in memory with WARM_TOKENS=0; set WARM_TOKENS")
        if self.stdin and self.buyer_shards > 1:
            raise ValueError(f"BUYER_SHARDS={self.buyer_shards}: a pipe has one reader; leave it at 1 with --stdin")
        who = ""
        try:
            limits = self.limits
            _demand(limits, who)
            for leader, given in leader_limits_of(self.leader_limits).items():
                for limit, value in given.items():
                    who = f"leader_limits of {leader}: {limit}: "
                    _bounded(limit).validate_python(value)
                who = f"leader_limits of {leader}: "
                _demand(limits.of(leader), who)
        except ValidationError as error:
            raise ValueError(who + _plain(error)) from error
        return self

    @property
    def limits(self) -> TradingLimits:
        """Return what the policy decides by."""
        found = TradingLimits(**{name: getattr(self, name) for name in LIMIT_NAMES})
        return found.with_own([self.wallet]) if self.wallet else found


def _demand(limits: TradingLimits, who: str) -> None:
    """Refuse limits under which nothing could ever be bought as they say."""
    if problem := find_contradiction(limits):
        raise ValueError(f"{who}{problem}")


def _bounded(name: str) -> TypeAdapter[Any]:
    """Return what checks one setting's value alone."""
    field = BuyerSettings.model_fields[name]
    return TypeAdapter(Annotated[field.annotation, field])  # pyright: ignore[reportArgumentType, reportInvalidTypeForm, reportUnknownVariableType] - made at run time


def _plain(error: ValidationError) -> str:
    """Return what does not fit, without the whole model that it was found in."""
    problem = error.errors(include_url=False, include_context=False)[0]
    where = "".join(f"{part}: " for part in problem["loc"])
    text = f"{where}{problem['msg']} (got {str(problem['input'])[:80]!r})"
    return text.removeprefix("Value error, ").partition(' (got "{')[0]


def parse_args(argv: list[str] | None = None) -> BuyerSettings:
    """Read flags (None: the command line; []: none), environment and `--env-file`.

    Raises:
        BadConfig: naming the variable, the value and what it should be.
    """
    return parse(BuyerSettings, argv)
