"""Program: somebody else's software that acts for an account with its consent (OAuth 2.0's client)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    client_id: str
    name: str  # what the owner of an account is shown
    redirect_uris: tuple[str, ...]  # where a browser may be sent back to, compared character by character
    created_at: datetime
    disabled_at: datetime | None
