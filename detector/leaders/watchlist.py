"""The leaders that this detector watches now: sources read it at each poll, the assignment changes it meanwhile."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WatchedLeaders:
    """The leaders of one moment, in order; a larger `version` means that they changed."""

    version: int
    addresses: tuple[str, ...]
    members: frozenset[str]


class Watchlist:
    """This detector's share of all leaders. One thread sets it; any may read `now`, which is replaced whole."""

    def __init__(self, addresses: Iterable[str] = ()) -> None:
        each = tuple(dict.fromkeys(addresses))
        self.now = WatchedLeaders(0, each, frozenset(each))

    @classmethod
    def of(cls, leaders: "Watchlist | Iterable[str]") -> "Watchlist":
        """Return `leaders` as they are, or a list that never changes as such."""
        return leaders if isinstance(leaders, Watchlist) else cls(leaders)

    @property
    def version(self) -> int:
        """Say which change this is."""
        return self.now.version

    @property
    def addresses(self) -> tuple[str, ...]:
        """List whom to watch."""
        return self.now.addresses

    @property
    def members(self) -> frozenset[str]:
        """Return whom to watch, for looking one up."""
        return self.now.members

    def watch(self, addresses: Iterable[str]) -> bool:
        """Watch these from now on; return whether that is a change."""
        wanted = tuple(dict.fromkeys(addresses))
        if wanted == self.now.addresses:
            return False
        self.now = WatchedLeaders(self.now.version + 1, wanted, frozenset(wanted))
        return True
