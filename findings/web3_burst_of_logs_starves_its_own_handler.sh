#!/usr/bin/env bash
# web3.py 7.16.0, WebSocketProvider: a handler that asks the node about a log gets no answer while 501 other logs wait,
# though the node has answered at once.
#
# `async for log in w3.socket.process_subscriptions(): await w3.eth...` is the usual shape of a follower. One task reads the
# socket and puts notifications into a queue of 500; when that is full it stops reading. What would empty the queue is the
# handler, which waits for an answer that lies in the socket behind the next log: neither can go on, until the request's
# timeout (30 s at the default, 3 s here) raises TimeExhausted. The node is then blamed for it ("may be due to the provider
# not returning a response"). 500 more logs at once are one busy block of a whole exchange, or the first seconds after a
# pause. With one log fewer all are handled; only a line at level DEBUG says that the queue is full. The cure is a
# `subscription_response_queue_size` above the largest burst, or a second connection for requests.
#
# Installs a pinned public package in a temporary folder and asks a server of its own. Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet web3==7.16.0
cat > "$folder/show.py" <<'PY'
import asyncio
import json

import websockets
from web3 import AsyncWeb3, WebSocketProvider
from web3.exceptions import TimeExhausted


class Node:
    """A node that sends a burst of logs to who subscribes, and answers every question at once."""

    def __init__(self, burst):
        self.burst, self.answered = burst, 0

    async def serve(self, socket):
        async for raw in socket:
            asked = json.loads(raw)
            subscribing = asked["method"] == "eth_subscribe"
            await self.say(socket, id=asked["id"], result="0xab" if subscribing else "0x5")
            if subscribing:
                for index in range(self.burst):
                    note = {"subscription": "0xab", "result": log(index)}
                    await self.say(socket, method="eth_subscription", params=note)
            else:
                self.answered += 1

    async def say(self, socket, **words):
        await socket.send(json.dumps({"jsonrpc": "2.0", **words}))

def log(index):
    return {
        "address": "0x" + "11" * 20, "topics": ["0x" + "22" * 32], "data": "0x", "blockNumber": "0x5",
        "blockHash": "0x" + "33" * 32, "transactionHash": "0x" + "44" * 32, "transactionIndex": "0x0",
        "logIndex": hex(index), "removed": False,
    }

async def follow(burst, patience=30, **options):
    """Handle a burst of logs, one question to the node for each; return how many were handled and answered."""
    node, handled = Node(burst), 0
    async with websockets.serve(node.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        provider = WebSocketProvider(f"ws://127.0.0.1:{port}", request_timeout=patience, **options)
        async with AsyncWeb3(provider) as w3:
            await w3.eth.subscribe("logs", {"address": "0x" + "11" * 20})
            said = "all handled"
            try:
                async for _ in w3.socket.process_subscriptions():
                    await w3.eth.block_number
                    handled += 1
                    if handled == burst:
                        break
            except TimeExhausted as error:
                said = f"{type(error).__name__}: {str(error).partition('. ')[0]}"
    print(f"burst of {burst} {options or ''}: handled {handled}, the node answered {node.answered}; {said}")
    return handled, node.answered, said

async def show():
    assert await follow(501) == (501, 501, "all handled")  # one in hand and 500 that wait
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the full queue also troubles its own good-bye
    for burst in (502, 2000):
        handled, answered, said = await follow(burst, patience=3)
        assert (handled, answered) == (0, 1) and said.startswith("TimeExhausted"), "out of date"
    assert await follow(2000, subscription_response_queue_size=2000) == (2000, 2000, "all handled")

asyncio.run(show())
PY
timeout 120 "$folder/venv/bin/python" "$folder/show.py"
