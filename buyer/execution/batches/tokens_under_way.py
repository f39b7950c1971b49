"""The tokens that have orders under way in a batch: buys go beside buys, all else waits for their end."""

from buyer.execution.batches.ready_step import ReadyStep


class TokensUnderWay:
    """The buys of each token that have orders; once something waits for a token, all that comes later waits behind."""

    def __init__(self) -> None:
        self._buys: dict[str, set[str]] = {}
        self._closed: set[str] = set()

    def waits(self, token: str, buy: str) -> bool:
        """Say whether an entry has to wait: no buy that may go beside those of its token, or one of them again."""
        if token in self._closed:
            return True
        return token in self._buys and (not buy or buy in self._buys[token])

    def beside(self, token: str) -> frozenset[str]:
        """Return the buys of a token that a buy may go beside."""
        return frozenset(self._buys.get(token, ()))

    def keeps_back(self, token: str, step: ReadyStep) -> bool:
        """Say whether a step has to wait for the orders of its token: it tells of the lot that they open."""
        return token in self._buys and (step.alone or not step.at_turn)

    def add(self, token: str, buy: str, step: ReadyStep) -> None:
        """Note the order that goes out behind a step."""
        if not step.at_turn:
            return
        self._buys.setdefault(token, set()).add(buy)
        if not buy or step.alone:
            self._closed.add(token)

    def close(self, token: str) -> None:
        """Let everything that comes of a token wait from now on."""
        self._closed.add(token)
