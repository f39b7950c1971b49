"""The one word for how a pipeline stands, and what a person has to look at beside it. Pure.

What somebody turned off comes first, as it is meant; then who does not work; then who does not answer.
"""

from collections.abc import Mapping, Sequence

from ops.board.board_state import BoardState, ServiceAge, SourceAge, StateWord
from shared.domain.ledger_accounts import FLATTEN, HALT, PAUSE_ALL, PAUSE_BUYS
from shared.domain.value import Value

WORDS: Mapping[str, StateWord] = {
    HALT: "killed",
    FLATTEN: "flattening",
    PAUSE_ALL: "paused",
    PAUSE_BUYS: "sells only",
}
"""The word while a control is on, the strongest first."""
NEEDED = ("buyer", "detector")
"""Without these nothing is followed."""
_WORKING = frozenset({"starting", "up", "not ready"})
_ANSWERING = frozenset({"starting", "ok", "late", "demoted", "mute", "blind"})


class TurnedControl(Value, frozen=True, kw_only=True):
    """A control that is on: its account, who turned it, why and when."""

    control: str
    who: str
    why: str
    at_ms: int


def board_state(
    turned: Sequence[TurnedControl], services: Sequence[ServiceAge], sources: Sequence[SourceAge], mode: str
) -> BoardState:
    """Return how the ledger of `mode` is traded now."""
    for control, word in WORDS.items():
        for one in turned:
            if one.control == control:
                return BoardState(word=word, who=one.who, why=one.why, since_ms=one.at_ms)
    if why := _stopped(services, mode):
        return BoardState(word="stopped", why=why)
    if why := _away(sources):
        return BoardState(word="away", why=why)
    return BoardState(word="running")


def _stopped(services: Sequence[ServiceAge], mode: str) -> str:
    """Say who does not work and has to, '' when all do."""
    if not any(one.state in _WORKING for one in services):
        return "nothing runs" if not services else _words_of(services) or "nothing runs"
    missing = [name for name in NEEDED if not any(_serves(one, name, mode) for one in services)]
    return "; ".join(_missing(name, services, mode) for name in missing)


def _serves(one: ServiceAge, name: str, mode: str) -> bool:
    return one.service == name and one.state in _WORKING and (name != "buyer" or one.mode == mode)


def _missing(name: str, services: Sequence[ServiceAge], mode: str) -> str:
    lost = [one for one in services if one.service == name and (name != "buyer" or one.mode == mode)]
    others = sorted({one.mode for one in services if one.service == name and one.state in _WORKING} - {mode})
    what = _words_of(lost) or f"no {name} runs" + (f" on {mode}" if name == "buyer" else "")
    return what + (f" (one runs {' and '.join(others)})" if name == "buyer" and others else "")


def _words_of(services: Sequence[ServiceAge]) -> str:
    """Say of each service how it stands: the last word of the one that spoke last."""
    last = {one.service: one for one in sorted(services, key=lambda one: -one.age_ms) if one.state not in _WORKING}
    return ", ".join(service_words(one) for _, one in sorted(last.items()))


def service_words(one: ServiceAge) -> str:
    """Return a process that does not work as people read it."""
    for_s = f" for {one.age_ms // 1000} s" if one.lost else ""
    return f"{one.service} {one.state}{for_s}" + (f" ({one.reason})" if one.reason else "")


def _away(sources: Sequence[SourceAge]) -> str:
    """Say that no source answers, '' when one does or there is none."""
    if not sources or any(one.state in _ANSWERING for one in sources):
        return ""
    told = next((one.why for one in sources if one.why), "")
    return f"the venue does not answer: all {len(sources)} sources fail" + (f" ({told})" if told else "")
