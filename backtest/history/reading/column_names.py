"""The names under which files keep what a row says: ours, and those of every export we know of. Pure.

Names are compared without case, spaces and signs: `Tx Hash`, `tx_hash` and `txHash` are one.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from shared.domain.errors import Malformed

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "leader": (
        *("proxywallet", "walletaddr", "walletaddress", "wallet", "trader", "traderaddress", "traderwallet"),
        *("user", "useraddress", "address", "account", "owner", "makeraddress", "maker"),
    ),
    "tx": ("transactionhash", "txhash", "evttxhash", "hash", "tx", "txid", "transactionid", "transaction"),
    "time": (
        *("timestamp", "blocktimestamp", "blocktime", "evtblocktime", "matchtime", "tradetime", "tradedat"),
        *("datetime", "timeutc", "timestamputc", "time", "date", "createdat"),
    ),
    "side": ("side", "makerdirection", "direction", "tradeside", "action", "tradetype"),
    "type": ("type", "activitytype", "eventtype"),
    "outcome": ("outcome", "tokenname", "outcomename", "tokenoutcome", "position", "nonusdcside"),
    "outcome_index": ("outcomeindex",),
    "price": ("price", "avgprice", "averageprice", "tradeprice", "pricepershare", "executionprice"),
    "size": ("size", "shares", "tokenamount", "quantity", "qty", "contracts", "tokens", "sharesamount"),
    "usdc": (
        *("usdcsize", "usdc", "usdcamount", "usdamount", "amountusd", "notional", "cash", "value", "total", "cost"),
        *("valueusd", "usdvalue", "totalusdc", "totalvalue"),
    ),
    "market": (
        "market",
        "title",
        "marketname",
        "marketquestion",
        "question",
        "markettitle",
        "eventmarketname",
        "marketid",
    ),
    "condition": ("conditionid", "marketconditionid"),
    "token": ("tokenid", "asset", "assetid", "clobtokenid", "positionid", "nonusdcassetid"),
    "slug": ("slug", "marketslug"),
    "event_slug": ("eventslug",),
    "seen": ("collectedat",),
    "maker_asset": ("makerassetid",),
    "taker_asset": ("takerassetid",),
    "maker_amount": ("makeramountfilled", "makeramountraw"),
    "taker_amount": ("takeramountfilled", "takeramountraw"),
    "taker": ("taker",),
    "fee": ("fee",),
    "log_index": ("logindex", "evtindex", "eventindex"),
}
"""Each name of ours, and what files call it, the surest first: where a file has several, the first one counts."""

EITHER = ("amount", "volume")
"""Shares to one export, collateral to the next: a file says which by what else it has, or it is asked."""

_SIGNS = re.compile(r"[^a-z0-9]")
_OURS = {name: (ours, rank) for ours, names in COLUMNS.items() for rank, name in enumerate(names)}


@lru_cache(maxsize=10_000)
def plain_name(name: str) -> str:
    """Return a column's name without case, spaces and signs."""
    return _SIGNS.sub("", name.lower())


def known_columns(names: Iterable[str], given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return our name of each of a file's columns that is known: ours -> the file's.

    Args:
        names: The file's columns.
        given: What the reader of the file said himself: ours -> the file's.

    Raises:
        Malformed: a column may be one thing or another, and nothing says which; or a given one is not there.
    """
    told = list(names)
    found: dict[str, tuple[int, str]] = {}
    for name in told:
        ours, rank = _OURS.get(plain_name(name), ("", 0))
        if ours and (ours not in found or rank < found[ours][0]):
            found[ours] = (rank, name)
    columns = {ours: name for ours, (_, name) in found.items()}
    for ours, name in (given or {}).items():
        if name not in told:
            raise Malformed(f"--column {ours}={name}: no such column in {told}")
        columns[ours] = name
    return _with_either(columns, told)


def _with_either(columns: dict[str, str], told: list[str]) -> dict[str, str]:
    """Give a column that is shares or collateral to the one that nothing else in the file tells."""
    unsure = [name for name in told if plain_name(name) in EITHER and name not in columns.values()]
    lacking = [ours for ours in ("size", "usdc") if ours not in columns]
    if not unsure or not lacking:
        return columns
    if len(unsure) == len(lacking) == 1:
        return {**columns, lacking[0]: unsure[0]}
    raise Malformed(
        f"column {unsure[0]!r} may be shares or collateral: say --column size={unsure[0]} or usdc={unsure[0]}"
    )
