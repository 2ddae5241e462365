"""The simulator: an engine without SIP, on a virtual clock, driven by a text table. Not a mock: it obeys the engine port."""

from ringtrail.engines.simulator.engine import FarEnd, SimulatedCaller, SimulatorEngine
from ringtrail.engines.simulator.virtual_time import VirtualClock, run_virtually

__all__ = ["FarEnd", "SimulatedCaller", "SimulatorEngine", "VirtualClock", "run_virtually"]
