"""What an entry is about, by its text: a whole event is read only once it is its turn. Pure."""

import re

_TOKEN = re.compile(r'"token_id"\s*:\s*"([^"]*)"')
_LEADER = re.compile(r'"leader"\s*:\s*"([^"]*)"')
_BUY = re.compile(r'^\{"event":"ACTIONABLE_SIGNAL","version":\d+,"id":"([^"]*)".*?"side":"BUY"')


def token_of(text: str) -> str:
    """Return the token that an event names, '' for none."""
    named = _TOKEN.search(text)
    return named[1] if named else ""


def leader_of(text: str) -> str:
    """Return the leader that an event names, '' for none."""
    named = _LEADER.search(text)
    return named[1] if named else ""


def buy_of(text: str) -> str:
    """Return the id of the leader's buy that an event is; '' where it is anything else, or is not in our own words."""
    found = _BUY.match(text)
    return found[1] if found else ""
