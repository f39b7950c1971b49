"""The rule `corroborated`: the venue's own word goes out at once, a node's waits for a second one (pitfall 48)."""

import pytest

from detector.config import parse_args
from detector.domain.emit_rule import EmitRule
from detector.publishing.pending_confirmations import PendingConfirmations
from shared.domain.errors import BadConfig
from shared.messages.base import SIGHTINGS
from tests.detector.builders import LEADER, NOW_MS
from tests.detector.publishing.detector_fixture import WITHIN_S, DetectorFixture

CORROBORATED = EmitRule(corroborated=True, within_ms=WITHIN_S * 1000)


def sources_of(signal: dict[str, list[dict[str, str]]]) -> list[str]:
    return [seen["source"] for seen in signal["seen_by"]]


@pytest.mark.parametrize("source", ["rtds", "data_api"])
def test_what_the_venue_shows_leaves_at_once_and_waits_nowhere(source: str) -> None:
    detector = DetectorFixture(CORROBORATED)

    detector.show(source, 1)

    assert [(signal["emitted_by"], sources_of(signal)) for signal in detector.signals] == [("first", [source])]
    assert len(PendingConfirmations(detector.redis, 0)) == 0


@pytest.mark.pitfall(48)
def test_what_one_node_shows_waits_for_the_venue_and_names_both() -> None:
    detector = DetectorFixture(CORROBORATED)

    detector.show("chain_logs", 1)
    detector.show("chain_logs", 1)
    assert detector.signals == []
    detector.clock.advance(0.8)
    detector.show("rtds", 1)

    (signal,) = detector.signals
    assert (signal["emitted_by"], sources_of(signal)) == ("confirmed", ["chain_logs", "rtds"])
    assert signal["seen_by"][1]["seen_at_ms"] - signal["seen_by"][0]["seen_at_ms"] == 800


@pytest.mark.pitfall(48)
def test_two_nodes_are_enough_without_the_venue() -> None:
    detector = DetectorFixture(CORROBORATED)

    detector.show("chain_logs", 1)
    detector.show("second_node", 1)

    assert [sources_of(signal) for signal in detector.signals] == [["chain_logs", "second_node"]]


def test_what_a_node_adds_to_the_venues_word_waits_and_leaves_as_a_supplement_when_the_venue_shows_it() -> None:
    detector = DetectorFixture(CORROBORATED)

    detector.show("rtds", 1)
    detector.show("chain_logs", 1, 1)
    assert len(detector.signals) == 1
    detector.show("data_api", 1, 1)

    assert [signal["part"] for signal in detector.signals] == [0, 1]


@pytest.mark.pitfall(48)
def test_a_node_that_nobody_confirms_in_time_is_told_as_what_it_is() -> None:
    detector = DetectorFixture(CORROBORATED)
    detector.show("chain_logs", 1)

    detector.time_passes()

    assert [(signal["emitted_by"], sources_of(signal)) for signal in detector.signals] == [
        ("unconfirmed", ["chain_logs"])
    ]
    assert len(PendingConfirmations(detector.redis, 0)) == 0


def test_it_is_dropped_where_that_is_wanted() -> None:
    detector = DetectorFixture(EmitRule(corroborated=True, within_ms=WITHIN_S * 1000, drop=True))
    detector.show("chain_logs", 1)

    detector.time_passes()

    assert (detector.signals, len(detector.events(SIGHTINGS, "SIGNAL_DROPPED"))) == ([], 1)


def test_a_restart_in_between_keeps_what_waits() -> None:
    detector = DetectorFixture(CORROBORATED)
    detector.show("chain_logs", 1)

    later = detector.again()
    later.show("rtds", 1)
    later.show("chain_logs", 1)

    assert len(later.signals) == 1


@pytest.mark.pitfall(45)
def test_a_sell_told_before_its_buy_is_told_with_both_true_times() -> None:
    """The buy waits for its second word, the sell does not: the buyer sees by `traded_at_ms` which was first."""
    detector = DetectorFixture(CORROBORATED)

    detector.show("chain_logs", 1)
    detector.clock.advance(3)
    detector.show("rtds", 2, side="SELL", later_s=2)
    detector.show("rtds", 1)

    told = [(signal["side"], signal["traded_at_ms"] - NOW_MS) for signal in detector.signals]
    assert told == [("SELL", 2000), ("BUY", 0)]


@pytest.mark.parametrize(
    ("flags", "waits"),
    [
        ((), True),
        (("--sources", "chain_logs,rtds"), True),
        (("--sources", "chain_logs", "--second-rpc-url", "http://127.0.0.1:1"), True),
        (("--sources", "chain_logs"), False),
        (("--sources", "data_api", "--emit-rule", "first"), False),
    ],
)
def test_nothing_waits_for_a_word_that_nobody_can_give(flags: tuple[str, ...], *, waits: bool) -> None:
    rule = parse_args(["--tracked-wallets", LEADER, *flags]).rule

    assert rule.waits_with("chain_logs") is waits
    assert not rule.waits_with("rtds")


def test_a_node_does_not_vouch_for_itself() -> None:
    urls = ("--rpc-url", "http://node:1/key", "--second-rpc-url", "https://node:1/key")

    with pytest.raises(BadConfig, match="own node"):
        parse_args(["--tracked-wallets", LEADER, *urls])
