"""The outcomes that a merge ends: a row names its market, a position is of a token."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from msgspec import structs

from shared.domain.errors import GiveUp
from shared.polymarket.wire.leader_fills import LeaderFill
from shared.rate_limit.limits import GateLane


class MergeOutcomes(Protocol):
    """The outcome tokens of a market (`shared.polymarket.market_facts.MarketCache`)."""

    def outcomes(self, condition_id: str, lane: GateLane = GateLane.FRESH) -> tuple[str, ...]:
        """Return them in their order.

        Raises:
            TryAgain: they could not be asked for.
            GiveUp: nobody knows the market.
        """
        ...


def spread_outcomes(
    merges: Iterable[LeaderFill], outcomes: MergeOutcomes
) -> tuple[tuple[LeaderFill, ...], tuple[str, ...]]:
    """Return each merge as one fill of every outcome, with its share of the collateral; and problems by merge.

    A row that names its outcome is that outcome's only.

    Raises:
        TryAgain: a market could not be asked for.
    """
    found: list[LeaderFill] = []
    problems: list[str] = []
    for merge in merges:
        try:
            found += _each(merge, outcomes)
        except GiveUp as error:
            problems.append(f"merge in {merge.tx_hash}: {error}")
    return tuple(found), tuple(problems)


def _each(merge: LeaderFill, outcomes: MergeOutcomes) -> Iterable[LeaderFill]:
    if merge.token_id:
        return [merge]
    tokens = outcomes.outcomes(merge.hint.condition_id)
    return [
        replace(
            merge,
            token_id=token,
            usdc_micro=merge.usdc_micro // len(tokens) + (place < merge.usdc_micro % len(tokens)),
            hint=structs.replace(merge.hint, outcome_index=place),
        )
        for place, token in enumerate(tokens)
    ]
