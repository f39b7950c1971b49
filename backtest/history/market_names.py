"""The markets and outcomes of a history by all their names, so that files that name them differently meet. Pure.

One file has ids, another titles only, a third tokens only; ids that were made from a name give way to the real ones
as soon as any file has them. A title that several markets have stands for none of them.
"""

from backtest.history.reading.history_row import Hint, alone_market, made_token, market_id

OUTCOMES_OF_MARKET = 2
"""Each market of the venue has two."""


class MarketNames:
    """Learns names while files are read, and tells them afterwards."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()
        self._real: dict[str, str] = {}
        self._doubtful: set[str] = set()
        self._tokens: dict[str, dict[int, str]] = {}
        self._hints: dict[str, Hint] = {}
        self._found: dict[tuple[str, Hint], tuple[str, Hint]] = {}

    def learn(self, token_id: str, hint: Hint) -> None:
        """Take in what a row, or a market's facts, say."""
        if (token_id, hint[0]) in self._seen:
            return
        self._seen.add((token_id, hint[0]))
        condition, place, title = hint[0], hint[1], hint[3]
        if token_id and place >= 0:
            self._tokens.setdefault(condition, {}).setdefault(place, token_id)
        if condition in (market_id(title), alone_market(token_id)):
            return
        made = market_id(title)
        if title and self._real.setdefault(made, condition) != condition:
            self._doubtful.add(made)
        if token_id and place >= 0:
            self._hints.setdefault(token_id, hint)

    @property
    def agree(self) -> bool:
        """Say whether every row is under its real names already."""
        return not (self._real or self._hints)

    def named(self, token_id: str, hint: Hint) -> tuple[str, Hint]:
        """Return a token and its market under their real names, as far as any file has them."""
        found = self._found.get((token_id, hint))
        if found is None:
            found = self._found[token_id, hint] = self._named(token_id, hint)
        return found

    def real(self, condition_id: str) -> str:
        """Return a market's id, where this one was made of a title that only one market has."""
        return condition_id if condition_id in self._doubtful else self._real.get(condition_id, condition_id)

    def outcomes(self, condition_id: str) -> tuple[tuple[str, bool], ...]:
        """Return the tokens of a market in order, and whether anybody traded each; the others' are made."""
        known = self._tokens.get(condition_id, {})
        return tuple(
            (known.get(place) or made_token(condition_id, f"outcome {place}"), place in known)
            for place in range(OUTCOMES_OF_MARKET)
        )

    def _named(self, token_id: str, hint: Hint) -> tuple[str, Hint]:
        condition, place, outcome, title, slug, event_slug = hint
        if condition == alone_market(token_id) and token_id in self._hints:
            return token_id, self._hints[token_id]
        real = self.real(condition)
        if real == condition:
            return token_id, hint
        token = self._tokens.get(real, {}).get(place, token_id) if token_id else ""
        return token, (real, place, outcome, title, slug, event_slug)
