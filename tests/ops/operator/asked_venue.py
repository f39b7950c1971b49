"""A venue that is asked of an order, and an order that it took and shows no trade of."""

from dataclasses import dataclass

from redis import Redis

from buyer.domain.chain_fills import ChainFill
from buyer.execution.journal import Journal
from buyer.recovery.chain_reconciliation import rebuilt_intent
from buyer.recovery.fill_adoption import FillAdoption
from shared.domain.errors import HybridError
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import fact_id
from tests.buyer.builders import LEADER, NOW_MS, TOKEN, a_market

FILL = ChainFill("0x" + "0a" * 32, fact_id("signal"), TOKEN, "BUY", 10_000_000, 5_000_000, 100)


@dataclass(frozen=True)
class Shown:
    words: str = "the order as matched, 10 shares matched; a trade that is MATCHED"
    ended: bool = False


class AskedVenue:
    """A venue that answers each question by the next of `answers`; the last one again and again."""

    def __init__(self, *answers: Shown | HybridError | None) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, order_hash: str, token_id: str, since_ms: int, /) -> Shown | None:
        del token_id, since_ms
        self.asked.append(order_hash)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, HybridError):
            raise answer
        return answer


def an_adopted_order(redis: Redis) -> RedisLedger:
    ledger = RedisLedger(redis, "live")
    Journal(ledger, lambda: None).deposit(100_000_000)
    FillAdoption(ledger, lambda: None).adopt(rebuilt_intent(FILL, a_market(), LEADER, NOW_MS))
    return ledger
