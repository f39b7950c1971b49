"""Levers and truth for judges of live trading: funded wallets, signed orders, what became of each."""

from collections.abc import Callable
from typing import Any, TypeVar

from simulator.accounts import Account
from simulator.amounts import micro, price_units
from simulator.book import Levels
from simulator.exchange import Exchange
from simulator.order_form import OrderForm
from simulator.web import Answer, Call, RefusedError, Route, answer
from simulator.world import World

Result = TypeVar("Result")


class TradersControl:
    """Serve the routes under /sim that concern signed orders; every lever is also a method."""

    def __init__(self, world: World, exchange: Exchange) -> None:
        """Judge an exchange."""
        self._world = world
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
    ) -> Account:
        """Restrict a wallet, change what exchanges may move, or give it tokens; raise ValueError if unknown."""
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
            self._world.held.position(account.wallet, market, market.outcome_of(token)).shares += micro(shares)
        return account

    def set_book(self, token: str, bids: list[list[str]], asks: list[list[str]]) -> None:
        """Put exactly these levels of price and size in a token's book; the crowd stops quoting the market."""
        world = self._world
        market = world.catalog.by_token[token]
        market.quoted = False
        own, other = _levels(bids), _levels(asks)
        if market.outcome_of(token) == 1:
            own, other = _mirror(other), _mirror(own)
        world.desk.put(market, own, other, world.now_ms())

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


def _levels(given: list[list[str]]) -> Levels:
    return {price_units(price): micro(size) for price, size in given}


def _mirror(levels: Levels) -> Levels:
    return {10_000 - price: size for price, size in levels.items()}


def _tried(action: Callable[[], Result]) -> Result:
    try:
        return action()
    except (ValueError, TypeError, LookupError) as error:
        raise RefusedError(400, f"{type(error).__name__}: {error}") from error
