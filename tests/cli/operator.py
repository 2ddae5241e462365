"""An operator's commands, as real processes over the database of a test."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

RINGTRAIL = str(Path(sys.executable).parent / "ringtrail")
Operator: TypeAlias = Callable[..., Awaitable[tuple[int, str, str]]]


def operating(database_url: str, folder: Path) -> Operator:
    """(exit code, standard output, standard error) of `ringtrail ...`; stopped_after: of one that runs for ever."""
    ours = {"DATABASE_URL": database_url, "DATA_DIR": str(folder / "var"), "SECRET_KEY": "k" * 32}
    environ = {**os.environ, **{f"RINGTRAIL_{name}": value for name, value in ours.items()}}

    async def run(*arguments: str, stopped_after: Callable[[], Awaitable[None]] | None = None) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            RINGTRAIL, *arguments, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            if stopped_after:
                await stopped_after()
        finally:
            if stopped_after:
                process.terminate()
            out, err = await asyncio.wait_for(process.communicate(), 30)
        assert "Traceback" not in err.decode()
        return process.returncode or 0, out.decode(), err.decode()

    return run
