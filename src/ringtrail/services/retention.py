"""What is over and done is forgotten after a while, a batch at a time: orders, click-to-calls, commands, dynamic endpoints.

Kept [inferred]: click-to-calls for a year, for as long as CALLR's `get_status` and `get_list` may be asked for them; with them
the tries that were ordered for them; orders of buttons for 30 days, in which nobody asks for them but a controller that was
started again; commands to live calls for a day. Their calls stay. Dynamic endpoints: for 31 days after they were named last (a
message is given up within 15 days, and its answers are told for 7), and for as long as the ledger knows what they were told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from ringtrail.ports.clock import Clock
from ringtrail.storage import buttons, clicks, commands, dynamic_endpoints
from ringtrail.storage.database import Connection, Database

BATCH = 1_000

Forget = Callable[[Connection, datetime, int], Awaitable[int]]
"""(connection, until when it was over, how many at most) -> how many are gone."""

KEPT: tuple[tuple[Forget, timedelta], ...] = (
    (clicks.forget, timedelta(days=365)),
    (buttons.forget_orders, timedelta(days=30)),
    (commands.forget, timedelta(days=1)),
    (dynamic_endpoints.forget, timedelta(days=31)),
)


class Retention:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def forget_old(self) -> None:
        for forget, kept in KEPT:
            gone = BATCH
            while gone == BATCH:
                async with self._database.transaction() as connection:
                    gone = await forget(connection, self._clock.now() - kept, BATCH)
