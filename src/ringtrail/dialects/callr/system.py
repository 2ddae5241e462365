"""Service `system`."""

from __future__ import annotations

import time

from ringtrail.dialects.callr.parameters import Asking


async def get_timestamp(asking: Asking) -> int:
    """UNIX seconds: what clients call to see whether their credentials work."""
    return int(time.time())
