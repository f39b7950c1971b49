"""A stage for one run: a venue, a server, live buyers, and what our wallet is worth by the venue's own record."""

import contextlib
import os
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from benchmarks.rigs.order_rig import CLOCK, LEADER, NEVER, UNBOUNDED, Trading
from buyer.composition import BuiltBuyer, build_buyer
from buyer.config import parse_args
from detector.config import parse_args as detector_args
from detector.service import HybridDetector
from shared.clock import Clock
from shared.domain.ledger_accounts import Lot
from shared.domain.market import Side
from shared.domain.money import Price, Shares, Usdc, to_micro
from shared.domain.record_kinds import INTENTS, ORDERS, SIGNED
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SIGNALS
from shared.messages.decisions import BuyEngineDecision
from shared.messages.signals import ActionableSignal, Fill, SeenBy
from shared.redis.streams import publish_event

PATIENCE_S = 25.0
MICRO = 1_000_000
Levels = Sequence[tuple[str, str]]
FAIR: tuple[Levels, Levels] = ((("0.49", "5000"),), (("0.5", "5000"),))
"""The book of a market that is well: bids, asks."""
OTHER_LEADER = "0x" + "b" * 40


@dataclass
class Stage:
    """What a scenario plays on; `fair` is what a share of each token is worth, as the scenario states it."""

    world: Trading
    protected: bool = True
    told: list[BuyEngineDecision] = field(default_factory=list[BuyEngineDecision])
    notes: list[str] = field(default_factory=list[str])
    fair: dict[str, int] = field(default_factory=dict[str, int])
    _before: int = 0
    _signals: int = 0

    @property
    def token(self) -> str:
        """Return the outcome most scenarios are about."""
        return self.world.token

    def environment(self, words: Mapping[str, str]) -> None:
        """Give this process the settings of a live buyer here: the product's own limits, and `words`."""
        ours = {name: value for name, value in self.world.environment.items() if name not in UNBOUNDED}
        followed = f"{LEADER},{OTHER_LEADER},{self.world.wallet}"
        os.environ.update({**ours, "HYBRID_ENV_FILE": "", "TRACKED_WALLETS": followed, **words})

    @contextlib.contextmanager
    def buyer(self, *words: str, clock: Clock | None = None) -> Generator[BuiltBuyer]:
        """Run a buyer, composed as the product composes it, while the block runs."""
        stop = threading.Event()
        built = build_buyer(parse_args(list(words)), stop=stop, emit=self.told.append, clock=clock)
        thread = threading.Thread(target=built.service.run, args=(stop,))
        thread.start()
        try:
            until(built.service.ready)
            yield built
        finally:
            stop.set()
            thread.join(PATIENCE_S)
            built.mode.close()

    @contextlib.contextmanager
    def detector(self, leader: str, **more: str) -> Generator[HybridDetector]:
        """Run a detector that watches one leader, while the block runs; `more` are settings of its own."""
        urls = {name: str(self.world.urls[name]) for name in ("rtds_url", "subgraph_url")}
        known = {
            **urls,
            "tracked_wallets": leader,
            "progress_every_s": "1",
            "source_grace_s": "1",
            "poll_every_s": "0.5",
            **more,
        }
        words = [word for name, value in known.items() for word in (f"--{name.replace('_', '-')}", value)]
        with Path(os.devnull).open("w", encoding="ascii") as out:
            detector = HybridDetector(detector_args(words), out=out)
            thread = threading.Thread(target=detector.run)
            thread.start()
            try:
                yield detector
            finally:
                detector.stop_event.set()
                thread.join(PATIENCE_S)

    def book(self, bids: Levels, asks: Levels, token: str = "") -> None:
        """Put exactly these levels in a token's book, as the makers do."""
        levels = {side: [list(level) for level in found] for side, found in (("bids", bids), ("asks", asks))}
        self.world.post("/book", {"token": token or self.token, **levels})

    def leader(self, side: Side, shares: str, price: str, **more: Any) -> ActionableSignal:  # noqa: ANN401 - see below
        """Tell that a leader traded: `leader`, `token`, and how long `ago_s`. Return the signal."""
        self._signals += 1
        leader, token, ago_s = more.get("leader", LEADER), more.get("token", self.token), more.get("ago_s", 0)
        bare = self.world.signal(self._signals, token, run="adversary", side=side, leader=leader)
        amount, at = Shares(to_micro(shares)), Price(to_micro(price))
        usdc, now_ms = Usdc(amount * at // MICRO), CLOCK.now_ms()
        signal = replace(
            bare,
            shares=amount,
            usdc=usdc,
            price=at,
            fills=(Fill(shares=amount, usdc=usdc),),
            traded_at_ms=now_ms - ago_s * 1000,
            seen_by=(SeenBy(source="rtds", seen_at_ms=now_ms, lag_ms=0),),
        )
        publish_event(self.world.redis, SIGNALS, signal)
        return signal

    def decided(self, *signals: ActionableSignal) -> None:
        """Wait until each of these is decided, and what was ordered is settled."""
        until(lambda: {signal.id for signal in signals} <= {one.signal_id for one in self.told})
        self.settled()

    def settled(self) -> None:
        """Wait until nothing is under way: neither in the ledger nor at the venue."""
        until(lambda: not any(self.ledger.records(kind) for kind in (INTENTS, SIGNED, ORDERS)))
        until(lambda: not self.account["locked_micro"])

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        CLOCK.wait(NEVER, seconds)

    @property
    def ledger(self) -> RedisLedger:
        """Return the live buyer's ledger."""
        return RedisLedger(self.world.redis, "live")

    @property
    def lots(self) -> Sequence[Lot]:
        """Return what the ledger holds."""
        return open_lots(self.ledger)

    @property
    def account(self) -> Mapping[str, Any]:
        """Return the venue's own record of our wallet."""
        accounts = self.world.get("/accounts")["accounts"]
        return next(one for one in accounts if one["wallet"] == self.world.wallet)

    def begin(self, fair: str, **tokens: str) -> None:
        """State what a share of the token is worth (and of others, by their number), and count losses from here."""
        self.fair[self.token] = to_micro(fair)
        self.fair |= {token: to_micro(value) for token, value in tokens.items()}
        self._before = self.worth()

    def falls(self, fair: str) -> None:
        """Let what is held be worth so much from now on."""
        self.fair = dict.fromkeys(self.fair, to_micro(fair))

    def worth(self) -> int:
        """Return what the venue's record says the wallet has, in micro-units: cash, and shares at their fair value."""
        account = self.account
        held = {token: int(shares) for token, shares in account["shares_micro"].items()}
        return int(account["cash_micro"]) + sum(self.fair[token] * shares // MICRO for token, shares in held.items())

    def lost(self) -> int:
        """Return what was lost since `begin`, in micro-units; a gain is below 0."""
        self.settled()
        return self._before - self.worth()


def until(done: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
    """Wait for real processes.

    Raises:
        TimeoutError: it never came.
    """
    end = CLOCK.monotonic() + seconds
    while not done():
        if CLOCK.monotonic() > end:
            raise TimeoutError(f"not within {seconds:g} s")
        CLOCK.wait(NEVER, 0.05)
