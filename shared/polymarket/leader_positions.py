"""What a wallet holds of an outcome, as the Data API lists it: v2, else v1."""

from shared.domain.errors import Rejected
from shared.domain.money import Shares
from shared.polymarket.positions import DataApi
from shared.polymarket.wire.parsing import Raw, as_list, as_object, read_amount, read_text
from shared.rate_limit.limits import GateLane

MOST_ROWS = 1000


def held_shares(api: DataApi, wallet: str, condition_id: str, token_id: str) -> Shares:
    """Return the shares of a token that a wallet holds, 0 for none; the list lags behind trades by seconds.

    Raises:
        TryAgain, GiveUp: neither version could be read.
    """
    asked = {"user": wallet, "condition": condition_id, "filter_amount": 0, "limit": MOST_ROWS}
    try:
        body = as_object(api.get("/v2/positions", asked, lane=GateLane.CATCHUP), "positions")
        rows, names = as_list(body.get("data"), "positions"), ("token_id", "current_size")
    except Rejected:
        older = {"user": wallet, "market": condition_id, "sizeThreshold": 0, "limit": MOST_ROWS // 2}
        rows = as_list(api.get("/positions", older, lane=GateLane.CATCHUP), "positions")
        names = ("asset", "size")
    return Shares(sum(_amount(as_object(row, "position"), token_id, *names) for row in rows))


def _amount(row: Raw, token_id: str, name: str, size: str) -> int:
    return read_amount(row, size, 0) if read_text(row, name) == token_id else 0
