"""Real worker processes over the database of a test, to be killed; and what their ledger holds."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ringtrail.model.call import Call
from ringtrail.model.cause import Disposition
from ringtrail.model.lifecycle import Stage, State
from tests.fixtures import World

RINGTRAIL = str(Path(sys.executable).parent / "ringtrail")
LIMIT_S = 0.7
"""What a receiver has for its answer; a lease lasts three times as long."""


def environment(database_url: str, folder: Path) -> dict[str, str]:
    ours = {
        "DATABASE_URL": database_url, "ARI_URL": "http://nobody:nothing@127.0.0.1:9", "DATA_DIR": str(folder / "var"),
        "SECRET_KEY": "k" * 32, "EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8", "WEBHOOK_TIMEOUT_S": str(LIMIT_S),
    }  # fmt: skip
    return {**os.environ, **{f"RINGTRAIL_{name}": value for name, value in ours.items()}}


async def ringtrail(environ: dict[str, str], *arguments: str, typed: str = "") -> Any:
    """What the command prints, JSON."""
    process = await asyncio.create_subprocess_exec(
        RINGTRAIL, *arguments, env=environ, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(typed.encode()), 30)
    assert process.returncode == 0
    return json.loads(output)


@asynccontextmanager
async def worker(environ: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        RINGTRAIL, "work", env=environ, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


def calling(call: Call) -> Call:
    """The call while it rings."""
    return replace(
        call, ended_at=None, answered_at=None, bridged_at=None, state=State.RINGING, stage=Stage.RINGING,
        disposition=Disposition.IN_PROGRESS, legs=tuple(replace(leg, ended_at=None) for leg in call.legs),
    )  # fmt: skip


async def rows(world: World, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    async with world.database.reading() as connection:
        return await (await connection.execute(statement.encode(), values)).fetchall()


async def hurry(world: World) -> None:
    """Retries and rests are over at once; leases end by themselves."""
    async with world.database.transaction() as connection:
        await connection.execute(
            "UPDATE deliveries SET due_at = now() WHERE last_error IS NOT NULL AND due_at > now() + interval '3 seconds'"
        )
        await connection.execute("UPDATE endpoints SET paused_until = NULL WHERE paused_until IS NOT NULL")


async def all_settled(world: World) -> None:
    async with asyncio.timeout(20):
        while await rows(world, "SELECT 1 FROM deliveries WHERE due_at IS NOT NULL"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
