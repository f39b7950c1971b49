"""The venue's one truth: markets, matches, the chain and what each source may show when.

A world never asks for the time; it is given a clock. Everything a source shows is a function of
the recorded facts and the present, so all sources agree by construction.
"""

from collections.abc import Callable
from random import Random

from simulator.chain import abi
from simulator.chain.chain import Chain
from simulator.core import contracts, identity
from simulator.core.clock import Clock
from simulator.core.fill import Fill, Match
from simulator.core.market import Catalog, Market, Payouts, Resolution
from simulator.core.position_ledger import Ledger
from simulator.core.scheduled_actions import Agenda
from simulator.core.settings import Settings
from simulator.core.settlement import Profile, Settlement, Stamp, emissions_of, fee_of, fills_of
from simulator.core.visibility_times import Timetable
from simulator.core.world_events import FillReported, MarketEnded, MarketListed, News, TickMoved, Traded
from simulator.data_api.activity import Activity, Row
from simulator.data_api.rows import Redeemed, redeem_row, row_of
from simulator.gateway.faults import Faults
from simulator.operator.keyring import Keyring
from simulator.operator.operator import FAILS, LATE, Operator, Sent
from simulator.scenario.market_maker import Desk


class World:
    """Record what happens and let sources look at it."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Start an empty venue at the clock's present."""
        self.settings = settings
        self.clock = clock
        self.start_ms = clock.now_ms()
        self.random = Random(settings.seed)
        self.agenda = Agenda()
        self.catalog = Catalog()
        self.chain = Chain(settings, self.start_ms)
        self.timetable = Timetable(settings, self.chain, self.start_ms)
        self.activity = Activity()
        self.held = Ledger()
        self.indexed = Ledger()
        self.faults = Faults(settings.seed)
        self.operator = Operator(settings, self.faults, Keyring(settings.seed))
        self.profiles: dict[str, Profile] = {}
        self.leaders: list[Profile] = []
        self.fills: list[Fill] = []
        self.paused = False
        self._settlements: list[Settlement] = []
        self._listeners: list[Callable[[News], None]] = []
        self._row_seq = 0
        self.desk = Desk(settings, self.agenda, self.random, self.tell)

    def listen(self, listener: Callable[[News], None]) -> None:
        """Hear all news from now on."""
        self._listeners.append(listener)

    def advance(self) -> None:
        """Let everything due by now happen."""
        self.agenda.run_until(self.clock.now_ms())

    def now_ms(self) -> int:
        """Return the present."""
        return self.clock.now_ms()

    def profile(self, wallet: str) -> Profile:
        """Return a wallet's face, made up for wallets never seen."""
        known = self.profiles.get(wallet)
        return known or Profile(wallet, wallet[:10], f"Plain-{wallet[2:6]}")

    def exchange(self, market: Market) -> str:
        """Return the contract that settles a market's matches."""
        return contracts.exchange(self.settings.era, neg_risk=market.neg_risk, token_id=market.tokens[0])

    def follow(self, profile: Profile) -> None:
        """Make a wallet one of the leaders."""
        if profile.address not in self.profiles:
            self.profiles[profile.address] = profile
            self.leaders.append(profile)

    def open_market(self, market: Market) -> Market:
        """List a market with a first book."""
        self.catalog.add(market)
        self.desk.quote(market, market.start_ms)
        self.tell(MarketListed(market, market.start_ms))
        return market

    def settle(self, match: Match) -> list[Fill]:
        """Record a match everywhere; return its fills, makers first; none where its transaction fails."""
        sent, at = self._sent(match)
        if sent is not None and sent.failed:
            return []
        tx_hash = match.tx_hash or (
            sent.hash if sent else identity.hash32("tx", self.settings.seed, len(self.fills), match.at_ms)
        )
        fills = self.mine(match, tx_hash, at)
        if sent is not None:
            sent.block = fills[0].block
            for fill in fills:
                fill.pending_at_ms = sent.shown_at_ms
        self.hold(fills)
        self.desk.trade(match)
        self.tell(Traded(match, tx_hash, match.at_ms))
        return fills

    def _sent(self, match: Match) -> tuple[Sent | None, int]:
        """Let the operator send a match that somebody may see pending; return it, and when it goes to a block."""
        if not self.operator.takes(match):
            return None, match.at_ms
        late = self.faults.take(LATE, "pending", "", match.at_ms)
        sent = self.operator.send(
            match, self.exchange(match.market), fee_of(match, self.settings.era), key=int(bool(late))
        )
        if self.faults.take(FAILS, "pending", "", match.at_ms):
            sent.failed, sent.block = True, self.timetable.stamp(match.at_ms).block
        seconds = late.number("seconds", 10) if late else 0.0
        return sent, match.at_ms + self.settings.wall_ms(seconds)

    def mine(self, match: Match, tx_hash: str, at_ms: int) -> list[Fill]:
        """Give a match sent at a moment its block, logs and rows; nobody holds anything yet."""
        stamp = self.timetable.stamp(at_ms)
        fee = fee_of(match, self.settings.era)
        fills = fills_of(match, tx_hash, stamp, len(self.fills) + 1, fee)
        self.fills.extend(fills)
        settlement = Settlement(match, tx_hash, stamp.block, fills)
        self._settlements.append(settlement)
        for fill in fills:
            fill.tracked = fill.wallet in self.profiles
            self.agenda.at(fill.rtds_at_ms, lambda at, f=fill: self._report(f, at))
        self._mine(settlement)
        return fills

    def hold(self, fills: list[Fill]) -> None:
        """Let everybody have what their fills brought."""
        for fill in fills:
            self.held.hold(fill, fill.chain_at_ms // 1000)

    def resolve(self, market: Market, payouts: Payouts, at_ms: int) -> Resolution:
        """End a market: trading stops at once, chain, Gamma and positions follow."""
        if sum(payouts) <= 0 or min(payouts) < 0:
            msg = f"payouts {payouts} must be two numbers >= 0, not both 0"
            raise ValueError(msg)
        ended = market.resolution = self.timetable.resolution(payouts, at_ms)
        emission = abi.condition_resolution(
            contracts.CONDITIONAL_TOKENS,
            market.condition_id,
            contracts.UMA_ADAPTER,
            market.question_id,
            payouts,
        )
        self.chain.emit(ended.block, identity.hash32("resolve", market.condition_id), [emission])
        self.tell(MarketEnded(market, at_ms))
        return ended

    def redeem(self, wallet: str, market: Market, at_ms: int) -> int:
        """Hand in a wallet's holdings of a resolved market; return the payout."""
        resolution = market.resolution
        if resolution is None:
            msg = "result for condition not received yet"
            raise ValueError(msg)
        stamp = self.timetable.stamp(at_ms)
        tx_hash = identity.hash32("redeem", wallet, market.condition_id, at_ms)
        total = self.hand_in(wallet, market, resolution, tx_hash, stamp)
        emission = abi.payout_redemption(
            contracts.CONDITIONAL_TOKENS, wallet, contracts.USDC_E, market.condition_id, total
        )
        self.chain.emit(stamp.block, tx_hash, [emission])
        return total

    def hand_in(self, wallet: str, market: Market, ended: Resolution, tx_hash: str, stamp: Stamp) -> int:
        """Take a wallet's holdings of a market in a transaction; return what they pay. Logs are the caller's."""
        total = 0
        for outcome in (0, 1):
            shares = self.held.position(wallet, market, outcome).shares
            if shares:
                payout = shares * ended.payouts[outcome] // sum(ended.payouts)
                self.hand_in_part(wallet, market, outcome, shares, payout, tx_hash, stamp)
                total += payout
        return total

    def hand_in_part(
        self, wallet: str, market: Market, outcome: int, shares: int, payout: int, tx_hash: str, stamp: Stamp
    ) -> None:
        """Take some of one outcome for a payout. Logs are the caller's."""
        self.held.position(wallet, market, outcome).redeem(payout, shares)
        facts = Redeemed(self.profile(wallet), market, outcome, shares, payout, tx_hash)
        self.activity.add(redeem_row(facts, self.next_row(), stamp))
        shown = self.indexed.position(wallet, market, outcome)
        self.agenda.at(stamp.data_at_ms, lambda _: shown.redeem(payout, shares))

    def note(self, row: Row) -> None:
        """Show a row that is no trade, such as a reward."""
        self.activity.add(row)

    def next_row(self) -> int:
        """Return the next row's place among rows of one second."""
        self._row_seq += 1
        return self._row_seq

    def change_tick(self, market: Market, tick: int) -> None:
        """Change a market's tick size and quote it anew."""
        old, market.tick = market.tick, tick
        now = self.now_ms()
        self.tell(TickMoved(market, old, tick, now))
        self.desk.quote(market, now)

    def reorg(self, blocks: int, *, reinclude: bool) -> list[Fill]:
        """Drop the matches of the last blocks; put them into later ones if asked."""
        now = self.now_ms()
        low = self.chain.head(now) - blocks + 1
        hit = [each for each in self._settlements if low <= each.block <= self.chain.head(now)]
        self.chain.fork(low, {each.tx_hash for each in hit})
        for settlement in hit:
            self._unmine(settlement)
            if reinclude:
                self._restamp(settlement, now)
                self._mine(settlement)
            else:
                self._forget(settlement)
        return [fill for each in hit for fill in each.fills]

    def _mine(self, settlement: Settlement) -> None:
        stamp_at = self.chain.timestamp(settlement.block)
        logs = self.chain.emit(
            settlement.block,
            settlement.tx_hash,
            emissions_of(settlement.fills, self.settings.era),
        )
        for fill, log in zip(settlement.fills, logs, strict=False):
            fill.log_index = log.index
            self._index(settlement, fill, stamp_at)

    def _index(self, settlement: Settlement, fill: Fill, timestamp: int) -> None:
        late = self.faults.take("late_index", "data", "", fill.matched_at_ms)
        if late:
            fill.data_at_ms += round(late.number("seconds", 30) * 1000)
        row = row_of(fill, timestamp, self.profile(fill.wallet), self.next_row())
        settlement.rows.append(row)
        self.activity.add(row)
        self.agenda.at(fill.data_at_ms, lambda _, block=fill.block: self._show(fill, block, timestamp))

    def _show(self, fill: Fill, block: int, timestamp: int) -> None:
        if not fill.removed and fill.block == block:
            self.indexed.hold(fill, timestamp)

    def _unmine(self, settlement: Settlement) -> None:
        for row in settlement.rows:
            self.activity.remove(row)
        settlement.rows.clear()
        for fill in settlement.fills:
            fill.former.append((fill.block, fill.log_index))
            if fill.data_at_ms <= self.now_ms():
                self.indexed.give_back(fill)

    def _restamp(self, settlement: Settlement, now_ms: int) -> None:
        stamp = self.timetable.stamp(now_ms)
        settlement.block = stamp.block
        for fill in settlement.fills:
            fill.block, fill.chain_at_ms = stamp.block, stamp.chain_at_ms
            fill.data_at_ms = stamp.data_at_ms

    def _forget(self, settlement: Settlement) -> None:
        self._settlements.remove(settlement)
        for fill in settlement.fills:
            fill.removed = True
            self.held.give_back(fill)

    def _report(self, fill: Fill, at_ms: int) -> None:
        if not fill.removed:
            self.tell(FillReported(fill, at_ms))

    def tell(self, news: News) -> None:
        """Pass news on to whoever listens."""
        for listener in self._listeners:
            listener(news)
