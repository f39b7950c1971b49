"""The settings of what protects our trades: each is on by default, and off with 0, false or the value it names."""

from decimal import Decimal

from pydantic import BaseModel, Field, field_validator

from buyer.strategy.limits import OtherOutcome, SlippageBound
from shared.config import Words
from shared.polymarket.wire.leader_fills import ADDRESS


class EntrySettings(BaseModel):
    """When not to buy, whoever does."""

    slippage_bound: SlippageBound = Field(
        "smaller",
        description="Which of MAX_SLIPPAGE_TICKS and MAX_SLIPPAGE_PCT counts: two ticks are 67% of a price of 0.03.",
    )
    max_spread: Decimal = Field(
        Decimal("0.1"),
        ge=0,
        lt=1,
        description="Most between best bid and best ask when buying (the venue itself shows no middle above 0.1); 0 is "
        "any.",
    )
    max_over_fair_pct: Decimal = Field(
        Decimal(10),
        ge=0,
        le=1000,
        description="Percent that the leader's price may lie above the middle of the book, a tick at least; 0 is any.",
    )
    max_over_others_pct: Decimal = Field(
        Decimal(50),
        ge=0,
        le=1000,
        description="Percent that it may lie above what others paid on average in the last 15 minutes, a tick at "
        "least; not asked where no trade of others is known; 0 is any.",
    )
    min_resale_pct: Decimal = Field(
        Decimal(50),
        ge=0,
        le=100,
        description="Least percent of a buy's cost that the bids would pay for it at once; 0 is any.",
    )
    min_liquidity_usdc: Decimal = Field(
        Decimal(100),
        ge=0,
        description="Least pUSD that rests in a market's books, as Gamma says it; a market of which it says nothing is "
        "judged by its book alone; 0 is any.",
    )
    check_own_exits: bool = Field(
        default=True, description="Buy nothing that our own stop, time or end of a market would sell at once."
    )
    stake_window_s: int = Field(
        60,
        ge=0,
        le=86_400,
        description="Seconds in which a leader's buys of one token are one order and staked on once, unless the stake "
        "is a share of each trade; 0 stakes on each.",
    )
    cooldown_s: int = Field(
        300, ge=0, le=86_400, description="Seconds in which a token is not bought again once it was sold whole; 0 none."
    )
    other_outcome: OtherOutcome = Field(
        "skip",
        description="What to do with a buy while the market's other outcome is held, as both pay 1 together: skip it, "
        "sell the other first (as any exit, with its floor), or buy.",
    )
    sell_first_s: int = Field(
        30,
        gt=0,
        le=3600,
        description="Seconds that such a buy waits for the sale, with OTHER_OUTCOME=sell_first; then it is skipped. It "
        "has to be fresh still, too (MAX_SIGNAL_AGE_S).",
    )
    mark_losses: bool = Field(
        default=True,
        description="Count as lost, in MAX_DAY_LOSS_USDC and MAX_DRAWDOWN_USDC, what the bids would pay less than open "
        "lots cost.",
    )
    breaker_rejections: int = Field(
        5,
        ge=0,
        description="Buys that the venue refused in a row, at which buys are paused until `hybrid resume`; 0 never.",
    )
    breaker_losses: int = Field(
        20, ge=0, description="Losses in a row, without a gain between, at which they are paused likewise; 0 never."
    )
    breaker_fall_usdc: Decimal = Field(
        Decimal(100),
        ge=0,
        description="Fall of the account within BREAKER_WINDOW_S, open lots marked to the bid, likewise; 0 never.",
    )
    breaker_window_s: int = Field(3600, gt=0, le=86_400, description="Seconds in which a fall of the account counts.")
    check_own_wallets: bool = Field(
        default=True,
        description="Never follow a wallet of ours: WALLET, OWN_WALLETS, and live those of the signing key.",
    )
    own_wallets: Words = Field((), description="Further wallets that are ours: 0x and 40 hex digits each.")

    @field_validator("own_wallets")
    @classmethod
    def _addresses(cls, wallets: tuple[str, ...]) -> tuple[str, ...]:
        """Take addresses in any case of letters."""
        for wallet in wallets:
            if not ADDRESS.fullmatch(wallet.lower()):
                raise ValueError(f"{wallet!r} is no wallet: 0x and 40 hex digits")
        return tuple(wallet.lower() for wallet in wallets)


class ExitSettings(BaseModel):
    """When not to sell, although an exit is due."""

    exit_floor_pct: Decimal = Field(
        Decimal(20),
        ge=0,
        le=100,
        description="Percent below what a lot is known to be worth (the leader's sale or the value that stood, the "
        "higher; else its cost) under which no exit sells, whatever the book shows; 100 sells at any price.",
    )
    exit_floor_step_pct: Decimal = Field(
        Decimal(10), ge=0, le=100, description="Percent that this floor comes down at a step; 0 never."
    )
    exit_floor_step_s: int = Field(
        30, gt=0, le=86_400, description="Seconds that an exit waits at its floor before the next step."
    )
    exit_floor_end_pct: Decimal = Field(
        Decimal(80),
        ge=0,
        le=100,
        description="Percent below which the floor never comes: there an exit waits for a bid, for redemption, or for "
        "`hybrid flatten --any-price`.",
    )
    exchange_fee_cap_bps: int = Field(
        1000,
        gt=0,
        le=10_000,
        description="Most of a sale at its limit price that the exchange takes as its fee, in hundredths of a percent "
        "(`getMaxFeeRate` of its contract): no exit's limit lies where it would take more, as the match would revert.",
    )
    exit_stand_s: int = Field(
        30, gt=0, le=3600, description="Seconds whose middle value of a whole lot at the bids is the value that stood."
    )
    trigger_looks: int = Field(
        3,
        ge=1,
        le=100,
        description="Looks in a row at which a stop, a gain or a time must hold before it sets an exit off, and each "
        "attempt asks again; 1 believes the first.",
    )
    trigger_s: int = Field(5, ge=0, le=3600, description="Seconds over which those looks must reach.")
    min_leader_sell_pct: Decimal = Field(
        Decimal(10),
        ge=0,
        le=100,
        description="Percent of what a leader holds that he must sell, at once or in pieces, before ours is sold; 0 is "
        "any.",
    )
    check_later_sale: bool = Field(
        default=True, description="Buy nothing of which a later sale of the leader's is known already."
    )


class ProtectionSettings(EntrySettings, ExitSettings):
    """When not to buy, and when not to sell."""
