"""A scenario: what the world does to a buyer, the protection that stands against it, and how much may be lost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import resolve_name

from benchmarks.rigs.adversary.stage import Stage
from buyer.config import BuyerSettings
from detector.config import DetectorSettings


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One attack. `bound` is the most pUSD that may be lost with the protection, and `why` says what it is made of.

    `off` are the settings that switch the protection off, `beside` those of others that would stop the attack as well;
    `disarm` is what stands in for a part that has no setting (`module:name`), `needs` what else of ours must be there
    to speak of a protection. `settings` and `tuned` (`module:name`, to wait for less) count in both runs.
    """

    name: str
    pitfall: int
    play: Callable[[Stage], None]
    bound: str
    why: str
    off: Mapping[str, str] = field(default_factory=dict[str, str])
    beside: Mapping[str, str] = field(default_factory=dict[str, str])
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    disarm: Mapping[str, object] = field(default_factory=dict[str, object])
    tuned: Mapping[str, object] = field(default_factory=dict[str, object])
    needs: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """Return what of the protection this tree does not have yet."""
        return [name for name in (*self.off, *self.disarm, *self.needs) if not is_there(name)]

    @property
    def has_switch(self) -> bool:
        """Say whether it can be run without its protection: where there is none yet, it always is."""
        return bool(self.off or self.disarm or self.missing)

    def words(self, *, protected: bool) -> dict[str, str]:
        """Return the settings of a run, those alone that this tree knows."""
        given = {**self.settings, **({} if protected else {**self.beside, **self.off})}
        return {name: value for name, value in given.items() if is_there(name)}

    def prepare(self, *, protected: bool) -> None:
        """Put in place, in this process, what stands in for something of ours."""
        for name, stand_in in {**self.tuned, **({} if protected else self.disarm)}.items():
            if is_there(name):
                where, _, what = name.rpartition(".") if ":" in name.rpartition(".")[0] else name.rpartition(":")
                setattr(resolve_name(where), what, stand_in)


def is_there(name: str) -> bool:
    """Say whether this tree has a setting (`MAX_SPREAD`), a module (`buyer.x`) or a name in one (`buyer.x:y.z`)."""
    if name.isupper():
        return any(name.lower() in model.model_fields for model in (BuyerSettings, DetectorSettings))
    try:
        resolve_name(name) if ":" in name else import_module(name)
    except (ImportError, AttributeError):
        return False
    return True
