"""The review of gaps between wallet and ledger: one counts once two looks, far enough apart, showed it alike. Pure.

A node may be behind by less than the time between two looks. So what the ledger said at the first is in the block of
the second: what is still not there is gone.
"""

from collections.abc import Iterable

from buyer.domain.wallet_comparison import Comparison, WalletGap


class GapReview:
    """The gaps that count, by token; they begin with what was `known` at an earlier start."""

    def __init__(self, known: Iterable[WalletGap], again_s: float) -> None:
        self.gaps = {gap.token_id: gap for gap in known}
        self._again_s = again_s
        self._seen: dict[str, tuple[float, WalletGap]] = {}

    @property
    def waiting(self) -> bool:
        """Say whether something was seen that has to be looked at again."""
        return bool(self._seen)

    def take(self, found: Comparison, now_s: float) -> tuple[list[WalletGap], list[WalletGap]]:
        """Take in one look; return the gaps that count from now on, or otherwise than before, and those that are over.

        What was not compared stands as it stood: unknown is not no.
        """
        over = [self.gaps.pop(token) for token in found.compared - found.gaps.keys() if token in self.gaps]
        for token in found.compared:
            if token not in found.gaps or self._stands(found.gaps[token]):
                self._seen.pop(token, None)
        news = [gap for gap in found.gaps.values() if self._is_sure(gap, now_s)]
        for gap in news:
            self.gaps[gap.token_id] = gap
            del self._seen[gap.token_id]
        return news, over

    def _stands(self, gap: WalletGap) -> bool:
        known = self.gaps.get(gap.token_id)
        return known is not None and known.facts == gap.facts

    def _is_sure(self, gap: WalletGap, now_s: float) -> bool:
        """Say whether a gap was seen like this long enough ago; the first time it is only remembered."""
        if self._stands(gap):
            return False
        since, before = self._seen.setdefault(gap.token_id, (now_s, gap))
        if before.facts != gap.facts:
            self._seen[gap.token_id] = (now_s, gap)
            return False
        return now_s - since >= self._again_s
