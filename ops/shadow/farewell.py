"""The end of a shadow: all that it did is deleted, and nothing else."""

from redis import Redis

from shared.domain.errors import BadConfig
from shared.ledger.shadow_ledger import shadow_scope
from shared.redis.shadows import forget_shadow, known_shadows


def forget_word(redis: Redis, name: str) -> str:
    """Forget a shadow and say so.

    Raises:
        BadConfig: there is none of this name. RefusedForSafety: it runs.
    """
    shadow_scope(name)
    known = known_shadows(redis)
    if name not in known:
        raise BadConfig(f"there is no shadow {name}; there are: {', '.join(known) or 'none'}")
    return f"shadow {name} is forgotten: {forget_shadow(redis, name)} keys"
