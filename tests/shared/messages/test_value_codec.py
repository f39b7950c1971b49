"""The codec of values: one form, read and written byte for byte, and what is wrong is named."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.capture.capture import Capture
from shared.domain.errors import Malformed
from shared.domain.market import MarketFacts
from shared.messages.base import Event, fact_id, signal_id
from shared.messages.decisions import BuyEngineDecision, Inputs
from shared.messages.events import read_event, write_event
from shared.messages.redemptions import Redeemed, RedemptionResult
from shared.messages.service import BookSeen
from shared.messages.signals import ActionableSignal, Fill
from shared.messages.value_codec import codec_of
from tests.amounts import D
from tests.buyer.builders import a_book, a_market, a_signal

RECORDED = Path(__file__).parent.parent.parent / "backtest" / "recordings" / "of_0_1"
A_BOOK = BookSeen(id="1", emitted_at_ms=1, writer="w", number=1, token_id="7", book=a_book())
A_REDEMPTION = RedemptionResult(
    id="1",
    emitted_at_ms=1,
    wallet="0xa",
    condition_id="0xc",
    mode="paper",
    payouts=("1", "0"),
    lots=(Redeemed(leader="0xb", token_id="7", outcome_index=0, shares=D(5), cost=D(2), payout=D("2.5")),),
    expected=D(5),
    paid=D(5),
    cost=D(2),
    realized=D(3),
    ledger_seq=9,
)
KINDS: dict[str, type[Event]] = {
    "ACTIONABLE_SIGNAL": ActionableSignal,
    "BUY_ENGINE_DECISION": BuyEngineDecision,
    "REDEMPTION_RESULT": RedemptionResult,
    "BOOK_SEEN": BookSeen,
}
OLD = [entry.json for entry in Capture.open(RECORDED) if entry.fields["event"] in KINDS]
TEXTS = [
    *(write_event(read_event(text)) for text in OLD),
    *(
        write_event(event)
        for event in (
            a_signal(),
            a_signal(fills=(Fill(shares=D(100), usdc=D(52), fee=D("1.3")), Fill(shares=D(1), usdc=D(1)))),
            a_signal(facts=a_market(), side="SELL", part=2),
            a_signal(facts=a_market(fee_exponent=Decimal("0.5"))),
            A_BOOK,
            A_REDEMPTION,
        )
    ),
]
ODD: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        10**30,
        1.0,
        0.5,
        [],
        {},
        [None],
        "",
        " ",
        "0",
        "-0",
        "00.50",
        "1.",
        ".5",
        "+1",
        "1e3",
    ),
    *(
        "1_0",
        " 1.5 ",
        "nan",
        "Infinity",
        "-1.250",
        "\u0663.\u0665",
        "1" * 400,
        "BUY",
        "buy",
        "maker",
        "0x" + "A" * 40,
        "0X" + "a" * 64,
    ),
    *("0x" + "a" * 40 + "\n", "0x" + "a" * 64 + "\n", "ü\u2028", "\x00", '"', "\\", "\ud800", "\U0001f600"),
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return each place in a JSON value, as the container and its key."""
    kind: Any = value.__class__
    keys: list[Any] = list(value) if kind is dict else list(range(len(value))) if kind is list else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


