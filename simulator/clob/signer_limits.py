"""Per-signer token buckets: orders and cancels are counted, not requests, and a batch passes whole or not at all."""

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["orders", "cancels"]


@dataclass(frozen=True)
class Tier:
    """A rate per second and the burst above it."""

    per_s: float
    burst: float


STANDARD: dict[Kind, Tier] = {"orders": Tier(40, 60), "cancels": Tier(80, 120)}


@dataclass
class _Bucket:
    tokens: float
    at_s: float


class SignerLimits:
    """Judge what each signer sends; times are seconds of a clock that never steps."""

    def __init__(self, *, enabled: bool) -> None:
        """Start every signer with a full bucket."""
        self.enabled = enabled
        self._tiers = dict(STANDARD)
        self._buckets: dict[tuple[str, Kind], _Bucket] = {}

    def change(self, kind: Kind, per_s: float, burst: float) -> None:
        """Put all signers on another tier; their buckets start full."""
        self._tiers[kind] = Tier(per_s, burst)
        self._buckets.clear()

    def take(self, signer: str, kind: Kind, count: int, now_s: float) -> tuple[bool, dict[str, str]]:
        """Take tokens for some orders; return whether there were enough, and the headers that tell."""
        if not self.enabled:
            return True, {}
        tier = self._tiers[kind]
        bucket = self._buckets.setdefault((signer, kind), _Bucket(tier.burst, now_s))
        bucket.tokens = min(tier.burst, bucket.tokens + (now_s - bucket.at_s) * tier.per_s)
        bucket.at_s = now_s
        enough = bucket.tokens >= count
        if enough:
            bucket.tokens -= count
        headers = {"poly-ratelimit-remaining": str(math.floor(bucket.tokens)), "poly-ratelimit-tier": "standard"}
        if not enough:
            headers["retry-after"] = str(max(1, math.ceil((count - bucket.tokens) / tier.per_s)))
        return enough, headers
