"""The plots of a result as PNG files, drawn by kaleido with the system's Chromium."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backtest.report.figures import PLOTS, plotly
from backtest.report.page import SECTIONS
from backtest.results.result import BacktestResult
from shared.domain.errors import DependencyMissing

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WIDTH, SCALE = 1000, 2


def write_pictures(result: BacktestResult, folder: Path, names: Sequence[str] = tuple(PLOTS)) -> Sequence[Path]:
    """Write one PNG for each plot to `folder`; return their paths.

    Raises:
        DependencyMissing: plotly, kaleido or a Chromium is not installed; with the fix.
    """
    kaleido, chromium = kaleido_and_browser()
    plotly()
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {folder / f"{name}.png": PLOTS[name](result) for name in names}
    for path, figure in drawn.items():
        figure.update_layout(paper_bgcolor="white", plot_bgcolor="white", font={"color": "#14181f"})
        figure.update_layout(title=SECTIONS[path.stem][0], margin={"t": 72})
    kaleido.write_fig_from_object_sync(
        [_job(figure, path) for path, figure in drawn.items()],
        kopts={"path": chromium, "mathjax": False},
        cancel_on_error=True,
    )
    return tuple(drawn)


def kaleido_and_browser() -> tuple[Any, str]:
    """Return what draws PNG files.

    Raises:
        DependencyMissing: one of them is not there.
    """
    return _kaleido(), browser()


def browser() -> str:
    """Return the path of a Chromium.

    Raises:
        DependencyMissing: there is none on the PATH.
    """
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise DependencyMissing(
            f"PNG plots need a Chromium: none of {', '.join(BROWSERS)} is on the PATH. Install one (apt-get install "
            "chromium), or write the HTML report, which needs none"
        )
    return found


def _job(figure: Any, path: Path) -> dict[str, Any]:  # noqa: ANN401 - a plotly figure
    return {"fig": figure, "path": path, "opts": {"format": "png", "width": WIDTH, "scale": SCALE}}


def _kaleido() -> Any:  # noqa: ANN401 - kaleido has no types
    try:
        import kaleido  # noqa: PLC0415 - only who draws pays for it
    except ImportError as error:
        raise DependencyMissing("PNG plots need kaleido, of the extra `report`: `make install-report`") from error
    return kaleido
