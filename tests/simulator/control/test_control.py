"""The control API: the truth over HTTP, and the levers."""

from typing import Any

import pytest

from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.simulator


def test_the_world_tells_where_everything_is(venue: Any) -> None:
    world = venue.get("sim", "/world").json()
    assert world["urls"] == venue.sim.urls
    assert [each["address"] for each in world["leaders"]] == [venue.leader, venue.other]
    assert len(world["markets"]) == 6


def test_a_fill_by_http_is_on_record_with_its_times(venue: Any) -> None:
    body = {"leader": venue.leader, "token": venue.token, "side": "BUY", "shares": "10", "price": "0.5"}
    made = venue.post("sim", "/fill", body).json()["fills"]
    (record,) = venue.get("sim", "/fills", leader=venue.leader).json()["fills"]

    assert record in made
    assert record["shares_micro"] == 10_000_000
    assert record["matched_at_ms"] < record["chain_at_ms"] < record["data_at_ms"]
    assert venue.get("sim", "/fills", after_seq=record["seq"]).json()["fills"] == []


def test_a_nonsensical_fill_is_refused(venue: Any) -> None:
    base = {"leader": venue.leader, "token": venue.token, "side": "BUY", "shares": "10", "price": "0.5"}
    for wrong in ({"token": "1"}, {"price": "0.51234"}, {"fills": 2, "role": "taker"}, {"colour": "red"}):
        assert venue.post("sim", "/fill", base | wrong).status_code == 400


def test_requests_are_recorded_until_cleared(venue: Any) -> None:
    venue.get("clob", "/time")
    venue.get("gamma", "/markets/slug/none")
    (seen,) = venue.get("sim", "/requests", upstream="gamma").json()["requests"]
    assert (seen["route"], seen["status"]) == ("/markets/slug/none", 404)
    assert isinstance(seen["time_ms"], float)
    assert len(venue.get("sim", "/requests", after=seen["seq"] - 1).json()["requests"]) == 1

    venue.http.delete(f"{venue.sim.base}/sim/requests", timeout=PATIENCE_S)
    assert venue.get("sim", "/requests").json()["requests"] == []


def test_levers_work_over_http(venue: Any) -> None:
    condition = venue.market.condition_id
    assert venue.post("sim", "/tick", {"condition_id": condition, "tick": "0.001"}).json() == {"tick": "0.001"}
    assert venue.post("sim", "/tick", {"condition_id": condition, "tick": "0.3"}).status_code == 400
    assert venue.post("sim", "/end", {"condition_id": condition, "end_ms": 1_790_000_000_000}).status_code == 200
    assert venue.get("gamma", "/markets", condition_ids=condition).json()[0]["endDate"].startswith("2026-09-21")
    assert venue.post("sim", "/end", {"condition_id": "0x1", "end_ms": 0}).status_code == 400
    venue.post("sim", "/resolve", {"condition_id": condition, "payouts": [0, 1]})
    (ended,) = venue.get("sim", "/resolutions").json()["resolutions"]
    assert ended["payouts"] == [0, 1]
    assert venue.post("sim", "/resume", {}).json() == {"paused": False}
    assert venue.post("sim", "/pause", {}).json() == {"paused": True}

    fault = venue.post("sim", "/faults", {"kind": "http_5xx", "upstream": "clob"}).json()["id"]
    assert [each["id"] for each in venue.get("sim", "/faults").json()["faults"]] == [fault]
    venue.http.delete(f"{venue.sim.base}/sim/faults/{fault}", timeout=PATIENCE_S)
    assert venue.get("sim", "/faults").json() == {"faults": []}


def test_a_world_that_fails_says_so_in_every_answer(venue_of: Any) -> None:
    for venue in venue_of():

        def break_down(_at: int) -> None:
            raise RuntimeError("out of luck")

        world = venue.sim.world
        venue.sim.call(lambda world=world: world.agenda.at(world.now_ms(), break_down))
        replies = (venue.get("clob", "/ok") for _ in range(200))
        failed = next(reply for reply in replies if reply.status_code == 500)
        assert "out of luck" in failed.json()["error"]
