"""Which way calls `c` and legs `l` go, as conditions."""

from __future__ import annotations

from ringtrail.model.call import PLACED_BY_US

INBOUND = f"c.trigger NOT IN ({', '.join(repr(str(trigger)) for trigger in PLACED_BY_US)})"

OUTBOUND = "(l.role = 'target' OR l.placed)"
"""Legs that we dialled: see Call.dialled. `placed` marks the callers' own among them, so that their calls need not be read."""
