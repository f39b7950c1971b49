"""Events of the redeemer: what was paid, and what looks wrong."""

from decimal import Decimal
from typing import Literal

from shared.domain.money import Money, Shares, Usdc
from shared.domain.trading_words import Mode
from shared.domain.value import Value
from shared.messages.base import Event


class Redeemed(Value, frozen=True, kw_only=True):
    """One lot of a resolved market: `payout` is what it brought, `cost` what it took to buy."""

    leader: str
    token_id: str
    outcome_index: int
    shares: Shares
    cost: Usdc
    payout: Usdc
    behind: Shares = Shares(0)
    event_id: str = ""
    group: str = ""


class RedemptionResult(Event, frozen=True, kw_only=True):
    """A resolved market paid what it owed: by its real payout vector, which `resolved_by` told; nothing for a loser.

    Live, `expected` is what the chain owed for all shares in the wallet, and `paid` what came in `token` by
    `transaction`; `outside` is the part of it for shares that no lot of ours knows, `gas_pol` what sending cost.
    """

    event: Literal["REDEMPTION_RESULT"] = "REDEMPTION_RESULT"
    wallet: str
    condition_id: str
    mode: Mode
    payouts: tuple[str, ...]
    lots: tuple[Redeemed, ...]
    expected: Usdc
    paid: Usdc
    cost: Usdc
    realized: Usdc
    title: str = ""
    resolved_by: str = ""
    ledger_seq: int
    way: str = ""
    token: str = ""
    transaction: str = ""
    gas_pol: Money = Decimal(0)
    outside: Usdc = Usdc(0)


class RedemptionAlarm(Event, frozen=True, kw_only=True):
    """A redemption was mined and did not bring what was owed: nothing is booked, and nothing is tried again."""

    event: Literal["REDEMPTION_ALARM"] = "REDEMPTION_ALARM"
    wallet: str
    condition_id: str
    mode: Mode
    expected: Usdc
    paid: Usdc
    token: str
    transaction: str
    why: str
