"""Real money needs two words, from wherever each comes; `--dry-run` on the command line beats a live environment."""

import pytest

from buyer.composition_modes import mode_of
from buyer.config import parse_args as buyer_args
from ops.config import UpSettings
from ops.run_service import ServiceSettings
from redeemer.config import parse_args as redeemer_args
from shared.config import parse
from shared.domain.errors import RefusedForSafety
from shared.domain.trading_words import WORDS, trading_mode

pytestmark = pytest.mark.slow


@pytest.fixture
def live_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVE", "true")
    monkeypatch.setenv("DRY_RUN", "false")


def modes(*flags: str) -> dict[str, str]:
    """Return what each program would trade with."""
    redeemer = redeemer_args(list(flags))
    return {
        "buyer": mode_of(buyer_args(list(flags))),
        "redeemer": trading_mode(live=redeemer.live, dry_run=redeemer.dry_run),
        "service": parse(ServiceSettings, list(flags)).mode,
        "up": parse(UpSettings, list(flags)).mode,
    }


def all_of(mode: str) -> dict[str, str]:
    return dict.fromkeys(("buyer", "redeemer", "service", "up"), mode)


def test_nothing_said_is_paper() -> None:
    assert modes() == all_of("paper")


@pytest.mark.usefixtures("live_environment")
def test_a_live_environment_is_live_everywhere() -> None:
    assert modes() == all_of("live")


def test_both_words_are_live_everywhere() -> None:
    assert modes("--live", "--no-dry-run") == all_of("live")


@pytest.mark.usefixtures("live_environment")
@pytest.mark.parametrize("flag", ["--dry-run", "--dry_run"])
def test_dry_run_beats_a_live_environment_everywhere(flag: str) -> None:
    assert modes(flag) == all_of("paper")


@pytest.mark.usefixtures("live_environment")
def test_each_mode_can_be_said_to_another_program_whatever_its_environment_says() -> None:
    assert {mode: set(modes(*words).values()) for mode, words in WORDS.items()} == {
        "paper": {"paper"},
        "live": {"live"},
    }


@pytest.mark.parametrize("flags", [("--live",), ("--no-dry-run",), ("--live", "--dry-run")])
def test_one_word_alone_or_against_the_other_is_refused(flags: tuple[str, ...]) -> None:
    with pytest.raises(RefusedForSafety, match="nothing was started"):
        modes(*flags)


@pytest.mark.parametrize("name", ["LIVE", "DRY_RUN"])
def test_one_word_alone_in_the_environment_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "true" if name == "LIVE" else "false")

    with pytest.raises(RefusedForSafety, match="nothing was started"):
        modes()
