"""A CRM's connector for the Agendize Calls API, as its author would write it: from the vendor's pages, on httpx, alone.

It shares no code with the server. Calls are kept by id, and `sync` brings them up to date by the vendor's loop: follow
the pages, keep `nextSyncToken` of the last one, send it back as `syncToken` next time, start again when that is gone.
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

STATUSES = {"completed", "noAnswered", "message", "wrongNumber", "busy", "abandoned"}
TYPES = {"clickToCall", "callTracking", None}
_GONE = 410


class AgendizeError(Exception):
    """What the API refused, and why. code: of the error body, which the HTTP status may or may not repeat."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code, self.reason, self.message = code, reason, message


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    id: int
    caller: str | None
    called: str | None
    tracking: str | None
    local: datetime  # as a clock in `zone` shows it
    zone: str  # IANA
    duration: timedelta
    status: str
    type: str | None
    button_id: str | None
    client_id: str | None
    external_id: str | None
    record_url: str | None

    @property
    def instants(self) -> set[datetime]:
        """When it began, in UTC: two readings in the hour that an autumn clock shows twice."""
        return {self.local.replace(tzinfo=ZoneInfo(self.zone), fold=fold).astimezone(UTC) for fold in (0, 1)}


@dataclass
class Agendize:
    """http: its base URL is the server's, without /api/2.0."""

    http: httpx.AsyncClient
    api_key: str
    token: str
    held: dict[int, Call] = field(default_factory=dict)
    sync_token: str | None = None

    async def call(self, call_id: int) -> Call:
        return read_call(await self._request("GET", f"/calls/{call_id}"))

    async def calls(self, **filters: str) -> list[Call]:
        """All calls that match: startDate, endDate (RFC 3339), search, toolId."""
        return [read_call(item) async for page in self._pages(filters) for item in page["items"]]

    async def sync(self, **filters: str) -> list[Call]:
        """What changed since the last time; `held` then has it too. The filters must stay those of the first time."""
        try:
            return await self._sync(filters)
        except AgendizeError as refused:
            if refused.code != _GONE or self.sync_token is None:
                raise
        self.held.clear()
        self.sync_token = None
        return await self._sync(filters)

    async def record(self, call: Call) -> bytes:
        """The sound of a call that has `record_url`."""
        assert call.record_url is not None
        reply = await self.http.get(call.record_url, headers=self._headers)
        _raise_for_error(reply)
        return reply.content

    async def enter(self, **call: Any) -> Call:
        """POST a call by the vendor's names: callerNumber, calledNumber and start at least."""
        return read_call(await self._request("POST", "/calls", json=call))

    async def correct(self, call_id: int, **changes: Any) -> Call:
        return read_call(await self._request("PUT", f"/calls/{call_id}", json=changes))

    async def delete(self, call_id: int) -> None:
        assert await self._request("DELETE", f"/calls/{call_id}") is None

    async def press(self, button_id: str, number: str, delay: int = 0) -> dict[str, Any]:
        """Have a visitor called. delay: minutes."""
        body = {"buttonId": button_id, "called": {"phoneNumber": number}, "delay": delay}
        done: dict[str, Any] = await self._request("POST", "/actions/call", json=body)
        assert done["status"] == "done"
        return done

    async def watch(self, address: str, **wishes: Any) -> dict[str, Any]:
        watch: dict[str, Any] = await self._request("POST", "/calls/watch", json={"address": address, **wishes})
        return watch

    @property
    def buttons(self) -> Collection:
        return Collection(self, "/calls/buttons")

    @property
    def call_trackings(self) -> Collection:
        return Collection(self, "/calls/calltrackings")

    @property
    def watchers(self) -> Collection:
        return Collection(self, "/watchers")

    async def _sync(self, filters: dict[str, str]) -> list[Call]:
        asked = filters | ({"syncToken": self.sync_token} if self.sync_token else {})
        brought: list[Call] = []
        async for page in self._pages(asked):
            brought += [read_call(item) for item in page["items"]]
            self.sync_token = page.get("nextSyncToken", self.sync_token)
        self.held |= {call.id: call for call in brought}
        return brought

    async def _pages(self, asked: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
        page = await self._request("GET", "/calls", params=asked)
        yield page
        while token := page.get("nextPageToken"):
            page = await self._request("GET", "/calls", params=asked | {"pageToken": token})
            yield page

    async def _request(self, method: str, path: str, **sent: Any) -> Any:
        """The JSON of a reply; None where the body is empty."""
        reply = await self.http.request(method, f"/api/2.0{path}", headers=self._headers, **sent)
        _raise_for_error(reply)
        return reply.json() if reply.content else None

    @property
    def _headers(self) -> dict[str, str]:
        return {"apiKey": self.api_key, "token": self.token}


@dataclass(frozen=True)
class Collection:
    """The resources below one path, as the plain objects that the vendor's pages show."""

    api: Agendize
    path: str

    async def list(self, **filters: str) -> builtins.list[dict[str, Any]]:
        found: builtins.list[dict[str, Any]] = (await self.api._request("GET", self.path, params=filters))["items"]
        return found

    async def get(self, id_: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.api._request("GET", f"{self.path}/{id_}")
        return found

    async def add(self, **fields: Any) -> dict[str, Any]:
        made: dict[str, Any] = await self.api._request("POST", self.path, json=fields)
        return made

    async def change(self, id_: str, **fields: Any) -> dict[str, Any]:
        changed: dict[str, Any] = await self.api._request("PUT", f"{self.path}/{id_}", json=fields)
        return changed

    async def delete(self, id_: str) -> None:
        assert await self.api._request("DELETE", f"{self.path}/{id_}") is None


def read_call(item: dict[str, Any]) -> Call:
    assert item["status"] in STATUSES
    assert item.get("type") in TYPES
    start, record = item["start"], item.get("record")
    local = datetime.strptime(start["dateTime"], "%Y-%m-%dT%H:%M:%S")
    return Call(
        id=int(item["id"]), caller=item.get("callerNumber"), called=item.get("calledNumber"),
        tracking=item.get("trackingNumber"), local=local, zone=start["timeZone"],
        duration=timedelta(seconds=int(item["duration"])), status=item["status"], type=item.get("type"),
        button_id=item.get("buttonId"), client_id=item.get("clientId"), external_id=item.get("externalId"),
        record_url=record["url"] if record else None,
    )  # fmt: skip


def _raise_for_error(reply: httpx.Response) -> None:
    """An error may come with its own HTTP status or with 200: the body tells. Nothing but 200 is a success."""
    body = reply.json() if "json" in reply.headers.get("content-type", "") and reply.content else None
    error = body.get("error") if isinstance(body, dict) else None
    if error:
        raise AgendizeError(error["code"], error["reason"], error["message"])
    if reply.status_code != 200:
        raise AgendizeError(reply.status_code, "", reply.text)
