"""Whom an installation follows: by its settings, a file, or `hybrid follow` on the server that runs."""

import contextlib

from detector.leaders.leader_assignment import LeadersFile
from ops.config import UpSettings
from ops.supervisor.server_folder import known_url
from shared.domain.errors import HybridError
from shared.redis.client import connect_redis
from shared.redis.followed_leaders import followed_leaders, unfollowed


def named_leaders(up: UpSettings) -> tuple[str, ...]:
    """Return each leader once; a server that is away says nothing here: it has a line of its own.

    Raises:
        BadConfig: LEADERS_FILE cannot be read.
    """
    file = LeadersFile(up.leaders_file)
    file.read()
    found = dict.fromkeys((*up.leaders, *file.labels))
    url = known_url(up.data_dir) if up.embeds_server else up.redis_url
    with contextlib.suppress(HybridError):
        if url:
            with connect_redis(url) as redis:
                away = unfollowed(redis)
                found = {leader: None for leader in (*found, *followed_leaders(redis)) if leader not in away}
    return tuple(found)
