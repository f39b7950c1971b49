"""The cache in front of the Data API, keyed on the path and the whole query string."""

from collections import OrderedDict

from simulator.gateway.http_messages import Answer

_KEPT = 2_000


class Cdn:
    """Keep good answers for as long as their route allows."""

    def __init__(self) -> None:
        """Start cold."""
        self._kept: OrderedDict[str, tuple[float, Answer]] = OrderedDict()

    def find(self, key: str, max_age_s: int, now_s: float) -> Answer | None:
        """Return a stored answer that is young enough, marked as a hit."""
        stored_at, stored = self._kept.get(key, (float("-inf"), None))
        age = now_s - stored_at
        if stored is None or age >= max_age_s:
            return None
        headers = _headers("Hit from cloudfront", max_age_s) | {"age": str(int(age))}
        return Answer(stored.body, stored.status, headers)

    def keep(self, key: str, fresh: Answer, max_age_s: int, now_s: float) -> Answer:
        """Store a good answer and return it marked as a miss."""
        if fresh.status != 200:
            return fresh
        self._kept[key] = (now_s, fresh)
        self._kept.move_to_end(key)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return Answer(fresh.body, 200, _headers("Miss from cloudfront", max_age_s))


def _headers(verdict: str, max_age_s: int) -> dict[str, str]:
    return {"x-cache": verdict, "cache-control": f"public, max-age={max_age_s}"}
