"""Events of the buyer: decisions with every rule's value, and what became of their orders."""

from typing import Annotated, Literal

from shared.domain.market import Book, MarketFacts, Side
from shared.domain.money import Price, Shares, Usdc
from shared.domain.trading_words import Mode
from shared.domain.value import OMITTED, Value
from shared.messages.base import REUSED, Address, Event


class RuleResult(Value, frozen=True, kw_only=True):
    """One rule's verdict; `value` and `limit` are printed as they were compared."""

    rule: str
    passed: bool
    value: str = ""
    limit: str = ""


class Order(Value, frozen=True, kw_only=True):
    """What we send: at most `shares` at `limit_price` or better, now, the rest killed (FAK)."""

    id: str
    signal_id: str
    token_id: str
    condition_id: str
    leader: Address
    side: Side
    shares: Shares
    limit_price: Price
    budget: Usdc
    kind: Literal["FAK"] = "FAK"


OrderState = Literal[
    "INTENT",
    "SUBMITTED",
    "LIVE",
    "DELAYED",
    "MATCHED",
    "REJECTED",
    "UNKNOWN",
    "CONFIRMED",
    "FAILED",
    "CANCELLED",
]


class PaperOutcome(Value, frozen=True, kw_only=True):
    """What the paper venue makes of the same order on the book seen right before it was sent: the measure of drift."""

    state: OrderState
    shares: Shares
    usdc: Usdc
    fee: Usdc
    reason: str = ""
    book_at_ms: int


class Outcome(Value, frozen=True, kw_only=True):
    """What became of an order: shares filled, collateral paid or received before fees, and the taker's fee.

    `order_hash` and `trade_ids` are the venue's names for it; '' and none on paper.
    `paper` stands beside a live outcome only.
    """

    state: OrderState
    shares: Shares
    usdc: Usdc
    fee: Usdc
    reason: str = ""
    book: Book | None = None
    order_hash: str = ""
    trade_ids: tuple[str, ...] = ()
    paper: PaperOutcome | None = None


class Trade(Value, frozen=True, kw_only=True):
    """What a leader traded, as it was judged: with what was gathered of the same token and side before it."""

    usdc: Usdc
    shares: Shares
    price: Price


class Gathered(Value, frozen=True, kw_only=True):
    """Trades of one leader, token and side, each too small to follow, since the first of them."""

    usdc: Usdc
    shares: Shares
    since_ms: int


class LeaderSales(Value, frozen=True, kw_only=True):
    """What is known of a leader's sales of one token: the time of the latest, whatever the order they were told in.

    `shares` are those of his sales that were too small to follow, since one was followed.
    """

    since_ms: int
    shares: Shares = Shares(0)
    usdc: Usdc = Usdc(0)


ExitReason = Literal[
    "leader_sold",
    "leader_merged",
    "stop_loss",
    "take_profit",
    "time_stop",
    "market_ends",
    "flatten",
    "retracted",
    "by_hand",
    "adopted",
    "other_outcome",
]


FLOOR = "exit_floor"
"""The rule that an attempt of an exit fails while nobody pays its floor: its `last` says so."""


class ExitTask(Value, frozen=True, kw_only=True):
    """A lot that is to be sold down to `keep` shares, however many orders and restarts that takes.

    `id` is made from lot, reason and what set it off; each attempt's order from it and `attempt`. `last` says why the
    attempt before sold nothing. Its floor hangs below `reference`, which came from `source` ('' for none yet), and was
    `lowered` so many steps, at `lowered_at_ms` last.
    """

    id: str
    leader: Address
    token_id: str
    reason: ExitReason
    keep: Shares
    opened_at_ms: int
    attempt: int = 0
    next_at_ms: int = 0
    last: str = ""
    reference: Price = Price(0)
    source: str = ""
    lowered: int = 0
    lowered_at_ms: int = 0


class Staked(Value, frozen=True, kw_only=True):
    """When a lot was bought last, and for how much, fees included."""

    at_ms: int
    usdc: Usdc


class LotExit(Value, frozen=True, kw_only=True):
    """When shares of a token were sold whole last, and why; `adopted` where only the chain knows of the sale."""

    at_ms: int
    reason: ExitReason


class HeldLot(Value, frozen=True, kw_only=True):
    """Since when a lot is held, and the exposures its cost stands in besides its market's."""

    opened_at_ms: int
    event_id: str = ""
    group: str = ""


