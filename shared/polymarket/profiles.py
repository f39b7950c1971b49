"""Profiles by handle: Gamma's public search, as the venue's own SDK asks it (`polymarket-client` 0.14.0, `search`)."""

from shared.domain.errors import BadConfig
from shared.http.client import Upstream
from shared.polymarket.wire.leader_fills import ADDRESS
from shared.polymarket.wire.parsing import as_list, as_object
from shared.rate_limit.limits import GateLane


def wallet_of_handle(gamma: Upstream, handle: str) -> str:
    """Return the wallet of the profile with exactly this name, whatever the case of its letters.

    Raises:
        BadConfig: none has it, or several have.
        TryAgain: Gamma is throttled or away.
        Malformed: its answer is none.
    """
    params = {"q": handle, "search_profiles": "true", "search_tags": "false"}
    found = as_object(gamma.get("/public-search", params, lane=GateLane.CATCHUP), "search")
    profiles = [as_object(raw, "profile") for raw in as_list(found.get("profiles") or [], "profiles")]
    named = [one for one in profiles if str(one.get("name") or "").lower() == handle.lower()]
    wallets = sorted({str(one.get("proxyWallet") or one.get("wallet") or "").lower() for one in named})
    wallets = [wallet for wallet in wallets if ADDRESS.fullmatch(wallet)]
    if len(wallets) == 1:
        return wallets[0]
    fix = "give the address of the profile page, https://polymarket.com/profile/0x..."
    if wallets:
        raise BadConfig(f"@{handle}: {len(wallets)} profiles have this name ({', '.join(wallets)}): {fix}")
    raise BadConfig(f"@{handle}: the venue shows no profile of this name: {fix}")
