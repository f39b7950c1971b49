"""Named exceptions: forms that were captured and that the local venue does not produce, each with its reason."""

import re

_EXAMPLE = "an example written by hand, with ids that are none and times of 2024"
_OLD = "a key or form of markets from before the CLOB (2020, 2021): the local venue lists none"
_OLD_KEYS = (
    "creator|fpmmLive|lowerBound|upperBound|mailchimpTag|marketMakerAddress|marketType|oneYearPriceChange|readyForCron"
    "|resolutionSource|twitterCardImage|updatedBy|volume1(mo|wk|yr)Amm"
)
RULES = (
    (r"clob_book_response", r"\.hash", f"{_EXAMPLE}: its hash has 6 digits; the venue's is a digest of 40"),
    (r"clob_fee_rate_response_.*", r"\.base_fee", f"{_EXAMPLE}; the official clients read a number"),
    (r"data_api_positions_response", r"\[\]\.conditionId", "two of its four rows are made up: 0xdust..., 0xabc..."),
    (r"gamma_event", r"\[\]\.(countryName|electionType)", "of elections, which the local venue does not list"),
    (r"gamma_market_closed_(nonbinary|zero_zero)_legacy", rf"\.({_OLD_KEYS})", _OLD),
    (r"http_balance_allowance_collateral", r"\.allowance", f"{_EXAMPLE}; since CLOB V2 an allowance per spender"),
    (r"http_open_order.*", r".*(expiration|associate_trades(\[\])?)", f'{_EXAMPLE}; frames of 2026 say [] and "0"'),
    (
        r"http_order_response_(ok|failed)",
        r"\.(errorMsg|orderID)",
        f"{_EXAMPLE}; the official clients want texts, or an error",
    ),
    (
        r"(http_trade.*|ws_user_trade.*)",
        r".*(last_update|match_time)",
        f"{_EXAMPLE}; nautilus' adapter reads whole seconds",
    ),
    (r"(http_trade_report|ws_user_trade)", r".*\.order_id", f"{_EXAMPLE}: an order's id is its hash"),
    (r"ws_market_new_market_msg", r"\.group_item_title", "no event of several markets is listed while the tape runs"),
    (r"ws_user_order_fok_killed", r"\.id", "its id was blotted out by who captured it: 0x78xx"),
    (r"ws_user_order_.*", r"\.(expiration|associate_trades)", f'{_EXAMPLE}; frames of 2026 say [] and "0"'),
)


def reason_for(file: str, path: str) -> str:
    """Return why a captured form need not be produced, or nothing."""
    fitting = (why for files, paths, why in RULES if re.fullmatch(files, file) and re.fullmatch(paths, path))
    return next(fitting, "")
