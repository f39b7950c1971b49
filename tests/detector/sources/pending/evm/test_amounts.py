"""What our arithmetic says of a match is what the exchange's own code logs, to the micro-unit; and its wallets are."""

import os
from typing import Any

import pytest
from eth_abi.abi import encode as abi_encode

from shared.polymarket.recovery import keccak
from shared.polymarket.wire.endpoints import EXCHANGE_V3, ORDER_FILLED
from shared.polymarket.wire.matches.match_amounts import WillRevert, settled_orders
from shared.polymarket.wire.matches.match_call import read_match
from shared.polymarket.wire.matches.order_digest import DigestMaker
from tests.detector.sources.pending.evm.conftest import TRADERS
from tests.detector.sources.pending.evm.venues import Venue
from tests.detector.sources.pending.match_builder import ORDER, Match, Order
from tests.detector.sources.pending.random_matches import PlainMatch, PlainOrder, a_random_match, seeded
from tests.redeemer.evm.evm_fixture import selector

pytestmark = pytest.mark.evm
MATCHES = int(os.environ.get("HYBRID_EVM_MATCHES", "30"))
"""Settled matches of each exchange."""


def test_every_amount_of_random_matches_is_the_logs(venue: Venue) -> None:
    random, settled, refused = seeded(17), 0, 0
    while settled < MATCHES:
        plain = a_random_match(random, 5)
        match = match_of(venue, plain, settled + refused)

        tx_hash = venue.rig.settle(match)

        expected = said(match)
        assert (shown(venue, tx_hash) if tx_hash else None) == expected, plain
        settled, refused = settled + (expected is not None), refused + (expected is None)
    print(f"{settled} settled matches on {venue.exchange}, 0 differ; {refused} more refused by both")  # noqa: T201


def test_an_orders_hash_is_the_exchanges(venue: Venue) -> None:
    match = match_of(venue, a_random_match(seeded(1), 5), 9_999)
    order = read_match(venue.exchange, match.calldata).taker.order

    made = DigestMaker(venue.exchange, keccak).digests(order).order_hash

    asked = selector(f"hashOrder({ORDER})") + abi_encode([ORDER], [match.taker.encoded]).hex()
    assert "0x" + made.hex() == venue.rig.asked(venue.exchange, asked)


def match_of(venue: Venue, plain: PlainMatch, number: int) -> Match:
    """Return a plain match with orders of real wallets, whose types change with its number; some of combinations."""
    taker, *makers = (
        _order(venue, each, number, number * 16 + place) for place, each in enumerate((plain.taker, *plain.makers))
    )
    fees = (plain.taker_fee, plain.fees, plain.received)
    amounts = dict(zip(("taker_fee", "fees", "received"), fees, strict=True))
    legs = (venue.tokens[0],) if venue.exchange == EXCHANGE_V3 and number % 3 == 0 else ()
    named: dict[str, Any] = {"exchange": venue.exchange, "condition": venue.condition, "legs": legs, **amounts}
    return Match(taker, tuple(makers), plain.taker_fill, plain.fills, **named)


def said(match: Match) -> list[tuple[str, int, int, int]] | None:
    """Return what we say that the logs show; None for a match that the exchange refuses."""
    try:
        settled = settled_orders(read_match(match.exchange, match.calldata))
    except WillRevert:
        return None
    return [(one.order.maker, one.gave, one.received, one.fee) for one in settled]


def shown(venue: Venue, tx_hash: str) -> list[tuple[str, int, int, int]]:
    """Return what the logs show, read without our reader."""
    logs = venue.rig.receipt(tx_hash)["logs"]
    return [_filled(log) for log in logs if log["address"] == venue.exchange and log["topics"][0] == ORDER_FILLED]


def _order(venue: Venue, plain: PlainOrder, number: int, salt: int) -> Order:
    wallet = TRADERS[(plain.trader + number) % len(TRADERS)]
    token, side = venue.tokens[plain.outcome], int(plain.is_sell)
    return Order(wallet, token, side, plain.gives, plain.wants, salt, exchange=venue.exchange)


def _filled(log: dict[str, Any]) -> tuple[str, int, int, int]:
    data, topics = str(log["data"])[2:], log["topics"]
    words = [int(data[at : at + 64], 16) for at in range(0, len(data), 64)]
    return "0x" + str(topics[2])[-40:], words[2], words[3], words[4]
