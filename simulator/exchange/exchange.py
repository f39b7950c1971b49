"""The venue's matching engine for signed orders: checks, matches, rests, cancels."""

from simulator.clob.credentials import ApiKey
from simulator.core import contracts, identity
from simulator.core.amounts import cost, taker_fee
from simulator.core.deal import crowd
from simulator.core.market import Market
from simulator.core.world import World
from simulator.core.world_events import MarketEnded, News, OrderChanged
from simulator.exchange.accounts import CASH, Account, Accounts
from simulator.exchange.matching import Leg, filled_whole, legs_of
from simulator.exchange.order_form import MARKETABLE, OrderForm
from simulator.exchange.order_payer import account_of
from simulator.exchange.order_rules import check_expiration, check_market_sell, check_marketable, price_of
from simulator.exchange.orders import PlacedOrder, Trade
from simulator.exchange.resting_orders import place_of
from simulator.exchange.signatures import order_hash
from simulator.exchange.trades import Trades
from simulator.gateway.http_messages import RefusedError

_FOK_KILLED = "order couldn't be fully filled. FOK orders are fully filled or killed."
_FAK_KILLED = "no orders found to match with FAK order. FAK orders are partially filled or killed if no match is found."
_EARLY_END_S = 60
"""A GTD order stops being matched this long before its expiration."""


