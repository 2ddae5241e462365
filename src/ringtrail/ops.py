"""What machines ask a running system: /healthz, /readyz, /metrics."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from litestar import Response, get

from ringtrail import metrics
from ringtrail.model.errors import DomainError
from ringtrail.ports.clock import Clock
from ringtrail.services.health import Health

CONTROLLER_SILENCE = timedelta(seconds=5)


def ops_pages(health: Health, clock: Clock) -> list[Any]:
    @get("/healthz", media_type="application/json")
    async def healthz() -> dict[str, str]:
        """This process is alive."""
        return {"status": "ok"}

    @get("/readyz", media_type="application/json")
    async def readyz() -> Response[dict[str, str]]:
        """Calls and requests can be served: the database answers and a controller has its engine."""
        parts = await _parts(health, clock)
        good = all(state == "ok" for state in parts.values())
        return Response({"status": "ok" if good else "unavailable", **parts}, status_code=200 if good else 503)

    @get("/metrics")
    async def show_metrics() -> Response[bytes]:
        body, content_type = metrics.render()
        return Response(body, headers={"content-type": content_type})

    return [healthz, readyz, show_metrics]


async def _parts(health: Health, clock: Clock) -> dict[str, str]:
    try:
        seen_at = await health.controller_seen_at()
    except DomainError as exc:
        return {"database": exc.detail or "away", "controller": "unknown"}
    alive = seen_at is not None and clock.now() - seen_at < CONTROLLER_SILENCE
    return {"database": "ok", "controller": "ok" if alive else "no controller is connected to its engine"}
