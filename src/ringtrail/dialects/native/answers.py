"""How answers are sent."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response

HEADERS = {"cache-control": "private, no-store", "x-content-type-options": "nosniff"}


def json_answer(value: Any, status: int = 200) -> Response[bytes]:
    return Response(msgspec.json.encode(value), status_code=status, headers=HEADERS, media_type="application/json")
