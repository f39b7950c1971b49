"""What a form does: what its command does, once, in the name of who sent it."""

import json
from pathlib import Path
from unittest.mock import ANY

import pytest

from ops.operator import controls, lots
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.domain.errors import BadConfig
from shared.domain.ledger_accounts import HALT, sells_only_account
from shared.domain.record_kinds import SALES, WRITTEN_OFF
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.redis.followed_leaders import FollowedLeader, follow_leader, unfollowed
from tests.buyer.builders import LEADER
from tests.ops.web.web_rig import PAGES, WebRig, hold, let_run, problem

pytestmark = pytest.mark.server


def halted(web: WebRig, mode: str = "paper") -> bool:
    return bool(RedisLedger(web.redis, mode).accounts().values.get(HALT))


def test_one_click_kills_both_ledgers_in_the_name_of_who_clicked(desk: WebRig) -> None:
    answer = desk.act("/decisions", "/controls/kill")

    assert answer.headers["location"] == "/"
    assert halted(desk, "paper")
    assert halted(desk, "live")
    assert (HALT, "web:anna", "on") in desk.turned("live")
    assert 'data-word="killed"' in desk.get("/").text


def test_kill_kills_however_often_it_was_sent_before(desk: WebRig) -> None:
    """A page left open holds a form that was used: it has to stop orders all the same."""
    form = desk.form("/", "/controls/kill")
    desk.send("/controls/kill", form)
    controls.resume(desk.redis, "paper", "looked", desk.clock)

    desk.send("/controls/kill", form)

    assert halted(desk)


def test_pause_leaves_sells_and_all_stops_them(desk: WebRig) -> None:
    desk.act("/", "/controls/pause", why="fees went up", what="sells-only")
    [control] = controls.active(desk.redis, "paper")
    assert (control.name, control.who, control.why) == ("pause buys", "web:anna", "fees went up")

    desk.act("/", "/controls/pause", what="all")
    assert [one.name for one in controls.active(desk.redis, "paper")] == ["pause all", "pause buys"]


@pytest.mark.parametrize("word", ["flatten", "resume"])
def test_flatten_and_resume_ask_for_the_typed_word(desk: WebRig, word: str) -> None:
    for typed in ("", "yes", f"{word}!"):
        answer = desk.act("/", f"/controls/{word}", typed=typed)
        assert (answer.status_code, problem(answer)) == (400, f"type the word {word} to do it; nothing was done")
    assert desk.turned() == []


def test_flatten_sells_every_lot_and_resume_lifts_it(desk: WebRig) -> None:
    let_run(desk.redis)

    said = desk.said(desk.act("/", "/controls/flatten", typed="flatten", why="going away"))
    assert "paper lots are to be sold" in said
    assert [one.name for one in controls.active(desk.redis, "paper")] == ["flatten"]

    said = desk.said(desk.act("/", "/controls/resume", typed="Resume", why="back"))
    assert said == "paper orders are on"
    assert controls.active(desk.redis, "paper") == []


def test_resume_without_a_buyer_says_what_the_command_says(desk: WebRig) -> None:
    with pytest.raises(BadConfig) as said:
        controls.mode_of_buyer(desk.redis)

    assert problem(desk.act("/", "/controls/resume", typed="resume")) == str(said.value)


def test_a_form_that_is_sent_twice_is_done_once(desk: WebRig) -> None:
    let_run(desk.redis)
    form = desk.form("/", "/controls/flatten") | {"typed": "flatten", "why": "going away"}
    first = desk.send("/controls/flatten", form)
    controls.resume(desk.redis, "paper", "back", desk.clock)

    second = desk.send("/controls/flatten", form)

    assert second.headers["location"] == first.headers["location"]
    assert controls.active(desk.redis, "paper") == []


def test_a_form_that_was_refused_can_be_sent_again(desk: WebRig) -> None:
    lot = hold(desk.redis)
    form = desk.form(f"/positions/sell?lot={lot.key}", "/positions/sell")
    assert desk.send("/positions/sell", form | {"lot": "0xdeadbeef"}).status_code == 400

    assert "are to be sold" in desk.said(desk.send("/positions/sell", form))


