"""Formats, both ways: instants, cursors. The words themselves are the model's own."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta

from ringtrail.httpkit.times import iso_ms_z
from ringtrail.model.query import Order

PREFIX = "/api/v1"
ORDERS = {"newest": Order.STARTED_DESC, "oldest": Order.STARTED}

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


instant = iso_ms_z


def optional_instant(at: datetime | None) -> str | None:
    return None if at is None else instant(at)


def read_instant(text: str) -> datetime | None:
    """An instant in UTC, or None if the text is not RFC 3339. A '+' that the query string turned into a space is put back."""
    text = re.sub(r" (?=\d\d:\d\d$)", "+", text)
    if not _RFC3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def cursor_of(order: str, started_at: datetime, call_id: int) -> str:
    """Where a page ended. Opaque to clients; holds the order, the start in microseconds and the id."""
    position = f"{order[0]}.{(started_at - _EPOCH) // _MICROSECOND}.{call_id}"
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[str, datetime, int] | None:
    """(order, started_at, call_id) of a cursor of ours, or None."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
        initial, microseconds, call_id = raw.split(".")
        order = {"n": "newest", "o": "oldest"}[initial]
        position = (order, _EPOCH + int(microseconds) * _MICROSECOND, int(call_id))
    except (binascii.Error, ValueError, KeyError, OverflowError):
        return None
    return position if cursor_of(*position) == text and position[2] < 1 << 63 else None
