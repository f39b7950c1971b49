"""Every rule says in words what it compares."""

from buyer.execution.buy_gate import NOT_FOLLOWED
from buyer.strategy.rule_table import EXIT_RULES, RULES
from ops.domain.rule_descriptions import WORDS, words_of
from tests.ops.explain.life_builders import SIGNAL, a_skip, told_of


def test_every_rule_says_in_words_what_it_compares() -> None:
    rules = {name for side in RULES.values() for name in side} | set(EXIT_RULES) | {NOT_FOLLOWED}

    assert {name for name in rules if not words_of(name)} == set()
    assert set(WORDS) <= rules


def test_a_skip_says_what_was_compared() -> None:
    text = " ".join(told_of((SIGNAL, a_skip()), SIGNAL.id))

    assert "Skipped: slippage (best price to hit, and our limit): 0.60, limit 0.52." in text
