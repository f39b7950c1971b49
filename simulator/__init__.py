"""A local Polymarket over real sockets: an independent judge for tests, benchmarks and the demo."""

from simulator.clock import ManualClock, WallClock
from simulator.server import Simulator, serve
from simulator.settings import Settings
from simulator.world import World

__all__ = ["ManualClock", "Settings", "Simulator", "WallClock", "World", "serve"]
