"""Two hosts that share a server in a third network namespace, each cut off for a while under load; the venue judges.

Each host has a detector and a live buyer under a supervisor; server (with a password) and local venue stand beside each
other in the third. A link goes down at the switch, where the host notices nothing but silence, then at the host itself,
which has no network at all. At the end every fill of the venue's record has one signal, every signal one decision, no
fact two orders, and the ledger is the account to the micro-unit. Namespaces have no name: the kernel takes them away
with the processes in them, however these end.

    python -m benchmarks.hosts [--cut-s 20] [--shards 1] [--lease-s 20] [--each-way-ms 20]

It needs `ip` and `unshare`, and root or user namespaces; without them it says so and ends with 0.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.rigs.hosts.namespaces import unshared, why_not
from shared.process.shutdown_signals import DIE_WITH_PARENT
from simulator.command_line import HidingParser

ZEROS = (
    *("fills_missed", "fills_doubled", "orders_doubled", "orders_unexplained", "undecided", "decided_twice"),
    *("cash_off_micro", "shares_off", "left_open"),
)
COLUMNS = ("host", "side", "shards_held", "taken_over_s", "detector_back_s", "buyer_back_s")


def main(argv: Sequence[str] | None = None) -> int:
    """Cut, judge, print; 1 when something does not hold."""
    asked = _parser().parse_args(argv)
    known = {"benchmark": "hosts", **{name: value for name, value in vars(asked).items() if name != "folder"}}
    if reason := why_not(delays=asked.each_way_ms > 0):
        print(f"not run: {reason}")
        print(json.dumps({**known, "skipped": reason}))
        return 0
    with tempfile.TemporaryDirectory() if asked.folder is None else contextlib.nullcontext(asked.folder) as folder:
        found = _run({**vars(asked), "folder": str(Path(folder).absolute())})
    wrong = [name for name in ZEROS if found[name]]
    _show(found, wrong)
    print(json.dumps({**known, **found, "holds": not wrong}))
    return 1 if wrong else 0


def _run(asked: dict[str, Any]) -> dict[str, Any]:
    """Run it in a namespace of its own; return what it found."""
    done = subprocess.run(
        unshared([sys.executable, "-m", "benchmarks.rigs.hosts.run"]),
        env={**os.environ, DIE_WITH_PARENT: str(os.getpid())},
        input=json.dumps(asked) + "\n",
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"the run ended with {done.returncode}; what it said stands above")
    return json.loads(done.stdout.splitlines()[-1])


def _show(found: dict[str, Any], wrong: Sequence[str]) -> None:
    print("".join(f"{name:>16}" for name in COLUMNS))
    for cut in found["cuts"]:
        print("".join(f"{'-' if cut[name] is None else cut[name]:>16}" for name in COLUMNS))
    for name, value in found.items():
        if name != "cuts":
            print(f"  {name:<20}{value}{'   <- must be 0' if name in wrong else ''}")


def _parser() -> argparse.ArgumentParser:
    parser = HidingParser(prog="python -m benchmarks.hosts", description=__doc__)
    parser.add_argument("--cut-s", type=float, default=20.0, help="seconds that a link is down")
    parser.add_argument(
        "--before-s", type=float, default=10.0, help="seconds of load before the first cut, and between"
    )
    parser.add_argument("--sides", nargs="+", choices=("switch", "host"), default=["switch", "host"], help="which end")
    parser.add_argument("--shards", type=int, default=1, help="BUYER_SHARDS")
    parser.add_argument("--lease-s", type=float, default=20.0, help="LEASE_S")
    parser.add_argument("--each-way-ms", type=float, default=0.0, help="delay of the links (netem)")
    parser.add_argument("--folder", type=Path, help="a new folder for servers and logs, which stays")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same moments")
    return parser


if __name__ == "__main__":
    sys.exit(main())
