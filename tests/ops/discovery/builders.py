"""Reports and candidates for tests of the search."""

from typing import Any

from ops.discovery.domain.candidate import Candidate


def a_wallet(number: int, name: str = "trader") -> Candidate:
    return Candidate(address=f"0x{number:040x}", name=name, found=("given",))


def a_report(verdict: str = "cannot tell", low: str = "-1", **facts: Any) -> dict[str, Any]:
    """Return a report with one delay; `low` is the worst that luck makes of it."""
    delay = {"delay_s": 30.0, "verdict": verdict, "pnl": "5", "low": low, "high": "9", "spent": "100", "markets": 25}
    conduct = {
        "trades": 60,
        "markets": 25,
        "volume": "1000",
        "two_sided": "0.1",
        "concentration": "0.2",
        "makes_markets": False,
    }
    return {
        "verdict": verdict,
        "title": verdict,
        "reasons": [f"because of {verdict}"],
        "conduct": {**conduct, **facts},
        "delays": [delay],
        "notes": [],
    }
