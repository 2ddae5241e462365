"""Tells the story: to a person as lines, to a script as JSON lines."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from demo.apis import Reading

BOLD, DIM, GREEN, RED, CYAN, PLAIN = "\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[36m", "\033[0m"


class Narrator:
    """Times are seconds since the first event."""

    def __init__(self, *, as_json: bool, full: bool = False, out: TextIO = sys.stdout) -> None:
        self._json, self._full, self._out = as_json, full, out
        self._colour = not as_json and out.isatty() and "NO_COLOR" not in os.environ
        self._began: datetime | None = None

    def title(self, text: str) -> None:
        if not self._json:
            self._print(f"\n{self._paint(BOLD, text)}\n")

    def tell(self, event: str, text: str, at: datetime | None = None, **fields: object) -> None:
        """Something happened."""
        at = at or datetime.now(UTC)
        self._began = self._began or at
        if self._json:
            self._line({"event": event, "at": at.isoformat(timespec="milliseconds"), **fields})
        else:
            since = f"{(at - self._began).total_seconds():6.2f} s"
            self._print(f"{self._paint(DIM, since)}  {text}")

    def record(self, reading: Reading) -> None:
        """The call as one API gives it."""
        if self._json:
            self._line({"event": "record", "api": reading.api, "request": reading.request, "record": reading.record,
                        "problem": reading.problem or None})  # fmt: skip
            return
        self._print(f"{self._paint(BOLD, reading.api)}  {self._paint(DIM, reading.request)}")
        if reading.record is None:
            self._print(f"  {self._paint(RED, reading.problem)}\n")
            return
        shown = (
            reading.record if self._full else {key: value for key, value in reading.record.items() if not _empty(value)}
        )
        width = max(len(key) for key in shown)
        for key, value in shown.items():
            self._print(f"  {self._paint(CYAN, key.ljust(width))}  {_one_line(value)}")
        if hidden := len(reading.record) - len(shown):
            self._print(self._paint(DIM, f"  and {hidden} empty field{'s' if hidden > 1 else ''}"))
        self._print("")

    def files(self, **paths: str) -> None:
        """Where the sound is."""
        if self._json:
            self._line({"event": "files", **paths})
            return
        for name, path in paths.items():
            self._print(f"  {name.replace('_', ' '):<20} {self._paint(GREEN, path)}")

    def fail(self, message: str) -> None:
        if self._json:
            self._line({"event": "error", "message": message})
        else:
            print(f"demo: {message}", file=sys.stderr)

    def _paint(self, colour: str, text: str) -> str:
        return f"{colour}{text}{PLAIN}" if self._colour else text

    def _line(self, fields: dict[str, Any]) -> None:
        self._print(json.dumps(fields, ensure_ascii=False))

    def _print(self, text: str) -> None:
        print(text, file=self._out, flush=True)


def _empty(value: object) -> bool:
    return value is None or value == "" or value == [] or value is False


def _one_line(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
