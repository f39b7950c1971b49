"""The Polygon node: the right chain, how old its head is, whether it goes back, how many blocks of logs it gives."""

from collections.abc import Sequence
from itertools import pairwise

from ops.setup.checks.upstreams import VenueAsk, refused
from ops.setup.domain.check_line import CheckLine, failed, passed, warned
from ops.setup.line_probe import probe_line
from shared.clock import Clock
from shared.domain.errors import DependencyMissing, HybridError
from shared.domain.exit_codes import BAD_CONFIG
from shared.http.client import Upstream
from shared.polymarket.polygon import PolygonClient, RangeTooWide
from shared.polymarket.wire.endpoints import CHAIN_ID, EXCHANGES, ORDER_FILLED
from shared.polymarket.wire.order_filled import hex_number
from shared.rate_limit.limits import GateLane

OLD_HEAD_S = 20.0
SLOW_MS = 300
"""An answer a block and source is needed: slower than this, the chain's logs come late."""
LOOKS = 4
_OWN = "Use a node or provider of your own"


def look_at_node(
    name: str, setting: str, url: str, ask: VenueAsk, *, blocks_at_once: int, leader: str
) -> Sequence[CheckLine]:
    """Say how one node stands, as the detector uses it."""
    try:
        words = probe_line(url, ask.clock, ask.timeout_s).words
    except DependencyMissing as error:
        said, _, fix = str(error).rpartition("; ")
        return [failed(name, f"{setting}: {said}", fix)]
    upstream = ask.upstream(name, url)
    try:
        return judge_node(name, setting, upstream, ask.clock, words=words, blocks_at_once=blocks_at_once, leader=leader)
    except HybridError as error:
        return [refused(name, setting, error)]
    finally:
        upstream.close()


def judge_node(
    name: str, setting: str, upstream: Upstream, clock: Clock, *, words: str, blocks_at_once: int, leader: str
) -> list[CheckLine]:
    """Return what the node's answers say.

    Raises:
        TryAgain, GiveUp: it does not answer, or not so that it can be read.
    """
    node = PolygonClient(upstream)
    chain = hex_number({"chain": node.ask("eth_chainId", [])}, "chain")
    if chain != CHAIN_ID:
        fix = f"Give the URL of a Polygon node (chain {CHAIN_ID}) as {setting}"
        return [failed(name, f"it serves chain {chain}", fix, BAD_CONFIG)]
    began = clock.monotonic()
    heads = [node.head() for _ in range(LOOKS)]
    took_ms = (clock.monotonic() - began) * 1000 / LOOKS
    head = min(heads)
    age_s = clock.now_ms() / 1000 - node.block_time_ms(head) / 1000
    found = f"head {max(heads)}, {age_s:.0f} s old; {took_ms:.0f} ms an answer ({words})"
    lines = _of_heads(name, heads, age_s, found)
    if took_ms > SLOW_MS:
        lines.append(warned(name, f"slow: {found}", f"{_OWN}, nearer to this machine"))
    lines += _of_logs(name, node, head, blocks_at_once, leader)
    return lines or [passed(name, f"{found}; logs of {blocks_at_once} blocks at once")]


def _of_heads(name: str, heads: list[int], age_s: float, found: str) -> list[CheckLine]:
    back = max(before - after for before, after in pairwise(heads))
    if back > 0:
        told = f"its head went back by {back} blocks between two answers: a balancer before nodes that differ"
        return [warned(name, told, f"{_OWN}: trades are read again until the slowest of them has them")]
    return [warned(name, found, f"{_OWN}: its head is old, so its logs show trades late")] if age_s > OLD_HEAD_S else []


def _of_logs(name: str, node: PolygonClient, head: int, blocks: int, leader: str) -> list[CheckLine]:
    """Ask for logs as the detector does; where that is too wide, find what it gives."""
    topics = [ORDER_FILLED, None, "0x" + leader.removeprefix("0x").rjust(64, "0")]
    span = blocks
    while span:
        try:
            node.logs(head - span + 1, head, EXCHANGES, topics, GateLane.CATCHUP)
        except RangeTooWide:
            span //= 2
            continue
        break
    if span == blocks:
        return []
    if not span:
        return [failed(name, "it gives the logs of no block at all", _OWN)]
    fix = f"Set CHAIN_BLOCKS_AT_ONCE={span}, or use a node of your own: catching up after downtime takes longer"
    return [warned(name, f"it gives logs of {span} blocks at once, not of {blocks}", fix)]
