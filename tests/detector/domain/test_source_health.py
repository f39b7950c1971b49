"""Sources judged by comparison: who is late, mute or blind, and who comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.domain.source_health import HealthRules, SourceHealth
from detector.monitoring.source_stats import SourceStats
from shared.clock import ManualClock
from tests.detector.builders import NOW_MS

NAMES = ("chain_logs", "data_api", "subgraph")
GRACE_S = 20


class Days:
    """Fills every second, shown by each source with its delay in seconds; None for never."""

    def __init__(self) -> None:
        self.health = SourceHealth(NAMES, HealthRules(grace_ms=GRACE_S * 1000))
        self.second = 0
        self.pending: list[tuple[int, str, int]] = []

    def run(self, seconds: int, **delays: float | None) -> list[str]:
        changes: list[str] = []
        for _ in range(seconds):
            self.second += 1
            now = NOW_MS + self.second * 1000
            for source, delay_s in delays.items():
                if delay_s is not None:
                    self.pending.append((now + round(delay_s * 1000), source, self.second))
            ready = sorted(one for one in self.pending if one[0] <= now)
            self.pending = [one for one in self.pending if one[0] > now]
            for at_ms, source, fill in ready:
                self.health.add_sight(source, fill, at_ms, at_ms - (NOW_MS + fill * 1000))
            changes += [f"{change.source} {change.now}" for change in self.health.judge(now)]
        return changes

    def verdicts(self) -> dict[str, str]:
        return {name: self.health.verdict(name) for name in NAMES}


@pytest.mark.pitfall(9)
def test_a_source_that_answers_and_never_shows_what_others_do_is_blind() -> None:
    days = Days()

    changes = days.run(60, chain_logs=2, data_api=5)

    assert changes == ["subgraph blind"]
    assert days.health.demoted == {"subgraph"}
    assert (days.health.coverage("subgraph"), days.health.coverage("data_api")) == (0.0, 1.0)


def test_quiet_leaders_say_nothing_against_anybody() -> None:
    days = Days()

    assert days.run(600) == []
    assert days.health.coverage("data_api") is None


def test_a_source_that_goes_mute_is_told_so_and_comes_back_by_itself() -> None:
    days = Days()
    days.run(100, chain_logs=2, data_api=5, subgraph=8)

    gone = days.run(60, chain_logs=2, data_api=None, subgraph=8)
    back = days.run(90, chain_logs=2, data_api=5, subgraph=8)

    assert (gone, back) == (["data_api mute"], ["data_api ok"])


@pytest.mark.pitfall(8)
@pytest.mark.slow
def test_a_source_that_shows_all_of_it_too_late_is_late_and_counts_for_nothing() -> None:
    days = Days()
    days.run(100, chain_logs=2, data_api=5)

    days.run(400, chain_logs=2, data_api=120)

    assert days.verdicts() == {"chain_logs": "ok", "data_api": "late", "subgraph": "blind"}
    assert days.health.lag_stats("data_api").p50 == 120_000


def test_a_source_gone_wrong_does_not_take_the_others_with_it() -> None:
    days = Days()
    days.run(100, chain_logs=2, data_api=5)
    days.run(60, chain_logs=2)

    for fill in range(100):
        days.health.add_sight("data_api", f"only {fill}", NOW_MS + days.second * 1000, 5000)
    days.run(60, chain_logs=2)

    assert days.verdicts()["chain_logs"] == "ok"


@pytest.mark.slow
def test_coming_back_and_going_have_different_marks_so_nobody_flaps() -> None:
    days = Days()
    days.run(100, chain_logs=2, data_api=5, subgraph=5)

    changes: list[str] = []
    for _ in range(60):
        changes += days.run(4, chain_logs=2, data_api=5, subgraph=5)
        changes += days.run(2, chain_logs=2, data_api=5, subgraph=None)

    assert changes == []


@pytest.mark.pitfall(14)
def test_a_clock_that_is_off_changes_no_verdict() -> None:
    days = Days()

    days.run(100, chain_logs=902, data_api=905, subgraph=None)
    changes = days.run(1000, chain_logs=902, data_api=905)

    assert changes == ["subgraph blind"]


def test_rows_of_a_catch_up_are_no_evidence() -> None:
    health = SourceHealth(NAMES, HealthRules())
    for fill in range(100):
        health.add_sight("chain_logs", fill, NOW_MS, 3_600_000)
    health.add_sight("chain_logs", "fresh", NOW_MS, 2000)

    health.judge(NOW_MS + 60_000)

    assert health.missed_fills("data_api") == 1


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 30), st.integers(0, 10**6)), max_size=200))
def test_s4_memory_is_bounded_and_coverage_is_a_share_whatever_comes(sights: list[tuple[str, int, int]]) -> None:
    health = SourceHealth(NAMES, HealthRules(most=20, most_lags=10))

    for source, fill, after_ms in sights:
        health.add_sight(source, fill, NOW_MS + after_ms, after_ms)
        health.judge(NOW_MS + after_ms)

    assert len(health._fills) <= 20  # pyright: ignore[reportPrivateUsage] - the bound is the behaviour
    assert all(0 <= (health.coverage(name) or 0) <= 1 for name in NAMES)


def test_one_leaders_trouble_is_not_the_sources_but_trouble_in_a_row_is() -> None:
    stats = SourceStats(NAMES, clock=ManualClock(NOW_MS))
    stats.count_poll("data_api", "a", NOW_MS)

    stats.count_failure("data_api", "b", "404")
    one = stats.statuses()[1].state
    stats.count_failure("data_api", "a", "503")

    assert (one, stats.statuses()[1].state) == ("ok", "failing")
    stats.count_poll("data_api", "a", NOW_MS)
    assert stats.statuses()[1].state == "ok"