@st.composite
def odd_texts(draw: st.DrawFn) -> str:
    """Draw an event with some of it changed, left out, added, moved, said twice or torn."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    event = json.loads(draw(st.sampled_from([text for text in [*TEXTS, *OLD] if json.loads(text)["event"] == kind])))
    for _ in range(draw(st.integers(0, 2))):
        inside, key = draw(st.sampled_from(places(event)))
        match draw(st.sampled_from(["change", "drop", "add", "move"])):
            case "change":
                inside[key] = draw(st.sampled_from(ODD))
            case "drop":
                del inside[key]
            case "add" if isinstance(inside, dict):
                inside["unheard_of"] = draw(st.sampled_from(ODD))
            case _ if isinstance(inside, dict):
                inside[key] = inside.pop(key)
            case _:
                pass
    spaced, plain = draw(st.booleans()), draw(st.booleans())
    text = json.dumps(event, separators=(", ", ": ") if spaced else (",", ":"), ensure_ascii=plain)
    return draw(torn(text.encode("utf-8", "replace").decode()))


def torn(text: str) -> st.SearchStrategy[str]:
    at = st.integers(0, len(text) - 1)
    keys = st.sampled_from(
        ['"side":"BUY",', '"price":1.5,', '"price":"7",', '"book":null,', '"version":2,', '"\\u0069d":"x",']
    )
    marks = st.sampled_from([*'"{}[],:\\ \n\x01\x7fx01.e+-', "\\u0041", "\\ud800", "\\ud83d\\ude00", "\ufeff"])
    return st.one_of(
        st.just(text),
        keys.map(lambda key: "{" + key + text[1:]),
        keys.map(lambda key: text[:-1] + "," + key[:-1] + "}"),
        at.map(lambda cut: text[:cut]),
        st.tuples(at, marks).map(lambda change: text[: change[0]] + change[1] + text[change[0] :]),
        st.tuples(at, marks).map(lambda change: text[: change[0]] + change[1] + text[change[0] + 1 :]),
    )


@pytest.mark.parametrize("text", TEXTS)
def test_what_we_wrote_is_read_and_written_again_byte_for_byte(text: str) -> None:
    event = read_event(text)

    assert write_event(event) == text
    assert codec_of(type(event)).read(text) == event
    assert codec_of(type(event)).of_plain(json.loads(text)) == event


@pytest.mark.slow
@given(odd_texts())
def test_whatever_is_sent_is_refused_with_its_place_or_has_one_form(drawn: str) -> None:
    problem = ""
    event = a_signal()
    try:
        event = read_event(drawn)
    except Malformed as error:
        problem = str(error)

    assert not problem or re.fullmatch(r"not an event: [\w.\[\]]+: .+ \(got .*\)", problem, flags=re.DOTALL)
    text = write_event(event)

    assert read_event(text) == event
    assert write_event(read_event(text)) == text


@pytest.mark.parametrize(
    ("place", "value", "problem"),
    [
        (
            "price",
            0.5,
            "price: Expected `str`, got `float`; a float cannot hold money, send a decimal string (got '0.5')",
        ),
        ("price", "0.5x", "price: not an amount: '0.5x' (got '0.5x')"),
        ("market", {"slug": 5}, "market.slug: Expected `str`, got `int` (got '5')"),
        ("facts", {"tick": "x"}, "facts: Object missing required field `token_id`"),
        ("side", "HOLD", "side: Invalid enum value 'HOLD' (got 'HOLD')"),
        ("leader", "0xa", "leader: not an address, 0x and 40 hex digits: '0xa' (got '0xa')"),
        ("traded_at_ms", None, "traded_at_ms: Expected `int`, got `null` (got 'None')"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_value(place: str, value: object, problem: str) -> None:
    said = {**json.loads(write_event(a_signal())), place: value}

    with pytest.raises(Malformed) as error:
        read_event(json.dumps(said))

    assert problem in str(error.value)


def test_an_unknown_field_is_dropped_and_a_missing_one_has_its_default() -> None:
    said = {**json.loads(write_event(a_signal())), "of_tomorrow": 1}
    del said["cause"], said["catch_up"]

    assert read_event(json.dumps(said)) == a_signal()


def test_a_part_that_is_written_once_and_missing_has_its_default_too() -> None:
    """What an older writer did not know, and what a later one leaves empty, is nothing in both."""
    inputs = codec_of(Inputs).read('{"now_ms":1}')

    assert inputs.market is None
    assert json.loads(codec_of(Inputs).write(inputs))["market"] is None


def test_addresses_and_hashes_are_read_in_any_case() -> None:
    said = json.loads(write_event(a_signal()))
    said |= {name: "0X" + said[name][2:].upper() for name in ("leader", "tx_hash")}

    assert read_event(json.dumps(said)) == a_signal()


def test_a_value_that_must_not_be_written_is_refused() -> None:
    with pytest.raises(Malformed, match="a ActionableSignal that must not be written: not a hash"):
        write_event(a_signal(tx_hash="0x1"))


def test_a_market_in_the_same_words_is_kept_once() -> None:
    texts = [write_event(a_signal(part=part, facts=a_market())) for part in (0, 1)]

    one, two = map(read_event, texts)

    assert isinstance(one, ActionableSignal)
    assert isinstance(two, ActionableSignal)
    assert isinstance(one.facts, MarketFacts)
    assert one.facts is two.facts


def test_a_value_with_a_field_of_no_known_form_is_named() -> None:
    class Measured(Event, frozen=True, kw_only=True):
        event: Literal["MEASURED"] = "MEASURED"
        share: complex

    with pytest.raises(TypeError, match="no form for <class 'complex'>"):
        codec_of(Measured)


def test_a_signals_id_is_its_facts_id() -> None:
    assert signal_id("0xa", "0xb", "7", "BUY", 3) == fact_id("signal", "0xa", "0xb", "7", "BUY", 3)
