"""The detector's settings."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator

from detector.domain.emit_rule import EmitRule
from detector.domain.log_filters import LogRules
from detector.domain.source_health import HealthRules
from detector.pending_settings import PendingSettings
from shared.config import Addresses, Words, parse
from shared.domain.errors import BadConfig
from shared.domain.witnesses import PROOF, SECOND_NODE, is_corroborated
from shared.messages.base import Address
from shared.polymarket.wire import endpoints

SOURCES = ("data_api", "chain_logs", "rtds", "subgraph")
_SUBGRAPH_OFF = (
    "subgraph is off by default: it indexes the V1 exchanges and has seen nothing since CLOB V2 (2026-04-28)"
)
_RTDS_ALONE = (
    "keep another source beside rtds: nothing in a push tells a second equal fill from a message sent twice, so it "
    "shows one, and the others bring the rest as a supplement"
)
_NO_LEADER = (
    "TRACKED_WALLETS is empty: give the wallets to follow, as --tracked-wallets 0x...,0x... or TRACKED_WALLETS=0x... "
    "(the proxy wallet that holds the positions: the address on the trader's profile page)"
)


class DetectorSettings(PendingSettings):
    """Whom to watch, through which sources, how often.

    Examples: `python -m detector --tracked-wallets 0x...,0x...`;
    `python -m detector --sources data_api --env-file .env`.
    """

    program: ClassVar[str] = "python -m detector"

    tracked_wallets: Addresses = Field((), description="Leaders to follow: proxy wallets, separated by commas.")
    tracked_wallet: Annotated[Address | None, BeforeValidator(lambda value: value or None)] = Field(
        None, description="One more leader, for those who follow one."
    )
    wallet: Address | None = Field(None, description="The wallet of ours that trades: it is no leader.")
    own_wallets: Addresses = Field((), description="Further wallets that are ours, likewise.")
    check_own_wallets: bool = Field(
        default=True,
        description="Watch no wallet of ours: WALLET, OWN_WALLETS, and what a buyer noted on the server as its own.",
    )
    dry_run: bool = Field(default=True, description="Part of the common settings; the detector itself never trades.")
    instance: str = Field("", description="This detector's name in its reports; detector@host:pid when empty.")
    sources: Words = Field(
        ("data_api", "chain_logs", "rtds"),
        description=f"Where fills are read, separated by commas: {', '.join(SOURCES)}; {_SUBGRAPH_OFF}; {_RTDS_ALONE}.",
    )
    data_api_version: Literal["v2", "v1"] = Field(
        "v2", description="Version of the Data API; v1 is documented as retired on 2026-10-24."
    )
    merges: bool = Field(
        default=True,
        description="Signal a leader's merges too (shares of every outcome given back for collateral: a position ends "
        "without a sell). Only the Data API shows them, in the requests it is asked anyway; they never wait for a "
        "second source, and there are none with EMIT_RULE=confirmed and UNCONFIRMED=drop.",
    )
    subgraph_url: str = Field(endpoints.SUBGRAPH_URL, description="The orderbook subgraph's GraphQL endpoint.")
    rtds_url: str = Field(endpoints.RTDS_URL, pattern="^wss?://.+", description="The venue's push feed of trades.")
    rtds_sockets: int = Field(
        2, ge=1, le=4, description="Push connections kept open at once: when one fails, another has taken over already."
    )
    rtds_mute_s: float = Field(
        20.0, ge=1, le=600, description="A push connection that brings nothing for so many seconds is given up."
    )
    rtds_late_s: float = Field(
        30.0,
        ge=1,
        le=3600,
        description="A push connection whose rows are mostly older than so many seconds is given up.",
    )
    data_api_rate_per_s: float = Field(
        endpoints.BUDGETS["data_activity"].target_per_s,
        gt=0,
        le=100,
        description="Budget of all activity polls of all leaders and processes together, requests per second.",
    )
    data_api_burst: int = Field(2, ge=1, le=100, description="Activity polls at once after a quiet time.")
    subgraph_rate_per_s: float = Field(
        endpoints.BUDGETS["subgraph"].target_per_s,
        gt=0,
        le=100,
        description="Budget of all subgraph polls together, requests per second.",
    )
    poll_every_s: float = Field(
        3.0, gt=0, le=3600, description="Seconds between two activity polls of a leader; the venue refreshes every 4 s."
    )
    poll_at_most_every_s: float = Field(
        60.0,
        ge=0,
        le=86_400,
        description="Longest wait of a quiet leader, while leaders that trade go more often; 0 polls all in turn.",
    )
    leaders_file: Path | None = Field(
        None, description="File of leaders: address and label in each line; read again whenever it changes."
    )
    start_empty: bool = Field(default=False, description="Start with nobody to follow and wait for `hybrid follow`.")
    member_ttl_s: float = Field(
        6.0,
        ge=1,
        le=300,
        description="Detectors on one Redis share the leaders; one silent for so many seconds loses its share.",
    )
    chain_poll_every_s: float = Field(1.5, gt=0, le=600, description="Seconds between two reads of the chain's logs.")
    subgraph_poll_every_s: float = Field(5.0, gt=0, le=600, description="Seconds between two subgraph polls.")
    overlap_s: int = Field(
        120, ge=60, le=86_400, description="Seconds re-read before the newest known trade: rows are indexed late."
    )
    subgraph_overlap_s: int = Field(300, ge=60, le=86_400, description="Seconds the subgraph re-reads.")
    overlap_blocks: int = Field(
        20, ge=3, le=2000, description="Blocks re-read at each poll: short reorganisations, nodes that lag."
    )
    backfill_s: int = Field(
        120, ge=0, le=30 * 86_400, description="Seconds before now where a leader's first poll begins."
    )
    confirmations: int = Field(
        3,
        ge=1,
        le=100,
        description="Blocks that settle a fill. One that vanished from its block and stays away for three times as "
        "many is retracted: FILL_RETRACTED.",
    )
    chain_leaders_at_once: int = Field(500, ge=1, le=1000, description="Leaders in one log filter; nodes allow 1,000.")
    chain_whole_above: int = Field(
        1000,
        ge=1,
        description="With more leaders than this the exchanges' whole log is read and sifted here: as many requests "
        "for ten thousand leaders as for one.",
    )
    chain_whole_blocks_at_once: int = Field(
        120, ge=1, le=10_000, description="Blocks in one such request, at most: they hold everybody's fills."
    )
    chain_blocks_at_once: int = Field(2000, ge=1, le=10_000, description="Blocks in one log request, at most.")
    subgraph_leaders_at_once: int = Field(100, ge=1, le=1000, description="Leaders in one subgraph query.")
    chain_v1: bool = Field(default=False, description="Read the logs of the retired V1 exchanges too.")
    workers: int = Field(4, ge=1, le=64, description="Threads that poll the Data API.")
    market_hints: bool = Field(default=True, description="Look up markets of signals whose source does not name them.")
    emit_rule: Literal["corroborated", "confirmed", "first"] = Field(
        "corroborated",
        description="When a sighting becomes a signal. corroborated: at once where the venue's own feed shows the "
        "fill, and what only a node shows when the venue or a second node does too; confirmed: when two independent "
        "sources show it; first: with the first sighting.",
    )
    second_rpc_url: str = Field(
        "",
        pattern="^(https?://.+)?$",
        description="A node of somebody else than RPC_URL's: asked for the receipt and the block's header of each fill "
        "that only a node shows, so that it need not wait for the venue's feed. Empty: none.",
    )
    confirm: Literal["node", "proof"] = Field(
        "node",
        description="What vouches for a fill that only a node's log shows, besides the venue: SECOND_RPC_URL's word, "
        "or a proof: the transaction itself, signed by an operator and by the leader.",
    )
    confirm_within_s: float = Field(
        30.0, gt=0, le=3600, description="Seconds a fill waits for what EMIT_RULE asks for besides its first source."
    )
    mined_within_s: float = Field(
        120.0,
        ge=10,
        le=3600,
        description="Seconds after which a signal that only the venue's feed showed must be in a block; one that is in "
        "none is retracted: FILL_RETRACTED.",
    )
    unconfirmed: Literal["emit", "drop"] = Field(
        "emit", description="What then happens to what one source showed: a late signal that says so, or never one."
    )
    source_grace_s: float = Field(
        20.0, gt=0, le=600, description="Seconds after another source that a source may show a fill and still be good."
    )
    capture_raw: bool = Field(
        default=False,
        description="Put what the sources' upstreams answer and push on hs:raw, for `hybrid capture`.",
    )
    progress_every_s: float = Field(10.0, gt=0, le=3600, description="Seconds between HYBRID_PROGRESS events.")

    @field_validator("sources")
    @classmethod
    def _known_sources(cls, sources: tuple[str, ...]) -> tuple[str, ...]:
        strangers = [name for name in sources if name not in SOURCES]
        if strangers or not sources:
            raise ValueError(f"choose from {', '.join(SOURCES)}, not {', '.join(strangers) or 'nothing'}")
        return tuple(dict.fromkeys(sources))

    @model_validator(mode="after")
    def _none_of_ours(self) -> Self:
        """Refuse to watch a wallet of ours: each of our orders would set off the next (pitfall 44)."""
        ours = {self.wallet, *self.own_wallets}.intersection(self.leaders)
        if ours and self.check_own_wallets:
            named = ", ".join(sorted(filter(None, ours)))
            raise ValueError(
                f"TRACKED_WALLETS names {named}, a wallet of yours (WALLET, OWN_WALLETS): each of your orders would "
                "set off the next; take it out, or set CHECK_OWN_WALLETS=false to watch it all the same"
            )
        return self

    @model_validator(mode="after")
    def _blocks_beside_pending(self) -> Self:
        if self.pending_urls and "chain_logs" not in self.sources:
            raise ValueError("PENDING_URLS needs chain_logs among SOURCES: a block confirms what was pending")
        return self

    @model_validator(mode="after")
    def _another_node(self) -> Self:
        """Refuse a second node that is the first: it would vouch for itself."""
        first, second = (urlsplit(url) for url in (self.rpc_url, self.second_rpc_url))
        if (first.netloc, first.path) == (second.netloc, second.path):
            raise ValueError("SECOND_RPC_URL is RPC_URL's own node: give one of another provider, or leave it empty")
        return self

    @property
    def rule(self) -> EmitRule:
        """Return when a sighting becomes a signal; nothing waits for a word that nobody can give."""
        return EmitRule(
            self.emit_rule == "confirmed",
            round(self.confirm_within_s * 1000),
            drop=self.unconfirmed == "drop",
            corroborated=self.emit_rule == "corroborated" and self.has_witnesses,
        )

    @property
    def has_witnesses(self) -> bool:
        """Say whether anybody can vouch for what one node shows: the venue's own feed, or a second node."""
        second = SECOND_NODE if self.second_rpc_url else None
        proof = PROOF if self.confirm == "proof" else None
        return is_corroborated((*self.sources, *filter(None, (second, proof))), nodes=2)

    @property
    def reads_merges(self) -> bool:
        """Say whether merges are signalled: what one source shows alone is none where that is to be dropped."""
        return self.merges and "data_api" in self.sources and not (self.rule.confirmed and self.rule.drop)

    @property
    def health_rules(self) -> HealthRules:
        """Return how sources are judged."""
        return HealthRules(grace_ms=round(self.source_grace_s * 1000))

    @property
    def log_rules(self) -> LogRules:
        """Return how the chain's logs are read."""
        return LogRules(
            overlap=self.overlap_blocks,
            backfill_s=self.backfill_s,
            confirmations=self.confirmations,
            with_v1=self.chain_v1,
            leaders_at_once=self.chain_leaders_at_once,
            blocks_at_once=self.chain_blocks_at_once,
            whole_above=self.chain_whole_above,
            whole_blocks_at_once=self.chain_whole_blocks_at_once,
        )

    @property
    def leaders(self) -> tuple[str, ...]:
        """Return all leaders, each once."""
        one = (self.tracked_wallet,) if self.tracked_wallet else ()
        return tuple(dict.fromkeys((*self.tracked_wallets, *one)))


def parse_args(argv: list[str] | None = None) -> DetectorSettings:
    """Read the settings: None takes the command line, [] only the environment (S3).

    Raises:
        BadConfig: naming the variable, the value and the fix; also when there is no leader to follow.
    """
    settings = parse(DetectorSettings, argv)
    if not (settings.leaders or settings.leaders_file or settings.start_empty):
        raise BadConfig(_NO_LEADER)
    return settings