class Portfolio(Value, frozen=True, kw_only=True):
    """The balances a decision looked at; `seq` is the ledger's number, so replay knows what came before.

    Exposures are the cost of open lots and open intents. `bankroll` is what was deposited and realized; `behind` the
    leader's shares that our lot follows; `orders_sent` the buys sent in the UTC minute numbered `minute`;
    `wallet_shares` what the wallet holds of the token where that is less than the lots, None where nothing says so.
    `staked` and `left` say when lot and token were bought and sold last, within the windows that are asked for;
    `other_outcome` is what stands in the market's other outcome. These three are None where their protections are off.
    `stood` is what a share of the lot was worth for some seconds, 0 where nobody can tell; `sales` what the leader sold
    of the token.
    """

    seq: int
    cash: Usdc
    spent_today: Usdc
    market_exposure: Usdc
    lot_shares: Shares
    lot_cost: Usdc
    halted: bool = False
    paused: Literal["", "buys", "all"] = ""
    flattening: bool = False
    event_exposure: Usdc = Usdc(0)
    group_exposure: Usdc = Usdc(0)
    leader_exposure: Usdc = Usdc(0)
    total_exposure: Usdc = Usdc(0)
    bankroll: Usdc = Usdc(0)
    realized_today: Usdc = Usdc(0)
    leader_realized: Usdc = Usdc(0)
    leader_peak: Usdc = Usdc(0)
    behind: Shares = Shares(0)
    minute: int = 0
    orders_sent: int = 0
    lot: HeldLot | None = None
    gathered: Gathered | None = None
    exit: ExitTask | None = None
    wallet_shares: Annotated[Shares | None, OMITTED] = None
    staked: Annotated[Staked | None, OMITTED] = None
    left: Annotated[LotExit | None, OMITTED] = None
    other_outcome: Annotated[Usdc | None, OMITTED] = None
    stood: Price = Price(0)
    sales: LeaderSales | None = None
    unfollowed: bool = False

    @property
    def wallet_lot(self) -> Shares:
        """Return how much of the lot the wallet can hold at most."""
        return self.lot_shares if self.wallet_shares is None else min(self.lot_shares, self.wallet_shares)


class OpenLosses(Value, frozen=True, kw_only=True):
    """What open lots would bring at the bids below their cost: all of them, and those behind the signal's leader."""

    total: Usdc
    leader: Usdc


class OthersPaid(Value, frozen=True, kw_only=True):
    """What others than the leader paid for a token lately: so many shares, at this price on average."""

    price: Price
    shares: Shares
    trades: int


class Inputs(Value, frozen=True, kw_only=True):
    """Everything a decision was made from: enough to make it again. `problems` says what could not be found out.

    `losses` are those of open lots, where a rule asked for them; `others` what others paid, where a rule asked for
    that and somebody could tell.
    """

    now_ms: int
    market: Annotated[MarketFacts | None, REUSED] = None
    book: Book | None = None
    portfolio: Portfolio | None = None
    problems: tuple[str, ...] = ()
    config_id: str = ""
    code_version: str = ""
    losses: Annotated[OpenLosses | None, OMITTED] = None
    others: Annotated[OthersPaid | None, OMITTED] = None


Verdict = Literal["BUY", "SELL", "SKIP"]


class BuyEngineDecision(Event, frozen=True, kw_only=True):
    """The buyer's verdict on one signal, with every rule's value. Exactly one is terminal for each signal.

    An order of an exit has its own, under the exit's name in place of a signal's. `trade` is the leader's as it was
    judged, `gathered` what it was added to when it was too small, or what a sell of his left of that, `exit` what is to
    be sold, if not by this order then by later ones, `sales` what a sell leaves known of the leader's.
    """

    event: Literal["BUY_ENGINE_DECISION"] = "BUY_ENGINE_DECISION"
    signal_id: str
    leader: str
    token_id: str
    mode: Mode
    verdict: Verdict
    reason: str
    rules: tuple[RuleResult, ...]
    order: Annotated[Order | None, REUSED] = None
    outcome: Outcome | None = None
    trade: Trade | None = None
    gathered: Gathered | None = None
    exit: ExitTask | None = None
    sales: LeaderSales | None = None
    inputs: Annotated[Inputs, REUSED]


class OrderUpdate(Event, frozen=True, kw_only=True):
    """An order moved to another state."""

    event: Literal["ORDER_UPDATE"] = "ORDER_UPDATE"
    order_id: str
    signal_id: str
    mode: Mode
    state: OrderState
    order: Annotated[Order, REUSED]
    outcome: Outcome | None = None
