"""`python -m benchmarks.replay [--beside COMMIT]`: signals a second through whole policy and fill model, on one core.

The first row buys and sells as people really do (percent sizing, caps of 100,000, mirrored sells, stops); then the four
wallets with default and wide limits, and a capture of generated signals with the memory at a quarter, a half and all of
it. Beside them, in the same run: decoding the same files alone, and with `--beside` the code of another commit, each
run in a process of its own, in turns, the fastest of so many. Last, one wallet whose buys are all followed, beside
`honest-backtest`. CPU seconds, so that a busy machine counts less; what it does to caches still counts.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.rigs.beside import HERE, NOW, THEN, in_turns, output_of, trees
from benchmarks.rigs.replay.replay_workloads import Workload, every_buy, workloads
from simulator.command_line import HidingParser

RUNS = 3
WORKER = str(HERE / "benchmarks" / "rigs" / "replay" / "replay_worker.py")
PEER = str(HERE / "benchmarks" / "rigs" / "replay" / "replay_peer.py")
PEER_NAME = "honest-backtest"
Places = dict[str, Path]


def main() -> int:
    """Measure, print a table, and the figures as one JSON line."""
    asked = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="replay-") as folder, trees(asked.beside) as places:
        given = workloads(asked.data.resolve(), Path(folder), asked.signals)
        rows: dict[str, dict[str, Any]] = {}
        for name, work in given.items():
            if _wanted(name, asked.only):
                rows[name] = _measured(work, places, asked.runs)
                print(f"{name}: {json.dumps(rows[name])}", file=sys.stderr, flush=True)
        followed = every_buy(asked.data.resolve()) if _wanted(PEER_NAME, asked.only) else None
        peer = _beside_peer(followed, places, asked.runs)
        told = {name: _profile(given[name]) for name in rows} if asked.profile else {}
    _print(rows, peer, told)
    print(json.dumps({"benchmark": "replay", "beside": asked.beside, "workloads": rows, "peer": peer, "profile": told}))
    return 0


def _wanted(name: str, only: Sequence[str]) -> bool:
    return not only or any(word in name for word in only)


def _measured(work: Workload, places: Places, runs: int) -> dict[str, Any]:
    """Run every tree and decoding alone in turns; return the fastest of each, and by how much they differ."""
    made = in_turns(places, runs, lambda tree: _figures(tree, work.job(alone=False)))
    alone = in_turns({NOW: places[NOW]}, runs, lambda tree: _figures(tree, work.job(alone=True)))[NOW]
    best = {name: min(found, key=_cpu_s) for name, found in made.items()}
    now, floor = best[NOW], min(alone, key=_cpu_s)
    row = {name: now[name] for name in ("signals", "bought", "sold", "cpu_s", "peak_mb", "rss_mb")}
    row |= {"per_s": _per_s(now), "decode_per_s": _per_s(floor), "times_decoding": _ratio(_per_s(floor), _per_s(now))}
    row |= {"runs_s": {name: [round(_cpu_s(one), 2) for one in found] for name, found in made.items()}}
    return row | (_compared(now, best[THEN]) if THEN in best else {})


def _compared(now: dict[str, Any], then: dict[str, Any]) -> dict[str, Any]:
    same = all(now[name] == then[name] for name in ("signals", "bought", "sold"))
    figures = {"then_per_s": _per_s(then), "then_peak_mb": then["peak_mb"], "same_result": same}
    return {**figures, "cpu_now_to_then": _ratio(now["cpu_s"], then["cpu_s"])}


def _beside_peer(work: Workload | None, places: Places, runs: int) -> dict[str, Any]:
    """Return our CPU a row and theirs; nothing where the wallet or the package is missing."""
    if work is None or find_spec("honest_backtest") is None:
        return {}
    words = ("-W", "ignore", PEER, str(work.files[0]), str(work.resolved[0]))
    theirs: list[dict[str, Any]] = []

    def ours(tree: Path) -> dict[str, Any]:
        theirs.append(json.loads(output_of(tree, words)))
        return _figures(tree, work.job(alone=False))

    found = {name: min(made, key=_cpu_s) for name, made in in_turns(places, runs, ours).items()}
    peer = min(theirs, key=_cpu_s)
    row = {f"{name}_us": _us_a_row(one) for name, one in found.items()} | {"peer_us": _us_a_row(peer)}
    row |= {"signals": found[NOW]["signals"], "bought": found[NOW]["bought"], "peer_rows": peer["signals"]}
    return row | {"peer_bought": peer["bought"], "times_peer": _ratio(_us_a_row(found[NOW]), _us_a_row(peer))}


def _figures(tree: Path, job: str) -> dict[str, Any]:
    return json.loads(output_of(tree, [WORKER], given=job))


def _profile(work: Workload) -> dict[str, Any]:
    """Return where this tree's time goes."""
    return json.loads(output_of(HERE, ["-m", "benchmarks.rigs.replay.replay_profile"], given=work.job(alone=False)))


