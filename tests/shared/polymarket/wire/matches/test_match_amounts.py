"""What a match's logs will say, by example; `pending/evm` runs random matches on the exchanges' own code."""

import pytest

from shared.polymarket.wire.endpoints import CTF_EXCHANGE_V2, EXCHANGE_V3
from shared.polymarket.wire.matches.match_amounts import WillRevert, settled_orders
from shared.polymarket.wire.matches.match_call import CalledOrder, MatchCall, OrderFill

YES, NO = 101, 102


def an_order(gives: int, wants: int, *, is_sell: bool = False, token: int = YES) -> CalledOrder:
    wallet = "0x" + "a1" * 20
    return CalledOrder(b"", wallet, wallet, token, gives, wants, is_sell, 0, 0, b"")


def amounts(taker: OrderFill, *makers: OrderFill, exchange: str = CTF_EXCHANGE_V2) -> list[tuple[int, int]]:
    call = MatchCall(exchange, taker, makers)
    return [(one.gave, one.received) for one in settled_orders(call)]


def test_a_fill_is_rounded_down_and_the_takers_is_the_sum_of_the_makers() -> None:
    """A third of 10 for 7 pays 2, not 2.33."""
    seller = an_order(10, 7, is_sell=True)

    assert amounts(OrderFill(an_order(20, 20), 6, 0), OrderFill(seller, 3, 0), OrderFill(seller, 4, 0)) == [
        (3, 2),
        (4, 2),
        (4, 7),
    ]


@pytest.mark.parametrize(("exchange", "gave"), [(CTF_EXCHANGE_V2, 55), (EXCHANGE_V3, 53)])
def test_a_buy_that_mints_and_buys_gives_what_both_take(exchange: str, gave: int) -> None:
    minter, seller = an_order(48, 100, token=NO), an_order(2, 1, is_sell=True)

    found = amounts(
        OrderFill(an_order(60, 90), 55, 0), OrderFill(minter, 48, 0), OrderFill(seller, 2, 0), exchange=exchange
    )

    assert found == [(48, 100), (2, 1), (gave, 102)]


@pytest.mark.parametrize("exchange", [CTF_EXCHANGE_V2, EXCHANGE_V3])
def test_a_sell_that_merges_receives_what_mergers_leave_of_each_share(exchange: str) -> None:
    merger, buyer = an_order(100, 48, is_sell=True, token=NO), an_order(13, 25)
    taker = an_order(125, 60, is_sell=True)

    found = amounts(OrderFill(taker, 125, 1), OrderFill(merger, 100, 0), OrderFill(buyer, 13, 1), exchange=exchange)

    assert found == [(100, 48), (13, 25), (125, 65)]


def test_v3_takes_exactly_what_a_merge_uses_and_v2_gives_the_rest_back() -> None:
    merger, taker = an_order(100, 40, is_sell=True, token=NO), an_order(200, 40, is_sell=True)

    assert amounts(OrderFill(taker, 110, 0), OrderFill(merger, 100, 0))[-1] == (110, 60)
    with pytest.raises(WillRevert, match="not what makers take"):
        amounts(OrderFill(taker, 110, 0), OrderFill(merger, 100, 0), exchange=EXCHANGE_V3)


def test_a_match_without_makers_or_with_an_empty_order_is_refused() -> None:
    with pytest.raises(WillRevert, match="without makers"):
        amounts(OrderFill(an_order(1, 1), 1, 0))
    with pytest.raises(WillRevert, match="gives nothing"):
        amounts(OrderFill(an_order(1, 1), 1, 0), OrderFill(an_order(0, 1, is_sell=True), 0, 0))


def test_shares_and_collateral_are_named_by_the_orders_side() -> None:
    taker, maker = OrderFill(an_order(52, 100), 52, 2), OrderFill(an_order(100, 52, is_sell=True), 100, 0)

    sold, bought = settled_orders(MatchCall(CTF_EXCHANGE_V2, taker, (maker,)))

    assert (sold.role, sold.shares, sold.usdc) == ("maker", 100, 52)
    assert (bought.role, bought.shares, bought.usdc, bought.fee) == ("taker", 100, 52, 2)