class Exchange:
    """All signed orders; change it only on the world's own thread."""

    def __init__(self, world: World, accounts: Accounts) -> None:
        """Trade in a world."""
        self._world = world
        self.accounts = accounts
        self.orders: dict[str, PlacedOrder] = {}
        self.trades = Trades(world)
        world.desk.swept = self._sweep
        world.listen(self._hear)

    def place(self, form: OrderForm, key: ApiKey, now_s: int) -> PlacedOrder:
        """Take an order or refuse it; a killed one is returned with its reason."""
        market = self._world.catalog.by_token.get(form.token_id)
        if market is None:
            raise RefusedError(400, f"the orderbook {form.token_id} does not exist")
        exchange = contracts.exchange("v2", neg_risk=market.neg_risk, token_id=form.token_id)
        account, name = account_of(form, key, exchange, self.accounts), order_hash(form, exchange)
        if name in self.orders:
            self.orders[name].posts += 1
            raise RefusedError(400, f"order {name} is invalid. Duplicated.")
        order = self._checked(form, market, account, exchange, name, now_s)
        self.orders[name] = order
        self._begin(order)
        return order

    def cancel(self, order: PlacedOrder, status: str = "CANCELED", reason: str = "") -> bool:
        """End an order that is open; tell whether it was."""
        if order.status not in {"LIVE", "DELAYED"}:
            return False
        self._leave_book(order)
        self._end(order, reason, status)
        return True

    def _checked(
        self, form: OrderForm, market: Market, account: Account, exchange: str, name: str, now_s: int
    ) -> PlacedOrder:
        now = self._world.now_ms()
        if now < market.start_ms:
            raise RefusedError(400, "the market is not yet ready to process new orders")
        if not market.trading(now):
            raise RefusedError(400, f"the orderbook {form.token_id} does not exist")
        price = price_of(form, market, name)
        if self._world.faults.find("strict_sells", "clob", "/order", now):
            check_market_sell(form)
        check_expiration(form, now_s)
        if form.post_only and form.kind in MARKETABLE:
            raise RefusedError(400, "invalid post-only order: only GTC and GTD orders can be post-only")
        order = PlacedOrder(
            id=name, form=form, market=market, account=account, exchange=exchange, price=price, at_ms=now
        )
        legs = self._legs(order)
        if legs and form.post_only:
            raise RefusedError(400, "invalid post-only order: order crosses book")
        if legs and form.side == "BUY":
            check_marketable(form.usdc)
        self._check_funds(order, legs)
        return order

    def _check_funds(self, order: PlacedOrder, legs: list[Leg]) -> None:
        """Refuse what the wallet cannot pay: a BUY's sum and the fee on what it takes now, a SELL's shares."""
        accounts, account, form = self.accounts, order.account, order.form
        needed = form.usdc + self._fee(order, legs) if form.side == "BUY" else form.shares
        free = 0 if self._stale(order) else accounts.free(account, order.spends) + order.locked
        allowed = accounts.allowance(account, order.spends, order.exchange)
        words = "not enough balance / allowance: the"
        if free < needed:
            raise RefusedError(400, f"{words} balance is not enough -> balance: {free}, order amount: {needed}")
        if allowed < needed:
            told = f"spender: {order.exchange}, allowance: {allowed}, order amount: {needed}"
            raise RefusedError(400, f"{words} allowance is not enough -> {told}")

    def _stale(self, order: PlacedOrder) -> bool:
        """Tell whether the venue has not heard yet of the tokens that are offered."""
        if order.form.side == "BUY" or order.form.token_id in order.account.refreshed:
            return False
        return self._world.faults.find("stale_tokens", "clob", "/order", order.at_ms) is not None

    def _begin(self, order: PlacedOrder) -> None:
        """Match at once, or after the market's delay."""
        world, market = self._world, order.market
        self._lock(order, order.form.usdc if order.spends == CASH else order.form.shares)
        delayed = world.faults.take("delayed", "clob", "/order", order.at_ms)
        delay_s = delayed.number("seconds", 3) if delayed else market.delay_s
        if not delay_s or order.form.post_only:
            self._execute(order, order.at_ms)
            return
        order.status = "DELAYED"
        world.tell(OrderChanged(order, "PLACEMENT", order.at_ms))
        world.agenda.at(order.at_ms + world.settings.wall_ms(delay_s), lambda at: self._resume(order, at))

    def _resume(self, order: PlacedOrder, at_ms: int) -> None:
        if order.status != "DELAYED":
            return
        order.status = "LIVE"
        try:
            self._check_funds(order, self._legs(order))
        except RefusedError as refused:
            self._end(order, refused.message, "CANCELED_NOT_ENOUGH_BALANCE")
        else:
            self._execute(order, at_ms)

    def _execute(self, order: PlacedOrder, at_ms: int) -> None:
        form, legs = order.form, self._legs(order)
        if form.kind == "FOK" and not filled_whole(form, legs):
            self._end(order, _FOK_KILLED, f"CANCELED_{_FOK_KILLED}")
            return
        if form.kind == "FAK" and not legs:
            self._end(order, _FAK_KILLED, f"CANCELED_{_FAK_KILLED}")
            return
        self._world.tell(OrderChanged(order, "PLACEMENT", at_ms))
        if legs:
            self._take(order, legs, at_ms)
        if filled_whole(form, legs):
            self._done(order, at_ms)
        elif form.kind == "FAK":
            self._end(order, "", "CANCELED")
        else:
            self._rest(order, at_ms)

    def _take(self, order: PlacedOrder, legs: list[Leg], at_ms: int) -> None:
        """Trade with the book, as one match."""
        maker = crowd(at_ms, order.id)
        trade = self._trade(order, legs, maker, fee=self._fee(order, legs), role="TAKER", at_ms=at_ms)
        self.trades.begin(trade)
        self._world.desk.take(order.market, order.outcome, order.form.side, [(x.price, x.shares) for x in legs], at_ms)
        self.trades.print(trade)

    def _trade(self, order: PlacedOrder, legs: list[Leg], other: str, *, fee: int, role: str, at_ms: int) -> Trade:
        shares, usdc = sum(leg.shares for leg in legs), sum(leg.usdc for leg in legs)
        order.shares += shares
        order.usdc += usdc
        number = len(self.trades.all) + 1
        spent = usdc + fee if order.spends == CASH else shares
        order.account.lock(order.spends, spent)
        self._lock(order, max(0, order.locked - (usdc if order.spends == CASH else shares)))
        trade = Trade(
            id=identity.digest("trade", self._world.settings.seed, number)[:36],
            order=order,
            role="TAKER" if role == "TAKER" else "MAKER",
            legs=legs,
            crowd=other,
            crowd_order=identity.hash32("crowd-order", order.id, number),
            tx_hash=identity.hash32("order-tx", self._world.settings.seed, number, at_ms),
            fee=fee,
            locked=spent,
            at_ms=at_ms,
            changed_ms=at_ms,
        )
        order.trades.append(trade)
        return trade

    def _rest(self, order: PlacedOrder, at_ms: int) -> None:
        """Leave what did not trade in the book."""
        order.resting = order.form.shares - order.shares
        self._lock(order, cost(order.resting, order.price, up=True) if order.spends == CASH else order.resting)
        desk = self._world.desk
        desk.rests.add(order)
        desk.change(order.market, *place_of(order), order.resting, at_ms)
        if order.form.kind == "GTD":
            due = (order.form.expiration - _EARLY_END_S) * 1000
            self._world.agenda.at(due, lambda _: self._expire(order))

    def _expire(self, order: PlacedOrder) -> None:
        self.cancel(order, "CANCELED_EXPIRED_ORDER")

    def _leave_book(self, order: PlacedOrder) -> None:
        if order.resting:
            desk, shares = self._world.desk, order.resting
            desk.rests.remove(order)
            order.resting = 0
            desk.change(order.market, *place_of(order), -shares, self._world.now_ms())

    def _sweep(self, market: Market, at_ms: int) -> None:
        """Fill the resting orders that the book lost."""
        for order, shares in self._world.desk.rests.lost(market):
            order.resting -= shares
            if not order.resting:
                self._world.desk.rests.remove(order)
            leg = Leg(order.price, shares, cost(shares, order.price))
            other = crowd(at_ms, order.id, order.shares)
            self.trades.begin(self._trade(order, [leg], other, fee=0, role="MAKER", at_ms=at_ms))
            if order.resting:
                self._world.tell(OrderChanged(order, "UPDATE", at_ms))
            else:
                self._done(order, at_ms)

    def _done(self, order: PlacedOrder, at_ms: int) -> None:
        order.status = "MATCHED"
        self._lock(order, 0)
        self._world.tell(OrderChanged(order, "UPDATE", at_ms))

    def _end(self, order: PlacedOrder, reason: str, shown: str) -> None:
        order.status, order.reason = "CANCELED", reason
        self._lock(order, 0)
        self._world.tell(OrderChanged(order, "CANCELLATION", self._world.now_ms(), shown))

    def _lock(self, order: PlacedOrder, amount: int) -> None:
        order.account.lock(order.spends, amount - order.locked)
        order.locked = amount

    def _legs(self, order: PlacedOrder) -> list[Leg]:
        mint = order.outcome != order.market.quoted_outcome
        return legs_of(order.form, *order.market.book.view(order.outcome), mint=mint)

    def _fee(self, order: PlacedOrder, legs: list[Leg]) -> int:
        shares, usdc = sum(leg.shares for leg in legs), sum(leg.usdc for leg in legs)
        return taker_fee(shares, usdc, order.market.fee_rate, order.market.fee_exponent)

    def _hear(self, news: News) -> None:
        if isinstance(news, MarketEnded):
            for order in [o for o in self.orders.values() if o.market is news.market]:
                self.cancel(order, "CANCELED_MARKET_RESOLVED")