def test_a_form_without_a_word_of_its_own_does_nothing(desk: WebRig) -> None:
    form = desk.form("/", "/controls/flatten") | {"typed": "flatten"}

    for once in ("", "x", "A" * 32, "a" * 33):
        assert desk.send("/controls/flatten", form | {"once": once}).status_code == 400
    assert desk.turned() == []


def test_a_lot_is_sold_at_the_typed_floor_once(desk: WebRig) -> None:
    lot = hold(desk.redis)
    form = desk.form(f"/positions/sell?lot={lot.key}", "/positions/sell") | {"floor": "0.05", "why": "no news"}

    said = [desk.said(desk.send("/positions/sell", form)) for _ in range(2)]

    assert said[0] == said[1]
    assert "at 0.05 or better" in said[0]
    [wish] = RedisLedger(desk.redis, "paper").records(SALES).values()
    assert json.loads(wish) == {"floor": 50_000, "who": "web:anna", "why": "no news", "at_ms": ANY}


def test_a_lot_is_written_off_in_the_name_of_who_did(desk: WebRig) -> None:
    lot = hold(desk.redis)
    form = desk.form(f"/positions/sell?lot={lot.key}", "/positions/sell", 1)

    assert "is written off" in desk.said(desk.send("/positions/sell", form))

    ledger = RedisLedger(desk.redis, "paper")
    [note] = ledger.records(WRITTEN_OFF).values()
    assert json.loads(note)["who"] == "web:anna"
    assert open_lots(ledger) == []


@pytest.mark.parametrize("floor", ["1", "-0.1", "x", "nan", "1e999"])
def test_a_price_that_is_none_is_refused_in_the_commands_words(desk: WebRig, floor: str) -> None:
    lot = hold(desk.redis)
    with pytest.raises(BadConfig) as said:
        lots.read_floor(floor)

    answer = desk.act(f"/positions/sell?lot={lot.key}", "/positions/sell", floor=floor)

    assert (answer.status_code, problem(answer)) == (400, str(said.value))


def test_a_leader_goes_to_exit_only(desk: WebRig) -> None:
    follow_leader(desk.redis, LEADER, FollowedLeader("whale", 1, "x"))
    hold(desk.redis)

    said = desk.said(desk.act("/leaders", "/leaders/unfollow"))

    assert "open lots of it: 1; it is watched until they are gone" in said
    assert unfollowed(desk.redis)[LEADER].by == "web:anna"
    assert RedisLedger(desk.redis, "paper").accounts().values[sells_only_account(LEADER)] == 1


def test_who_is_not_followed_cannot_be_unfollowed(desk: WebRig) -> None:
    csrf = desk.form("/", "/controls/flatten")

    answer = desk.send("/leaders/unfollow", csrf | {"address": LEADER})

    assert problem(answer) == f"{LEADER} is not followed: `hybrid leaders` shows who is"


def test_a_wallet_that_is_none_is_refused_before_any_is_followed(desk: WebRig) -> None:
    answer = desk.act("/leaders", "/leaders/follow", wallets=f"{LEADER} 0x12", offline="1")

    assert answer.status_code == 400
    assert "is no address: give 0x and 40 hex digits" in problem(answer)


def test_nothing_on_any_page_starts_live_trading(desk: WebRig) -> None:
    actions = {str(getattr(route, "path", "")) for route in desk.app.routes if "POST" in getattr(route, "methods", ())}

    assert not any("live" in path or "start" in path for path in actions)
    assert all("PRIVATE_KEY" not in desk.get(page).text for page in PAGES)


def test_a_server_that_is_away_is_said_and_no_fault_of_the_page(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "valkey", fsync="off") as server:
        desk = WebRig(server.url, tmp_path)
        desk.log_in()
        form = desk.form("/", "/controls/kill")
    desk.clock.advance(60)

    page, kill = desk.get("/"), desk.send("/controls/kill", form)

    assert page.status_code == 200
    assert "<strong>Away</strong>" in page.text
    assert kill.status_code == 503
    assert "redis://" in problem(kill)
