"""Live books in memory: which tokens are kept, over how many connections, and what vouches for them.

Several threads write (each connection, the checks) and the buyer's reads, so one lock stands around the pure books.
"""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Any

from buyer.domain.order_book import BookTrust
from buyer.domain.order_books import OrderBooks
from buyer.domain.others_paid import TradePrint, TradePrints
from buyer.market_data.market_channel_client import MarketChannelClient
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.errors import HybridError, Malformed
from shared.domain.market import Book
from shared.http.client import Upstream
from shared.messages.decisions import OthersPaid
from shared.messages.signals import ActionableSignal
from shared.polymarket.wire.market_channel import BookSnapshot, Message, TradePrinted, read_snapshot
from shared.polymarket.wire.parsing import as_list
from shared.rate_limit.limits import GateLane
from shared.reconnecting_socket import FrameConnection

TOKENS_EACH = 200
"""Tokens on one connection: the venue publishes no limit; others split at 500."""
CHECKED_AT_ONCE = 50
ROUND_S = 1.0
IDLE_S = 3600.0
"""So long after the last sign that a leader is live in it, a market is let go."""
_AGES = 1_000


class BookCache:
    """Keep the books of at most `most` tokens warm; those that were wanted longest ago leave first.

    Nothing is opened before the first wish; all threads end with `stop`. `checks` is asked in the background only, by
    batches (`POST /books`), for what a socket cannot prove: that it is not frozen, and that a quiet book is still so.
    """

    def __init__(
        self,
        dial: Callable[[], FrameConnection],
        checks: Upstream,
        *,
        clock: Clock,
        stop: threading.Event,
        random: Callable[[], float],
        most: int,
        trust: BookTrust | None = None,
        tokens_each: int = TOKENS_EACH,
    ) -> None:
        self._dial, self._checks = dial, checks
        self._clock, self._stop, self._random = clock, stop, random
        self._most, self._each = most, tokens_each
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._books = OrderBooks(trust, self._count)
        self._prints = TradePrints()
        self._places: OrderedDict[str, tuple[MarketChannelClient, float]] = OrderedDict()
        self._sockets: list[MarketChannelClient] = []
        self._taken: Counter[str] = Counter()
        self._ages: deque[int] = deque(maxlen=_AGES)
        self._thread: threading.Thread | None = None
        self._log = logs.get_logger("warm_books")

    def want(self, token_ids: Iterable[str]) -> None:
        """Keep these warm from soon on, the last `most` of them (newest last); never waits."""
        if self._stop.is_set():
            return
        with self._lock:
            now = self._clock.monotonic()
            for token_id in tuple(token_ids)[-self._most :]:
                self._place(token_id, now)
            self._tell()
            if self._thread is None and self._places:
                self._thread = threading.Thread(target=self._run, name="book-checks", daemon=True)
                self._thread.start()

    def read(self, token_id: str) -> tuple[Book | None, str]:
        """Return the book from memory when it can be trusted now; None with what speaks against it."""
        with self._lock:
            now_ms = self._clock.now_ms()
            book, against = self._books.read(token_id, now_ms)
            if book is None:
                return None, against
            self._ages.append(max(0, now_ms - book.at_ms))
        return book, ""

    def warm_tokens(self) -> tuple[str, ...]:
        """Return whose books are kept."""
        with self._lock:
            return tuple(self._places)

    def sample(self, token_id: str) -> Book | None:
        """Return the book as `read` would now, for who only records: it counts as no reading."""
        with self._lock:
            return self._books.read(token_id, self._clock.now_ms())[0]

    def told_at_ms(self, token_id: str) -> int:
        """Return the venue's time of the last thing the channel said of a token; 0 for nothing."""
        with self._lock:
            return self._books.told_at_ms(token_id)

    def hear(self, messages: list[Message]) -> None:
        """Take in what a connection tells."""
        with self._lock:
            now_ms = self._clock.now_ms()
            for message in messages:
                if isinstance(message, TradePrinted):
                    self._hear_trade(message, now_ms)
                else:
                    self._books.apply(message, now_ms)

    def note_trade(self, signal: ActionableSignal) -> None:
        """Take in whose trade a signal tells, so that it is nobody else's."""
        with self._lock:
            self._prints.note(signal)

    def others_paid(self, signal: ActionableSignal) -> OthersPaid | None:
        """Return what others than its leader paid for the signal's token lately; None where none was told."""
        with self._lock:
            return self._prints.others_paid(signal, self._clock.now_ms())

    def lost(self, token_ids: Iterable[str]) -> None:
        """Trust nothing of these until a connection tells them anew."""
        with self._lock:
            self._books.unanchor(token_ids, self._clock.now_ms())

    def check(self) -> int:
        """Compare what nothing vouched for lately with REST; return how many books were due. The thread's one step.

        Raises:
            HybridError: REST did not answer, or not readably; what is not vouched for stops being read by itself.
        """
        with self._lock:
            self._let_idle_go(self._clock.monotonic())
            self._tell()
            self._ask_again()
            due = self._books.due(self._clock.now_ms(), self._most)
        for start in range(0, len(due), CHECKED_AT_ONCE):
            self._compare(due[start : start + CHECKED_AT_ONCE])
        return len(due)

    def snapshot(self) -> dict[str, Any]:
        """Return what is kept, what was found, and how old the books were that were read (milliseconds)."""
        with self._lock:
            ages = sorted(self._ages)
            return {
                "tokens": len(self._places),
                "sockets_up": sum(socket.up for socket in self._sockets),
                "sockets_opened": sum(socket.opened for socket in self._sockets),
                "age_p50_ms": ages[len(ages) // 2] if ages else None,
                "age_p99_ms": ages[len(ages) * 99 // 100] if ages else None,
                **dict(sorted(self._counts.items())),
            }

    def _hear_trade(self, told: TradePrinted, now_ms: int) -> None:
        if self._books.keeps(told.token_id):  # else nobody would forget it
            at_ms = min(told.at_ms, now_ms)
            self._prints.add(told.token_id, TradePrint(at_ms, told.price, told.shares, told.tx_hash))

    def _place(self, token_id: str, now: float) -> None:
        known = self._places.get(token_id)
        if known is None and len(self._places) >= self._most:
            self._let_go()
        socket = known[0] if known else self._with_room()
        self._places[token_id] = (socket, now)
        self._places.move_to_end(token_id)
        self._books.want(token_id, self._clock.now_ms())

    def _with_room(self) -> MarketChannelClient:
        for socket in self._sockets:
            if self._taken[socket.name] < self._each:
                self._taken[socket.name] += 1
                return socket
        name = f"books-{len(self._sockets) + 1}"
        socket = MarketChannelClient(name, self._dial, self, clock=self._clock, stop=self._stop, random=self._random)
        self._sockets.append(socket)
        self._taken[name] += 1
        socket.start()
        return socket

    def _let_go(self) -> None:
        """Forget the token that was wanted longest ago."""
        token_id, (socket, _) = self._places.popitem(last=False)
        self._taken[socket.name] -= 1
        self._books.forget([token_id])
        self._prints.forget([token_id])
        self._count("evicted")

    def _let_idle_go(self, now: float) -> None:
        while self._places and now - next(iter(self._places.values()))[1] > IDLE_S:
            self._let_go()

    def _tell(self) -> None:
        wanted: dict[str, list[str]] = {socket.name: [] for socket in self._sockets}
        for token_id, (socket, _) in self._places.items():
            wanted[socket.name].append(token_id)
        for socket in self._sockets:
            socket.want(wanted[socket.name])

    def _ask_again(self) -> None:
        cold: dict[str, list[str]] = {}
        for token_id in self._books.cold(self._clock.now_ms()):
            if place := self._places.get(token_id):
                cold.setdefault(place[0].name, []).append(token_id)
        for socket in self._sockets:
            if tokens := cold.get(socket.name):
                socket.ask_again(tokens)

    def _compare(self, token_ids: list[str]) -> None:
        asked_at_ms = self._clock.now_ms()
        with self._lock:
            self._books.asked(token_ids, asked_at_ms)
        raw = self._checks.post("/books", [{"token_id": token_id} for token_id in token_ids], lane=GateLane.CATCHUP)
        said = [book for one in as_list(raw, "books") if (book := self._readable(one))]
        with self._lock:
            for book in said:
                self._judge(book, asked_at_ms)
            for token_id in set(token_ids) - {book.token_id for book in said}:
                self._count("check_missing")
                self._books.unanchor([token_id], asked_at_ms)

    def _readable(self, raw: object) -> BookSnapshot | None:
        try:
            return read_snapshot(raw)
        except Malformed as error:
            self._log.warning("check_unreadable", error=str(error))
            return None

    def _judge(self, said: BookSnapshot, asked_at_ms: int) -> None:
        finding = self._books.check(said, asked_at_ms)
        self._count(f"check_{finding}")
        place = self._places.get(said.token_id)
        if finding == "withheld" and place:
            self._log.error("socket_withholds", socket=place[0].name, token_id=said.token_id)
            place[0].drop("it is open and does not bring what REST has")

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.check()
            except HybridError as error:
                self._count_failure(error)
            except Exception:  # noqa: BLE001 - a bug in one answer must not end the checks (pitfall 29)
                self._log.exception("check_crashed")
            self._clock.wait(self._stop, ROUND_S)

    def _count_failure(self, error: HybridError) -> None:
        with self._lock:
            self._count("checks_failed")
        self._log.warning("checks_failed", error=str(error))

    def _count(self, what: str) -> None:
        self._counts[what] += 1
        metrics.make_counter("warm_books_total", "What happened to the books kept in memory.", "what").labels(
            what
        ).inc()
