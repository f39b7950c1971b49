"""What `hybrid sweep` tries: each combination of settings by its name, on files by their content."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from backtest import settings
from backtest.sweep.contents import HistoryContent, read_content
from backtest.sweep.plan import Settings, SweepAxis, grid, read_axis, read_setting, sample
from backtest.sweep.trial import TrialSpec, code_id, limits, trial_id
from buyer.strategy.limits import LIMIT_NAMES
from shared.domain.errors import BadConfig


@dataclass(frozen=True)
class SettingsSweep:
    """What is tried: the axes, and each try by its name; `content` is that of the spec's files."""

    spec: TrialSpec
    axes: tuple[SweepAxis, ...]
    tries: dict[str, Settings]
    content: HistoryContent


def plan(
    files: Sequence[Path],
    resolved: Sequence[Path],
    vary: Sequence[str],
    fixed: Sequence[str],
    *,
    random: int,
    seed: int,
) -> SettingsSweep:
    """Return what to try.

    Raises:
        BadConfig: a setting or file that is none, or nothing to vary.
    """
    axes = tuple(read_axis(text) for text in vary)
    if not axes:
        raise BadConfig("--vary: nothing to vary; give --vary stake_usdc=1,5,20, again for more settings")
    if len({axis.name for axis in axes}) < len(axes):
        raise BadConfig("--vary: one setting is varied twice; give all its values at once")
    files, resolved = [path.resolve() for path in files], [path.resolve() for path in resolved]
    content = read_content(files, resolved)
    spec = _spec(files, resolved, content.id, dict(map(read_setting, fixed)))
    axes = tuple(_with_contents(spec, axis) for axis in axes)
    wanted = sample(axes, random, seed) if random else grid(axes)
    for varied in _first_of_each(wanted):
        limits(spec, varied)
    return SettingsSweep(spec, axes, {trial_id(spec, varied): varied for varied in wanted}, content)


def _with_contents(spec: TrialSpec, axis: SweepAxis) -> SweepAxis:
    """Take files of leaders' own limits for their contents: a try's name must say what it was decided by."""
    if axis.name != "leader_limits":
        return axis
    return replace(axis, values=tuple(limits(spec, {axis.name: value}).leader_limits for value in axis.values))


def _first_of_each(tries: Sequence[Settings]) -> Iterator[Settings]:
    """Yield the first try with each value: a wrong one is said before the first try is run."""
    seen: set[tuple[str, str]] = set()
    for varied in tries:
        if not seen.issuperset(varied.items()):
            seen.update(varied.items())
            yield varied


def _spec(files: Sequence[Path], resolved: Sequence[Path], history: str, fixed: Settings) -> TrialSpec:
    changes = {name: value for name, value in fixed.items() if name in LIMIT_NAMES}
    found = settings.decided_settings(settings.open_captures(files), changes)
    return TrialSpec(
        files=tuple(map(str, files)),
        resolved=tuple(map(str, resolved)),
        history=history,
        fixed=fixed,
        limits=found.limits,
        bankroll=settings.read_amount("bankroll", fixed["bankroll"]) if "bankroll" in fixed else found.bankroll,
        code=code_id(),
    )
