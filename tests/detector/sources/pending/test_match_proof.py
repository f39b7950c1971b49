"""A match is believed when operator and leader signed it, and nothing that a node can make up is."""

import dataclasses
from typing import Any

import pytest

from detector.sources.pending.match_proof import MatchProof, NotProven, ProvenMatch
from detector.sources.pending.order_proof import OrderProofs
from shared.domain.errors import Unavailable
from shared.polymarket.wire.endpoints import CTF_EXCHANGE_V2, EXCHANGE_V3, NEG_RISK_CTF_EXCHANGE_V2
from tests.detector.sources.pending.match_builder import (
    LEADER,
    MAKER,
    NO,
    NOW_MS,
    OPERATOR,
    OTHER,
    Match,
    Order,
    Wallet,
    leaders_of,
)

MAX_AGE_MS = 600_000
SELLER = Order(MAKER, side=1, gives=100_000_000, wants=52_000_000)


class KnownOperators:
    """One operator, who sent so many transactions."""

    def __init__(self, mined: int = 0, *, away: bool = False) -> None:
        self.mined, self.away = mined, away

    def is_operator(self, exchange: str, address: str) -> bool:
        if self.away:
            raise Unavailable("the node is away")
        assert exchange in {CTF_EXCHANGE_V2, NEG_RISK_CTF_EXCHANGE_V2, EXCHANGE_V3}
        return address == OPERATOR

    def next_nonce(self, address: str) -> int:
        assert address == OPERATOR
        return self.mined


class Asked:
    """Wallets' contracts, which say yes to one of them."""

    def __init__(self, yes: str = "") -> None:
        self.yes, self.times = yes, 0

    def __call__(self, wallet: str, order_hash: bytes, signature: bytes) -> bool:
        assert len(order_hash) == 32
        assert signature
        self.times += 1
        return wallet == self.yes


def proven(
    match: Match, *wallets: Wallet, operators: Any = None, asked: Any = None, now_ms: int = NOW_MS, mined: bool = False
) -> ProvenMatch | None:
    proof = MatchProof(operators or KnownOperators(), OrderProofs(asked or Asked()), max_age_ms=MAX_AGE_MS)
    return proof.prove(match.transaction, leaders_of(*(wallets or (LEADER,))), now_ms, mined=mined)


def refusal(match: Match, **more: Any) -> str:
    with pytest.raises(NotProven) as found:
        proven(match, **more)
    return found.value.reason


def with_exchange(match: Match, exchange: str) -> Match:
    makers = tuple(dataclasses.replace(each, exchange=exchange) for each in match.makers)
    return dataclasses.replace(
        match, exchange=exchange, taker=dataclasses.replace(match.taker, exchange=exchange), makers=makers
    )


@pytest.mark.parametrize("exchange", [CTF_EXCHANGE_V2, NEG_RISK_CTF_EXCHANGE_V2, EXCHANGE_V3])
@pytest.mark.parametrize("kind", range(4))
def test_a_leader_of_each_wallet_type_is_proven_on_each_exchange(exchange: str, kind: int) -> None:
    leader = Wallet(1, kind)
    match = with_exchange(Match(taker=Order(leader), taker_fee=1_000_000), exchange)

    found = proven(match, leader)

    assert found is not None
    assert found.tx_hash == match.node_json["hash"]
    (one,) = found.orders
    assert (one.order.maker, one.role, one.shares, one.usdc) == (leader.address, "taker", 100_000_000, 52_000_000)
    assert one.fee == 1_000_000


def test_a_leader_who_made_is_proven_by_his_own_order_alone() -> None:
    """The other side's signature is the exchange's matter."""
    match = Match(
        taker=Order(OTHER, changes=((11, b"\x01" * 65),)), makers=(dataclasses.replace(SELLER, wallet=LEADER),)
    )

    found = proven(match)

    assert found is not None
    assert [(one.role, one.order.is_sell, one.usdc) for one in found.orders] == [("maker", True, 52_000_000)]


def test_all_leaders_in_a_match_are_told_with_every_order_of_theirs() -> None:
    makers = (
        Order(MAKER, side=1, gives=60_000_000, wants=30_000_000),
        Order(MAKER, side=1, gives=40_000_000, wants=20_800_000, salt=8),
    )
    found = proven(Match(makers=makers, fills=(60_000_000, 40_000_000), fees=(0, 0)), LEADER, MAKER)

    assert found is not None
    assert [(one.order.maker, one.shares, one.usdc) for one in found.orders] == [
        (MAKER.address, 60_000_000, 30_000_000),
        (MAKER.address, 40_000_000, 20_800_000),
        (LEADER.address, 100_000_000, 50_800_000),
    ]


