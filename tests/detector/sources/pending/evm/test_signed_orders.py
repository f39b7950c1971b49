"""Orders that our buyer signs settle on the real exchanges, and what our reader and our proof say of them is true."""

import itertools
import os
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import pytest

from buyer.strategy.exits.exit_floor import fee_floor
from detector.sources.pending.match_proof import MatchProof
from detector.sources.pending.operator_registry import OperatorRegistry
from detector.sources.pending.order_proof import OrderProofs
from detector.sources.pending.pending_matches import fills_of
from detector.sources.pending.wallet_word import WalletWord
from shared.clock import ManualClock
from shared.domain.money import MICRO, Price, Rate
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire.endpoints import EXCHANGE_V3
from shared.polymarket.wire.leader_fills import LeaderFill
from shared.polymarket.wire.matches.match_call import CalledOrder, read_match
from shared.polymarket.wire.matches.signed_transaction import NodeTransaction
from shared.polymarket.wire.order_filled import read_logs
from tests.buyer.builders import a_market
from tests.detector.sources.pending.evm.conftest import TRADERS
from tests.detector.sources.pending.evm.signed_matches import SignedMatch, a_signed_match, our_order
from tests.detector.sources.pending.evm.test_amounts import said
from tests.detector.sources.pending.evm.venues import FEE_RECEIVER, Venue
from tests.detector.sources.pending.match_builder import Match
from tests.detector.sources.pending.random_matches import PlainOrder, seeded

pytestmark = pytest.mark.evm
MATCHES = int(os.environ.get("HYBRID_EVM_MATCHES", "30"))
"""Settled matches of each exchange."""
_SALTS = itertools.count(10**9, 2)
BID, FEE = 40_000, 1_920
"""A cheap bid, and what a share sold to it costs at 5%: 0.05 x 0.04 x 0.96."""


def test_our_orders_settle_and_reader_proof_and_balances_agree(venue: Venue) -> None:
    random, proof, settled, refused = seeded(203), _proof(venue), 0, 0
    while settled < MATCHES:
        made = a_signed_match(random, venue, settled + refused)
        before = _balances(venue)

        tx_hash = venue.rig.settle(made.match)

        expected = said(made.match)
        assert bool(tx_hash) == (expected is not None), made
        if not tx_hash:
            refused += 1
            continue
        settled += 1
        fills = read_logs([{**log, "blockTimestamp": "0x1"} for log in venue.rig.receipt(tx_hash)["logs"]]).fills
        assert [(f.leader, *_gave_got(f), f.fee_micro) for f in fills] == expected
        assert _pending(venue, proof, tx_hash) == [_plain(fill) for fill in fills]
        assert _moved(before, _balances(venue)) == _owed(made, fills, venue), made
    print(f"{settled} settled matches of our orders on {venue.exchange}, 0 differ; {refused} refused by both")  # noqa: T201


def test_a_sale_far_below_a_cheap_bid_settles_only_above_the_fee_floor(venue: Venue) -> None:
    """The exchange caps a fee against the cash at a SELL's *limit* (venue reference 7.7); V3 against the proceeds."""
    for cap_bps, floor in ((500, FEE * 20), (1000, FEE * 10)):
        _cap_fees(venue, cap_bps)

        assert _sold(venue, floor)
        assert bool(_sold(venue, floor - 100)) == (venue.exchange == EXCHANGE_V3)

    _cap_fees(venue, 500)


def test_the_floor_of_our_exits_is_that_of_the_cap_that_the_exchange_says_it_has(venue: Venue) -> None:
    """It begins with 500 bps; an exit that believes in 1000 then reverts, which is why the preflight asks."""
    floors = {cap_bps: fee_floor(Price(BID), a_market(fee_rate=Rate(50_000)), cap_bps) for cap_bps in (1000, 500)}

    settles = {cap_bps: bool(_cap_fees(venue, cap_bps) or _sold(venue, floor)) for cap_bps, floor in floors.items()}
    believed = _sold(venue, floors[1000])
    if venue.exchange != EXCHANGE_V3:
        assert int(venue.rig.call(venue.exchange, "getMaxFeeRate()"), 16) == 500

    assert floors == {1000: FEE * 10, 500: FEE * 20}
    assert settles == {1000: True, 500: True}
    assert bool(believed) == (venue.exchange == EXCHANGE_V3)


