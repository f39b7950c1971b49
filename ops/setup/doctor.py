"""`hybrid doctor`: look at everything that a start needs, side by side, and say each fault with its fix."""

import json
from collections.abc import Callable, Sequence
from functools import partial

from ops.setup.check_runner import DoctorCheck, run_checks
from ops.setup.checks import account, machine, node, own_settings, pending_nodes, server, sockets, traders, upstreams
from ops.setup.checks.upstreams import VenueAsk, look_at_upstream
from ops.setup.domain.check_line import CheckLine, exit_code_of, report_of, summary_of
from ops.setup.named_leaders import named_leaders
from ops.setup.readable_settings import FoundSettings, find_settings
from shared.clock import Clock, SystemClock
from shared.domain.plain_text import plain_lines
from shared.http.client import Upstream

LIMIT_S = 15.0
ANSWERS_WITHIN_S = 6.0
"""What one question may take, so that a check of two fits into its time."""
_ANYBODY = "0x" + "0" * 39 + "1"
"""Asked about where nobody is followed: a wallet that never trades."""
_RELAYER_URL = "RELAYER_URL"


def main(env_file: str | None, *, as_json: bool, limit_s: float = LIMIT_S, tell: Callable[[str], None]) -> int:
    """Look, tell what was found, and return the exit code."""
    found = find_settings(env_file)
    lines = examine(found, env_file, SystemClock(), limit_s)
    mode = "live" if found.wants_live else "paper"
    if as_json:
        tell(json.dumps(report_of(lines, mode), indent=2))
        return exit_code_of(lines)
    for line in lines:
        tell(plain_lines(str(line)))
    tell(f"{mode}: {summary_of(lines)}")
    return exit_code_of(lines)


def examine(found: FoundSettings, env_file: str | None, clock: Clock, limit_s: float = LIMIT_S) -> list[CheckLine]:
    """Return every line, all checks side by side."""
    ask = VenueAsk(clock, min(ANSWERS_WITHIN_S, limit_s / 2))
    return run_checks(
        [*_here(found, env_file, clock), *_venue(found, ask), *_nodes(found, ask), *_ours(found, ask)], clock, limit_s
    )


def _here(found: FoundSettings, env_file: str | None, clock: Clock) -> list[DoctorCheck]:
    up, named = found.up, "" if found.up.embeds_server else found.up.redis_url
    return [
        DoctorCheck("settings", lambda: own_settings.look_at_settings(found, env_file)),
        DoctorCheck("machine", machine.look_at_machine),
        DoctorCheck("disk", lambda: machine.look_at_disk(up.data_dir)),
        DoctorCheck("server", lambda: server.look_at_server(named, up.data_dir, clock, live=found.wants_live)),
    ]


def _venue(found: FoundSettings, ask: VenueAsk) -> list[DoctorCheck]:
    buyer, detector, clock = found.buyer, found.detector, ask.clock

    def clob_words(clob: Upstream) -> Sequence[str]:
        return upstreams.clob_words(clob, ask.upstream("gamma", buyer.gamma_url), clock)

    def upstream(name: str, setting: str, url: str, about: Callable[[Upstream], Sequence[str]]) -> DoctorCheck:
        return DoctorCheck(name, lambda: look_at_upstream(name, setting, url, ask, about))

    checks = [
        DoctorCheck("clock", _asked(ask, "clob", buyer.clob_url, lambda up: upstreams.skew_lines(up, clock))),
        upstream("data api", "DATA_API_URL", detector.data_api_url, lambda up: upstreams.data_api_words(up, clock)),
        upstream("gamma", "GAMMA_URL", buyer.gamma_url, upstreams.gamma_words),
        upstream("clob", "CLOB_URL", buyer.clob_url, clob_words),
        DoctorCheck("trades feed", partial(_socket, "trades feed", "RTDS_URL", detector.rtds_url, ask)),
        DoctorCheck("books feed", partial(_socket, "books feed", "CLOB_MARKET_URL", buyer.clob_market_url, ask, found)),
        DoctorCheck(
            "region",
            _asked(ask, "geoblock", buyer.geoblock_url, lambda up: upstreams.region_lines(up, live=found.wants_live)),
        ),
    ]
    if "subgraph" in detector.sources:
        asked = partial(upstreams.subgraph_words, leader=_leader(found))
        checks.append(upstream("subgraph", "SUBGRAPH_URL", detector.subgraph_url, asked))
    if found.has_key:
        look = partial(sockets.look_at_socket, "orders feed", "CLOB_USER_URL", buyer.clob_user_url, ask)
        checks.append(DoctorCheck("orders feed", lambda: look(sockets.opens)))
    if found.has_key and found.redeemer.relayed:
        checks.append(upstream("relayer", _RELAYER_URL, found.redeemer.relayer_url, upstreams.reached_words))
    return checks


def _nodes(found: FoundSettings, ask: VenueAsk) -> list[DoctorCheck]:
    detector = found.detector
    named = [("node", "RPC_URL", detector.rpc_url), ("second node", "SECOND_RPC_URL", detector.second_rpc_url)]
    look = partial(node.look_at_node, ask=ask, blocks_at_once=detector.chain_blocks_at_once, leader=_leader(found))
    return [
        *(DoctorCheck(name, partial(look, name, setting, url)) for name, setting, url in named if url),
        *(_pending_node(name, url, ask) for name, url in detector.pending_nodes.items()),
    ]


def _pending_node(name: str, url: str, ask: VenueAsk) -> DoctorCheck:
    return DoctorCheck(f"pending {name}", lambda: pending_nodes.look_at_pending(f"pending {name}", url, ask))


def _ours(found: FoundSettings, ask: VenueAsk) -> list[DoctorCheck]:
    url, version = found.detector.data_api_url, found.detector.data_api_version

    urls = found.up.alert_urls

    def leaders() -> Sequence[CheckLine]:
        named = named_leaders(found.up)
        return traders.look_at_leaders(named, url, version, ask, may_be_none=found.up.start_empty)

    return [
        DoctorCheck("leaders", leaders),
        *([DoctorCheck("alerts", lambda: own_settings.look_at_alerts(urls.get_secret_value()))] if urls else []),
        DoctorCheck("account", lambda: account.look_at_account(found, ask)),
    ]


def _asked(
    ask: VenueAsk, name: str, url: str, about: Callable[[Upstream], Sequence[CheckLine]]
) -> Callable[[], Sequence[CheckLine]]:
    def look() -> Sequence[CheckLine]:
        upstream = ask.upstream(name, url)
        try:
            return about(upstream)
        finally:
            upstream.close()

    return look


def _socket(
    name: str, setting: str, url: str, ask: VenueAsk, found: FoundSettings | None = None
) -> Sequence[CheckLine]:
    listen = sockets.hear_book(found.buyer.gamma_url) if found else sockets.hear_trades
    return sockets.look_at_socket(name, setting, url, ask, listen)


def _leader(found: FoundSettings) -> str:
    return next(iter(found.up.leaders), _ANYBODY)
