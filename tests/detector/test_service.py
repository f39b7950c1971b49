"""The detector as others use it: S1, S2, S3, S5."""

import io
import json
import threading
from collections.abc import Callable
from typing import Any, cast

import fakeredis
import pytest
from redis import Redis

from detector.composition import DetectorParts, build_parts
from detector.config import DetectorSettings, parse_args
from detector.domain.source_port import Batch, Sink
from detector.polling.cursors import CursorStore
from detector.polling.poll_workers import CatchesUp
from detector.service import HybridDetector
from shared.clock import ManualClock, SystemClock
from shared.domain.errors import BadConfig, RateLimited, Unavailable
from shared.messages.base import SIGNALS
from shared.messages.events import read_event
from shared.messages.service import HybridProgress
from shared.messages.signals import ActionableSignal
from tests.detector.builders import LEADER, NOW_MS, OTHER, a_fill, a_view, tx
from tests.detector.fakes import FakeSource
from tests.waiting import PATIENCE_S

Act = Callable[[str, Sink], None]

pytestmark = pytest.mark.slow


def settings(*words: str) -> DetectorSettings:
    return parse_args(["--tracked-wallets", LEADER, "--no-market-hints", *words])


def shown(number: int, source: str = "data_api") -> Batch:
    return Batch(source, (a_view(a_fill(tx_hash=tx(number)), source=source),), {}, rows=1)


class Run:
    """A detector over fake sources; it stops when `until` fills were handed in."""

    def __init__(self, *acts: tuple[str, Act], cfg: DetectorSettings | None = None, **given: Any) -> None:
        self.redis = cast("Redis", fakeredis.FakeRedis(decode_responses=True))
        self.out = io.StringIO()
        self.stop: threading.Event = given.pop("stop_event", threading.Event())
        parts = DetectorParts(tuple(FakeSource(name, act) for name, act in acts), (), (), None, CursorStore(self.redis))
        self.detector = HybridDetector(
            cfg or settings(),
            stop_event=self.stop,
            redis=self.redis,
            out=given.pop("out", self.out),
            clock=given.pop("clock", SystemClock()),
            parts=parts,
            **given,
        )

    def __call__(self) -> "Run":
        thread = threading.Thread(target=self.detector.run)
        thread.start()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
        return self

    @property
    def lines(self) -> list[Any]:
        return [read_event(line) for line in self.out.getvalue().splitlines()]


def once_then(stop_after: int, number: int = 1) -> tuple[Act, Callable[[threading.Event], None]]:
    """Act that shows one fill again and again, and sets the event at the given poll."""
    holder: list[threading.Event] = []
    count = 0

    def act(_scope: str, sink: Sink) -> None:
        nonlocal count
        count += 1
        sink(shown(number))
        if count >= stop_after:
            holder[0].set()

    return act, holder.append


def test_s2_the_callback_gets_each_signal_and_nothing_else_and_stdout_gets_every_event() -> None:
    stop, payloads = threading.Event(), cast("list[dict[str, Any]]", [])
    act, bind = once_then(3)
    bind(stop)

    run = Run(("data_api", act), stop_event=stop, signal_callback=payloads.append)()

    assert [payload["event"] for payload in payloads] == ["ACTIONABLE_SIGNAL"]
    assert json.loads(json.dumps(payloads[0])) == payloads[0]
    assert [line.event for line in run.lines] == ["ACTIONABLE_SIGNAL", "HYBRID_SUMMARY"]
    assert run.lines[-1].signals == 1
    streamed = cast("list[Any]", run.redis.xrange(SIGNALS))
    assert [fields["event"] for _, fields in streamed] == ["ACTIONABLE_SIGNAL", "HYBRID_SUMMARY"]


@pytest.mark.pitfall(29)
def test_s2_an_exception_in_the_callback_is_logged_and_changes_nothing() -> None:
    stop, seen = threading.Event(), cast("list[str]", [])

    def callback(payload: dict[str, Any]) -> None:
        seen.append(payload["tx_hash"])
        raise RuntimeError("an embedder's bug")

    def act(_scope: str, sink: Sink) -> None:
        for number in (1, 2, 3):
            sink(shown(number))
        stop.set()

    Run(("data_api", act), stop_event=stop, signal_callback=callback)()

    assert seen == [tx(1), tx(2), tx(3)]


def test_s2_without_a_stop_event_the_detector_makes_its_own() -> None:
    detector = HybridDetector(settings(), redis=cast("Redis", fakeredis.FakeRedis()))

    assert not detector.stop_event.is_set()


def test_s2_an_outside_stop_event_reaches_every_source_and_the_market_cache() -> None:
    stop = threading.Event()

    cfg = parse_args(["--tracked-wallets", LEADER, "--sources", "data_api,chain_logs,subgraph"])
    parts = build_parts(cfg, cast("Redis", fakeredis.FakeRedis()), clock=ManualClock(NOW_MS), stop=stop)
    stop.set()

    assert parts.markets is not None
    assert parts.markets.stop is stop
    for source in parts.sources:
        with pytest.raises(Unavailable, match="stopping"):
            source.poll((*source.scopes, LEADER)[0], lambda _: None)


def test_s1_all_leaders_share_one_gate_and_each_upstream_has_its_own() -> None:
    cfg = parse_args(["--tracked-wallets", f"{LEADER},{OTHER}", "--sources", "data_api,chain_logs,subgraph"])

    parts = build_parts(cfg, cast("Redis", fakeredis.FakeRedis()), clock=ManualClock(NOW_MS), stop=threading.Event())

    assert sorted(gate.name for gate in parts.gates) == ["data_api", "gamma", "rpc", "subgraph"]
    assert isinstance(parts.sources[0], CatchesUp)
    assert parts.sources[0].late_scopes == (LEADER, OTHER)


