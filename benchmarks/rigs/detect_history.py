"""The captured wallets' logs, whole or a stretch of time of all of them."""

import csv
import io
import zipfile
from pathlib import Path

Line = dict[str, str]


def full(folder: Path, numbers: list[int]) -> list[Path]:
    """Return the logs.

    Raises:
        SystemExit: they are not there.
    """
    paths = [folder / "wallets" / f"wallet_{number}.zip" for number in numbers]
    absent = [str(path) for path in paths if not path.is_file()]
    if absent:
        raise SystemExit(f"no captured histories: {', '.join(absent)}; set HYBRID_REAL_DATA or --data")
    return paths


def cut(paths: list[Path], folder: Path, rows: int, lead_s: float = 0) -> list[Path]:
    """Write the `rows` rows from the middle on, of all wallets together, so that their density stays real.

    With `lead_s` the last trade that was made so long before comes first: a detector has that time to start.
    """
    folder.mkdir(exist_ok=True)
    logs = {path.stem: lines_of(path) for path in paths}
    times = sorted(int(line["timestamp"]) for lines in logs.values() for line in lines)
    start = times[len(times) // 2]
    end = times[min(len(times) - 1, len(times) // 2 + rows)]
    early = max((at for at in times if at <= start - lead_s), default=start)
    written: list[Path] = []
    for name, lines in logs.items():
        kept = [
            line
            for line in lines
            if start <= int(line["timestamp"]) < end or (lead_s and int(line["timestamp"]) == early)
        ]
        if kept:
            written.append(_written(folder / f"{name}.csv", kept))
    return written


def lines_of(path: Path) -> list[Line]:
    """Return the lines of a log, zipped or not."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            text = archive.read(archive.namelist()[0]).decode()
    else:
        text = path.read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def _written(path: Path, lines: list[Line]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return path
