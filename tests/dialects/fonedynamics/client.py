"""A reporting tool's reader of Fone Dynamics calls, as its author would write it: from the vendor's pages, on httpx, alone.

It shares no code with the server. Every list reply carries a `Token`; sent back, it brings the calls that were written to
the database since, which is how the vendor advises integrations to read. Calls are kept by CallSid.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

DISPOSITIONS = {"Answered", "IVR", "Busy", "NoAnswer", "Failed"}
ANONYMOUS = "anonymous"


class FoneDynamicsError(Exception):
    """What the API refused, in its own words. status: of HTTP."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    sid: str
    property_sid: str
    started_at: datetime
    caller: str | None  # None: anonymous
    dialled: str
    endpoint: str | None
    duration: timedelta
    disposition: str
    keys: tuple[str, ...]  # one a level of the menu
    source: str | None
    medium: str | None
    campaign: str | None
    content: str | None
    recording_uri: str | None


@dataclass
class FoneDynamics:
    """http: its base URL is the server's, without /v2. page: how many calls a request asks for."""

    http: httpx.AsyncClient
    account_sid: str
    account_token: str
    page: int = 200
    held: dict[str, Call] = field(default_factory=dict)
    token: str | None = None

    async def call(self, sid: str) -> Call:
        return read_call((await self._request("GET", f"/Calls/{sid}"))["Call"])

    async def calls(self, property_sid: str | None = None, **filters: str | int) -> list[Call]:
        """All calls that match, earliest first, page by page: of a property, or of the whole account."""
        found: list[Call] = []
        while True:
            paging = {"Results_Count": self.page, "Results_Skip": len(found)}
            reply = await self._request("GET", self._list_path(property_sid), params=filters | paging)
            found += [read_call(item) for item in reply["Calls"]]
            if len(reply["Calls"]) < self.page:
                return found

    async def sync(self) -> list[Call]:
        """One turn of the loop: what was written since the token that is held; `held` then has it too."""
        asked: dict[str, str | int] = {"Results_Count": self.page}
        if self.token:
            asked["Token"] = self.token
        reply = await self._request("GET", self._list_path(None), params=asked)
        brought = [read_call(item) for item in reply["Calls"]]
        self.held |= {call.sid: call for call in brought}
        self.token = reply["Token"]
        return brought

    async def recording(self, call: Call) -> bytes:
        """The sound of a call that has `recording_uri`."""
        assert call.recording_uri is not None
        reply = await self.http.get(call.recording_uri, auth=self._auth)
        _raise_for_error(reply)
        return reply.content

    def _list_path(self, property_sid: str | None) -> str:
        return f"/Properties/{property_sid}/Calls" if property_sid else f"/Accounts/{self.account_sid}/Calls"

    async def _request(self, method: str, path: str, **sent: Any) -> Any:
        """The JSON of a reply; None where the body is empty (204)."""
        reply = await self.http.request(method, f"/v2{path}", auth=self._auth, **sent)
        _raise_for_error(reply)
        return reply.json() if reply.content else None

    @property
    def _auth(self) -> tuple[str, str]:
        return self.account_sid, self.account_token


def read_call(item: dict[str, Any]) -> Call:
    assert item["Disposition"] in DISPOSITIONS
    keys = item.get("Prompts_Keys")
    return Call(
        sid=item["CallSid"], property_sid=item["PropertySid"],
        started_at=datetime.fromtimestamp(int(item["Date_Start"]), UTC),
        caller=None if item["From"] == ANONYMOUS else item["From"], dialled=item["To"], endpoint=item.get("Endpoint"),
        duration=timedelta(seconds=int(item["Duration"])), disposition=item["Disposition"],
        keys=tuple(keys.split(",")) if keys else (), source=item.get("Attribution_Source"),
        medium=item.get("Attribution_Medium"), campaign=item.get("Attribution_Campaign"),
        content=item.get("Attribution_Content"), recording_uri=item.get("Recording_Uri"),
    )  # fmt: skip


def _raise_for_error(reply: httpx.Response) -> None:
    if reply.is_error and "json" in reply.headers.get("content-type", ""):
        status = reply.json()["ResponseStatus"]
        raise FoneDynamicsError(reply.status_code, status["ErrorCode"], status["Message"])
    reply.raise_for_status()
