"""One real call in six APIs, over real HTTP; and what they say while PostgreSQL is away."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import httpx
import pytest
import pytest_asyncio

from ringtrail.model.call import CallRecord
from ringtrail.model.ids import call_sid
from ringtrail.supervisor.parts import environ_of
from tests.e2e.stack import Stack, eventually, private_folder
from tests.fixtures import AGENDIZE_API_KEY, CALLR_LOGIN, FONE_TOKEN, TOKENS
from tests.sip import answers, refuses

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

CALLER = "+33639980001"
CALLR = "/json-rpc/v1.1/"


class Site(NamedTuple):
    """A stack of its own, because its PostgreSQL is stopped, with the web server and the worker."""

    stack: Stack
    http: httpx.AsyncClient
    talked: CallRecord  # answered, recorded
    refused: CallRecord  # busy
    during: dict[str, str]  # what the pages for machines said while the first call was up

    @property
    def account_sid(self) -> str:
        return self.stack.account.sid

    async def rpc(self, method: str, *params: Any) -> httpx.Response:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        return await self.http.post(CALLR, json=body, auth=CALLR_LOGIN)

    async def answers(self) -> dict[str, httpx.Response]:
        """The calls, from each API."""
        day = f"{self.talked.started_at.astimezone(ZoneInfo('Europe/Paris')):%Y-%m-%d}"
        optico = {"api_key": TOKENS["optico"], "type": "calls", "start_date": day, "end_date": "2999-12-31"}
        get = self.http.get
        return {
            "optico": await get("/data-api", params=optico | {"page": 1, "limit": 10}),
            "invox": await get("/api/v2/calls", headers={"X-API-Key": TOKENS["invox"]}),
            "agendize": await get("/api/2.0/calls", headers=AGENDIZE),
            "fonedynamics": await get(f"/v2/Accounts/{self.account_sid}/Calls", auth=(self.account_sid, FONE_TOKEN)),
            "callr": await self.rpc("cdr.get", "IN", f"{self.talked.started_at:%Y-%m-%d} 00:00:00", "2999-12-31 00:00:00", None, None),
            "native": await get("/api/v1/calls", params={"order": "oldest"}, headers=BEARER),
        }  # fmt: skip


AGENDIZE = {"apiKey": AGENDIZE_API_KEY, "token": TOKENS["agendize"]}
BEARER = {"Authorization": f"Bearer {TOKENS['native']}"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Site]:
    folder = private_folder("ringtrail-apis-")
    stack = Stack(folder)
    try:
        await stack.up()
        await _credentials(stack)
        stack.callers.silence = stack.targets.silence = True  # a recording needs something to record
        stack.start("serve", [sys.executable, "-m", "ringtrail.cli", "serve"], env=environ_of(stack.settings))
        stack.start_worker()
        async with httpx.AsyncClient(base_url=stack.settings.base_url, timeout=20) as http:
            await eventually(lambda: _is(http, "/readyz", 200), 30)
            yield Site(stack, http, *await _two_calls(stack, http))
    finally:
        await stack.down()


async def _credentials(stack: Stack) -> None:
    accounts, account = stack.services.accounts, stack.account
    await accounts.add_token(account.id, "optico", TOKENS["optico"], property_id=stack.property.id)
    for dialect in ("invox", "native"):
        await accounts.add_token(account.id, dialect, TOKENS[dialect])
    await accounts.add_token(account.id, "agendize", f"{AGENDIZE_API_KEY}\n{TOKENS['agendize']}")
    await accounts.add_token(account.id, "fonedynamics", f"{account.sid}\n{FONE_TOKEN}")
    await accounts.add_password(account.id, "callr", *CALLR_LOGIN)


async def _is(http: httpx.AsyncClient, path: str, status: int) -> bool:
    try:
        return (await http.get(path)).status_code == status
    except httpx.TransportError:
        return False


async def _two_calls(stack: Stack, http: httpx.AsyncClient) -> tuple[CallRecord, CallRecord, dict[str, str]]:
    did, _ = await stack.number((stack.target(), 10, answers(0.5)), record=True)
    call = stack.callers.call(stack.sip_uri(did.number_e164), caller=CALLER, display_name="Alice")
    assert (await call.final()).status == 200
    await asyncio.sleep(2.2)
    during = {path: (await http.get(path)).text for path in ("/healthz", "/readyz", "/metrics")}
    await call.bye()
    busy, _ = await stack.number((stack.target(), 10, refuses(486, 0.2, provisional=180)))
    assert (await stack.callers.call(stack.sip_uri(busy.number_e164), caller=CALLER).final()).status == 486
    return await stack.ended_call(did.number_e164), await stack.ended_call(busy.number_e164), during


async def test_six_apis_tell_the_same_two_calls(site: Site) -> None:
    replies = await site.answers()
    types = {name: reply.headers["content-type"] for name, reply in replies.items()}
    assert types == dict.fromkeys(types, "application/json") | {"callr": "application/json-rpc; charset=utf-8"}
    bodies = {name: reply.json() for name, reply in replies.items()}
    rows = {
        "optico": [(c["start_date"], c["tracking_number"], c["duration"], c["status"]) for c in bodies["optico"]["results"]],
        "invox": [(c["date"], c["receivingnumber"], c["duration"], c["status"]) for c in bodies["invox"]],
        "agendize": [(c["start"]["dateTime"], c["trackingNumber"], c["duration"], c["status"]) for c in bodies["agendize"]["items"]],
        "fonedynamics": [(c["Date_Start"], c["To"], c["Duration"], c["Disposition"]) for c in bodies["fonedynamics"]["Calls"]],
        "callr": [(c["start"], c["did_intl_number"], c["duration_answered"], c["hangupcause"]) for c in bodies["callr"]["result"]],
        "native": [(c["started_at"], c["tracking_number"]["number"], c["talk_s"], c["disposition"]) for c in bodies["native"]["calls"]],
    }  # fmt: skip
    words = {
        "optico": ("SUCCESS", "BUSY"), "invox": ("Answered", "User busy"), "agendize": ("completed", "busy"),
        "fonedynamics": ("Answered", "Busy"), "callr": (16, 17), "native": ("answered", "busy"),
    }  # fmt: skip
    assert site.talked.talk_s in (2, 3)
    for name, found in rows.items():
        expected = [
            (_TIMES[name](call.started_at), call.tracking_number, call.talk_s, word)
            for call, word in zip((site.talked, site.refused), words[name], strict=True)
        ]
        assert sorted(found) == sorted(expected), name
    outbound = await site.rpc("cdr.get", "OUT", "2026-01-01 00:00:00", "2999-12-31 00:00:00", None, None)
    assert [cdr["dialstatus"] for cdr in outbound.json()["result"]] == ["ANSWER", "BUSY"]


def _local(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone))


_TIMES = {
    "optico": lambda at: f"{_local(at, 'Europe/Paris'):%d/%m/%Y %H:%M:%S}",
    "invox": lambda at: f"{_local(at, 'Europe/Bucharest'):%Y-%m-%d %H:%M:%S}",
    "agendize": lambda at: f"{_local(at, 'America/Toronto'):%Y-%m-%dT%H:%M:%S}",
    "fonedynamics": lambda at: str(int(at.timestamp())),
    "callr": lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
    "native": lambda at: at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
}


async def test_the_recording_comes_whole_and_in_ranges_from_each_api_that_has_one(site: Site) -> None:
    basic = (site.account_sid, FONE_TOKEN)

    async def linked() -> dict[str, tuple[str, dict[str, Any]]]:
        """{API: (the URL that it shows, how to ask)}, once the worker has finished the file."""
        replies = await site.answers()
        agendize = [c["record"]["url"] for c in replies["agendize"].json()["items"] if "record" in c]
        fone = [c["Recording_Uri"] for c in replies["fonedynamics"].json()["Calls"] if c["Recording_Uri"]]
        callr = [
            c["url_mp3"]
            for c in (await site.rpc("media/recording.search", None, None)).json()["result"]["items"]
            if c["url_mp3"]
        ]
        hash_ = replies["native"].json()["calls"][0]["recording"]
        native = (await site.http.get(f"/api/v1/recordings/{hash_}", headers=BEARER)).json()["audio"]
        if not (agendize and fone and callr and "mp3" in native):
            return {}
        return {
            "agendize": (agendize[0], {"headers": AGENDIZE}),
            "fonedynamics": (fone[0], {"auth": basic}),
            "callr": (callr[0], {"auth": CALLR_LOGIN}),
            "native": (native["mp3"], {"headers": BEARER}),
        }

    sounds = set()
    for name, (url, how) in (await eventually(linked, 20)).items():
        whole = await site.http.get(url, **how)
        assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/mpeg"), name
        part = await site.http.get(url, **how | {"headers": how.get("headers", {}) | {"Range": "bytes=100-199"}})
        assert (part.status_code, part.headers["content-range"]) == (206, f"bytes 100-199/{len(whole.content)}"), name
        assert part.content == whole.content[100:200]
        assert (await site.http.get(url)).status_code == 401, name
        sounds.add(whole.content)
    assert len(sounds) == 1
    assert len(sounds.pop()) > 2000


async def test_the_pages_for_machines_follow_the_call(site: Site) -> None:
    assert site.during["/healthz"] == '{"status":"ok"}'
    assert '"status":"ok"' in site.during["/readyz"]
    assert _metric(site.during["/metrics"], "ringtrail_calls_in_progress") == 1

    async def after() -> bool:
        page = await site.http.get("/metrics")
        assert page.headers.get_list("content-type")[0].startswith("text/plain; version=")
        return (
            _metric(page.text, "ringtrail_calls_in_progress") == 0
            and _metric(page.text, 'ringtrail_calls_ended_total{disposition="answered"}') == 1
            and _metric(page.text, 'ringtrail_calls_ended_total{disposition="busy"}') == 1
        )

    await eventually(after)


def _metric(page: str, name: str) -> float:
    """The sum of a metric over processes; -1 if it is not there."""
    found = re.findall(rf"^{re.escape(name)}(?:{{pid=[^}}]*}})? (\S+)$", page, re.MULTILINE)
    return sum(map(float, found)) if found else -1


async def test_a_flood_of_headers_is_cut_off(site: Site) -> None:
    """And the server goes on."""

    def flood() -> bytes:
        with socket.create_connection(
            (site.stack.settings.http_host, site.stack.settings.http_port), timeout=10
        ) as client:
            try:
                client.sendall(b"GET /api/v1/calls HTTP/1.1\r\nHost: x\r\n")
                for _ in range(200):
                    client.sendall(b"".join(b"X-%d: %s\r\n" % (number, b"y" * 1000) for number in range(100)))
                return client.recv(12)
            except ConnectionError:
                return b"HTTP/1.1 400"

    assert await asyncio.to_thread(flood) == b"HTTP/1.1 400"
    assert await _is(site.http, "/healthz", 200)


async def test_while_postgresql_is_away_each_api_says_so_soon_and_comes_back(site: Site) -> None:
    site.stack.kill("postgres", 2)
    began = time.monotonic()
    away = await site.answers()
    ready = await site.http.get("/readyz")
    assert time.monotonic() - began < 25, "seven requests, a second each"
    assert {name: reply.status_code for name, reply in away.items()} == dict.fromkeys(away, 503) | {"optico": 200}
    assert away["optico"].json() == {"status": "ERROR", "errors": ["Cannot handle request"]}
    assert away["invox"].json() == {"error": "try again later"}
    assert away["agendize"].json()["error"]["code"] == 503
    assert away["fonedynamics"].json()["ResponseStatus"]["ErrorCode"] == "SERVICE_UNAVAILABLE"
    assert away["callr"].json()["error"]["message"] == "UNAVAILABLE"
    assert away["native"].headers["content-type"] == "application/problem+json"
    assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
    assert await _is(site.http, "/healthz", 200)
    await site.stack.start_postgres()
    await eventually(lambda: _is(site.http, "/readyz", 200), 15)
    assert {reply.status_code for reply in (await site.answers()).values()} == {200}
    assert call_sid(site.talked.id) in (await site.answers())["fonedynamics"].text
