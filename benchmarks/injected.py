"""Faults injected on purpose: `python -m benchmarks.injected` tells which outside witness catches each.

Each fault was once in the product and in the local venue alike, so neither saw it in the other. It is put into a
process of its own, which the witness judges before and after: healthy it finds nothing, with the fault it must
complain. The last line is JSON.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.rigs.injected.faults import FAULTS
from simulator.command_line import HidingParser

_PATIENCE_S = 120


def main() -> int:
    """Judge every fault, healthy and put in; or, in a child, one."""
    parser = HidingParser(prog="python -m benchmarks.injected", description=__doc__)
    data = os.environ.get("HYBRID_REAL_DATA", str(Path(__file__).resolve().parents[2] / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(data), help="folder of captured payloads")
    parser.add_argument("--judge", choices=FAULTS, help="let one witness judge this process before and after its fault")
    given = parser.parse_args()
    if given.judge:
        print(json.dumps(judged(given.judge, given.data)))
        return 0
    return _table(given.data)


def judged(name: str, data: Path) -> tuple[list[str], list[str]]:
    """Return what a fault's witness says of this process, healthy and with the fault, which stays in."""
    fault = FAULTS[name]
    healthy = fault.judge(data)
    fault.put_in()
    return healthy[:3], fault.judge(data)[:3]


def complaints(name: str, data: Path) -> tuple[list[str], list[str]]:
    """Return what a fault's witness says of a process of its own, healthy and with the fault."""
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.injected", "--data", str(data), "--judge", name],
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
        cwd=Path(__file__).resolve().parents[1],
    )
    if ended.returncode or not ended.stdout:
        raise RuntimeError(f"the judge of {name} broke: {ended.stderr[-1000:]}")
    healthy, ill = json.loads(ended.stdout.splitlines()[-1])
    return healthy, ill


def _table(data: Path) -> int:
    caught = 0
    print(f"{'fault':28}{'put into':14}{'witness':42}{'caught':8}what it says")
    for name, fault in FAULTS.items():
        healthy, ill = complaints(name, data)
        good = not healthy and bool(ill)
        caught += good
        said = healthy or ill or ["nothing"]
        print(f"{fault.what:28}{fault.where:14}{fault.witness:42}{'yes' if good else 'NO':8}{said[0][:110]}")
    print(json.dumps({"injected": len(FAULTS), "caught": caught}))
    return int(caught < len(FAULTS))


if __name__ == "__main__":
    sys.exit(main())