@pytest.mark.slow
def test_one_failing_source_does_not_stop_the_others() -> None:
    stop = threading.Event()

    def failing(_scope: str, _sink: Sink) -> None:
        raise RateLimited("429, too many requests")

    def crashing(_scope: str, _sink: Sink) -> None:
        raise ZeroDivisionError

    act, bind = once_then(3)
    bind(stop)

    run = Run(("chain_logs", failing), ("subgraph", crashing), ("data_api", act), stop_event=stop)()

    found = {status["name"]: status for status in run.detector.snapshot()["sources"].values()}
    assert "429" in found["chain_logs"]["last_error"]
    assert "ZeroDivisionError" in found["subgraph"]["last_error"]
    assert found["data_api"]["errors"] == 0
    assert run.detector.snapshot()["signals"] == 1


def test_progress_reports_sources_and_the_tokens_leaders_are_live_in() -> None:
    stop, reports = threading.Event(), cast("list[HybridProgress]", [])

    def act(_scope: str, sink: Sink) -> None:
        sink(shown(1))

    def heard(report: HybridProgress) -> None:
        reports.append(report)
        if report.signals:
            stop.set()

    cfg = settings("--progress-every-s", "0.02")
    run = Run(("data_api", act), cfg=cfg, stop_event=stop, progress_callback=heard)()

    assert reports[-1].event == "HYBRID_SUMMARY"
    assert reports[-1].live_tokens == (a_fill().token_id,)
    assert {line.event for line in run.lines} == {"ACTIONABLE_SIGNAL", "HYBRID_PROGRESS", "HYBRID_SUMMARY"}


@pytest.mark.pitfall(55)
def test_a_reader_that_went_away_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    numbers, stop = iter(range(1, 6)), threading.Event()

    def act(_scope: str, sink: Sink) -> None:
        if (number := next(numbers, None)) is None:
            stop.set()
        else:
            sink(shown(number))

    run = Run(("data_api", act), out=Closed(), stop_event=stop)()

    assert len(cast("list[Any]", run.redis.xrange(SIGNALS))) == 5 + 1, "five signals and the summary"
    assert capsys.readouterr().err.count("stdout_closed") == 1


@pytest.mark.slow
def test_s5_the_run_time_ends_the_run_with_a_summary() -> None:
    run = Run(("data_api", lambda _, sink: sink(shown(1))), cfg=settings("--runtime-seconds", "0.2"))()

    assert run.lines[-1].event == "HYBRID_SUMMARY"


def test_s5_a_source_that_hangs_in_its_upstream_does_not_hold_up_others_signals() -> None:
    stop, gone = threading.Event(), threading.Event()
    act, bind = once_then(2)
    bind(stop)

    def hanging(_scope: str, _sink: Sink) -> None:
        stop.wait(5)
        gone.set()

    run = Run(("chain_logs", hanging), ("data_api", act), stop_event=stop)()

    assert gone.is_set()
    assert [line for line in run.lines if isinstance(line, ActionableSignal)]


@pytest.mark.pitfall(32)
def test_s3_an_empty_list_means_environment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["orchestrator", "--runtime-seconds", "7"])
    monkeypatch.setenv("TRACKED_WALLETS", LEADER)

    assert parse_args([]).runtime_seconds == 0
    assert parse_args(None).runtime_seconds == 7


def test_s3_both_names_for_leaders_are_merged_and_a_flag_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKED_WALLETS", LEADER)
    monkeypatch.setenv("TRACKED_WALLET", OTHER.upper().replace("0X", "0x"))

    assert parse_args([]).leaders == (LEADER, OTHER)
    assert parse_args(["--tracked-wallets", OTHER]).leaders == (OTHER,)
    assert parse_args([]).dry_run


def test_s3_an_env_file_is_read(tmp_path: Any) -> None:
    file = tmp_path / "my.env"
    file.write_text(f"TRACKED_WALLETS={LEADER},{OTHER}\nDATA_API_VERSION=v1\n")

    cfg = parse_args(["--env-file", str(file)])

    assert (cfg.leaders, cfg.data_api_version) == ((LEADER, OTHER), "v1")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "TRACKED_WALLETS"),
        (["--tracked-wallets", "0x12"], "TRACKED_WALLETS"),
        (["--tracked-wallets", LEADER, "--sources", "gossip"], "SOURCES"),
        (["--tracked-wallets", LEADER, "--overlap-s", "5"], "OVERLAP_S"),
        (["--tracked-wallets", LEADER, "--data-api-version", "v3"], "DATA_API_VERSION"),
    ],
)
def test_s3_a_bad_setting_is_named(words: list[str], named: str) -> None:
    with pytest.raises(BadConfig, match=named):
        parse_args(words)


def test_reports_of_very_many_leaders_say_how_many_and_name_them_all_in_turn() -> None:
    many = tuple(f"0x{number:040x}" for number in range(1, 1202))
    run = Run(("data_api", lambda _scope, _sink: None), cfg=parse_args(["--tracked-wallets", ",".join(many)]))

    reports = [run.detector._report_fields("HYBRID_PROGRESS") for _ in range(3)]

    assert [len(report["leaders"]) for report in reports] == [500, 500, 201]
    assert {leader for report in reports for leader in report["leaders"]} == set(many)
    assert {report["leader_count"] for report in reports} == {1201}


def test_s3_the_subgraph_is_off_by_default_and_the_help_says_why() -> None:
    assert settings().sources == ("data_api", "chain_logs", "rtds")
    assert "nothing since CLOB V2" in str(DetectorSettings.model_fields["sources"].description)
