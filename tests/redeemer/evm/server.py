"""`python -m tests.redeemer.evm.server PORT FILE [STUCK]`: the node as a process that may be killed at any moment.

Everything it ever accepted is in FILE before it answers, so a killed node comes back with the chain it had.
Each question for the head makes a block. Of every STUCK nonces one is too cheap at the usual tip: it is never mined.
"""

import json
import os
import pickle
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, cast

import rlp

from tests.redeemer.evm.node import EvmNode, keep_gas_short

WRITES = frozenset({"eth_sendRawTransaction", "eth_blockNumber"})


def save(node: EvmNode, file: Path) -> None:
    """Write the chain's whole database, in one step."""
    draft = file.with_suffix(".draft")
    draft.write_bytes(pickle.dumps(node.tester.backend.chain.chaindb.db.wrapped_db.kv_store))
    draft.replace(file)


class CheapNode(EvmNode):
    """Accepts some transactions at the usual tip and forgets them: only a higher one is mined."""

    stuck = 0

    def eth_send_raw_transaction(self, raw: str) -> str:
        _, nonce, tip, *_ = cast("list[bytes]", rlp.decode(bytes.fromhex(raw[4:])))
        cheap = int.from_bytes(tip, "big") <= self.tip
        if self.stuck and cheap and int.from_bytes(nonce, "big") % self.stuck == 0:
            return ""
        return super().eth_send_raw_transaction(raw)


def load(file: Path) -> CheapNode:
    """Return a node on the chain that a file holds."""
    from eth.db.atomic import AtomicDB  # noqa: PLC0415 - heavy, and only here
    from eth.db.backends.memory import MemoryDB  # noqa: PLC0415 - heavy, and only here

    node = CheapNode()
    kept = pickle.loads(file.read_bytes())  # noqa: S301 - our own file
    backend = node.tester.backend
    backend.chain = type(backend.chain)(AtomicDB(MemoryDB(kept)))
    keep_gas_short(backend.chain)
    return node


def serve(port: int, file: Path, stuck: int = 0) -> None:
    """Answer JSON-RPC until killed."""
    node = load(file)
    node.stuck = stuck

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            each = cast("list[dict[str, Any]]", asked if isinstance(asked, list) else [asked])
            if any(one["method"] == "eth_blockNumber" for one in each):
                node.mine()
            body = json.dumps(node.answers(asked)).encode()
            if any(one["method"] in WRITES for one in each):
                save(node, file)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", port), Handler) as server:
        sys.stdout.write(f"ready {server.server_port} {os.getpid()}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
