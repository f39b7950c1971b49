"""Polygon logs as the venue's contracts emit them."""

from dataclasses import dataclass
from functools import lru_cache

from simulator.core import identity
from simulator.core.book import Side

ORDER_FILLED_V1 = "0xd0a08e8c493f9c94f29311604c9de1b4e8c8d4c06bd0c789af57f2d65bfec0f6"
ORDER_FILLED_V2 = "0xd543adfd945773f1a62f74f0ee55a5e3b9b1a28262980ba90b1a89f2ea84d8ee"
ORDERS_MATCHED_V1 = "0x63bf4d16b7fa898ef4c4b2b6d90fd201e9c56313b65638af6088d149d2ce956c"
ORDERS_MATCHED_V2 = "0x174b3811690657c217184f89418266767c87e4805d09680c39fc9c031c0cab7c"
CONDITION_RESOLUTION = "0xb44d84d3289691f71497564b85d4233648d9dbae8cbdbb4329f301c3a0185894"
PAYOUT_REDEMPTION = "0x2682012a4a4f1973119f1c9b90745d1bd91fa2bab387344f044cb3586864d18d"

PAYOUT_DENOMINATOR = "0xdd34de67"
PAYOUT_NUMERATORS = "0x0504c814"
OUTCOME_SLOT_COUNT = "0xd42dc0c2"
BALANCE_OF = "0x00fdd58e"


@dataclass(frozen=True, slots=True)
class Emission:
    """A log before it has a place in a block."""

    address: str
    topics: tuple[str, ...]
    numbers: tuple[int, ...]

    @property
    def data(self) -> str:
        """Return the words that are not indexed, as hex."""
        return "0x" + "".join(map(word, self.numbers))


@dataclass(frozen=True, slots=True)
class Trade:
    """What an OrderFilled or OrdersMatched event tells about one order."""

    exchange: str
    order_hash: str
    maker: str
    taker: str
    side: Side
    token_id: str
    shares: int
    usdc: int
    fee: int
    builder: int = 0
    metadata: int = 0

    @property
    def amounts(self) -> tuple[int, int]:
        """Return what the order's owner gave, then what came in."""
        return (self.usdc, self.shares) if self.side == "BUY" else (self.shares, self.usdc)

    @property
    def assets(self) -> tuple[str, str]:
        """Return the V1 asset ids given and received; "0" is collateral."""
        return ("0", self.token_id) if self.side == "BUY" else (self.token_id, "0")


def word(value: int) -> str:
    """Return 32 bytes of hex without prefix."""
    return f"{value:064x}"


@lru_cache(maxsize=10_000)
def padded(address: str) -> str:
    """Return an address as a topic."""
    return "0x" + "0" * 24 + address[2:]


def order_filled_v2(trade: Trade) -> Emission:
    """Encode the event of the V2 and V3 exchanges."""
    given, received = trade.amounts
    numbers = (trade.side == "SELL", int(trade.token_id), given, received, trade.fee, trade.builder, trade.metadata)
    return Emission(trade.exchange, _filled_topics(ORDER_FILLED_V2, trade), numbers)


def order_filled_v1(trade: Trade) -> Emission:
    """Encode the event of the exchanges retired on 2026-04-28."""
    numbers = (*map(int, trade.assets), *trade.amounts, trade.fee)
    return Emission(trade.exchange, _filled_topics(ORDER_FILLED_V1, trade), numbers)


def orders_matched_v2(trade: Trade) -> Emission:
    """Encode the taker's summary; hash and owner are indexed, as in the contract source."""
    topics = (ORDERS_MATCHED_V2, trade.order_hash, padded(trade.maker))
    numbers = (trade.side == "SELL", int(trade.token_id), *trade.amounts)
    return Emission(trade.exchange, topics, numbers)


def orders_matched_v1(trade: Trade) -> Emission:
    """Encode the V1 summary."""
    topics = (ORDERS_MATCHED_V1, trade.order_hash, padded(trade.maker))
    return Emission(trade.exchange, topics, (*map(int, trade.assets), *trade.amounts))


def condition_resolution(
    contract: str, condition_id: str, oracle: str, question_id: str, payouts: tuple[int, int]
) -> Emission:
    """Encode the moment a condition's payouts become known."""
    topics = (CONDITION_RESOLUTION, condition_id, padded(oracle), question_id)
    return Emission(contract, topics, (len(payouts), 64, len(payouts), *payouts))


def payout_redemption(contract: str, redeemer: str, collateral: str, condition_id: str, payout: int) -> Emission:
    """Encode a redemption of both index sets of a binary condition."""
    topics = (PAYOUT_REDEMPTION, padded(redeemer), padded(collateral), identity.zero32())
    return Emission(contract, topics, (int(condition_id, 16), 96, payout, 2, 1, 2))


def _filled_topics(topic: str, trade: Trade) -> tuple[str, ...]:
    return (topic, trade.order_hash, padded(trade.maker), padded(trade.taker))
