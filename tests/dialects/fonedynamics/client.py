"""A client of Fone Dynamics, as its author would write it: from the vendor's pages, on httpx, alone.

It shares no code with the server. Reading calls: every list reply carries a `Token`; sent back, it brings the calls that were written to
the database since, which is how the vendor advises integrations to read. Calls are kept by CallSid.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

MESSAGE_STATUSES = {"Processing", "Submitted", "Delivered", "Failed", "Received"}
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    sid: str
    property_sid: str
    sender: str
    recipient: str
    text: str
    segments: int
    status: str
    received: bool  # else it was sent
    created_at: datetime
    delivered_at: datetime | None
    error_code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    number: str
    property_sid: str
    friendly: str | None
    kind: str
    capabilities: tuple[str, ...]
    endpoint: str | None
    flow: str | None
    records: bool
    source: str | None


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

    # --- messages -------------------------------------------------------------------------------------------------------

    async def send(self, property_sid: str, to: str, text: str, **fields: Any) -> Message:
        """fields: From, Schedule and what else the vendor's page names."""
        body = {"To": to, "Text": text} | fields
        return read_message((await self._request("POST", f"/Properties/{property_sid}/Messages", json=body))["Message"])

    async def send_batch(self, property_sid: str, messages: list[dict[str, Any]]) -> list[Message | FoneDynamicsError]:
        """In the order of `messages`. What was refused has no sid, but a code and a message."""
        reply = await self._request("POST", f"/Properties/{property_sid}/BatchMessages", json={"Messages": messages})
        return [
            read_message(item) if item.get("MessageSid") else FoneDynamicsError(200, item["ErrorCode"], item["Message"])
            for item in reply
        ]

    async def message(self, sid: str) -> Message:
        return read_message((await self._request("GET", f"/Messages/{sid}"))["Message"])

    async def messages(self, property_sid: str, **filters: str | int) -> list[Message]:
        """All that match, page by page."""
        found: list[Message] = []
        while True:
            paging = {"Results_Count": self.page, "Results_Skip": len(found)}
            reply = await self._request("GET", f"/Properties/{property_sid}/Messages", params=filters | paging)
            found += [read_message(item) for item in reply["Messages"]]
            if len(reply["Messages"]) < self.page:
                return found

    # --- numbers, flows, properties -------------------------------------------------------------------------------------

    async def buy(self, property_sid: str, number: str) -> str:
        """The status of the number: Active or Pending."""
        reply = await self._request("POST", f"/Properties/{property_sid}/Numbers", json={"Number": number})
        assert reply["Number"] == number
        return str(reply["Status"])

    async def configure(self, number: str, **fields: Any) -> None:
        await self._request("POST", f"/Numbers/{number.lstrip('+')}", json=fields)

    async def number(self, number: str) -> Number:
        return read_number((await self._request("GET", f"/Numbers/{number.lstrip('+')}"))["Number"])

    async def numbers(self, property_sid: str | None = None, **filters: str | int) -> list[Number]:
        scope = f"/Properties/{property_sid}" if property_sid else f"/Accounts/{self.account_sid}"
        return [
            read_number(item) for item in (await self._request("GET", f"{scope}/Numbers", params=filters))["Numbers"]
        ]

    async def flows(self, property_sid: str) -> dict[str, str]:
        """{ConfigId: name}"""
        reply = await self._request("GET", f"/Properties/{property_sid}/Flows")
        return {item["ConfigId"]: item["Name"] for item in reply["Flows"]}

    async def create_property(self, name: str, domain: str, time_zone: str, **fields: Any) -> str:
        """Its sid. time_zone: a Windows id."""
        body = {"Name": name, "MainDomain": domain, "TimeZone": time_zone} | fields
        return str((await self._request("POST", "/Properties", json=body))["Project"]["PropertySid"])

    async def properties(self) -> list[dict[str, Any]]:
        """All of them, following NextPageToken."""
        found: list[dict[str, Any]] = []
        asked: dict[str, str | int] = {"Results_Count": self.page}
        while True:
            reply = await self._request("GET", "/Properties", params=asked)
            found += reply["Projects"]
            if not reply["NextPageToken"]:
                assert len(found) == reply["TotalCount"]
                return found
            asked["PageToken"] = reply["NextPageToken"]

    async def change_property(self, property_sid: str, **fields: Any) -> None:
        headers = {"content-type": "application/merge-patch+json"}
        await self._request("PATCH", f"/Properties/{property_sid}", content=json.dumps(fields), headers=headers)

    # --- HTTP -----------------------------------------------------------------------------------------------------------

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


def read_message(item: dict[str, Any]) -> Message:
    assert item["Status"] in MESSAGE_STATUSES
    assert item["Direction"] in ("Transmit", "Receive")
    return Message(
        sid=item["MessageSid"], property_sid=item["PropertySid"], sender=item["From"], recipient=item["To"],
        text=item["Text"], segments=item["NumSegments"], status=item["Status"], received=item["Direction"] == "Receive",
        created_at=datetime.fromtimestamp(int(item["Created"]), UTC),
        delivered_at=datetime.fromtimestamp(int(item["Delivered"]), UTC) if item.get("Delivered") else None,
        error_code=item.get("ErrorCode"),
    )  # fmt: skip


def read_number(item: dict[str, Any]) -> Number:
    return Number(
        number=item["Number"], property_sid=item["PropertySid"], friendly=item.get("Friendly"), kind=item["Type"],
        capabilities=tuple(item["Capabilities"]), endpoint=item.get("EndpointNumber"), flow=item.get("Flow"),
        records=item["Recording"] == "Call", source=item.get("Attribution_Source"),
    )  # fmt: skip


def _raise_for_error(reply: httpx.Response) -> None:
    if reply.is_error and "json" in reply.headers.get("content-type", ""):
        status = reply.json()["ResponseStatus"]
        raise FoneDynamicsError(reply.status_code, status["ErrorCode"], status["Message"])
    reply.raise_for_status()
