"""The dashboard in a real browser, beside a whole pipeline at the local venue: what a person sees, and how soon."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Literal, cast

import pytest
from axe_playwright_python.sync_playwright import Axe
from msgspec.structs import replace
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright
from redis import Redis
from typer.testing import CliRunner

from ops.cli import app
from ops.demo.demo import DemoWorld
from ops.operator import controls
from ops.operator.board_reader import read_board
from ops.supervisor.embedded_redis import free_port
from ops.supervisor.server_folder import known_url
from shared.clock import SystemClock
from shared.domain.money import to_micro
from shared.messages.base import DECISIONS
from shared.messages.events import write_event
from shared.process.beats import read_standings, server_ms
from shared.redis.client import connect_redis
from shared.redis.streams import stream_lengths, stream_tail
from tests.buyer.builders import a_market
from tests.ops.explain.life_builders import a_skip
from tests.ops.web.web_rig import PAGES
from tests.running.warm_process import WarmProcess
from tests.running.warm_venue import simulator
from tests.started import started
from tests.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator, pytest.mark.slow]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in BROWSERS if (found := shutil.which(name))), "")
PHONE, DESK = ViewportSize(width=390, height=844), ViewportSize(width=1280, height=800)
WORLD = ("--leaders", "3", "--speed", "4", "--resolve-after", "600", "--fills-per-minute", "60", "--seed", "7")
QUICK = {"HEARTBEAT_S": "1", "PROGRESS_EVERY_S": "1", "LOG_FORMAT": "json", "MAX_DAY_USDC": "2000"}
CLOCK = SystemClock()
_SERIOUS = ("serious", "critical")


class Pipeline:
    """`hybrid up --web` at a local venue, and a browser that asks nobody else."""

    def __init__(self, folder: Path, world: DemoWorld, browser: Browser, stack: ExitStack) -> None:
        self.world, self.browser, self.folder = world, browser, folder
        self.port = free_port()
        env = {**os.environ, **world.environment, **QUICK, "WEB_PORT": str(self.port), "RUN_DIR": str(folder)}
        env = {name: value for name, value in env.items() if name != "REDIS_URL"}
        words = ["ops.cli", "up", "--web", "--data-dir", str(folder)]
        with (folder / "up.log").open("w") as log:
            self.up = WarmProcess(words, env=env, stdout=subprocess.DEVNULL, stderr=log)
        stack.callback(self._end)
        self.environment = env
        wait_until(self._link, "a login link")
        self.redis: Redis = connect_redis(known_url(folder) or "")
        self.asked: set[str] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log_in(self) -> BrowserContext:
        """Use the link that was printed at the start."""
        context = self.browser.new_context(viewport=DESK)
        page = self.watched(context)
        page.goto(self._link())
        page.fill("input[name=name]", "anna")
        page.click("button")
        page.wait_for_url(f"{self.address}/")
        return context

    def watched(self, context: BrowserContext) -> Page:
        """Return a page of which every request is noted, and whose errors count."""
        page = context.new_page()
        page.on("request", lambda request: self.asked.add(request.url.partition("?")[0]))
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        page.on("dialog", lambda dialog: pytest.fail(f"a stranger's code ran: {dialog.message}"))
        return page

    def pid(self, service: str) -> int:
        """Return the process of a program that spoke last: on a busy machine it may be late."""
        found = [each for each in read_standings(self.redis) if each.service == service]
        one = min(found, key=lambda each: each.age_s)
        return int(re.findall(r":(\d+)", one.beat.instance)[0])

    def _link(self) -> str:
        found = re.findall(rf"(http://127\.0\.0\.1:{self.port}/login\S+)", (self.folder / "up.log").read_text())
        return found[0] if found else ""

    def _end(self) -> None:
        self.up.send_signal(signal.SIGTERM)
        self.up.wait(PATIENCE_S)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    if not CHROMIUM:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is in PATH")
    with ExitStack() as stack:
        world = stack.enter_context(simulator(CLOCK, *WORLD))
        engine = stack.enter_context(sync_playwright())
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        stack.callback(browser.close)
        yield Pipeline(tmp_path, world, browser, stack)


@pytest.mark.takes(45)
def test_a_person_sees_in_time_that_all_is_well_or_is_not(pipeline: Pipeline) -> None:
    """One session, since the pipeline takes longest to start: each step below is a sentence of its own."""
    context = pipeline.log_in()

    equity_is_that_of_hybrid_pnl(pipeline, context)
    every_page_reads_without_script_and_fits_a_phone(pipeline, context)
    axe_finds_nothing_serious(pipeline, context)
    kill_shows_within_a_second_on_phone_and_desk_and_the_next_buy_is_a_skip(pipeline, context)
    a_detector_killed_at_once_is_red_within_three_heartbeats(pipeline, context)
    a_restarted_server_is_found_again_and_nothing_stale_looks_fresh(pipeline, context)
    a_strangers_title_is_text_and_ten_thousand_decisions_paint_within_a_second(pipeline, context)
    strangers_are_refused(pipeline)
    a_session_that_ended_leads_every_window_to_the_login(pipeline, context)

    assert {address.rpartition(":")[0] for address in {url.split("/")[2] for url in pipeline.asked}} == {"127.0.0.1"}


def equity_is_that_of_hybrid_pnl(pipeline: Pipeline, context: BrowserContext) -> None:
    page = pipeline.watched(context)
    page.goto(pipeline.address)
    wait_until(lambda: read_board(pipeline.redis, "paper", server_ms(pipeline.redis)).positions, "a first position")

    def shown_alike() -> bool:
        told = CliRunner().invoke(app, ["pnl", "--json", "--redis-url", known_url(pipeline.folder) or ""])
        equity = json.loads(told.stdout)["equity"]
        shown = page.locator("#equity").get_attribute("data-micro")
        return equity is not None and shown == str(to_micro(Decimal(equity)))

    wait_until(shown_alike, "the equity of `hybrid pnl --json`, to the micro-unit")
    page.close()


def every_page_reads_without_script_and_fits_a_phone(pipeline: Pipeline, context: BrowserContext) -> None:
    plain = pipeline.browser.new_context(
        java_script_enabled=False, viewport=PHONE, storage_state=context.storage_state()
    )
    page = pipeline.watched(plain)
    for address in PAGES:
        page.goto(pipeline.address + address)
        assert page.locator("h1").count() == 1, address
        assert len(page.locator("main").inner_text()) > 40, address
        assert page.locator("main").bounding_box()["width"] <= PHONE["width"], address  # type: ignore[index] - it is there
        assert page.locator(".state").is_visible(), address
    plain.close()


def axe_finds_nothing_serious(pipeline: Pipeline, context: BrowserContext) -> None:
    axe = Axe()
    looks: tuple[tuple[Literal["light", "dark"], ViewportSize, tuple[str, ...]], ...] = (
        ("light", DESK, PAGES),
        ("dark", PHONE, ("/", "/decisions", "/leaders", "/money")),
    )
    for scheme, size, pages in looks:
        looking = pipeline.browser.new_context(
            color_scheme=scheme, viewport=size, storage_state=context.storage_state(), reduced_motion="reduce"
        )
        page = pipeline.watched(looking)
        for address in pages:
            page.goto(pipeline.address + address)
            found = cast("list[dict[str, Any]]", axe.run(page).response["violations"])
            bad = [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in _SERIOUS]
            assert bad == [], (scheme, address)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (scheme, address)
        looking.close()


def kill_shows_within_a_second_on_phone_and_desk_and_the_next_buy_is_a_skip(
    pipeline: Pipeline, context: BrowserContext
) -> None:
    watcher = pipeline.watched(context)
    watcher.goto(pipeline.address)
    for size in (PHONE, DESK):
        page = pipeline.watched(context)
        page.set_viewport_size(size)
        page.goto(f"{pipeline.address}/decisions")
        page.get_by_role("button", name="Kill").click()
        page.locator('.state[data-word="killed"]').wait_for(timeout=1000)
        watcher.locator('.state[data-word="killed"]').wait_for(timeout=1000)
        page.close()
        if size is PHONE:
            controls.resume(pipeline.redis, "paper", "for the next size", CLOCK)
            watcher.locator('.state[data-word="running"]').wait_for()
    watcher.close()
    assert ("halt", "web:anna") in [(turn.control, turn.who) for turn in controls.history(pipeline.redis, "paper")]
    before = stream_lengths(pipeline.redis)[DECISIONS]
    wait_until(lambda: stream_lengths(pipeline.redis)[DECISIONS] > before + 2, "decisions after the kill")
    after = stream_tail(pipeline.redis, DECISIONS, stream_lengths(pipeline.redis)[DECISIONS] - before - 1)
    verdicts = [json.loads(entry.json)["verdict"] for entry in after if entry.event == "BUY_ENGINE_DECISION"]
    assert set(verdicts) == {"SKIP"}


def a_detector_killed_at_once_is_red_within_three_heartbeats(pipeline: Pipeline, context: BrowserContext) -> None:
    """A second one, which `hybrid up` does not start again."""
    given = {**pipeline.environment, "REDIS_URL": known_url(pipeline.folder) or "", "INSTANCE": "second"}
    page = pipeline.watched(context)
    page.goto(pipeline.address)
    with started("detector", **given) as second:
        row = page.locator('tr[data-service="detector"]').filter(has=page.locator('[title*="second"]'))
        row.wait_for()
        second.kill()
        page.locator('tr[data-service="detector"].lost-one').wait_for(timeout=3 * 1000 + 1500)
    page.close()


def a_restarted_server_is_found_again_and_nothing_stale_looks_fresh(
    pipeline: Pipeline, context: BrowserContext
) -> None:
    page = pipeline.watched(context)
    page.goto(pipeline.address)
    page.locator("body:not(.is-stale)").wait_for()
    web = pipeline.pid("web")

    os.kill(web, signal.SIGSTOP)
    page.locator("body.is-stale").wait_for(timeout=9000)
    assert page.locator(".lost").is_visible()
    dimmed = "Number(getComputedStyle(document.querySelector('.fresh')).opacity) < 0.6"
    wait_until(lambda: page.evaluate(dimmed), "what is stale dimmed")
    os.kill(web, signal.SIGKILL)

    page.locator("body:not(.is-stale)").wait_for()
    assert not page.locator(".lost").is_visible()
    assert pipeline.pid("web") != web
    page.close()


def a_strangers_title_is_text_and_ten_thousand_decisions_paint_within_a_second(
    pipeline: Pipeline, context: BrowserContext
) -> None:
    evil = a_market(title="<script>alert(1)</script><img src=x onerror=alert(2)>")
    skip = a_skip(inputs=replace(a_skip().inputs, market=evil), emitted_at_ms=CLOCK.now_ms())
    batch = pipeline.redis.pipeline(transaction=False)
    for _ in range(10_000):
        batch.xadd(DECISIONS, {"event": skip.event, "json": write_event(skip)})
    batch.execute()
    page = pipeline.watched(context)

    page.goto(f"{pipeline.address}/decisions?text=script")
    page.goto(f"{pipeline.address}/decisions")

    paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    wait_until(lambda: page.evaluate(paint), "the first paint")
    assert page.evaluate(paint) < 1000
    assert page.get_by_text("<script>alert(1)</script>").count() > 0
    page.get_by_role("row").nth(1).get_by_role("link").first.click()
    page.locator("#drawer[open] .story").first.wait_for()
    page.close()


def strangers_are_refused(pipeline: Pipeline) -> None:
    def status(method: str, path: str, **headers: str) -> int:
        line = HTTPConnection("127.0.0.1", pipeline.port, timeout=PATIENCE_S)
        line.request(method, path, "x=1" if method == "POST" else None, headers)
        answer = line.getresponse()
        answer.read()
        line.close()
        return answer.status

    assert status("GET", "/", Host="evil.example") == 421
    assert status("POST", "/controls/kill", Origin="https://evil.example") == 403
    assert status("GET", "/") == 303


def a_session_that_ended_leads_every_window_to_the_login(pipeline: Pipeline, context: BrowserContext) -> None:
    left = pipeline.watched(context)
    left.goto(f"{pipeline.address}/positions")
    page = pipeline.watched(context)
    page.goto(pipeline.address)

    page.get_by_role("button", name="Log out").click()

    page.wait_for_url("**/login")
    left.wait_for_url("**/login?*")
    assert left.get_by_text("Your session is over").is_visible()
