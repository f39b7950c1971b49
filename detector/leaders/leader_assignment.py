"""The assignment of leaders to detectors: environment, file and `hybrid follow`, split over all detectors alive.

Whom `hybrid unfollow` names is left out, wherever it comes from, until it is followed again.

What only this detector's environment or file names is known to those who name it too; what `hybrid follow` added is
known to all. Each leader is watched by one of the detectors that know it, and by another within `member_ttl_s` when
that one dies. Its cursors are in Redis, so nothing is missed; facts make a moment with two watchers harmless.
"""

import threading
from collections.abc import Iterable
from pathlib import Path

from redis import Redis

from detector.leaders.watchlist import Watchlist
from detector.polling.cursors import CursorStore
from shared import logs
from shared.clock import Clock
from shared.domain.errors import BadConfig, HybridError
from shared.domain.redaction import without_keys
from shared.domain.trading_words import LIVE, PAPER
from shared.ledger.port import leaders_with_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.polymarket.wire.leader_words import read_leader
from shared.redis.followed_leaders import FollowedLeader, followed_leaders, note_labels, unfollowed
from shared.redis.partitioning import MemberBeat, Partitioning, owner_of

LONGEST_BEAT_S = 1.0
"""Between two beats: `hybrid follow` is heard so soon, however long a member may be silent."""
_BRING_EVERY_S = 600.0  # our own list in Redis expires; this is well before it does
_MOST_NAMED = 10


