"""The cost of live books: `python -m benchmarks.books` applies a captured game's channel, and times it over a socket.

The floor of the first part is `json.loads` of the same frames in the same run; the floor of the second one a bare
`recv` and `json.loads` on the same kind of connection.
"""

import itertools
import json
import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any, cast

from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from benchmarks.rigs.book_tape import captured, made_up
from buyer.domain.order_book import BookTrust
from buyer.domain.order_books import OrderBooks
from buyer.market_data.book_cache import BookCache
from shared.clock import SystemClock
from shared.http.client import Upstream
from shared.polymarket.wire.market_channel import Message, read_frame
from shared.websocket import open_socket
from simulator.command_line import HidingParser

ROUNDS = 5
TIMED = 2_000
GAP_S = 0.001
_NEVER_MS = 10**14
UNCHECKED = BookTrust(read_for_ms=_NEVER_MS, check_after_ms=_NEVER_MS, check_every_ms=_NEVER_MS, late_ms=_NEVER_MS)
"""Captured frames are old and nobody is there to check them with: what is measured is the way in and out."""


class Timed(BookCache):
    """Live books that note when each frame's book could be read."""

    timed: tuple[str, ...]
    readable_at: list[float]

    def hear(self, messages: list[Message]) -> None:
        """Take in what arrived, and read the book at once as a decision would."""
        super().hear(messages)
        for token_id in self.timed:
            self.read(token_id)
        self.readable_at.append(perf_counter())


def main() -> None:
    """Measure and report."""
    parser = HidingParser(prog="python -m benchmarks.books", description=__doc__)
    data = os.environ.get("HYBRID_REAL_DATA", str(Path(__file__).resolve().parents[2] / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(data), help="folder of captured payloads")
    folder: Path = parser.parse_args().data
    real = folder.is_dir()
    tape = list(captured(folder) if real else made_up())
    frames = [json.dumps(message) for message in tape]
    figures = {"tape": "captured" if real else "made up", "frames": len(frames)} | _speed(tape, frames) | _delay(frames)
    for name, value in figures.items():
        print(f"{name:24} {value}")
    print(json.dumps({"benchmark": "books", **figures}))


def _speed(tape: list[dict[str, Any]], frames: list[str]) -> dict[str, Any]:
    tokens = {str(message.get("asset_id") or message["price_changes"][0]["asset_id"]) for message in tape}
    levels = sum(len(message.get("price_changes") or message["bids"] + message["asks"]) for message in tape)
    decode_s, apply_s = list[float](), list[float]()
    for _ in range(ROUNDS):
        decode_s.append(_timed(lambda: [json.loads(frame) for frame in frames]))
        apply_s.append(_timed(lambda: _apply(tokens, frames)))
    decoding, applying = median(decode_s), median(apply_s)
    return {
        "levels": levels,
        "frames_per_s": round(len(frames) / applying),
        "levels_per_s": round(levels / applying),
        "apply_us_per_frame": round(applying / len(frames) * 1e6, 2),
        "decode_us_per_frame": round(decoding / len(frames) * 1e6, 2),
        "ratio_to_decoding": round(applying / decoding, 2),
    }


def _apply(tokens: set[str], frames: list[str]) -> None:
    books = OrderBooks()
    for token_id in tokens:
        books.want(token_id, 0)
    for frame in frames:
        for message in read_frame(frame):
            books.apply(message, 0)


def _timed(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


def _delay(frames: list[str]) -> dict[str, Any]:
    """Send the same frames to live books and to a bare reader, each over a connection of its own."""
    some = list(itertools.islice(frames, TIMED))
    ours, bare = _through_books(some), _through_bare(some)
    return {
        "readable_p50_us": round(median(ours) * 1e6, 1),
        "readable_p99_us": round(quantiles(ours, n=100)[98] * 1e6, 1),
        "bare_p50_us": round(median(bare) * 1e6, 1),
        "bare_p99_us": round(quantiles(bare, n=100)[98] * 1e6, 1),
        "ratio_to_bare_p50": round(median(ours) / median(bare), 2),
    }


def _through_books(frames: list[str]) -> list[float]:
    stop, sent = threading.Event(), list[float]()
    token_id = str(json.loads(frames[0])["asset_id"])
    with _server(frames, sent) as url:
        nobody = cast("Upstream", None)
        clock = SystemClock()
        books = Timed(
            lambda: open_socket("bench", url),
            nobody,
            clock=clock,
            stop=stop,
            random=lambda: 0.0,
            most=9,
            trust=UNCHECKED,
        )
        books.timed, books.readable_at = (token_id,), []
        books.want([token_id])
        while len(books.readable_at) < len(frames):
            stop.wait(0.01)
        stop.set()
    return [there - then for there, then in zip(books.readable_at, sent, strict=True)]


def _through_bare(frames: list[str]) -> list[float]:
    sent, there = list[float](), list[float]()
    with _server(frames, sent) as url, connect(url, compression=None) as line:
        line.send("go")
        for _ in frames:
            json.loads(line.recv())
            there.append(perf_counter())
    return [then - at for then, at in zip(there, sent, strict=True)]


@contextmanager
def _server(frames: list[str], sent: list[float]) -> Generator[str]:
    """Serve frames, one a millisecond, to the first who says anything; note when each was sent."""
    pace = threading.Event()

    def push(line: ServerConnection) -> None:
        line.recv()
        for frame in frames:
            pace.wait(GAP_S)
            sent.append(perf_counter())
            line.send(frame)
        pace.wait(1)

    with serve(push, "127.0.0.1", 0, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        host, port = server.socket.getsockname()[:2]
        yield f"ws://{host}:{port}"
        server.shutdown()
        thread.join()


if __name__ == "__main__":
    main()
