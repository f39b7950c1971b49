"""A dashboard on a real server, asked as a browser asks."""

import re
import warnings
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from httpx import Client, Response
from redis import Redis

from ops.operator import controls
from ops.web.app import build_app
from ops.web.security.request_guard import RequestGuard, RequestRules
from ops.web.security.tokens import Role
from ops.web.settings import WebSettings
from ops.web.web_process import build_parts
from shared.clock import ManualClock
from shared.config import parse
from shared.domain.ledger_accounts import Lot
from shared.domain.ledger_write import LedgerWrite
from shared.ledger.port import lot_record
from shared.ledger.redis_ledger import RedisLedger
from shared.redis.client import connect_redis
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, TOKEN
from tests.ops.operator.announced_pipeline import announced, running

with warnings.catch_warnings():  # it asks for another HTTP client than the one that schemathesis brings
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

ADDRESS = "http://127.0.0.1:8700"
PAGES = (
    "/",
    "/positions",
    "/decisions",
    "/why-not",
    "/leaders",
    "/detection",
    "/money",
    "/reports",
    "/shadows",
    "/settings",
)


class WebRig:
    """A dashboard and what stands behind it; `browser` comes from the machine's own address."""

    def __init__(self, url: str, folder: Path, clock: ManualClock | None = None, **settings: Any) -> None:
        self.clock = clock or ManualClock(NOW_MS)
        self.redis: Redis = announced(url, "paper")
        self.settings = parse(WebSettings, [], redis_url=url, data_dir=folder, **settings)
        self.settings.check_place()
        self.parts = build_parts(self.settings, connect_redis(url), self.clock, 8700)
        rules = RequestRules(self.settings.hosts(8700), self.settings.https, self.settings.web_trusted_proxy)
        self.app = build_app(self.parts)
        self.door = RequestGuard(self.app, rules)
        self.browser = self.new_browser()

    def new_browser(self, address: str = ADDRESS) -> Client:
        """Return a browser that nobody has logged in."""
        asking: Any = TestClient(self.door, address, raise_server_exceptions=False, follow_redirects=False)
        return asking

    def log_in(self, role: Role = "operator", name: str = "anna", browser: Client | None = None) -> Client:
        """Log a browser in by a link."""
        asking = browser or self.browser
        given = {"link": self.parts.keeper.new_link(name, role), "name": name}
        assert asking.post("/login", data=given, headers={"origin": ADDRESS}).status_code == 303
        return asking

    def get(self, page: str) -> Response:
        return self.browser.get(page)

    def form(self, page: str, action: str, number: int = 0) -> dict[str, str]:
        """Return the fields of a form on a page as they stand there."""
        found = re.findall(rf'<form[^>]* action="{action}"[^>]*>(.*?)</form>', self.get(page).text, re.DOTALL)
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', found[number]))

    def send(self, action: str, given: dict[str, str]) -> Response:
        return self.browser.post(action, data=given, headers={"origin": ADDRESS})

    def act(self, page: str, action: str, **given: str) -> Response:
        """Fill a form in and send it."""
        return self.send(action, self.form(page, action) | given)

    def said(self, answer: Response) -> str:
        """Return what the page after a form says of it."""
        assert answer.status_code == 303, answer.text
        assert parse_qs(urlsplit(answer.headers["location"]).query)["said"]
        [text] = re.findall(r'<div class="said"[^>]*>(.*?)</div>', self.get(answer.headers["location"]).text, re.DOTALL)
        return re.sub(r"<[^>]+>", " ", text).strip()

    def turned(self, mode: str = "paper") -> list[tuple[str, str, str]]:
        return [(event.control, event.who, event.after) for event in controls.history(self.redis, mode)]


def problem(answer: Response) -> str:
    """Return what a page says is wrong."""
    [text] = re.findall(r'<p class="problem"[^>]*>(.*?)</p>', answer.text, re.DOTALL)
    return unescape(re.sub(r"</?code>", "`", text))


def hold(redis: Redis, title: str = "Will it?", token: str = TOKEN, leader: str = LEADER) -> Lot:
    """Put a lot of ten shares that cost 5 into the paper ledger."""
    lot = Lot(leader, token, CONDITION, 0, title, 10_000_000, 5_000_000, "77", "", NOW_MS, 100_000_000)
    amounts = {"shares": lot.shares, "cost": lot.cost, "behind": lot.behind}
    postings = [(f"{name}:{lot.key}", amount) for name, amount in amounts.items()]
    exposed = [(name, lot.cost) for name in (f"market:{CONDITION}", "event:77", f"leader:{leader}", "total")]
    write = LedgerWrite(id=f"hold:{lot.key}", postings=(*postings, *exposed), records=(lot_record(lot),))
    RedisLedger(redis, "paper").commit(write)
    return lot


def let_run(redis: Redis, mode: str = "paper") -> None:
    running(redis, mode)
