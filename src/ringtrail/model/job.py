"""Job: work that is asked for now and done by a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any


class JobStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"  # with a result or an error
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    account_id: int
    id: str  # 30 lower-case letters and digits, public
    kind: str
    status: JobStatus
    percent: Decimal  # 0 to 100, two decimals
    input: Mapping[str, Any]
    result: Mapping[str, Any] | None
    error: Mapping[str, Any] | None  # {code, message}; None: there was none
    endpoint_hash: str | None  # an endpoint that is told of it besides others
    tries: int
    created_at: datetime
    done_at: datetime | None
