"""Rules of the book: its token, its levels, its age, its tick, and the limit on the tick's grid."""

import pytest

from buyer.strategy.policy import decide_signal
from buyer.strategy.sizing import limit_price
from shared.domain.market import Book
from shared.domain.money import micro_text
from shared.messages.signals import MarketHint
from tests.amounts import D
from tests.buyer.builders import (
    NOW_MS,
    a_book,
    a_case,
    a_market,
    a_signal,
    levels,
)
from tests.buyer.strategy.failed_rules import failed


@pytest.mark.pitfall(15)
def test_a_book_or_market_of_another_outcome_is_never_bought() -> None:
    assert "right_token" in failed(market=a_market(token_id="999"))
    assert "right_token" in failed(book=a_book(token_id="999"))
    assert "right_token" in failed(signal=a_signal(market=MarketHint(condition_id="0x" + "ff" * 32)))


@pytest.mark.pitfall(15)
def test_the_second_outcome_is_bought_as_the_second_outcome() -> None:
    signal = a_signal(token_id="222")
    decision = decide_signal(
        a_case(signal=signal, market=a_market(token_id="222", outcome_index=1), book=a_book(token_id="222"))
    )

    assert decision.order is not None
    assert decision.order.token_id == "222"


@pytest.mark.pitfall(16)
def test_levels_in_any_order_give_the_same_best_price() -> None:
    upside_down = Book.of(
        "1234567890", NOW_MS, levels(("0.48", "1"), ("0.49", "1")), levels(("0.53", "1"), ("0.5", "9"))
    )

    assert upside_down.best_ask == D("0.5")
    assert upside_down.best_bid == D("0.49")


@pytest.mark.pitfall(16)
def test_an_empty_side_a_crossed_book_and_a_stale_book_are_not_traded_on() -> None:
    assert {"book_sane", "slippage", "spread", "fair_price", "fillable"} == failed(book=a_book(asks=()))
    assert "book_sane" in failed(book=a_book(bids=(("0.51", "5"),)))
    assert failed(book=a_book(at_ms=NOW_MS - 11_000)) == {"book_fresh"}


@pytest.mark.pitfall(17)
def test_a_tick_the_venue_does_not_know_is_refused() -> None:
    assert "slippage" in failed(market=a_market(tick=D("0.03")))


@pytest.mark.pitfall(17)
def test_the_books_own_tick_beats_the_one_we_remember() -> None:
    changed = a_book(tick=D("0.001"))

    decision = decide_signal(a_case(book=changed, signal=a_signal(price=D("0.4987"), usdc=D("49.87"))))

    assert decision.order is not None
    assert decision.order.limit_price == D("0.5")


@pytest.mark.pitfall(17)
@pytest.mark.parametrize("tick", ["0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001"])
def test_the_limit_is_on_the_grid_of_every_tick(tick: str) -> None:
    decision = decide_signal(a_case(market=a_market(tick=D(tick)), signal=a_signal(price=D("0.5013"), usdc=D("50.13"))))

    assert decision.order is None or decision.order.limit_price % D(tick) == 0
    assert decision.order is None or decision.order.limit_price <= D("0.5013") + max(2 * D(tick), D("0.010026"))


def test_a_limit_reads_the_same_however_its_tick_was_written_before() -> None:
    """Values are kept: what an equal tick of another form gave first must not show in later decisions."""
    assert micro_text(limit_price(D("0.999"), "BUY", D("0.010"), 2, D(0))) == "0.99"
    assert micro_text(limit_price(D("0.999"), "BUY", D("0.01"), 2, D(0))) == "0.99"
    assert micro_text(limit_price(D("0.002"), "SELL", D("0.01"), 2, D("0.0"))) == "0.01"
