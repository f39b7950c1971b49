"""A local Polymarket over real sockets: an independent judge for tests, benchmarks and the demo."""

from simulator.core.clock import ManualClock, WallClock
from simulator.core.settings import Settings
from simulator.core.world import World
from simulator.gateway.server import Simulator, serve

__all__ = ["ManualClock", "Settings", "Simulator", "WallClock", "World", "serve"]
