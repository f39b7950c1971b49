"""Reasons for each call that does not simply work: what the local venue does not offer, where the client is wrong."""

import re

_UNKNOWN = "no capture and no line of our reference says what it answers"
_NOT_OFFERED = (
    (r"[Cc]omment", "comments: nothing of ours reads them"),
    (
        r"[Ss]eries|[Ss]ports|[Tt]eam|_tags?$|Tags?$|[Rr]elated|[Cc]larification",
        "Gamma beside markets and events: nothing of ours reads it",
    ),
    (r"[Rr]eward|[Ee]arning|[Rr]ebate|[Ss]coring", "rewards: nobody pays any here"),
    (r"[Bb]uilder", "accounts of builders: we are none"),
    (r"[Cc]ombo", "combos are traded by request for quote only: their orders are refused"),
    (r"[Pp]erps", "perpetuals are another venue"),
    (r"[Hh]eartbeat", "its deadline is known to nobody: a switch that cancels at the wrong time is worse than none"),
    (r"gasless|[Nn]otification", "needs a relayer's key or a mailbox: nothing of ours asks for it"),
    (r"[Pp]rice_?[Hh]istory|get_recent_history", f"prices of the past: {_UNKNOWN}"),
    (r"[Ss]earch|[Pp]rofile", f"people and search: {_UNKNOWN}"),
    (
        r"[Hh]olders|[Oo]pen_?[Ii]nterest|[Ll]ive_?[Vv]olume|[Tt]raded_?[Mm]arket|markets_traded",
        f"analytics: {_UNKNOWN}",
    ),
    (
        r"user_pnl|user_stats|user_volume|biggest_winners|accounting_snapshot|AccountingSnapshot",
        f"analytics: {_UNKNOWN}",
    ),
    (r"[Cc]losed_?[Pp]ositions|[Mm]arket_?[Pp]ositions", f"version 1 of positions: {_UNKNOWN}"),
    (r"clob: get_markets$", f"a list of all markets: {_UNKNOWN}"),
)
_OFFERED = r"(event|market)_tags|(Event|Market)Tags"
_OF_VERSION_1 = "the leaderboard of Data API version 1: the reference knows version 2's"
_NOT_OFFERED_TO = {
    ("polymarket-client 0.9.0 async", "list_trader_leaderboard"): _OF_VERSION_1,
    ("polymarket-apis 2.3.0", "data: get_leaderboard_rankings"): _OF_VERSION_1,
    ("@polymarket/client 0.2.0", "listTraderLeaderboard"): _OF_VERSION_1,
}
_MORE_DECIMALS = (
    "the venue takes 4 decimals of shares of a market buy on every tick; this client signs 5 on ticks of 0.001"
)
_CLIENT_WRONG = {
    ("polymarket-apis 2.3.0", "clob: get_spread"): "the venue says `spread`; this client looks for `mid`",
    ("polymarket-apis 2.3.0", "clob: get_last_trade_price before the first trade"): (
        "the side of a token that never traded is empty; this client knows BUY and SELL only"
    ),
    ("polymarket-apis 2.3.0", "clob: get_order_book, a tick of 0.005"): (
        "ticks of 0.005 and 0.0025 exist; this client knows neither, so it reads no book of such a market"
    ),
    **{
        ("eggplant-sdk 0.3.1", f"{kind}: the trades of a FAK buy"): (
            "an accepted order names its trades as tradeIDs; this client looks for tradeIds"
        )
        for kind in ("eoa", "proxy", "safe", "deposit")
    },
    ("eggplant-sdk 0.3.1", "market channel: next_event of the first frame"): (
        "a frame can be an array (the first one is: a book of each token); this client reads one object a frame"
    ),
    ("polymarket-client 0.14.0 sync", "a market buy on a tick of 0.001"): _MORE_DECIMALS,
    ("polymarket-client 0.14.0 async", "a market buy on a tick of 0.001"): _MORE_DECIMALS,
    ("polymarket-client 0.9.0 async", "a market buy on a tick of 0.001"): _MORE_DECIMALS,
    ("@polymarket/client 0.2.0", "a market buy on a tick of 0.001"): _MORE_DECIMALS,
}


def judged(client: str, call: str, fault: str) -> tuple[str, str]:
    """Return what a call came to and why: ok, not offered, client wrong, or differs."""
    wrong = _CLIENT_WRONG.get((client, call), "")
    lacking = _NOT_OFFERED_TO.get((client, call), "") or _lacking(call)
    if not fault:
        return ("differs", f"works, though listed: {wrong or lacking}") if wrong or lacking else ("ok", "")
    if wrong:
        return "client wrong", f"{wrong} ({fault})"
    return ("not offered", lacking) if lacking else ("differs", fault)


def _lacking(call: str) -> str:
    if re.search(_OFFERED, call):
        return ""
    return next((why for pattern, why in _NOT_OFFERED if re.search(pattern, call)), "")


def listed_wrong(client: str) -> set[str]:
    """Return the calls that are listed as a client's own fault: each must still fail."""
    return {call for of, call in _CLIENT_WRONG if of == client}
