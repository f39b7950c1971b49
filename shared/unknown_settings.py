"""Names that were meant as settings and are none: a typo must not be ignored in silence.

A file of settings is ours: every name in it counts that is neither a setting of one of our programs nor a well-known
name of those who read the same file. The environment belongs to everybody: there a name counts when it is spelled
almost like a setting that only we have, or differs from one in its last word alone, the unit (`STOP_LOSS`,
`POLL_EVERY_MS`). One that is like a setting that any program could have (`LOGLEVEL`, `REDIS_URI`), or that only begins
as ours do (`LEADER_ELECTION_ENABLED`), may be another program's: it is said, and stops nothing.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches
from functools import cache

from shared.setting_aliases import ALIASES

ALMOST = 0.88
"""Likeness (difflib's ratio) that only a slip of the keys explains: one letter of nine, two of eighteen."""
ALIKE = 0.75
"""Likeness of a name that also begins with a word of ours."""
SIMILAR = 0.6
"""Likeness that is good enough to ask "did you mean"."""
SHORTEST = 6
"""Letters of a setting below which others' names are like it by chance (LIVE, ROLE, SIDES)."""
_LEADING_WORDS = 2
_OUR_WORDS = frozenset(
    {"BUYER", "DETECTOR", "HYBRID", "KELLY", "LEADER", "LEADERS", "PAPER", "REDEEM", "REDEEMER", "STAKE", "TRACKED"}
)
_ANYBODYS_WORDS = """
API BURST CONSUMER CONTRACTS DATA DIR FILE FORMAT HEALTH HEARTBEAT HOST HTTP INSTANCE KEY LEVEL LOG MERGES METRICS
PASSPHRASE PORT PRIVATE REDIS ROLE RPC RUN S SECRET SOURCES STDIN TIERS TIMEOUT TOKEN URL VERSION WATCHER WORKERS
"""
"""A setting of such words alone could be any program's, and so could what is like it."""
_OTHERS = re.compile(
    r"(COMPOSE|DOCKER|BUILDKIT|PYTHON|PIP|UV|LC|XDG|SUPERVISOR|SYSTEMD|MALLOC)_?\w*"
    r"|ENV_FILE|HYBRID_(ENV_FILE|DIE_WITH_PARENT|REFUSED_STAYS_S|REAL_DATA|EVM_\w+)|(HTTPS?|ALL|NO|FTP)_PROXY|SSL_CERT_(FILE|DIR)"
    r"|(REQUESTS|CURL)_CA_BUNDLE|TZ|LANG|LANGUAGE|PATH|HOME|USER|SHELL|TERM|TMPDIR|UID|GID|NO_COLOR|FORCE_COLOR|COLUMNS"
)
_OF_A_CLUSTER = re.compile(r"\w+_(SERVICE_HOST|SERVICE_PORT\w*|PORT|PORT_\d+_(TCP|UDP)\w*)")
"""What Kubernetes and container links set for a service of that name."""
_OF_MAKE = frozenset({"LEADERS", "SECONDS"})
"""Words of our own Makefile: make hands them on."""


def unknown_in_file(names: Iterable[str], known: frozenset[str]) -> list[str]:
    """Return the names of a settings file that nobody knows."""
    known = known | ALIASES.keys()
    return [name for name in names if name.upper() not in known and not _OTHERS.fullmatch(name.upper())]


def unknown_in_environment(names: Iterable[str], known: frozenset[str]) -> list[str]:
    """Return the names of the environment that can only have been meant for us, and that nobody knows."""
    return [name for name in unknown_in_file(names, known) if _ours(name.upper(), known)]


def doubtful_in_environment(names: Iterable[str], known: frozenset[str]) -> list[str]:
    """Return the names of the environment that may have been meant for us, or be another program's."""
    unknown = [name for name in unknown_in_file(names, known) if not _ours(name.upper(), known)]
    return [name for name in unknown if _like_ours(name.upper(), known)]


def nearest_setting(name: str, known: frozenset[str]) -> str | None:
    """Return the setting that was most likely meant, None when none is similar."""
    wanted = name.upper().removeprefix("HYBRID_")
    if wanted in known:
        return wanted
    begun = sorted({*_but_unit(wanted, known), *(each for each in known if each.startswith(f"{wanted}_"))})
    tries = ((sorted(known), ALMOST), (begun, 0), (sorted(known), SIMILAR))
    close = (get_close_matches(wanted, names, n=1, cutoff=likeness) for names, likeness in tries)
    return next((found[0] for found in close if found), None)


def _ours(name: str, known: frozenset[str]) -> bool:
    if name in _OF_MAKE:
        return False
    if any(_is_ours_alone(each) for each in _resembled(name, known)):
        return True
    return _begins_as_ours(name) and (
        name.startswith("HYBRID_")
        or any(each.startswith(f"{name}_") for each in known)
        or bool(get_close_matches(name, known, n=1, cutoff=ALIKE))
    )


def _like_ours(name: str, known: frozenset[str]) -> bool:
    return name not in _OF_MAKE and (_begins_as_ours(name) or bool(_resembled(name, known)))


def _begins_as_ours(name: str) -> bool:
    return name.partition("_")[0] in _OUR_WORDS and not _OF_A_CLUSTER.fullmatch(name)


@cache
def _resembled(name: str, known: frozenset[str]) -> tuple[str, ...]:
    by_length = _by_length(known).items()
    near = [each for length, names in by_length if _near(length, len(name)) for each in names]
    return (*_but_unit(name, known), *(each for each in near if _almost(each, name)))


def _is_ours_alone(setting: str) -> bool:
    return not set(setting.split("_")).issubset(_ANYBODYS_WORDS.split())


def _but_unit(name: str, known: frozenset[str]) -> list[str]:
    """Return the settings from which only the last word tells it apart, or is missing."""
    words, leading = tuple(name.split("_")), _by_leading_words(known)
    return leading.get(words, []) + leading.get(words[:-1], [])


@cache
def _by_leading_words(known: frozenset[str]) -> dict[tuple[str, ...], list[str]]:
    found: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for setting in known:
        *leading, _last = setting.split("_")
        if len(leading) >= _LEADING_WORDS:
            found[tuple(leading)].append(setting)
    return dict(found)


@cache
def _by_length(known: frozenset[str]) -> dict[int, list[str]]:
    """Return the settings by length: each start looks up a hundred names of the environment among all of them."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for setting in known:
        if len(setting) >= SHORTEST:
            found[len(setting)].append(setting)
    return dict(found)


def _near(one: int, other: int) -> bool:
    """Say whether texts of these lengths can be ALMOST alike: the ratio is twice what both have, of all letters."""
    return 2 * min(one, other) >= ALMOST * (one + other)


def _almost(setting: str, name: str) -> bool:
    if len(set(setting) ^ set(name)) > _LEADING_WORDS:
        return False
    return SequenceMatcher(None, setting, name, autojunk=False).ratio() >= ALMOST
