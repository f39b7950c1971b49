"""A webhook and a Telegram Bot API on loopback: they keep what they were sent, and fail as they are told."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast

from shared.clock import SystemClock

TOKEN = "123456789:AAfake-bot-token-that-nobody-has"
_TICK_S = 0.02


@dataclass(frozen=True)
class Said:
    """What a server answers once; without `lost` the request counts, with it the answer never arrives."""

    status: int
    body: object
    headers: tuple[tuple[str, str], ...] = ()
    lost: bool = False


OK = Said(200, {"ok": True, "result": {}})


class FakeServer(ThreadingHTTPServer):
    """Answers each path by `answer`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.closing = threading.Event()
        self._thread = threading.Thread(target=lambda: self.serve_forever(_TICK_S), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()

    def answer(self, path: str, body: bytes) -> Said:
        raise NotImplementedError

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of these tests."""


class Webhook(FakeServer):
    """Takes apprise's JSON notifications; `told` is what arrived, also where the answer was an error or lost."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[dict[str, Any]] = []
        self.next: list[Said] = []

    def answer(self, path: str, body: bytes) -> Said:
        del path
        self.told.append(json.loads(body))
        return self.next.pop(0) if self.next else Said(200, {})

    @property
    def titles(self) -> list[str]:
        return [each["title"] for each in self.told]


class FakeTelegram(FakeServer):
    """The Bot API as https://core.telegram.org/bots/api says it: getUpdates with an offset, and sendMessage."""

    def __init__(self) -> None:
        super().__init__()
        self.updates: list[dict[str, Any]] = []
        self.sent: list[tuple[str, str]] = []
        self.offsets: list[int] = []
        self.next: dict[str, list[Said]] = {"getUpdates": [], "sendMessage": []}
        self._number = 700

    def write(self, text: str, *, chat: int = 42, user: str = "ann", at_ms: int, **changes: Any) -> int:
        """Let somebody write to the bot; return the update's number."""
        self._number += 1
        message = {
            "message_id": self._number,
            "from": {"id": chat, "is_bot": False, "username": user},
            "chat": {"id": chat, "type": "private"},
            "date": at_ms // 1000,
            "text": text,
        }
        self.updates.append({"update_id": self._number, "message": message | changes})
        return self._number

    def answer(self, path: str, body: bytes) -> Said:
        token, _, method = path.removeprefix("/bot").partition("/")
        if token != TOKEN:
            return Said(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
        said = json.loads(body)
        planned = self.next[method].pop(0) if self.next[method] else None
        if method == "getUpdates":
            return planned or Said(200, {"ok": True, "result": self._newer(said)})
        if planned is None or planned.lost or planned.status == 200:
            self.sent.append((str(said["chat_id"]), said["text"]))
        return planned or OK

    def _newer(self, said: dict[str, Any]) -> list[dict[str, Any]]:
        """Forget what is confirmed by the offset; wait as long as asked for something newer."""
        clock, ends = SystemClock(), SystemClock().monotonic() + int(said["timeout"])
        self.offsets.append(said["offset"])
        self.updates = [each for each in self.updates if each["update_id"] >= said["offset"]]
        while not self.updates and clock.monotonic() < ends and not clock.wait(self.closing, _TICK_S):
            continue
        return list(self.updates)

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.sent]


def too_many(retry_after_s: int) -> Said:
    """Say 429 as Telegram does."""
    words = f"Too Many Requests: retry after {retry_after_s}"
    said = {"ok": False, "error_code": 429, "description": words, "parameters": {"retry_after": retry_after_s}}
    return Said(429, said)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server = cast("FakeServer", self.server)
        said = server.answer(self.path, self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if said.lost:
            self.close_connection = True
            return
        body = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
        self.send_response(said.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in said.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET: Callable[..., None] = do_POST  # noqa: N815 - the base class looks for this name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep quiet."""
