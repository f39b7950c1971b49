"""Data API v2's approvals: what of a wallet each contract of the venue may move."""

from collections.abc import Iterator

from simulator.core import contracts
from simulator.data_api.data_v2 import one_user
from simulator.exchange.accounts import Account, Accounts
from simulator.gateway.http_messages import Answer, Call, Route, answer

_MAX = "max"


class Approvals:
    """Serve /data/v2/approvals; a funded wallet is approved for all contracts or for none."""

    def __init__(self, accounts: Accounts) -> None:
        """Know the funded wallets."""
        self._accounts = accounts

    def routes(self) -> list[Route]:
        """Return what is served."""
        return [Route("GET", "/v2/approvals", self.approvals)]

    def approvals(self, call: Call) -> Answer:
        """Return one row a token and contract."""
        user = one_user(call.query.in_snake_case())
        rows = list(_rows(self._accounts.by_wallet.get(user)))
        return answer({"data": {"address": user, "chain_id": contracts.CHAIN_ID, "contracts": rows}})


def _rows(account: Account | None) -> Iterator[dict[str, object]]:
    for token, spenders in contracts.APPROVALS.items():
        for spender in spenders:
            row = {"token": token, "spender": spender, "standard": "ERC20" if token == contracts.PUSD else "ERC1155"}
            yield row | _extent(account, token)


def _extent(account: Account | None, token: str) -> dict[str, object]:
    """Return whether, and for money how much: the wallet's exchanges stand for all contracts here."""
    if token != contracts.PUSD:
        return {"approved": bool(account and account.operators)}
    allowed = min(account.allowances.values(), default=0) if account else 0
    return {"approved": allowed > 0, "amount": _MAX if allowed >= 2**255 else str(allowed)}
