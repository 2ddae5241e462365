"""A dashboard's reader of the Optico Data API, as its author would write it: from the vendor's page, on httpx, alone.

It shares no code with the server. Every list is read page by page, as the page says: go on with `next_page` until it is
absent. Times are local without a zone; the page names none, so the reader is told which one the domain lives in.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx

STATUSES = {
    "SUCCESS", "ANOMALY", "BUSY", "NORESPONSE", "EXPIRED", "INTERRUPTED", "ERR_SVI_STOP", "NOTASSIGNED",
    "ERR_CALLER_MSG", "CALLER_PHONE_BLACKLISTED",
}  # fmt: skip
TRIGGERS = {1: "normal", 2: "webcall", 3: "rule", 4: "triggered"}


class OpticoError(Exception):
    """The messages of an ERROR reply, all of them."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    local: datetime
    zone: str
    caller: str  # may be masked; empty when withheld
    tracking_number: str
    phone: str
    trigger: str
    source: str
    status: str
    duration: timedelta
    billing_duration: timedelta
    answer_time: timedelta
    revenue: Decimal
    keypad: str
    is_redirect: bool
    expired_redirect: bool
    path: tuple[str, ...]

    @property
    def instants(self) -> set[datetime]:
        """When it began, in UTC: two readings in the hour that an autumn clock shows twice."""
        return {self.local.replace(tzinfo=ZoneInfo(self.zone), fold=fold).astimezone(UTC) for fold in (0, 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    date: date
    calls: int
    duration: Decimal  # seconds
    revenue: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Sms:
    id: int
    local: datetime
    caller: str
    tracking_number: str
    text: str


@dataclass
class Optico:
    """http: its base URL is the server's, without /data-api."""

    http: httpx.AsyncClient
    api_key: str
    zone: str = "Europe/Paris"
    limit: int = 5000

    async def calls(self, start: date, end: date, **filters: str) -> list[Call]:
        """phone, tracking_phone, caller_phone, status (a comma list), offline_phone_description."""
        return [self._call(item) async for item in self._records("calls", start, end, filters)]

    async def days(self, start: date, end: date, **filters: str) -> list[Day]:
        reply = await self._get("calls", start, end, 1, filters | {"group_by_day": "true"})
        return [
            Day(
                date=date.fromisoformat(item["date"]),
                calls=item["calls"],
                duration=Decimal(item["duration"]),
                revenue=Decimal(item["revenue"]),
            )
            for item in reply["results"]
        ]

    async def sms(self, start: date, end: date, **filters: str) -> list[Sms]:
        return [_sms(item) async for item in self._records("sms", start, end, filters)]

    async def _records(self, kind: str, start: date, end: date, filters: dict[str, str]) -> AsyncIterator[Any]:
        page: int | None = 1
        while page is not None:
            reply = await self._get(kind, start, end, page, filters)
            for item in reply["results"]:
                yield item
            page = reply.get("next_page")

    async def _get(self, kind: str, start: date, end: date, page: int, filters: dict[str, str]) -> dict[str, Any]:
        asked = {
            "api_key": self.api_key, "type": kind, "start_date": start.isoformat(), "end_date": end.isoformat(),
            "page": str(page), "limit": str(self.limit),
        }  # fmt: skip
        reply = await self.http.get("/data-api", params=asked | filters)
        body: dict[str, Any] = json.loads(reply.content, parse_float=Decimal)
        if body["status"] != "OK":
            raise OpticoError(body["errors"])
        return body

    def _call(self, item: dict[str, Any]) -> Call:
        assert item["status"] in STATUSES
        return Call(
            local=datetime.strptime(item["start_date"], "%d/%m/%Y %H:%M:%S"), zone=self.zone, caller=item["caller"],
            tracking_number=item["tracking_number"], phone=item["phone"], trigger=TRIGGERS[item["trigger_type"]],
            source=item["source"], status=item["status"], duration=timedelta(seconds=item["duration"]),
            billing_duration=timedelta(seconds=item["billing_duration"]),
            answer_time=timedelta(seconds=item["answer_time"]), revenue=Decimal(item["revenue"]), keypad=item["keypad"],
            is_redirect=item["is_redirect"], expired_redirect=item["expired_redirect"],
            path=tuple(item["call_path"].split("\n")) if item["call_path"] else (),
        )  # fmt: skip


def _sms(item: dict[str, Any]) -> Sms:
    content = item["message_content"]
    return Sms(
        id=item["id"],
        local=datetime.strptime(item["sent_date"], "%Y-%m-%d %H:%M:%S"),
        caller=item["caller_phone"],
        tracking_number=item["tracking_phone"],
        text=content if isinstance(content, str) else "".join(content),
    )