class LeadersFile:
    """A file of leaders: an address or profile link in each line, then its label; `#` begins a comment.

    Read again when it changes.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self.labels: dict[str, str] = {}
        self.problems: tuple[str, ...] = ()

    def read(self) -> bool:
        """Read the file if it changed; return whether it did. A file that is away leaves what was read."""
        if self._path is None:
            return False
        try:
            state = self._path.stat()
            stamp = (state.st_mtime_ns, state.st_size)
            if stamp == self._stamp:
                return False
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            if self._stamp is None:
                raise BadConfig(f"LEADERS_FILE={self._path} cannot be read: {error}") from error
            return False
        self._stamp = stamp
        self._parse_lines(lines)
        return True

    def _parse_lines(self, lines: Iterable[str]) -> None:
        labels: dict[str, str] = {}
        problems: list[str] = []
        for number, line in enumerate(lines, start=1):
            word, *label = line.partition("#")[0].split(maxsplit=1)[:2] or [""]
            named = read_leader(word.rstrip(",;"))
            if named and named.address:
                labels[named.address] = " ".join(label).strip()
            elif word:
                problems.append(f"line {number}: {without_keys(word)[:50]!r} is no address")
        self.labels, self.problems = labels, tuple(problems)


class LeaderAssignment:
    """Keeps `leaders` at this detector's share, on a thread of its own."""

    def __init__(
        self,
        leaders: Watchlist,
        environment: Iterable[str],
        file: LeadersFile,
        shares: Partitioning,
        cursors: CursorStore,
        *,
        clock: Clock,
        stop: threading.Event,
        every_s: float,
    ) -> None:
        self._leaders, self._file, self._shares, self._cursors = leaders, file, shares, cursors
        self._environment = tuple(environment)
        self._clock, self._stop, self._every_s = clock, stop, min(every_s, LONGEST_BEAT_S)
        self._added: dict[str, FollowedLeader] = {}
        self._unfollowed: frozenset[str] = frozenset()
        self._leaving: frozenset[str] = frozenset()
        self._last_seen: tuple[object, ...] = ()
        self._version = self._digest = ""
        self._bring_at = 0.0
        self._lists: dict[str, frozenset[str]] = {}
        self._thread = threading.Thread(target=self._run, name="roster", daemon=True)
        self._log = logs.get_logger("detector")
        self.members = 1

    def start(self) -> None:
        """Learn our share, then keep it up."""
        self.beat_once()
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the thread after `stop`; return False when it is still busy."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def label_of(self, leader: str) -> str:
        """Return a leader's name, '' without one."""
        given = self._added.get(leader)
        return given.label if given and given.label else self._file.labels.get(leader, "")

    def _run(self) -> None:
        while not self._clock.wait(self._stop, self._every_s):
            self.beat_once()
        try:
            self._shares.leave()
        except HybridError as error:
            self._log.info("share_not_left", error=str(error))

    def beat_once(self) -> None:
        """Beat once; a server that is away leaves our share as it was."""
        try:
            self._beat()
        except HybridError as error:
            self._log.info("share_kept", error=str(error))

    def _beat(self) -> None:
        if self._file.read() or self._clock.monotonic() >= self._bring_at:
            self._bring_own_list()
        beat = self._shares.beat(self._digest)
        # Mostly nothing changed, and splitting thousands of leaders each second is not free.
        if (seen := (beat.version, tuple(beat.members.items()))) == self._last_seen:
            return
        if beat.version != self._version:
            self._read_followed(beat.version)
        self._lists = {digest: self._leaders_of(digest) for digest in set(beat.members.values())}
        self._take_share(beat)
        self._last_seen = seen

    def _read_followed(self, version: str) -> None:
        """Learn whom `hybrid follow` and `hybrid unfollow` named."""
        redis, before = self._shares.redis, self._unfollowed
        taken = unfollowed(redis)
        self._leaving = _with_lots(redis, (leader for leader, each in taken.items() if each.exits_only))
        self._added, self._unfollowed = followed_leaders(redis), frozenset(taken) - self._leaving
        self._version = version
        if (left_out := self._unfollowed.intersection(self._own_leaders())) - before:
            fields = {"leaders": sorted(left_out)[:_MOST_NAMED], "count": len(left_out)}
            self._log.warning("leaders_unfollowed", **fields, fix="hybrid follow ADDRESS follows one again")

    def _bring_own_list(self) -> None:
        for problem in self._file.problems:
            self._log.warning("leaders_file", problem=problem)
        note_labels(self._shares.redis, self._file.labels)
        self._digest = self._shares.bring(self._own_leaders())
        self._bring_at = self._clock.monotonic() + _BRING_EVERY_S
        self._last_seen = ()
        if self._leaving:
            self._version = ""  # whose lots are gone by now?

    def _own_leaders(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._environment, *self._file.labels)))

    def _leaders_of(self, digest: str) -> frozenset[str]:
        if digest == self._digest:
            return frozenset(self._own_leaders())
        return self._lists.get(digest) or self._shares.brought(digest)

    def _take_share(self, beat: MemberBeat) -> None:
        wanted = [
            leader
            for leader in dict.fromkeys((*self._own_leaders(), *self._added, *sorted(self._leaving)))
            if leader not in self._unfollowed
        ]
        mine = [leader for leader in wanted if self._is_mine(leader, beat)]
        gained = [leader for leader in mine if leader not in self._leaders.members]
        # Another detector moved their cursors meanwhile: what we remember of them is too old.
        self._cursors.forget_leaders(gained)
        self.members = max(1, len(beat.members))
        if self._leaders.watch(mine):
            self._log.info("share_changed", leaders=len(mine), gained=len(gained), detectors=self.members)

    def _is_mine(self, leader: str, beat: MemberBeat) -> bool:
        if leader in self._added or leader in self._leaving:
            return owner_of(leader, beat.members) == self._shares.name
        knowing = [name for name, digest in beat.members.items() if leader in self._lists[digest]]
        return owner_of(leader, {*knowing, self._shares.name}) == self._shares.name


def _with_lots(redis: Redis, leaders: Iterable[str]) -> frozenset[str]:
    """Return those of whom some ledger of ours holds lots."""
    wanted = frozenset(leaders)
    if not wanted:
        return wanted
    return wanted & frozenset().union(*(leaders_with_lots(RedisLedger(redis, mode)) for mode in (PAPER, LIVE)))
