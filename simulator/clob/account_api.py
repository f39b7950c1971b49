"""The CLOB's private half that is about the account: API keys, restrictions, balances and approvals."""

from collections.abc import Callable

from simulator.clob.credentials import ApiKey, Credentials
from simulator.core import contracts
from simulator.core.world import World
from simulator.exchange.accounts import CASH, Account, Accounts
from simulator.gateway.http_messages import Answer, Call, RefusedError, Route, answer

Handler = Callable[[Call, ApiKey], Answer]


class ClobAccount:
    """Serve keys and balances under /clob, and tell other routes whose request they have."""

    def __init__(self, world: World, accounts: Accounts, credentials: Credentials) -> None:
        """Know the funded wallets and the keys."""
        self._world = world
        self._accounts = accounts
        self._credentials = credentials

    def routes(self) -> list[Route]:
        """Return what is served."""
        return [
            Route("POST", "/auth/api-key", self.create),
            Route("GET", "/auth/derive-api-key", self.derive),
            Route("GET", "/auth/api-keys", self.private(self.api_keys)),
            Route("DELETE", "/auth/api-key", self.private(self.delete_key)),
            Route("GET", "/auth/ban-status/closed-only", self.private(self.closed_only)),
            Route("GET", "/balance-allowance", self.private(self.balance)),
            Route("GET", "/balance-allowance/update", self.private(self.refresh)),
        ]

    def private(self, handler: Handler) -> Callable[[Call], Answer]:
        """Let a handler see only requests that are signed rightly, with the key that signed them."""
        return lambda call: handler(call, self._credentials.checked(call, self.now_s(call)))

    def now_s(self, call: Call) -> int:
        """Return the venue's clock, which a fault may have set wrong."""
        return (call.now_ms + self._world.faults.skew_ms("clob", call.now_ms)) // 1000

    def create(self, call: Call) -> Answer:
        """Make an API key."""
        return answer(self._credentials.create(call, self.now_s(call)).record())

    def derive(self, call: Call) -> Answer:
        """Return an API key made before."""
        return answer(self._credentials.derive(call, self.now_s(call)).record())

    def api_keys(self, _call: Call, key: ApiKey) -> Answer:
        """Return the ids of an address's keys."""
        return answer({"apiKeys": [each.key for each in self._credentials.of(key.address)]})

    def delete_key(self, _call: Call, key: ApiKey) -> Answer:
        """Forget the key that signed this."""
        self._credentials.delete(key)
        return answer("OK")

    def closed_only(self, _call: Call, key: ApiKey) -> Answer:
        """Tell whether an address may only close positions."""
        own = [each for each in self._accounts.by_wallet.values() if each.owner == key.address]
        return answer({"closed_only": any(each.closed_only for each in own)})

    def balance(self, call: Call, key: ApiKey) -> Answer:
        """Return what the venue believes a wallet has and may spend, in micro-units."""
        account, what = self._asked(call, key)
        accounts = self._accounts
        if account is None:
            return answer({"balance": "0", "allowances": dict.fromkeys(contracts.SPENDERS, "0")})
        shown = accounts.balance(account, what) if account.synced else 0
        allowed = {each: str(accounts.allowance(account, what, each)) for each in contracts.SPENDERS}
        return answer({"balance": str(shown), "allowances": allowed})

    def refresh(self, call: Call, key: ApiKey) -> Answer:
        """Look at the chain again."""
        account, what = self._asked(call, key)
        if account is not None:
            account.synced = True
            account.refreshed.add(what)
        return Answer("")

    def _asked(self, call: Call, key: ApiKey) -> tuple[Account | None, str]:
        query = call.query
        kind, token = query.get("asset_type"), query.get("token_id")
        if kind not in {"COLLATERAL", "CONDITIONAL", "CONDITIONAL-V2"} or (kind != "COLLATERAL" and not token):
            raise RefusedError(400, "Invalid asset type")
        signature_type = query.integer("signature_type", 0, 0, 3)
        account = self._accounts.of_owner(key.address, signature_type)
        return account, CASH if kind == "COLLATERAL" else token
