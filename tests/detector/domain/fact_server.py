"""A server of facts for the matcher's tests."""

from collections.abc import Iterable

from detector.domain.fill_view import FillView
from detector.domain.matcher import Matcher, SignalDraft
from detector.domain.signal_builder import draft_dedup_key


class Server:
    """Redis's part: what is published, compared before each publish."""

    def __init__(self) -> None:
        self.facts: dict[str, str] = {}
        self.out: list[SignalDraft] = []

    def publish(self, matcher: Matcher, views: Iterable[FillView]) -> None:
        for view in views:
            for draft in matcher.match_view(view).drafts:
                self._settle(matcher, draft)

    def _settle(self, matcher: Matcher, draft: SignalDraft | None) -> None:
        while draft is not None:
            known = self.facts.get(draft_dedup_key(draft), "")
            if known != draft.expected:
                draft = matcher.adopt_record(draft, known)
                continue
            self.facts[draft_dedup_key(draft)] = draft.value
            self.out.append(draft)
            matcher.mark_published(draft)
            draft = None

    def total(self) -> tuple[int, int]:
        pieces = [piece for draft in self.out for piece in draft.pieces]
        return sum(piece.shares for piece in pieces), sum(piece.usdc for piece in pieces)
