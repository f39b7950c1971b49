"""Ask sentinels where the primary of a name is.

Of several answers the one of the highest configuration epoch counts:
https://valkey.io/topics/sentinel/#configuration-epochs.
"""

from functools import lru_cache
from typing import Any, cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as NoAnswer
from redis.retry import Retry
from redis.sentinel import Sentinel

from shared.clock import SystemClock
from shared.domain.errors import BadConfig
from shared.redis.connection.moving_primary import Address, MovingPrimary
from shared.redis.connection.server_url import SentinelPlace

ANSWER_S = 1.0
"""How long a sentinel may take; one that takes longer is passed over."""
_AWAY = (ConnectionLost, NoAnswer)
_REFUSED = AuthenticationError
_UNKNOWN_NAME = "No such master"


class SentinelFinder:
    """Some sentinels, and the name by which they know the primary."""

    def __init__(self, place: SentinelPlace) -> None:
        self.place = place
        timeouts = {"socket_timeout": ANSWER_S, "socket_connect_timeout": ANSWER_S}
        given: dict[str, Any] = {**timeouts, **dict(place.options), "retry": Retry(NoBackoff(), 0)}
        self._sentinels: list[Redis] = Sentinel(
            place.sentinels, sentinel_kwargs={**given, "decode_responses": True}
        ).sentinels
        self._epoch = 0

    def __str__(self) -> str:
        return str(self.place)

    def find(self) -> Address | None:
        """Return where the primary is; raises as `PrimaryFinder.find`."""
        answers, problems = list[tuple[Redis, dict[str, Any]]](), list[RedisError]()
        for sentinel in self._sentinels:
            try:
                answers.append((sentinel, cast("dict[str, Any]", sentinel.sentinel_master(self.place.name))))
            except RedisError as error:
                problems.append(error)
        if not answers:
            raise self._unanswered(problems)
        epoch = max(_epoch(answer) for _, answer in answers)
        if epoch < self._epoch and problems:
            raise ConnectionLost(f"sentinels that knew where {self.place.name} went do not answer: {problems[0]}")
        self._epoch = epoch
        return self._named([one for one in answers if _epoch(one[1]) == epoch])

    def _named(self, answers: list[tuple[Redis, dict[str, Any]]]) -> Address | None:
        """Return the primary of answers that know as much; None while a replica is being promoted.

        The sentinel that promotes it names it, once that is done, before it says so of the name as a whole.

        Raises:
            ConnectionError: it is down.
        """
        for sentinel, answer in answers:
            if "failover_in_progress" in str(answer["flags"]):
                found = sentinel.sentinel_get_master_addr_by_name(self.place.name)
                promoted = cast("Address | None", found)
                return promoted if promoted != _address(answer) else None
        _, answer = answers[0]
        if answer.get("is_sdown") or answer.get("is_odown"):
            raise ConnectionLost(f"the sentinels hold {self.place.name} for down and have elected no other yet")
        return _address(answer)

    def _unanswered(self, problems: list[RedisError]) -> Exception:
        """Name why no sentinel answers; that all refuse us does not pass by itself."""
        away = next((one for one in problems if isinstance(one, _AWAY) and not isinstance(one, _REFUSED)), None)
        if away is not None:
            return ConnectionLost(f"no sentinel answers: {away}")
        fix = "give the sentinels' own login as ?sentinel_username= (if they have users) and sentinel_password="
        if _UNKNOWN_NAME in str(problems[0]):
            fix = "name it in REDIS_URL as their `sentinel monitor` does"
        return BadConfig(f"The sentinels of {self.place} refuse us: {problems[0]}; {fix}")


@lru_cache(maxsize=16)
def sentinel_primary(place: SentinelPlace) -> MovingPrimary:
    """Return what this process knows of a primary."""
    return MovingPrimary(SentinelFinder(place), SystemClock())


def _epoch(answer: dict[str, Any]) -> int:
    return int(answer.get("config-epoch", 0))


def _address(answer: dict[str, Any]) -> Address:
    return str(answer["ip"]), int(answer["port"])
