"""Resolutions of conditions: asked on chain, in batches, and of the Data API where the chain does not answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from shared import logs
from shared.domain.errors import HybridError, Malformed, RateLimited
from shared.domain.market import of_protocol_v2, positions_of
from shared.polymarket.wire import abi, conditions
from shared.polymarket.wire.conditions import PayoutVector
from shared.polymarket.wire.endpoints import CONDITIONAL_TOKENS, POSITION_MANAGER
from shared.polymarket.wire.parsing import as_list, as_object
from shared.rate_limit.gate import GateLane

MOST_CALLS = 50
"""Calls in one JSON-RPC batch: a request costs one slot of the gate however many conditions are held."""

FEW_CALLS = 3
"""Calls that every node takes: dRPC's free tier answers a larger batch with HTTP 500."""

MOST_BATCHES = 10
"""Batches for one question; what is left over is the Data API's, so the cost stays bounded on such a node as well."""

MOST_CONDITIONS = 20
"""Conditions that `/v2/resolutions` takes at once (venue reference 1.1)."""

Item = TypeVar("Item")

Told = int | Literal["reverted"] | None
"""What the chain told: a number, that the contract refuses, or nothing."""


class Node(Protocol):
    """A JSON-RPC node behind its gate."""

    def post(self, path: str, json: Any, /, lane: GateLane) -> Any:  # noqa: ANN401 - JSON is anything
        """Send one request; return its JSON. Raises TryAgain or GiveUp."""
        ...


class DataApi(Protocol):
    """The Data API behind its gate."""

    def get(self, path: str, params: Mapping[str, Any] | None = None, /, *, lane: GateLane) -> Any:  # noqa: ANN401 - JSON is anything
        """Send one request; return its JSON. Raises TryAgain or GiveUp."""
        ...


@dataclass(frozen=True)
class ChainAnswers:
    """What was learnt: the payout vectors of what resolved, and what nobody could say, with the last reason."""

    resolved: Mapping[str, PayoutVector]
    unanswered: tuple[str, ...] = ()
    problem: str = ""


class ChainReader:
    """Reads who keeps positions through a node, behind everybody who is in more of a hurry than its `lane`.

    That is ConditionalTokens, and for the conditions of Protocol V2 the PositionManager.
    """

    def __init__(
        self,
        node: Node,
        contract: str = CONDITIONAL_TOKENS,
        lane: GateLane = GateLane.CATCHUP,
        position_manager: str = POSITION_MANAGER,
    ) -> None:
        self._node, self._contract, self._lane = node, contract, lane
        self._position_manager = position_manager
        self._most = MOST_CALLS
        self._throttled = False
        self._problem = ""

    def read_payouts(self, condition_ids: Sequence[str]) -> ChainAnswers:
        """Return how these conditions stand at the node's newest block; never raises, what failed is unanswered."""
        self._problem = ""
        tokens = self._token_payouts([each for each in condition_ids if not of_protocol_v2(each)])
        positions = self._position_payouts([each for each in condition_ids if of_protocol_v2(each)])
        resolved = {**tokens.resolved, **positions.resolved}
        return ChainAnswers(resolved, (*tokens.unanswered, *positions.unanswered), self._problem)

    def _token_payouts(self, condition_ids: Sequence[str]) -> ChainAnswers:
        asked = [conditions.call_data(conditions.PAYOUT_DENOMINATOR, each) for each in condition_ids]
        denominators = dict(zip(condition_ids, self.call_numbers(asked), strict=True))
        ended = {name: value for name, value in denominators.items() if value}
        resolved = self._payout_vectors(ended)
        silent = (name for name, value in denominators.items() if value is None or (value and name not in resolved))
        return ChainAnswers(resolved, tuple(silent))

    def _position_payouts(self, condition_ids: Sequence[str]) -> ChainAnswers:
        """Ask what both positions pay: refused for both, or 0 for both, is a condition that is not resolved yet."""
        asked = [_position_call(token) for name in condition_ids for token in positions_of(name)]
        told = self._call_all(asked, self._position_manager)
        resolved: dict[str, PayoutVector] = {}
        silent: list[str] = []
        for name, pair in zip(condition_ids, zip(told[::2], told[1::2], strict=True), strict=True):
            known = [payout for payout in pair if isinstance(payout, int)]
            try:
                vector = conditions.position_vector(name, known) if len(known) == len(pair) else None
            except Malformed as error:
                self._problem = str(error)
                silent.append(name)
                continue
            resolved |= {name: vector} if vector else {}
            silent += [] if len(known) == len(pair) or set(pair) == {"reverted"} else [name]
        return ChainAnswers(resolved, tuple(silent))

    def _payout_vectors(self, ended: Mapping[str, int]) -> dict[str, PayoutVector]:
        outcomes = dict(zip(ended, self.call_numbers([_slot_count_call(name) for name in ended]), strict=True))
        places = [(name, place) for name, count in outcomes.items() for place in range(_outcome_count(count))]
        numerators = dict(zip(places, self.call_numbers([_numerator_call(*place) for place in places]), strict=True))
        vectors: dict[str, PayoutVector] = {}
        for name, denominator in ended.items():
            parts = [numerators[name, place] for place in range(_outcome_count(outcomes[name]))]
            known = [part for part in parts if part is not None]
            if not parts or len(known) < len(parts):
                continue
            try:
                vectors[name] = conditions.vector_of(name, denominator, known)
            except Malformed as error:
                self._problem = str(error)
        return vectors

    def call_numbers(self, data: Sequence[str], contract: str = "") -> list[int | None]:
        """Return what a contract (ConditionalTokens) answers to each call, a number; None where there was none."""
        told = self._call_all(data, contract or self._contract)
        return [number if isinstance(number, int) else None for number in told]

    def _call_all(self, data: Sequence[str], contract: str) -> list[Told]:
        """Return what a contract tells to each call.

        A batch that fails as a whole is tried once in a size that every node takes, which is then kept; a node that
        fails even so is away, and is asked nothing more.
        """
        numbers: list[Told] = []
        for _ in range(MOST_BATCHES):
            batch = data[len(numbers) : len(numbers) + self._most]
            answers = self._call_batch(batch, contract) if batch else None
            if answers is not None:
                numbers += answers
            # A throttled node is not one that wants smaller batches: more of them would make it worse.
            elif len(batch) > FEW_CALLS and not self._throttled:
                self._most = FEW_CALLS
            else:
                self._most = MOST_CALLS if batch else self._most
                break
        return numbers + [None] * (len(data) - len(numbers))

    def _call_batch(self, data: Sequence[str], contract: str) -> list[Told] | None:
        """Return what is told to one batch, None when it failed as a whole."""
        asked = [_eth_call(number, contract, each) for number, each in enumerate(data)]
        self._throttled = False
        # Matched by id: a node may answer a batch in any order.
        try:
            replies = as_list(self._node.post("", asked, lane=self._lane), "rpc batch")
            by_id = {reply.get("id"): reply for reply in (as_object(each, "rpc reply") for each in replies)}
        except HybridError as error:
            self._throttled = isinstance(error, RateLimited)
            self._problem = str(error)
            return None
        numbers: list[Told] = [self._reply_number(by_id.get(place)) for place in range(len(data))]
        return numbers if any(number is not None for number in numbers) else None

    def _reply_number(self, reply: Mapping[str, Any] | None) -> Told:
        if reply is None or "result" not in reply:
            if "revert" in str((reply or {}).get("error")).lower():  # geth, erigon and Nethermind all say it
                return "reverted"
            self._problem = f"the node answered {str((reply or {}).get('error', 'nothing'))[:200]}"
            return None
        try:
            return conditions.read_word(reply["result"])
        except Malformed as error:
            self._problem = str(error)
            return None


