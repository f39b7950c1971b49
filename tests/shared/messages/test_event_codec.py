"""Events in our own form are read fast, and all events as `read_event` reads them."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from shared.capture.capture import Capture
from shared.domain.errors import Malformed
from shared.domain.market import MarketFacts
from shared.messages.base import Event, fact_id, signal_id
from shared.messages.decisions import BuyEngineDecision
from shared.messages.event_codec import EventReader
from shared.messages.events import read_event, write_event
from shared.messages.redemptions import Redeemed, RedemptionResult
from shared.messages.service import BookSeen
from shared.messages.signals import ActionableSignal, Fill
from tests.buyer.builders import a_book, a_market, a_signal

D = Decimal
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
READERS = {kind: EventReader(model) for kind, model in KINDS.items()}
OLD = [entry.json for entry in Capture.open(RECORDED) if entry.fields["event"] in KINDS]
TEXTS = [
    *(write_event(read_event(text)) for text in OLD),
    *(
        write_event(event)
        for event in (
            a_signal(),
            a_signal(fills=(Fill(shares=D(100), usdc=D(52), fee=D("1.3")), Fill(shares=D(1), usdc=D(1)))),
            a_signal(facts=a_market(), side="SELL", part=2),
            a_signal(facts=a_market(fee_exponent=D("0.5"))),
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


def outcome(read: Callable[[str], object], text: str) -> object:
    try:
        return exactly(read(text))
    except Malformed as error:
        return str(error)


def exactly(value: Any) -> object:
    """Return a value with all that could differ in it: types, the decimals' forms, which fields were set, its JSON."""
    if isinstance(value, BaseModel):
        fields = {name: exactly(field) for name, field in vars(value).items()}
        extra = value.__pydantic_extra__, value.__pydantic_private__
        return type(value), list(fields), fields, value.model_fields_set, extra, value.model_dump_json()
    kind: Any = value.__class__
    return kind, [exactly(item) for item in value] if kind is tuple else repr(value)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return each place in a JSON value, as the container and its key."""
    kind: Any = value.__class__
    keys: list[Any] = list(value) if kind is dict else list(range(len(value))) if kind is list else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


@st.composite
def odd_texts(draw: st.DrawFn) -> tuple[str, str]:
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
    return kind, draw(torn(text.encode("utf-8", "replace").decode()))


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
def test_what_we_wrote_is_read_without_asking_the_slow_reader(text: str) -> None:
    reader = READERS[json.loads(text)["event"]]

    fast = reader.made(reader.struct(text))

    assert exactly(fast) == exactly(read_event(text))
    assert write_event(fast) == text


@pytest.mark.slow
@given(odd_texts())
def test_whatever_is_sent_is_read_or_refused_as_the_slow_reader_does(drawn: tuple[str, str]) -> None:
    kind, text = drawn

    assert outcome(READERS[kind].read, text) == outcome(read_event, text)


def test_a_market_in_the_same_words_is_kept_once() -> None:
    reader = READERS["ACTIONABLE_SIGNAL"]
    texts = [write_event(a_signal(part=part, facts=a_market())) for part in (0, 1)]

    one, two = (reader.read(text) for text in texts)

    assert isinstance(one, ActionableSignal)
    assert isinstance(two, ActionableSignal)
    assert isinstance(one.facts, MarketFacts)
    assert one.facts is two.facts


def test_a_model_with_a_field_of_no_known_form_is_named() -> None:
    class Measured(Event, frozen=True):
        share: float

    with pytest.raises(TypeError, match="no form for <class 'float'>"):
        EventReader(Measured)


def test_a_signals_id_is_its_facts_id() -> None:
    assert signal_id("0xa", "0xb", "7", "BUY", 3) == fact_id("signal", "0xa", "0xb", "7", "BUY", 3)
