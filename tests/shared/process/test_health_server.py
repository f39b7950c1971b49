"""A process answers whether it lives, whether it works, and with its numbers."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from shared import metrics
from shared.clock import ManualClock
from shared.domain.errors import BadConfig
from shared.process.health_server import HealthAnswer, HealthProbes, HealthServer, answer_path, is_loopback
from shared.process.stop_event import QUIET_S, Pulse, StopEvent
from tests.waiting import PATIENCE_S


def probes(*, alive: bool = True, ready: bool = True) -> HealthProbes:
    return HealthProbes("buyer", lambda: alive, lambda: ready, lambda: b"hybrid_up 1\n")


@pytest.fixture
def server() -> Iterator[HealthServer]:
    running = HealthServer("127.0.0.1", 0, probes()).start()
    yield running
    running.stop()


def get(server: HealthServer, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=PATIENCE_S) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.sockets
def test_the_three_pages_are_served_on_a_free_port(server: HealthServer) -> None:
    assert get(server, "/healthz") == (200, b'{"service": "buyer", "alive": true}')
    assert get(server, "/readyz") == (200, b'{"service": "buyer", "ready": true}')
    assert get(server, "/metrics") == (200, b"hybrid_up 1\n")
    assert get(server, "/other")[0] == 404


def test_a_service_that_is_not_ready_answers_503() -> None:
    reply = answer_path("/readyz?verbose=1", "", probes(ready=False), "")

    assert reply == HealthAnswer(503, b'{"service": "buyer", "ready": false}')


def test_a_service_whose_loop_hangs_answers_503() -> None:
    assert answer_path("/healthz", "", probes(alive=False), "").status == 503


@pytest.mark.parametrize(("sent", "status"), [("", 401), ("Bearer wrong", 401), ("Bearer right", 200)])
def test_metrics_ask_for_the_token_where_one_is_set(sent: str, status: int) -> None:
    assert answer_path("/metrics", sent, probes(), "right").status == status


def test_an_open_host_without_a_token_is_refused() -> None:
    with pytest.raises(BadConfig, match=r"HEALTH_HOST=0\.0\.0\.0.*METRICS_TOKEN"):
        HealthServer("0.0.0.0", 0, probes())  # noqa: S104 - the danger this refuses


def test_a_taken_port_is_named_with_the_fix() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(BadConfig, match=f"HEALTH_PORT={port}.*0 for a free one"):
            HealthServer("127.0.0.1", port, probes())


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("10.0.0.7", False), ("db", False)]
)
def test_loopback_is_told_from_the_rest(host: str, *, local: bool) -> None:
    assert is_loopback(host) == local


def test_a_process_beats_while_some_loop_looks_at_its_stop_event() -> None:
    clock = ManualClock()
    stop = StopEvent(clock)

    clock.advance(QUIET_S - 1)
    assert stop.beats()
    clock.advance(2)
    assert not stop.beats()
    stop.is_set()
    assert stop.beats()


def test_a_metric_is_made_once_and_asked_for_by_name() -> None:
    metrics.make_counter("test_signals_total", "Signals.", "source").labels("rtds").inc()
    metrics.make_counter("test_signals_total", "Signals.", "source").labels("rtds").inc()

    assert b'hybrid_test_signals_total{source="rtds"} 2.0' in metrics.render_metrics()


def test_a_metric_keeps_its_kind() -> None:
    metrics.make_histogram("test_lag_seconds", "Lag.")

    with pytest.raises(TypeError, match="hybrid_test_lag_seconds"):
        metrics.make_gauge("test_lag_seconds", "Lag.")


def test_a_part_that_no_loop_looks_after_hangs_although_the_process_beats() -> None:
    clock = ManualClock()
    stop = StopEvent(clock)
    one, other = Pulse(stop, clock), Pulse(stop, clock)

    clock.advance(QUIET_S + 1)
    assert not one.is_set()

    assert (one.beats(), other.beats(), stop.beats()) == (True, False, True)
    other.set()
    assert (one.is_set(), one.wait(0), stop.is_set()) == (True, True, True)


@pytest.mark.pitfall(62)
def test_a_process_that_misses_whom_it_needs_is_not_ready_and_names_it() -> None:
    needing = HealthProbes(
        "buyer", lambda: True, lambda: True, missing=lambda: ["detector@a:1 dead, last heard 31 s ago"]
    )

    reply = answer_path("/readyz", "", needing, "")

    assert reply.status == 503
    assert json.loads(reply.body)["missing"] == ["detector@a:1 dead, last heard 31 s ago"]
    assert answer_path("/healthz", "", needing, "").status == 200
