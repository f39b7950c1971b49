#!/usr/bin/env bash
# npm @foundry-rs/anvil 1.7.1: `anvil_reorg` takes blocks away, and no subscriber or filter hears that their logs are gone.
#
# A node that reorganises its chain sends each log of a dropped block once more, with `removed: true`, to `eth_subscribe`
# and to `eth_getFilterChanges`; a follower takes back what it counted. anvil is the usual tool to test that and has a call
# for it, but says nothing: after three logs and a reorg of two blocks, both channels have told of three logs and none
# removed, while the chain holds one. Replaced blocks come as new heads and new logs at the old numbers, `removed: false`,
# so a counter shows five of three. `anvil_rollback` and `evm_revert` are as silent. What was in the dropped blocks does not
# go back to the pool either: no receipt, no transaction, the sender's nonce as before. A follower without any handling of
# `removed` and one with it look the same here; only one that compares hashes of blocks can be tested.
#
# Installs pinned public packages in a temporary folder and asks a node of its own. Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet websockets==15.0.1
npm install --silent --no-fund --no-audit --prefix . @foundry-rs/anvil@1.7.1 > npm.log 2>&1 || { cat npm.log; exit 1; }
cat > show.py <<'PY'
import asyncio
import json
import socket
import subprocess

import websockets

SHOP = "0x" + "11" * 20  # a contract that emits one empty log a call
LOG0 = "0x60006000a000"


class Node:
    """One connection to anvil: asks, and keeps what is pushed meanwhile."""

    def __init__(self, link):
        self.link, self.number, self.logs, self.heads = link, 0, [], []

    async def ask(self, method, *given):
        self.number += 1
        await self.link.send(json.dumps({"jsonrpc": "2.0", "id": self.number, "method": method, "params": given}))
        while (answer := json.loads(await asyncio.wait_for(self.link.recv(), 30))).get("id") != self.number:
            self.take(answer)
        return answer["result"]

    def take(self, pushed):
        result = pushed["params"]["result"]
        (self.logs if "topics" in result else self.heads).append(result)

    async def settle(self):
        """Take what is pushed until a second passes without anything."""
        try:
            while True:
                self.take(json.loads(await asyncio.wait_for(self.link.recv(), 1)))
        except asyncio.TimeoutError:
            return


async def show(port):
    async with await connected(port) as link:
        node = Node(link)
        await node.ask("anvil_setCode", SHOP, LOG0)
        buyer = (await node.ask("eth_accounts"))[0]
        call = {"from": buyer, "to": SHOP, "gas": "0x30000"}
        await node.ask("eth_subscribe", "logs", {"address": SHOP})
        await node.ask("eth_subscribe", "newHeads")
        watched = await node.ask("eth_newFilter", {"address": SHOP})
        polled = []

        async def told(title, pushed, on_chain):
            """Check what a subscriber and a filter have been told in all, and what the chain holds."""
            await node.settle()
            polled.extend(await node.ask("eth_getFilterChanges", watched))
            held = await node.ask("eth_getLogs", {"address": SHOP, "fromBlock": "0x0"})
            removed = sum(row["removed"] for row in node.logs + polled)
            print(f"{title}: pushed {len(node.logs)}, by filter {len(polled)}, removed {removed}; on the chain {len(held)}")
            assert (len(node.logs), len(polled), len(held)) == (pushed, pushed, on_chain)
            assert removed == 0, "anvil says removed: out of date"

        async def sent():
            """Send a call and return its hash when it is mined."""
            name = await node.ask("eth_sendTransaction", call)
            while not await node.ask("eth_getTransactionReceipt", name):
                await asyncio.sleep(0.05)
            return name

        names = [await sent() for _ in range(3)]
        await told("three logs", 3, 3)
        await node.ask("anvil_reorg", 2, [])
        await told("reorg of two blocks", 3, 1)
        heads = [int(row["number"], 16) for row in node.heads]
        gone = [await node.ask("eth_getTransactionByHash", name) for name in names]
        pool = await node.ask("txpool_status")
        print(f"    heads {heads}; transactions known {[bool(row) for row in gone]}, in the pool {int(pool['pending'], 16)}")
        assert heads == [1, 2, 3, 2, 3] and [bool(row) for row in gone] == [True, False, False]
        assert (int(pool["pending"], 16), int(pool["queued"], 16)) == (0, 0)
        assert int(await node.ask("eth_getTransactionCount", buyer, "pending"), 16) == 1
        await node.ask("anvil_reorg", 2, [[call, 0], [{**call, "nonce": "0x2"}, 1]])
        await told("two blocks replaced by two with a log each", 5, 3)
        await node.ask("anvil_rollback", 1)
        await told("anvil_rollback of one", 5, 2)
        mark = await node.ask("evm_snapshot")
        await sent()
        await told("one more log", 6, 3)
        await node.ask("evm_revert", mark)
        await told("evm_revert of it", 6, 2)


async def connected(port):
    for _ in range(300):
        try:
            return await websockets.connect(f"ws://127.0.0.1:{port}")
        except OSError:
            await asyncio.sleep(0.1)
    raise SystemExit("anvil did not come")


with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
anvil = subprocess.Popen(["node", "node_modules/@foundry-rs/anvil/bin.mjs", "--port", str(port), "--silent"])
try:
    asyncio.run(show(port))
finally:
    anvil.terminate()
    anvil.wait()
PY
timeout 120 venv/bin/python show.py
