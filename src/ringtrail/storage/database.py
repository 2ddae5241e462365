"""The connection pool and its transactions."""

from __future__ import annotations

import contextlib
import select
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, TypeAlias

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from ringtrail.model.errors import DomainError, ErrorCode

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]

LIVE_CHANNEL = "ringtrail_calls"
"""NOTIFY channel: the account id, as text, of calls that have just changed."""

CONNECTION_ERRORS = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)
"""What psycopg raises when PostgreSQL is away: operational, worth trying again."""

QUEUE_S = 10.0  # how long a request waits for its turn while all connections are busy
PATIENCE_S = 1.0  # how long it waits while PostgreSQL refuses new ones
RECONNECT_S = 0.5
"""How long the pool goes on trying after a refusal; then the next request makes it try again. Shorter than PATIENCE_S, so
that every wait sees at least one attempt, and short, because the pool doubles its pauses: it would come back as long after
PostgreSQL as that was away."""


class Database:
    """One pool. Sessions run in UTC; every statement is bounded by `statement_timeout_ms`."""

    def __init__(self, url: str, *, max_connections: int = 8, statement_timeout_ms: int = 30_000) -> None:
        self.url = url
        self.known_months: set[datetime] = set()  # whose partitions are known to be there
        self._pool = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=max_connections,
            open=False,
            reconnect_timeout=RECONNECT_S,
            check=_still_there,
            kwargs={
                "options": f"-c timezone=UTC -c statement_timeout={statement_timeout_ms} -c plan_cache_mode=force_custom_plan",
                "autocommit": True,
            },
        )

    async def open(self) -> None:
        """Start the pool without waiting for a first connection: the database may come later than we do."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction: committed at the end of the block, rolled back if the block raises.

        Raises DomainError(UNAVAILABLE) while PostgreSQL is away.
        """
        with away_is_unavailable():
            async with self._borrowed() as connection, connection.transaction():
                yield connection

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection for single statements that only read (autocommit: nothing is held between them)."""
        with away_is_unavailable():
            async with self._borrowed() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[Connection]:
        """A connection of the pool. PoolTimeout after PATIENCE_S if none can be made, after QUEUE_S more if all are busy."""
        async with contextlib.AsyncExitStack() as stack:
            refused = self._refused()
            try:
                connection = await stack.enter_async_context(self._pool.connection(timeout=PATIENCE_S))
            except PoolTimeout:
                if self._refused() > refused:
                    raise
                connection = await stack.enter_async_context(self._pool.connection(timeout=QUEUE_S))
            yield connection

    def _refused(self) -> int:
        """How often PostgreSQL refused a connection so far."""
        return self._pool.get_stats().get("connections_errors", 0)

    async def ping(self) -> None:
        async with self.reading() as connection:
            await connection.execute("SELECT 1")

    @contextlib.asynccontextmanager
    async def notifications(self, channel: str) -> AsyncIterator[AsyncIterator[str]]:
        """Payloads of NOTIFY on `channel`, over a connection of its own. Raises DomainError(UNAVAILABLE) when it breaks."""
        with away_is_unavailable():
            connection = await psycopg.AsyncConnection.connect(self.url, autocommit=True)
            try:
                await connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
                yield _payloads(connection)
            finally:
                await connection.close()


async def _still_there(connection: Connection) -> None:
    """Notice a connection that the server has closed, without a round trip for those that it has not.

    A server that goes away closes its sockets; an idle connection has nothing to read unless that happened (or a notice
    came), and only then is it worth asking.
    """
    poll = select.poll()  # not select.select, which knows only the first 1,024 files of a process
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        await AsyncConnectionPool.check_connection(connection)


async def _payloads(connection: psycopg.AsyncConnection[Any]) -> AsyncIterator[str]:
    async for notification in connection.notifies():
        yield notification.payload


@contextlib.contextmanager
def away_is_unavailable() -> Any:
    """Turn the driver's connection errors into the catalogue's `unavailable`."""
    try:
        yield
    except psycopg.errors.QueryCanceled as exc:
        raise DomainError(ErrorCode.UNAVAILABLE, detail="the database took too long") from exc
    except psycopg.errors.DeadlockDetected as exc:
        raise DomainError(ErrorCode.UNAVAILABLE, detail="two transactions waited for each other") from exc
    except CONNECTION_ERRORS as exc:
        raise DomainError(ErrorCode.UNAVAILABLE, detail="the database is away") from exc
