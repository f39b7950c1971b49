"""The contracts that redeeming touches, as one table that can be overridden: pure.

The venue redeployed its adapters once already, so every address here can be replaced without a new version:
`CONTRACTS=ctf_collateral_adapter=0x...,pusd=0x...`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from shared.domain.errors import BadConfig
from shared.polymarket.wire import endpoints, wallets

_ADDRESS = re.compile(r"0x[0-9a-f]{40}")


@dataclass(frozen=True)
class Contracts:
    """Where everything stands; lower case. Sources: `endpoints` (the official SDK's table)."""

    chain_id: int = endpoints.CHAIN_ID
    conditional_tokens: str = endpoints.CONDITIONAL_TOKENS
    pusd: str = endpoints.PUSD
    usdc_e: str = endpoints.USDC_E
    wrapped_collateral: str = endpoints.WRAPPED_COLLATERAL
    neg_risk_adapter: str = endpoints.NEG_RISK_ADAPTER
    ctf_collateral_adapter: str = endpoints.CTF_COLLATERAL_ADAPTER
    neg_risk_ctf_collateral_adapter: str = endpoints.NEG_RISK_CTF_COLLATERAL_ADAPTER
    position_manager: str = endpoints.POSITION_MANAGER
    router: str = endpoints.ROUTER
    safe_multisend: str = endpoints.SAFE_MULTISEND
    relay_hub: str = endpoints.RELAY_HUB
    proxy_factory: str = wallets.PROXY_FACTORY
    deposit_factory: str = wallets.DEPOSIT_FACTORY

    def named(self, address: str) -> str:
        """Return what stands at `address`, or the address itself."""
        return next((field.name for field in fields(self) if getattr(self, field.name) == address), address)


def overridden_contracts(words: Iterable[str]) -> Contracts:
    """Return the table with `name=value` words put over it.

    Raises:
        BadConfig: naming the word and what it should be.
    """
    known = {field.name for field in fields(Contracts)}
    changes: dict[str, str | int] = {}
    for word in words:
        name, _, value = (part.strip().lower() for part in word.partition("="))
        if name not in known:
            raise BadConfig(f"CONTRACTS={word!r}: {name!r} is none of {', '.join(sorted(known))}")
        if name == "chain_id" and value.isdecimal():
            changes[name] = int(value)
        elif name != "chain_id" and _ADDRESS.fullmatch(value):
            changes[name] = value
        else:
            raise BadConfig(f"CONTRACTS={word!r}: expected {name}= and an address (0x and 40 hex digits)")
    return replace(Contracts(), **changes)  # pyright: ignore[reportArgumentType] - checked by name just above
