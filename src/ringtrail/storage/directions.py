"""Which way calls `c` and legs `l` go, and what such a call earned and cost, in SQL."""

from __future__ import annotations

from ringtrail.model.call import PLACED
from ringtrail.model.money import CENT

INBOUND = f"c.trigger NOT IN ({', '.join(repr(str(trigger)) for trigger in PLACED)})"

OUTBOUND = "(l.role = 'target' OR l.placed)"
"""Legs that we dialled: see Call.dialled. `placed` marks the callers' own among them, so that their calls need not be read."""

CREDIT = f"greatest(0, c.revenue_minor) * {CENT}::bigint"
DEBIT = f"coalesce(c.debit_micro, greatest(0, -c.revenue_minor) * {CENT}::bigint)"
"""What its rate made of it, or without one the cost that was noted on it."""
