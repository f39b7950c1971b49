"""Reports that were made already, one file a wallet: a run that was stopped goes on, and nobody is judged twice."""

import json
from pathlib import Path
from typing import Any, cast

from ops.discovery.domain.ranking import Report
from shared.messages.base import fact_id


class ReportStore:
    """Keeps reports in a folder, by wallet and by all that decided them (`terms`), for `fresh_ms`."""

    def __init__(self, folder: Path, terms: str, fresh_ms: int) -> None:
        self._folder, self._terms, self._fresh_ms = folder, terms, fresh_ms

    def kept(self, address: str, now_ms: int) -> Report | None:
        """Return a wallet's report; None where there is none, an old one, or one of other terms."""
        try:
            found: object = json.loads(self._file(address).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(found, dict):
            return None
        report = cast("dict[str, Any]", found)
        return report if 0 <= now_ms - int(report.get("at_ms", 0)) < self._fresh_ms else None

    def keep(self, address: str, report: Report) -> None:
        """Keep a report, whole or not at all."""
        file = self._file(address)
        self._folder.mkdir(parents=True, exist_ok=True)
        written = file.with_suffix(".part")
        written.write_text(json.dumps(report), encoding="utf-8")
        written.replace(file)

    def _file(self, address: str) -> Path:
        return self._folder / f"{address}-{fact_id('discover', self._terms)[:16]}.json"
