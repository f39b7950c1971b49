"""Holdings of a wallet, read from ConditionalTokens right before anything is done.

Which positions belong to a condition is computed from the contract's own collection ids, for both collaterals: nothing
that the venue says about a market can make us call the wrong adapter.
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import takewhile

from redeemer.domain.redemption_action import ConditionHolding, MarketKind
from redeemer.redemption.resolutions import ChainReader
from shared.domain.errors import Unavailable
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
        self._token_ids: OrderedDict[str, Tokens] = OrderedDict()

    def read_holdings(self, condition_ids: Sequence[str]) -> dict[str, tuple[ConditionHolding, ...]]:
        """Return what is held of each condition now, empty holdings left out.

        Raises:
            Unavailable: the node did not say everything.
        """
        self._compute_tokens([each for each in condition_ids if each not in self._token_ids])
        places: list[tuple[str, MarketKind]] = [(name, kind) for name in condition_ids for kind in KINDS]
        tokens = [token for name, kind in places for token in self._token_ids[name][kind]]
        balances = self._ask_numbers([abi.encoded_call(BALANCE_OF, self._wallet, int(token)) for token in tokens])
        found: dict[str, tuple[ConditionHolding, ...]] = dict.fromkeys(condition_ids, ())
        for at, (name, kind) in enumerate(places):
            held = (balances[2 * at], balances[2 * at + 1])
            if any(held):
                found[name] = (*found[name], ConditionHolding(name, kind, self._token_ids[name][kind], held))
        return found

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
        asked = [abi.encoded_call(COLLECTION_ID, _ROOT, name, outcomes) for name in condition_ids for outcomes in _SETS]
        collections = self._ask_numbers(asked)
        for at, name in enumerate(condition_ids):
            pair = collections[2 * at : 2 * at + 2]
            self._token_ids[name] = {
                kind: (_position_id(address, pair[0]), _position_id(address, pair[1]))
                for kind, address in zip(KINDS, self._collaterals, strict=True)
            }

    def _ask_numbers(self, data: Sequence[str]) -> list[int]:
        """Ask until everything is answered: a node answers a bounded number of questions at a time."""
        known: list[int] = []
        while len(known) < len(data):
            numbers = self._chain.call_numbers(data[len(known) : len(known) + MOST_ASKED])
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
