"""What our arithmetic says of a match is what the exchange's own code logs, to the micro-unit."""

import dataclasses
import os
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from shared.polymarket.recovery import keccak
from shared.polymarket.wire.endpoints import CTF_EXCHANGE_V2, ORDER_FILLED
from shared.polymarket.wire.matches.match_amounts import WillRevert, settled_orders
from shared.polymarket.wire.matches.match_call import read_match
from shared.polymarket.wire.matches.order_digest import DigestMaker
from tests.detector.sources.pending.exchange_on_evm import ExchangeOnEvm, artifact
from tests.detector.sources.pending.random_matches import a_random_match, seeded

pytestmark = pytest.mark.evm
MATCHES = int(os.environ.get("HYBRID_EVM_MATCHES", "30"))
TRADERS = 5


@pytest.fixture(scope="module")
def venue() -> Iterator[ExchangeOnEvm]:
    from tests.redeemer.evm.anvil import anvil, running  # noqa: PLC0415 - heavy, and only where it is asked for
    from tests.redeemer.evm.node import EvmNode  # noqa: PLC0415 - as above

    if not artifact("CTFExchange"):
        pytest.skip("needs HYBRID_EVM_ARTIFACTS, a folder with the compiled exchange: CTFExchange.json")
    with running() if anvil() else nullcontext(EvmNode()) as node:
        yield ExchangeOnEvm(node, TRADERS)


def test_every_amount_of_random_matches_is_the_logs(venue: ExchangeOnEvm) -> None:
    random, refused = seeded(17), 0
    for number in range(MATCHES):
        plain = a_random_match(random, TRADERS)

        tx_hash, data = venue.match(plain, number)

        expected = _expected(data)
        refused += expected is None
        shown = [_filled(log) for log in venue.logs(tx_hash) if log["topics"][0] == ORDER_FILLED] if tx_hash else None
        assert shown == expected, plain
    print(f"{MATCHES} matches, {refused} of them refused by both")  # noqa: T201 - the figure that a run is for


def test_an_orders_hash_is_the_exchanges(venue: ExchangeOnEvm) -> None:
    if not venue.is_polygon:
        pytest.skip("py-evm has another chain id than Polygon, and the hash holds it: needs anvil")
    _, data = venue.match(a_random_match(seeded(1), TRADERS), 9_999)
    order = read_match(CTF_EXCHANGE_V2, data).taker.order
    words = [order.struct[at : at + 32] for at in range(0, len(order.struct), 32)]
    numbers = [int.from_bytes(word, "big") for word in words]
    struct = (numbers[0], order.maker, order.signer, *numbers[3:9], words[9], words[10], order.signature)

    made = DigestMaker(venue.exchange.lower(), keccak).digests(dataclasses.replace(order))

    assert made.order_hash == venue.order_hash(struct)


def _expected(data: bytes) -> list[tuple[str, int, int, int]] | None:
    """Return what we say that the logs show; None for a match that the exchange refuses."""
    try:
        settled = settled_orders(read_match(CTF_EXCHANGE_V2, data))
    except WillRevert:
        return None
    return [(one.order.maker, one.gave, one.received, one.fee) for one in settled]


def _filled(log: dict[str, Any]) -> tuple[str, int, int, int]:
    data, topics = str(log["data"])[2:], log["topics"]
    words = [int(data[at : at + 64], 16) for at in range(0, len(data), 64)]
    return "0x" + str(topics[2])[-40:], words[2], words[3], words[4]
