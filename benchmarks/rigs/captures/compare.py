"""The differences between captured payloads and produced ones, each explained by a named exception or not."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.rigs.captures.exceptions import reason_for
from benchmarks.rigs.captures.forms import Forms, forms_of, joined
from benchmarks.rigs.captures.produced import Samples

KINDS = {
    "clob_book_response": "clob book",
    "clob_fee_rate_response_nonzero": "clob fee rate",
    "clob_fee_rate_response_zero": "clob fee rate",
    "clob_market_closed_binary_accepting_false": "clob market",
    "clob_market_closed_binary_accepting_true": "clob market",
    "data_api_positions_response": "positions v1",
    "data_api_trades_response": "trades v1",
    "gamma_event": "gamma event",
    "gamma_market": "gamma market",
    "gamma_market_closed_binary_accepting_false": "gamma market",
    "gamma_market_closed_binary_accepting_true": "gamma market",
    "gamma_market_closed_nonbinary_legacy": "gamma market",
    "gamma_market_closed_zero_zero_legacy": "gamma market",
    "http_balance_allowance_collateral": "balance",
    "http_balance_allowance_no_allowance": "balance",
    "http_batch_cancel_response": "cancel",
    "http_cancel_response_failed": "cancel",
    "http_cancel_response_ok": "cancel",
    "http_open_order": "open order",
    "http_open_order_sell_fok": "killed",
    "http_open_orders_page": "orders page",
    "http_order_response_error_500": "order answer",
    "http_order_response_failed": "order answer",
    "http_order_response_ok": "order answer",
    "http_trade_report": "trade",
    "http_trades_page": "trades page",
    "positions": "positions v1",
    "ws_book_snapshot": "market book",
    "ws_last_trade": "market last_trade_price",
    "ws_market_best_bid_ask_msg": "market best_bid_ask",
    "ws_market_book_msg": "market book",
    "ws_market_last_trade_msg": "market last_trade_price",
    "ws_market_new_market_msg": "market new_market",
    "ws_market_price_change_msg": "market price_change",
    "ws_market_resolved_msg": "market market_resolved",
    "ws_market_tick_size_msg": "market tick_size_change",
    "ws_quotes": "market price_change",
    "ws_tick_size_change": "market tick_size_change",
    "ws_user_order_cancellation": "user order",
    "ws_user_order_fok_killed": "user order",
    "ws_user_order_matched": "user order",
    "ws_user_order_msg": "user order",
    "ws_user_order_placement": "user order",
    "ws_user_order_update": "user order",
    "ws_user_order_venue_cancel": "user order",
    "ws_user_trade": "user trade",
    "ws_user_trade_msg": "user trade",
}
"""Captured file -> the kind of payload it is."""
REPLAYED = ("all_types", "busy_leader_3500", "leader_bot_500", "one_page_500")
"""Captured activity: each row is held against those of its type, and all are replayed."""
NOT_MADE = {"row REWARD", "row MAKER_REBATE", "row TAKER_REBATE"}
"""Types of rows that the local venue has only where it replays them."""
ELSEWHERE = {
    "leaderboard": "the leaderboard of Data API version 1, which is not offered; version 2's has other keys",
    "http_signed_order": "what a client of CLOB V1 sent: the venue takes no such order since 2026-04-28",
    "polygon_logs": "logs: encoded again to the same bytes by tests/simulator/gateway/test_real_payloads.py",
    "chain_order_filled_taker_fees": "amounts and fees, no payload: reproduced to the micro-unit by the same tests",
}
"""Captured file -> why it is held against nothing here."""


@dataclass(frozen=True)
class Difference:
    """A form that was captured and is not produced, and why that may be."""

    file: str
    path: str
    form: str
    produced: str
    reason: str


def differences(folder: Path, samples: Samples) -> list[Difference]:
    """Compare each captured payload with all of its kind; raise KeyError for a file of no known kind."""
    known = {kind: joined(forms_of(value) for value in values) for kind, values in samples.items()}
    found: list[Difference] = []
    for file, kind, payload in _captured(folder):
        found += _unlike(file, payload, known[kind])
    return found


def _captured(folder: Path) -> Iterator[tuple[str, str, Any]]:
    for path in (*sorted(folder.glob("venue/*.json")), *sorted(folder.glob("activity_v1/*.json"))):
        payload = json.loads(path.read_text(encoding="utf-8"))
        if path.stem in REPLAYED:
            for row in payload:
                if f"row {row['type']}" not in NOT_MADE:
                    yield path.stem, f"row {row['type']}", row
        elif path.stem not in ELSEWHERE:
            yield path.stem, KINDS[path.stem], payload


def _unlike(file: str, payload: Any, known: Forms) -> Iterator[Difference]:
    for path, forms in sorted(forms_of(payload).items()):
        ours = known.get(path, set())
        for form in sorted(forms - ours):
            yield Difference(file, path, form, ", ".join(sorted(ours)), reason_for(file, path))