def test_an_order_signed_by_another_key_is_refused_by_the_exchange_and_by_our_proof(venue: Venue) -> None:
    for wallet in TRADERS[:4]:
        mine = PlainOrder(0, 0, is_sell=True, gives=MICRO, wants=MICRO // 2)
        good = our_order(venue, wallet, mine, 5 * 10**9 + wallet.kind, "GTC")
        forged = list(good.encoded)
        forged[-1] = our_order(venue, TRADERS[7], mine, 1, "GTC").encoded[-1][:65] + forged[-1][65:]
        asked = OrderProofs(WalletWord(_client(venue)))

        assert asked.is_signed(venue.exchange, _called(venue, good.encoded))
        assert not asked.is_signed(venue.exchange, _called(venue, tuple(forged)))
        assert venue.rig.settle(_against(venue, good.encoded))
        assert not venue.rig.settle(_against(venue, tuple(forged)))


def _cap_fees(venue: Venue, cap_bps: int) -> None:
    if venue.exchange != EXCHANGE_V3:  # V3's cap is in its code
        venue.rig.send(venue.exchange, "setMaxFeeRate(uint256)", cap_bps)


def _sold(venue: Venue, limit: int) -> str:
    """Sell 100 shares at a limit to a bid of 0.04, with a fee of 5%; return the transaction, '' where it reverts."""
    shares, salt = 100 * MICRO, next(_SALTS)
    maker = PlainOrder(1, 0, is_sell=False, gives=shares * BID // MICRO, wants=shares)
    taker = PlainOrder(0, 0, is_sell=True, gives=shares, wants=shares * limit // MICRO)
    orders = [our_order(venue, TRADERS[n], each, salt + n, "FAK") for n, each in enumerate((taker, maker))]
    amounts: Any = (orders[0], (orders[1],), shares, (maker.gives,), FEE * shares // MICRO, (0,))
    named: Any = {"exchange": venue.exchange, "condition": venue.condition, "received": maker.gives}
    return venue.rig.settle(Match(*amounts, **named))


def _client(venue: Venue) -> PolygonClient:
    return PolygonClient(cast("Any", venue.rig.node))


def _proof(venue: Venue) -> MatchProof:
    node = _client(venue)
    return MatchProof(OperatorRegistry([node], ManualClock(0)), OrderProofs(WalletWord(node)), max_age_ms=0)


def _pending(venue: Venue, proof: MatchProof, tx_hash: str) -> list[Any]:
    """Return what our proof makes of the transaction, as a node shows it."""
    shown = msgspec.convert(venue.rig.node.ask("eth_getTransactionByHash", tx_hash), NodeTransaction)
    leaders = frozenset(bytes.fromhex(each.address[2:]) for each in TRADERS)
    found = proof.prove(shown, leaders, 0, mined=True)
    assert found is not None
    assert found.tx_hash == tx_hash
    return [_plain(fill) for fill in fills_of(found, 0)]


def _plain(fill: LeaderFill) -> tuple[Any, ...]:
    return fill.leader, fill.token_id, fill.side, fill.shares_micro, fill.usdc_micro, fill.role, fill.fee_micro


def _gave_got(fill: LeaderFill) -> tuple[int, int]:
    pair = (fill.usdc_micro, fill.shares_micro)
    return pair if fill.side == "BUY" else (pair[1], pair[0])


def _balances(venue: Venue) -> dict[str, tuple[int, int, int]]:
    return {each: venue.balances(each) for each in (*(one.address for one in TRADERS), FEE_RECEIVER)}


def _moved(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    moved = {who: tuple(b - a for a, b in zip(before[who], after[who], strict=True)) for who in before}
    return {who: each for who, each in moved.items() if any(each)}


def _owed(made: SignedMatch, fills: Any, venue: Venue) -> dict[str, tuple[int, ...]]:
    """Return what wallets should have gained, from the logs; a MINT's or MERGE's leftover comes back without a word."""
    owed = {FEE_RECEIVER: [sum(fill.fee_micro for fill in fills), 0, 0]}
    for fill in fills:
        money, *tokens = owed.setdefault(fill.leader, [0, 0, 0])
        place, sign = venue.tokens.index(int(fill.token_id)), 1 if fill.side == "BUY" else -1
        gave = made.used if fill.role == "taker" else _gave_got(fill)[0]
        cash, shares = (gave, fill.shares_micro) if sign == 1 else (fill.usdc_micro, gave)
        tokens[place] += sign * shares
        owed[fill.leader] = [money - sign * cash - fill.fee_micro, *tokens]
    return {who: tuple(each) for who, each in owed.items() if any(each)}


@dataclass(frozen=True)
class _Given:
    """An order as it is given."""

    encoded: tuple[Any, ...]


def _against(venue: Venue, encoded: tuple[Any, ...]) -> Match:
    """Return a match that sells one share at 0.50 to somebody who wants it."""
    other = our_order(
        venue, TRADERS[5], PlainOrder(0, 0, is_sell=False, gives=MICRO // 2, wants=MICRO), encoded[0], "GTC"
    )
    made: Any = (_Given(encoded), (other,), MICRO, (MICRO // 2,), 0, (0,))
    named: Any = {"exchange": venue.exchange, "condition": venue.condition, "received": MICRO // 2}
    return Match(*made, **named)


def _called(venue: Venue, encoded: tuple[Any, ...]) -> CalledOrder:
    return read_match(venue.exchange, _against(venue, encoded).calldata).taker.order
