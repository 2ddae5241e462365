"""What the children say: each line to our standard output in the chosen log format, and to a bounded file per child."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

from ringtrail.logs import redacted_text, renderer

_MAX_LINE = 64 * 1024
_FILE_BYTES = 10 * 1024 * 1024
_FILES_KEPT = 4


class BoundedFile:
    """A log file that moves to `.1`, `.2` ... when it is full. A full disk costs lines, never the process."""

    def __init__(self, path: Path, *, max_bytes: int = _FILE_BYTES, kept: int = _FILES_KEPT) -> None:
        self._path, self._max_bytes, self._kept = path, max_bytes, kept

    def write(self, line: str) -> None:
        try:
            if self._path.exists() and self._path.stat().st_size > self._max_bytes:
                self._rotate()
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError:
            return

    def _rotate(self) -> None:
        for number in range(self._kept - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{number + 1}"))
        self._path.replace(self._path.with_name(f"{self._path.name}.1"))


class Output:
    """One child's lines. `tail` keeps the last ones, to show when it would not start."""

    def __init__(self, name: str, folder: Path, log_format: str, *, speaks_our_format: bool) -> None:
        self._name = name
        self._file = BoundedFile(folder / f"{name}.log")
        self._render = renderer(log_format)
        self._speaks_our_format = speaks_our_format
        self.tail: deque[str] = deque(maxlen=12)

    async def pump(self, stream: asyncio.StreamReader) -> None:
        """Read until the child closes its end. Lines longer than 64 KiB come in pieces."""
        rest = b""
        while chunk := await stream.read(_MAX_LINE):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._line(line)
            if len(rest) > _MAX_LINE:
                self._line(rest)
                rest = b""
        if rest:
            self._line(rest)

    def _line(self, raw: bytes) -> None:
        text = raw.decode("utf-8", "replace").rstrip()
        if not text:
            return
        self.tail.append(text)
        line = text if self._speaks_our_format else self._translated(text)
        self._file.write(line)
        show(line)

    def _translated(self, text: str) -> str:
        now = datetime.now(UTC).isoformat()
        event = {"event": redacted_text(text), "level": "info", "timestamp": now, "process": self._name}
        return str(self._render(None, "info", event))


def show(text: str) -> None:
    """Print, unless whoever read our output has gone."""
    try:
        print(text, flush=True)
    except (BrokenPipeError, ValueError):
        sys.stdout = open("/dev/null", "w")  # noqa: SIM115 - stays open: everything printed later goes there
