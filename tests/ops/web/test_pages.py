"""What the pages show: the board's own figures, strangers' words as text, and the next step where there is nothing."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ops.operator.board_reader import read_board
from ops.web.domain import amounts
from shared.account.equity_line import add_point
from shared.clock import SystemClock
from shared.domain.money import Usdc
from shared.messages.account import EquityPoint
from shared.messages.base import DECISIONS, REDEMPTIONS, SERVICE, SIGNALS
from shared.messages.decisions import BuyEngineDecision, Inputs
from shared.messages.events import write_event
from shared.messages.service import ServiceStart
from shared.messages.value_codec import write_value
from shared.process.beats import server_ms
from shared.redis.followed_leaders import FollowedLeader, follow_leader
from shared.redis.streams import publish_event
from tests.buyer.builders import LEADER, NOW_MS, a_market
from tests.ops.explain.life_builders import SIGNAL, a_decision, a_redemption, a_skip
from tests.ops.web.web_rig import PAGES, WebRig, hold, problem

pytestmark = pytest.mark.server
EVIL = "<script>alert(1)</script>\"' \u202egnp.exe"
CLOCK = SystemClock()


def skip_of(number: int, **changes: Any) -> BuyEngineDecision:
    given: Any = {"signal_id": f"{number:064x}", "id": f"de{number:062x}", "emitted_at_ms": NOW_MS + number}
    return a_skip(**(given | changes))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_with_nothing_to_show_says_what_to_do_next(desk: WebRig, page: str) -> None:
    answer = desk.get(page)

    assert answer.status_code == 200
    assert '<a class="skip"' in answer.text
    assert 'class="empty"' in answer.text or 'class="muted"' in answer.text


def test_what_strangers_wrote_is_text_on_every_page(desk: WebRig) -> None:
    follow_leader(desk.redis, LEADER, FollowedLeader(EVIL, NOW_MS, "x"))
    lot = hold(desk.redis, EVIL)
    market = a_market(title=EVIL, outcome=EVIL)
    told = a_decision(inputs=Inputs(now_ms=NOW_MS, market=market))
    publish_event(desk.redis, SIGNALS, SIGNAL)
    publish_event(desk.redis, DECISIONS, told)
    publish_event(desk.redis, DECISIONS, skip_of(1, reason=EVIL))
    publish_event(desk.redis, REDEMPTIONS, a_redemption(9))
    pages = (*PAGES, f"/decisions/{SIGNAL.id}", f"/positions/sell?lot={lot.key}", f"/decisions?text={EVIL}", f"/{EVIL}")

    for page in pages:
        text = desk.get(page).text
        assert "<script>alert" not in text, page
        assert "\u202e" not in text, page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in desk.get("/positions").text


def test_equity_is_the_boards_to_the_micro_unit(desk: WebRig) -> None:
    hold(desk.redis)

    shown = re.findall(r'id="equity" data-micro="(-?\d*)"', desk.get("/").text)
    board = read_board(desk.redis, "paper", server_ms(desk.redis))

    assert shown == ["" if board.equity is None else str(int(board.equity))]
    assert json.loads(write_value(board))["equity"] == (None if board.equity is None else amounts.exact(board.equity))


def test_a_young_accounts_line_has_its_minutes(desk: WebRig) -> None:
    now_ms = server_ms(desk.redis)
    for minutes in (3, 2, 1):
        amounts_then = {"cash": Usdc(0), "cost": Usdc(0), "realized": Usdc(0), "fees": Usdc(0), "deposited": Usdc(9)}
        at_ms = now_ms - minutes * 60_000
        add_point(desk.redis, "paper", EquityPoint(at_ms=at_ms, equity=Usdc(minutes * 10**6), **amounts_then))

    seconds, equity, deposited = desk.get("/equity.json").json()

    assert len(seconds) == 3
    assert (equity, deposited) == ([3_000_000, 2_000_000, 1_000_000], [9, 9, 9])
    assert "<polyline" in desk.get("/").text


def test_what_nobody_knows_is_said_and_is_no_zero(desk: WebRig) -> None:
    hold(desk.redis)

    text = desk.get("/").text

    assert '<dd id="equity" data-micro=""><span class="unknown"' in text
    assert "1 of 1 lots have no price now" in text


def test_decisions_are_found_by_leader_verdict_rule_time_and_text(desk: WebRig) -> None:
    for event in (skip_of(1), skip_of(2, reason="cooldown"), a_decision(), skip_of(3, leader="0x" + "b2" * 20)):
        publish_event(desk.redis, DECISIONS, event)

    def rows(query: str) -> int:
        return desk.get(f"/decisions?{query}").text.count('data-label="Verdict"')

    assert rows("") == 4
    assert rows("verdict=SKIP") == 3
    assert rows("verdict=buy") == 1
    assert rows("rule=cooldown") == 1
    assert rows("leader=0xB2b2") == 1
    assert rows("text=will") + rows("text=zebra") == 4
    assert rows("until=2000-01-01T00:00") == 0
    assert rows("since=2200-01-01T00:00") == 0


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("verdict=MAYBE", "verdict MAYBE: give BUY, SELL or SKIP, or nothing"),
        ("since=yesterday", "from yesterday: no time; give 2026-01-31T12:00 (UTC)"),
        ("before=1", "before 1: no place of the stream; open /decisions anew"),
    ],
)
def test_a_query_that_cannot_be_meant_says_the_fix(desk: WebRig, query: str, says: str) -> None:
    answer = desk.get(f"/decisions?{query}")

    assert (answer.status_code, problem(answer)) == (400, says)


@pytest.mark.slow
def test_ten_thousand_decisions_are_a_page_at_a_time_and_a_search_without_end_says_how_far_it_came(
    desk: WebRig,
) -> None:
    """First paint under a second: the page asks for 250 entries, and a search for 5,000 at most."""
    batch = desk.redis.pipeline(transaction=False)
    text = a_skip()
    for number in range(10_000):
        event = skip_of(number) if number % 100 == 0 else text
        batch.xadd(DECISIONS, {"event": event.event, "json": write_event(event)})
    batch.execute()
    began = CLOCK.monotonic()

    first = desk.get("/decisions").text

    took = CLOCK.monotonic() - began
    assert first.count('data-label="Verdict"') == 50
    assert took < 1
    [older] = re.findall(r'rel="next" href="([^"]+)"', first)
    assert desk.get(older.replace("&amp;", "&")).text.count('data-label="Verdict"') == 50
    none = desk.get("/decisions?text=zebra").text
    assert "None among the 5000 newest that were looked through" in none
    assert 'rel="next"' in none


def test_a_decision_opens_the_whole_story(desk: WebRig) -> None:
    publish_event(desk.redis, SIGNALS, SIGNAL)
    publish_event(desk.redis, DECISIONS, a_decision())

    page = desk.get(f"/decisions/{SIGNAL.id[:12]}").text
    drawer = desk.browser.get(f"/decisions/{SIGNAL.id}", headers={"hx-request": "true"}).text

    for text in (page, drawer):
        assert "seen by chain_logs" in text
        assert "Bought 10.00 at 0.52." in text
        assert "Against the leader:" in text
    assert "<nav" in page
    assert "<nav" not in drawer


def test_a_story_that_is_not_there_says_what_was_looked_through(desk: WebRig) -> None:
    answer = desk.get("/decisions/deadbeef00")

    assert answer.status_code == 400
    assert "no signal, decision, order or transaction in the running system's streams begins with it" in problem(answer)


def test_why_not_adds_up_as_the_command_does(web: WebRig) -> None:
    web.clock.set(server_ms(web.redis))
    web.log_in()
    for event in (a_skip(), a_skip("cooldown", signal_id="ab" * 32), a_skip("cooldown", signal_id="cd" * 32)):
        publish_event(web.redis, DECISIONS, replace(event, emitted_at_ms=web.clock.now_ms()))

    text = web.get("/why-not?hours=1").text

    found = re.findall(r'rule=(\w+)">\w+</a>.*?<td data-label="Skipped">(\d+)</td>', text, re.DOTALL)
    assert found == [("cooldown", "2"), ("slippage", "1")]


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "inf", "x", "1e9"])
def test_hours_that_are_none_are_refused(desk: WebRig, hours: str) -> None:
    assert problem(desk.get(f"/why-not?hours={hours}")).startswith(f"--hours {hours}: a number from")


def test_settings_show_what_programs_were_told_and_no_secret(desk: WebRig) -> None:
    told = {"stake_usdc": "5", "metrics_token": "sesame", "rpc_url": "https://node.example/v2/abcDEF0123456789ghiJKL"}
    start = ServiceStart(id="s", emitted_at_ms=NOW_MS, service="buyer", instance="b", mode="paper", config=told)
    publish_event(desk.redis, SERVICE, start)

    text = desk.get("/settings").text

    assert re.search(r"STAKE_USDC</code></th><td[^>]*><code>5</code></td><td[^>]*><span[^>]*>default", text)
    assert "sesame" not in text
    assert "abcDEF0123456789ghiJKL" not in text


def test_a_page_that_is_not_there_is_404_and_knows_its_reader(desk: WebRig) -> None:
    answer = desk.get("/nothing/here")

    assert (answer.status_code, problem(answer)) == (404, "There is no such page.")


def test_every_static_file_that_a_page_names_is_served(desk: WebRig) -> None:
    named = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', desk.get("/").text))

    assert len(named) >= 7
    assert all(desk.get(name).status_code == 200 for name in named)


def test_the_vendored_files_are_those_that_their_list_names() -> None:
    """Their versions, licences and hashes stand beside them."""
    folder = Path(__file__).parents[3] / "ops" / "web" / "static" / "vendor"
    listed = dict(re.findall(r"(?m)^([0-9a-f]{64})  (\S+)$", (folder / "README.md").read_text()))
    files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob("*.*s")}

    assert {digest: name for name, digest in files.items()} == listed
    assert {name.partition(".")[0] for name in files} == {file.stem for file in folder.glob("*.LICENSE")}


@pytest.mark.parametrize(
    ("micro", "shown"), [(None, "unknown"), (0, "0.00"), (1_234_567_890, "1,234.57"), (-5_000_000, "\u22125.00")]
)
def test_amounts_have_two_places_and_a_real_minus(micro: int | None, shown: str) -> None:
    assert amounts.usd(micro) == shown


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (None, "unknown"),
        (900, "0.9 s"),
        (59_000, "59 s"),
        (61_000, "1 min"),
        (7_200_000, "2 h"),
        (2 * 86_400_000, "2 d"),
    ],
)
def test_a_length_of_time_is_told_by_its_largest_unit(ms: int | None, shown: str) -> None:
    assert amounts.span(ms) == shown
