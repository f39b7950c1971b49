"""A server that reads its file is waited for while it gets on; one that does not is given up."""

import pytest

from shared.clock import ManualClock
from shared.domain.errors import DependencyMissing
from shared.redis.server_loading import STALLED_S, LoadingProgress, LoadingWatch, loading_progress

pytestmark = pytest.mark.pitfall(61)


def watch(clock: ManualClock) -> tuple[LoadingWatch, list[str]]:
    told: list[str] = []
    return LoadingWatch("the server", clock, told.append), told


def at(loaded_bytes: int) -> LoadingProgress:
    return LoadingProgress(loaded_bytes, loaded_bytes / 10, 7)


def test_how_far_a_server_is_comes_from_its_info() -> None:
    info = {"loading": 1, "loading_loaded_bytes": 50, "loading_loaded_perc": "12.50", "loading_eta_seconds": 3}

    assert loading_progress(info) == LoadingProgress(50, 12.5, 3)
    assert loading_progress({"loading": 0}) is None
    assert loading_progress({}) is None


def test_a_server_that_gets_on_is_waited_for_without_a_limit_and_says_how_far_it_is() -> None:
    clock = ManualClock()
    watching, told = watch(clock)

    for loaded in range(1000):
        watching.saw(at(loaded))
        clock.advance(STALLED_S / 2)

    assert told[0] == "the server is loading: 0% of its file is read, about 7 s left"
    assert told[-1] == "the server is loading: 100% of its file is read, about 7 s left"


def test_a_line_is_not_said_at_every_look() -> None:
    clock = ManualClock()
    watching, told = watch(clock)

    for loaded in range(100):
        watching.saw(at(loaded))
        clock.advance(0.1)

    assert len(told) == 2


@pytest.mark.parametrize("loaded", [1, None])
def test_a_server_that_does_not_get_on_is_given_up(loaded: int | None) -> None:
    clock = ManualClock()
    watching, _ = watch(clock)

    def look() -> None:
        watching.saw(at(loaded)) if loaded else watching.saw_nothing()

    look()
    clock.advance(STALLED_S - 1)
    look()
    clock.advance(2)
    with pytest.raises(DependencyMissing, match="does not get on"):
        look()


def test_a_server_that_does_not_say_how_far_it_is_is_not_held_to_it() -> None:
    clock = ManualClock()
    watching, told = watch(clock)

    for _ in range(10):
        clock.advance(STALLED_S)
        watching.saw_loading()

    assert "does not say" in told[0]
