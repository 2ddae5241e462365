"""A CRM's import of INVOX calls, as its author would write it: from the vendor's page and from what CRMs in the field do.

It shares no code with the server. Calls are kept by id; `pull` asks for what is newer than the largest id pulled, and
`reread` asks again from a date on, because a call that was "Calling" changes without getting a new id. What a reread
brings does not move `last_call_id`: dates select by start, so it may pass over a smaller id that was not pulled yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

STATUSES = {
    "Answered", "No answer", "User busy", "Call Rejected", "Voice Mail", "Calling", "Unallocated (unassigned) number",
}  # fmt: skip
UNFINISHED = "Calling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    id: int
    local: datetime
    zone: str
    duration: timedelta
    status: str
    caller: str
    receiving: str
    destination: str
    source: str
    medium: str
    campaign: str
    content: str
    account: str
    recording_uri: str

    @property
    def instants(self) -> set[datetime]:
        """When it began, in UTC: two readings in the hour that an autumn clock shows twice."""
        return {self.local.replace(tzinfo=ZoneInfo(self.zone), fold=fold).astimezone(UTC) for fold in (0, 1)}


@dataclass
class Invox:
    """http: its base URL is the server's. zone: of the account, the page names none. country_code: for 07… numbers."""

    http: httpx.AsyncClient
    token: str
    zone: str = "Europe/Bucharest"
    country_code: str = "40"
    held: dict[int, Call] = field(default_factory=dict)
    last_call_id: int | None = None

    async def pull(self) -> list[Call]:
        """Calls that are newer than all that were pulled."""
        asked = {} if self.last_call_id is None else {"last_call_id": str(self.last_call_id)}
        brought = await self._import(asked)
        self.last_call_id = max((call.id for call in brought), default=self.last_call_id)
        return brought

    async def reread(self, since: datetime) -> list[Call]:
        """Calls from a local time on, held or not."""
        return await self._import({"from_date": since.strftime("%Y-%m-%d %H:%M:%S")})

    async def calls(self, **asked: str) -> list[Call]:
        """last_call_id, from_date, to_date; nothing is kept."""
        reply = await self.http.get("/api/v2/calls", params=asked, headers={"X-API-Key": self.token})
        reply.raise_for_status()
        return [self._call(item) for item in reply.json()]

    async def _import(self, asked: dict[str, str]) -> list[Call]:
        brought = await self.calls(**asked)
        self.held |= {call.id: call for call in brought}
        return brought

    def _call(self, item: dict[str, Any]) -> Call:
        assert item["status"] in STATUSES
        return Call(
            id=int(item["id"]), local=datetime.strptime(item["date"], "%Y-%m-%d %H:%M:%S"), zone=self.zone,
            duration=timedelta(seconds=int(item["duration"])), status=item["status"],
            caller=self._number(item["caller"]), receiving=self._number(item["receivingnumber"]),
            destination=self._number(item["destinationnumber"]), source=item["source"], medium=item["medium"],
            campaign=item["campaign"], content=item["utm_content"], account=item["account"],
            recording_uri=item["recording_uri"],
        )  # fmt: skip

    def _number(self, text: str) -> str:
        """International with +: the API sends that or the national form."""
        if text.startswith("0"):
            return f"+{self.country_code}{text[1:]}"
        return text
