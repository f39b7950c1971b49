"""All scenarios, in the order of the table."""

from benchmarks.rigs.adversary import belief, entries, exits, forgery, server, wallet
from benchmarks.rigs.adversary.scenario import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    *exits.SCENARIOS,
    *entries.SCENARIOS,
    *belief.SCENARIOS,
    *wallet.SCENARIOS,
    *server.SCENARIOS,
    *forgery.SCENARIOS,
)


def named(name: str) -> Scenario:
    """Return a scenario by its name."""
    return next(scenario for scenario in SCENARIOS if scenario.name == name)
