"""Build the live redeemer: every part on the real chain, its key and its wallet checked before anything else."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from redis import Redis

from redeemer.config import RedeemerSettings
from redeemer.domain import gas_pricing
from redeemer.domain.transaction_rules import TransactionRules
from redeemer.preflight import Preflight
from redeemer.redemption.holdings import Holdings
from redeemer.redemption.live_redeemer import LiveRedeemer, RedeemerSetup
from redeemer.redemption.payout_verifier import PayoutVerifier
from redeemer.redemption.planner import LivePlan
from redeemer.redemption.redemption_ledger import RedemptionLedger
from redeemer.redemption.resolutions import ChainReader
from redeemer.transactions.call_sender import CallSender, OwnerSender
from redeemer.transactions.manager import TransactionManager
from redeemer.transactions.node_client import NodeClient
from redeemer.transactions.relayer_client import RelayerClient
from redeemer.transactions.relayer_sender import RelayerSender
from redeemer.transactions.relayer_signer import RelayerSigner
from redeemer.transactions.signer import KeylessSigner, TransactionSigner, signer_of, wallet_of
from shared.clock import Clock
from shared.domain.errors import BadConfig
from shared.domain.money import to_micro
from shared.http.client import Upstream
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import Event
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.positions import RedeemablePositions
from shared.polymarket.wire.contracts import Contracts, overridden_contracts
from shared.polymarket.wire.endpoints import BUDGETS
from shared.process.process_name import process_address
from shared.rate_limit.gate import GateLane, GateLimits, RateGate
from shared.redis.lease import Lease

LIVE = "live"


@dataclass(frozen=True)
class LiveRedeemerParts:
    """The parts that somebody asks for."""

    wallet: str
    plan: LivePlan
    redeemer: LiveRedeemer
    preflight: Preflight


def build_live(
    settings: RedeemerSettings,
    redis: Redis,
    *,
    clock: Clock,
    stop: threading.Event,
    emit: Callable[[Event], None],
    lane: GateLane = GateLane.EXITS,
    signer: TransactionSigner | None = None,
) -> LiveRedeemerParts:
    """Build everything for the wallet in `settings`.

    Who only watches takes a later `lane` than who redeems, and a `signer` without a key (`keyless_signer`).

    Raises:
        BadConfig, RefusedForSafety, DependencyMissing: the key, the wallet or the relayer's key is not as it must be.
    """
    contracts = overridden_contracts(settings.contracts)
    signer = signer or _signer(settings)
    wallet = wallet_of(signer, settings.wallet_type, settings.wallet)
    rpc, data_api = upstreams(settings, redis, clock=clock, stop=stop)
    node, ledger = NodeClient(PolygonClient(rpc)), RedisLedger(redis, LIVE)
    chain = ChainReader(rpc, contracts.conditional_tokens, lane, contracts.position_manager)
    positions = RedeemablePositions(data_api)
    holdings = Holdings(chain, wallet, contracts)
    lease = Lease(redis, f"signer:{signer.address}", _holder(), clock=clock, ttl_s=settings.signer_lease_s)
    verifier = PayoutVerifier(
        wallet, contracts, node, ledger, holdings, positions,
        confirmations=settings.confirmations, fence=lambda: lease.fence, clock=clock, emit=emit,
    )  # fmt: skip
    transactions = TransactionManager(
        signer, node, ledger, lambda: lease.fence, _transaction_rules(settings, contracts), clock=clock
    )
    sender = _build_sender(settings, redis, transactions, signer, wallet, contracts, node, clock=clock, stop=stop)
    plan = LivePlan(
        wallet, ledger, chain, holdings, positions,
        least=to_micro(settings.min_redeem_usdc), merge=settings.merge_pairs, cost=sender.redemption_cost,
    )  # fmt: skip
    setup = RedeemerSetup(wallet, settings.redeem_route, contracts, look_every_s=settings.look_every_s)
    redeemer = LiveRedeemer(setup, plan, sender, RedemptionLedger(ledger), verifier, lease, clock=clock, stop=stop)
    preflight = Preflight(
        signer.address, wallet, settings.wallet_type, settings.redeem_route, contracts, node, relayed=settings.relayed
    )
    return LiveRedeemerParts(wallet, plan, redeemer, preflight)


def keyless_signer(settings: RedeemerSettings) -> TransactionSigner:
    """Return the signer for who signs nothing: by SIGNER_ADDRESS; else the key is read for its address and let go.

    Raises:
        BadConfig, RefusedForSafety, DependencyMissing: neither can be found out.
    """
    return KeylessSigner(settings.signer_address or _signer(settings).address)


def _signer(settings: RedeemerSettings) -> TransactionSigner:
    signer = signer_of(settings.key_source.read().get_secret_value())
    if settings.signer_address not in {None, signer.address}:
        raise BadConfig(
            f"SIGNER_ADDRESS={settings.signer_address} is not the signing key's address, {signer.address}: correct it, "
            "or leave it empty"
        )
    return signer


def upstreams(
    settings: RedeemerSettings, redis: Redis, *, clock: Clock, stop: threading.Event
) -> tuple[Upstream, Upstream]:
    """Return the node and the Data API, each behind its shared gate."""

    def upstream(name: str, url: str, rate_per_s: float) -> Upstream:
        gate = RateGate(redis, name, GateLimits(rate_per_s), clock=clock)
        return Upstream(name, url, [gate], clock=clock, stop=stop, timeout_s=settings.http_timeout_s)

    node = upstream("rpc", settings.rpc_url, settings.rpc_rate_per_s)
    data_api = upstream("data_resolutions", settings.data_api_url, settings.resolutions_rate_per_s)
    return node, data_api


def _transaction_rules(settings: RedeemerSettings, contracts: Contracts) -> TransactionRules:
    return TransactionRules(
        chain_id=contracts.chain_id,
        cap=settings.gas_cap_gwei * gas_pricing.GWEI,
        confirmations=settings.confirmations,
        stuck_after_ms=int(settings.stuck_after_s * 1000),
        pol_warning=int(settings.pol_warning * gas_pricing.POL),
        pol_price=settings.pol_price_usdc,
    )


def _build_sender(
    settings: RedeemerSettings,
    redis: Redis,
    transactions: TransactionManager,
    signer: TransactionSigner,
    wallet: str,
    contracts: Contracts,
    node: NodeClient,
    *,
    clock: Clock,
    stop: threading.Event,
) -> CallSender:
    if not settings.relayed:
        return OwnerSender(transactions, wallet, settings.wallet_type, contracts)
    key, address = settings.relayer_api_key, settings.relayer_api_key_address
    if key is None or address is None:
        raise BadConfig(
            f"WALLET_TYPE={settings.wallet_type} is redeemed through the venue's relayer: set RELAYER_API_KEY and "
            "RELAYER_API_KEY_ADDRESS (made on the venue's site, under API keys)"
        )
    gate = RateGate(redis, "relayer", GateLimits(BUDGETS["relayer"].target_per_s), clock=clock)
    headers = {"RELAYER_API_KEY": key.get_secret_value(), "RELAYER_API_KEY_ADDRESS": address}
    http = Upstream(
        "relayer",
        settings.relayer_url,
        [gate],
        clock=clock,
        stop=stop,
        timeout_s=settings.http_timeout_s,
        headers=headers,
    )
    envelopes = RelayerSigner(signer, wallet, settings.wallet_type, contracts, clock=clock)
    return RelayerSender(RelayerClient(http), transactions, envelopes, wallet, node, clock=clock)


def _holder() -> str:
    """Name this process: of two workers on one machine one sends at a time."""
    return f"worker@{process_address()}"
