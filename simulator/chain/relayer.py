"""The venue's relayer, as somebody without its key meets it: it tells nonces and wallets, and submits nothing."""

import re

from simulator.exchange.accounts import Accounts
from simulator.gateway.http_messages import Answer, Call, RefusedError, Route, answer

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_TYPES = ("SAFE", "PROXY", "WALLET")
_RELAY = "0x" + "5e" * 20


class Relayer:
    """Serve the routes under /relayer; nobody is given a key here, so no nonce ever moves."""

    def __init__(self, accounts: Accounts) -> None:
        """Know the funded wallets: those are deployed."""
        self._accounts = accounts

    def routes(self) -> list[Route]:
        """Return what is served."""
        return [
            Route("GET", "/deployed", self._deployed),
            Route("GET", "/v1/account/transactions/params", self._nonce),
            Route("GET", "/relay-payload", self._nonce),
            Route("GET", "/v1/account/transactions/{}", self._unknown),
            Route("POST", "/submit", self._refuse),
        ]

    def _deployed(self, call: Call) -> Answer:
        return answer({"deployed": call.query.get("address").lower() in self._accounts.by_wallet})

    def _nonce(self, call: Call) -> Answer:
        if not _ADDRESS.fullmatch(call.query.get("address")):
            raise RefusedError(400, "invalid address", parameter="address")
        if call.query.get("type") not in _TYPES:
            raise RefusedError(400, "invalid type", parameter="type")
        return answer({"address": _RELAY, "nonce": "0"})

    def _unknown(self, _: Call) -> Answer:
        raise RefusedError(404, "transaction not found", code="not_found")

    def _refuse(self, call: Call) -> Answer:
        call.json()
        raise RefusedError(401, "invalid authorization", code="unauthorized")
