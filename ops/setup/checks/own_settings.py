"""Our own settings: names that nobody knows, values that do not fit, a file that others can read, nobody to follow."""

from collections.abc import Sequence

from ops.alerts.config import alert_targets
from ops.setup.domain.check_line import CheckLine, failed, passed, warned
from ops.setup.guide.alert_test import targets_problem
from ops.setup.readable_settings import FoundSettings
from shared.domain.errors import HybridError
from shared.domain.exit_codes import BAD_CONFIG, exit_code


def look_at_settings(found: FoundSettings, env_file: str | None) -> Sequence[CheckLine]:
    """Say what stops a start, and what is only doubtful."""
    lines = [_problem(problem) for problem in found.problems]
    lines += [warned("settings", doubt, "Rename or unset it where it was meant for us") for doubt in found.doubts]
    lines += _mode(found)
    place = env_file or "the environment alone (no .env here)"
    return lines or [passed("settings", f"all names and values fit, from {place}")]


def look_at_alerts(urls: str) -> Sequence[CheckLine]:
    """Say whether each place that alarms go to can be read; nothing is sent there."""
    if problem := targets_problem(urls):
        said, _, fix = problem.partition("; ")
        return [failed("alerts", f"ALERT_URLS: {said}", fix, BAD_CONFIG)]
    return [passed("alerts", f"{len(alert_targets(urls))} places to tell; `hybrid init` sends a test there")]


def _problem(problem: HybridError) -> CheckLine:
    said, _, fix = str(problem).rpartition("; ")
    if not said:
        said, fix = str(problem), "Change the setting that the line names (docs/configuration.md has its bounds)"
    return failed("settings", said, fix, exit_code(problem))


def _mode(found: FoundSettings) -> list[CheckLine]:
    try:
        _ = found.up.mode
    except HybridError as error:
        return [failed("settings", str(error), "Give both words, or neither", exit_code(error))]
    return []
