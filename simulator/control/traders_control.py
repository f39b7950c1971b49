"""Control of live traders, for judges of live trading: funded wallets, signed orders, what became of each."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from simulator.clob.signer_limits import STANDARD, SignerLimits
from simulator.core import identity
from simulator.core.amounts import micro, price_units
from simulator.core.book import Levels
from simulator.core.market import Market
from simulator.core.world import World
from simulator.exchange.accounts import Account
from simulator.exchange.exchange import Exchange
from simulator.exchange.order_form import OrderForm
from simulator.gateway.http_messages import Answer, Call, RefusedError, Route, answer

Result = TypeVar("Result")


class TradersControl:
    """Serve the routes under /sim that concern signed orders; every lever is also a method."""

    def __init__(self, world: World, exchange: Exchange, signers: SignerLimits) -> None:
        """Judge an exchange."""
        self._world = world
        self._signers = signers
        self._exchange = exchange

    def routes(self) -> list[Route]:
        """Return what is served."""
        return [
            Route("GET", "/orders", self._get_orders),
            Route("GET", "/accounts", self._get_accounts),
            Route("POST", "/fund", self._post_fund),
            Route("POST", "/account", self._post_account),
            Route("POST", "/book", self._post_book),
            Route("POST", "/delay", self._post_delay),
            Route("POST", "/tier", self._post_tier),
            Route("POST", "/positions-market", self._post_positions_market),
        ]

    def fund(
        self, owner: str, usdc: str | float, *, kind: str = "deposit", approved: bool = True, synced: bool = True
    ) -> Account:
        """Give an owner's wallet of a type pUSD; see `Accounts.fund`."""
        return self._exchange.accounts.fund(owner, micro(usdc), kind=kind, approved=approved, synced=synced)

    def change_account(
        self,
        wallet: str,
        *,
        closed_only: bool | None = None,
        synced: bool | None = None,
        allowance: str | float | None = None,
        token: str = "",
        shares: str | float = 0,
        indexed: bool = False,
    ) -> Account:
        """Restrict a wallet, change what exchanges may move, or give it tokens; raise ValueError if unknown.

        The Data API shows tokens that come or go only where they are `indexed`: its index lags behind the chain.
        """
        account = self._exchange.accounts.by_wallet.get(wallet.lower())
        if account is None:
            msg = f"no funded wallet {wallet}; POST /sim/fund makes one"
            raise ValueError(msg)
        account.closed_only = account.closed_only if closed_only is None else closed_only
        account.synced = account.synced if synced is None else synced
        if allowance is not None:
            account.approve(micro(allowance))
        if token:
            market = self._world.catalog.by_token[token]
            for record in (self._world.held, self._world.indexed) if indexed else (self._world.held,):
                record.position(account.wallet, market, market.outcome_of(token)).shares += micro(shares)
        return account

    def set_book(self, token: str, bids: list[list[str]], asks: list[list[str]]) -> None:
        """Put exactly these levels of price and size in a token's book; the crowd stops quoting the market.

        They are orders for this token: who buys the other one meets its buyers, a MINT.
        """
        world = self._world
        market = world.catalog.by_token[token]
        market.quoted, market.quoted_outcome = False, market.outcome_of(token)
        own, other = _levels(bids), _levels(asks)
        if market.outcome_of(token) == 1:
            own, other = _mirror(other), _mirror(own)
        world.desk.put(market, own, other, world.now_ms())

    def open_positions_market(self) -> Market:
        """List a Protocol V2 market: its tokens are position ids and ExchangeV3 settles it."""
        world = self._world
        number = world.catalog.next_number()
        slug = f"protocol-v2-{number}"
        condition = 1 << 240 | int(identity.digest(slug)[:32], 16) << 96
        first, second = (str(condition << 8 | outcome) for outcome in (0, 1))
        return world.open_market(
            Market(
                number=number,
                slug=slug,
                question=f"Will Protocol V2 market {number} resolve to yes?",
                event=world.catalog.open_event(slug, slug),
                condition_id=f"0x{condition:062x}",
                tokens=(first, second),
                fee_rate=Decimal("0.05"),
                start_ms=world.now_ms(),
                end_ms=world.now_ms() + 86_400_000,
            )
        )

    def orders(self, wanted: Callable[[OrderForm], bool] = lambda _: True) -> list[dict[str, object]]:
        """Return the truth about all orders taken, oldest first."""
        return [order.record() for order in self._exchange.orders.values() if wanted(order.form)]

    def account(self, account: Account) -> dict[str, object]:
        """Return the truth about a wallet, in micro-units."""
        positions = self._world.held.of_wallet(account.wallet)
        return {
            "wallet": account.wallet,
            "owner": account.owner,
            "signature_type": account.signature_type,
            "cash_micro": account.cash,
            "fees_micro": account.fees,
            "locked_micro": {name or "pUSD": amount for name, amount in account.locked.items() if amount},
            "shares_micro": {each.token_id: each.shares for each in positions if each.shares},
            "closed_only": account.closed_only,
            "synced": account.synced,
        }

    def _get_orders(self, call: Call) -> Answer:
        wallet, metadata = (call.query.get(each).lower() for each in ("wallet", "metadata"))
        return answer(
            {"orders": self.orders(lambda form: wallet in {"", form.maker} and metadata in {"", form.metadata})}
        )

    def _get_accounts(self, _: Call) -> Answer:
        return answer({"accounts": [self.account(each) for each in self._exchange.accounts.by_wallet.values()]})

    def _post_fund(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        return answer(self.account(_tried(lambda: self.fund(**asked))))

    def _post_account(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        return answer(self.account(_tried(lambda: self.change_account(**asked))))

    def _post_book(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        _tried(lambda: self.set_book(**asked))
        return answer({"quoted": False})

    def _post_delay(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        market = _tried(lambda: self._world.catalog.by_condition[str(asked["condition_id"]).lower()])
        market.delay_s = _tried(lambda: float(asked["seconds"]))
        return answer({"delay_s": market.delay_s})

    def _post_tier(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        for kind, tier in asked.items():
            if kind not in STANDARD:
                raise RefusedError(400, f"unknown bucket {kind!r}; known: {', '.join(STANDARD)}")
            _tried(lambda k=kind, t=tier: self._signers.change(k, float(t["per_s"]), float(t["burst"])))
        return answer(asked)

    def _post_positions_market(self, _: Call) -> Answer:
        market = self.open_positions_market()
        return answer({"condition_id": market.condition_id, "tokens": list(market.tokens)})


def _levels(given: list[list[str]]) -> Levels:
    return {price_units(price): micro(size) for price, size in given}


def _mirror(levels: Levels) -> Levels:
    return {10_000 - price: size for price, size in levels.items()}


def _tried(action: Callable[[], Result]) -> Result:
    try:
        return action()
    except (ValueError, TypeError, LookupError) as error:
        raise RefusedError(400, f"{type(error).__name__}: {error}") from error
