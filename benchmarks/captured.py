"""Captured payloads against the local venue's: `python -m benchmarks.captured` lists keys, types and forms that differ.

Each captured payload is held against all of its kind that the venue was made to say; captured activity is replayed and
must come back digit for digit; captured market buys are matched again. The last line is JSON. Fails where a difference
has no named reason.
"""

import json
import os
import sys
from pathlib import Path

from benchmarks.rigs.captures.compare import ELSEWHERE, REPLAYED, differences
from benchmarks.rigs.captures.legs import captured_legs, ways
from benchmarks.rigs.captures.produced import produced
from benchmarks.rigs.captures.replayed import unserved
from simulator.command_line import HidingParser


def main() -> int:
    """Compare, replay, match again; print what differs and why."""
    parser = HidingParser(prog="python -m benchmarks.captured", description=__doc__)
    data = os.environ.get("HYBRID_REAL_DATA", str(Path(__file__).resolve().parents[2] / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(data), help="folder of captured payloads")
    folder: Path = parser.parse_args().data
    if not folder.is_dir():
        print(f"no captured payloads: HYBRID_REAL_DATA={folder} is not a folder")
        return 0
    found = differences(folder, produced())
    for each in found:
        ours = each.produced or "no such key"
        print(f"{each.file:44} {each.path:46} {each.form:14} ours: {ours:18} {each.reason or 'UNEXPLAINED'}")
    for file, why in ELSEWHERE.items():
        print(f"{file:44} {why}")
    rows = {name: unserved(folder / "activity_v1" / f"{name}.json") for name in REPLAYED}
    legs = captured_legs(folder)
    again = sum(bool(ways(leg)) for leg in legs)
    unexplained = sum(not each.reason for each in found)
    print(
        f"{len(found)} differences, {unexplained} of them unexplained; {again} of {len(legs)} captured buys reproduced"
    )
    lost = sum(missing for _, missing in rows.values())
    print(
        json.dumps(
            {
                "differences": len(found),
                "unexplained": unexplained,
                "replayed_rows": sum(count for count, _ in rows.values()),
                "rows_not_served_again": lost,
                "buys_reproduced": f"{again} of {len(legs)}",
            }
        )
    )
    return int(unexplained > 0 or lost > 0 or again < len(legs))


if __name__ == "__main__":
    sys.exit(main())
