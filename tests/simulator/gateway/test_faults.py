"""Every trouble the venue can make, on demand."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed

from simulator.gateway.faults import KINDS
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.simulator


def _filled(venue: Any, count: int = 1) -> None:
    for _ in range(count):
        venue.fill()
    venue.sim.advance(10)


def _drain(socket: Any) -> None:
    while True:
        socket.recv(timeout=PATIENCE_S)


def test_429_comes_with_or_without_retry_after(venue: Any) -> None:
    venue.sim.fault("http_429", "data", count=1, params={"retry_after": 7})
    venue.sim.fault("http_429", "data", count=1)

    told = venue.get("data", "/v2/activity", user=venue.leader)
    bare = venue.get("data", "/v2/activity", user=venue.leader)
    fine = venue.get("data", "/v2/activity", user=venue.leader)

    assert (told.status_code, told.headers["retry-after"]) == (429, "7")
    assert told.json()["code"] == "rate_limited"
    assert bare.status_code == 429
    assert "retry-after" not in bare.headers
    assert fine.status_code == 200


def test_a_fault_reaches_only_its_upstream_and_route(venue: Any) -> None:
    venue.sim.fault("http_5xx", "data", route="/v2/trades", params={"status": 502})
    assert venue.get("data", "/v2/trades", user=venue.leader).status_code == 502
    assert venue.get("data", "/v2/activity", user=venue.leader).status_code == 200
    assert venue.get("clob", "/ok").status_code == 200


def test_a_fault_ends_with_its_time(venue: Any) -> None:
    venue.sim.fault("http_5xx", "gamma", seconds=30)
    assert venue.get("gamma", "/markets").status_code == 503
    venue.sim.advance(31)
    assert venue.get("gamma", "/markets").status_code == 200


def test_403_is_a_page_and_not_json(venue: Any) -> None:
    venue.sim.fault("html_403", "clob")
    reply = venue.get("clob", "/book", token_id=venue.token)
    assert reply.status_code == 403
    assert reply.headers["content-type"].startswith("text/html")


def test_a_hanging_answer_times_the_client_out(venue: Any) -> None:
    venue.sim.fault("timeout", "rpc", count=1, params={"seconds": 0.5})
    body = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
    with pytest.raises(requests.Timeout):
        requests.post(venue.sim.urls["rpc_url"], json=body, timeout=0.05)


def test_slow_answers_still_arrive(venue: Any) -> None:
    venue.sim.fault("slow", "clob", count=1, params={"seconds": 0.03})
    started = time.perf_counter()
    assert venue.get("clob", "/ok").status_code == 200
    assert time.perf_counter() - started >= 0.03


def test_a_truncated_body_is_no_json(venue: Any) -> None:
    _filled(venue)
    venue.sim.fault("truncated", "data", count=1)
    reply = venue.get("data", "/v2/activity", user=venue.leader)
    with pytest.raises(json.JSONDecodeError):
        json.loads(reply.text)


def test_an_error_object_comes_with_200_and_without_what_was_asked_for(venue: Any) -> None:
    _filled(venue)
    venue.sim.fault("error_object", "data", count=1)
    reply = venue.get("data", "/v2/activity", user=venue.leader)
    assert (reply.status_code, list(reply.json())) == (200, ["error"])


@pytest.mark.parametrize(
    ("how", "name", "value"),
    [
        ("price_0", "price", 0),
        ("price_1", "price", 1),
        ("size_0", "size", 0),
        ("missing", "timestamp", None),
        ("text", "size", "a lot"),
    ],
)
def test_rows_can_be_malformed(venue: Any, how: str, name: str, value: object) -> None:
    _filled(venue, 3)
    venue.sim.fault("malformed_rows", "data", count=1, params={"how": how})
    assert [row.get(name) for row in venue.rows()].count(value) == 1


def test_a_type_nobody_knows_may_appear(venue: Any) -> None:
    _filled(venue)
    venue.sim.fault("unknown_type", "data", count=1)
    assert venue.rows()[0]["type"] == "TELEPORT"


def test_offset_pages_may_repeat_the_row_at_their_border(venue: Any) -> None:
    _filled(venue, 6)
    venue.sim.fault("duplicate_border", "data")
    first, second = (venue.get("data", "/activity", user=venue.leader, limit=3, offset=o).json() for o in (0, 3))
    assert first[-1] == second[0]


def test_a_row_of_the_same_second_may_be_indexed_late(venue: Any) -> None:
    venue.sim.fault("late_index", "data", count=1, params={"seconds": 60})
    late = venue.fill(counterparty=venue.other)[0]
    venue.fill()
    venue.sim.advance(10)
    assert late.wallet == venue.other
    assert len(venue.rows()) == 2
    assert venue.rows(user=venue.other) == []

    venue.sim.advance(60)
    (row,) = venue.rows(user=venue.other)
    assert row["timestamp"] == venue.rows()[0]["timestamp"]


def test_a_cursor_may_repeat_or_be_missing_while_more_is_promised(venue: Any) -> None:
    _filled(venue, 6)

    def page(cursor: str = "") -> dict[str, Any]:
        params = {"cursor": cursor} if cursor else {}
        reply = venue.get("data", "/v2/activity", user=venue.leader, limit=2, _=next(venue.bust), **params)
        return reply.json()["pagination"]

    first = page()["next_cursor"]
    venue.sim.fault("repeat_cursor", "data", count=1)
    assert page(first) == {"limit": 2, "offset": 0, "has_more": True, "next_cursor": first}
    venue.sim.fault("missing_cursor", "data", count=1)
    assert page(first) == {"limit": 2, "offset": 0, "has_more": True}


def test_a_stale_cdn_answers_as_of_then_even_past_the_cache_buster(venue: Any) -> None:
    _filled(venue)
    venue.sim.fault("stale_cdn", "data", params={"seconds": 120})
    assert venue.rows() == []
    venue.sim.heal()
    assert len(venue.rows()) == 1


def test_a_stuck_cache_repeats_its_first_answer_to_each_question(venue: Any) -> None:
    def asks(token: str) -> list[dict[str, str]]:
        return venue.get("clob", "/book", token_id=token).json()["asks"]

    venue.sim.fault("stuck_cache", "clob", route="/book")
    first, (yes, no) = asks(venue.token), venue.market.tokens
    venue.sim.call(lambda: venue.sim._app.traders.set_book(yes, [["0.2", "7"]], [["0.9", "7"]]))
    assert asks(yes) == first
    assert asks(no) == [{"price": "0.80", "size": "7.00"}]
    venue.sim.heal()
    assert asks(yes) == [{"price": "0.90", "size": "7.00"}]


def test_a_mute_socket_still_answers_pings(venue: Any) -> None:
    with venue.rtds() as socket:
        venue.sim.fault("mute_socket", "rtds")
        venue.fill()
        venue.sim.advance(2)
        socket.send("PING")
        assert socket.recv(timeout=PATIENCE_S) == ""
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.05)


def test_a_late_socket_delivers_half_an_hour_later(venue: Any) -> None:
    with venue.rtds("orders_matched") as socket:
        venue.sim.fault("late_socket", "rtds", params={"seconds": 1800})
        fill = venue.fill()[-1]
        venue.sim.advance(2)
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.05)
        venue.sim.advance(1800)
        frame = json.loads(socket.recv(timeout=PATIENCE_S))
    assert frame["payload"]["transactionHash"] == fill.tx_hash
    assert venue.sim.world.now_ms() - frame["timestamp"] >= 1_800_000


@pytest.mark.parametrize("name", ["rtds_url", "clob_ws_url"])
def test_sockets_can_be_closed(venue: Any, name: str) -> None:
    with venue.rtds() if name == "rtds_url" else venue.channel(venue.token) as socket:
        venue.sim.fault("close_socket", "rtds" if name == "rtds_url" else "ws")
        with pytest.raises(ConnectionClosed):
            _drain(socket)


def test_a_lagging_node_answers_every_other_time(venue: Any) -> None:
    head = int(venue.rpc("eth_blockNumber")["result"], 16)
    venue.sim.fault("lagging_node", "rpc", params={"blocks": 5})
    heads = [int(venue.rpc("eth_blockNumber")["result"], 16) for _ in range(4)]
    assert heads == [head, head - 5] * 2

    asked = {"fromBlock": hex(head), "toBlock": hex(head)}
    replies = [venue.rpc("eth_getLogs", asked) for _ in range(2)]
    assert replies[0]["result"] == []
    assert replies[1]["error"]["message"] == "invalid block range params"


def test_a_range_limit_shrinks_what_may_be_asked(venue: Any) -> None:
    venue.sim.fault("range_limit", "rpc", params={"blocks": 50})
    head = int(venue.rpc("eth_blockNumber")["result"], 16)
    reply = venue.rpc("eth_getLogs", {"fromBlock": hex(head - 51), "toBlock": hex(head)})
    assert reply["error"]["code"] == -32701


def test_one_node_may_show_the_log_and_the_receipt_of_a_trade_that_never_was(venue: Any) -> None:
    wallet, token = venue.sim.leaders[0].address, venue.sim.markets[0].tokens[0]
    venue.sim.fault("forged_fill", "rpc", params={"wallet": wallet, "token": token})

    (log,) = venue.rpc("eth_getLogs", {"fromBlock": "latest", "toBlock": "latest"})["result"]
    receipt = venue.rpc("eth_getTransactionReceipt", log["transactionHash"])["result"]

    assert (receipt["blockHash"], receipt["logs"]) == (log["blockHash"], [log])
    asked = {"id": 1, "method": "eth_getTransactionReceipt", "params": [log["transactionHash"]]}
    honest = venue.post("rpc2", "", asked)
    assert honest.json()["result"] is None


def test_the_venues_clock_may_be_off(venue: Any) -> None:
    now = venue.get("clob", "/time").json()
    venue.sim.fault("clock_skew", "clob", params={"seconds": 90})
    skewed = venue.get("clob", "/time")
    assert skewed.json() == now + 90


def test_books_may_be_empty_crossed_or_in_no_order(venue: Any) -> None:
    def book() -> dict[str, Any]:
        return venue.get("clob", "/book", token_id=venue.token).json()

    venue.sim.fault("empty_book", "clob", count=1, params={"side": "asks"})
    empty = book()
    assert empty["asks"] == []
    assert empty["bids"]

    venue.sim.fault("crossed_book", "clob", count=1)
    crossed = book()
    prices = {side: [float(each["price"]) for each in crossed[side]] for side in ("bids", "asks")}
    assert max(prices["bids"]) > min(prices["asks"])

    straight = book()
    venue.sim.fault("shuffled_book", "clob", count=1)
    shuffled = book()
    assert shuffled["bids"] != straight["bids"]
    assert sorted(map(str, shuffled["bids"])) == sorted(map(str, straight["bids"]))


def test_probability_is_seeded_and_partial(venue: Any) -> None:
    venue.sim.fault("http_5xx", "clob", probability=0.5)
    statuses = [venue.get("clob", "/ok").status_code for _ in range(60)]
    assert 15 < statuses.count(503) < 45


def test_unknown_kinds_and_upstreams_are_refused(venue: Any) -> None:
    for body in ({"kind": "gremlins"}, {"kind": "http_429", "upstream": "mars"}):
        reply = venue.post("sim", "/faults", body)
        assert reply.status_code == 400
        assert "known:" in reply.json()["error"]


def test_the_readme_names_every_fault() -> None:
    readme = Path(__file__).parents[3] / "simulator" / "README.md"
    text = readme.read_text(encoding="utf-8")
    assert all(f"`{kind}`" in text for kind in KINDS)


def test_a_429_may_hit_only_above_a_rate(venue: Any) -> None:
    venue.sim.fault("http_429", "clob", params={"over_per_s": 5})
    statuses = [venue.get("clob", "/ok").status_code for _ in range(8)]
    assert statuses == [200] * 5 + [429] * 3