class Resolutions:
    """Answers how conditions resolved: the chain's word where there is one, else the Data API's."""

    def __init__(self, node: Node, data_api: DataApi, contract: str = CONDITIONAL_TOKENS) -> None:
        self._chain, self._data_api = ChainReader(node, contract), data_api
        self._log = logs.get_logger("redeemer")
        self.answered_by = {"chain": 0, "data_api": 0}
        self.problem = ""

    def read(self, condition_ids: Sequence[str]) -> ChainAnswers:
        """Return what resolved of `condition_ids`; never raises, what nobody could say is unanswered."""
        asked = sorted(set(condition_ids))
        on_chain = [each for each in asked if conditions.on_chain(each)]
        chain = self._chain.read_payouts(on_chain)
        left = [each for each in asked if each not in on_chain] + list(chain.unanswered)
        if chain.unanswered:
            self._log.warning("chain_silent", conditions=len(chain.unanswered), problem=chain.problem)
        data = self._ask_data_api(left)
        self.answered_by["chain"] += len(on_chain) - len(chain.unanswered)
        self.answered_by["data_api"] += len(left) - len(data.unanswered)
        self.problem = data.problem or chain.problem
        return ChainAnswers({**chain.resolved, **data.resolved}, data.unanswered, self.problem)

    def _ask_data_api(self, condition_ids: Sequence[str]) -> ChainAnswers:
        resolved: dict[str, PayoutVector] = {}
        unanswered: list[str] = []
        problem = ""
        for batch in in_batches(condition_ids, MOST_CONDITIONS):
            try:
                body = self._data_api.get("/v2/resolutions", {"condition": ",".join(batch)}, lane=GateLane.CATCHUP)
                found, problems = conditions.read_resolutions(body)
            except HybridError as error:
                unanswered += batch
                problem = str(error)
            else:
                resolved |= {name: vector for name, vector in found.items() if name in batch}
                problem = problems[-1] if problems else problem
        return ChainAnswers(resolved, tuple(unanswered), problem)


def _eth_call(number: int, contract: str, data: str) -> dict[str, object]:
    call = {"to": contract, "data": data}
    return {"jsonrpc": "2.0", "id": number, "method": "eth_call", "params": [call, "latest"]}


def _position_call(token_id: str) -> str:
    return abi.encoded_call(conditions.GET_PAYOUT, int(token_id), conditions.WHOLE)


def _slot_count_call(condition_id: str) -> str:
    return conditions.call_data(conditions.OUTCOME_SLOT_COUNT, condition_id)


def _numerator_call(condition_id: str, place: int) -> str:
    return conditions.call_data(conditions.PAYOUT_NUMERATORS, condition_id, place)


def _outcome_count(count: int | None) -> int:
    """Return a condition's number of outcomes; 0 where the answer cannot be one."""
    return count if count and conditions.FEWEST_OUTCOMES <= count <= conditions.MOST_OUTCOMES else 0


def in_batches(items: Sequence[Item], most: int) -> Iterator[Sequence[Item]]:
    """Return items in their order, at most so many at a time."""
    return (items[at : at + most] for at in range(0, len(items), most))
