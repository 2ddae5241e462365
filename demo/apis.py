"""One call, asked for in six APIs: each as its own clients ask, with its own credentials."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import aiohttp
from yarl import URL

from demo.account import Demo, DemoError

Json = dict[str, Any]
_CALLR_TIME = "%Y-%m-%d %H:%M:%S"  # UTC


class Sought(NamedTuple):
    """What all six know of the call."""

    number: str  # that was dialled, E.164
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One HTTP request. `shown` is how it reads in the narration: without the credentials."""

    shown: str
    path: str
    params: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Json | None = None


class Api(NamedTuple):
    name: str
    ask: Callable[[Demo, Sought], Ask]
    pick: Callable[[Any, Sought], Json | None]  # the call in the answer; None: it is not there


class Reading(NamedTuple):
    api: str
    request: str
    record: Json | None
    problem: str = ""  # why there is no record


def _optico(demo: Demo, sought: Sought) -> Ask:
    """Days of the domain's own zone: the day before and after cover every zone."""
    days = [(sought.started_at + timedelta(days=offset)).date().isoformat() for offset in (-1, 1)]
    params = {
        "api_key": demo.credentials.optico.api_key, "type": "calls", "start_date": days[0], "end_date": days[1],
        "page": "1", "limit": "5000", "tracking_phone": sought.number,
    }  # fmt: skip
    shown = f"GET /data-api?api_key=…&type=calls&start_date={days[0]}&end_date={days[1]}&page=1&limit=5000"
    return Ask(shown=shown, path="/data-api", params=params)


def _optico_call(answer: Any, sought: Sought) -> Json | None:
    """The page has no call id and no promised order: the latest start is ours."""
    by_start = {datetime.strptime(item["start_date"], "%d/%m/%Y %H:%M:%S"): item for item in answer["results"]}
    return by_start[max(by_start)] if by_start else None


def _invox(demo: Demo, sought: Sought) -> Ask:
    day = (sought.started_at - timedelta(days=1)).date().isoformat()
    headers = {"X-API-Key": demo.credentials.invox.token}
    return Ask(
        shown=f"GET /api/v2/calls?from_date={day}", path="/api/v2/calls", params={"from_date": day}, headers=headers
    )


def _invox_call(answer: Any, sought: Sought) -> Json | None:
    """Numbers may be national there: the last nine digits are the same in both spellings."""
    ours = [item for item in answer if item["receivingnumber"][-9:] == sought.number[-9:]]
    return max(ours, key=lambda item: item["call_id"], default=None)


def _agendize(demo: Demo, sought: Sought) -> Ask:
    start = (sought.started_at - timedelta(seconds=2)).isoformat(timespec="seconds")
    keys = demo.credentials.agendize
    return Ask(
        shown=f"GET /api/2.0/calls?startDate={start}",
        path="/api/2.0/calls",
        params={"startDate": start, "search": sought.number},
        headers={"apiKey": keys.apiKey, "token": keys.token},
    )


def _agendize_call(answer: Any, sought: Sought) -> Json | None:
    return max(answer["items"], key=lambda item: int(item["id"]), default=None)


def _fone_dynamics(demo: Demo, sought: Sought) -> Ask:
    keys = demo.credentials.fonedynamics
    path, since = f"/v2/Accounts/{keys.AccountSid}/Calls", str(int(sought.started_at.timestamp()))
    return Ask(
        shown=f"GET /v2/Accounts/{keys.AccountSid[:6]}…/Calls?Date_From={since}",
        path=path,
        params={"Date_From": since, "To": sought.number},
        headers=_basic(keys.AccountSid, keys.token),
    )


def _fone_dynamics_call(answer: Any, sought: Sought) -> Json | None:
    return max(answer["Calls"], key=lambda item: int(item["Date_Start"]), default=None)


def _callr(demo: Demo, sought: Sought) -> Ask:
    since = (sought.started_at - timedelta(seconds=2)).strftime(_CALLR_TIME)
    until = (sought.started_at + timedelta(minutes=10)).strftime(_CALLR_TIME)
    params = ["IN", since, until, None, None]
    keys = demo.credentials.callr
    return Ask(
        shown=f'POST /json-rpc/v1.1/  cdr.get ["IN", "{since}", "{until}", null, null]',
        path="/json-rpc/v1.1/",
        headers={"Content-Type": "application/json-rpc; charset=utf-8"} | _basic(keys.login, keys.password),
        body={"jsonrpc": "2.0", "id": 1, "method": "cdr.get", "params": params},
    )