def test_what_a_mint_leaves_over_is_no_part_of_v3s_log_and_of_v2s_it_is() -> None:
    minter = Order(MAKER, token=NO, side=0, gives=60_000_000, wants=100_000_000)
    match = Match(makers=(minter,), fills=(60_000_000,), received=100_000_000)

    on_v2 = proven(match)
    on_v3 = proven(with_exchange(match, EXCHANGE_V3))

    assert on_v2 is not None
    assert on_v3 is not None
    assert [one.usdc for one in on_v2.orders] == [52_000_000]
    assert [one.usdc for one in on_v3.orders] == [40_000_000]


def test_a_match_of_strangers_is_not_looked_into() -> None:
    assert proven(Match(changes={"input": Match().node_json["input"], "v": "nonsense"}), OTHER) is None


@pytest.mark.pitfall(48)
@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "0x6"},
        {"gas": "0x1"},
        {"input": dataclasses.replace(Match(), taker_fill=51_999_999).node_json["input"]},
        {"to": NEG_RISK_CTF_EXCHANGE_V2},
    ],
    ids=["number", "gas", "amounts", "exchange"],
)
def test_what_a_node_changes_is_no_operators_any_more(changes: dict[str, str]) -> None:
    assert refusal(Match(changes=changes)) in {"operator", "order", "reverts"}


@pytest.mark.pitfall(48)
def test_a_match_by_anybody_else_is_refused() -> None:
    assert refusal(Match(operator_key="0x" + "0c" * 32)) == "operator"


@pytest.mark.pitfall(48)
@pytest.mark.parametrize("kind", range(4))
@pytest.mark.parametrize("change", [(0, 8), (3, 999), (4, 53_000_000), (8, 5), (11, b""), (11, b"\x1b" * 65)])
def test_an_order_that_the_leader_did_not_sign_so_is_refused(kind: int, change: tuple[int, Any]) -> None:
    leader = Wallet(1, kind)

    with pytest.raises(NotProven) as found:
        proven(Match(taker=Order(leader, changes=(change,))), leader)

    assert found.value.reason in {"order", "reverts", "stale"}


@pytest.mark.pitfall(48)
def test_another_key_cannot_sign_for_a_leaders_wallet() -> None:
    """The signer is whoever signed; the wallet is not the one that the factories give him."""
    safe, thief = Wallet(1, 2), Wallet(66, 2)
    values = Order(thief).encoded
    forged = Order(thief, changes=((1, safe.address),))

    assert values[2] == thief.owner
    with pytest.raises(NotProven, match="not signed"):
        proven(Match(taker=forged), safe)


def test_a_deposit_wallet_with_another_owner_is_asked_once_for_each_key() -> None:
    wallet = Wallet(1, 3)

    class Moved(Wallet):
        @property
        def address(self) -> str:
            return "0x" + "d0" * 20

    moved, asked = Moved(1, 3), Asked("0x" + "d0" * 20)
    proof = MatchProof(KnownOperators(), OrderProofs(asked), max_age_ms=MAX_AGE_MS)

    for salt in (1, 2):
        match = Match(taker=Order(moved, salt=salt))
        assert proof.prove(match.transaction, leaders_of(moved), NOW_MS) is not None

    assert asked.times == 1
    assert wallet.address != moved.address


def test_nobody_to_ask_is_not_proven_and_says_so() -> None:
    assert refusal(Match(), operators=KnownOperators(away=True)) == "unasked"


@pytest.mark.parametrize("now_ms", [NOW_MS + MAX_AGE_MS, NOW_MS - MAX_AGE_MS - 1_000])
def test_an_old_match_told_again_is_refused(now_ms: int) -> None:
    assert refusal(Match(), now_ms=now_ms) == "stale"


def test_a_match_whose_number_the_operator_has_passed_is_refused_unless_a_block_is_asked() -> None:
    assert refusal(Match(nonce=5), operators=KnownOperators(mined=6)) == "stale"
    assert proven(Match(nonce=6), operators=KnownOperators(mined=6)) is not None
    assert proven(Match(nonce=5), operators=KnownOperators(mined=6), mined=True) is not None


@pytest.mark.parametrize(
    "match",
    [
        Match(makers=(dataclasses.replace(SELLER, wants=53_000_000),)),
        Match(makers=(dataclasses.replace(SELLER, gives=90_000_000),)),
        Match(taker_fill=51_000_000),
        Match(makers=(dataclasses.replace(SELLER, token=NO),)),
        with_exchange(Match(received=99_999_999), EXCHANGE_V3),
    ],
    ids=["prices", "a maker's rest", "a taker's fill", "tokens", "stated amount"],
)
def test_a_match_that_the_exchange_would_refuse_is_no_signal(match: Match) -> None:
    assert refusal(match) == "reverts"
