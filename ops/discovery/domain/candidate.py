"""Candidates: wallets that a board, the newest trades or a person names, each once, with all that names it. Pure."""

from collections.abc import Mapping, Sequence

from shared.domain.value import Value
from shared.polymarket.wire.trader_rows import ActiveTrader, RankedTrader
from shared.polymarket.wire.wallets import PROTOCOL


class Candidate(Value, frozen=True, kw_only=True):
    """A wallet to judge: its name at the venue ('' unknown), and by what it was found."""

    address: str
    name: str = ""
    found: tuple[str, ...] = ()


def gathered(
    given: Sequence[str], boards: Mapping[str, Sequence[RankedTrader]], active: Sequence[ActiveTrader]
) -> list[Candidate]:
    """Return each wallet once: those a person gave, then the boards' by their best place, then the active ones.

    The venue's own contracts are nobody to follow.
    """
    ranked = sorted((trader.rank, board, trader) for board, traders in boards.items() for trader in traders)
    named = [
        *(Candidate(address=address, found=("given",)) for address in given),
        *(
            Candidate(address=trader.address, name=trader.name, found=(f"{board} #{rank}",))
            for rank, board, trader in ranked
        ),
        *(
            Candidate(address=trader.address, name=trader.name, found=(f"{trader.trades} of the newest trades",))
            for trader in active
        ),
    ]
    found: dict[str, Candidate] = {}
    for each in named:
        if each.address in PROTOCOL:
            continue
        before = found.get(each.address, Candidate(address=each.address))
        found[each.address] = Candidate(
            address=each.address, name=before.name or each.name, found=(*before.found, *each.found)
        )
    return list(found.values())
