"""How endpoints do: what waits for them, when they last answered, what became of their newest attempts."""

from __future__ import annotations

from collections.abc import Sequence

from ringtrail.model.webhook import MOST_COUNTED, EndpointHealth, Tried
from ringtrail.storage.database import Connection

_HEALTH = b"""
SELECT e.hash, e.paused_until, waiting.count, success.at, newest.at, newest.status, newest.delivered
FROM endpoints e
CROSS JOIN LATERAL (
    SELECT count(*) FROM (
        SELECT FROM deliveries d WHERE d.account_id = e.account_id AND d.endpoint_hash = e.hash AND d.due_at IS NOT NULL
        LIMIT %(most)s) w) waiting
LEFT JOIN LATERAL (
    SELECT a.at FROM attempts a WHERE a.account_id = e.account_id AND a.endpoint_hash = e.hash AND a.error IS NULL
    ORDER BY a.id DESC LIMIT 1) success ON true
CROSS JOIN LATERAL (
    SELECT array_agg(a.at ORDER BY a.id) AS at, array_agg(a.status ORDER BY a.id) AS status,
        array_agg(a.error IS NULL ORDER BY a.id) AS delivered
    FROM (SELECT a.id, a.at, a.status, a.error FROM attempts a
          WHERE a.account_id = e.account_id AND a.endpoint_hash = e.hash ORDER BY a.id DESC LIMIT %(attempts)s) a) newest
WHERE e.account_id = %(account_id)s AND e.hash = ANY(%(hashes)s)
"""


async def of_endpoints(
    connection: Connection, account_id: int, hashes: Sequence[str], *, attempts: int
) -> dict[str, EndpointHealth]:
    """{hash: its health, with that many of its newest attempts}."""
    cursor = await connection.execute(
        _HEALTH, {"account_id": account_id, "hashes": list(hashes), "attempts": attempts, "most": MOST_COUNTED}
    )
    return {
        hash_: EndpointHealth(
            paused_until, waiting, delivered_at, [Tried._make(tried) for tried in zip(*newest, strict=True)]
        )
        if newest[0]
        else EndpointHealth(paused_until, waiting, delivered_at, ())
        for hash_, paused_until, waiting, delivered_at, *newest in await cursor.fetchall()
    }
