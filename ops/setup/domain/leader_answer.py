"""Answers to whom to follow: each word is a profile link, an @handle or an address, or wrong."""

from shared.domain.redaction import without_keys
from shared.domain.value import Value
from shared.polymarket.wire.leader_words import read_leader, split_words

_SHOWN = 60


class LeaderAnswer(Value, frozen=True, kw_only=True):
    """Whom a person named, each once: `addresses` in our form, and `handles` that have to be looked up."""

    addresses: tuple[str, ...] = ()
    handles: tuple[str, ...] = ()


def read_answer(text: str) -> LeaderAnswer:
    """Return whom the words name; a word that names nobody is left out."""
    found = [named for word in split_words(text) if (named := read_leader(word))]
    return LeaderAnswer(
        addresses=tuple(dict.fromkeys(named.address for named in found if named.address)),
        handles=tuple(dict.fromkeys(named.handle for named in found if named.handle)),
    )


def answer_problem(text: str) -> str:
    """Return what is wrong with the words, and what to type instead; '' when each names somebody.

    What may be a private key is never given back.
    """
    words = split_words(text)
    wrong = [repr(without_keys(word)[:_SHOWN]) for word in words if read_leader(word) is None]
    if wrong:
        return f"{', '.join(wrong)}: no trader. Give profile links, @handles or addresses (40 hex digits)"
    return "" if words else "Give at least one trader: a profile link, an @handle or an address"
