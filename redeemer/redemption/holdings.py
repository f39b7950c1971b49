"""Holdings of a wallet, read from who keeps them right before anything is done.

Which positions belong to a condition is computed from the contract's own collection ids, for both collaterals: nothing
that the venue says about a market can make us call the wrong adapter. A condition of Protocol V2 names its positions
itself, and the PositionManager keeps them.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import takewhile

from redeemer.domain.redemption_action import POSITION, ConditionHolding, MarketKind
from redeemer.redemption.resolutions import ChainReader
from shared.domain.errors import Unavailable
from shared.domain.market import of_protocol_v2, positions_of
from shared.polymarket.wire import abi
from shared.polymarket.wire.contracts import Contracts
from shared.polymarket.wire.keccak import keccak256

BALANCE_OF = "0x00fdd58e"
COLLECTION_ID = "0x856296f7"
KINDS: tuple[MarketKind, MarketKind] = ("plain", "neg_risk")
_ROOT = "0x" + "0" * 64
_SETS = (1, 2)
MOST_KNOWN = 5000
"""Conditions whose token ids are remembered; they never change."""

MOST_ASKED = 500  # calls at a time: what the reader asks in its bounded number of batches

Tokens = dict[MarketKind, tuple[str, str]]


class Holdings:
    """Reads one wallet's balances."""

    def __init__(self, chain: ChainReader, wallet: str, contracts: Contracts) -> None:
        self._chain, self._wallet = chain, wallet
        self._collaterals = (contracts.usdc_e, contracts.wrapped_collateral)
        self._keepers = (contracts.conditional_tokens, contracts.position_manager)
        self._token_ids: OrderedDict[str, Tokens] = OrderedDict()

    def read_holdings(self, condition_ids: Sequence[str]) -> dict[str, tuple[ConditionHolding, ...]]:
        """Return what is held of each condition now, empty holdings left out.

        Raises:
            Unavailable: the node did not say everything.
        """
        self._compute_tokens([each for each in condition_ids if each not in self._token_ids])
        found: dict[str, tuple[ConditionHolding, ...]] = dict.fromkeys(condition_ids, ())
        for by_position, keeper in enumerate(self._keepers):
            kept = [each for each in condition_ids if of_protocol_v2(each) == bool(by_position)]
            for holding in self._kept_holdings(kept, keeper):
                found[holding.condition_id] = (*found[holding.condition_id], holding)
        return found

    def _kept_holdings(self, condition_ids: Sequence[str], keeper: str) -> Iterator[ConditionHolding]:
        places: list[tuple[str, MarketKind, tuple[str, str]]] = [
            (name, kind, pair) for name in condition_ids for kind, pair in self._token_ids[name].items()
        ]
        asked = [abi.encoded_call(BALANCE_OF, self._wallet, int(token)) for *_, pair in places for token in pair]
        balances = self._ask_numbers(asked, keeper)
        for at, (name, kind, pair) in enumerate(places):
            held = (balances[2 * at], balances[2 * at + 1])
            if any(held):
                yield ConditionHolding(name, kind, pair, held)

    def outcome_tokens(self, condition_id: str) -> Tokens:
        """Return the token ids of both outcomes, by market kind.

        Raises:
            Unavailable: the node does not answer.
        """
        self._compute_tokens([] if condition_id in self._token_ids else [condition_id])
        return self._token_ids[condition_id]

    def _compute_tokens(self, condition_ids: Sequence[str]) -> None:
        # The oldest leave first; asking for one again costs two calls.
        while self._token_ids and len(self._token_ids) + len(condition_ids) > MOST_KNOWN:
            self._token_ids.popitem(last=False)
        for name in filter(of_protocol_v2, condition_ids):
            self._token_ids[name] = {POSITION: positions_of(name)}
        names = [name for name in condition_ids if not of_protocol_v2(name)]
        asked = [abi.encoded_call(COLLECTION_ID, _ROOT, name, outcomes) for name in names for outcomes in _SETS]
        collections = self._ask_numbers(asked, self._keepers[0])
        for at, name in enumerate(names):
            pair = collections[2 * at : 2 * at + 2]
            self._token_ids[name] = {
                kind: (_position_id(address, pair[0]), _position_id(address, pair[1]))
                for kind, address in zip(KINDS, self._collaterals, strict=True)
            }

    def _ask_numbers(self, data: Sequence[str], keeper: str) -> list[int]:
        """Ask until everything is answered: a node answers a bounded number of questions at a time."""
        known: list[int] = []
        while len(known) < len(data):
            numbers = self._chain.call_numbers(data[len(known) : len(known) + MOST_ASKED], keeper)
            answered = [number for number in takewhile(lambda each: each is not None, numbers) if number is not None]
            if not answered:
                raise Unavailable(
                    f"the node answered {len(known)} of {len(data)} questions about {self._wallet}'s positions"
                )
            known += answered
        return known


def _position_id(collateral: str, collection: int) -> str:
    """Return a token id: keccak of the collateral's address and the collection (CTHelpers.getPositionId)."""
    packed = bytes.fromhex(collateral[2:]) + collection.to_bytes(32, "big")
    return str(int.from_bytes(keccak256(packed), "big"))
