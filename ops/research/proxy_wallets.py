"""The wallet that trades for an address: the address itself, or the one its signer's factory made (pitfall 5)."""

from dataclasses import dataclass

from shared.domain.errors import BadConfig, Rejected
from shared.polymarket.data_api import ActivityApi
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire.wallets import wallets_of
from shared.rate_limit.limits import GateLane

_HOW = (
    "The address to follow is in the link of the trader's profile page, https://polymarket.com/profile/0x...: "
    "the wallet that holds the positions, not the one that signs"
)


@dataclass(frozen=True)
class ResolvedWallet:
    """The wallet to follow, and what to tell about it; `note` is '' when there is nothing to tell."""

    address: str
    note: str = ""


def resolve(address: str, activity: ActivityApi, node: PolygonClient) -> ResolvedWallet:
    """Return the wallet that trades for `address`.

    Raises:
        BadConfig: a signer without any wallet that trades; or the venue says it is its own contract.
        TryAgain: nobody can say now.
    """
    if _trades(address, activity):
        return ResolvedWallet(address)
    if node.has_code(address, GateLane.CATCHUP):
        return ResolvedWallet(address, "This wallet has not traded yet; its first trade will be seen.")
    for kind, wallet in wallets_of(address).items():
        if _trades(wallet, activity):
            return ResolvedWallet(
                wallet, f"{address} is a signer (an EOA); its {kind} {wallet} trades and is followed."
            )
    raise BadConfig(f"{address} is a signer (an EOA): it never traded, nor did any wallet derived from it. {_HOW}.")


def _trades(address: str, activity: ActivityApi) -> bool:
    try:
        return activity.newest_s(address, GateLane.CATCHUP) is not None
    except Rejected as error:
        raise BadConfig(f"The venue refuses {address}: {error}. {_HOW}.") from error
