"""What the Data API says a wallet may redeem: candidates, which the chain judges. v2, else v1."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Protocol

from shared.domain.errors import Rejected, Unavailable
from shared.domain.money import to_micro
from shared.polymarket.wire.leader_fills import HASH
from shared.polymarket.wire.parsing import Raw, as_list, as_object, read_flag, read_number, read_text
from shared.rate_limit.limits import GateLane

V2_PAGE, V1_PAGE = 1000, 500
MOST_PAGES = 20
"""20,000 positions of one wallet; a wallet with more is looked at again at the next scan, less what was redeemed."""
CUT_SHORT = "more positions are promised than could be read"

_POSITIONS = re.compile(r"0x0[12][0-9a-f]{60}")
"""A condition of Protocol V2's binary or neg-risk module; a combo's begins with 3 (venue reference 3.3)."""

Kind = Literal["REDEEMABLE", "MERGEABLE", "OPEN"]
"""`OPEN` is the superset: what waits to be redeemed is in it too (venue reference 1.1)."""


class DataApi(Protocol):
    """The Data API behind its gate."""

    def get(self, path: str, params: Mapping[str, Any] | None = None, /, *, lane: GateLane) -> Any:  # noqa: ANN401 - JSON is anything
        """Send one request; return its JSON. Raises TryAgain or GiveUp."""
        ...


class RedeemablePositions:
    """Lists conditions; the lists lag behind the chain by minutes, and lost positions are in them too.

    `cut_short` says why the last list is not whole, '' where it is.
    """

    def __init__(self, data_api: DataApi) -> None:
        self._api = data_api
        self.cut_short = ""

    def conditions(self, wallet: str, kind: Kind = "REDEEMABLE") -> tuple[str, ...]:
        """Return the conditions of which `wallet` holds something of this kind; see `cut_short`.

        Raises:
            TryAgain, GiveUp: neither version could be read.
        """
        rows = self._rows(wallet, kind)
        return tuple(dict.fromkeys(condition for row in rows if (condition := _condition(row, kind))))

    def shares(self, wallet: str) -> dict[str, int]:
        """Return what `wallet` holds by token, in micro-units, as the venue's index knows it: minutes behind the chain.

        Raises:
            TryAgain, GiveUp: neither version could be read, or not to its end: what is missing would count as sold.
        """
        rows = self._rows(wallet, "OPEN")
        if self.cut_short:
            raise Unavailable(self.cut_short)
        return dict(map(_held, rows))

    def redeemed_in(self, wallet: str, condition_id: str) -> tuple[str, ...]:
        """Return the transactions in which somebody redeemed a condition for `wallet`, newest first.

        Raises:
            TryAgain, GiveUp: the feed could not be read.
        """
        asked = {"user": wallet, "type": "REDEEM", "condition": condition_id, "limit": 100}
        body = as_object(self._api.get("/v2/activity", asked, lane=GateLane.CATCHUP), "activity")
        rows = [as_object(row, "activity") for row in as_list(body.get("data"), "activity")]
        found = (read_text(row, "transaction_hash").lower() for row in rows if read_text(row, "type") == "REDEEM")
        return tuple(dict.fromkeys(each for each in found if HASH.fullmatch(each)))

    def _rows(self, wallet: str, kind: Kind) -> list[Raw]:
        self.cut_short = ""
        try:
            return list(self._v2(wallet, kind))
        except Rejected:
            return list(self._v1(wallet, kind))

    def _v2(self, wallet: str, kind: Kind) -> Iterator[Raw]:
        asked: dict[str, Any] = {"user": wallet, "status": kind, "filter_amount": 0, "limit": V2_PAGE}
        used = set[str]()
        for _ in range(MOST_PAGES):
            body = as_object(self._api.get("/v2/positions", asked, lane=GateLane.CATCHUP), "positions")
            yield from (as_object(row, "position") for row in as_list(body.get("data"), "positions"))
            paging = body.get("pagination")
            following = read_text(as_object(paging, "pagination"), "next_cursor") if paging else ""
            if not following:
                return
            if following in used:
                break
            used.add(following)
            asked["cursor"] = following
        self.cut_short = f"{CUT_SHORT} in {len(used)} pages"

    def _v1(self, wallet: str, kind: Kind) -> Iterator[Raw]:
        wanted = {} if kind == "OPEN" else {kind.lower(): "true"}
        asked: dict[str, Any] = {"user": wallet, **wanted, "sizeThreshold": 0, "limit": V1_PAGE}
        for page in range(MOST_PAGES):
            body = self._api.get("/positions", {**asked, "offset": page * V1_PAGE}, lane=GateLane.CATCHUP)
            rows = as_list(body, "positions")
            yield from (as_object(row, "position") for row in rows)
            if len(rows) < V1_PAGE:
                return
        self.cut_short = f"{CUT_SHORT} in {MOST_PAGES} pages"


def _condition(row: Raw, kind: Kind) -> str:
    """Return a row's condition; '' for one that is not of this kind, or that we cannot redeem (a combo)."""
    condition = (read_text(row, "condition_id") or read_text(row, "conditionId")).lower()
    wanted = read_flag(row, kind.lower(), default=True)
    return condition if wanted and (HASH.fullmatch(condition) or _POSITIONS.fullmatch(condition)) else ""


def _held(row: Raw) -> tuple[str, int]:
    """Return a row's token and its shares, in the words of either version."""
    version = ("token_id", "current_size") if "token_id" in row else ("asset", "size")
    return read_text(row, version[0]), to_micro(read_number(row, version[1]))
