"""The account's numbers as metrics: what it holds, what it brought, what stops it; unknown is not nought."""

from math import isnan
from typing import Any

from buyer.market_data.account_metrics import PARTS, show_account
from shared.domain.ledger_accounts import DAY_MS, HALT, days_accounts
from shared.messages.account import EquityPoint
from shared.metrics import REGISTRY
from tests.amounts import D

NOW_MS = 1_790_000_000_000


def a_point(**given: Any) -> EquityPoint:
    facts: dict[str, Any] = dict.fromkeys(PARTS, D(1))
    return EquityPoint(at_ms=NOW_MS, **(facts | given))


def shown(name: str, **labels: str) -> float:
    value = REGISTRY.get_sample_value(f"hybrid_{name}", labels)
    assert value is not None
    return value


def test_an_account_is_shown_with_what_the_day_brought_and_which_controls_are_on() -> None:
    spent, realized, *_ = days_accounts(NOW_MS // DAY_MS)
    values = {HALT: 1, spent: D("12.5"), realized: D("-3")}

    show_account("paper", values, a_point(equity=D("1000.25")), 3)

    assert shown("account_usdc", mode="paper", part="equity") == 1000.25
    assert shown("account_usdc", mode="paper", part="spent_today") == 12.5
    assert shown("account_usdc", mode="paper", part="realized_today") == -3
    assert shown("open_lots", mode="paper") == 3
    assert shown("control_on", mode="paper", control="kill_switch") == 1
    assert shown("control_on", mode="paper", control="pause_buys") == 0


def test_an_equity_that_nobody_knows_is_no_number() -> None:
    show_account("live", {}, a_point(equity=None), 0)

    assert isnan(shown("account_usdc", mode="live", part="equity"))