def _callr_call(answer: Any, sought: Sought) -> Json | None:
    ours = [item for item in answer["result"] if item["did_intl_number"] == sought.number]
    return max(ours, key=lambda item: int(item["callid"]), default=None)


def _native(demo: Demo, sought: Sought) -> Ask:
    since = (sought.started_at - timedelta(seconds=2)).isoformat()
    return Ask(
        shown=f"GET /api/v1/calls?from={since[:19]}Z&tracking_number={sought.number}",
        path="/api/v1/calls",
        params={"from": since, "tracking_number": sought.number, "limit": "1"},
        headers=_bearer(demo),
    )


def _native_call(answer: Any, sought: Sought) -> Json | None:
    return answer["calls"][0] if answer["calls"] else None


def _basic(login: str, password: str) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(login, password, encoding="utf-8")}


def _bearer(demo: Demo) -> dict[str, str]:
    return {"Authorization": f"Bearer {demo.credentials.native.token}"}


NATIVE = Api("ringtrail", _native, _native_call)
APIS = (
    Api("Optico", _optico, _optico_call),
    Api("INVOX", _invox, _invox_call),
    Api("Agendize", _agendize, _agendize_call),
    Api("Fone Dynamics", _fone_dynamics, _fone_dynamics_call),
    Api("CALLR", _callr, _callr_call),
    NATIVE,
)


class Reader:
    """An HTTP session with one ringtrail."""

    def __init__(self, session: aiohttp.ClientSession, demo: Demo) -> None:
        self._session, self._demo = session, demo

    async def check(self) -> None:
        """Raises DemoError when nothing answers, or something else does."""
        try:
            async with self._session.get(URL(self._demo.base_url) / "healthz") as answer:
                healthy = answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            advice = "start `ringtrail up` in another terminal and wait for its banner"
            raise DemoError(f"nothing answers at {self._demo.base_url}: {advice}") from None
        if not healthy:
            raise DemoError(
                f"{self._demo.base_url}/healthz answers {answer.status}: `ringtrail doctor` says what is wrong"
            )

    async def settled(self, sought: Sought, timeout_s: float) -> tuple[Json, list[Json]]:
        """The finished call with its finished recordings, as the native API tells. Raises DemoError."""
        until = asyncio.get_running_loop().time() + timeout_s
        while True:
            reading = await self.read(NATIVE, sought)
            recordings = await self._recordings(reading.record) if reading.record else []
            if reading.record and all(item["status"] in ("ready", "error") for item in recordings):
                return reading.record, recordings
            if asyncio.get_running_loop().time() > until:
                raise DemoError(f"no record of the call after {timeout_s:.0f} s ({reading.problem or 'not finished'})")
            await asyncio.sleep(0.2)

    async def everywhere(self, sought: Sought) -> AsyncIterator[Reading]:
        for api in APIS:
            yield await self.read(api, sought)

    async def read(self, api: Api, sought: Sought) -> Reading:
        ask = api.ask(self._demo, sought)
        try:
            status, answer = await self._send(ask)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return Reading(api.name, ask.shown, None, f"{type(error).__name__}: {error}")
        try:
            record = api.pick(answer, sought)
        except (KeyError, TypeError):
            return Reading(api.name, ask.shown, None, f"answered {status}: {str(answer)[:200]}")
        return Reading(api.name, ask.shown, record, "" if record else "the call is not in the answer")

    async def _recordings(self, call: Json) -> list[Json]:
        path = f"/api/v1/calls/{call['id']}/recordings"
        _, answer = await self._send(Ask(shown=path, path=path, headers=_bearer(self._demo)))
        found: list[Json] = answer["recordings"]
        return found

    async def _send(self, ask: Ask) -> tuple[int, Any]:
        """Status and JSON; ValueError when the answer is not JSON."""
        url = self._demo.base_url + ask.path
        method = "GET" if ask.body is None else "POST"
        async with self._session.request(method, url, params=ask.params, headers=ask.headers, json=ask.body) as answer:
            return answer.status, await answer.json(content_type=None)