def _cpu_s(found: dict[str, Any]) -> float:
    return found["cpu_s"]


def _per_s(found: dict[str, Any]) -> int:
    return round(found["signals"] / found["cpu_s"])


def _us_a_row(found: dict[str, Any]) -> float:
    return round(1e6 * found["cpu_s"] / found["signals"], 1)


def _ratio(one: float, other: float) -> float:
    return round(one / other, 3)


def _print(rows: dict[str, Any], peer: dict[str, Any], told: dict[str, Any]) -> None:
    heading = f"{'workload':24}{'signals':>9}{'bought':>8}{'sold':>7}{'per s':>8}{'then':>8}{'CPU now/then':>14}"
    print(f"{heading}{'decoding alone':>16}{'times as long':>15}{'peak MB':>9}")
    for name, row in rows.items():
        then, share = (row.get(key, "-") for key in ("then_per_s", "cpu_now_to_then"))
        print(
            f"{name:24}{row['signals']:>9}{row['bought']:>8}{row['sold']:>7}{row['per_s']:>8}{then:>8}{share:>14}"
            f"{row['decode_per_s']:>16}{row['times_decoding']:>15}{row['peak_mb']:>9}"
        )
    for name, row in rows.items():
        runs = "; ".join(f"{tree} {', '.join(map(str, took))} s" for tree, took in row["runs_s"].items())
        memory = ", ".join(f"{mb} MB after {count}" for count, mb in row["rss_mb"].items())
        differs = "" if row.get("same_result", True) else " · NOT THE SAME RESULT"
        print(f"all runs of {name}: {runs}{f' · {memory}' if memory else ''}{differs}")
    if peer:
        print(
            f"every buy of one wallet: {peer['now_us']} us a row{_then_us(peer)}, honest-backtest {peer['peer_us']}: "
            f"{peer['times_peer']} times; bought {peer['bought']} of {peer['signals']}, it {peer['peer_bought']}"
        )
    else:
        print(f"{PEER_NAME}: not beside it (not asked for, or real data or `make install-dev` is missing)")
    for name, found in told.items():
        print(f"where the time goes, {name} (under the profiler, which makes calls dearer):")
        print("  " + ", ".join(f"{part} {share}%" for part, share in found["parts"].items()))
        print("\n".join(f"  {line}" for line in found["profile"]))
        print(f"  whole decisions: {found['whole_per_s']} a second")


def _then_us(peer: dict[str, Any]) -> str:
    return f" (then {peer['then_us']})" if "then_us" in peer else ""


def _parser() -> argparse.ArgumentParser:
    words = HidingParser(prog="python -m benchmarks.replay", description=__doc__)
    words.add_argument("--beside", default="", metavar="COMMIT", help="Its code is run beside this tree's.")
    words.add_argument("--runs", type=int, default=RUNS, help="The fastest of so many counts.")
    words.add_argument("--signals", type=int, default=1_000_000, help="Generated signals.")
    words.add_argument("--only", nargs="*", default=[], metavar="WORD", help="Rows whose names hold one of these.")
    words.add_argument("--profile", action="store_true", help="Say where this tree's time goes, too.")
    words.add_argument("--data", type=Path, default=Path(os.environ.get("HYBRID_REAL_DATA", "../shared/data")))
    return words


if __name__ == "__main__":
    sys.exit(main())
