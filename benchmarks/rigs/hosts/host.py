"""One host: a namespace of its own, in which a supervisor keeps a detector and a buyer running.

`python -m benchmarks.rigs.hosts.host` says "ready", is told by one line of JSON who it is and what its programs are
told, and takes `down` and `up` for its own end of the link; it ends with its standard input.
"""

import json
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from benchmarks.rigs.hosts.namespaces import address_host, run_ip
from ops.supervisor.child import ChildProcess, ChildProgram
from ops.supervisor.pipeline import ProcessPipeline, running
from ops.supervisor.up import to_files
from shared.clock import SystemClock
from shared.process.shutdown_signals import die_with_parent

PROGRAMS = ("detector", "buyer")


def main() -> None:
    """Be a host until nobody speaks to us any more."""
    die_with_parent()
    _say("ready")
    told: dict[str, Any] = json.loads(sys.stdin.readline())
    socket.sethostname(told["name"])
    address_host(told["place"], told["each_way_ms"])
    clock, sink = SystemClock(), to_files(Path(told["settings"]["RUN_DIR"]))
    programs = [ChildProgram(name, name, told["settings"], signs=name == "buyer") for name in PROGRAMS]
    pipeline = ProcessPipeline([ChildProcess(program, sink, clock) for program in programs], clock=clock)
    with running(pipeline, threading.Event()):
        for line in sys.stdin:
            run_ip("link", "set", "uplink", line.strip())
            _say(line.strip())
    starts = {name: state["starts"] for name, state in pipeline.snapshot().items()}
    _say(json.dumps(starts))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
