"""A reader of CALLR call records, as its author would write it: from the vendor's object reference, on httpx, alone.

It shares no code with the server. An inbound record is one call; the outbound records that name it in `callid_in` are the
targets that were tried for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx

DIAL_STATUSES = {"ANSWER", "BUSY", "CANCEL", "CHANUNAVAIL", "CONGESTION", "NOANSWER", "NODIAL"}
PRESENTATIONS = {"allowed_passed_screen": True, "prohib_passed_screen": False}


class CallrError(Exception):
    """The error of a JSON-RPC reply."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A CDR.Out."""

    started_at: datetime
    number: str | None
    status: str
    talk: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A CDR.In, or the CDR.Out of the phone that a click-to-call made ring first; with the other CDR.Outs of the call in the
    order of dialling."""

    id: int
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    caller: str | None
    caller_shown: bool
    dialled: str
    total: timedelta
    answered: timedelta
    billed: timedelta
    cause: int | None
    hangup_by: str | None
    credit: Decimal  # EUR
    targets: tuple[Target, ...]


@dataclass
class Callr:
    """http: its base URL is the server's."""

    http: httpx.AsyncClient
    login: str
    password: str
    page: int = 100

    async def calls(self) -> list[Call]:
        tried: dict[int | None, list[dict[str, Any]]] = {}
        async for item in self._search("OUT"):
            tried.setdefault(item["callid_in"], []).append(item)
        begun = [item async for item in self._search("IN")] + [_placed(item) for item in tried.get(None, [])]
        return [_call(item, [_target(leg) for leg in tried.get(item["callid"], [])]) for item in begun]

    async def _search(self, type_: str) -> AsyncIterator[dict[str, Any]]:
        offset, more = 0, True
        while more:
            options = {"offset": offset, "quantity": self.page}
            result = await self._rpc("cdr.search", {"type": type_}, options)
            for item in result["hits"]:
                yield item
            offset, more = offset + len(result["hits"]), result["has_more"]

    async def _rpc(self, method: str, *params: Any) -> Any:
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        reply = await self.http.post("/json-rpc/v1.1/", json=asked, auth=(self.login, self.password))
        body = reply.json()
        if "error" in body:
            raise CallrError(body["error"]["code"], body["error"]["message"])
        return body["result"]


def _call(item: dict[str, Any], targets: list[Target]) -> Call:
    started_at = _instant(item["start"])
    assert started_at is not None
    return Call(
        id=item["callid"], started_at=started_at, answered_at=_instant(item["answer"]),
        ended_at=_instant(item["hangup"]), caller=item["cli_number"], caller_shown=PRESENTATIONS[item["cli_pres"]],
        dialled=item["did_intl_number"], total=timedelta(seconds=item["duration"]),
        answered=timedelta(seconds=item["duration_answered"]), billed=timedelta(seconds=item["duration_billed"]),
        cause=item["hangupcause"], hangup_by=item["hangupsource"],
        credit=Decimal(item["billing_customer_credit_eur"]) / 100,
        targets=tuple(sorted(targets, key=lambda target: target.started_at)),
    )  # fmt: skip


def _placed(item: dict[str, Any]) -> dict[str, Any]:
    """As a CDR.In: who was called first is the caller."""
    assert (item["cli_number"], item["cli_name"]) == (None, None)
    return item | {"cli_number": item["number"], "did_intl_number": ""}


def _target(item: dict[str, Any]) -> Target:
    assert item["dialstatus"] in DIAL_STATUSES
    started_at = _instant(item["start"])
    assert started_at is not None
    talk = timedelta(seconds=item["duration_answered"])
    return Target(started_at=started_at, number=item["number"], status=item["dialstatus"], talk=talk)


def _instant(text: str | None) -> datetime | None:
    """`YYYY-MM-DD HH:MM:SS` in UTC."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) if text else None
